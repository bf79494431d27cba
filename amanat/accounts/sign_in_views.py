"""Pages of signing up and in: the library's views with our forms and templates.

An invalid form answers 422, or 429 when the tries are used up; the answer is the same whether or not an account exists.
"""

from __future__ import annotations

from typing import Any, cast

from allauth.account import views as library
from allauth.account.internal.flows.signup import prevent_enumeration
from allauth.mfa.base import views as factor_library
from allauth.mfa.recovery_codes import views as recovery_library
from allauth.mfa.totp import views as totp_library
from allauth.mfa.webauthn import views as passkey_library
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _

from amanat.accounts import history, profile, second_factors, sessions
from amanat.accounts import sign_in_forms as forms
from amanat.accounts.access import see_other
from amanat.accounts.models import SignIn, User
from amanat.accounts.session_store import hashed
from amanat.core import outbox

_USED_UP = {"too_many_login_attempts", "rate_limited"}


class Answers:
    """First among the bases of a view of the library: what an invalid form answers."""

    def form_invalid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)  # type: ignore[misc]
        if response.status_code == 200:
            codes = {error.code for errors in form.errors.as_data().values() for error in errors}
            response.status_code = 429 if codes & _USED_UP else 422
        return response


class AddsFactor:
    """First among the bases of a view that adds a second factor: sessions begun without it must not outlive that.

    Who was sent here by a workspace that asks for one goes on to where they were going, by way of new recovery codes.
    """

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)  # type: ignore[misc]
        request: Any = self.request  # type: ignore[attr-defined]
        sessions.end_all(request.user, but=hashed(request.session.session_key), by="second factor")
        if second_factors.ONWARD in request.session and response.headers.get("Location") == reverse("mfa_index"):
            return see_other(reverse("accounts:second_factor_needed"))
        return response


def ours(view: Any, template: str, form: Any = None, *before: type) -> Any:
    """A view of the library with our template, our form where it has one, our answer to an invalid one; `before` goes first."""
    given = {"template_name": f"accounts/{template}", **({"form_class": form} if form else {})}
    return type(view.__name__, (*before, Answers, view), given)


SignInView = ours(library.LoginView, "sign_in/login.html", forms.SignInForm)
EmailCodeView = ours(library.ConfirmEmailVerificationCodeView, "sign_in/confirm_email.html", forms.ConfirmEmailForm)
ResetView = ours(library.PasswordResetView, "sign_in/reset.html", forms.ResetPasswordForm)
ResetCodeView = ours(library.ConfirmPasswordResetCodeView, "sign_in/confirm_reset.html", forms.ConfirmResetCodeForm)
NewPasswordView = ours(library.CompletePasswordResetView, "sign_in/new_password.html", forms.NewPasswordForm)
ResetDoneView = ours(library.PasswordResetFromKeyDoneView, "sign_in/reset_done.html")
RequestCodeView = ours(library.RequestLoginCodeView, "sign_in/request_code.html", forms.RequestSignInCodeForm)
InactiveView = ours(library.AccountInactiveView, "sign_in/inactive.html")
SignOutView = ours(library.LogoutView, "sign_in/logout.html")
ReauthenticateView = ours(library.ReauthenticateView, "sign_in/reauthenticate.html", forms.ReauthenticateForm)
EmailView = ours(library.EmailView, "account/email.html", forms.AddEmailForm)
ChangePasswordView = ours(library.PasswordChangeView, "account/password.html", forms.ChangePasswordForm)
SetPasswordView = ours(library.PasswordSetView, "account/password.html", forms.SetPasswordForm)

FactorsView = ours(factor_library.IndexView, "account/factors.html")
SecondFactorView = ours(factor_library.AuthenticateView, "sign_in/second_factor.html", forms.SecondFactorForm)
SecondFactorView.webauthn_form_class = forms.PasskeySecondForm
SecondFactorAgainView = ours(
    factor_library.ReauthenticateView, "sign_in/reauthenticate.html", forms.SecondFactorAgainForm
)
ActivateAppView = ours(totp_library.ActivateTOTPView, "account/app_on.html", forms.ActivateAppForm, AddsFactor)
DeactivateAppView = ours(totp_library.DeactivateTOTPView, "account/app_off.html")
RecoveryCodesView = ours(recovery_library.ViewRecoveryCodesView, "account/recovery_codes.html")
NewRecoveryCodesView = ours(recovery_library.GenerateRecoveryCodesView, "account/recovery_codes_new.html")
RecoveryCodesFileView = ours(recovery_library.DownloadRecoveryCodesView, "account/recovery_codes.txt")
PasskeysView = ours(passkey_library.ListWebAuthnView, "account/passkeys.html")
AddPasskeyView = ours(passkey_library.AddWebAuthnView, "account/passkey_add.html", forms.AddPasskeyForm, AddsFactor)
RemovePasskeyView = ours(passkey_library.RemoveWebAuthnView, "account/passkey_remove.html")
EditPasskeyView = ours(passkey_library.EditWebAuthnView, "account/passkey_edit.html", forms.EditPasskeyForm)
passkey_sign_in = passkey_library.login_webauthn


class SignUpView(Answers, library.SignupView):  # type: ignore[misc]  # the sign-in library has no types
    form_class = forms.SignUpForm
    template_name = "accounts/sign_in/signup.html"
    template_name_signup_closed = "accounts/sign_in/signup_closed.html"

    def form_valid(self, form: forms.SignUpForm) -> HttpResponse:
        try:
            with transaction.atomic():
                response: HttpResponse = super().form_valid(form)
                return response
        except IntegrityError:
            # Two sign-ups with one e-mail at the same moment: the second gets the answer for a known e-mail.
            email, phone = form.cleaned_data["email"], form.cleaned_data.get("phone")
            answer: HttpResponse = prevent_enumeration(self.request, email=email, phone=phone)
            return answer


class SignInCodeView(Answers, library.ConfirmLoginCodeView):  # type: ignore[misc]
    form_class = forms.ConfirmSignInCodeForm
    template_name = "accounts/sign_in/confirm_code.html"

    def form_invalid(self, form: Any) -> HttpResponse:
        if self._process.user is not None:
            history.failed(self.request, email=self._process.user.email, outcome=SignIn.Outcome.WRONG_CODE)
        return super().form_invalid(form)


class PhoneCodeAtSignUpView(Answers, library._VerifyPhoneSignupView):  # type: ignore[misc]
    form_class = forms.ConfirmPhoneForm
    template_name = "accounts/sign_in/confirm_phone.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        answer: HttpResponseBase
        if request.POST.get("action") == "skip":  # no code came: it goes on without a number, which can be added later
            profile.forget_phone(self.stage.login.user)
            answer = self.stage.exit()
        else:
            answer = super().post(request, *args, **kwargs)
        return answer


_phone_at_sign_up = PhoneCodeAtSignUpView.as_view()
_phone_later = ours(library._VerifyPhoneChangeView, "sign_in/confirm_phone.html", forms.ConfirmPhoneForm).as_view()


def verify_phone(request: HttpRequest) -> HttpResponseBase:
    try:
        answer: HttpResponseBase = (_phone_later if request.user.is_authenticated else _phone_at_sign_up)(request)
    except outbox.NotSent:
        return _said_not_sent(request)
    return answer


def _said_not_sent(request: HttpRequest) -> HttpResponse:
    messages.error(request, _("The code could not be sent. Try again in a minute."))
    return see_other(request.path)


class PhoneView(Answers, library.ChangePhoneView):  # type: ignore[misc]
    form_class = forms.ChangePhoneForm
    template_name = "accounts/account/phone.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.POST.get("action") == "remove":
            profile.forget_phone(cast(User, request.user))
            return see_other(reverse("account_change_phone"))
        try:
            answered: HttpResponseBase = super().post(request, *args, **kwargs)
        except outbox.NotSent:
            return _said_not_sent(request)
        return answered


class PasskeyAgainView(passkey_library.ReauthenticateWebAuthnView):  # type: ignore[misc]
    template_name = "accounts/sign_in/reauthenticate_passkey.html"

    def form_invalid(self, form: Any) -> HttpResponse:
        """Back to this very page: the library goes to the page of signing in, which sends a signed-in user away."""
        for message in form.errors.get("credential", []):
            messages.error(self.request, str(message))
        return see_other(self.request.get_full_path())
