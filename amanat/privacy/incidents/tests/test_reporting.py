"""Breaches: people found in the logs, told once each in their language, proof, closing, drills."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.urls import reverse

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.basis import rules
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry, LocalMessage
from amanat.desk.models import Paper, PaperOpening, Payment, ServiceRecord
from amanat.people.models import Contact
from amanat.people.tests import factories
from amanat.privacy.copies import seen
from amanat.privacy.incidents import drill, finding, reporting, telling, views
from amanat.privacy.incidents.finding import Span
from amanat.privacy.incidents.models import AffectedPerson, Audience, Incident, IncidentClock
from amanat.privacy.incidents.reporting import Closed, StillRunning
from amanat.privacy.incidents.tests.test_clocks import what

HOUR = timedelta(hours=1)


@pytest.fixture
def incident(shree: Workspace) -> Incident:
    at = clock.now()
    with tenancy.inside(shree):
        return reporting.report(workspace=shree, what=what(at), by=owner_of(shree), at=at)


def span(**values: Any) -> Span:
    now = clock.now()
    return Span(now - HOUR, now + HOUR, **values)


def found(shree: Workspace, **values: Any) -> set[Any]:
    with tenancy.inside(shree):
        return set(finding.in_logs(shree.pk, span(**values)).contacts)


# --- finding ---


def test_changed_people_are_found_by_who_changed_them(shree: Workspace) -> None:
    agent, owner = make_member(shree, name="Prakash Jadhav"), owner_of(shree)
    hers, his = factories.make_contact(shree), factories.make_contact(shree, "Vishal Shinde")
    for person, by in ((hers, agent), (his, owner)):
        with tenancy.inside(shree, actor=by.pk):
            tenancy.name_workspace(shree.pk, actor=by.pk)
            Contact.objects.of(shree).filter(pk=person.pk).update(notes="seen")
    assert found(shree, actor=agent.pk) == {hers.pk}
    assert found(shree, actor=owner.pk) == {his.pk}
    assert found(shree) == {hers.pk, his.pk}


def test_the_span_ends_are_kept(shree: Workspace) -> None:
    her = factories.make_contact(shree)
    with tenancy.inside(shree):
        last = LedgerEntry.objects.of(shree).order_by("-at").values_list("at", flat=True)[0]
        assert her.pk in finding.in_logs(shree.pk, Span(last - HOUR, last + timedelta(microseconds=1))).contacts
        assert not finding.in_logs(shree.pk, Span(last + timedelta(seconds=1), last + HOUR)).contacts


def test_rows_that_hang_on_a_person_lead_to_her(shree: Workspace) -> None:
    her, him = factories.make_contact(shree), factories.make_contact(shree, "Vishal Shinde")
    with tenancy.inside(shree):
        record = ServiceRecord.objects.create(workspace_id=shree.pk, number=1, contact=her, title="PAN", fee_paise=100)
        Payment.objects.create(
            workspace_id=shree.pk, record=record, amount_paise=100, method="cash", paid_on="2026-11-22"
        )
    assert found(shree, table="desk.Payment") == {her.pk}
    assert found(shree, table="people.Contact") == {her.pk, him.pk}
    assert found(shree, table="people.Email") == set()


def test_people_whose_page_or_papers_were_opened_are_found(shree: Workspace) -> None:
    agent = make_member(shree)
    pages, papers = factories.make_contact(shree), factories.make_contact(shree, "Vishal Shinde")
    with tenancy.inside(shree):
        LedgerEntry.objects.of(shree).exists()
        seen.note(contact=pages, by=agent, at=clock.now(), today=clock.now().date())
        paper = Paper.objects.create(workspace_id=shree.pk, kind="pan", contact=papers)
        PaperOpening.objects.create(workspace_id=shree.pk, paper_id=paper.pk, member=agent, reason="x", at=clock.now())
        traces = finding.in_logs(shree.pk, span(actor=agent.pk))
    assert {pk: str(how) for pk, how in traces.contacts.items()} == {pages.pk: "seen", papers.pk: "seen"}


@pytest.mark.parametrize(("hours", "is_found"), [(0, True), (-2, False)])
def test_a_page_opened_in_the_night_is_found_by_the_day_of_the_shop(
    shree: Workspace, hours: int, is_found: bool
) -> None:
    """Half past midnight in India: in Greenwich it is still the day before."""
    her, agent, night = factories.make_contact(shree), make_member(shree), datetime(2031, 11, 22, 19, tzinfo=UTC)
    around = Span(night + timedelta(hours=hours), night + timedelta(hours=hours, minutes=20), actor=agent.pk)
    with tenancy.inside(shree):
        seen.note(contact=her, by=agent, at=night, today=date(2031, 11, 23))
        assert list(finding.in_logs(shree.pk, around).contacts) == ([her.pk] if is_found else [])


def test_rows_the_ledger_only_counts_are_told_as_a_number(shree: Workspace) -> None:
    people = [factories.make_contact(shree, f"Person Number{number}") for number in range(23)]
    at = clock.now() + timedelta(minutes=1)
    with clock.standing_at(at), tenancy.inside(shree):
        since = LedgerEntry.objects.of(shree).order_by("-at").values_list("at", flat=True)[0]
        Contact.objects.of(shree).update(notes="changed")
        traces = finding.in_logs(shree.pk, Span(since + timedelta(microseconds=1), clock.now() + HOUR))
    assert len(traces.contacts) == 20 and traces.uncounted == len(people) - 20


def test_exports_in_the_span_are_counted(shree: Workspace) -> None:
    signed_in(owner_of(shree)).post(reverse("people:export_list", args=["contacts"]), {"format": "csv"})
    with tenancy.inside(shree):
        assert finding.in_logs(shree.pk, span()).exports == 1


def test_nobody_is_on_the_list_twice(shree: Workspace, incident: Incident) -> None:
    her, owner, at = factories.make_contact(shree), owner_of(shree), clock.now()
    with tenancy.inside(shree):
        assert reporting.add_from_logs(incident=incident, span=span(), by=owner, at=at)[0] == 1
        assert reporting.add_named(incident=incident, contact_ids=[her.pk, incident.pk], by=owner, at=at) == 0
        assert reporting.add_everyone(incident=incident, by=owner, at=at) == 0
        assert [row.found for row in AffectedPerson.objects.of(shree)] == ["ledger"]


def test_everyone_means_everyone_here_and_nobody_elsewhere(
    shree: Workspace, other: Workspace, incident: Incident
) -> None:
    for number in range(3):
        factories.make_contact(shree, f"Person Number{number}")
    factories.make_contact(other)
    with tenancy.inside(shree):
        assert reporting.add_everyone(incident=incident, by=owner_of(shree), at=clock.now()) == 3


# --- telling ---


def listed(shree: Workspace, incident: Incident, *people: Contact) -> None:
    with tenancy.inside(shree):
        reporting.add_named(
            incident=incident, contact_ids=[one.pk for one in people], by=owner_of(shree), at=clock.now()
        )


def test_each_person_is_told_once_in_her_language(shree: Workspace, incident: Incident) -> None:
    hindi = factories.make_contact(shree, "सुनीता देशमुख", emails=[("sunita@example.in", "")], language="hi")
    english = factories.make_contact(shree, "Vishal Shinde", phone="+919811122233", language="en")
    listed(shree, incident, hindi, english)
    at = clock.now()
    assert telling.tell_people(incident.pk, workspace_id=shree.pk, by=None, at=at) == 2
    assert telling.tell_people(incident.pk, workspace_id=shree.pk, by=None, at=at) == 0
    letters, text = (
        [one for one in mail.outbox if one.to == ["sunita@example.in"]],
        LocalMessage.objects.get(channel="sms"),
    )
    assert len(letters) == 1 and text.to == "+919811122233"
    assert "Calls by strangers." in text.body and "Important" not in letters[0].body
    with tenancy.inside(shree):
        assert {(row.language, row.channel) for row in AffectedPerson.objects.of(shree)} == {
            ("hi", "email"),
            ("en", "sms"),
        }
        row = IncidentClock.objects.of(shree).get(incident=incident, audience=Audience.PEOPLE)
    assert row.told_at == at and row.proof == "2/2"


def test_the_message_has_all_that_rule_7_asks_for(shree: Workspace, incident: Incident) -> None:
    with tenancy.inside(shree):
        policy = rules.of(shree.pk).policy
        for language in ("en", "hi", "mr"):
            draft = telling.for_people(incident, workspace=shree, policy=policy, language=language)
            for words in (
                incident.nature,
                incident.consequences,
                incident.measures,
                incident.advice,
                policy.parties.officer.title,
            ):
                assert words in draft.body
            assert f"{incident.happened_to.year}" in draft.body  # when
            assert shree.name in draft.subject


@pytest.mark.parametrize("field", telling.NEEDED)
def test_nothing_goes_out_while_a_part_is_missing(shree: Workspace, incident: Incident, field: str) -> None:
    listed(shree, incident, factories.make_contact(shree))
    with tenancy.inside(shree):
        reporting.describe(incident=incident, by=owner_of(shree), at=clock.now(), **{field: " "})
    with pytest.raises(telling.Unwritten) as caught:
        telling.tell_people(incident.pk, workspace_id=shree.pk, by=None, at=clock.now())
    assert caught.value.fields == [field]
    assert not LocalMessage.objects.exists()


def test_people_with_one_address_get_one_message(shree: Workspace, incident: Incident) -> None:
    twins = [factories.make_contact(shree, f"Twin {name} Rao", phone="+919811122233") for name in ("One", "Two")]
    listed(shree, incident, *twins)
    assert telling.tell_people(incident.pk, workspace_id=shree.pk, by=None, at=clock.now()) == 2
    assert LocalMessage.objects.filter(channel="sms").count() == 1


def test_who_has_no_address_or_is_erased_is_said_so(shree: Workspace, incident: Incident) -> None:
    silent, gone = factories.make_contact(shree, phone=""), factories.make_contact(shree, "Gone Person")
    listed(shree, incident, silent, gone)
    with tenancy.inside(shree):
        AffectedPerson.objects.of(shree).filter(contact=gone).update(contact=None)
    assert telling.tell_people(incident.pk, workspace_id=shree.pk, by=None, at=clock.now()) == 0
    with tenancy.inside(shree):
        assert {row.problem for row in AffectedPerson.objects.of(shree)} == {"no address", "erased"}
        assert IncidentClock.objects.of(shree).get(incident=incident, audience="people").proof == "0/2"


def test_a_message_that_could_not_be_handed_over_is_tried_again(
    shree: Workspace, incident: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    from amanat.core import codes

    people = [factories.make_contact(shree, f"Person Number{number}") for number in range(3)]
    listed(shree, incident, *people)
    sent: list[str] = []

    def failing(to: str, *, subject: str, body: str) -> None:
        if len(sent) == 1:
            raise ConnectionError("the provider is down")
        sent.append(to)

    monkeypatch.setattr(codes, "deliver", failing)
    with pytest.raises(ConnectionError):
        telling.tell_people(incident.pk, workspace_id=shree.pk, by=None, at=clock.now())
    with tenancy.inside(shree):
        assert AffectedPerson.objects.of(shree).filter(told_at__isnull=False).count() == 1
    monkeypatch.setattr(codes, "deliver", lambda to, **_words: sent.append(to))
    assert telling.tell_people(incident.pk, workspace_id=shree.pk, by=None, at=clock.now()) == 2
    assert sorted(sent) == sorted(person.main_phone for person in people)


def test_who_reads_hindi_reads_the_owners_words_in_hindi_where_she_wrote_them(
    shree: Workspace, incident: Incident
) -> None:
    client, here = signed_in(owner_of(shree)), reverse("privacy:incident", args=[incident.pk])
    words = {name: getattr(incident, name) for name in ("nature", "consequences", "measures", "advice")}
    in_hindi = {"hi_nature": "सूची वाला फ़ोन खो गया।", "hi_consequences": "फ़ोन आ सकते हैं।"}
    assert client.post(f"{here}words/", words | in_hindi).status_code == 303
    with tenancy.inside(shree):
        row = Incident.objects.of(shree).get(pk=incident.pk)
        drafts = {
            one.language: one for one in telling.drafts(row, workspace=shree, policy=rules.of(shree.pk).policy)[:3]
        }
    assert row.in_languages == {"hi": {"nature": "सूची वाला फ़ोन खो गया।", "consequences": "फ़ोन आ सकते हैं।"}}
    assert "सूची वाला फ़ोन खो गया।" in drafts["hi"].body and row.nature not in drafts["hi"].body
    assert row.measures in drafts["hi"].body and row.nature in drafts["mr"].body and row.nature in drafts["en"].body
    assert {one.language for one in drafts.values() if one.is_untranslated} == {"hi", "mr"}
    assert client.get(here).content.decode().count("Write them in this language too") == 2


@pytest.mark.slow
def test_drafts_stand_above_the_people_who_come_in_pages(
    shree: Workspace, incident: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PEOPLE", 2)
    people = [factories.make_contact(shree, f"Person Number{number}") for number in range(3)]
    with tenancy.inside(shree):
        reporting.add_named(
            incident=incident, contact_ids=[one.pk for one in people], by=owner_of(shree), at=clock.now()
        )
        keys = list(AffectedPerson.objects.of(shree).order_by("id").values_list("pk", flat=True))
    client, here = signed_in(owner_of(shree)), reverse("privacy:incident", args=[incident.pk])
    first = client.get(here).content.decode()
    assert first.index(">Drafts<") < first.index(">People concerned<")
    assert "3 people, told: 0" in first and first.count("Person Number") == 2
    assert (f"after={keys[1]}" in first, 'rel="prev"' in first) == (True, False)
    second = client.get(here, {"after": keys[1]}).content.decode()
    assert second.count("Person Number") == 1 and f"before={keys[2]}" in second and 'rel="next"' not in second
    assert client.get(here, {"before": keys[2]}).content.decode().count("Person Number") == 2
    assert client.get(here, {"after": "x"}).content.decode().count("Person Number") == 2


def test_the_report_to_the_board_marks_what_is_not_known_yet(shree: Workspace, incident: Incident) -> None:
    with tenancy.inside(shree):
        drafts = {
            draft.audience: draft
            for draft in telling.drafts(incident, workspace=shree, policy=rules.of(shree.pk).policy)
        }
    assert set(drafts) == set(Audience)
    assert "Causes and findings: (not known yet)" in drafts[Audience.BOARD_DETAIL].body
    assert "Causes and findings" not in drafts[Audience.BOARD_FIRST].body
    assert "0 of 0 were told" in drafts[Audience.EU_AUTHORITY].body


# --- closing ---


def test_it_closes_only_when_everybody_was_told(shree: Workspace, incident: Incident) -> None:
    owner, at = owner_of(shree), clock.now()
    telling.tell_people(incident.pk, workspace_id=shree.pk, by=owner.pk, at=at)
    with tenancy.inside(shree):
        with pytest.raises(StillRunning) as caught:
            reporting.close(incident=incident, lessons="x", by=owner, at=at)
        assert len(caught.value.what) == 4
        for audience in set(Audience) - {Audience.PEOPLE}:
            reporting.told(incident=incident, audience=audience, proof="R-1", by=owner, at=at)
        assert reporting.close(incident=incident, lessons="Second factors", by=owner, at=at).closed_at == at
        for act in (
            lambda: reporting.describe(incident=incident, by=owner, at=at, nature="other"),
            lambda: reporting.add_everyone(incident=incident, by=owner, at=at),
            lambda: reporting.close(incident=incident, lessons="x", by=owner, at=at),
        ):
            with pytest.raises(Closed):
                act()


def test_times_from_which_clocks_run_are_never_rewritten(shree: Workspace, incident: Incident) -> None:
    with tenancy.inside(shree), pytest.raises(ValueError, match="noticed_at"):
        reporting.describe(incident=incident, by=owner_of(shree), at=clock.now(), noticed_at="2030-01-01")


# --- drills ---


def test_a_drill_goes_the_whole_way_and_writes_to_nobody(shree: Workspace) -> None:
    factories.make_contact(shree)
    sent = len(mail.outbox)
    outcome = drill.run(workspace_id=shree.pk, at=clock.now() + timedelta(seconds=1))
    assert (outcome.people, outcome.told) == (1, 1)
    assert outcome.drafts == 3 + 4 and len(outcome.clocks) == 5
    assert not LocalMessage.objects.filter(channel="sms").exists() and len(mail.outbox) == sent
    with tenancy.inside(shree):
        row = Incident.objects.of(shree).get()
        assert row.is_drill and row.closed_at is not None
        assert not IncidentClock.objects.of(shree).filter(told_at__isnull=True).exists()
    assert "Nobody was written to." in outcome.as_text()


# --- pages ---


def form(**changes: str) -> dict[str, str]:
    values = {
        "kind": "access", "title": "A lost phone", "nature": "A phone with the list was lost.", "happened_from": "2026-11-01T10:00",
        "happened_to": "2026-11-01T11:00", "noticed_at": "2026-11-01T12:00", "consequences": "Calls.", "measures": "Locked.", "advice": "Be careful.",
    }  # fmt: skip
    return values | changes


@pytest.mark.slow
def test_an_owner_walks_a_breach_to_its_end(shree: Workspace) -> None:
    her, client = factories.make_contact(shree), signed_in(owner_of(shree))
    page = client.post(reverse("privacy:incident_new"), form())["Location"]
    with tenancy.inside(shree):
        row = Incident.objects.of(shree).get()
    shown = client.get(page).content.decode()
    assert "CERT-In" in shown and "late" in shown and "Tell everybody" not in shown
    nobody = client.post(reverse("privacy:incident_tell", args=[row.pk]), follow=True).content.decode()
    assert "Nobody is on the list yet." in nobody and "being told" not in nobody
    now = clock.now()
    values = {
        "since": f"{now - HOUR * 24:%Y-%m-%dT%H:%M}",
        "until": f"{now + HOUR * 24:%Y-%m-%dT%H:%M}",
        "actor": "",
        "table": "",
    }
    assert (
        "1 person was added."
        in client.post(reverse("privacy:incident_search", args=[row.pk]), values, follow=True).content.decode()
    )
    assert her.name in client.get(page).content.decode()
    assert client.post(reverse("privacy:incident_words", args=[row.pk]), form(cause="A pickpocket")).status_code == 303
    assert client.post(reverse("privacy:incident_tell", args=[row.pk])).status_code == 303
    telling.tell_people(row.pk, workspace_id=shree.pk, by=None, at=clock.now())
    told = reverse("privacy:incident_told", args=[row.pk])
    assert client.post(told, {"audience": "people", "proof": "x"}).status_code == 422
    assert client.post(told, {"audience": "certin", "proof": ""}).status_code == 422
    assert (
        "Still to be told"
        in client.post(
            reverse("privacy:incident_close", args=[row.pk]), {"lessons": "Lock"}, follow=True
        ).content.decode()
    )
    for audience in ("certin", "board_first", "board_detail", "eu_authority"):
        assert client.post(told, {"audience": audience, "proof": "R-1"}).status_code == 303
    assert client.post(reverse("privacy:incident_close", args=[row.pk]), {"lessons": ""}).status_code == 422
    assert client.post(reverse("privacy:incident_close", args=[row.pk]), {"lessons": "Lock phones"}).status_code == 303
    assert "closed" in client.get(reverse("privacy:incidents")).content.decode()


@pytest.mark.parametrize(
    "wrong", [{"noticed_at": "2999-01-01T00:00"}, {"happened_to": "2026-10-01T00:00"}, {"nature": ""}, {"kind": "fire"}]
)
def test_a_wrong_report_is_refused_and_starts_no_clock(shree: Workspace, wrong: dict[str, str]) -> None:
    assert signed_in(owner_of(shree)).post(reverse("privacy:incident_new"), form(**wrong)).status_code == 422
    with tenancy.inside(shree):
        assert not IncidentClock.objects.of(shree).exists()


def test_an_auditor_reads_and_an_agent_does_not(shree: Workspace, incident: Incident) -> None:
    auditor, agent = signed_in(make_member(shree, Role.AUDITOR)), signed_in(make_member(shree, Role.AGENT))
    for address in (reverse("privacy:incidents"), reverse("privacy:incident", args=[incident.pk])):
        assert auditor.get(address).status_code == 200
        assert agent.get(address).status_code == 403
    assert auditor.post(reverse("privacy:incident_close", args=[incident.pk]), {"lessons": "x"}).status_code == 403


def test_a_breach_of_another_workspace_is_not_found(other: Workspace, incident: Incident) -> None:
    assert signed_in(owner_of(other)).get(reverse("privacy:incident", args=[incident.pk])).status_code == 404
