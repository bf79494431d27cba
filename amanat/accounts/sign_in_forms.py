"""Forms of signing up and in: the library's, with our limits, our words, one password field instead of two."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from allauth.account import forms as library
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.manage_email import email_already_exists
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.mfa.adapter import get_adapter as get_factor_adapter
from allauth.mfa.base import forms as factor_library
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as totp_library
from allauth.mfa.webauthn import forms as passkey_library
from django import forms
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from amanat.accounts import guessing, history, second_factors, signing_up
from amanat.accounts.models import SignIn, User

_PASSWORD_HELP = _("Ten characters or more. Three or four unrelated words are easy to keep and hard to guess.")


def _plain(form: Any) -> None:
    """Labels say what a field is; the library's placeholders would say it again and vanish while one types."""
    for name, field in form.fields.items():
        field.widget.attrs.pop("placeholder", None)
        if name in ("email", "login"):
            field.label = _("E-mail")
        elif name == "code":
            field.label = _("Code")
            field.widget.attrs.update({"inputmode": "numeric", "autofocus": True, "maxlength": 20})
        elif name in ("password", "oldpassword"):
            field.help_text = ""
        elif name == "password1":
            field.help_text = _PASSWORD_HELP


def ours(form: Any, *before: type) -> Any:
    """A form of the library that differs only by its labels, or by what is put `before` it."""
    return type(form.__name__, (*(before or (Plain,)), form), {})


@contextmanager
def _tries() -> Iterator[None]:
    """A try that is one too many becomes a message of the form."""
    try:
        yield
    except guessing.TooManyTries:
        raise get_adapter().validation_error("too_many_login_attempts") from None


class Plain:
    """First among the bases of a form of the library."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self)


class SignUpForm(Plain, library.SignupForm):  # type: ignore[misc]
    """A known e-mail gives the same answer in the same time as a new one; one that was never confirmed counts as new."""

    def validate_unique_email(self, value: str) -> str:
        email, exists = email_already_exists(value)
        self.account_already_exists = exists and not signing_up.is_unconfirmed(email)
        return str(email)

    def try_save(self, request: HttpRequest) -> tuple[User | None, Any]:
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])  # takes the time that saving a new account would
        else:
            signing_up.forget_unconfirmed(self.cleaned_data["email"])
        return cast("tuple[User | None, Any]", super().try_save(request))


class LimitedCode(Plain):
    """A form for a code that was sent: five tries per code."""

    expected_code: str

    def clean_code(self) -> str:
        with _tries():
            guessing.code(session_key=context.request.session.session_key or "", expected=self.expected_code or "")
        return str(super().clean_code())  # type: ignore[misc]


def _confirmed(user: User | None) -> User | None:
    """The user if the e-mail is confirmed: an account that is nobody's yet gets no codes."""
    if user is None or not EmailAddress.objects.filter(user_id=user.pk, verified=True).exists():
        return None
    return user


class RequestSignInCodeForm(Plain, library.RequestLoginCodeForm):  # type: ignore[misc]
    _user: User | None

    def clean_email(self) -> str:
        email = super().clean_email()
        self._user = _confirmed(self._user)
        return str(email)


class ResetPasswordForm(Plain, library.ResetPasswordForm):  # type: ignore[misc]
    users: list[User]

    def clean_email(self) -> str:
        email = super().clean_email()
        self.users = [user for user in self.users if _confirmed(user)]
        return str(email)


class OnePassword(Plain):
    """One field that can be shown, instead of typing twice what one cannot see."""

    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password2"]


class ChangePasswordForm(OnePassword, library.ChangePasswordForm):  # type: ignore[misc]
    def clean_oldpassword(self) -> str:
        user = cast(User, self.user)
        with _tries():
            guessing.password(email=user.email, address=context.request.META.get("REMOTE_ADDR", ""))
        try:
            return str(super().clean_oldpassword())
        except forms.ValidationError:
            history.failed(context.request, email=user.email, outcome=SignIn.Outcome.WRONG_PASSWORD)
            raise


class SecondFactorCode(Plain):
    """The code of an app or a recovery code: tries counted per user, each code once."""

    user: User
    cleaned_data: dict[str, Any]

    def clean_code(self) -> str:
        with _tries():
            guessing.second_factor(user_id=self.user.pk, session_key=context.request.session.session_key or "")
        code = str(self.cleaned_data["code"])
        found = second_factors.matching(self.user, code)
        if found is None:
            history.failed(context.request, email=self.user.email, outcome=SignIn.Outcome.WRONG_CODE)
            raise get_factor_adapter().validation_error("incorrect_code")
        self.authenticator = found
        return code


class CredentialField(forms.JSONField):
    """What the browser says about a passkey: JSON, refused where it is nested beyond what can be read."""

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except RecursionError:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from None


@contextmanager
def _well_formed() -> Iterator[None]:
    """The library takes an answer apart without looking; one of another shape is a wrong code, not our failure."""
    try:
        yield
    except (LookupError, AttributeError, TypeError, ValueError, struct.error):
        raise get_factor_adapter().validation_error("incorrect_code") from None


class Signed:
    """First among the bases of a form for what a passkey signed."""

    def clean_credential(self) -> Authenticator:
        with _well_formed():
            return cast(Authenticator, super().clean_credential())  # type: ignore[misc]


class Alone(Signed):
    """A passkey that was made as a second factor only does not open the door by itself."""

    def clean_credential(self) -> Authenticator:
        found = super().clean_credential()
        if found.wrap().is_passwordless is False:
            raise get_factor_adapter().validation_error("incorrect_code")
        return found


def _signed(form: Any, kind: type) -> Any:
    return type(form.__name__, (kind, form), {"credential": CredentialField(widget=forms.HiddenInput)})


PasskeySignInForm = _signed(passkey_library.LoginWebAuthnForm, Alone)
PasskeyAgainForm = _signed(passkey_library.ReauthenticateWebAuthnForm, Signed)
PasskeySecondForm = _signed(passkey_library.AuthenticateWebAuthnForm, Signed)


class AddPasskeyForm(Plain, passkey_library.AddWebAuthnForm):  # type: ignore[misc]
    """A passkey that also signs in alone, unless the box is cleared."""

    credential = CredentialField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name, so that you know it again")
        self.fields["passwordless"].label = _("Sign in with it alone, without a password")
        self.fields["passwordless"].help_text = _("Needs the device's own lock: fingerprint, face or PIN.")
        self.fields["passwordless"].initial = True

    def clean(self) -> dict[str, Any]:
        with _well_formed():
            return cast("dict[str, Any]", super().clean())


class EditPasskeyForm(Plain, passkey_library.EditWebAuthnForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name")


SignInForm = ours(library.LoginForm)
ConfirmSignInCodeForm = ours(library.ConfirmLoginCodeForm, LimitedCode)
ConfirmEmailForm = ours(library.ConfirmEmailVerificationCodeForm, LimitedCode)
ConfirmResetCodeForm = ours(library.ConfirmPasswordResetCodeForm, LimitedCode)
ConfirmPhoneForm = ours(library.VerifyPhoneForm, LimitedCode)
NewPasswordForm = ours(library.ResetPasswordKeyForm, OnePassword)
SetPasswordForm = ours(library.SetPasswordForm, OnePassword)
ReauthenticateForm = ours(library.ReauthenticateForm)
AddEmailForm = ours(library.AddEmailForm)
ChangePhoneForm = ours(library.ChangePhoneForm)
SecondFactorForm = ours(factor_library.AuthenticateForm, SecondFactorCode)
SecondFactorAgainForm = ours(factor_library.ReauthenticateForm, SecondFactorCode)
ActivateAppForm = ours(totp_library.ActivateTOTPForm)
