"""Lists: every filter, every order paged both ways, and definitions nobody should send."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amanat.accounts.models import Workspace
from amanat.core import clock, tenancy
from amanat.people import custom_fields, lists, timeline, vocabulary
from amanat.people.custom_fields import FieldDraft
from amanat.people.drafts import AddressDraft
from amanat.people.lists import Refused
from amanat.people.models import Contact
from amanat.people.tests.factories import make_company, make_contact, make_stage, make_team, narrow_member, owner


def _names(workspace: Workspace, **filters: Any) -> set[str]:
    with tenancy.inside(workspace):
        words, member = vocabulary.of(workspace), owner(workspace)
        definition = lists.parse({name: [str(value)] for name, value in filters.items()}, on="contact", words=words)
        return set(lists.rows_of(definition, member=member, words=words).values_list("name", flat=True))


def test_each_filter_keeps_what_it_says(shree: Workspace) -> None:
    member, stage, team, company = owner(shree), make_stage(shree), make_team(shree), make_company(shree)
    today = clock.today(shree.time_zone)
    full = make_contact(
        shree, "Full", stage=stage.pk, owner=member.pk, team=team.pk, tags=["Farmer"], company_id=company.pk,
        addresses=[AddressDraft(city="Sinnar")], follow_up_on=today, emails=[("a@b.in", "")],
    )  # fmt: skip
    make_contact(shree, "Bare", phone="")
    with tenancy.inside(shree):
        timeline.record(workspace=shree, kind="note", summary="x", happened_at=clock.now(), contact=full)
        tag = vocabulary.of(shree).tags.popitem()[0]
    tomorrow = (today + timedelta(days=2)).isoformat()
    for filters in (
        {"stage": stage.pk}, {"owner": member.pk}, {"owner": "me"}, {"team": team.pk}, {"tag": tag}, {"company": company.pk},
        {"company": "deshmukh dairy"}, {"city": "sinnar"}, {"follow_up": "due"}, {"has_phone": "yes"}, {"has_email": "yes"},
        {"last_contact_after": today.isoformat()}, {"last_contact_before": tomorrow},
    ):  # fmt: skip
        assert _names(shree, **filters) == {"Full"}, filters
    for filters in (
        {"stage": "none"},
        {"owner": "none"},
        {"tag": "none"},
        {"follow_up": "none"},
        {"has_phone": "no"},
        {"has_email": "no"},
    ):
        assert _names(shree, **filters) == {"Bare"}, filters
    assert _names(shree, source="form", created_after=today.isoformat()) == {"Full", "Bare"}
    assert _names(shree, source="file") == set()
    assert _names(shree, created_before=today.isoformat()) == set()


def test_filters_on_custom_fields_go_by_their_kind(shree: Workspace) -> None:
    with tenancy.inside(shree):
        for draft in (
            FieldDraft("Village"), FieldDraft("Crop", kind="choice", choices=["Onion", "Grape"]),
            FieldDraft("Schemes", kind="choices", choices=["PMFBY", "PMKISAN"]), FieldDraft("Insured", kind="yes_no"),
            FieldDraft("Contains"),
        ):  # fmt: skip
            custom_fields.add(workspace=shree, by=owner(shree), at=clock.now(), draft=draft)
    make_contact(
        shree,
        "A",
        custom={"village": "Pimpalgaon", "crop": "Onion", "schemes": ["PMFBY"], "insured": "yes", "contains": "x"},
    )
    make_contact(
        shree, "B", custom={"village": "Dindori", "crop": "Grape", "schemes": ["PMFBY", "PMKISAN"], "insured": "no"}
    )
    assert _names(shree, **{"custom.village": "pimpal"}) == {"A"}
    assert _names(shree, **{"custom.crop": "Grape"}) == {"B"}
    assert _names(shree, **{"custom.schemes": "PMFBY"}) == {"A", "B"}
    assert _names(shree, **{"custom.insured": "no"}) == {"B"}
    assert _names(shree, **{"custom.contains": "x"}) == {"A"}
    with pytest.raises(Refused):
        _names(shree, **{"custom.crop": "Cotton"})


@pytest.mark.sampled
@pytest.mark.parametrize("sort", list(lists.SORTS))
def test_every_order_is_paged_completely_in_both_directions(shree: Workspace, sort: str) -> None:
    chance = random.Random(7)
    made = [make_contact(shree, chance.choice(["Asha", "Bala", "Chitra"]), phone="") for _ in range(11)]
    with tenancy.inside(shree):
        for contact in made[::2]:
            Contact.objects.of(shree).filter(pk=contact.pk).update(
                last_contact_at=clock.now() - timedelta(days=chance.randrange(2)),
                follow_up_on=date(2026, 12, chance.randrange(1, 3)),
            )
        words, member = vocabulary.of(shree), owner(shree)
        definition = lists.parse({"sort": [sort]}, on="contact", words=words)
        whole = [row.pk for row in lists.rows_of(definition, member=member, words=words)]
        pages, after, seen = [], "", []
        while True:
            page = lists.page(definition, member=member, words=words, values=["id"], after=after, size=3)
            pages.append(page)
            seen += [row[0] for row in page.rows]
            if page.after is None:
                break
            after = page.after
        assert seen == whole
        assert pages[0].before is None
        back, before = [row[0] for row in pages[-1].rows], pages[-1].before
        while before:
            page = lists.page(definition, member=member, words=words, values=["id"], before=before, size=3)
            back = [row[0] for row in page.rows] + back
            before = page.before
        assert back == whole


@pytest.mark.parametrize(
    "query",
    [
        "unknown=1", "stage=x", "stage=00000000-0000-0000-0000-000000000001", "sort=evil", "columns=evil", "follow_up=evil",
        "created_after=yesterday", "created_after=9999-99-99", "has_phone=maybe", "custom.nothing=1", "workspace_id=1", "id__in=1",
        "source=%27%3B--", "owner_id__isnull=1", "tag=" + "a" * 300, "password=1", "created_after=0001-01-01",
    ],
)  # fmt: skip
def test_unknown_fields_and_values_are_refused_in_words(shree: Workspace, query: str) -> None:
    with tenancy.inside(shree):
        words = vocabulary.of(shree)
        with pytest.raises(Refused) as refused:
            lists.filtered(lists.parse(QueryDict(query), on="contact", words=words), member=owner(shree), words=words)
        assert len(str(refused.value)) > 10


_text = st.text(max_size=30)
_stored = st.dictionaries(
    st.sampled_from([*lists.FILTERS, "custom.x", "sort", "id", ""]),
    st.one_of(_text, st.lists(_text, max_size=4), st.none(), st.integers()),
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filters=_stored, sort=st.one_of(st.sampled_from(list(lists.SORTS)), _text), after=_text)
def test_no_definition_breaks_the_list(shree: Workspace, filters: dict[str, Any], sort: str, after: str) -> None:
    with tenancy.inside(shree):
        words, member = vocabulary.of(shree), owner(shree)
        for given_definition in ({"filters": filters, "sort": sort}, {**filters, "sort": [sort]}):
            try:
                definition = lists.parse(given_definition, on="contact", words=words)
                lists.page(definition, member=member, words=words, values=["id"], after=after)
                lists.count(definition, member=member, words=words)
            except Refused:
                pass


def test_the_count_is_kept_where_nothing_narrows_and_capped_elsewhere(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = make_team(shree)
    narrow = narrow_member(shree, "Prakash Jadhav", team)
    for _ in range(3):
        make_contact(shree, team=team.pk)
    make_contact(shree, phone="")
    monkeypatch.setattr(lists, "COUNT_CAP", 2)
    with tenancy.inside(shree):
        words = vocabulary.of(shree)
        everything = lists.parse({}, on="contact", words=words)
        assert lists.count(everything, member=owner(shree), words=words) == (4, False)
        assert lists.count(everything, member=narrow, words=words) == (2, True)
        without_phone = lists.parse({"has_phone": ["no"]}, on="contact", words=words)
        assert lists.count(without_phone, member=owner(shree), words=words) == (1, False)


def test_a_definition_survives_being_stored(shree: Workspace) -> None:
    with tenancy.inside(shree):
        words = vocabulary.of(shree)
        one = lists.parse(
            QueryDict("owner=me&follow_up=due&follow_up=week&sort=name&columns=phone&columns=tags"),
            on="contact",
            words=words,
        )
        assert lists.parse(one.as_json(), on="contact", words=words) == one
        assert lists.without(one, "owner").pairs() == [
            ("follow_up", "due"), ("follow_up", "week"), ("sort", "name"), ("columns", "phone"), ("columns", "tags"),
        ]  # fmt: skip


def test_a_list_that_takes_too_long_is_refused_and_the_page_goes_on(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "LONGEST", timedelta(milliseconds=30))
    narrowed = lists.Definition(filters={"has_phone": ["no"]})
    with tenancy.inside(shree), connection.cursor() as cursor:
        with pytest.raises(Refused, match="Too many records"), lists.bounded(narrowed):
            cursor.execute("SELECT pg_sleep(2)")
        cursor.execute("SELECT pg_sleep(0.1), 1")  # the limit went with the list
        assert cursor.fetchone()[1] == 1
        with lists.bounded(lists.Definition()):
            cursor.execute("SELECT pg_sleep(0.1)")
        with lists.bounded(narrowed):
            cursor.execute("SELECT 1")
        cursor.execute("SELECT pg_sleep(0.1)")


def test_words_read_again_are_the_same_until_one_changes(shree: Workspace) -> None:
    with tenancy.inside(shree):
        first, again = vocabulary.of(shree), vocabulary.of(shree)
        assert first == again and first.key == again.key
        again.tags.clear()
        make_stage(shree)
        changed = vocabulary.of(shree)
    assert changed.key != first.key
    assert changed.tags == first.tags
    assert len(changed.stages) == len(first.stages) + 1
