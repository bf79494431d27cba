"""A published address counts as read once the code that was mailed there was typed in, for half a year."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry, LocalMessage
from amanat.policy.probing import Asked, Finding
from amanat.publishing import addresses, probes_addresses, versions
from amanat.publishing.addresses import COUNTS_FOR, Standing
from amanat.publishing.models import AddressCheck
from amanat.publishing.tests.samples import NOW, SOURCE, published

PRIVACY = "privacy@shree.test"


@pytest.fixture(autouse=True)
def _kept_in_the_database(settings: Any) -> None:
    settings.MAILERS = {"default": {"BACKEND": "amanat.core.outbox.EmailBackend"}}


@pytest.fixture
def here(shree: Workspace) -> Workspace:
    published(shree)
    return shree


def ask(workspace: Workspace, address: str = PRIVACY, *, days: float = 0) -> str:
    """Sends a code and returns it as it stands in the mail."""
    at = NOW + timedelta(days=days)
    with clock.standing_at(at), tenancy.inside(workspace):
        policy = versions.in_force(workspace).policy
        addresses.ask(address, policy=policy, by=owner_of(workspace), who="Shree", at=at)
    mail = LocalMessage.objects.filter(to=address).order_by("-id").first()
    assert mail is not None
    found = re.search(r"\b\d{6}\b", mail.body)
    assert found is not None
    return found[0]


def confirm(workspace: Workspace, code: str, *, days: float = 0) -> None:
    at = NOW + timedelta(days=days)
    with clock.standing_at(at), tenancy.inside(workspace):
        addresses.confirm(PRIVACY, code=code, by=owner_of(workspace), at=at)


def stands(workspace: Workspace, *, days: float = 0) -> list[Standing]:
    at = NOW + timedelta(days=days)
    with clock.standing_at(at), tenancy.inside(workspace):
        return addresses.standing(versions.in_force(workspace).policy, workspace_id=workspace.pk, at=at)


def probe(workspace: Workspace, *, days: float = 0) -> Finding:
    at = NOW + timedelta(days=days)
    with clock.standing_at(at), tenancy.inside(workspace):
        return probes_addresses.receiving(Asked(workspace.pk, versions.in_force(workspace).policy, at))


def test_the_code_from_the_mail_confirms_the_address(here: Workspace) -> None:
    assert stands(here) == [Standing(PRIVACY, None, waits=False)]
    code = ask(here)
    assert stands(here) == [Standing(PRIVACY, None, waits=True)]
    confirm(here, f" {code[:3]} {code[3:]} ")
    assert stands(here) == [Standing(PRIVACY, NOW, waits=False)]
    with tenancy.inside(here):
        told = LedgerEntry.objects.of(here).filter(event__startswith="publishing.address.").order_by("at", "id")
        assert [(one.event, one.facts) for one in told] == [
            ("publishing.address.asked", {}),
            ("publishing.address.confirmed", {}),
        ]


def test_contact_and_officer_are_asked_each_once_whatever_the_spelling(here: Workspace) -> None:
    with tenancy.inside(here):
        policy = versions.in_force(here).policy
    officer = policy.parties.officer.model_copy(update={"email": "DPO@shree.test "})
    parties = policy.parties.model_copy(update={"officer": officer})
    assert addresses.published(policy.model_copy(update={"parties": parties})) == [PRIVACY, "dpo@shree.test"]
    same = policy.parties.officer.model_copy(update={"email": PRIVACY.upper()})
    parties = policy.parties.model_copy(update={"officer": same})
    assert addresses.published(policy.model_copy(update={"parties": parties})) == [PRIVACY]


@pytest.mark.parametrize("typed", ["", "000000", "12345", "letters"])
def test_another_code_confirms_nothing(here: Workspace, typed: str) -> None:
    right = ask(here)
    with pytest.raises(addresses.WrongCode):
        confirm(here, "111111" if typed == right else typed)
    assert stands(here)[0].confirmed_at is None


def test_a_code_works_once_for_a_day_and_only_the_newest(here: Workspace) -> None:
    first = ask(here)
    second = ask(here, days=0.1)
    if first != second:
        with pytest.raises(addresses.WrongCode):
            confirm(here, first, days=0.2)
    with pytest.raises(addresses.WrongCode):
        confirm(here, second, days=1.2)
    third = ask(here, days=2)
    confirm(here, third, days=2)
    with pytest.raises(addresses.WrongCode):
        confirm(here, third, days=2)


def test_five_wrong_tries_end_a_code(here: Workspace) -> None:
    right = ask(here)
    wrong = "111111" if right != "111111" else "222222"
    with clock.standing_at(NOW), tenancy.inside(here):  # one transaction, as a page that answers keeps what was tried
        for _ in range(5):
            with pytest.raises(addresses.WrongCode):
                addresses.confirm(PRIVACY, code=wrong, by=owner_of(here), at=NOW)
        with pytest.raises(addresses.TooMany):
            addresses.confirm(PRIVACY, code=right, by=owner_of(here), at=NOW)


def test_only_a_published_address_is_written_to(here: Workspace) -> None:
    with pytest.raises(addresses.NotPublished):
        ask(here, "somebody@else.test")
    assert not LocalMessage.objects.filter(to="somebody@else.test").exists()


def test_codes_are_not_sent_without_end(here: Workspace) -> None:
    for _ in range(5):
        ask(here)
    with pytest.raises(addresses.TooMany):
        ask(here)


def test_the_promise_is_due_until_confirmed_then_kept_for_half_a_year(here: Workspace) -> None:
    found = probe(here)
    assert (found.is_kept, found.is_due, found.facts["lacking"]) == (False, True, 1)
    confirm(here, ask(here))
    found = probe(here, days=1)
    assert (found.is_kept, found.facts["oldest"]) == (True, NOW.date().isoformat())
    assert "each confirmed by a code mailed there" in str(found.said).format(**found.facts)
    assert probe(here, days=COUNTS_FOR.days - 1).is_kept
    over = probe(here, days=COUNTS_FOR.days)
    assert (over.is_kept, over.is_due) == (False, True)
    one = stands(here, days=COUNTS_FOR.days - 15)[0]
    assert not one.is_asked(NOW + timedelta(days=COUNTS_FOR.days - 15))
    assert one.is_asked(NOW + timedelta(days=COUNTS_FOR.days - 14))


def test_a_changed_address_begins_anew(here: Workspace) -> None:
    confirm(here, ask(here))
    published(here, source=SOURCE.replace(PRIVACY, "answers@shree.test"), at=NOW + timedelta(days=1))
    assert stands(here, days=40) == [Standing("answers@shree.test", None, waits=False)]


def test_a_confirmation_of_another_workspace_counts_nothing(here: Workspace, other: Workspace) -> None:
    published(other)
    confirm(here, ask(here))
    assert stands(other)[0].confirmed_at is None


def page_of(client: Client) -> str:
    return client.get(reverse("publishing:policy_addresses")).content.decode()


@pytest.mark.slow
def test_the_owner_does_it_on_a_page(here: Workspace) -> None:
    client, say = signed_in(owner_of(here)), reverse("publishing:policy_address_code")
    assert "Not confirmed" in page_of(client)
    assert client.post(say, {"address": PRIVACY}).status_code == 303
    mail = LocalMessage.objects.get(to=PRIVACY)
    found = re.search(r"\b\d{6}\b", mail.body)
    assert found is not None
    wrong = "111111" if found[0] != "111111" else "222222"
    client.post(say, {"address": PRIVACY, "code": wrong})
    assert "This is not the code" in page_of(client)
    assert client.post(say, {"address": PRIVACY, "code": found[0]}).status_code == 303
    shown = page_of(client)
    assert "Not confirmed" not in shown and "Counts until" in shown
    client.post(say, {"address": "somebody@else.test"})
    assert "does not name this address" in page_of(client)


def test_who_may_not_change_the_policy_only_looks(here: Workspace) -> None:
    client = signed_in(make_member(here, Role.AUDITOR))
    shown = page_of(client)
    assert PRIVACY in shown and "Send a code" not in shown
    assert client.post(reverse("publishing:policy_address_code"), {"address": PRIVACY}).status_code == 403
    with tenancy.inside(here):
        assert not AddressCheck.objects.of(here).exists()
