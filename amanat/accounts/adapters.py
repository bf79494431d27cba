"""How the sign-in library meets our tables: users, phones, text messages, sealed second factors, the login history."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any, cast

import segno
from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.crypto import get_random_string
from django.utils.functional import Promise
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.accounts import access, greeting, guessing, history, mails, second_factors, sessions, signing_up
from amanat.accounts.models import SignIn, User
from amanat.accounts.session_store import hashed
from amanat.core import clock, codes, outbox, phones, routes, tombstones, vault

#: What pages say after an act; the library's other messages ("signed in as ...") are left out.
SAID: dict[str, str | Promise] = {
    "account/messages/email_confirmed.txt": gettext_lazy("Your e-mail is confirmed."),
    "account/messages/email_confirmation_failed.txt": gettext_lazy("This e-mail belongs to another account."),
    "account/messages/password_changed.txt": gettext_lazy("Your password is changed. Every device was signed out."),
    "account/messages/password_set.txt": gettext_lazy("Your password is set."),
    "account/messages/phone_verified.txt": gettext_lazy("Your mobile number is confirmed."),
    "mfa/messages/totp_activated.txt": gettext_lazy("The authenticator app is switched on."),
    "mfa/messages/totp_deactivated.txt": gettext_lazy("The authenticator app is switched off."),
    "mfa/messages/webauthn_added.txt": gettext_lazy("The passkey is added."),
    "mfa/messages/webauthn_removed.txt": gettext_lazy("The passkey is removed."),
    "mfa/messages/recovery_codes_generated.txt": gettext_lazy("You have new recovery codes."),
}
_MINUTES = {
    "account/email/login_code": lambda: app_settings.LOGIN_BY_CODE_TIMEOUT // 60,
    "account/email/password_reset_code": lambda: app_settings.PASSWORD_RESET_BY_CODE_TIMEOUT // 60,
    "account/email/email_confirmation": lambda: app_settings.EMAIL_VERIFICATION_BY_CODE_TIMEOUT // 60,
    "account/email/email_confirmation_signup": lambda: app_settings.EMAIL_VERIFICATION_BY_CODE_TIMEOUT // 60,
}
#: Mails that answer what a stranger typed; each counts as one sending to that address.
_ANSWERS = {*_MINUTES, "account/email/unknown_account", "account/email/account_already_exists"}


class PhoneField(forms.CharField):
    """A mobile number as people write it; becomes E.164."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput(attrs={"autocomplete": "tel", "type": "tel", "inputmode": "tel"})
        super().__init__(widget=widget, max_length=30, **{**kwargs, "label": gettext_lazy("Mobile number")})

    def clean(self, value: Any) -> str:
        typed = super().clean(value)
        return AccountAdapter().clean_phone(typed) if typed else ""


def _keep_addresses(user: AbstractBaseUser) -> None:
    """Read the user's e-mails once: the library asks twice during a sign-in whether this one is confirmed."""
    addresses = list(EmailAddress.objects.filter(user_id=user.pk))
    for address in addresses:
        address.user = user
    EmailAddress.objects.fill_cache_for_user(user, addresses)


class AccountAdapter(DefaultAccountAdapter):
    """Differences from the library: one user table with a phone in E.164, our texts, our outbox, our history, our limits."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": gettext_lazy("E-mail and password do not fit together."),
        "incorrect_password": gettext_lazy("This is not your password."),
        "enter_current_password": gettext_lazy("This is not your present password."),
        "incorrect_code": gettext_lazy("This code is not right. Look again, or ask for a new one."),
        "too_many_login_attempts": gettext_lazy("Too many tries. Wait a little, or use another way to sign in."),
        "rate_limited": gettext_lazy("Too many tries. Wait a little and try again."),
        "same_as_current": gettext_lazy("This is what you have now."),
        "duplicate_email": gettext_lazy("This is your e-mail already."),
        "email_taken": gettext_lazy("Another account has this e-mail."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return signing_up.is_open(request)

    def is_safe_url(self, url: str) -> bool:
        """Only paths of this site, never another host, not even our own host for files."""
        return url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None)

    def is_ajax(self, request: HttpRequest) -> bool:
        """Answers in JSON are given where a passkey asks for its challenge, and nowhere else."""
        return request.path == reverse("mfa_login_webauthn") and request.META.get("HTTP_ACCEPT") == "application/json"

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        return not access.is_fresh(self.request)

    def get_login_stages(self) -> list[str]:
        """The e-mail comes before the number: whether an e-mail is known must not show in what a number is sent."""
        return [
            "allauth.account.stages.LoginByCodeStage",
            "allauth.account.stages.EmailVerificationStage",
            "amanat.accounts.stages.PhoneAtSignUp",
            "allauth.mfa.stages.AuthenticateStage",
        ]

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return signing_up.join_url(request) or str(settings.LOGIN_REDIRECT_URL)

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        return self.get_login_redirect_url(request)

    def save_user(
        self, request: HttpRequest, user: AbstractBaseUser, form: Any, commit: bool = True
    ) -> AbstractBaseUser:
        person = cast(User, user)
        person.name = form.cleaned_data.get("name", "") or person.email
        person.language = getattr(request, "LANGUAGE_CODE", "en")
        return cast(AbstractBaseUser, super().save_user(request, person, form, commit=commit))

    def populate_username(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        return None

    def get_client_ip(self, request: HttpRequest) -> str:
        return str(request.META.get("REMOTE_ADDR", ""))

    # --- words ---------------------------------------------------------------------------------------------------
    def add_message(  # noqa: PLR0917  # the library's signature
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        said = message or SAID.get(message_template or "")
        if said:
            messages.add_message(request, level, str(said), extra_tags=extra_tags)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        if template_prefix in _ANSWERS:
            self._take_sending(email)
        minutes = _MINUTES.get(template_prefix)
        facts = {
            **context,
            "minutes": minutes() if minutes else 0,
            "site": settings.BASE_URL,
            "reset_url": settings.BASE_URL + reverse("account_reset_password"),
        }
        subject, body = mails.written(template_prefix, facts)
        codes.deliver(email, subject=subject, body=body)

    def _take_sending(self, recipient: str) -> None:
        try:
            guessing.sending(recipient)
        except guessing.TooManyTries as refused:
            response = routes.refusal(context.request, 429)
            response["Retry-After"] = str(refused.retry_after)
            raise ImmediateHttpResponse(response) from None

    def _code(self) -> str:
        return get_random_string(6, "0123456789")

    def generate_login_code(self) -> str:
        return self._code()

    def generate_password_reset_code(self) -> str:
        return self._code()

    def generate_email_verification_code(self) -> str:
        return self._code()

    def generate_phone_verification_code(self, *, user: AbstractBaseUser, phone: str) -> str:
        return self._code()

    # --- passwords: tries are counted, failures and successes go to the login history -----------------------------
    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        try:
            guessing.password(email=str(credentials.get("email", "")), address=self.get_client_ip(request))
        except guessing.TooManyTries:
            raise self.validation_error("too_many_login_attempts") from None

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        user = cast("AbstractBaseUser | None", super().authenticate(request, **credentials))
        if user is not None:
            guessing.password_was_right(email=str(credentials.get("email", "")), address=self.get_client_ip(request))
            _keep_addresses(user)
        return user

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        history.failed(request, email=str(credentials.get("email", "")), outcome=SignIn.Outcome.WRONG_PASSWORD)

    def respond_user_inactive(self, request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:
        history.failed(request, email=cast(User, user).email, outcome=SignIn.Outcome.REFUSED)
        return cast(HttpResponse, super().respond_user_inactive(request, user))

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> Any:
        response = super().post_login(request, user, **kwargs)
        if not access.signed_in_by(request):
            # She signed up: the library records nothing then, though she has just set her password and confirmed her e-mail.
            record_authentication(request, user, method="sign-up")
        for said in greeting.sentences(cast(User, user)):
            messages.info(request, said)
        history.signed_in(request, cast(User, user), method=", ".join(access.signed_in_by(request)))
        return response

    def logout(self, request: HttpRequest) -> None:
        if request.session.session_key:
            history.ended(hashed(request.session.session_key), by="sign-out")
        super().logout(request)

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        """A new password ends every session: whoever knew the old one is out."""
        super().set_password(user, password)
        here = context.request.session.session_key if context.request else None
        sessions.end_all(cast(User, user), but=hashed(here) if here else "", by="password")
        tombstones.record(tombstones.Kind.PASSWORD, [user.pk], at=clock.now())

    # --- phones: a contact of the user, never a way to sign in, so a family may share one -------------------------
    def phone_form_field(self, **kwargs: Any) -> PhoneField:
        return PhoneField(**kwargs)

    def clean_phone(self, phone: str) -> str:
        number = phones.parse(phone, settings.DEFAULT_REGION)
        if number is None:
            raise ValidationError(_("This is not a mobile number. Ten digits are enough."))
        return number

    def set_phone(self, user: AbstractBaseUser, phone: str, verified: bool) -> None:
        person = cast(User, user)
        person.phone = phone
        person.phone_verified_at = clock.now() if verified else None
        person.save(update_fields=["phone", "phone_verified_at"])

    def get_phone(self, user: AbstractBaseUser) -> tuple[str, bool] | None:
        person = cast(User, user)
        return (person.phone, person.phone_verified_at is not None) if person.phone else None

    def set_phone_verified(self, user: AbstractBaseUser, phone: str) -> None:
        self.set_phone(user, phone, True)

    def get_user_by_phone(self, phone: str) -> AbstractBaseUser | None:
        return None

    def send_verification_code_sms(self, user: AbstractBaseUser | None, phone: str, code: str, **kwargs: Any) -> None:
        self._take_sending(phone)
        outbox.send_text(
            phone, _("%(code)s is your Amanat code. It works for 15 minutes. Tell it to nobody.") % {"code": code}
        )


class SecondFactorAdapter(DefaultMFAAdapter):
    """Secrets of second factors are sealed under the system's key before they reach a table."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": gettext_lazy(
            "This code is not right. Codes of the app change every half minute and work once."
        ),
    }

    def is_mfa_enabled(self, user: AbstractBaseUser, types: Iterable[str] | None = None) -> bool:
        return not user.is_anonymous and second_factors.has_one(user.pk, types or second_factors.TYPES)

    def encrypt(self, text: str) -> str:
        return vault.seal_text(text, workspace_id=vault.SYSTEM, context="mfa.authenticator").hex()

    def decrypt(self, encrypted_text: str) -> str:
        return vault.open_text(bytes.fromhex(encrypted_text), workspace_id=vault.SYSTEM, context="mfa.authenticator")

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {"id": settings.CONFIGURATION.host_name, "name": "Amanat"}

    def build_totp_svg(self, url: str) -> str:
        drawn = io.BytesIO()
        segno.make(url, error="m", micro=False).save(
            drawn, kind="svg", scale=5, border=2, light="#ffffff", xmldecl=False
        )
        return drawn.getvalue().decode()
