"""Who hears of a breach, of what, and when it is too late: the edges of spans and clocks, people who share an address, drafts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry, LocalMessage
from amanat.core.tests import texts
from amanat.people.models import Contact
from amanat.people.tests import factories
from amanat.policy import ready
from amanat.policy.durations import Duration
from amanat.privacy.copies.chapters import LANGUAGES
from amanat.privacy.incidents import clocks, finding, reporting, telling
from amanat.privacy.incidents.finding import Span
from amanat.privacy.incidents.models import AffectedPerson, Audience, Incident, IncidentClock
from amanat.privacy.incidents.reporting import Closed, StillRunning
from amanat.privacy.incidents.tests.test_clocks import what

NOTICED = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
POLICY = ready.policy("default")


def report(workspace: Workspace, *, at: datetime = NOTICED, is_drill: bool = False, **changes: Any) -> Incident:
    with clock.standing_at(at), tenancy.inside(workspace):
        return reporting.report(
            workspace=workspace, what=what(**changes), by=owner_of(workspace), at=at, is_drill=is_drill
        )


def rows(incident: Incident) -> dict[str, IncidentClock]:
    with tenancy.inside(incident.workspace_id):
        return {one.audience: one for one in IncidentClock.objects.of(incident.workspace_id).filter(incident=incident)}


def tell(incident: Incident, *people: Contact, at: datetime = NOTICED + HOUR) -> int:
    here = incident.workspace_id
    with tenancy.inside(here):
        owner = owner_of(Workspace.objects.of(here).get())
        reporting.add_named(incident=incident, contact_ids=[one.pk for one in people], by=owner, at=at)
    return telling.tell_people(incident.pk, workspace_id=here, by=owner.pk, at=at)


def facts(workspace: Workspace, event: str) -> list[dict[str, Any]]:
    with tenancy.inside(workspace):
        return [dict(one.facts) for one in LedgerEntry.objects.of(workspace).filter(event=event).order_by("at", "id")]


# --- clocks -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told_after", "asked_after", "is_late"),
    [
        (None, timedelta(0), False),
        (None, 6 * HOUR, False),
        (None, 6 * HOUR + SECOND, True),
        (6 * HOUR, 99 * HOUR, False),
        (6 * HOUR + SECOND, 99 * HOUR, True),
    ],
)
def test_a_clock_is_late_when_its_audience_heard_after_its_end(
    told_after: timedelta | None, asked_after: timedelta, is_late: bool
) -> None:
    one = IncidentClock(due_at=NOTICED + 6 * HOUR, told_at=None if told_after is None else NOTICED + told_after)
    assert one.is_late(NOTICED + asked_after) == is_late


@pytest.mark.parametrize(("hours", "warned"), [(72, 48), (6, 4), (24, 16), (0, 0)])
def test_a_third_of_the_time_is_left_at_the_warning(hours: int, warned: int) -> None:
    assert clocks.warn_at(noticed_at=NOTICED, due_at=NOTICED + hours * HOUR) == NOTICED + warned * HOUR


def test_an_extension_that_a_law_knows_moves_no_clock() -> None:
    breach = POLICY.breach.model_copy(update={"eu_authority": Duration.parse("PT72H+PT72H"), "certin": None})
    found = clocks.due(POLICY.model_copy(update={"breach": breach}), noticed_at=NOTICED)
    assert found[Audience.EU_AUTHORITY] == NOTICED + 72 * HOUR
    assert Audience.CERTIN not in found and Audience.PEOPLE in found


def test_each_audience_of_the_policy_gets_a_clock_from_when_it_was_known(shree: Workspace) -> None:
    found = rows(report(shree, at=NOTICED + 5 * HOUR))
    assert {name: one.due_at for name, one in found.items()} == {
        audience.value: at for audience, at in clocks.due(POLICY, noticed_at=NOTICED).items()
    }
    assert facts(shree, "privacy.incident.reported") == [{"kind": "access", "is_drill": False}]


def test_a_second_telling_does_not_move_the_first(shree: Workspace) -> None:
    incident = report(shree)
    with tenancy.inside(shree):
        owner = owner_of(shree)
        for hours, proof in ((1, "x" * 301), (2, "second")):
            reporting.told(
                incident=incident, audience=Audience.CERTIN, proof=proof, by=owner, at=NOTICED + hours * HOUR
            )
    one = rows(incident)["certin"]
    assert (one.told_at, one.proof) == (NOTICED + HOUR, "x" * 300)
    assert rows(incident)["board_first"].told_at is None
    assert [one["audience"] for one in facts(shree, "privacy.incident.told")] == ["certin"]


def test_the_ledger_says_whether_an_audience_heard_too_late(shree: Workspace) -> None:
    incident = report(shree)
    due = rows(incident)["certin"].due_at
    late = report(shree)
    with tenancy.inside(shree):
        for one, at in ((incident, due), (late, due + SECOND)):
            reporting.told(incident=one, audience=Audience.CERTIN, proof="1", by=owner_of(shree), at=at)
    assert [one["was_late"] for one in facts(shree, "privacy.incident.told")] == [False, True]


def test_owners_are_warned_of_each_clock_once_and_not_of_what_was_told_or_closed(shree: Workspace) -> None:
    incident, closed = report(shree), report(shree)
    with tenancy.inside(shree):
        reporting.told(incident=incident, audience=Audience.CERTIN, proof="1", by=owner_of(shree), at=NOTICED)
        Incident.objects.of(shree).filter(pk=closed.pk).update(closed_at=NOTICED)
    at = NOTICED + 400 * HOUR
    running = [name for name, one in rows(incident).items() if one.told_at is None]
    with clock.standing_at(at):
        assert reporting.warn_due(at=at) == len(running)
        assert reporting.warn_due(at=at) == 0
    assert sorted(one["audience"] for one in facts(shree, "privacy.incident.warned")) == sorted(running)
    assert all(one.warned_at is None for one in rows(closed).values())


# --- the record -------------------------------------------------------------------------------------------------------------------


def test_a_closed_breach_changes_no_more(shree: Workspace) -> None:
    incident = report(shree)
    with tenancy.inside(shree):
        owner = owner_of(shree)
        with pytest.raises(StillRunning) as running:
            reporting.close(incident=incident, lessons="None.", by=owner, at=NOTICED)
        assert len(running.value.what) == len(clocks.periods(POLICY))
        for audience in clocks.periods(POLICY):
            reporting.told(incident=incident, audience=audience, proof="1", by=owner, at=NOTICED + HOUR)
        closed = reporting.close(incident=incident, lessons="Longer codes.", by=owner, at=NOTICED + 2 * HOUR)
        assert (closed.closed_at, closed.closed_by, closed.lessons) == (NOTICED + 2 * HOUR, owner, "Longer codes.")
        person = factories.make_contact(shree)
        for act in (
            lambda: reporting.close(incident=incident, lessons="", by=owner, at=NOTICED),
            lambda: reporting.describe(incident=incident, by=owner, at=NOTICED, title="Else"),
            lambda: reporting.add_named(incident=incident, contact_ids=[person.pk], by=owner, at=NOTICED),
            lambda: reporting.order_telling(incident=incident, by=owner, at=NOTICED),
            lambda: reporting.told(incident=incident, audience=Audience.PEOPLE, proof="", by=owner, at=NOTICED),
        ):
            with pytest.raises(Closed):
                act()


def test_words_get_better_and_times_stay(shree: Workspace) -> None:
    incident = report(shree)
    with tenancy.inside(shree):
        held = reporting.describe(incident=incident, by=owner_of(shree), at=NOTICED, cause="A weak code.", title="T")
        assert (held.cause, held.title, held.nature) == ("A weak code.", "T", incident.nature)
        with pytest.raises(ValueError, match="noticed_at"):
            reporting.describe(incident=incident, by=owner_of(shree), at=NOTICED, noticed_at="x", title="U")
        assert Incident.objects.of(shree).get(pk=incident.pk).title == "T"
    assert facts(shree, "privacy.incident.described") == [{"fields": ["cause", "title"]}]


def test_people_are_added_once_and_only_those_of_the_workspace(shree: Workspace, other: Workspace) -> None:
    incident = report(shree)
    here, there = factories.make_contact(shree), factories.make_contact(other)
    with tenancy.inside(shree):
        owner = owner_of(shree)
        named: dict[str, Any] = {"incident": incident, "by": owner, "at": NOTICED}
        assert reporting.add_named(contact_ids=[here.pk, there.pk, here.pk], **named) == 1
        assert reporting.add_named(contact_ids=[here.pk], **named) == 0
        assert reporting.add_everyone(**named) == Contact.objects.of(shree).count() - 1
        assert set(AffectedPerson.objects.of(shree).values_list("found", flat=True)) == {"named"}
    counts = [one["count"] for one in facts(shree, "privacy.incident.people_found")]
    assert counts[0] == 1 and len(counts) <= 2, "what adds nobody is not told"


@pytest.mark.parametrize(
    ("since", "until", "is_found"),
    [(timedelta(0), SECOND, True), (-HOUR, timedelta(0), False), (SECOND, HOUR, False), (-HOUR, HOUR, True)],
)
def test_a_span_has_its_first_moment_and_not_its_last(
    shree: Workspace, since: timedelta, until: timedelta, is_found: bool
) -> None:
    person = factories.make_contact(shree)
    with tenancy.inside(shree):
        entry = LedgerEntry.objects.of(shree).filter(event__startswith="row.", facts__table="people_contact").last()
        assert entry is not None and str(person.pk) in str(entry.facts)
        traces = finding.in_logs(shree.pk, Span(entry.at + since, entry.at + until, table="people.Contact"))
    assert (person.pk in traces.contacts) == is_found


def test_a_table_that_holds_nobody_leads_to_nobody(shree: Workspace) -> None:
    factories.make_contact(shree)
    at = clock.now()
    with tenancy.inside(shree):
        for table in ("people.Company", "no.Such"):
            assert finding.in_logs(shree.pk, Span(at - HOUR, at + HOUR, table=table)).contacts == {}


# --- telling ----------------------------------------------------------------------------------------------------------------------


def person(workspace: Workspace, name: str, **fields: str) -> Contact:
    made = factories.make_contact(workspace, name)
    with tenancy.inside(workspace):
        Contact.objects.of(workspace).filter(pk=made.pk).update(
            **({"main_email": "", "main_phone": "", "language": ""} | fields)
        )
    return made


def told_of(incident: Incident) -> dict[Any, tuple[str, str, str]]:
    with tenancy.inside(incident.workspace_id):
        found = AffectedPerson.objects.of(incident.workspace_id).filter(incident=incident)
        return {one.contact_id: (one.channel, one.language, one.problem) for one in found}


def test_each_is_told_by_mail_before_text_and_who_has_neither_is_named(shree: Workspace, settings: Any) -> None:
    settings.MAILERS = {"default": {"BACKEND": "amanat.core.outbox.EmailBackend"}}
    both = person(shree, "Both Ways", main_email="both@example.in", main_phone="+919822041701", language="mr")
    phone = person(shree, "Only Phone", main_phone="+919822041702", language="hi")
    nothing = person(shree, "No Way")
    incident = report(shree)
    assert tell(incident, both, phone, nothing) == 2
    assert told_of(incident) == {
        both.pk: ("email", "mr", ""),
        phone.pk: ("sms", "hi", ""),
        nothing.pk: ("", "en", "no address"),
    }
    assert set(LocalMessage.objects.values_list("to", flat=True)) >= {"both@example.in", "+919822041702"}
    clock_of_people = rows(incident)["people"]
    assert (clock_of_people.proof, clock_of_people.told_at) == ("2/3", NOTICED + HOUR)
    assert facts(shree, "privacy.incident.people_told") == [{"count": 2, "of": 3}]


def test_records_of_one_address_get_one_message_and_both_count_as_told(shree: Workspace, settings: Any) -> None:
    settings.MAILERS = {"default": {"BACKEND": "amanat.core.outbox.EmailBackend"}}
    people = [person(shree, f"Member {number}", main_email="family@example.in") for number in range(2)]
    incident = report(shree)
    assert tell(incident, *people) == 2
    assert LocalMessage.objects.filter(to="family@example.in").count() == 1
    again = report(shree)
    assert tell(again, *people) == 2
    assert LocalMessage.objects.filter(to="family@example.in").count() == 2, "another breach is another message"


def test_a_drill_sends_nothing_and_says_that_it_is_one(shree: Workspace) -> None:
    someone = person(shree, "Asha Menon", main_phone="+919822041703")
    before = LocalMessage.objects.count()
    incident = report(shree, is_drill=True)
    assert tell(incident, someone) == 1
    assert not LocalMessage.objects.filter(to="+919822041703").exists() and LocalMessage.objects.count() >= before
    assert rows(incident)["people"].told_at is not None


@pytest.mark.parametrize("field", telling.NEEDED)
def test_nobody_is_told_while_a_part_of_the_message_is_blank(shree: Workspace, field: str) -> None:
    someone = person(shree, "Asha Menon", main_phone="+919822041704")
    blank: dict[str, Any] = {field: "   "}
    incident = report(shree, **blank)
    with pytest.raises(telling.Unwritten) as lacking:
        tell(incident, someone)
    assert lacking.value.fields == [field]
    assert told_of(incident)[someone.pk][0] == "" and rows(incident)["people"].told_at is None


# --- drafts -----------------------------------------------------------------------------------------------------------------------


def drafts(workspace: Workspace, incident: Incident) -> dict[tuple[str, str], telling.Draft]:
    with tenancy.inside(workspace):
        found = telling.drafts(incident, workspace=workspace, policy=POLICY)
    return {(one.audience.value, one.language): one for one in found}


def test_there_is_a_draft_for_people_in_each_language_and_one_for_each_authority(shree: Workspace) -> None:
    found = drafts(shree, report(shree))
    audiences = [audience.value for audience in clocks.periods(POLICY) if audience != Audience.PEOPLE]
    people = [language for audience, language in found if audience == "people"]
    assert people == list(LANGUAGES) and {"en", "hi", "mr"} <= set(people)
    assert [audience for audience, _language in found if audience != "people"] == audiences
    assert {language for audience, language in found if audience != "people"} == {LANGUAGES[0]}


def test_only_detailed_reports_speak_of_causes_remedies_and_messages(shree: Workspace) -> None:
    incident = report(shree, cause="A weak code.")
    found = {audience: draft.body for (audience, _language), draft in drafts(shree, incident).items()}
    for audience in ("board_detail", "eu_authority"):
        assert "Causes and findings: A weak code." in found[audience]
        assert f"so that it does not happen again: {incident.measures}" in found[audience]
        assert "Messages to the people: 0 of 0 were told" in found[audience]
    for audience in ("board_first", "certin"):
        assert "Causes and findings" not in found[audience] and "Messages to the people" not in found[audience]
        assert "Place: (not known yet)" in found[audience]


@pytest.mark.parametrize(("is_drill", "mark"), [(True, True), (False, False)])
def test_every_draft_of_a_drill_is_marked(shree: Workspace, is_drill: bool, mark: bool) -> None:
    found = drafts(shree, report(shree, is_drill=is_drill))
    for (audience, language), draft in found.items():
        if audience != "people":
            assert draft.subject.startswith("DRILL: ") == mark, audience
        elif language == "en":
            assert draft.body.startswith("THIS IS A DRILL.") == mark


def test_a_breach_of_one_moment_names_one_and_a_place_only_when_it_is_known(shree: Workspace) -> None:
    span = drafts(shree, report(shree, place="The shop"))[("people", "en")].body
    moment = drafts(shree, report(shree, happened_from=NOTICED, happened_to=NOTICED))[("people", "en")].body
    assert "When: 22 Nov 2026, 10:00 – 22 Nov 2026, 12:00" in span and "Where: The shop" in span
    assert "When: 22 Nov 2026, 12:00\n" in moment and "Where" not in moment


def test_a_number_that_takes_no_such_text_holds_up_nobody(shree: Workspace, settings: Any) -> None:
    settings.TEXT_SENDER = texts.REFUSING
    incident = report(shree)
    with tenancy.inside(shree):
        asha = factories.make_contact(shree, "Asha", phones=[("+919822041736", "")])
        om = factories.make_contact(shree, "Om", emails=[("om@example.in", "")])
    assert tell(incident, asha, om) == 1
    with tenancy.inside(shree):
        found = AffectedPerson.objects.of(shree).filter(incident=incident)
        assert {one.contact_id: (one.problem, bool(one.told_at)) for one in found} == {
            asha.pk: ("refused", False), om.pk: ("", True),
        }  # fmt: skip
