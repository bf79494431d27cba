"""The timeline: its order, its pages, its tabs, what each line shows, and what it never tells."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import make_member, signed_in
from amanat.core import clock, tenancy
from amanat.people import contacts, record_pages, record_views, rows, timeline, vocabulary
from amanat.people.models import Attachment, Company, Contact, Interaction
from amanat.people.tests.factories import make_company, make_contact, make_stage, make_team, narrow_member, owner
from amanat.people.timeline import Kind, Place

START = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner(shree)


@pytest.fixture
def browser(rekha: Member) -> Client:
    return signed_in(rekha)


def _tell(record: Any, summary: str, *, kind: str = "note", days: float = 0, **more: Any) -> Interaction:
    on = {"contact": record} if isinstance(record, Contact) else {"company": record}
    with tenancy.inside(record.workspace_id):
        return timeline.record(
            workspace=record.workspace_id,
            kind=kind,
            summary=summary,
            happened_at=START + timedelta(days=days),
            **(on | more),
        )


def _told(record: Any, **asked: Any) -> list[str]:
    with tenancy.inside(record.workspace_id):
        return [line.summary for line in timeline.of(record, **asked)]


def _shown(page: Any) -> list[str]:
    return [re.sub("<[^>]+>", "", one) for one in re.findall(r'<div class="timeline-head"><h3>(.*?)</h3>', page.text)]


def test_lines_stand_newest_first_by_when_it_happened_not_by_when_it_was_written(shree: Workspace) -> None:
    contact = make_contact(shree)
    for summary, days in (("second", 2), ("first", 1), ("third", 3), ("later", 2)):
        _tell(contact, summary, days=days)
    told = [summary for summary in _told(contact) if summary != "Contact added"]
    assert told == ["third", "later", "second", "first"]


@pytest.mark.slow
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.lists(st.sampled_from([0, 0, 1, 2]), max_size=10), size=st.integers(1, 4), tab=st.booleans())
def test_pages_of_a_timeline_are_the_whole_of_it_once(shree: Workspace, days: list[int], size: int, tab: bool) -> None:
    contact = make_contact(shree)
    with tenancy.inside(shree):
        Interaction.objects.of(shree).delete()
        made = [
            timeline.line(
                workspace=shree, kind="note" if number % 2 else "call", summary=str(number), happened_at=START + timedelta(days=day), contact=contact
            )
            for number, day in enumerate(days)
        ]  # fmt: skip
        rows.insert(made)
        kinds = ["note"] if tab else None
        expected = sorted(
            (line for line in made if not tab or line.kind == "note"),
            key=lambda line: (line.happened_at, line.pk),
            reverse=True,
        )
        seen, after = [], None
        while True:
            page = timeline.of(contact, kinds=kinds, after=after, limit=size)
            seen += [line.pk for line in page]
            if len(page) < size:
                break
            after = Place(page[-1].happened_at, page[-1].pk)
        assert seen == [line.pk for line in expected]


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_place_is_read_back_as_it_was_written(moment: datetime, identity: UUID) -> None:
    place = Place(moment, identity)
    assert Place.parse(str(place)) == place


@pytest.mark.parametrize(
    "text",
    [
        "",
        "~",
        "x",
        "2026-11-01T10:00:00",
        f"2026-11-01T10:00:00~{UUID(int=1)}",
        "2026-11-01T10:00:00+00:00~x",
        f"~{UUID(int=1)}",
    ],
)
def test_a_broken_place_is_none(text: str) -> None:
    assert Place.parse(text) is None


def test_a_broken_place_in_the_address_begins_at_the_beginning(shree: Workspace, browser: Client) -> None:
    contact = make_contact(shree)
    for broken in ("evil", "2026-11-01~1", "%00"):
        assert _shown(browser.get(f"/contacts/{contact.pk}/?after={broken}")) == ["Contact added"]


def test_only_contact_moves_last_contact_and_only_forward(shree: Workspace) -> None:
    contact, firm = make_contact(shree), make_company(shree)
    for record, model in ((contact, Contact), (firm, Company)):
        moments = []
        for kind, days in (("change", 9), ("file", 9), ("note", 2), ("call", 5), ("message", 1), ("merge", 9)):
            _tell(record, "x", kind=kind, days=days)
            with tenancy.inside(shree):
                moments.append(model.objects.of(shree).get().last_contact_at)  # type: ignore[attr-defined]
        expected = [None, None, 2, 5, 5, 5]
        assert moments == [None if days is None else START + timedelta(days=days) for days in expected]


def test_a_line_about_both_stands_on_both(shree: Workspace) -> None:
    contact, firm = make_contact(shree), make_company(shree)
    _tell(contact, "Met at the fair", company=firm)
    assert "Met at the fair" in _told(contact) and "Met at the fair" in _told(firm)
    _tell(contact, "Only hers")
    assert "Only hers" not in _told(firm)


def test_a_line_is_about_somebody(shree: Workspace) -> None:
    with tenancy.inside(shree), pytest.raises(IntegrityError), transaction.atomic():
        timeline.record(workspace=shree, kind="note", summary="x", happened_at=START)


def test_long_texts_are_cut_to_their_columns(shree: Workspace) -> None:
    contact = make_contact(shree)
    line = _tell(contact, "s" * 500, body="b" * 20_000)
    assert (len(line.summary), len(line.body)) == (timeline.SUMMARY, timeline.BODY)


def test_a_line_goes_with_the_row_it_is_about(shree: Workspace) -> None:
    contact, stage = make_contact(shree), make_stage(shree)
    other = make_stage(shree, "Customer")
    _tell(contact, "About the stage", reference=stage), _tell(contact, "About the other", reference=other)
    with tenancy.inside(shree):
        assert timeline.forget(stage) == 1
        assert timeline.forget(stage) == 0
    assert "About the other" in _told(contact) and "About the stage" not in _told(contact)


def test_kinds_that_nobody_registers_any_more_are_still_shown(shree: Workspace, browser: Client) -> None:
    contact = make_contact(shree)
    _tell(contact, "From a package that is gone", kind="gone.kind")
    assert "From a package that is gone" in _shown(browser.get(f"/contacts/{contact.pk}/"))
    assert timeline.kinds.get("gone.kind") == Kind("gone.kind", "gone.kind", "circle-dot")


@pytest.mark.slow
def test_each_tab_shows_its_kinds_only(shree: Workspace, browser: Client) -> None:
    contact = make_contact(shree)
    for kind in ("note", "call", "message", "file", "change", "merge"):
        _tell(contact, f"A {kind}", kind=kind)
    url = f"/contacts/{contact.pk}/"
    shown = {
        tab: _shown(browser.get(f"{url}?tab={tab}"))
        for tab in ("note", "call", "message", "file", "change", "merge", "evil")
    }
    assert shown == {
        "note": ["A note"], "call": ["A call"], "message": ["A message"], "file": ["A file"], "change": ["Contact added", "A merge", "A change"],
        "merge": [], "evil": [],
    }  # fmt: skip
    labels = [str(tab["label"]) for tab in browser.get(url).context["tabs"]]
    assert labels[:6] == ["All", "Notes", "Calls", "Messages", "Files", "Changes"] and "Merged" not in labels


def test_older_lines_come_a_page_at_a_time_in_every_tab(
    shree: Workspace, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_views, "PAGE", 2)
    contact = make_contact(shree)
    for number in range(5):
        _tell(contact, f"Note {number}", days=number), _tell(contact, f"Call {number}", kind="call", days=number)
    url, seen = f"/contacts/{contact.pk}/?tab=note", []
    while url:
        page = browser.get(url, headers={"HX-Request": "true"})
        seen.append(_shown(page))
        url = page.context["older_url"]
    assert seen == [["Note 4", "Note 3"], ["Note 2", "Note 1"], ["Note 0"]]


def test_changes_show_what_was_and_what_is(shree: Workspace, rekha: Member, browser: Client) -> None:
    contact = make_contact(shree, "Asha", notes="<i>was</i>", phone="9822041736")
    with tenancy.inside(shree):
        contacts.change(
            contact=contact, by=rekha, at=clock.now(), changes={"notes": "", "phones": [("9822041737", "")]}
        )
    text = browser.get(f"/contacts/{contact.pk}/").text
    assert "<dt>notes</dt><dd><del>&lt;i&gt;was&lt;/i&gt;</del>" in text
    assert re.search(r"<dt>phones</dt><dd><del>98220 41736</del> .*? 98220 41737</dd>", text)
    assert '<p class="timeline-foot">Rekha Kulkarni</p>' in text


def test_a_line_of_nobody_says_so_and_hostile_texts_stay_texts(shree: Workspace, browser: Client) -> None:
    contact = make_contact(shree)
    _tell(contact, "<script>1</script>", body="<img src=x onerror=1>\nsecond line", data={"url": 'javascript:"x'})
    text = browser.get(f"/contacts/{contact.pk}/").text
    assert "&lt;script&gt;1&lt;/script&gt;" in text and "&lt;img src=x onerror=1&gt;" in text
    assert "<script>1" not in text and "<img src=x" not in text
    assert '<p class="timeline-foot">Automated</p>' in text


@pytest.mark.sampled
@pytest.mark.parametrize("data", [[], "text", 7, None, {"changes": []}, {"attachment": ""}])
def test_a_line_whose_data_is_of_another_hand_breaks_no_page(shree: Workspace, browser: Client, data: Any) -> None:
    contact = make_contact(shree)
    line = _tell(contact, "Odd")
    with tenancy.inside(shree):
        Interaction.objects.of(shree).filter(pk=line.pk).update(data=data if data is not None else {})
    assert "Odd" in _shown(browser.get(f"/contacts/{contact.pk}/"))


def test_hidden_records_have_hidden_timelines(shree: Workspace, rekha: Member) -> None:
    narrow = narrow_member(shree, "Prakash Jadhav", make_team(shree))
    firm = make_company(shree, "Dairy", owner=narrow.pk)
    hidden = make_contact(shree, "Hidden", company_id=firm.pk)
    _tell(hidden, "A secret note"), _tell(hidden, "On both", company=firm)
    browser = signed_in(narrow)
    assert browser.get(f"/contacts/{hidden.pk}/").status_code == 404
    page = browser.get(f"/companies/{firm.pk}/")
    assert "A secret note" not in page.text and "Hidden" not in page.text
    assert browser.post(f"/contacts/{hidden.pk}/notes/", {"note": "x"}).status_code == 404


@pytest.mark.slow
def test_a_timeline_costs_the_same_for_one_and_thirty_lines(shree: Workspace, browser: Client) -> None:
    contact, costs = make_contact(shree), []
    for amount in (1, 29):
        for number in range(amount):
            _tell(contact, f"Note {number}", actor=make_member(shree, name=f"Member {number}") if number < 2 else None)
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(f"/contacts/{contact.pk}/").status_code == 200
        costs.append(len(captured))
    assert costs[0] == costs[1]


def test_lines_name_the_day_once_and_the_hour_of_the_workspace(shree: Workspace) -> None:
    contact = make_contact(shree)
    line = _tell(contact, "In the morning")
    with tenancy.inside(shree):
        drawn = record_pages.lines([line], vocabulary.of(shree))
    assert "12:00" in drawn and f'datetime="{line.happened_at.isoformat()}"' in drawn


def test_an_attachment_is_a_link_on_its_line(shree: Workspace, browser: Client) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    contact = make_contact(shree)
    sent = {"note": "", "kind": "note", "file": SimpleUploadedFile("list.csv", b"a,b\n1,2\n", "text/csv")}
    assert browser.post(f"/contacts/{contact.pk}/notes/", sent).status_code == 303
    with tenancy.inside(shree):
        attachment = Attachment.objects.of(shree).get()
    page = browser.get(f"/contacts/{contact.pk}/?tab=file")
    assert f'href="/attachments/{attachment.pk}/"' in page.text and "list.csv" in page.text
    assert b"".join(browser.get(f"/attachments/{attachment.pk}/")) == b"a,b\n1,2\n"


# --- each reader's language --------------------------------------------------------------------------------------


def test_a_line_is_told_in_the_language_of_its_reader(shree: Workspace) -> None:
    with translation.override("mr"):
        contact = make_contact(shree, "Sunita")
    with tenancy.inside(shree):
        (line,) = timeline.of(contact)
    assert line.data["said"] == ["contact", {}]
    with translation.override("en"):
        assert timeline.summary_of(line) == "Contact added"
        assert line.summary != "Contact added", "the writer's words stay for exports"
    with translation.override("mr"):
        assert timeline.summary_of(line) == line.summary


def test_changes_are_told_in_the_language_of_their_reader(shree: Workspace) -> None:
    contact = make_contact(shree, "Sunita")
    with tenancy.inside(shree), translation.override("hi"):
        contacts.change(contact=contact, by=owner(shree), at=clock.now(), changes={"job_title": "Farmer"})
        line = timeline.of(contact)[0]
    with translation.override("en"):
        assert timeline.summary_of(line) == "Changed job title"


@pytest.mark.parametrize(
    "data",
    [
        {"said": ["no such sentence", {}]},
        {"said": ["imported", {}]},
        {"said": ["imported", {"file": ["a", "list"]}]},
        {"said": "imported"},
        {"said": ["imported"]},
        {"said": [["imported"], {"file": "a"}]},
        {"said": None},
        {"changes": [[]]},
        {"changes": "all"},
        [],
    ],
)
def test_what_a_file_brought_as_data_breaks_no_page(data: object) -> None:
    line = Interaction(kind="created", summary="As it was written", data=data)
    told = timeline.summary_of(line)
    assert told == "As it was written" or told.startswith("Imported from")
    assert timeline.summary_of(Interaction(kind="change", summary="Changed", data=data)) == "Changed"


def test_a_kind_that_nobody_registers_any_more_keeps_its_words() -> None:
    assert timeline.summary_of(Interaction(kind="gone", summary="As it was", data={"said": ["x", {}]})) == "As it was"
