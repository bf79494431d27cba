"""Addresses that must not be written to: kept as keyed hashes, by purpose and channel, act after act."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.basis import suppression
from amanat.basis.models import Suppression
from amanat.core import tenancy
from amanat.core.models import LedgerEntry

AT = datetime(2026, 12, 1, 6, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PHONE, EMAIL = "+919822041736", "asha@example.in"
Reason = Suppression.Reason


@pytest.fixture(autouse=True)
def inside(shree: Workspace) -> Iterator[None]:
    with tenancy.inside(shree):
        yield


def add(workspace: Workspace, *addresses: str, purpose: str = "", channel: str = "", at: datetime = AT) -> int:
    return suppression.add(
        addresses, workspace=workspace, reason=Reason.COMPLAINT, at=at, purpose=purpose, channel=channel
    )


def against(workspace: Workspace, purpose: str, channel: str, at: datetime = AT) -> dict[str, str]:
    return suppression.against([PHONE, EMAIL], workspace=workspace, purpose=purpose, channel=channel, at=at)


def test_no_address_stands_in_the_table_and_a_plain_hash_finds_none(shree: Workspace) -> None:
    add(shree, PHONE)
    kept = bytes(Suppression.objects.of(shree).get().digest)
    assert kept not in {hashlib.new(how, PHONE.encode()).digest() for how in ("sha256", "blake2s", "sha3_256")}
    assert suppression.digest(f" {PHONE} ", workspace_id=shree.pk) == kept
    assert suppression.digest(EMAIL.upper(), workspace_id=shree.pk) == suppression.digest(EMAIL, workspace_id=shree.pk)


def test_each_workspace_has_hashes_of_its_own(shree: Workspace) -> None:
    assert suppression.digest(PHONE, workspace_id=shree.pk) != hashlib.sha256(PHONE.encode()).digest()
    assert suppression.mark(b"a", "b", "c") != suppression.mark(b"a", "bc", "") != suppression.mark(b"ab", "c", "")


def test_the_database_hashes_as_we_do(shree: Workspace) -> None:
    """The gate asks by `keyed_hash` in the database, rows are written by `digest` here."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT keyed_hash(%s, %s, %s)", [*suppression.pads(shree.pk), PHONE])
        assert bytes(cursor.fetchone()[0]) == suppression.digest(PHONE, workspace_id=shree.pk)


@pytest.mark.parametrize(
    ("purpose", "channel", "stops"),
    [
        ("", "", {("marketing", "sms"), ("marketing", "email"), ("service", "sms")}),
        ("marketing", "", {("marketing", "sms"), ("marketing", "email")}),
        ("", "sms", {("marketing", "sms"), ("service", "sms")}),
        ("marketing", "sms", {("marketing", "sms")}),
    ],
)
def test_nothing_said_of_purpose_or_channel_means_all(
    shree: Workspace, purpose: str, channel: str, stops: set[tuple[str, str]]
) -> None:
    add(shree, PHONE, purpose=purpose, channel=channel)
    asked = [("marketing", "sms"), ("marketing", "email"), ("service", "sms")]
    assert {one for one in asked if against(shree, *one)} == stops
    assert suppression.standing([PHONE], workspace=shree, at=AT) == [(purpose, channel)]
    assert (suppression.among([PHONE, EMAIL], workspace=shree, at=AT) == {PHONE: "complaint"}) is (
        purpose == channel == ""
    )


def test_the_same_act_twice_is_one_and_an_empty_address_none(shree: Workspace) -> None:
    assert (add(shree, PHONE, "", EMAIL), add(shree, PHONE), Suppression.objects.of(shree).count()) == (2, 0, 2)
    assert against(shree, "marketing", "sms", AT - MINUTE) == {}, "not before it was said"
    said = LedgerEntry.objects.of(shree).filter(event="basis.suppression.added").get()
    assert said.facts == {"count": 2, "reason": "complaint", "purpose": "", "channel": ""}
    assert suppression.lift([PHONE], workspace=shree, at=AT, purpose="service", channel="email") == 1
    assert suppression.lift([PHONE], workspace=shree, at=AT, purpose="service", channel="email") == 0
    assert LedgerEntry.objects.of(shree).filter(event="basis.suppression.lifted").count() == 1


def test_agreeing_again_lifts_what_stood_in_its_way_and_nothing_else(shree: Workspace) -> None:
    for purpose, channel in (("", ""), ("marketing", "sms"), ("marketing", "email"), ("service", "")):
        add(shree, PHONE, purpose=purpose, channel=channel)
    later = AT + MINUTE
    assert suppression.lift([PHONE], workspace=shree, at=later, purpose="marketing", channel="sms") == 2
    assert suppression.standing([PHONE], workspace=shree, at=later) == [("marketing", "email"), ("service", "")]
    assert len(suppression.standing([PHONE], workspace=shree, at=AT)) == 4, "what was so then stays so"


def test_allowing_again_lifts_what_is_named_and_says_who_heard_it(shree: Workspace) -> None:
    for purpose in ("", "service"):
        add(shree, PHONE, purpose=purpose, channel="")
    rekha = owner_of(shree)
    allowed = suppression.allow([PHONE], workspace=shree, at=AT + MINUTE, scopes=[("service", "")], by=rekha)
    assert (allowed, suppression.standing([PHONE], workspace=shree, at=AT + MINUTE)) == (1, [("", "")])
    said = LedgerEntry.objects.of(shree).filter(event="basis.suppression.lifted").get()
    assert (said.actor, said.facts["purpose"], PHONE in str(said.facts)) == (rekha.pk, "service", False)


def test_many_are_asked_about_by_one_statement(
    shree: Workspace, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for count in (1, 30):
        addresses = [f"+9198220{number:05}" for number in range(count)]
        add(shree, *addresses)
        with django_assert_num_queries(1):
            found = suppression.against(addresses, workspace=shree, purpose="marketing", channel="sms", at=AT)
        assert len(found) == count
