"""What somebody says a record is, made well-formed: each field's tidying, its limits, and the messages at their places."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from amanat.people import differences, drafts, records
from amanat.people.drafts import AddressDraft, CompanyDraft, ContactDraft, plain, sort_name
from amanat.people.vocabulary import FieldWord, MemberWord, StageWord, Vocabulary

MEMBER, TEAM, STAGE = UUID(int=1), UUID(int=2), UUID(int=3)
WORDS = Vocabulary(
    stages={STAGE: StageWord(STAGE, "Lead", False)},
    members={MEMBER: MemberWord(MEMBER, "Rekha Kulkarni", True)},
    teams={TEAM: "Counter"},
    fields=[
        FieldWord(UUID(int=4), "contact", "acres", "Acres", "number", [], "", False, ""),
        FieldWord(UUID(int=5), "contact", "income", "Income", "money", [], "", False, ""),
    ],
)


def _clean(**fields: Any) -> ContactDraft:
    return drafts.cleaned(ContactDraft(**({"name": "Asha"} | fields)), WORDS, on="contact")


def _refused(draft: Any, on: str = "contact") -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as problem:
        drafts.cleaned(draft, WORDS, on=on)
    found: dict[str, list[str]] = problem.value.message_dict
    return found


TIDIED: list[tuple[str, Any, Any]] = [
    ("name", "  Asha \t Menon\n", "Asha Menon"), ("name", "Asha\x00\x07", "Asha"), ("name", "आशा  मेनन", "आशा मेनन"), ("job_title", " Farmer ", "Farmer"),
    ("notes", " one \r\n\r\n two  words \n", "one\n\ntwo words"), ("external_id", " T-1 ", "T-1"), ("company_name", " A  B ", "A B"),
    ("phones", [("98220 41736", " mobile ")], [("+919822041736", "mobile")]), ("phones", [("", "x"), ("  ", "")], []),
    ("phones", [("9822041736", "a"), ("+91 98220-41736", "b")], [("+919822041736", "a")]), ("phones", [("9822041736", "x" * 60)], [("+919822041736", "x" * 30)]),
    ("emails", [(" A@Example.IN ", "home")], [("a@example.in", "home")]), ("emails", [("a@b.in", ""), ("A@B.in", "x")], [("a@b.in", "")]),
    ("tags", [" VIP ", "vip", "", "Farmer"], ["vip", "Farmer"]), ("addresses", [AddressDraft(city=" Sinnar "), AddressDraft(label="home")], [AddressDraft(city="Sinnar")]),
    ("custom", {"acres": "2.5", "income": "99.50"}, {"acres": 2.5, "income": 9950}), ("owner", MEMBER, MEMBER), ("birthday", date(1990, 2, 28), date(1990, 2, 28)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given_value", "kept"), TIDIED)
def test_each_field_is_tidied(name: str, given_value: Any, kept: Any) -> None:
    assert getattr(_clean(**{name: given_value}), name) == kept


REFUSED: list[tuple[dict[str, Any], list[str]]] = [
    ({"name": ""}, ["name"]), ({"name": " \t"}, ["name"]), ({"name": "x" * 201}, ["name"]), ({"job_title": "x" * 121}, ["job_title"]),
    ({"notes": "x" * 10_001}, ["notes"]), ({"external_id": "x" * 101}, ["external_id"]), ({"company_name": "x" * 201}, ["company_name"]),
    ({"language": "x" * 11}, ["language"]), ({"phones": [("9822041736", ""), ("12", "")]}, ["phones-1"]), ({"phones": [("x", ""), ("y", "")]}, ["phones-0", "phones-1"]),
    ({"phones": [(f"98220{n:05}", "") for n in range(21)]}, ["phones-20"]), ({"emails": [("a@b", "")]}, ["emails-0"]), ({"emails": [("a" * 250 + "@b.in", "")]}, ["emails-0"]),
    ({"emails": [(f"a{n}@b.in", "") for n in range(21)]}, ["emails-20"]), ({"addresses": [AddressDraft(city="x" * 121)]}, ["addresses-0"]),
    ({"addresses": [AddressDraft(city="a"), AddressDraft(street="x" * 301)]}, ["addresses-1"]), ({"addresses": [AddressDraft(city=str(n)) for n in range(21)]}, ["addresses-20"]),
    ({"tags": ["x" * 61]}, ["tags"]), ({"tags": [str(n) for n in range(51)]}, ["tags"]), ({"owner": UUID(int=9)}, ["owner"]), ({"team": MEMBER}, ["team"]),
    ({"stage": TEAM}, ["stage"]), ({"custom": {"acres": "many"}}, ["custom-acres"]), ({"custom": {"none": "1"}}, ["custom-none"]),
    ({"owner": UUID(int=9), "team": UUID(int=9), "stage": UUID(int=9), "custom": {"acres": "x"}}, ["owner", "team", "stage", "custom-acres"]),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "keys"), REFUSED)
def test_each_limit_is_told_at_its_field(fields: dict[str, Any], keys: list[str]) -> None:
    found = _refused(ContactDraft(**({"name": "Asha"} | fields)))
    assert list(found) == keys
    assert all(message and "%(" not in message for messages in found.values() for message in messages)


def test_what_is_just_within_the_limits_is_taken() -> None:
    _clean(
        name="x" * 200, notes="x" * 10_000, external_id="x" * 100, phones=[(f"98220{n:05}", "") for n in range(20)],
        emails=[(f"a{n}@b.in", "") for n in range(20)], addresses=[AddressDraft(street="x" * 300)] * 20, tags=[f"{n:060}" for n in range(50)],
    )  # fmt: skip


def test_a_number_alone_is_a_name_and_nothing_at_all_is_none() -> None:
    assert _clean(name="", phones=[("9822041736", "")]).name == "98220 41736"
    assert list(_refused(ContactDraft(emails=[("a@b.in", "")]))) == ["name"]
    assert list(_refused(ContactDraft(phones=[("12", "")]))) == ["phones-0"]


def test_a_company_is_checked_by_its_gstin() -> None:
    assert (
        drafts.cleaned(CompanyDraft(name="Dairy", gstin=" 27aapfu0939f1zv "), WORDS, on="company").gstin
        == "27AAPFU0939F1ZV"
    )
    for wrong in ("27AAPFU0939F1ZX", "123", "27AAPFU0939F1ZV1"):
        assert list(_refused(CompanyDraft(name="Dairy", gstin=wrong), "company")) == ["gstin"]
    assert list(_refused(CompanyDraft(name="Dairy", website="x" * 201, industry="x" * 81), "company")) in (
        ["website", "industry"],
        ["industry", "website"],
    )
    assert list(_refused(CompanyDraft(name="Dairy", custom={"acres": "1"}), "company")) == ["custom-acres"]


def test_stored_custom_values_are_not_read_as_entered_ones() -> None:
    kept = drafts.cleaned(
        ContactDraft(name="Asha", custom={"income": 9950}), WORDS, on="contact", stored_custom={"income": 9950}
    )
    assert kept.custom == {"income": 9950}


SORTED = [
    ("Shri Asha Menon", "asha menon"), ("ASHA", "asha"), ("Mrs. Asha", "asha"), ("Dr", "dr"), ("आशा मेनन", "asha menana"), ("  Zubeida ", "zubeida"),
    ("Élodie", "elodie"), ("98220", "98220"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kept"), SORTED)
def test_lists_sort_by_the_name_without_titles_in_latin_letters(name: str, kept: str) -> None:
    if name == "आशा मेनन":
        assert sort_name(name).isascii() and sort_name(name).startswith("asha ")
    else:
        assert sort_name(name) == kept


@given(st.text(max_size=300))
def test_a_plain_text_stays_as_it_is_when_made_plain_again(text: str) -> None:
    once = plain(text)
    assert plain(once) == once
    assert "\n" not in once and "  " not in once and "\x00" not in once
    lines = plain(text, lines=True)
    assert plain(lines, lines=True) == lines


@given(st.text(max_size=300))
def test_a_sort_name_fits_its_column_whatever_the_name_is(name: str) -> None:
    assert len(sort_name(name)) <= 200


_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
_DRAFTS = st.builds(
    ContactDraft, name=_TEXT, job_title=_TEXT, notes=_TEXT, external_id=_TEXT, tags=st.lists(_TEXT, max_size=3),
    phones=st.lists(st.tuples(st.sampled_from(["9822041736", "+14155552671", "12", "", "98220 41737"]), _TEXT), max_size=3),
    emails=st.lists(st.tuples(st.sampled_from(["a@b.in", "B@c.in", "x", ""]), _TEXT), max_size=3),
    addresses=st.lists(st.builds(AddressDraft, city=_TEXT, label=_TEXT), max_size=2),
)  # fmt: skip


@given(_DRAFTS)
def test_a_draft_made_well_formed_is_well_formed(draft: ContactDraft) -> None:
    try:
        once = drafts.cleaned(draft, WORDS, on="contact")
    except ValidationError as problem:
        assert problem.message_dict
        return
    assert drafts.cleaned(once, WORDS, on="contact") == once
    assert differences.between(once, once, WORDS) == {}


# --- what differs between two ----------------------------------------------------------------------------------------


def test_differences_say_both_values_in_words() -> None:
    before = _clean(phones=[("9822041736", "")], tags=["VIP"], stage=STAGE, custom={"acres": "2"})
    after = _clean(
        name="Asha M", phones=[("9822041736", "work"), ("9822041737", "")], tags=[], owner=MEMBER, team=TEAM, follow_up_on=date(2026, 12, 1),
        emails=[("a@b.in", "")], addresses=[AddressDraft(street="1 Main", city="Sinnar"), AddressDraft(city="Pune")], company_name="Dairy",
        custom={"acres": "3", "income": "5"},
    )  # fmt: skip
    assert differences.between(before, after, WORDS) == {
        "company": ("", "Dairy"), "name": ("Asha", "Asha M"), "phones": ("98220 41736", "98220 41736, 98220 41737"), "emails": ("", "a@b.in"),
        "addresses": ("", "1 Main, Sinnar | Pune"), "tags": ("VIP", ""), "owner": ("", "Rekha Kulkarni"), "team": ("", "Counter"),
        "follow_up_on": ("", "2026-12-01"), "stage": ("Lead", ""), "custom-acres": ("2", "3"), "custom-income": ("", "₹\xa05"),
    }  # fmt: skip


def test_a_label_or_an_order_of_numbers_is_a_difference_too() -> None:
    one, two = ("9822041736", ""), ("9822041737", "")
    assert list(differences.between(_clean(phones=[one, two]), _clean(phones=[two, one]), WORDS)) == ["phones"]
    assert list(differences.between(_clean(phones=[one]), _clean(phones=[("9822041736", "home")]), WORDS)) == ["phones"]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["name"], "Changed name"),
        (["name", "custom-acres"], "Changed name, acres"),
        (["name", "tags", "stage", "notes"], "Changed 4 fields"),
    ],
)
def test_a_summary_names_up_to_three_fields(names: list[str], told: str) -> None:
    assert differences.summary(dict.fromkeys(names)) == told


def test_a_long_value_is_told_by_its_beginning() -> None:
    found = differences.between(_clean(notes=""), _clean(notes="x" * 5_000), WORDS)
    assert found["notes"] == ("", "x" * 300)
    assert records.show(None) == "" and records.show(True) == "Yes" and records.show(False) == "No"
