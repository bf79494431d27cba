"""Forms of signing up and in: the library's, with our limits, our words, one password field instead of two."""

from __future__ import annotations

from typing import Any, cast

from allauth.account import forms as library
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.manage_email import email_already_exists
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.mfa.adapter import get_adapter as get_factor_adapter
from allauth.mfa.base import forms as factor_library
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


class Plain:
    """First among the bases of a form of the library."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self)


class SignInForm(Plain, library.LoginForm):  # type: ignore[misc]  # the sign-in library has no types
    pass


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
        try:
            guessing.code(session_key=context.request.session.session_key or "", expected=self.expected_code or "")
        except guessing.TooManyTries:
            raise get_adapter().validation_error("too_many_login_attempts") from None
        return str(super().clean_code())  # type: ignore[misc]


class ConfirmSignInCodeForm(LimitedCode, library.ConfirmLoginCodeForm):  # type: ignore[misc]
    pass


class ConfirmEmailForm(LimitedCode, library.ConfirmEmailVerificationCodeForm):  # type: ignore[misc]
    pass


class ConfirmResetCodeForm(LimitedCode, library.ConfirmPasswordResetCodeForm):  # type: ignore[misc]
    pass


class ConfirmPhoneForm(LimitedCode, library.VerifyPhoneForm):  # type: ignore[misc]
    pass


def _confirmed(user: User | None) -> User | None:
    """The user if her e-mail is confirmed: an account that is nobody's yet gets no codes."""
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


class NewPasswordForm(OnePassword, library.ResetPasswordKeyForm):  # type: ignore[misc]
    pass


class ChangePasswordForm(OnePassword, library.ChangePasswordForm):  # type: ignore[misc]
    def clean_oldpassword(self) -> str:
        user = cast(User, self.user)
        try:
            guessing.password(email=user.email, address=context.request.META.get("REMOTE_ADDR", ""))
        except guessing.TooManyTries:
            raise get_adapter().validation_error("too_many_login_attempts") from None
        try:
            return str(super().clean_oldpassword())
        except forms.ValidationError:
            history.failed(context.request, email=user.email, outcome=SignIn.Outcome.WRONG_PASSWORD)
            raise


class SetPasswordForm(OnePassword, library.SetPasswordForm):  # type: ignore[misc]
    pass


class ReauthenticateForm(Plain, library.ReauthenticateForm):  # type: ignore[misc]
    pass


class AddEmailForm(Plain, library.AddEmailForm):  # type: ignore[misc]
    pass


class ChangePhoneForm(Plain, library.ChangePhoneForm):  # type: ignore[misc]
    pass


class SecondFactorCode(Plain):
    """The code of an app or a recovery code: tries counted per user, each code once."""

    user: User
    cleaned_data: dict[str, Any]

    def clean_code(self) -> str:
        session_key = context.request.session.session_key or ""
        try:
            guessing.second_factor(user_id=self.user.pk, session_key=session_key)
        except guessing.TooManyTries:
            raise get_adapter().validation_error("too_many_login_attempts") from None
        code = str(self.cleaned_data["code"])
        found = second_factors.matching(self.user, code)
        if found is None:
            history.failed(context.request, email=self.user.email, outcome=SignIn.Outcome.WRONG_CODE)
            raise get_factor_adapter().validation_error("incorrect_code")
        self.authenticator = found
        return code


class SecondFactorForm(SecondFactorCode, factor_library.AuthenticateForm):  # type: ignore[misc]
    pass


class SecondFactorAgainForm(SecondFactorCode, factor_library.ReauthenticateForm):  # type: ignore[misc]
    pass


class ActivateAppForm(Plain, totp_library.ActivateTOTPForm):  # type: ignore[misc]
    pass


class CredentialField(forms.JSONField):
    """What the browser says about a passkey: JSON, refused where it is nested beyond what can be read."""

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except RecursionError:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from None


class PasskeySignInForm(passkey_library.LoginWebAuthnForm):  # type: ignore[misc]
    credential = CredentialField(widget=forms.HiddenInput)


class PasskeyAgainForm(passkey_library.ReauthenticateWebAuthnForm):  # type: ignore[misc]
    credential = CredentialField(widget=forms.HiddenInput)


class AddPasskeyForm(Plain, passkey_library.AddWebAuthnForm):  # type: ignore[misc]
    """A passkey that also signs in alone, unless the box is cleared."""

    credential = CredentialField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name, so that you know it again")
        self.fields["passwordless"].label = _("Sign in with it alone, without a password")
        self.fields["passwordless"].help_text = _("Needs the device's own lock: fingerprint, face or PIN.")
        self.fields["passwordless"].initial = True


class EditPasskeyForm(Plain, passkey_library.EditWebAuthnForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name")
