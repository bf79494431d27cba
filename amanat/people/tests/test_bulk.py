"""One change on many records: what is written, who is reached, what is refused, and what it costs."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, signed_in
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry
from amanat.people import bin as deleted
from amanat.people import bulk, companies, contacts, custom_fields, masking, search, vocabulary
from amanat.people.bulk import BulkChanges
from amanat.people.custom_fields import FieldDraft
from amanat.people.models import Company, Contact, Interaction, Tag
from amanat.people.tests.factories import make_company, make_contact, make_stage, make_team, narrow_member, owner


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner(shree)


def _change(member: Member, records: list[Any], **changes: Any) -> int:
    rule = companies if isinstance(records[0], Company) else contacts
    with tenancy.inside(member.workspace_id):
        return rule.bulk_change(
            workspace=member.workspace,
            by=member,
            at=clock.now(),
            ids=[one.pk for one in records],
            changes=BulkChanges(**changes),
        )


def _values(workspace: Workspace, *names: str, model: Any = Contact) -> list[Any]:
    with tenancy.inside(workspace):
        rows = model.objects.of(workspace).order_by("id")
        return list(rows.values_list(*names, flat=True) if len(names) == 1 else rows.values_list(*names))


def _lines(workspace: Workspace) -> list[tuple[str, list[Any]]]:
    with tenancy.inside(workspace):
        found = Interaction.objects.of(workspace).filter(kind="change").order_by("id")
        return [(line.summary, line.data["changes"]) for line in found]


def test_each_field_is_set_emptied_and_told(shree: Workspace, rekha: Member) -> None:
    stage, team, day = make_stage(shree), make_team(shree), date(2026, 12, 1)
    two = [make_contact(shree, "Asha"), make_contact(shree, "Bala")]
    asked: list[tuple[str, Any, str, str]] = [
        ("stage", stage.pk, "stage_id", "Lead"), ("owner", rekha.pk, "owner_id", "Rekha Kulkarni"), ("team", team.pk, "team_id", "Counter"),
        ("follow_up_on", day, "follow_up_on", "2026-12-01"),
    ]  # fmt: skip
    for name, value, column, told in asked:
        assert _change(rekha, two, **{name: value}) == 2
        assert _values(shree, column) == [value, value]
        assert _lines(shree)[-2:] == [(_lines(shree)[-1][0], [[name, "", told]])] * 2
        assert _change(rekha, two, **{name: None}) == 2
        assert _values(shree, column) == [None, None]
        assert _lines(shree)[-1][1] == [[name, "", ""]]


KINDS: list[tuple[str, Any, Any]] = [
    ("text", "Ozar", "Ozar"), ("long_text", "two\nlines", "two\nlines"), ("number", "2.5", 2.5), ("money", "1,250.50", 125_050), ("date", "2026-06-15", "2026-06-15"),
    ("time", "2026-06-15T10:30", "2026-06-15T10:30:00+05:30"), ("yes_no", "no", False), ("choice", "Onion", "Onion"), ("choices", ["Rice", "Onion"], ["Rice", "Onion"]),
    ("phone", "98220 41736", "+919822041736"), ("email", "Asha@Example.in", "asha@example.in"), ("link", "asha.in", "https://asha.in"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("on", ["contact", "company"])
def test_fields_of_all_twelve_kinds_are_set_and_emptied_by_the_bar(shree: Workspace, rekha: Member, on: str) -> None:
    make: Any = make_contact if on == "contact" else make_company
    model: Any = Contact if on == "contact" else Company
    with tenancy.inside(shree):
        for kind, _given, _stored in KINDS:
            choices = ["Onion", "Rice"] if kind in {"choice", "choices"} else []
            draft = FieldDraft(kind, kind=kind, on=on, choices=choices)
            custom_fields.add(workspace=shree, by=rekha, at=clock.now(), draft=draft)
    rows = [make(shree, name, custom={"text": "before", "number": 1}) for name in ("Asha", "Bala")]
    bar, browser = "/contacts/change/" if on == "contact" else "/companies/change/", signed_in(rekha)
    ticked = [str(one.pk) for one in rows]
    for kind, given, stored in KINDS:
        browser.post(bar, {"ids": ticked, "act": f"set-own.{kind}", f"own-{kind}": given})
        assert [held.get(kind) for held in _values(shree, "custom", model=model)] == [stored, stored], kind
    assert all(len(held) == 12 for held in _values(shree, "custom", model=model)), "the others of a record stay"
    for kind, _given, _stored in KINDS:
        browser.post(bar, {"ids": ticked, "act": f"empty-own.{kind}"})
    assert _values(shree, "custom", model=model) == [{}, {}]


def test_a_field_of_ones_own_is_told_and_its_wrong_or_hidden_value_refused(
    shree: Workspace, rekha: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenancy.inside(shree):
        for draft in (FieldDraft("Acres", kind="number"), FieldDraft("Village", is_required=True)):
            custom_fields.add(workspace=shree, by=rekha, at=clock.now(), draft=draft)
    asha = make_contact(shree, "Asha", custom={"village": "Ozar"})
    assert _change(rekha, [asha], custom={"acres": "3"}) == 1
    assert _lines(shree)[-1][1] == [["custom-acres", "", "3"]]
    for wrong in ({"acres": "many"}, {"village": None}, {"nothing": "x"}):
        with pytest.raises(ValidationError):
            _change(rekha, [asha], custom=wrong)
    monkeypatch.setattr(masking, "guard", lambda *_given: masking.Guard(masked=frozenset({"custom-acres"})))
    with pytest.raises(ValidationError, match="do not see"):
        _change(rekha, [asha], custom={"acres": "4"})
    assert _values(shree, "custom") == [{"village": "Ozar", "acres": 3}]
    with tenancy.inside(shree):
        custom_fields.add(
            workspace=shree, by=rekha, at=clock.now(), draft=FieldDraft("Acres", kind="number", on="company")
        )
    assert _change(rekha, [make_company(shree)], custom={"acres": "7"}) == 1, "what is hidden of people is not of firms"


def test_companies_take_all_but_a_stage(shree: Workspace, rekha: Member) -> None:
    stage, team, firm = make_stage(shree), make_team(shree), make_company(shree)
    assert _change(rekha, [firm], owner=rekha.pk, team=team.pk, add_tag="Farmer", follow_up_on=date(2026, 12, 1)) == 1
    with pytest.raises(ValidationError, match="no such stage"):
        _change(rekha, [firm], stage=stage.pk)
    with pytest.raises(ValidationError, match="no such stage"):
        _change(rekha, [firm], stage=None)
    assert _values(shree, "owner_id", "team_id", model=Company) == [(rekha.pk, team.pk)]
    with tenancy.inside(shree):
        assert LedgerEntry.objects.of(shree).get(event="people.company.changed_many").facts == {
            "count": 1, "fields": ["follow_up_on", "owner", "tags", "team"],
        }  # fmt: skip


def test_a_tag_is_added_once_and_taken_off_by_any_spelling(shree: Workspace, rekha: Member) -> None:
    has, lacks = make_contact(shree, "Has", tags=["VIP", "Farmer"]), make_contact(shree, "Lacks", tags=["VIP"])
    assert _change(rekha, [has, lacks], add_tag=" farmer ") == 2
    with tenancy.inside(shree):
        words = vocabulary.of(shree)
        assert [words.tag_names(ids) for ids in _values(shree, "tag_ids")] == [["VIP", "Farmer"], ["VIP", "Farmer"]]
        assert Tag.objects.of(shree).count() == 2
    assert _change(rekha, [has, lacks], remove_tag="FARMER") == 2
    with tenancy.inside(shree):
        assert [words.tag_names(ids) for ids in _values(shree, "tag_ids")] == [["VIP"], ["VIP"]]
    assert [line[1] for line in _lines(shree)[-1:]] == [[["tags", "", "− FARMER"]]]


def test_a_new_tag_is_made_once_for_all(shree: Workspace, rekha: Member) -> None:
    many = [make_contact(shree, f"Contact {n}") for n in range(3)]
    assert _change(rekha, many, add_tag="Pensioner") == 3
    with tenancy.inside(shree):
        tag = Tag.objects.of(shree).get()
    assert (tag.name, tag.key) == ("Pensioner", "pensioner")
    assert _values(shree, "tag_ids") == [[tag.pk]] * 3


def test_a_tag_nobody_has_is_no_change(shree: Workspace, rekha: Member) -> None:
    contact = make_contact(shree)
    before = _values(shree, "updated_at")
    assert _change(rekha, [contact], remove_tag="Nothing") == 0
    assert _change(rekha, [contact]) == 0
    assert (_values(shree, "updated_at"), _lines(shree)) == (before, [])


@pytest.mark.parametrize("name", ["stage", "owner", "team"])
def test_what_is_not_here_is_refused_and_nothing_is_changed(
    shree: Workspace, rekha: Member, other: Workspace, name: str
) -> None:
    contact = make_contact(shree)
    elsewhere = {"stage": make_stage(other).pk, "owner": owner(other).pk, "team": make_team(other).pk}[name]
    before = _values(shree, "updated_at", "stage_id", "owner_id", "team_id")
    for wrong in (UUID(int=1), elsewhere):
        with pytest.raises(ValidationError) as refused:
            _change(rekha, [contact], **{name: wrong})
        assert list(refused.value.message_dict) == [name]
    with pytest.raises(ValidationError):
        _change(rekha, [contact], add_tag="x" * 61)
    assert _values(shree, "updated_at", "stage_id", "owner_id", "team_id") == before
    assert _lines(shree) == []


def test_hidden_foreign_and_binned_rows_are_left_alone(shree: Workspace, other: Workspace) -> None:
    team = make_team(shree)
    narrow = narrow_member(shree, "Prakash Jadhav", team)
    seen, hidden = make_contact(shree, "Seen", team=team.pk), make_contact(shree, "Hidden")
    binned, foreign = make_contact(shree, "Binned", team=team.pk), make_contact(other, "Foreign")
    with tenancy.inside(shree):
        deleted.delete(model=Contact, workspace=shree, by=owner(shree), at=clock.now(), ids=[binned.pk])
    assert _change(narrow, [seen, hidden, binned, foreign, seen], owner=narrow.pk) == 1
    assert _values(shree, "owner_id") == [narrow.pk, None, None]
    assert _values(other, "owner_id") == [None]
    with tenancy.inside(shree):
        entry = LedgerEntry.objects.of(shree).get(event="people.contact.changed_many")
        assert (entry.actor, entry.facts["count"]) == (narrow.pk, 1)


def test_a_limited_member_may_give_a_record_away_and_then_sees_it_no_more(shree: Workspace) -> None:
    narrow, rekha = narrow_member(shree), owner(shree)
    mine = make_contact(shree, "Mine", owner=narrow.pk)
    with tenancy.inside(shree):
        assert [hit.id for hit in search.find("mine", member=narrow)] == [mine.pk]
    assert _change(narrow, [mine], owner=rekha.pk) == 1
    with tenancy.inside(shree):
        assert search.find("mine", member=narrow) == []
        assert [hit.id for hit in search.find("mine", member=rekha)] == [mine.pk]
    assert _change(narrow, [mine], owner=narrow.pk) == 0


def test_a_team_is_followed_by_the_search(shree: Workspace, rekha: Member) -> None:
    team = make_team(shree)
    narrow = narrow_member(shree, "Prakash Jadhav", team)
    firm = make_company(shree, "Dairy")
    _change(rekha, [firm], team=team.pk)
    with tenancy.inside(shree):
        assert [hit.id for hit in search.find("dairy", member=narrow)] == [firm.pk]
    _change(rekha, [firm], team=None)
    with tenancy.inside(shree):
        assert search.find("dairy", member=narrow) == []


def test_no_more_than_the_most_are_changed(shree: Workspace, rekha: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MOST", 2)
    monkeypatch.setattr(bulk, "_PIECE", 1)
    many = [make_contact(shree, f"Contact {n}") for n in range(3)]
    assert _change(rekha, many, owner=rekha.pk) == 2
    assert _values(shree, "owner_id") == [rekha.pk, rekha.pk, None]
    assert len(_lines(shree)) == 2


@pytest.mark.slow
def test_the_cost_is_one_of_pieces_not_of_rows(shree: Workspace, rekha: Member) -> None:
    costs = []
    for amount in (1, 30):
        many = [make_contact(shree, f"Contact {amount} {n}") for n in range(amount)]
        with CaptureQueriesContext(connection) as captured:
            _change(rekha, many, owner=rekha.pk, add_tag="Farmer")
        costs.append(len([one for one in captured if "SAVEPOINT" not in one["sql"]]))
    assert costs[0] >= costs[1]


def test_stage_and_tag_together_are_one_line_each(shree: Workspace, rekha: Member) -> None:
    stage, contact = make_stage(shree), make_contact(shree)
    _change(rekha, [contact], stage=stage.pk, add_tag="VIP", owner=rekha.pk, follow_up_on=date(2026, 12, 1))
    ((summary, changes),) = _lines(shree)
    assert summary == "Changed 4 fields"
    assert [name for name, _old, _new in changes] == ["stage", "owner", "follow_up_on", "tags"]


# --- the bar on the page -----------------------------------------------------------------------------------------


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({}, "Choose at least one row."), ({"ids": ["evil"]}, "Choose at least one row."), ({"ids": ["OWN"]}, "Choose what to set."),
        ({"ids": ["OWN"], "act": "evil", "evil": "1"}, "Choose what to set."), ({"ids": ["OWN"], "act": "stage"}, "Choose what to set."),
        ({"ids": ["OWN"], "act": "owner", "owner": "x"}, "“x” is not known here."),
        ({"ids": ["OWN"], "act": "owner", "owner": str(UUID(int=1))}, "There is no such member here."),
        ({"ids": ["OWN"], "act": "team", "team": str(UUID(int=1))}, "There is no such team here."),
        ({"ids": ["OWN"], "act": "follow_up_on", "follow_up_on": "soon"}, "“soon” is not a date."),
        ({"ids": ["OWN"], "act": "add_tag", "tag_name": "  "}, "Choose what to set."),
        ({"ids": ["OWN"], "act": "add_tag", "tag_name": "x" * 61}, "At most 60 characters."),
        ({"everything": "1", "query": "evil=1", "act": "add_tag", "tag_name": "x"}, "There is no filter “evil”."),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/contacts/", "/companies/"])
def test_a_bar_that_makes_no_sense_says_so_and_changes_nothing(
    shree: Workspace, rekha: Member, path: str, data: dict[str, Any], told: str
) -> None:
    row: Any = make_contact(shree) if path == "/contacts/" else make_company(shree)
    sent = dict(data)
    if sent.get("ids") == ["OWN"]:
        sent["ids"] = [str(row.pk)]
    answer = signed_in(rekha).post(f"{path}change/", sent, follow=True)
    assert told in answer.text
    assert _lines(shree) == []


def test_none_in_the_bar_empties_and_the_list_stays_as_it_was(shree: Workspace, rekha: Member) -> None:
    stage = make_stage(shree)
    contact = make_contact(shree, stage=stage.pk, owner=rekha.pk, follow_up_on=date(2026, 12, 1), tags=["VIP"])
    browser = signed_in(rekha)
    base = {"ids": [contact.pk], "query": "owner=me&sort=name"}
    for act in ("stage", "team"):
        answer = browser.post("/contacts/change/", base | {"act": act, act: "none"})
        assert (answer.status_code, answer["Location"]) == (303, "/contacts/?owner=me&sort=name")
    browser.post("/contacts/change/", base | {"act": "follow_up_on", "follow_up_on": ""})
    browser.post("/contacts/change/", base | {"act": "remove_tag", "tag_name": "vip"})
    browser.post("/contacts/change/", base | {"act": "owner", "owner": "none"})
    assert _values(shree, "stage_id", "owner_id", "follow_up_on", "tag_ids") == [(None, None, None, [])]


@pytest.mark.parametrize(("role", "may_delete"), [(Role.OWNER, True), (Role.MANAGER, True), (Role.AGENT, False)])
def test_deleting_many_asks_for_its_own_permission(shree: Workspace, role: str, may_delete: bool) -> None:
    contact = make_contact(shree)
    member = make_member(shree, role, name="Asha Menon")
    answer = signed_in(member).post("/contacts/change/", {"ids": [contact.pk], "act": "delete"}, follow=True)
    assert ("1 moved to the bin" in answer.text) == may_delete
    assert ("You may not move contacts to the bin." in answer.text) == (not may_delete)
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).alive().exists() == (not may_delete)


def test_an_auditor_changes_nothing_with_the_bar(shree: Workspace) -> None:
    contact = make_contact(shree)
    browser = signed_in(make_member(shree, Role.AUDITOR, name="Atul"))
    assert browser.post("/contacts/change/", {"ids": [contact.pk], "act": "add_tag", "tag_name": "x"}).status_code in {
        403,
        404,
    }
    assert (_lines(shree), _values(shree, "tag_ids")) == ([], [[]])


def test_everything_means_all_that_match_and_that_one_may_see(shree: Workspace) -> None:
    team = make_team(shree)
    narrow = narrow_member(shree, "Prakash Jadhav", team)
    for number in range(3):
        make_contact(shree, f"Seen {number}", team=team.pk, phone="" if number else None)
    make_contact(shree, "Hidden", phone="")
    answer = signed_in(narrow).post(
        "/contacts/change/",
        {"everything": "1", "query": "has_phone=no", "act": "add_tag", "tag_name": "Visit"}, follow=True,
    )  # fmt: skip
    assert "2 changed" in answer.text
    assert [len(tags) for tags in _values(shree, "tag_ids")] == [0, 1, 1, 0]
