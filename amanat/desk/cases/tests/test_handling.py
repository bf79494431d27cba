"""Cases: taken up, written in, closed, reopened; what is told, counted and found of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry
from amanat.desk.cases import counting, handling
from amanat.desk.cases.counting import Year
from amanat.desk.cases.handling import CaseRefused, NewCase
from amanat.desk.cases.models import SupportCase
from amanat.desk.tests.factories import NOW, make_case, make_contact
from amanat.people import bin as deleted
from amanat.people import merging, search, timeline
from amanat.people.models import Contact, Interaction, SearchEntry

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def rekha(shree: Workspace) -> Iterator[Member]:
    by = owner_of(shree)
    with clock.standing_at(NOW), tenancy.inside(shree, actor=by.pk):
        yield by


def told(case: SupportCase) -> list[tuple[str, str]]:
    lines = Interaction.objects.of(case.workspace_id).filter(reference_id=case.pk).order_by("id")
    return [(timeline.summary_of(line), line.body) for line in lines]


def test_a_case_goes_its_way_and_each_step_is_told(rekha: Member) -> None:
    case = make_case(rekha, "  Wrong   name ", what="PAN came with Deshmuk", owner=rekha)
    assert (case.number, case.subject, case.due_on, case.state) == (1, "Wrong name", date(2026, 11, 24), "open")
    handling.note(case=case, text="Sent the form again", by=rekha, at=NOW + DAY, now_waits=True)
    closed = handling.close(case=case, outcome="New card came", satisfaction=4, by=rekha, at=NOW + 2 * DAY)
    assert (closed.state, closed.closed_at, closed.closed_by) == ("closed", NOW + 2 * DAY, rekha)
    assert told(case) == [
        ("Case #1: Wrong name", ""), ("Case #1: waiting for the customer", "Sent the form again"),
        ("Case #1 closed", "New card came"),
    ]  # fmt: skip
    events = LedgerEntry.objects.of(rekha.workspace_id).filter(about=case.pk, event__startswith="desk.case")
    assert list(events.order_by("at").values_list("event", flat=True)) == [
        "desk.case.taken_up", "desk.case.noted", "desk.case.closed",
    ]  # fmt: skip
    assert make_case(rekha, "Another").number == 2
    assert Contact.objects.of(rekha.workspace_id).get(pk=case.contact_id).last_contact_at == NOW + 2 * DAY


def test_reopening_takes_the_closing_back_and_its_count(rekha: Member) -> None:
    case = handling.close(case=make_case(rekha), outcome="Done", satisfaction=5, by=rekha, at=NOW)
    handling.close(case=make_case(rekha), outcome="Done", by=rekha, at=NOW)
    assert counting.of_year(2026, workspace=rekha.workspace) == Year(2, 1, 5)
    again = handling.reopen(case=case, by=rekha, at=NOW + 30 * DAY)
    assert (again.state, again.closed_at, again.satisfaction, again.outcome) == ("open", None, None, "Done")
    assert again.due_on == date(2026, 12, 24)
    assert counting.of_year(2026, workspace=rekha.workspace) == Year(1, 0, 0)
    handling.reopen(case=again, by=rekha, at=NOW + 31 * DAY)
    assert counting.of_year(2026, workspace=rekha.workspace) == Year(1, 0, 0)


def test_a_closing_is_counted_in_the_year_of_the_shop(rekha: Member) -> None:
    """20:00 of 31 December in London is next year in Nashik."""
    at = NOW.replace(month=12, day=31, hour=20)
    handling.close(case=make_case(rekha), outcome="Done", satisfaction=3, by=rekha, at=at)
    assert counting.of_year(2027, workspace=rekha.workspace) == Year(1, 1, 3)


def test_what_is_refused_changes_nothing(rekha: Member) -> None:
    case = make_case(rekha)
    with pytest.raises(CaseRefused, match="few words"):
        handling.take_up(contact=make_contact(rekha), wanted=NewCase(" "), by=rekha, at=NOW)
    with pytest.raises(CaseRefused, match="few words"):
        handling.change(case=case, subject="", by=rekha, at=NOW)
    with pytest.raises(CaseRefused, match="how it ended"):
        handling.close(case=case, outcome=" ", by=rekha, at=NOW)
    handling.close(case=case, outcome="Done", by=rekha, at=NOW)
    for again in (
        lambda: handling.note(case=case, text="More", by=rekha, at=NOW),
        lambda: handling.close(case=case, outcome="Twice", by=rekha, at=NOW),
    ):
        with pytest.raises(CaseRefused, match="Reopen it first"):
            again()
    assert len(told(case)) == 2
    assert counting.of_year(2026, workspace=rekha.workspace).closed == 1


@pytest.mark.parametrize(
    "wrong", [{"closed_at": None}, {"state": "open"}, {"satisfaction": 6}], ids=["no moment", "open", "six of five"]
)
def test_the_database_holds_no_other_closing(rekha: Member, wrong: dict[str, object]) -> None:
    case = handling.close(case=make_case(rekha), outcome="Done", by=rekha, at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        SupportCase.objects.of(rekha.workspace_id).filter(pk=case.pk).update(**wrong)


def test_a_case_is_found_by_subject_person_and_number(rekha: Member) -> None:
    contact = make_contact(rekha, "Asha Patil")
    for _number in range(10):
        case = make_case(rekha, "Passbook not printed", contact=contact)

    def finds(words: str) -> bool:
        return case.pk in [hit.id for hit in search.find(words, member=rekha, kinds=["case"])]

    assert finds("passbook") and finds("asha") and finds("10")
    handling.change(case=case, subject="Wrong amount", by=rekha, at=NOW)
    assert finds("wrong amount") and not finds("passbook")


def test_a_case_goes_with_its_person_and_moves_with_a_merge(rekha: Member) -> None:
    asha, same = make_contact(rekha, "Asha Patil"), make_contact(rekha, "Asha Patel")
    case = make_case(rekha, contact=same)
    merging.merge(keep=asha, gone=same, choices={}, by=rekha, at=NOW)
    here = SupportCase.objects.of(rekha.workspace_id)
    assert here.get(pk=case.pk).contact_id == asha.pk
    deleted.delete(model=Contact, workspace=rekha.workspace, by=rekha, at=NOW, ids=[asha.pk])
    assert list(here.for_people_here()) == []
    deleted.purge(model=Contact, workspace=rekha.workspace, by=rekha, at=NOW, ids=[asha.pk])
    assert list(here) == []
    assert not Interaction.objects.of(rekha.workspace_id).filter(reference_id=case.pk).exists()
    assert not SearchEntry.objects.of(rekha.workspace_id).filter(pk=case.pk).exists()
