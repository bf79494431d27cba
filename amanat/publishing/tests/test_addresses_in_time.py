"""Moments of a published address: when a confirmation counts, is asked for again, waits; whose code it is; what the page answers."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry, LocalMessage
from amanat.policy import loading
from amanat.publishing import addresses, versions
from amanat.publishing.addresses import ASKED_AGAIN, COUNTS_FOR, LIFE, Standing
from amanat.publishing.models import AddressCheck
from amanat.publishing.tests.samples import NOW, SOURCE, changed, published

PRIVACY, OFFICER = "privacy@shree.test", "officer@shree.test"
MOMENT = timedelta(microseconds=1)
#: The officer has an address of its own.
TWO = ('Data Protection and Grievance Officer, email: "privacy@shree.test"',
       'Data Protection and Grievance Officer, email: "officer@shree.test"')  # fmt: skip


@pytest.fixture(autouse=True)
def _kept_in_the_database(settings: Any) -> None:
    settings.MAILERS = {"default": {"BACKEND": "amanat.core.outbox.EmailBackend"}}


@pytest.fixture
def here(shree: Workspace) -> Workspace:
    """A workspace whose policy names two addresses."""
    published(shree, source=changed(TWO))
    return shree


def ask(workspace: Workspace, address: str, at: datetime) -> str:
    with clock.standing_at(at), tenancy.inside(workspace):
        policy = versions.in_force(workspace).policy
        addresses.ask(address, policy=policy, by=owner_of(workspace), who="Shree", at=at)
    mail = LocalMessage.objects.filter(to=address.strip().lower()).order_by("-id").first()
    assert mail is not None
    found = re.search(r"\b\d{6}\b", mail.body)
    assert found is not None
    return found[0]


def confirm(workspace: Workspace, address: str, code: str, at: datetime) -> AddressCheck:
    with clock.standing_at(at), tenancy.inside(workspace):
        return addresses.confirm(address, code=code, by=owner_of(workspace), at=at)


def stands(workspace: Workspace, at: datetime) -> dict[str, Standing]:
    with clock.standing_at(at), tenancy.inside(workspace):
        policy = versions.in_force(workspace).policy
        return {one.address: one for one in addresses.standing(policy, workspace_id=workspace.pk, at=at)}


# --- without a database ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "counts", "is_asked"),
    [
        (timedelta(0), True, False),
        (COUNTS_FOR - ASKED_AGAIN - MOMENT, True, False),
        (COUNTS_FOR - ASKED_AGAIN, True, True),
        (COUNTS_FOR - MOMENT, True, True),
        (COUNTS_FOR, False, True),
        (COUNTS_FOR + MOMENT, False, True),
    ],
)
def test_a_confirmation_counts_for_half_a_year_and_is_asked_for_two_weeks_before(
    after: timedelta, counts: bool, is_asked: bool
) -> None:
    one = Standing(PRIVACY, NOW, waits=False)
    assert (one.counts(NOW + after), one.is_asked(NOW + after)) == (counts, is_asked)
    assert one.counts_until() == NOW + timedelta(days=182)


def test_what_was_never_confirmed_counts_for_nothing_and_is_asked_at_once() -> None:
    one = Standing(PRIVACY, None, waits=True)
    assert (one.counts_until(), one.counts(NOW), one.is_asked(NOW)) == (None, False, True)


@pytest.mark.parametrize(
    ("contact", "officer", "shown"),
    [
        ("a@x.test", "b@x.test", ["a@x.test", "b@x.test"]),
        (" A@X.test ", "a@x.TEST", ["a@x.test"]),
        ("", "b@x.test", ["b@x.test"]),
        ("a@x.test", "", ["a@x.test"]),
        ("", "", []),
        ("by post only", "b@x.test", ["b@x.test"]),
    ],
)
def test_only_what_is_an_address_is_published_each_once(contact: str, officer: str, shown: list[str]) -> None:
    policy = loading.load(SOURCE).policy
    parties = policy.parties.model_copy(
        update={
            "contact": policy.parties.contact.model_copy(update={"email": contact}),
            "officer": policy.parties.officer.model_copy(update={"email": officer}),
        }
    )
    assert addresses.published(policy.model_copy(update={"parties": parties})) == shown


# --- codes ------------------------------------------------------------------------------------------------------------------------


def test_a_code_confirms_its_own_address_only(here: Workspace) -> None:
    code = ask(here, PRIVACY, NOW)
    found = stands(here, NOW)
    assert (found[PRIVACY].waits, found[OFFICER].waits) == (True, False)
    with pytest.raises(addresses.WrongCode):
        confirm(here, OFFICER, code, NOW)
    ask(here, OFFICER, NOW + MOMENT)
    if code != ask(here, OFFICER, NOW + 2 * MOMENT):
        with pytest.raises(addresses.WrongCode):
            confirm(here, OFFICER, code, NOW + 3 * MOMENT)
    check = confirm(here, f" {PRIVACY.upper()} ", code, NOW + 3 * MOMENT)
    assert (check.address, check.confirmed_by) == (PRIVACY, owner_of(here))
    found = stands(here, NOW + 3 * MOMENT)
    assert (found[PRIVACY].confirmed_at, found[OFFICER].confirmed_at) == (NOW + 3 * MOMENT, None)


def test_a_code_waits_a_day_to_the_moment(here: Workspace) -> None:
    ask(here, PRIVACY, NOW)
    assert stands(here, NOW + LIFE - MOMENT)[PRIVACY].waits
    assert not stands(here, NOW + LIFE)[PRIVACY].waits


@pytest.mark.parametrize(("after", "works"), [(LIFE - MOMENT, True), (LIFE, False)])
def test_a_code_works_a_day_to_the_moment(here: Workspace, after: timedelta, works: bool) -> None:
    code = ask(here, PRIVACY, NOW)
    if works:
        confirm(here, PRIVACY, code, NOW + after)
    else:
        with pytest.raises(addresses.WrongCode):
            confirm(here, PRIVACY, code, NOW + after)
    assert bool(stands(here, NOW + after)[PRIVACY].confirmed_at) == works


def test_what_stood_at_an_earlier_moment_is_told_as_it_was(here: Workspace) -> None:
    code = ask(here, PRIVACY, NOW + timedelta(hours=1))
    confirm(here, PRIVACY, code, NOW + timedelta(hours=2))
    assert stands(here, NOW)[PRIVACY] == Standing(PRIVACY, None, waits=False)
    assert stands(here, NOW + timedelta(hours=2))[PRIVACY].confirmed_at == NOW + timedelta(hours=2)
    assert stands(here, NOW + timedelta(hours=1, minutes=59))[PRIVACY].confirmed_at is None


def test_the_newest_confirmation_counts_and_a_later_code_takes_nothing_away(here: Workspace) -> None:
    first, second = NOW, NOW + timedelta(days=100)
    confirm(here, PRIVACY, ask(here, PRIVACY, first), first)
    confirm(here, PRIVACY, ask(here, PRIVACY, second), second)
    third = second + timedelta(days=1)
    ask(here, PRIVACY, third)
    one = stands(here, third)[PRIVACY]
    assert (one.confirmed_at, one.waits) == (second, True)


def test_the_ledger_says_who_asked_and_who_confirmed_without_the_address(here: Workspace) -> None:
    check = confirm(here, PRIVACY, ask(here, PRIVACY, NOW), NOW)
    with tenancy.inside(here):
        found = list(LedgerEntry.objects.of(here).filter(about=check.pk).order_by("at", "id"))
    assert [one.event for one in found] == ["publishing.address.asked", "publishing.address.confirmed"]
    assert {one.actor for one in found} == {owner_of(here).pk}
    assert all(PRIVACY not in str(one.facts) for one in found)


def test_the_code_stands_in_the_mail_and_nowhere_in_the_row(here: Workspace) -> None:
    code = ask(here, PRIVACY, NOW)
    mail = LocalMessage.objects.get(to=PRIVACY)
    assert "Shree names this address" in mail.body and "works for a day" in mail.body
    with tenancy.inside(here):
        row = AddressCheck.objects.of(here).get()
    assert code.encode() not in bytes(row.code)
    assert (row.sent_at, row.ends_at, row.sent_by_id) == (NOW, NOW + LIFE, owner_of(here).pk)


def test_a_mail_that_cannot_go_leaves_no_code_behind(here: Workspace, settings: Any) -> None:
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend",
                                    "OPTIONS": {"host": "127.0.0.1", "port": 1}}}  # fmt: skip
    client = signed_in(owner_of(here))
    with clock.standing_at(NOW):
        answer = client.post(reverse("publishing:policy_address_code"), {"address": PRIVACY})
    assert said(answer) == ["The mail could not be sent. Try again later."]
    assert not stands(here, NOW)[PRIVACY].waits


# --- the page ---------------------------------------------------------------------------------------------------------------------


def said(answer: Any) -> list[str]:
    """The newest message: those before it wait for a page, too."""
    return [str(one) for one in get_messages(answer.wsgi_request)][-1:]


def post(client: Client, at: datetime = NOW, **data: str) -> list[str]:
    with clock.standing_at(at):
        answer = client.post(reverse("publishing:policy_address_code"), data)
    assert (answer.status_code, answer["Location"]) == (303, reverse("publishing:policy_addresses"))
    return said(answer)


def test_the_page_says_what_became_of_each_step(here: Workspace) -> None:
    client = signed_in(owner_of(here))
    wrong = "This is not the code, or its time is over. Send a new one."
    assert post(client, address="no address") == [wrong]
    assert post(client, address=PRIVACY, code="") == [wrong]
    assert post(client, address=PRIVACY, code="1" * 21) == [wrong]
    assert post(client, address="else@shree.test") == ["The policy in force does not name this address."]
    assert post(client, address=PRIVACY) == [f"A code is on its way to {PRIVACY}."]
    mail = LocalMessage.objects.get(to=PRIVACY)
    code = re.search(r"\b\d{6}\b", mail.body)
    assert code is not None
    assert post(client, address=PRIVACY, code="x") == [wrong]
    assert post(client, address=PRIVACY, code=code[0]) == [f"Mail to {PRIVACY} arrives: that is on record now."]
    assert post(client, address=PRIVACY, code=code[0]) == [wrong]


def test_the_page_refuses_too_many_sendings_by_address(here: Workspace) -> None:
    client = signed_in(owner_of(here))
    for _ in range(5):
        assert post(client, address=PRIVACY) == [f"A code is on its way to {PRIVACY}."]
    assert post(client, address=PRIVACY.upper()) == ["That was too often. Try again later."]
    assert post(client, address=OFFICER) == [f"A code is on its way to {OFFICER}."]
    assert LocalMessage.objects.filter(to=PRIVACY).count() == 5


def test_the_page_shows_each_address_with_its_own_state(here: Workspace) -> None:
    confirm(here, PRIVACY, ask(here, PRIVACY, NOW), NOW)
    shown = {
        timedelta(0): (),
        COUNTS_FOR - ASKED_AGAIN: ("Ends soon",),
        COUNTS_FOR: ("Confirm again",),
    }
    for after, tags in shown.items():
        with clock.standing_at(NOW + after):
            page = signed_in(owner_of(here)).get(reverse("publishing:policy_addresses")).content.decode()
        first, second = page[page.index(f"<h2>{PRIVACY}") :].split(f"<h2>{OFFICER}")
        words = ("Ends soon", "Confirm again", "Not confirmed")
        assert tuple(word for word in words if word in first) == tags
        assert "Counts until" in first and "Not confirmed" in second and "Counts until" not in second
