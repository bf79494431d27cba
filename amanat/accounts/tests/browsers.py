"""A browser that signs up and in through the pages, and reads its codes from the kept messages."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client
from django.urls import reverse

from amanat.core.models import LocalMessage

PASSWORD = "marigold lorry pencil"


def newest_code(to: str) -> str:
    """The code in the newest message to an address or number."""
    message = LocalMessage.objects.filter(to=to).order_by("-created_at", "-id")[0]
    found = re.search(r"\b(\d{6})\b", message.body)
    assert found, message.body
    return found[1]


def sign_up(client: Client, email: str, *, password: str = PASSWORD, phone: str = "", name: str = "Asha Menon") -> Any:
    form = {"name": name, "email": email, "phone": phone, "password1": password}
    return client.post(reverse("account_signup"), form)


def confirm(client: Client, to: str, url_name: str = "account_email_verification_sent") -> Any:
    return client.post(reverse(url_name), {"code": newest_code(to), "action": "verify"})


def sign_in(client: Client, email: str, password: str = PASSWORD, **extra: Any) -> Any:
    return client.post(reverse("account_login"), {"login": email, "password": password}, **extra)
