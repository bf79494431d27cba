"""Paging by key: the pages together are the whole list once, in order, whatever is equal and whatever is missing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import signed_in
from amanat.core import clock, tenancy
from amanat.people import lists, rows, vocabulary
from amanat.people.drafts import sort_name
from amanat.people.lists import Definition, Refused
from amanat.people.models import NEVER, NO_DAY, Company, Contact
from amanat.people.tests.factories import make_contact, make_team, narrow_member, owner
from amanat.people.vocabulary import Vocabulary

_QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
#: Few different values, so that there are many ties; None where nothing was written.
_ROWS = st.lists(
    st.tuples(
        st.sampled_from(["Asha", "asha", "Smt. Asha", "Bala", "सुनीता", "~", "Z'o\\e", "10", ""]),
        st.sampled_from([None, 0, 1, 2]),
        st.sampled_from([None, 0, 1]),
    ),
    max_size=12,
)
_WAYS = st.sampled_from(list(lists.SORTS))


def _make(workspace: Workspace, drawn: list[tuple[str, int | None, int | None]], model: Any) -> None:
    start = datetime(2026, 11, 1, 6, 30, 0, 123456, tzinfo=UTC)
    model.objects.of(workspace).delete()
    rows.insert(
        model(
            workspace_id=workspace.pk,
            name=name,
            sort_name=sort_name(name),
            last_contact_at=None if days is None else start + timedelta(days=days, microseconds=days),
            follow_up_on=None if day is None else date(2026, 12, 1) + timedelta(days=day),
        )
        for name, days, day in drawn
    )


def _key(row: Any, sort: str) -> tuple[Any, UUID]:
    value: Any = {
        "created": 0,
        "name": row.sort_name,
        "last_contact": row.last_contact_at or NEVER,
        "follow_up": row.follow_up_on or NO_DAY,
    }[sort.removeprefix("-")]
    return value, row.pk


def _pages(definition: Definition, member: Member, words: Vocabulary, *, size: int) -> list[lists.Page]:
    pages, after = [], ""
    while True:
        pages.append(lists.page(definition, member=member, words=words, values=["id"], after=after, size=size))
        if pages[-1].after is None:
            return pages
        after = pages[-1].after


def _ids(pages: list[lists.Page]) -> list[UUID]:
    return [row[0] for page in pages for row in page.rows]


@pytest.mark.slow
@_QUICK
@given(drawn=_ROWS, sort=_WAYS, size=st.integers(1, 5), on=st.sampled_from(["contact", "company"]))
def test_pages_together_are_the_list_once_in_order(
    shree: Workspace, drawn: list[tuple[str, int | None, int | None]], sort: str, size: int, on: str
) -> None:
    with tenancy.inside(shree):
        model: Any = Contact if on == "contact" else Company
        _make(shree, drawn, model)
        words, member = vocabulary.of(shree), owner(shree)
        definition = Definition(on, {}, sort)
        pages = _pages(definition, member, words, size=size)
        made = list(model.objects.of(shree))
        expected = sorted(made, key=lambda row: _key(row, sort)[1])
        if not sort.endswith("name"):
            expected = sorted(made, key=lambda row: _key(row, sort))
            if sort.startswith("-"):
                expected.reverse()
            assert _ids(pages) == [row.pk for row in expected]
        else:  # the database's own order of letters: complete, once, and as one question gives it
            whole = list(lists.rows_of(definition, member=member, words=words).values_list("pk", flat=True))
            assert _ids(pages) == whole
            assert sorted(whole) == [row.pk for row in expected]
        assert [len(page.rows) for page in pages[:-1]] == [size] * (len(pages) - 1)
        assert (pages[0].before, pages[-1].after) == (None, None)


@pytest.mark.slow
@_QUICK
@given(drawn=_ROWS, sort=_WAYS, size=st.integers(1, 4))
def test_the_way_back_is_the_way_forth(
    shree: Workspace, drawn: list[tuple[str, int | None, int | None]], sort: str, size: int
) -> None:
    with tenancy.inside(shree):
        _make(shree, drawn, Contact)
        words, member = vocabulary.of(shree), owner(shree)
        definition = Definition("contact", {}, sort)
        forth = _pages(definition, member, words, size=size)
        page, back = forth[-1], [forth[-1]]
        while page.before:
            page = lists.page(definition, member=member, words=words, values=["id"], before=page.before, size=size)
            back.insert(0, page)
        assert _ids(back) == _ids(forth)
        # From any page one goes on to the same rows as before.
        for place in back[:-1]:
            assert place.after is not None


@pytest.mark.slow
@_QUICK
@given(drawn=_ROWS, sort=_WAYS, cut=st.integers(0, 11))
def test_a_row_that_goes_while_somebody_pages_takes_no_other_with_it(
    shree: Workspace, drawn: list[tuple[str, int | None, int | None]], sort: str, cut: int
) -> None:
    with tenancy.inside(shree):
        _make(shree, drawn, Contact)
        words, member = vocabulary.of(shree), owner(shree)
        definition = Definition("contact", {}, sort)
        whole = list(lists.rows_of(definition, member=member, words=words).values_list("pk", flat=True))
        first = lists.page(definition, member=member, words=words, values=["id"], size=3)
        seen = _ids([first])
        gone = whole[cut : cut + 1]
        Contact.objects.of(shree).filter(pk__in=gone).delete()
        after = first.after
        while after:
            page = lists.page(definition, member=member, words=words, values=["id"], after=after, size=3)
            seen += _ids([page])
            after = page.after
        assert [pk for pk in seen if pk not in gone] == [pk for pk in whole if pk not in gone]


def test_filters_and_the_wall_hold_on_every_page(shree: Workspace) -> None:
    team = make_team(shree)
    narrow = narrow_member(shree, "Prakash Jadhav", team)
    mine = [make_contact(shree, f"Mine {n}", team=team.pk, phone="" if n % 2 else None).pk for n in range(7)]
    for number in range(7):
        make_contact(shree, f"Hidden {number}")
    with tenancy.inside(shree):
        words = vocabulary.of(shree)
        for sort in lists.SORTS:
            found = _ids(_pages(Definition("contact", {}, sort), narrow, words, size=2))
            assert sorted(found) == sorted(mine)
            some = _ids(_pages(Definition("contact", {"has_phone": ["no"]}, sort), narrow, words, size=2))
            assert sorted(some) == sorted(mine[1::2])


@pytest.mark.parametrize("sort", list(lists.SORTS))
@pytest.mark.parametrize(
    "broken",
    ["x", "~", "1~2", "2026-01-01~", "~00000000-0000-0000-0000-00000000000x", "0~zz", f"é~{UUID(int=1)}0"],
)
def test_a_broken_key_is_refused_in_words(shree: Workspace, sort: str, broken: str) -> None:
    with tenancy.inside(shree):
        words, member = vocabulary.of(shree), owner(shree)
        for where in ("after", "before"):
            with pytest.raises(Refused, match="Begin at the first page"):
                lists.page(
                    Definition("contact", {}, sort), member=member, words=words, values=["id"], **{where: broken}
                )


def test_a_key_of_another_order_is_refused_or_harmless(shree: Workspace) -> None:
    for number in range(4):
        make_contact(shree, f"Contact {number}")
    with tenancy.inside(shree):
        words, member = vocabulary.of(shree), owner(shree)
        for sort in lists.SORTS:
            key = lists.page(Definition("contact", {}, sort), member=member, words=words, values=["id"], size=2).after
            assert key
            for other in lists.SORTS:
                try:
                    page = lists.page(
                        Definition("contact", {}, other), member=member, words=words, values=["id"], after=key, size=2
                    )
                except Refused:
                    continue
                assert len(page.rows) <= 2


def test_the_last_page_costs_what_the_first_does(shree: Workspace) -> None:
    for number in range(12):
        make_contact(shree, f"Contact {number:02}")
    with tenancy.inside(shree):
        words, member = vocabulary.of(shree), owner(shree)
        for sort in lists.SORTS:
            costs, after = set(), ""
            for _ in range(4):
                with CaptureQueriesContext(connection) as captured:
                    page = lists.page(
                        Definition("contact", {}, sort), member=member, words=words, values=["id"], after=after, size=3
                    )
                costs.add(len(captured))
                assert "OFFSET" not in captured[-1]["sql"].upper()
                after = page.after or ""
            assert costs == {1}


@pytest.mark.parametrize("path", ["/contacts/", "/companies/"])
def test_the_page_links_forth_and_back_and_keeps_what_was_asked(
    shree: Workspace, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from amanat.people.tests.factories import make_company

    monkeypatch.setattr(lists.page, "__kwdefaults__", {**(lists.page.__kwdefaults__ or {}), "size": 2})
    make: Any = make_contact if path == "/contacts/" else make_company
    for number in range(5):
        make(shree, f"Record {number}", notes="x")
    browser = signed_in(owner(shree))
    url, seen = f"{path}?sort=name&source=form", []
    while url:
        page = browser.get(url)
        seen.append(
            [
                line
                for line in ("Record 0", "Record 1", "Record 2", "Record 3", "Record 4")
                if f">{line}<" in page.text.replace("</span>", ">")
            ]
        )
        assert page.context["definition"].filters == {"source": ["form"]}
        url, last = page.context["next_url"], page
    assert seen == [["Record 0", "Record 1"], ["Record 2", "Record 3"], ["Record 4"]]
    back = browser.get(last.context["previous_url"])
    assert back.context["previous_url"] and back.context["next_url"]
    assert browser.get(back.context["previous_url"]).context["previous_url"] == ""


def test_ids_of_all_rows_are_those_of_the_list_and_no_more_than_asked(shree: Workspace) -> None:
    made = [make_contact(shree, f"Contact {n}", phone="" if n < 2 else None).pk for n in range(5)]
    with tenancy.inside(shree):
        words, member = vocabulary.of(shree), owner(shree)
        newest = list(reversed(made))
        assert lists.ids_of(Definition(), member=member, words=words, most=10) == newest
        assert lists.ids_of(Definition(), member=member, words=words, most=2) == newest[:2]
        without = Definition(filters={"has_phone": ["no"]})
        assert lists.ids_of(without, member=member, words=words, most=10) == [made[1], made[0]]
    assert clock.now() > datetime(2026, 1, 1, tzinfo=UTC)
