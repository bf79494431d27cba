"""Pages of signing up and in: the library's views with our forms and templates.

An invalid form answers 422, or 429 when the tries are used up; the answer is the same whether or not an account exists.
"""

from __future__ import annotations

from typing import Any

from allauth.account import views as library
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.signup import prevent_enumeration
from allauth.mfa.base import views as factor_library
from allauth.mfa.recovery_codes import views as recovery_library
from allauth.mfa.totp import views as totp_library
from allauth.mfa.webauthn import views as passkey_library
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse_lazy

from amanat.accounts import history, sessions, sign_in_forms
from amanat.accounts.models import SignIn
from amanat.accounts.session_store import hashed

_USED_UP = {"too_many_login_attempts", "rate_limited"}


class Answers:
    """First among the bases of a view of the library: what an invalid form answers."""

    def form_invalid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)  # type: ignore[misc]
        if response.status_code == 200:
            codes = {error.code for errors in form.errors.as_data().values() for error in errors}
            response.status_code = 429 if codes & _USED_UP else 422
        return response


class EndsOtherSessions:
    """First among the bases of a view that adds a second factor: sessions begun without it must not outlive that."""

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)  # type: ignore[misc]
        request: Any = self.request  # type: ignore[attr-defined]
        sessions.end_all(request.user, but=hashed(request.session.session_key), by="second factor")
        return response


class SignInView(Answers, library.LoginView):  # type: ignore[misc]  # the sign-in library has no types
    form_class = sign_in_forms.SignInForm
    template_name = "accounts/sign_in/login.html"


class SignUpView(Answers, library.SignupView):  # type: ignore[misc]
    form_class = sign_in_forms.SignUpForm
    template_name = "accounts/sign_in/signup.html"
    template_name_signup_closed = "accounts/sign_in/signup_closed.html"

    def form_valid(self, form: sign_in_forms.SignUpForm) -> HttpResponse:
        try:
            with transaction.atomic():
                response: HttpResponse = super().form_valid(form)
                return response
        except IntegrityError:
            # Two sign-ups with one e-mail at the same moment: the second gets the answer for a known e-mail.
            email, phone = form.cleaned_data["email"], form.cleaned_data.get("phone")
            answer: HttpResponse = prevent_enumeration(self.request, email=email, phone=phone)
            return answer


class EmailCodeView(Answers, library.ConfirmEmailVerificationCodeView):  # type: ignore[misc]
    form_class = sign_in_forms.ConfirmEmailForm
    template_name = "accounts/sign_in/confirm_email.html"


class PhoneCodeAtSignUpView(Answers, library._VerifyPhoneSignupView):  # type: ignore[misc]
    form_class = sign_in_forms.ConfirmPhoneForm
    template_name = "accounts/sign_in/confirm_phone.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.POST.get("action") == "skip":
            # No code came: she goes on without a number and can add one later.
            user = self.stage.login.user
            user.phone, user.phone_verified_at = None, None
            user.save(update_fields=["phone", "phone_verified_at"])
            response: HttpResponseBase = self.stage.exit()
            return response
        answered: HttpResponseBase = super().post(request, *args, **kwargs)
        return answered


class PhoneCodeView(Answers, library._VerifyPhoneChangeView):  # type: ignore[misc]
    form_class = sign_in_forms.ConfirmPhoneForm
    template_name = "accounts/sign_in/confirm_phone.html"


_at_sign_up, _later = PhoneCodeAtSignUpView.as_view(), PhoneCodeView.as_view()


def verify_phone(request: HttpRequest) -> HttpResponseBase:
    answer: HttpResponseBase = (_later if request.user.is_authenticated else _at_sign_up)(request)
    return answer


class ResetView(Answers, library.PasswordResetView):  # type: ignore[misc]
    form_class = sign_in_forms.ResetPasswordForm
    template_name = "accounts/sign_in/reset.html"


class ResetCodeView(Answers, library.ConfirmPasswordResetCodeView):  # type: ignore[misc]
    form_class = sign_in_forms.ConfirmResetCodeForm
    template_name = "accounts/sign_in/confirm_reset.html"


class NewPasswordView(Answers, library.CompletePasswordResetView):  # type: ignore[misc]
    form_class = sign_in_forms.NewPasswordForm
    template_name = "accounts/sign_in/new_password.html"


class ResetDoneView(library.PasswordResetFromKeyDoneView):  # type: ignore[misc]
    template_name = "accounts/sign_in/reset_done.html"


class RequestCodeView(Answers, library.RequestLoginCodeView):  # type: ignore[misc]
    form_class = sign_in_forms.RequestSignInCodeForm
    template_name = "accounts/sign_in/request_code.html"


class SignInCodeView(Answers, library.ConfirmLoginCodeView):  # type: ignore[misc]
    form_class = sign_in_forms.ConfirmSignInCodeForm
    template_name = "accounts/sign_in/confirm_code.html"

    def form_invalid(self, form: Any) -> HttpResponse:
        if self._process.user is not None:
            history.failed(self.request, email=self._process.user.email, outcome=SignIn.Outcome.WRONG_CODE)
        return super().form_invalid(form)


class InactiveView(library.AccountInactiveView):  # type: ignore[misc]
    template_name = "accounts/sign_in/inactive.html"


class SignOutView(library.LogoutView):  # type: ignore[misc]
    template_name = "accounts/sign_in/logout.html"


class ReauthenticateView(Answers, library.ReauthenticateView):  # type: ignore[misc]
    form_class = sign_in_forms.ReauthenticateForm
    template_name = "accounts/sign_in/reauthenticate.html"


class EmailView(Answers, library.EmailView):  # type: ignore[misc]
    form_class = sign_in_forms.AddEmailForm
    template_name = "accounts/account/email.html"


class PhoneView(Answers, library.ChangePhoneView):  # type: ignore[misc]
    form_class = sign_in_forms.ChangePhoneForm
    template_name = "accounts/account/phone.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.POST.get("action") == "remove":
            user: Any = request.user
            user.phone, user.phone_verified_at = None, None
            user.save(update_fields=["phone", "phone_verified_at"])
            return HttpResponseRedirect(str(reverse_lazy("account_change_phone")))
        answered: HttpResponseBase = super().post(request, *args, **kwargs)
        return answered


class ChangePasswordView(Answers, library.PasswordChangeView):  # type: ignore[misc]
    form_class = sign_in_forms.ChangePasswordForm
    template_name = "accounts/account/password.html"


class SetPasswordView(Answers, library.PasswordSetView):  # type: ignore[misc]
    form_class = sign_in_forms.SetPasswordForm
    template_name = "accounts/account/password.html"


class FactorsView(factor_library.IndexView):  # type: ignore[misc]
    template_name = "accounts/account/factors.html"


class SecondFactorView(Answers, factor_library.AuthenticateView):  # type: ignore[misc]
    form_class = sign_in_forms.SecondFactorForm
    template_name = "accounts/sign_in/second_factor.html"


class SecondFactorAgainView(Answers, factor_library.ReauthenticateView):  # type: ignore[misc]
    form_class = sign_in_forms.SecondFactorAgainForm
    template_name = "accounts/sign_in/reauthenticate.html"


class ActivateAppView(EndsOtherSessions, Answers, totp_library.ActivateTOTPView):  # type: ignore[misc]
    form_class = sign_in_forms.ActivateAppForm
    template_name = "accounts/account/app_on.html"


class DeactivateAppView(Answers, totp_library.DeactivateTOTPView):  # type: ignore[misc]
    template_name = "accounts/account/app_off.html"


class RecoveryCodesView(recovery_library.ViewRecoveryCodesView):  # type: ignore[misc]
    template_name = "accounts/account/recovery_codes.html"


class NewRecoveryCodesView(Answers, recovery_library.GenerateRecoveryCodesView):  # type: ignore[misc]
    template_name = "accounts/account/recovery_codes_new.html"


class RecoveryCodesFileView(recovery_library.DownloadRecoveryCodesView):  # type: ignore[misc]
    template_name = "accounts/account/recovery_codes.txt"


class PasskeysView(passkey_library.ListWebAuthnView):  # type: ignore[misc]
    template_name = "accounts/account/passkeys.html"


class AddPasskeyView(EndsOtherSessions, Answers, passkey_library.AddWebAuthnView):  # type: ignore[misc]
    form_class = sign_in_forms.AddPasskeyForm
    template_name = "accounts/account/passkey_add.html"


class RemovePasskeyView(passkey_library.RemoveWebAuthnView):  # type: ignore[misc]
    template_name = "accounts/account/passkey_remove.html"


class EditPasskeyView(Answers, passkey_library.EditWebAuthnView):  # type: ignore[misc]
    form_class = sign_in_forms.EditPasskeyForm
    template_name = "accounts/account/passkey_edit.html"


class PasskeyAgainView(passkey_library.ReauthenticateWebAuthnView):  # type: ignore[misc]
    template_name = "accounts/sign_in/reauthenticate_passkey.html"

    def form_invalid(self, form: Any) -> HttpResponse:
        """Back to this very page: the library goes to the page of signing in, which sends a signed-in user away."""
        for message in form.errors.get("credential", []):
            get_adapter().add_message(self.request, 40, message=str(message))
        return HttpResponseRedirect(self.request.get_full_path())


passkey_sign_in = passkey_library.login_webauthn
