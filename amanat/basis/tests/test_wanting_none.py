"""Who wants none of a purpose gets none over any channel; taken back is only what was given; each later yes opens its own channel."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amanat.accounts.models import Workspace
from amanat.basis import consent, gate, notices, objections, pauses, suppression
from amanat.basis.consent import How
from amanat.basis.gate import Reason
from amanat.basis.models import ConsentRecord, Method, Notice, Objection
from amanat.basis.tests.people import make_contact
from amanat.core import tenancy
from amanat.core.models import LedgerEntry
from amanat.people.models import Contact, Email, Phone

START, TODAY = datetime(2026, 12, 1, 6, tzinfo=UTC), date(2026, 12, 1)
HERSELF, FILE = How(Method.LINK), How(Method.FILE)
CHANNELS = ("sms", "whatsapp", "email")


@pytest.fixture
def here(db: None, shree: Workspace) -> Iterator[Workspace]:
    with tenancy.inside(shree):
        yield shree


@pytest.fixture
def notice(here: Workspace) -> Notice:
    return notices.show(workspace=here, purposes=["marketing"], language="en", at=START)


@pytest.fixture
def asha(here: Workspace) -> Contact:
    return make_contact(here, "Asha Menon", phone="+919822041736", email="asha@example.in")


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


def give(asha: Contact, notice: Notice | None, channel: str, at: datetime) -> None:
    how = HERSELF if notice else FILE
    consent.give(contact=asha, purpose="marketing", channels=[channel], notice=notice, how=how, at=at)


def none(asha: Contact, at: datetime) -> list[ConsentRecord]:
    return objections.want_none(contact=asha, purpose="marketing", how=HERSELF, at=at)


def may(asha: Contact, channel: str, at: datetime) -> Reason:
    return gate.decide(
        asha, workspace=asha.workspace_id, purpose="marketing", channel=channel, at=at, today=TODAY
    ).reason


def test_taken_back_is_what_she_agreed_to_and_the_wish_is_written_once(asha: Contact, notice: Notice) -> None:
    give(asha, notice, "sms", minute(0))
    assert [(one.channel, str(one.what)) for one in none(asha, minute(1))] == [("sms", "withdrawn")]
    assert none(asha, minute(2)) == []
    [wish] = Objection.objects.of(asha.workspace_id)
    assert (wish.purpose, wish.until_yes, wish.said, wish.at) == ("marketing", True, "Wants none", minute(1))
    events = (
        LedgerEntry.objects.of(asha.workspace_id).filter(about=asha.pk).order_by("id").values_list("event", flat=True)
    )
    assert [one for one in events if one.startswith("basis.")] == [
        "basis.consent.given", "basis.consent.withdrawn", "basis.objection.none_wanted",
    ]  # fmt: skip


def test_it_holds_for_an_address_that_comes_later_and_what_a_file_declares(asha: Contact) -> None:
    none(asha, minute(0))
    Phone.objects.of(asha.workspace_id).filter(contact=asha).delete()
    Email.objects.of(asha.workspace_id).filter(contact=asha).delete()
    Contact.objects.of(asha.workspace_id).filter(pk=asha.pk).update(
        main_phone="+919822099999", main_email="new@example.in"
    )
    for channel in CHANNELS:
        give(asha, None, channel, minute(1))
        assert may(asha, channel, minute(2)) is Reason.OBJECTION


def test_it_holds_for_another_record_with_her_number(asha: Contact, here: Workspace, notice: Notice) -> None:
    twin = make_contact(here, "A. Menon", phone="+919822041736")
    give(twin, notice, "whatsapp", minute(0))
    none(asha, minute(1))
    assert may(twin, "whatsapp", minute(2)) is Reason.SUPPRESSED


def test_an_objection_proper_is_not_made_less_by_the_wish(asha: Contact, notice: Notice) -> None:
    objections.make(contact=asha, purpose="marketing", how=HERSELF, at=minute(0))
    none(asha, minute(1))
    give(asha, notice, "sms", minute(2))
    assert may(asha, "sms", minute(3)) is Reason.OBJECTION


def test_a_pause_becomes_the_wish_and_an_objection_by_mail_is_no_pause(asha: Contact) -> None:
    objections.make(contact=asha, purpose="marketing", how=How(Method.MESSAGE), at=minute(0))
    by_mail = How(Method.MESSAGE, evidence={"request": "1"})
    objections.make(contact=asha, purpose="reminders", how=by_mail, at=minute(0))
    assert [one.purpose for one in pauses.standing(asha, at=minute(1))] == ["marketing"]
    none(asha, minute(1))
    assert pauses.standing(asha, at=minute(2)) == []
    assert objections.standing(asha, at=minute(2)) == {"marketing", "reminders"}


def test_after_a_yes_to_one_channel_a_message_that_sounds_like_a_stop_counts_again(
    asha: Contact, notice: Notice
) -> None:
    none(asha, minute(0))
    assert objections.closed(asha, at=minute(1)) == {"marketing"}
    give(asha, notice, "sms", minute(1))
    assert objections.closed(asha, at=minute(2)) == frozenset()
    assert objections.standing(asha, at=minute(2)) == {"marketing"}


class Clerk:
    """What must hold, kept by hand, channel by channel."""

    def __init__(self) -> None:
        self.yes = dict.fromkeys(CHANNELS, False)
        self.stopped = dict.fromkeys(CHANNELS, False)  #: by her own word; a file says nothing against it
        self.objects = False

    def take(self, act: str, channel: str) -> None:
        match act:
            case "yes":
                self.yes[channel], self.stopped[channel] = True, False
            case "file":
                self.yes[channel] = True
            case "stop":
                self.yes[channel], self.stopped[channel] = False, True
            case "none":
                self.yes, self.stopped = dict.fromkeys(CHANNELS, False), dict.fromkeys(CHANNELS, True)
            case _:
                self.objects = act == "object"

    def allows(self, channel: str) -> bool:
        return self.yes[channel] and not self.stopped[channel] and not self.objects


ACTS = st.tuples(
    st.sampled_from(["yes", "file", "stop", "none", "none", "object", "object no more"]), st.sampled_from(CHANNELS)
)


@pytest.mark.slow
@given(acts=st.lists(ACTS, max_size=10))
@settings(max_examples=25, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_in_whatever_order_the_last_word_on_each_channel_holds_and_no_withdrawal_is_of_nothing(
    here: Workspace, notice: Notice, acts: list[tuple[str, str]]
) -> None:
    number = f"+91{uuid4().int % 4_000_000_000 + 6_000_000_000}"
    asha, clerk = make_contact(here, "Asha", phone=number, email=f"{uuid4().hex}@example.in"), Clerk()
    for place, (act, channel) in enumerate(acts):
        at, about = minute(place), {"contact": asha, "how": HERSELF, "at": minute(place), "purpose": "marketing"}
        match act:
            case "yes" | "file":
                give(asha, notice if act == "yes" else None, channel, at)
            case "stop":
                consent.withdraw(**about, channels=[channel])
            case "none":
                none(asha, at)
            case "object":
                objections.make(**about | {"purpose": ""})
            case _:
                objections.withdraw(**about | {"purpose": ""})
        clerk.take(act, channel)
        real = {one: may(asha, one, minute(place + 0.5)) is Reason.CONSENT for one in CHANNELS}
        assert real == {one: clerk.allows(one) for one in CHANNELS}
    last: dict[str, str] = {}
    for record in ConsentRecord.objects.of(here).filter(contact=asha).order_by("at", "id"):
        assert record.what != "withdrawn" or last.get(record.channel) == "given"
        last[record.channel] = record.what


def test_a_yes_to_one_number_leaves_the_other_channels_of_that_number_stopped(asha: Contact, notice: Notice) -> None:
    none(asha, minute(0))
    give(asha, notice, "whatsapp", minute(1))
    stops = suppression.standing(["+919822041736"], workspace=asha.workspace_id, at=minute(2))
    assert ("marketing", "sms") in stops and ("marketing", "whatsapp") not in stops
    assert may(asha, "sms", minute(2)) is Reason.SUPPRESSED
