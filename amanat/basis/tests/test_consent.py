"""What follows from a yes, a no and a yes taken back: who is told, which addresses are stopped, what is remembered outside the database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from amanat.accounts.models import Workspace
from amanat.basis import consent, endings, notices, objections, restrictions, suppression
from amanat.basis.consent import How
from amanat.basis.models import ConsentRecord, Method, Notice, Restriction
from amanat.basis.rules import Rules
from amanat.basis.tests.people import make_contact
from amanat.core import tenancy, tombstones
from amanat.core.models import LedgerEntry
from amanat.core.tombstones import Kind
from amanat.people.models import Contact
from amanat.policy import ready

AT = datetime(2026, 12, 1, 6, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
PHONE, EMAIL = "+919822041736", "asha@example.in"
RAVI = ("+919822041799", "ravi@example.in")
HERSELF = How(Method.LINK)


@pytest.fixture
def asha(db: None, shree: Workspace) -> Iterator[Contact]:
    with tenancy.inside(shree):
        yield make_contact(shree, "Asha Menon", phone=PHONE, email=EMAIL)


@pytest.fixture
def notice(asha: Contact, shree: Workspace) -> Notice:
    return notices.show(workspace=shree, purposes=["marketing"], language="en", at=AT)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[UUID, UUID, str, datetime]]:
    """What a part above hears."""
    heard: list[tuple[UUID, UUID, str, datetime]] = []
    monkeypatch.setattr(endings, "_hooks", [lambda *said: heard.append(said)])
    return heard


def gives(contact: Contact, notice: Notice, at: datetime = AT, **said: Any) -> list[ConsentRecord]:
    return consent.give(
        contact=contact, purpose="marketing", channels=["sms", "email"], notice=notice, how=HERSELF, at=at, **said
    )


@pytest.mark.slow
def test_whoever_listens_hears_each_end_of_a_yes_and_no_beginning(
    asha: Contact, notice: Notice, told: list[tuple[UUID, UUID, str, datetime]]
) -> None:
    here = asha.workspace_id
    record = gives(asha, notice)[0]
    assert told == []
    consent.refuse(contact=asha, purpose="marketing", channels=["sms"], notice=notice, how=HERSELF, at=AT)
    consent.withdraw(contact=asha, purpose="marketing", channels=["sms", "email"], how=HERSELF, at=LATER)
    consent.withdraw_again(record, at=LATER)
    objections.make(contact=asha, purpose="support", how=HERSELF, at=LATER)
    assert told == [
        (here, asha.pk, "marketing", AT), (here, asha.pk, "marketing", LATER), (here, asha.pk, "marketing", LATER),
        (here, asha.pk, "support", LATER),
    ]  # fmt: skip


@pytest.mark.parametrize(("channel", "stopped", "left"), [("sms", PHONE, EMAIL), ("email", EMAIL, PHONE)])
def test_a_yes_taken_back_stops_the_addresses_of_its_channel_alone(
    asha: Contact, shree: Workspace, channel: str, stopped: str, left: str
) -> None:
    make_contact(shree, "Ravi Rao", phone=RAVI[0], email=RAVI[1])
    consent.withdraw(contact=asha, purpose="marketing", channels=[channel], how=HERSELF, at=AT)
    assert suppression.standing(RAVI, workspace=shree, at=AT) == []
    assert suppression.standing([stopped], workspace=shree, at=AT) == [("marketing", channel)]
    assert suppression.standing([left], workspace=shree, at=AT) == []


def test_a_purpose_without_channels_stops_no_address(asha: Contact, shree: Workspace) -> None:
    consent.withdraw(contact=asha, purpose="record", how=HERSELF, at=AT)
    assert suppression.standing([PHONE, EMAIL], workspace=shree, at=AT) == []


def test_outside_the_database_stands_each_end_and_a_yes_only_after_one(
    asha: Contact, notice: Notice, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[tuple[Kind, list[UUID], datetime]] = []
    monkeypatch.setattr(
        tombstones, "record", lambda kind, subjects, *, at, **more: kept.append((kind, list(subjects), at))
    )
    ravi = make_contact(Workspace.objects.of(asha.workspace_id).get(), "Ravi Rao")
    for contact, purpose, channel in (
        (ravi, "marketing", "sms"),
        (asha, "reminders", "sms"),
        (asha, "marketing", "call"),
    ):
        consent.withdraw(contact=contact, purpose=purpose, channels=[channel], how=HERSELF, at=AT)
    kept.clear()
    sms, email = (consent.mark(asha.pk, "marketing", channel) for channel in ("sms", "email"))
    gives(asha, notice)
    assert kept == []
    consent.refuse(contact=asha, purpose="marketing", channels=["sms"], notice=notice, how=HERSELF, at=LATER)
    gives(asha, notice, at=AT + timedelta(minutes=1))
    assert kept == [(Kind.CONSENT_OVER, [sms], LATER)], "at that moment she had not said no yet"
    gives(asha, notice, at=LATER)
    assert kept[1:] == [(Kind.CONSENT_AGAIN, sorted([email, sms], key=[email, sms].index), LATER)]


@pytest.mark.parametrize(("until", "refused"), [(AT - timedelta(1), True), (AT, True), (AT + timedelta(1), False)])
def test_a_yes_ends_after_it_begins(asha: Contact, notice: Notice, until: datetime, refused: bool) -> None:
    if refused:
        with pytest.raises(consent.AlreadyPast):
            gives(asha, notice, until=until)
    else:
        assert [record.until for record in gives(asha, notice, until=until)] == [until, until]


def test_only_a_yes_to_what_the_purpose_means_now_counts(asha: Contact, notice: Notice) -> None:
    policy, shown = ready.policy("default"), notice.policy_version
    record = gives(asha, notice)[0]
    [no] = consent.refuse(contact=asha, purpose="marketing", channels=["sms"], notice=notice, how=HERSELF, at=LATER)
    [from_a_file] = consent.give(
        contact=asha, purpose="marketing", channels=["sms"], notice=None, how=How(Method.FILE), at=LATER
    )
    for since, counts in ((None, True), (shown, True), (shown + 1, False)):
        in_force = Rules(policy, shown + 1, {} if since is None else {"marketing": since})
        assert consent.still_counts(record, in_force) is counts
        assert consent.still_counts(from_a_file, in_force) is counts, "what held at its time"
        assert not consent.still_counts(no, in_force)


def test_what_stands_is_hers_and_the_last_before_the_moment(asha: Contact, notice: Notice) -> None:
    ravi = make_contact(Workspace.objects.of(asha.workspace_id).get(), "Ravi Rao")
    [email, yes] = gives(asha, notice)
    gives(ravi, notice)
    [no] = consent.withdraw(contact=asha, purpose="marketing", channels=["sms"], how=HERSELF, at=LATER)
    assert consent.standing(asha, at=AT - timedelta(seconds=1)) == {}
    assert consent.standing(asha, at=AT)["marketing", "sms"] == yes
    assert consent.standing(asha, at=LATER) == {("marketing", "sms"): no, ("marketing", "email"): email}
    assert (no.evidence, no.method) == ({}, Method.LINK)


def test_a_restriction_holds_from_its_moment_and_is_in_the_ledger(asha: Contact) -> None:
    ground = Restriction.Ground.CLAIMS
    restrictions.impose(contact=asha, ground=ground, how=HERSELF, at=AT)
    restrictions.lift(contact=asha, ground=ground, how=HERSELF, at=LATER)
    moments = (AT - timedelta(seconds=1), AT, LATER - timedelta(seconds=1), LATER)
    assert [len(restrictions.standing(asha, at=at)) for at in moments] == [0, 1, 1, 0]
    said = LedgerEntry.objects.of(asha.workspace_id).filter(event__startswith="basis.restriction.", about=asha.pk)
    assert sorted(said.values_list("event", "facts__ground")) == [
        ("basis.restriction.imposed", "claims"), ("basis.restriction.lifted", "claims"),
    ]  # fmt: skip
