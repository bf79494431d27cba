"""Custom fields: each of the twelve kinds taken in, stored, shown and given back to its form."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError

from amanat.accounts.models import Workspace
from amanat.core import clock, tenancy
from amanat.people import custom_fields, vocabulary
from amanat.people.custom_fields import FieldDraft
from amanat.people.models import CustomField
from amanat.people.tests.factories import owner
from amanat.people.vocabulary import FieldWord

Kind = CustomField.Kind


def _word(kind: str, *, required: bool = False) -> FieldWord:
    return FieldWord(UUID(int=1), "contact", "one", "One", kind, ["Onion", "Grape"], "", required, "")


GOOD: list[tuple[str, Any, Any, str]] = [
    (Kind.TEXT, "  Pimpalgaon ", "Pimpalgaon", "Pimpalgaon"),
    (Kind.LONG_TEXT, "one\ntwo", "one\ntwo", "one\ntwo"),
    (Kind.NUMBER, "12,34,567", 1234567, "12,34,567"),
    (Kind.NUMBER, "-2.5", -2.5, "−2.5"),
    (Kind.MONEY, "₹ 1,250.50", 125050, "₹\xa01,250.50"),
    (Kind.DATE, "2026-11-21", "2026-11-21", "21 Nov 2026"),
    (Kind.YES_NO, "हाँ", True, "Yes"),
    (Kind.YES_NO, "no", False, "No"),
    (Kind.CHOICE, "Onion", "Onion", "Onion"),
    (Kind.CHOICES, ["Onion", "Grape", "Onion"], ["Onion", "Grape"], "Onion, Grape"),
    (Kind.CHOICES, "Onion, Grape", ["Onion", "Grape"], "Onion, Grape"),
    (Kind.PHONE, "98220 41736", "+919822041736", "+91 98220 41736"),
    (Kind.EMAIL, "A@Example.in", "a@example.in", "a@example.in"),
    (Kind.LINK, "example.in/a", "https://example.in/a", "https://example.in/a"),
]


@pytest.mark.parametrize(("kind", "entered", "stored", "shown"), GOOD)
def test_each_kind_is_stored_shown_and_entered_again(kind: str, entered: Any, stored: Any, shown: str) -> None:
    word = _word(kind)
    assert custom_fields.cleaned(word, entered) == stored
    assert custom_fields.shown(word, stored) == shown
    assert custom_fields.cleaned(word, custom_fields.entered(word, stored)) == stored


def test_a_moment_keeps_its_minute_through_the_form() -> None:
    word = _word(Kind.TIME)
    stored = custom_fields.cleaned(word, "2026-11-21T10:02")
    assert custom_fields.entered(word, stored) == "2026-11-21T10:02"
    assert custom_fields.shown(word, stored).endswith("10:02")


@pytest.mark.parametrize(
    ("kind", "entered"),
    [
        (Kind.TEXT, "x" * 301), (Kind.LONG_TEXT, "x" * 5001), (Kind.NUMBER, "twelve"), (Kind.NUMBER, "1e400"), (Kind.NUMBER, "NaN"),
        (Kind.NUMBER, True), (Kind.MONEY, "1.234"), (Kind.MONEY, "inf"), (Kind.DATE, "21/11/2026"), (Kind.DATE, "2026-02-30"),
        (Kind.TIME, "ten o'clock"), (Kind.TIME, "2026-13-01T00:00"), (Kind.YES_NO, "perhaps"), (Kind.CHOICE, "Cotton"),
        (Kind.CHOICES, ["Cotton"]), (Kind.PHONE, "12"), (Kind.EMAIL, "a@"), (Kind.LINK, "javascript:alert(1)"),
        (Kind.LINK, "javascript://example.in/%0aalert(1)"), (Kind.LINK, "https://"), (Kind.LINK, "https://a b"),
    ],
)  # fmt: skip
def test_what_is_no_value_of_its_kind_is_refused(kind: str, entered: Any) -> None:
    with pytest.raises(ValidationError):
        custom_fields.cleaned(_word(kind), entered)


@pytest.mark.parametrize("kind", Kind.values)
def test_nothing_is_nothing_unless_required(kind: str) -> None:
    assert custom_fields.cleaned(_word(kind), "") is None
    assert custom_fields.shown(_word(kind), None) == ""
    with pytest.raises(ValidationError):
        custom_fields.cleaned(_word(kind, required=True), None)
    assert custom_fields.form_field(_word(kind)).label == "One"


@pytest.mark.parametrize("kind", Kind.values)
@pytest.mark.parametrize("stored", ["text", 7, [], {}, True])
def test_a_value_of_another_hand_is_shown_without_breaking(kind: str, stored: Any) -> None:
    assert isinstance(custom_fields.shown(_word(kind), stored), str)


def test_keys_are_made_once_and_stay(shree: Workspace) -> None:
    with tenancy.inside(shree):
        member = owner(shree)
        made = [
            custom_fields.add(workspace=shree, by=member, at=clock.now(), draft=FieldDraft(label)) for label in ("Village", "village", "गाव", "!!")
        ]  # fmt: skip
        assert [field.key for field in made] == ["village", "village_2", "gav", "field"]
        custom_fields.change(field=made[0], by=member, at=clock.now(), draft=FieldDraft("Town"))
        assert [word.key for word in vocabulary.of(shree).fields_on("contact")] == [
            "village",
            "village_2",
            "gav",
            "field",
        ]


def test_merged_changes_only_what_was_entered() -> None:
    word = _word(Kind.NUMBER)
    assert custom_fields.merged([word], {"one": 1, "old": 2}, {"one": "5"}) == {"one": 5, "old": 2}
    assert custom_fields.merged([word], {"one": 1, "old": 2}, {"one": ""}) == {"old": 2}
    assert custom_fields.merged([word], {"one": 1}, {}) == {"one": 1}
    with pytest.raises(ValidationError):
        custom_fields.merged([word], {}, {"unknown": 1})
