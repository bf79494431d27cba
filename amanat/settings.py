"""Django's settings. What an operator may set stands in `core.configuration`, which alone reads the environment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.utils.csp import CSP

from amanat.core import catalogs, clock, configuration, database

_set = configuration.current()
_base = urlsplit(_set.base_url)
_https = _base.scheme == "https"

CONFIGURATION = _set
BASE_URL = _set.base_url
DEBUG = _set.debug
SECRET_KEY = configuration.secret_key(_set)
ALLOWED_HOSTS = [
    _set.host_name,
    *(["localhost", "127.0.0.1", "[::1]"] if configuration.is_loopback(_set.host_name) else []),
]
if _set.files_url:
    ALLOWED_HOSTS.append(urlsplit(_set.files_url).hostname or "")
clock.shift(timedelta(seconds=_set.time_offset))

INSTALLED_APPS = [
    "procrastinate.contrib.django",  # first: packages register their jobs with it
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_htmx",
    "amanat.core",
    "amanat.web",
    "amanat.accounts",
    "amanat.publishing",
    "amanat.people",
    "amanat.basis",
    "amanat.desk",
    "amanat.messaging",
    "amanat.privacy",
    "amanat.proof",
]

MIDDLEWARE = [
    "amanat.core.middleware.caller",
    "amanat.basis.middleware.declared_storage_only",
    "amanat.core.middleware.Compression",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "amanat.accounts.middleware.language",
    "amanat.accounts.middleware.body",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "amanat.urls"
WSGI_APPLICATION = "amanat.wsgi.application"
APPEND_SLASH = False  # a redirect would hide a wrong link, and lose what was posted

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "amanat.web.context.shell",
            ],
            "builtins": ["django.templatetags.i18n", "django.templatetags.static", "amanat.web.templatetags.amanat"],
        },
    }
]

_entries = database.connection_settings(_set)


def _database(role: str) -> dict[str, Any]:
    entry: dict[str, Any] = {**_entries[role], "ENGINE": "amanat.core.postgresql", "DISABLE_SERVER_SIDE_CURSORS": True}
    entry["OPTIONS"] = {**entry["OPTIONS"], "application_name": f"amanat-{role}", "connect_timeout": 5}
    entry["CONN_HEALTH_CHECKS"] = True
    return entry


#: `default` is the role that owns nothing; `owner` migrates and runs the catalogue checks.
DATABASES = {"default": _database("app"), "owner": _database("owner")}
DATABASE_ROUTERS: list[str] = []
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# --- Sign-in -----------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["amanat.accounts.passwords.Argon2id"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "amanat.accounts.passwords.NotCommon"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"

ACCOUNT_ADAPTER = "amanat.accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "phone", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "amanat.accounts.forms.SignUpExtras"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_MAX_ATTEMPTS = 5
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_PHONE_VERIFICATION_MAX_ATTEMPTS = 5
ACCOUNT_PHONE_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_PHONE_VERIFICATION_SUPPORTS_CHANGE = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_PASSWORD_RESET_BY_CODE_MAX_ATTEMPTS = 5
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS = 5
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT = 15 * 60
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_SESSION_REMEMBER = True
#: Our route table limits every one of these routes, by statements that hold under parallel clients.
ACCOUNT_RATE_LIMITS = False
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _base.scheme
MFA_ADAPTER = "amanat.accounts.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_FORMS = {
    "login_webauthn": "amanat.accounts.sign_in_forms.PasskeySignInForm",
    "reauthenticate_webauthn": "amanat.accounts.sign_in_forms.PasskeyAgainForm",
}
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not _https and configuration.is_loopback(_set.host_name)
MFA_TOTP_ISSUER = "Amanat"
MFA_RATE_LIMITS = False

SESSION_ENGINE = "amanat.accounts.session_store"
SESSION_COOKIE_AGE = 14 * 86400
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _https
SESSION_COOKIE_NAME = "__Host-session" if _https else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if _https else "csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = [f"{_base.scheme}://{_base.netloc}"]
CSRF_FAILURE_VIEW = "amanat.web.views.forgery_suspected"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- Headers -----------------------------------------------------------------------------------------------------
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:", "blob:"],
    "media-src": [CSP.SELF],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF, *([_set.live_url] if _set.live_url else [])],  # the same machine, one port above
    "manifest-src": [CSP.SELF],
    "worker-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 63_072_000 if _https else 0
X_FRAME_OPTIONS = "DENY"
if _set.trusted_proxies:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- Words, places, time -----------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = catalogs.offered()
LANGUAGE_COOKIE_NAME = "language"
LOCALE_PATHS = [_set.data / "locale"]
catalogs.ensure(LOCALE_PATHS[0])
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Kolkata"
DEFAULT_REGION = _set.default_region

# --- Files -------------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = _set.data / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},  # uploads go to core.files, never here
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_MANIFEST_STRICT = False
# In memory, so that a paper never lies readable in a temporary folder; core.files seals it before it is written.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 110_000_000
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
FILES_ROOT = _set.data / "files"
FILES_URL = _set.files_url
S3_URL = _set.s3_url
ROOT_KEY_FILE = _set.root_key_file
LEDGER_HEADS_FILE = _set.secrets / "ledger-heads.jsonl"
PROOF_KEY_FILE = _set.proof_key_file
VAPID_KEY_FILE = _set.vapid_key_file

# --- Mail and text messages --------------------------------------------------------------------------------------
_smtp: dict[str, Any] = {
    "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
    "OPTIONS": {
        "host": _set.smtp_host,
        "port": _set.smtp_port,
        "username": _set.smtp_user,
        "password": _set.smtp_password,
        "use_tls": _set.smtp_tls == "starttls",
        "use_ssl": _set.smtp_tls == "tls",
        "timeout": 15,
    },
}
WHATSAPP_URL = _set.whatsapp_url
GOOGLE_SIGN_IN_URL, MICROSOFT_SIGN_IN_URL = _set.google_sign_in_url, _set.microsoft_sign_in_url
PUSH_URL = _set.push_url
SANDBOX_URL = f"http://127.0.0.1:{_set.sandbox_port}"
SENDS_MAIL = bool(_set.smtp_host)
MAILERS = {"default": _smtp if SENDS_MAIL else {"BACKEND": "amanat.core.outbox.EmailBackend"}}
DEFAULT_FROM_EMAIL = _set.mail_from
#: A function(to, body) that sends a text message; without the operator's file it is kept for the local outbox page.
TEXT_SENDER = "amanat.messaging.channels.site_texts.send" if _set.texts_file else "amanat.core.outbox.keep_text"

# --- Jobs and logs -----------------------------------------------------------------------------------------------
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "tasks"
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"()": "amanat.core.logs.Formatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": _set.log_level.upper()},
    "loggers": {
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "procrastinate": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        # They would write whole addresses, which may name people.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
    },
}
