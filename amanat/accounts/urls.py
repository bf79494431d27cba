"""Routes of sign-in and accounts. The sign-in library's views are declared one by one: its own URL list is not used."""

from __future__ import annotations

from allauth.account import views as sign_in_views
from allauth.mfa.base import views as factor_views
from allauth.mfa.recovery_codes import views as recovery_views
from allauth.mfa.totp import views as totp_views
from allauth.mfa.webauthn import views as passkey_views
from django.urls import include, path

from amanat.accounts import views
from amanat.accounts.access import CODES, SECRETS, anyone, signed_in
from amanat.core.routes import route

FORM = ("GET", "POST")

#: Names without namespace, because the library reverses them.
sign_in_routes = [
    route("login/", sign_in_views.login, name="account_login", rule=anyone, methods=FORM, limits=SECRETS),
    route("logout/", sign_in_views.logout, name="account_logout", rule=anyone, methods=FORM),
    route("inactive/", sign_in_views.account_inactive, name="account_inactive", rule=anyone),
    route("signup/", sign_in_views.signup, name="account_signup", rule=anyone, methods=FORM, limits=SECRETS),
    route(
        "reauthenticate/",
        sign_in_views.reauthenticate,
        name="account_reauthenticate",
        rule=signed_in,
        methods=FORM,
        limits=CODES,
    ),
    route("email/", sign_in_views.email, name="account_email", rule=signed_in, methods=FORM, limits=CODES),
    route(
        "confirm-email/",
        sign_in_views.email_verification_sent,
        name="account_email_verification_sent",
        rule=anyone,
        methods=FORM,
        limits=CODES,
    ),
    route(
        "password/change/",
        sign_in_views.password_change,
        name="account_change_password",
        rule=signed_in,
        methods=FORM,
        limits=CODES,
    ),
    route(
        "password/set/",
        sign_in_views.password_set,
        name="account_set_password",
        rule=signed_in,
        methods=FORM,
        limits=CODES,
    ),
    route(
        "password/reset/",
        sign_in_views.password_reset,
        name="account_reset_password",
        rule=anyone,
        methods=FORM,
        limits=SECRETS,
    ),
    route(
        "password/reset/confirm/",
        sign_in_views.confirm_password_reset_code,
        name="account_confirm_password_reset_code",
        rule=anyone,
        methods=FORM,
        limits=CODES,
    ),
    route(
        "password/reset/complete/",
        sign_in_views.complete_password_reset,
        name="account_complete_password_reset",
        rule=anyone,
        methods=FORM,
        limits=CODES,
    ),
    route(
        "password/reset/done/",
        sign_in_views.password_reset_from_key_done,
        name="account_password_reset_completed",
        rule=anyone,
    ),
    route(
        "login/code/",
        sign_in_views.request_login_code,
        name="account_request_login_code",
        rule=anyone,
        methods=FORM,
        limits=SECRETS,
    ),
    route(
        "login/code/confirm/",
        sign_in_views.confirm_login_code,
        name="account_confirm_login_code",
        rule=anyone,
        methods=FORM,
        limits=CODES,
    ),
    route(
        "phone/verify/",
        sign_in_views.verify_phone,
        name="account_verify_phone",
        rule=anyone,
        methods=FORM,
        limits=CODES,
    ),
    route(
        "phone/change/",
        sign_in_views.change_phone,
        name="account_change_phone",
        rule=signed_in,
        methods=FORM,
        limits=CODES,
        fresh=True,
    ),
    route("2fa/", factor_views.index, name="mfa_index", rule=signed_in),
    route(
        "2fa/authenticate/", factor_views.authenticate, name="mfa_authenticate", rule=anyone, methods=FORM, limits=CODES
    ),
    route(
        "2fa/reauthenticate/",
        factor_views.reauthenticate,
        name="mfa_reauthenticate",
        rule=signed_in,
        methods=FORM,
        limits=CODES,
    ),
    route("2fa/trust/", factor_views.trust, name="mfa_trust", rule=anyone, methods=FORM),
    route(
        "2fa/totp/activate/",
        totp_views.activate_totp,
        name="mfa_activate_totp",
        rule=signed_in,
        methods=FORM,
        fresh=True,
        limits=CODES,
    ),
    route(
        "2fa/totp/deactivate/",
        totp_views.deactivate_totp,
        name="mfa_deactivate_totp",
        rule=signed_in,
        methods=FORM,
        fresh=True,
    ),
    route(
        "2fa/recovery-codes/",
        recovery_views.view_recovery_codes,
        name="mfa_view_recovery_codes",
        rule=signed_in,
        fresh=True,
    ),
    route(
        "2fa/recovery-codes/generate/",
        recovery_views.generate_recovery_codes,
        name="mfa_generate_recovery_codes",
        rule=signed_in,
        methods=FORM,
        fresh=True,
    ),
    route(
        "2fa/recovery-codes/download/",
        recovery_views.download_recovery_codes,
        name="mfa_download_recovery_codes",
        rule=signed_in,
        fresh=True,
    ),
    route("2fa/passkeys/", passkey_views.list_webauthn, name="mfa_list_webauthn", rule=signed_in),
    route(
        "2fa/passkeys/add/",
        passkey_views.add_webauthn,
        name="mfa_add_webauthn",
        rule=signed_in,
        methods=FORM,
        fresh=True,
    ),
    route(
        "2fa/passkeys/login/",
        passkey_views.login_webauthn,
        name="mfa_login_webauthn",
        rule=anyone,
        methods=FORM,
        limits=CODES,
    ),
    route(
        "2fa/passkeys/reauthenticate/",
        passkey_views.reauthenticate_webauthn,
        name="mfa_reauthenticate_webauthn",
        rule=signed_in,
        methods=FORM,
        limits=CODES,
    ),
    route(
        "2fa/passkeys/<int:pk>/remove/",
        passkey_views.remove_webauthn,
        name="mfa_remove_webauthn",
        rule=signed_in,
        methods=FORM,
        fresh=True,
    ),
    route(
        "2fa/passkeys/<int:pk>/edit/",
        passkey_views.edit_webauthn,
        name="mfa_edit_webauthn",
        rule=signed_in,
        methods=FORM,
        fresh=True,
    ),
]

own_routes = [
    route("owner/<str:secret>/", views.owner, name="owner", rule=anyone),
    route("workspaces/", views.workspace_list, name="workspaces", rule=signed_in),
]

urlpatterns = [
    path("accounts/", include(sign_in_routes)),
    path("", include((own_routes, "accounts"))),
]
