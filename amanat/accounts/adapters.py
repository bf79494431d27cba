"""How the sign-in library meets our tables: users, phones, text messages, sealed second factors, the login history."""

from __future__ import annotations

from typing import Any, cast

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from amanat.accounts import history
from amanat.accounts.access import signed_in_by
from amanat.accounts.models import SignIn, User
from amanat.core import clock, outbox, phones, vault


class AccountAdapter(DefaultAccountAdapter):
    """Differences from the library: one user table with a phone in E.164, our outbox, our history, our limits."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        from amanat.accounts import signing_up

        return signing_up.is_open(request)

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

    def get_from_email(self) -> str:
        return settings.DEFAULT_FROM_EMAIL

    # --- failures and successes go to the login history ---------------------------------------------------------
    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        history.failed(request, email=str(credentials.get("email", "")), outcome=SignIn.Outcome.WRONG_PASSWORD)

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> Any:
        response = super().post_login(request, user, **kwargs)
        history.signed_in(request, cast(User, user), method=", ".join(signed_in_by(request)))
        return response

    def reauthenticate(self, user: AbstractBaseUser, password: str) -> bool:
        right = bool(super().reauthenticate(user, password))
        if not right:
            history.failed(context.request, email=cast(User, user).email, outcome=SignIn.Outcome.WRONG_PASSWORD)
        return right

    # --- phones --------------------------------------------------------------------------------------------------
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
        return User.objects.filter(phone=phone, phone_verified_at__isnull=False).first()

    def send_verification_code_sms(self, user: AbstractBaseUser | None, phone: str, code: str, **kwargs: Any) -> None:
        outbox.send_text(
            phone, _("%(code)s is your Amanat code. It works for 15 minutes. Tell it to nobody.") % {"code": code}
        )

    def send_unknown_account_sms(self, phone: str, **kwargs: Any) -> None:
        outbox.send_text(phone, _("Somebody asked for an Amanat code for this number, but no account has it."))

    def send_account_already_exists_sms(self, phone: str) -> None:
        outbox.send_text(phone, _("Somebody tried to sign up with this number, but an account has it already."))


class SecondFactorAdapter(DefaultMFAAdapter):
    """Secrets of second factors are sealed under the system's key before they reach a table."""

    def encrypt(self, text: str) -> str:
        return vault.seal_text(text, workspace_id=vault.SYSTEM, context="mfa.authenticator").hex()

    def decrypt(self, encrypted_text: str) -> str:
        return vault.open_text(bytes.fromhex(encrypted_text), workspace_id=vault.SYSTEM, context="mfa.authenticator")

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {"id": settings.CONFIGURATION.host_name, "name": "Amanat"}

    def is_mfa_enabled(self, user: AbstractBaseUser, types: Any = None) -> bool:
        return bool(super().is_mfa_enabled(user, types))
