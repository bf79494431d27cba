"""How a finding is read: each kind of figure in each language, and a message whose places have changed since it was stored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import translation
from django.utils.translation import gettext_lazy

from amanat.core import clock
from amanat.proof import evidence, wording
from amanat.proof.models import Evidence

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def filled(message: str, language: str = "en", **facts: Any) -> str:
    with clock.standing_at(NOW), translation.override(language):
        return wording.filled(message, facts)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"n": 3}, "3"),
        ({"n": 0}, "0"),
        ({"n": 999}, "999"),
        ({"n": 1206500}, "12,06,500"),
        ({"n": True}, "yes"),
        ({"n": False}, "no"),
        ({"n": None}, "–"),
        ({"n": ""}, "–"),
        ({"n": "EncryptedField"}, "EncryptedField"),
        ({"n": "2026-11-21"}, "2026-11-21"),  # only a name says that it is a day
    ],
)
def test_a_figure_is_written_as_readers_write_it(facts: dict[str, Any], said: str) -> None:
    assert filled("{n}", **facts) == said


def test_a_name_says_what_is_a_day_and_what_a_moment() -> None:
    assert filled("{done_on}", done_on="2026-11-21") == "21 Nov 2026"
    assert "2026-11-21" not in filled("{seen_at}", seen_at="2026-11-21T10:00:00+00:00")
    assert "2026-11-21" not in filled("{at}", at="2026-11-21T10:00:00+00:00")
    assert filled("{done_on} {seen_at}", done_on=None, seen_at="") == "– –"


@pytest.mark.parametrize(
    ("message", "facts"),
    [
        ("{gone} members", {"n": 3}),
        ("{0} members", {"n": 3}),
        ("{n.missing} members", {"n": 3}),
        ("{n members", {"n": 3}),
        ("{n:%Q} members", {"n": 3}),
        ("seen {seen_at}", {"seen_at": "yesterday"}),
        ("done {done_on}", {"done_on": "21st"}),
    ],
)
def test_a_message_that_cannot_be_filled_is_shown_as_it_was_stored(message: str, facts: dict[str, Any]) -> None:
    assert filled(message, **facts) == message


@pytest.mark.parametrize(("message", "facts"), [("", {}), ("", {"n": 3})])
def test_no_message_stays_none(message: str, facts: dict[str, Any]) -> None:
    assert filled(message, **facts) == ""


def test_more_facts_than_places_do_no_harm() -> None:
    assert filled("{n} of {all}", n=2, all=3, other=4) == "2 of 3"


def test_what_is_stored_is_english_whatever_the_reader_speaks() -> None:
    with translation.override("mr"):
        assert (
            evidence.message(gettext_lazy("The check could not run: {reason}")) == "The check could not run: {reason}"
        )
        assert wording.said(Evidence(said="The check could not run: {reason}", facts={"reason": "OSError"})) != (
            "The check could not run: OSError"
        )
    with translation.override("en"):
        said = wording.said(Evidence(said="The check could not run: {reason}", facts={"reason": "OSError"}))
    assert said == "The check could not run: OSError"


def test_a_day_that_is_not_known_is_a_dash() -> None:
    assert wording.day(None) == "–"
    assert wording.day(NOW.date()) == "22 Nov 2026"
