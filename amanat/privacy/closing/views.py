"""Pages of closing: one's own account, and the workspace by its owner."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, UserRequest, see_other, sent
from amanat.core import clock
from amanat.core.downloads import download
from amanat.privacy.closing import own, taking, users, workspaces
from amanat.privacy.retention import reckoning
from amanat.publishing import versions


class AccountForm(forms.Form):
    """The e-mail typed once more, so that nobody closes an account by a slip."""

    email = forms.EmailField(label=gettext_lazy("Your e-mail, to be sure"))

    def __init__(self, *args: object, email: str, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self._email = email

    def clean_email(self) -> str:
        typed: str = self.cleaned_data["email"]
        if typed.strip().lower() != self._email:
            raise forms.ValidationError(_("This is not the e-mail of this account."))
        return typed


class WorkspaceForm(forms.Form):
    """The name of the workspace once more; with money taken, that the owner has the books."""

    name = forms.CharField(label=gettext_lazy("The name of the workspace, to be sure"), max_length=120)
    books_taken = forms.BooleanField(
        label=gettext_lazy("I have exported the books and keep them for as long as the law says"), required=False
    )

    def __init__(self, *args: object, name: str, has_books: bool, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self._name = name
        if not has_books:
            del self.fields["books_taken"]

    def clean_name(self) -> str:
        typed: str = self.cleaned_data["name"]
        if typed.strip() != self._name:
            raise forms.ValidationError(_("This is not the name of this workspace."))
        return typed

    def clean_books_taken(self) -> bool:
        if not self.cleaned_data["books_taken"]:
            raise forms.ValidationError(_("Export the books first: after the last day nobody can."))
        return True


def account(request: UserRequest) -> HttpResponse:
    """Close one's own account."""
    at = clock.now()
    alone = users.only_owner_of(request.user)
    form = AccountForm(sent(request), email=request.user.email)
    if not alone and form.is_valid():
        users.close(user=request.user, at=at)
        logout(request)
        messages.success(request, _("Your account is closed. Sign in before its last day if you want it back."))
        return see_other(reverse("account_login"))
    grace = users.grace(request.user, at=at)
    context = {"form": form, "alone": alone, "last_day": grace.after(at), "grace": grace.in_words(_language())}
    return render(request, "privacy/closing_account.html", context, status=422 if request.method == "POST" else 200)


def take_account(request: UserRequest) -> StreamingHttpResponse:
    """What is kept about oneself, as a file for people and programs."""
    return download([own.taken(request.user).encode()], f"account-{clock.now():%Y-%m-%d}.json", "application/json")


def workspace(request: MemberRequest) -> HttpResponse:
    """Close the workspace, or see until when it can be taken back."""
    at, here = clock.now(), request.workspace
    if here.closing_at is not None:
        return render(request, "privacy/closing_under_way.html", {"closure": workspaces.current(here.pk)})
    form = WorkspaceForm(sent(request), name=here.name, has_books=workspaces.has_books(here.pk))
    if form.is_valid():
        workspaces.order(
            workspace=here, by=request.member, at=at, books_taken=form.cleaned_data.get("books_taken", False)
        )
        messages.success(request, _("The workspace is being closed. It can be read and exported until its last day."))
        return see_other(reverse("privacy:workspace_close"))
    grace = reckoning.rule(versions.in_force(here, at).policy, "content").until["closure"]
    context = {"form": form, "last_day": grace.after(at), "grace": grace.in_words(_language())}
    return render(request, "privacy/closing_workspace.html", context, status=422 if form.errors else 200)


def keep_workspace(request: MemberRequest) -> HttpResponse:
    """Take the closing back."""
    workspaces.cancel(workspace=request.workspace, by=request.member, at=clock.now())
    messages.success(request, _("The workspace stays."))
    return see_other(reverse("privacy:workspace_close"))


def take_files(request: MemberRequest) -> StreamingHttpResponse:
    """All papers and files of the workspace in one archive."""
    at = clock.now()
    pieces = taking.all_files(by=request.member, at=at)
    return download(pieces, f"files-{at:%Y-%m-%d}.zip", "application/zip")


def _language() -> str:
    return (get_language() or "en").split("-")[0]
