"""The columns of the lists: each cell as people read it, escaped, and nothing read that no column needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import signed_in
from amanat.core import clock, tenancy
from amanat.people import columns, custom_fields, lists, panels, vocabulary
from amanat.people.custom_fields import FieldDraft
from amanat.people.drafts import AddressDraft
from amanat.people.lists import Definition
from amanat.people.models import Company, Contact
from amanat.people.tests.factories import make_company, make_contact, make_stage, make_team, owner
from amanat.people.vocabulary import Vocabulary
from amanat.web import formatting

EVIL = "<b onmouseover=alert(1)>\"'&"


@dataclass
class Seen:
    """The cells of one row by column, as markup and as text."""

    markup: dict[str, str]
    text: dict[str, str]


def _text(markup: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "|", markup)).strip("|")


def _row(workspace: Workspace, on: str, chosen: list[str]) -> Seen:
    with tenancy.inside(workspace):
        words, member = vocabulary.of(workspace), owner(workspace)
        shown = columns.of(on, words, chosen)
        names = columns.needed(shown)
        page = lists.page(
            Definition(on), member=member, words=words, values=columns.expressions(names, on=on, workspace=workspace)
        )
        body = columns.body(page.rows, names, shown, words, on=on)
    cells = re.findall(r"<td[^>]*data-label=\"([^\"]*)\">(.*?)</td>", body)
    by_label = {str(column.label): column.key for column in shown}
    markup = {by_label[unescape(label)]: cell for label, cell in cells}
    return Seen(markup, {key: _text(cell) for key, cell in markup.items()})


def _keys(workspace: Workspace, on: str) -> list[str]:
    with tenancy.inside(workspace):
        return [column.key for column in columns.all_of(on, vocabulary.of(workspace))]


def test_every_column_of_a_contact_shows_its_value(shree: Workspace) -> None:
    member, stage, team = owner(shree), make_stage(shree), make_team(shree)
    today = clock.today(shree.time_zone)
    contact = make_contact(
        shree, "Sunita Deshmukh", phone="9822041736", emails=[("s@example.in", "")], company_name="Dairy", job_title="Farmer",
        stage=stage.pk, owner=member.pk, team=team.pk, tags=["A", "B", "C", "D", "E"], follow_up_on=today - timedelta(days=400),
        addresses=[AddressDraft(city="Sinnar"), AddressDraft(city="Pune")],
    )  # fmt: skip
    with tenancy.inside(shree):
        Contact.objects.of(shree).filter(pk=contact.pk).update(last_contact_at=clock.now() - timedelta(days=500))
    seen = _row(shree, "contact", _keys(shree, "contact"))
    dated = {key: seen.text.pop(key) for key in ("follow_up", "created", "last_contact")}
    assert seen.text == {
        "company": "Dairy", "phone": "+91 98220 41736", "email": "s@example.in", "stage": "Lead", "job_title": "Farmer", "owner": "Rekha",
        "team": "Counter", "tags": "A||B||C| |+2", "city": "Sinnar", "source": "Form",
    }  # fmt: skip
    assert str((today - timedelta(days=400)).year) in dated["follow_up"]
    assert "tag-marigold" in seen.markup["follow_up"]
    assert dated["created"] == formatting.recent(clock.now(), now=clock.now())
    assert str((today - timedelta(days=500)).year) in dated["last_contact"]


def test_every_column_of_an_empty_contact_is_empty(shree: Workspace) -> None:
    make_contact(shree, "Bare", phone="")
    text = _row(shree, "contact", _keys(shree, "contact")).text
    assert {key: value for key, value in text.items() if value} == {
        "company": "—", "source": "Form", "created": text["created"],
    }  # fmt: skip


def test_every_column_of_a_company_shows_its_value(shree: Workspace) -> None:
    make_company(
        shree, "Dairy", gstin="27AAPFU0939F1ZV", industry="Milk", owner=owner(shree).pk, addresses=[AddressDraft(city="Sinnar")],
        follow_up_on=clock.today(shree.time_zone) + timedelta(days=40),
    )  # fmt: skip
    seen = _row(shree, "company", _keys(shree, "company"))
    assert (seen.text["gstin"], seen.text["industry"], seen.text["owner"], seen.text["city"]) == (
        "27AAPFU0939F1ZV", "Milk", "Rekha", "Sinnar",
    )  # fmt: skip
    assert "tag-marigold" not in seen.markup["follow_up"]
    assert not {"phone", "email", "stage", "company", "job_title"} & seen.text.keys()


def test_a_custom_field_is_a_column_with_its_value_as_people_read_it(shree: Workspace) -> None:
    values = {
        "income": "1250.50",
        "insured": "yes",
        "schemes": ["PMFBY", "PMKISAN"],
        "nominee": "9822041736",
        "sown": "2026-06-15",
    }
    kinds = {"income": "money", "insured": "yes_no", "schemes": "choices", "nominee": "phone", "sown": "date"}
    with tenancy.inside(shree):
        for label, kind in kinds.items():
            draft = FieldDraft(label.title(), kind=kind, choices=values[label] if kind == "choices" else [])  # type: ignore[arg-type]
            custom_fields.add(workspace=shree, by=owner(shree), at=clock.now(), draft=draft)
    make_contact(shree, "Asha", custom=values)
    text = _row(shree, "contact", [f"custom.{key}" for key in kinds]).text
    assert text == {
        "custom.income": "₹\xa01,250.50", "custom.insured": "Yes", "custom.schemes": "PMFBY, PMKISAN", "custom.nominee": "+91 98220 41736",
        "custom.sown": "15 Jun 2026",
    }  # fmt: skip


def test_no_cell_can_write_markup(shree: Workspace) -> None:
    stage, team = make_stage(shree, EVIL), make_team(shree, EVIL)
    with tenancy.inside(shree):
        custom_fields.add(workspace=shree, by=owner(shree), at=clock.now(), draft=FieldDraft(f"Field {EVIL}"))
    make_contact(
        shree, EVIL, company_name=EVIL, job_title=EVIL, stage=stage.pk, team=team.pk, tags=[EVIL], phone="", custom={"field_b_onmouseover_alert_1": EVIL},
        addresses=[AddressDraft(city=EVIL)],
    )  # fmt: skip
    seen = _row(shree, "contact", _keys(shree, "contact"))
    for key in ("company", "job_title", "stage", "team", "tags", "city", "custom.field_b_onmouseover_alert_1"):
        assert "<b" not in seen.markup[key]
        assert seen.text[key] == EVIL
    page = signed_in(owner(shree)).get("/contacts/").text
    assert "<b onmouseover" not in page


def test_only_what_the_columns_need_is_read_and_each_value_once(shree: Workspace) -> None:
    with tenancy.inside(shree):
        words = vocabulary.of(shree)
        assert columns.needed(columns.of("contact", words, ["phone"])) == ["id", "name", "main_phone"]
        assert columns.needed(columns.of("contact", words, ["phone", "phone", "owner"])) == [
            "id",
            "name",
            "main_phone",
            "owner_id",
        ]
        usual = columns.of("contact", words)
        assert [column.key for column in usual] == list(columns.USUAL["contact"])
        assert [column.key for column in columns.of("company", words)] == list(columns.USUAL["company"])
        assert [column.key for column in columns.of("contact", words, ["gstin", "phone", "nothing"])] == ["phone"]


def test_columns_cost_no_statement_each(shree: Workspace) -> None:
    make_contact(shree, tags=["a"], addresses=[AddressDraft(city="Sinnar")], company_name="Dairy")
    browser = signed_in(owner(shree))
    costs = []
    for chosen in (["phone"], _keys(shree, "contact")):
        with CaptureQueriesContext(connection) as captured:
            assert browser.get("/contacts/", {"columns": chosen}).status_code == 200
        costs.append(len(captured))
    assert costs[0] == costs[1]


@pytest.mark.sampled
@pytest.mark.parametrize("on", ["contact", "company"])
def test_every_head_that_sorts_turns_the_order_on_the_second_click(shree: Workspace, on: str) -> None:
    make: Any = make_contact if on == "contact" else make_company
    for name in ("Asha", "Bala"):
        make(shree, name)
    path = "/contacts/" if on == "contact" else "/companies/"
    browser = signed_in(owner(shree))
    chosen = _keys(shree, on)
    page = browser.get(path, {"columns": chosen})
    heads = {str(head["label"]): head for head in [page.context["name_head"], *page.context["heads"]]}
    sorting = {label: head["url"] for label, head in heads.items() if head["url"]}
    assert sorted(sorting) == ["Added", "Follow-up", "Last contact", "Name"]
    for label, url in sorting.items():
        once = browser.get(url)
        head = next(h for h in [once.context["name_head"], *once.context["heads"]] if str(h["label"]) == label)
        assert head["direction"] in {"ascending", "descending"}
        twice = browser.get(head["url"])
        turned = next(h for h in [twice.context["name_head"], *twice.context["heads"]] if str(h["label"]) == label)
        assert {head["direction"], turned["direction"]} == {"ascending", "descending"}
        names = [one.context["body"].index("Asha") < one.context["body"].index("Bala") for one in (once, twice)]
        if label in {"Name", "Added"}:
            assert names[0] != names[1]
        assert list(twice.context["definition"].columns) == chosen


def test_a_row_leads_to_its_record_and_can_be_ticked(shree: Workspace) -> None:
    contact, firm = make_contact(shree, "O'Brien & Sons"), make_company(shree, "Dairy")
    browser = signed_in(owner(shree))
    row = browser.get("/contacts/").context["body"]
    assert f'href="/contacts/{contact.pk}/"' in row and f'name="ids" value="{contact.pk}"' in row
    assert 'aria-label="Select O&#x27;Brien &amp; Sons"' in row
    assert f'href="/companies/{firm.pk}/"' in browser.get("/companies/").context["body"]


def test_a_day_of_a_page_is_put_into_words_once(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    recent = formatting.recent
    monkeypatch.setattr(formatting, "recent", lambda value, **rest: (asked.append(value), recent(value, **rest))[1])
    days = columns.Days()
    assert (days.recent(None), days.day(None)) == ("", "")
    day = days.today - timedelta(days=400)
    assert days.day(day) == days.day(day) == recent(day, now=days.now)
    moment = days.now - timedelta(days=400)
    assert days.recent(moment) == days.recent(moment - timedelta(seconds=1))
    assert len(asked) == 1


# --- the choices beside a list ---------------------------------------------------------------------------------------


def _words(workspace: Workspace) -> Vocabulary:
    with tenancy.inside(workspace):
        return vocabulary.of(workspace)


def test_the_panel_offers_every_filter_that_has_something_to_choose(shree: Workspace) -> None:
    bare = panels.filters(Definition("contact"), _words(shree))
    assert 'name="owner"' in bare and 'name="source"' in bare and 'name="city"' in bare
    assert 'name="stage"' not in bare and 'name="team"' not in bare and 'name="tag"' not in bare
    stage, _team = make_stage(shree), make_team(shree)
    make_contact(shree, tags=["Farmer"])
    full = panels.filters(Definition("contact", {"stage": [str(stage.pk)]}), _words(shree))
    for name, one in lists.FILTERS.items():
        assert (f'name="{name}"' in full) == ("contact" in one.on), name
    assert f'name="stage" value="{stage.pk}" checked' in full
    assert full.count(" open>") == 1
    firms = panels.filters(Definition("company"), _words(shree))
    assert 'name="stage"' not in firms and 'name="has_phone"' not in firms and 'name="team"' in firms


def test_the_panel_draws_custom_fields_by_their_kind(shree: Workspace) -> None:
    with tenancy.inside(shree):
        for draft in (
            FieldDraft("Village"),
            FieldDraft("Crop", kind="choice", choices=["Onion", EVIL]),
            FieldDraft("Insured", kind="yes_no"),
        ):
            custom_fields.add(workspace=shree, by=owner(shree), at=clock.now(), draft=draft)
    drawn = panels.filters(Definition("contact", {"custom.village": ['Sin"nar']}), _words(shree))
    assert 'type="text" name="custom.village" value="Sin&quot;nar"' in drawn
    assert 'type="checkbox" name="custom.crop" value="Onion"' in drawn and "<b onmouse" not in drawn
    assert 'name="custom.insured" value="yes"' in drawn


def test_orders_and_columns_keep_the_rest_of_the_list(shree: Workspace) -> None:
    words = _words(shree)
    definition = Definition("contact", {"owner": ["me"], "city": ["Sin<nar"]}, "name", ["phone", "tags"])
    drawn = panels.orders(definition, "/contacts/")
    assert drawn.count('name="sort"') == len(lists.SORTS) and drawn.count("aria-current=true") == 1
    assert 'name="owner" value="me"' in drawn and 'value="Sin&lt;nar"' in drawn and drawn.count('name="columns"') == 2
    known = columns.all_of("contact", words)
    chosen = panels.columns(known, columns.of("contact", words, ["phone", "tags"]), definition, "/contacts/")
    assert chosen.count('type="checkbox"') == len(known) and chosen.count(" checked") == 2
    assert 'name="sort" value="name"' in chosen and 'type="hidden" name="columns"' not in chosen


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_the_choices_are_called_they_stay_texts(value: str, label: str) -> None:
    drawn = (
        panels.options([(value, label)])
        + panels.check("tag", value, label, is_on=False)
        + panels.hidden([(value, label)], but="")
    )
    inside = re.sub(r"</?(option|label|input|span)\b[^<>]*>", "", drawn)
    assert "<" not in inside and ">" not in inside


def test_two_hundred_tags_are_offered_and_no_more(shree: Workspace) -> None:
    with tenancy.inside(shree):
        from amanat.people.models import Tag

        Tag.objects.bulk_create([Tag(workspace_id=shree.pk, name=f"Tag {n:03}", key=f"tag {n:03}") for n in range(205)])
    drawn = panels.filters(Definition("contact"), _words(shree))
    assert drawn.count('name="tag"') == panels.MOST_TAGS + 1  # and "none"


def test_the_list_of_companies_shows_no_contact_and_the_other_way_round(shree: Workspace) -> None:
    make_contact(shree, "Only A Person"), make_company(shree, "Only A Firm")
    browser = signed_in(owner(shree))
    people, firms = browser.get("/contacts/").context["body"], browser.get("/companies/").context["body"]
    assert ("Only A Person" in people, "Only A Firm" in people) == (True, False)
    assert ("Only A Person" in firms, "Only A Firm" in firms) == (False, True)
    with tenancy.inside(shree):
        assert Company.objects.of(shree).count() == Contact.objects.of(shree).count() == 1
