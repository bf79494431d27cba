"""Acts in any order against a model: consent, refusal, withdrawal, objection, restriction, and the answer at every moment after each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import ProgrammingError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.basis import consent, gate, notices, objections, principals, restrictions, rules, suppression
from amanat.basis.consent import AlreadyPast, How, NoticeMissing
from amanat.basis.gate import Facts, Question, Reason
from amanat.basis.models import ConsentRecord, Decision, Method, Notice, Objection, Restriction, Suppression
from amanat.basis.rules import UnknownChannel, UnknownPurpose
from amanat.basis.tests.people import make_contact
from amanat.core import tenancy
from amanat.core.models import LedgerEntry
from amanat.people import bin as deleted
from amanat.people import merging
from amanat.people.models import Contact

START = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
TODAY = date(2026, 12, 1)
HERSELF = How(Method.LINK)

ACTS = (
    "give",
    "give_for_an_hour",
    "give_by_file",
    "refuse",
    "withdraw",
    "object",
    "object_no_more",
    "restrict",
    "unrestrict",
)


@dataclass
class Model:
    """What a careful clerk with a sheet of paper would say."""

    consent: str = ""
    ends: datetime | None = None
    stopped: bool = False
    objects: bool = False
    restricted: bool = False
    acts: list[str] = field(default_factory=list)

    def take(self, act: str, at: datetime) -> None:
        if act.startswith("give"):
            self.consent, self.ends = "given", at + timedelta(hours=1) if act == "give_for_an_hour" else None
            self.stopped = self.stopped and act == "give_by_file"
        elif act == "refuse":
            self.consent = "refused"
        elif act == "withdraw":
            self.consent, self.stopped = "withdrawn", True
        elif act.startswith("object"):
            self.objects = act == "object"
        else:
            self.restricted = act == "restrict"

    def allows(self, at: datetime) -> bool:
        agreed = self.consent == "given" and (self.ends is None or at < self.ends)
        return agreed and not (self.stopped or self.objects or self.restricted)


def carry_out(act: str, contact: Contact, notice: Notice, at: datetime) -> None:
    which = {"contact": contact, "purpose": "marketing", "channels": ["sms"], "at": at}
    match act:
        case "give" | "give_for_an_hour":
            until = at + timedelta(hours=1) if act == "give_for_an_hour" else None
            consent.give(**which, notice=notice, how=HERSELF, until=until)
        case "give_by_file":
            consent.give(**which, notice=None, how=How(Method.FILE))
        case "refuse":
            consent.refuse(**which, notice=notice, how=HERSELF)
        case "withdraw":
            consent.withdraw(**which, how=HERSELF)
        case "object":
            objections.make(contact=contact, purpose="marketing", how=HERSELF, at=at)
        case "object_no_more":
            objections.withdraw(contact=contact, purpose="marketing", how=HERSELF, at=at)
        case "restrict":
            restrictions.impose(contact=contact, ground=Restriction.Ground.REQUEST, how=HERSELF, at=at)
        case "unrestrict":
            restrictions.lift(contact=contact, ground=Restriction.Ground.REQUEST, how=HERSELF, at=at)


@pytest.fixture
def here(db: None, shree: Workspace) -> object:
    with tenancy.inside(shree):
        yield shree


def notice_of(workspace: Workspace, *purposes: str) -> Notice:
    return notices.show(workspace=workspace, purposes=purposes or ("marketing",), language="en", at=START)


@pytest.mark.slow
@given(steps=st.lists(st.tuples(st.sampled_from(ACTS), st.integers(1, 90)), max_size=12))
@settings(max_examples=25, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_said_in_whatever_order_the_gate_agrees_with_the_clerk(
    here: Workspace, steps: list[tuple[str, int]]
) -> None:
    contact = make_contact(here, "Asha", phone=f"+91{uuid4().int % 4_000_000_000 + 6_000_000_000}")
    notice, clerk, at = notice_of(here), Model(), START
    said: list[tuple[datetime, bool]] = []
    for act, minutes in steps:
        carry_out(act, contact, notice, at)
        clerk.take(act, at)
        said.append((at, clerk.allows(at)))
        at += timedelta(minutes=minutes)
        said.append((at - timedelta(microseconds=1), clerk.allows(at - timedelta(microseconds=1))))
    answers = [
        gate.decide(contact, workspace=here, purpose="marketing", channel="sms", at=moment, today=TODAY).is_agreed
        for moment, _wanted in said
    ]
    assert answers == [wanted for _moment, wanted in said]


def test_no_act_can_be_changed_or_taken_away_by_the_application(here: Workspace) -> None:
    asha = make_contact(here, "Asha", phone="+919822041736")
    consent.withdraw(contact=asha, purpose="marketing", channels=["sms"], how=HERSELF, at=START)
    objections.make(contact=asha, how=HERSELF, at=START)
    restrictions.impose(contact=asha, ground=Restriction.Ground.CLAIMS, how=HERSELF, at=START)
    gate.decide(asha, workspace=here, purpose="service", at=START, today=TODAY, what="export")
    notice_of(here)
    for kind in (ConsentRecord, Objection, Restriction, Suppression, Decision, Notice):
        rows = kind.objects.of(here)
        assert rows.exists(), kind
        field_name = "text" if kind is Notice else "at"
        for attempt in (rows.delete, lambda rows=rows, name=field_name: rows.update(**{name: None})):
            with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
                attempt()


def test_nobody_agrees_to_what_was_not_shown(here: Workspace) -> None:
    asha = make_contact(here, "Asha", phone="+919822041736")
    for notice in (None, notice_of(here, "reminders")):
        with pytest.raises(NoticeMissing):
            consent.give(contact=asha, purpose="marketing", channels=["sms"], notice=notice, how=HERSELF, at=START)
    assert not ConsentRecord.objects.of(here).exists()


@pytest.mark.parametrize("days", [0, -1])
def test_a_consent_that_ends_before_it_begins_is_refused(here: Workspace, days: int) -> None:
    asha = make_contact(here, "Asha", phone="+919822041736")
    with pytest.raises(AlreadyPast):
        consent.give(
            contact=asha, purpose="marketing", channels=["sms"], notice=notice_of(here), how=HERSELF,
            at=START, until=START + timedelta(days=days),
        )  # fmt: skip
    assert not ConsentRecord.objects.of(here).exists()


def test_one_unknown_channel_among_good_ones_writes_nothing(here: Workspace) -> None:
    asha = make_contact(here, "Asha", phone="+919822041736")
    with pytest.raises(UnknownChannel):
        consent.give(
            contact=asha, purpose="marketing", channels=["sms", "pigeon"], notice=notice_of(here), how=HERSELF, at=START
        )
    with pytest.raises(UnknownPurpose):
        consent.withdraw(contact=asha, purpose="selling", how=HERSELF, at=START)
    with pytest.raises(UnknownPurpose):
        objections.make(contact=asha, purpose="selling", how=HERSELF, at=START)
    assert not ConsentRecord.objects.of(here).exists() and not Objection.objects.of(here).exists()


def test_only_what_was_given_is_taken_back_and_a_no_without_a_yes_is_a_refusal(here: Workspace) -> None:
    asha = make_contact(here, "Asha", phone="+919822041736", email="asha@example.in")
    given = {"contact": asha, "purpose": "marketing", "channels": ["sms"], "notice": notice_of(here), "how": HERSELF}
    consent.give(**given, at=START - timedelta(days=2))
    consent.give(**given | {"channels": ["call"]}, at=START - timedelta(days=2), until=START - timedelta(days=1))
    stop = {"contact": asha, "purpose": "marketing", "channels": ["sms", "email", "call"], "how": HERSELF}
    records = consent.withdraw(**stop, at=START)
    told = [(record.channel, str(record.what)) for record in records]
    assert told == [("sms", "withdrawn"), ("call", "refused"), ("email", "refused")], "the yes to calls was over"
    assert consent.withdraw(**stop, at=START + timedelta(minutes=1)) == [], "she has said so"
    assert suppression.standing(["+919822041736", "asha@example.in"], workspace=here, at=START) == [
        ("marketing", "call"), ("marketing", "email"), ("marketing", "sms"),
    ]  # fmt: skip


def test_the_receipt_says_what_was_shown_how_and_when_and_names_nobody(here: Workspace) -> None:
    asha = make_contact(here, "Asha Menon", phone="+919822041736")
    notice = notice_of(here)
    (record,) = consent.give(
        contact=asha, purpose="marketing", channels=["sms"], notice=notice,
        how=How(Method.COUNTER, by=owner_of(here), evidence={"code": "17"}), at=START, until=START + timedelta(days=365),
    )  # fmt: skip
    told = consent.receipt(record, operator="Shree CSC Kendra")
    assert told["event"] == {
        "state": "given", "at": "2026-12-01T06:00:00+00:00", "method": "counter", "until": "2027-12-01T06:00:00+00:00",
    }  # fmt: skip
    assert told["notice"]["text"] == notice.text and told["notice"]["sha256"] == notice.digest
    assert (told["purpose"], told["channel"], told["controller"]) == ("marketing", "sms", "Shree CSC Kendra")
    assert "Asha" not in str(told) and "9822041736" not in str(told)


def test_acts_are_in_the_ledger_without_the_persons_data(here: Workspace) -> None:
    asha = make_contact(here, "Asha Menon", phone="+919822041736")
    notice = notice_of(here)
    consent.give(contact=asha, purpose="marketing", channels=["sms"], notice=notice, how=HERSELF, at=START)
    consent.withdraw(contact=asha, purpose="marketing", channels=["sms"], how=HERSELF, at=START)
    entries = LedgerEntry.objects.of(here).filter(event__startswith="basis.").order_by("event")
    assert [(entry.event, entry.about) for entry in entries if "row" not in entry.event] == [
        ("basis.consent.given", asha.pk),
        ("basis.consent.withdrawn", asha.pk),
        ("basis.suppression.added", None),
    ]
    assert "9822041736" not in str([entry.facts for entry in entries])


def test_the_same_stop_twice_is_one_suppression(here: Workspace) -> None:
    for _again in range(2):
        suppression.add(
            ["asha@example.in", "ASHA@example.in ", ""], workspace=here, reason=Suppression.Reason.OPT_OUT, at=START
        )
    assert Suppression.objects.of(here).count() == 1


def test_what_must_not_be_imported_again_is_found_without_knowing_the_address(here: Workspace) -> None:
    suppression.add(["+919822041736", "asha@example.in"], workspace=here, reason=Suppression.Reason.ERASED, at=START)
    suppression.add(["+919822041737"], workspace=here, reason=Suppression.Reason.OPT_OUT, at=START, purpose="marketing")
    asked = ["+919822041736", "+919822041737", "Asha@example.in", "om@example.in"]
    assert suppression.among(asked, workspace=here, at=START) == {
        "+919822041736": "erased",
        "Asha@example.in": "erased",
    }
    assert suppression.among(asked, workspace=here, at=START - timedelta(seconds=1)) == {}
    suppression.lift(["asha@example.in"], workspace=here, at=START, purpose="marketing", channel="email")
    assert set(suppression.among(asked, workspace=here, at=START)) == {"+919822041736"}


def test_the_database_and_the_program_hash_alike(here: Workspace) -> None:
    inner, outer = suppression.pads(here.pk)
    for address in ("+919822041736", "asha@example.in", "आशा@example.in"):
        with connection.cursor() as cursor:
            cursor.execute("SELECT keyed_hash(%s, %s, %s)", [inner, outer, address])
            assert bytes(cursor.fetchone()[0]) == suppression.digest(address, workspace_id=here.pk)


def test_after_a_merge_the_acts_of_both_are_hers(here: Workspace) -> None:
    asha, again = make_contact(here, "Asha", phone="+919822041736"), make_contact(here, "Asha M", phone="+919822041737")
    consent.give(contact=again, purpose="marketing", channels=["sms"], notice=notice_of(here), how=HERSELF, at=START)
    objections.make(contact=asha, purpose="support", how=HERSELF, at=START)
    merging.merge(keep=asha, gone=again, choices={}, by=owner_of(here), at=START)
    assert consent.standing(asha, at=START)["marketing", "sms"].what == "given"
    assert gate.decide(asha, workspace=here, purpose="support", at=START, today=TODAY).reason == Reason.OBJECTION


def test_after_a_purge_the_acts_stay_as_proof_of_nobody_known(here: Workspace) -> None:
    asha = make_contact(here, "Asha", phone="+919822041736")
    digest = principals.digest(asha.pk, workspace_id=here.pk)
    consent.withdraw(contact=asha, purpose="marketing", channels=["sms"], how=HERSELF, at=START)
    gate.decide(asha, workspace=here, purpose="service", at=START, today=TODAY, what="export")
    deleted.delete(model=Contact, workspace=here, by=owner_of(here), at=START, ids=[asha.pk])
    deleted.purge(model=Contact, workspace=here, by=None, at=START + timedelta(days=31), ids=[asha.pk])
    (record,) = ConsentRecord.objects.of(here)
    assert (record.contact_id, bytes(record.principal), record.what) == (None, digest, "refused")
    assert Decision.objects.of(here).get().contact_id is None
    assert Suppression.objects.of(here).count() == 1


FACTS = st.builds(
    Facts,
    contact_id=st.just(uuid4()),
    exists=st.booleans(),
    in_bin=st.booleans(),
    birthday=st.none() | st.dates(date(1930, 1, 1), date(2026, 1, 1)),
    phone=st.sampled_from(["", "+919822041736", "+4915112345678", "+14155550100"]),
    consent=st.sampled_from(["", "given", "refused", "withdrawn"]),
    consent_until=st.none()
    | st.datetimes(START.replace(month=1, tzinfo=None), START.replace(year=2027, tzinfo=None), timezones=st.just(UTC)),
    objects=st.booleans(),
    restricted=st.sampled_from([(), ("claims",)]),
    suppressed=st.sampled_from(["", "opt_out"]),
)


@pytest.mark.slow
@given(facts=FACTS, purpose=st.sampled_from(["marketing", "service", "support", "security"]))
@settings(max_examples=300, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_more_reason_against_it_never_opens_the_gate(here: Workspace, facts: Facts, purpose: str) -> None:
    question = Question(rules.of(here.pk), purpose, "sms" if purpose == "marketing" else "", START, TODAY)
    before = gate.judge(facts, question).is_allowed
    for worse in (
        {"objects": True}, {"restricted": ("claims",)}, {"suppressed": "opt_out"}, {"in_bin": True}, {"exists": False},
        {"consent": "withdrawn"}, {"birthday": date(2020, 1, 1)},
    ):  # fmt: skip
        after = gate.judge(replace(facts, **worse), question).is_allowed
        assert before or not after, worse
