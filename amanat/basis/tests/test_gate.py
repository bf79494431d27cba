"""The gate against a real database: each check, the order of the checks, moments, many people at once, and what is written down."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.basis import consent, gate, notices, objections, restrictions, suppression
from amanat.basis.consent import How
from amanat.basis.gate import Reason
from amanat.basis.models import Decision, Method, Notice, Restriction, Suppression
from amanat.basis.rules import UnknownChannel, UnknownPurpose
from amanat.basis.tests.people import make_contact
from amanat.core import ids, tenancy
from amanat.people.models import Contact

NOW = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
TODAY = date(2026, 12, 1)
HERSELF = How(Method.LINK)
BEFORE = NOW - timedelta(days=1)


@pytest.fixture(autouse=True)
def inside(db: None, shree: Workspace, other: Workspace) -> object:
    with tenancy.inside(shree):
        yield


@pytest.fixture
def asha(inside: None, shree: Workspace) -> Contact:
    return make_contact(shree, "Asha Menon", phone="+919822041736", email="asha@example.in")


def shown(workspace: Workspace, *purposes: str) -> Notice:
    return notices.show(workspace=workspace, purposes=purposes or ("marketing",), language="en", at=BEFORE)


def agrees(contact: Contact, channel: str = "sms", at: datetime = BEFORE, until: datetime | None = None) -> None:
    workspace = Workspace.objects.of(contact.workspace_id).get()
    consent.give(
        contact=contact,
        purpose="marketing",
        channels=[channel],
        notice=shown(workspace),
        how=HERSELF,
        at=at,
        until=until,
    )


def asked(
    contact: Contact, purpose: str = "marketing", channel: str = "sms", at: datetime = NOW, today: date = TODAY
) -> tuple[bool, Reason]:
    answer = gate.decide(contact, workspace=contact.workspace_id, purpose=purpose, channel=channel, at=at, today=today)
    return answer.is_allowed, answer.reason


def test_without_a_word_of_hers_marketing_is_refused_and_the_service_goes_on(asha: Contact) -> None:
    assert asked(asha) == (False, Reason.NO_CONSENT)
    assert asked(asha, "service", "") == (True, Reason.GROUND)
    assert asked(asha, "law", "") == (True, Reason.LEGAL_DUTY)


def test_consent_opens_the_channel_it_was_given_for_and_no_other(asha: Contact) -> None:
    agrees(asha, "sms")
    assert asked(asha, channel="sms") == (True, Reason.CONSENT)
    assert asked(asha, channel="whatsapp") == (False, Reason.NO_CONSENT)
    assert asked(asha, "reminders", "sms") == (False, Reason.NO_CONSENT)


def test_the_answer_names_the_record_it_rests_on(asha: Contact) -> None:
    agrees(asha)
    answer = gate.decide(asha, workspace=asha.workspace_id, purpose="marketing", channel="sms", at=NOW, today=TODAY)
    assert answer.consent_id == consent.standing(asha, at=NOW)["marketing", "sms"].pk
    assert answer.rule == "purposes.marketing"


def test_consent_counts_from_its_moment_to_its_end(asha: Contact) -> None:
    agrees(asha, at=NOW, until=NOW + timedelta(days=30))
    assert asked(asha, at=NOW - timedelta(seconds=1)) == (False, Reason.NO_CONSENT)
    assert asked(asha, at=NOW) == (True, Reason.CONSENT)
    assert asked(asha, at=NOW + timedelta(days=30, seconds=-1)) == (True, Reason.CONSENT)
    assert asked(asha, at=NOW + timedelta(days=30)) == (False, Reason.CONSENT_OVER)


def test_a_refusal_and_a_withdrawal_are_told_apart(asha: Contact, shree: Workspace) -> None:
    consent.refuse(contact=asha, purpose="marketing", channels=["sms"], notice=shown(shree), how=HERSELF, at=BEFORE)
    assert asked(asha) == (False, Reason.REFUSED)
    agrees(asha, at=BEFORE + timedelta(hours=1))
    assert asked(asha) == (True, Reason.CONSENT)
    consent.withdraw(contact=asha, purpose="marketing", channels=["sms"], how=HERSELF, at=BEFORE + timedelta(hours=2))
    assert asked(asha) == (False, Reason.SUPPRESSED)
    assert asked(asha, at=BEFORE + timedelta(hours=1, minutes=30)) == (True, Reason.CONSENT)


def test_a_withdrawal_holds_for_everyone_with_the_same_number(asha: Contact, shree: Workspace) -> None:
    twin = make_contact(shree, "A. Menon", phone="+919822041736")
    for each in (asha, twin):
        agrees(each)
    consent.withdraw(contact=asha, purpose="marketing", channels=["sms"], how=HERSELF, at=NOW)
    assert asked(twin) == (False, Reason.SUPPRESSED)
    agrees(twin, at=NOW + timedelta(minutes=1))
    assert asked(twin, at=NOW + timedelta(minutes=2)) == (True, Reason.CONSENT)


def test_a_file_cannot_lift_what_a_person_stopped(asha: Contact) -> None:
    consent.withdraw(contact=asha, purpose="marketing", channels=["sms"], how=HERSELF, at=BEFORE)
    consent.give(
        contact=asha, purpose="marketing", channels=["sms"], notice=None,
        how=How(Method.FILE, evidence={"file": "list.csv"}), at=BEFORE + timedelta(hours=1),
    )  # fmt: skip
    assert asked(asha) == (False, Reason.SUPPRESSED)


def test_an_objection_stops_what_needs_no_consent_and_a_legal_duty_goes_on(asha: Contact) -> None:
    objections.make(contact=asha, how=HERSELF, at=BEFORE)
    assert asked(asha, "service", "") == (False, Reason.OBJECTION)
    assert asked(asha, "law", "") == (True, Reason.LEGAL_DUTY)
    objections.withdraw(contact=asha, how=HERSELF, at=NOW)
    assert asked(asha, "service", "") == (True, Reason.GROUND)


def test_an_objection_to_one_purpose_leaves_the_others_and_is_taken_back_by_its_name(asha: Contact) -> None:
    objections.make(contact=asha, purpose="support", how=HERSELF, at=BEFORE)
    assert asked(asha, "support", "") == (False, Reason.OBJECTION)
    assert asked(asha, "service", "") == (True, Reason.GROUND)
    objections.withdraw(contact=asha, how=HERSELF, at=BEFORE)
    assert asked(asha, "support", "") == (False, Reason.OBJECTION)


def test_a_restriction_stops_all_but_the_law_until_its_last_ground_is_gone(asha: Contact) -> None:
    agrees(asha)
    for ground in (Restriction.Ground.ACCURACY, Restriction.Ground.CLAIMS):
        restrictions.impose(contact=asha, ground=ground, how=HERSELF, at=BEFORE)
    restrictions.lift(contact=asha, ground=Restriction.Ground.ACCURACY, how=HERSELF, at=NOW)
    assert asked(asha) == (False, Reason.RESTRICTED)
    assert asked(asha, "service", "") == (False, Reason.RESTRICTED)
    assert asked(asha, "law", "") == (True, Reason.LEGAL_DUTY)
    twin = make_contact(Workspace.objects.of(asha.workspace_id).get(), "A. Menon")
    assert restrictions.standing(twin, at=NOW) == frozenset()
    assert restrictions.standing(asha, at=NOW) == {"claims"}
    restrictions.lift(contact=asha, ground=Restriction.Ground.CLAIMS, how=HERSELF, at=NOW)
    assert asked(asha) == (True, Reason.CONSENT)


@pytest.mark.parametrize(
    ("birthday", "reason"),
    [
        (date(2008, 12, 1), Reason.CONSENT),  # eighteen today
        (date(2008, 12, 2), Reason.CHILD),
        (date(2015, 1, 1), Reason.CHILD),
        (date(1950, 1, 1), Reason.CONSENT),
    ],
)
def test_a_childs_data_is_not_used(asha: Contact, birthday: date, reason: Reason) -> None:
    agrees(asha)
    Contact.objects.of(asha.workspace_id).filter(pk=asha.pk).update(birthday=birthday)
    assert asked(asha)[1] == reason


@pytest.mark.parametrize(
    ("born", "today", "years"),
    [
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2008, 2, 29), date(2028, 2, 29), 20),
        (date(2008, 1, 1), date(2007, 12, 31), -1),
    ],
)
def test_age_is_counted_in_full_years(born: date, today: date, years: int) -> None:
    assert gate.age(born, today) == years


def test_a_suppressed_number_stops_its_channels_and_not_e_mail(asha: Contact, shree: Workspace) -> None:
    for channel in ("sms", "whatsapp", "call", "email"):
        agrees(asha, channel)
    suppression.add(["+919822041736"], workspace=shree, reason=Suppression.Reason.COMPLAINT, at=BEFORE)
    assert [asked(asha, channel=channel)[1] for channel in ("sms", "whatsapp", "call", "email")] == [
        Reason.SUPPRESSED, Reason.SUPPRESSED, Reason.SUPPRESSED, Reason.CONSENT,
    ]  # fmt: skip


def test_a_suppression_for_one_purpose_leaves_the_other(asha: Contact, shree: Workspace) -> None:
    consent.give(
        contact=asha, purpose="reminders", channels=["sms"], notice=shown(shree, "reminders"), how=HERSELF, at=BEFORE
    )
    agrees(asha)
    suppression.add(["+919822041736"], workspace=shree, reason=Suppression.Reason.OPT_OUT, at=NOW, purpose="marketing")
    assert asked(asha) == (False, Reason.SUPPRESSED)
    assert asked(asha, "reminders", "sms") == (True, Reason.CONSENT)


def test_who_is_in_the_bin_or_unknown_or_elsewhere_is_refused(
    asha: Contact, shree: Workspace, other: Workspace
) -> None:
    agrees(asha)
    Contact.objects.of(shree).filter(pk=asha.pk).update(deleted_at=NOW)
    answers = gate.decide_many(
        [asha.pk, ids.new()], workspace=shree, purpose="marketing", channel="sms", at=NOW, today=TODAY
    )
    assert [answer.reason for answer in answers] == [Reason.IN_BIN, Reason.UNKNOWN_PERSON]


@pytest.mark.slow
def test_many_people_are_answered_in_their_order_by_one_query(shree: Workspace) -> None:
    people = [make_contact(shree, f"Person {number}", phone=f"+9198220400{number:02}") for number in range(30)]
    for each in people[::2]:
        agrees(each)
    wanted = [each.pk for each in reversed(people)]
    with CaptureQueriesContext(connection) as queries:
        answers = gate.decide_many(wanted, workspace=shree, purpose="marketing", channel="sms", at=NOW, today=TODAY)
    assert [answer.contact_id for answer in answers] == wanted
    assert [answer.is_allowed for answer in answers] == [each in people[::2] for each in reversed(people)]
    # The key of a workspace made in the same transaction is not remembered yet, hence read again.
    asked = [query["sql"] for query in queries if "workspacekey" not in query["sql"]]
    assert ["known_of_people" in sql for sql in asked] == [False, True], (
        "which version holds, then all the people at once"
    )


def test_more_than_a_thousand_at_once_are_refused(shree: Workspace) -> None:
    with pytest.raises(ValueError, match="at most"):
        gate.decide_many([ids.new()] * 1001, workspace=shree, purpose="service", at=NOW, today=TODAY)
    assert len(gate.decide_many([ids.new()] * 1000, workspace=shree, purpose="service", at=NOW, today=TODAY)) == 1000


def test_an_unknown_purpose_or_channel_is_no_question(asha: Contact) -> None:
    with pytest.raises(UnknownPurpose):
        asked(asha, "selling", "")
    with pytest.raises(UnknownChannel):
        asked(asha, "marketing", "")
    with pytest.raises(UnknownChannel):
        asked(asha, "marketing", "pigeon")
    with pytest.raises(UnknownChannel):
        asked(asha, "service", "pigeon")


def test_a_message_that_needs_no_consent_is_judged_over_its_channel(asha: Contact, shree: Workspace) -> None:
    assert asked(asha, "service", "sms") == (True, Reason.GROUND)
    suppression.add(["+919822041736"], workspace=shree, reason=Suppression.Reason.UNREACHABLE, at=BEFORE, channel="sms")
    assert asked(asha, "service", "sms") == (False, Reason.SUPPRESSED)
    assert asked(asha, "service", "email") == (True, Reason.GROUND)


def test_an_answer_goes_at_any_hour_and_what_nobody_asked_for_waits(asha: Contact, shree: Workspace) -> None:
    midnight = datetime(2026, 12, 1, 18, 30, tzinfo=UTC)

    def sent(*, is_answer: bool) -> gate.Answer:
        return gate.decide_many(
            [asha.pk], workspace=shree, purpose="service", channel="whatsapp", at=midnight, today=TODAY, is_answer=is_answer
        )[0]  # fmt: skip

    assert sent(is_answer=True).is_allowed
    assert sent(is_answer=False).reason is Reason.NOT_NOW


def test_the_very_address_that_is_written_to_must_not_be_suppressed(asha: Contact, shree: Workspace) -> None:
    agrees(asha)
    suppression.add(
        ["+919822000000"], workspace=shree, reason=Suppression.Reason.OPT_OUT, at=BEFORE, purpose="marketing", channel="sms"
    )  # fmt: skip

    def to(address: str) -> tuple[bool, Reason]:
        answer = gate.decide_many(
            [asha.pk], workspace=shree, purpose="marketing", channel="sms", at=NOW, today=TODAY, addresses=[address]
        )[0]
        return answer.is_allowed, answer.reason

    assert to("+919822041736") == (True, Reason.CONSENT)
    assert to("+919822000000") == (False, Reason.SUPPRESSED)


def test_what_is_asked_in_earnest_is_written_down_refusals_too(asha: Contact, shree: Workspace) -> None:
    gate.decide(asha, workspace=shree, purpose="marketing", channel="sms", at=NOW, today=TODAY)
    assert not Decision.objects.of(shree).exists()
    gate.decide(asha, workspace=shree, purpose="marketing", channel="sms", at=NOW, today=TODAY, what="message")
    gate.decide(asha, workspace=shree, purpose="service", at=NOW, today=TODAY, what="export")
    told = Decision.objects.of(shree).order_by("purpose").values_list("purpose", "is_allowed", "reason", "rule", "what")
    assert list(told) == [
        ("marketing", False, "no_consent", "purposes.marketing", "message"),
        ("service", True, "ground", "purposes.service", "export"),
    ]


def test_an_unknown_person_leaves_no_line(shree: Workspace) -> None:
    gate.decide(ids.new(), workspace=shree, purpose="service", at=NOW, today=TODAY, what="export")
    assert not Decision.objects.of(shree).exists()


def test_to_oneself_only_to_an_address_of_ones_own_at_any_hour_and_written_down_without_a_name(
    shree: Workspace,
) -> None:
    rekha, midnight = owner_of(shree), datetime(2026, 12, 1, 18, 30, tzinfo=UTC)
    rekha.user.phone, rekha.user.phone_verified_at = "+919822099999", BEFORE
    rekha.user.save()

    def oneself(channel: str, address: str, what: str = "") -> gate.Answer:
        [answer] = gate.decide_for_oneself(
            [(rekha.pk, address)], workspace=shree, purpose="service", at=midnight, today=TODAY, channel=channel, what=what
        )  # fmt: skip
        return answer

    assert oneself("sms", "+919822099999") == gate.Answer(rekha.pk, True, Reason.GROUND, "purposes.service")
    assert oneself("sms", "+919822041736").reason is Reason.UNKNOWN_PERSON
    assert oneself("email", "+919822099999").reason is Reason.UNKNOWN_PERSON
    assert not Decision.objects.of(shree).exists()
    suppression.add(["+919822099999"], workspace=shree, reason=Suppression.Reason.UNREACHABLE, at=BEFORE)
    assert oneself("sms", "+919822099999", "test").reason is Reason.SUPPRESSED
    oneself("sms", "+919822041736", "test")
    told = Decision.objects.of(shree).order_by("id").values_list("contact_id", "is_allowed", "reason", "what")
    assert list(told) == [(None, False, "suppressed", "test"), (None, False, "unknown_person", "test")]


def test_a_suppressed_person_stays_so_whatever_other_address_of_hers_is_written_to(
    asha: Contact, shree: Workspace
) -> None:
    suppression.add(["+919822041736"], workspace=shree, reason=Suppression.Reason.COMPLAINT, at=BEFORE)
    [answer] = gate.decide_many(
        [asha.pk], workspace=shree, purpose="service", channel="sms", at=NOW, today=TODAY, addresses=["+919822000000"]
    )
    assert answer.reason is Reason.SUPPRESSED


def test_an_address_for_each_or_for_none(asha: Contact, shree: Workspace) -> None:
    with pytest.raises(ValueError, match="zip"):
        gate.decide_many(
            [asha.pk, asha.pk], workspace=shree, purpose="service", channel="sms", at=NOW, today=TODAY, addresses=["+919822041736"]
        )  # fmt: skip


def test_another_workspace_knows_nothing_of_her_choices(asha: Contact, other: Workspace) -> None:
    agrees(asha)
    consent.withdraw(contact=asha, purpose="marketing", channels=["sms"], how=HERSELF, at=NOW)
    tenancy.name_workspace(other.pk)
    stranger = make_contact(other, "Asha Menon", phone="+919822041736")
    assert asked(stranger) == (False, Reason.NO_CONSENT)
    tenancy.name_workspace(asha.workspace_id)


def test_by_whom_it_was_written_down_does_not_matter_to_the_answer(asha: Contact, shree: Workspace) -> None:
    at_the_counter = How(Method.COUNTER, by=owner_of(shree), evidence={"code": "7"})
    consent.give(
        contact=asha, purpose="marketing", channels=["email"], notice=shown(shree), how=at_the_counter, at=BEFORE
    )
    assert asked(asha, channel="email") == (True, Reason.CONSENT)
