from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from amanat.accounts.models import Workspace
from amanat.basis import notices, rules
from amanat.basis.models import Notice
from amanat.core import clock, tenancy

AT = datetime(2026, 12, 1, tzinfo=UTC)
LANGUAGES = ("en", "hi", "mr")


@pytest.fixture
def here(db: None, shree: Workspace) -> Iterator[Workspace]:
    with tenancy.inside(shree):
        yield shree


def test_the_notice_lists_purpose_channels_data_and_the_ways_out(here: Workspace) -> None:
    here.email, here.phone, here.address = "desk@shree.example.in", "+912532345678", "12 Main Road\nNashik"
    text = notices.show(workspace=here, purposes=["reminders"], language="en", at=AT).text
    assert text.startswith(f"{here.name} asks for your agreement.")
    assert "WhatsApp, SMS, and e-mail" in text
    pages = [f"{settings.BASE_URL}/w/{here.pk}/{name}/" for name in ("choices", "privacy")]
    assert f"{'; '.join(pages)}; desk@shree.example.in; +912532345678; 12 Main Road Nashik" in text
    assert "take your agreement back at any time" in text
    assert "Data Protection Board" in text


def test_the_legal_name_asks_where_there_is_one(here: Workspace) -> None:
    here.legal_name = "Shree Services LLP"
    text = notices.show(workspace=here, purposes=["reminders"], language="en", at=AT).text
    assert text.startswith("Shree Services LLP asks")


def test_once_a_policy_is_published_its_parties_ask(here: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    in_force = rules.of(here.pk)
    monkeypatch.setattr(rules, "of", lambda workspace: rules.Rules(in_force.policy, version=3))
    notice = notices.show(workspace=here, purposes=["reminders"], language="en", at=AT)
    parties = in_force.policy.parties
    assert notice.policy_version == 3
    assert notice.text.startswith(f"{parties.operator.name} asks")
    assert parties.contact.email in notice.text and parties.officer.title in notice.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_in_every_language_each_purpose_is_said_on_its_own_lines(here: Workspace, language: str) -> None:
    one = notices.show(workspace=here, purposes=["reminders"], language=language, at=AT)
    both = notices.show(workspace=here, purposes=["reminders", "marketing"], language=language, at=AT)
    assert both.purposes == ["marketing", "reminders"]
    assert len(both.text.splitlines()) == len(one.text.splitlines()) + 3
    assert both.language == language


def test_a_notice_in_hindi_or_marathi_has_no_english_line(here: Workspace) -> None:
    for language in ("hi", "mr"):
        lines = notices.show(workspace=here, purposes=["reminders"], language=language, at=AT).text.splitlines()
        for line in lines:
            assert any("\u0900" <= letter <= "\u097f" for letter in line), line


def test_one_text_is_one_notice_however_often_it_is_shown(here: Workspace) -> None:
    first = notices.show(workspace=here, purposes=["marketing", "reminders"], language="en", at=AT)
    again = notices.show(
        workspace=here, purposes=["reminders", "marketing", "marketing"], language="en", at=AT + timedelta(days=3)
    )
    assert first.pk == again.pk and again.made_at == AT
    assert Notice.objects.of(here).count() == 1


def test_another_language_or_address_is_another_notice(here: Workspace) -> None:
    for language, address in (("en", ""), ("hi", ""), ("en", "desk@shree.example.in")):
        here.email = address
        notices.show(workspace=here, purposes=["marketing"], language=language, at=AT)
    assert Notice.objects.of(here).count() == 3


def test_for_a_purpose_nobody_declared_there_is_no_notice(here: Workspace) -> None:
    with pytest.raises(rules.UnknownPurpose):
        notices.show(workspace=here, purposes=["marketing", "selling"], language="en", at=AT)
    assert not Notice.objects.of(here).exists()


def test_only_the_channels_that_are_asked_for_are_named(here: Workspace) -> None:
    def by(*channels: str) -> str:
        wanted = [("marketing", channel) for channel in channels]
        text = notices.text_of(workspace=here, purposes=["marketing"], language="en", wanted=wanted)
        return next(line for line in text.splitlines() if line.startswith("By: "))

    assert by("sms") == "By: SMS"
    assert (by("email", "whatsapp"), by()) != (by(), by("email", "whatsapp"))
    assert "call" in by() and "call" not in by("email", "whatsapp")
    offered = notices.offer(workspace=here, purposes=["marketing"], language="en", wanted=[("marketing", "sms")])
    with pytest.raises(notices.Stale):  # a yes to one channel does not stand under a text that named them all
        notices.as_shown(offered.mark, workspace=here, purposes=["marketing"], at=clock.now())
