"""The mails of signing in and of invitations: complete in every language, one line of subject, no word of a stranger's."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.utils import translation

from amanat.accounts import mails

FACTS: dict[str, Any] = {
    "code": "123456", "minutes": 15, "site": "http://localhost:8000", "ip": "203.0.113.7",
    "reset_url": "http://localhost:8000/accounts/password/reset/", "signup_url": "http://localhost:8000/accounts/signup/",
    "password_reset_url": "http://localhost:8000/accounts/password/reset/", "to_email": "new@example.in",
    "from_email": "old@example.in", "deleted_email": "old@example.in",
}  # fmt: skip
WITH_CODE = {name for name, (_subject, text) in mails.TEXTS.items() if text is mails._CODE}
LANGUAGES = [code for code, _name in django_settings.LANGUAGES]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", sorted(mails.TEXTS))
def test_each_mail_is_whole_in_each_language(name: str, language: str) -> None:
    with translation.override(language):
        subject, body = mails.written(name, FACTS)
    assert subject and "\n" not in subject and len(subject) < 120
    assert not re.search(r"%\(|\{\w+\}|None", subject + body)
    assert FACTS["ip"] in body and FACTS["reset_url"] in body and body.endswith(f"{FACTS['site']}\n")
    assert ("123456" in body) == ("123456" in subject) == (name in WITH_CODE)
    if language != "en":
        assert re.search("[\u0900-\u097f]", subject) and re.search("[\u0900-\u097f]", body)


@pytest.mark.parametrize("name", sorted(WITH_CODE))
def test_a_code_comes_with_how_long_it_works_and_a_warning(name: str) -> None:
    _subject, body = mails.written(name, FACTS)
    assert "15 minutes" in body and "Tell it to nobody" in body


def test_without_an_address_nothing_is_said_of_one() -> None:
    _subject, body = mails.written("account/email/login_code", {k: v for k, v in FACTS.items() if k != "ip"})
    assert "It was done from" not in body


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["Rekha", "Rekha\nBcc: all@example.in", "रेखा कुलकर्णी", "%(url)s", "100 %"])
def test_an_invitation_says_who_where_and_how_long_whatever_the_names(name: str, language: str) -> None:
    with translation.override(language):
        subject, body = mails.invitation(workspace="Shree", by=name, role="Agent", url="http://x.example/join/", days=7)
    assert "\n" not in subject and "Shree" in subject and " ".join(name.split()) in subject
    assert "http://x.example/join/" in body and "7" in body and name in body
