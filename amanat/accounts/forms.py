"""Forms of sign-up, workspaces, members."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import User


class SignUpExtras(forms.Form):
    """What sign-up asks beside e-mail, mobile number and password (the sign-in library's form inherits from this)."""

    name = forms.CharField(label=_("Your name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    field_order = ["name", "email", "phone", "password1"]

    def signup(self, request: HttpRequest, user: User) -> None:
        """Called by the library when the user row exists; everything is saved by the adapter."""

    def clean_name(self) -> str:
        name: Any = self.cleaned_data["name"]
        return " ".join(str(name).split())
