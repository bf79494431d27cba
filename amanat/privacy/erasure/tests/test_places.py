"""Places are said in words of people, in each language, and never as tables with their columns."""

from __future__ import annotations

import pytest
from django.utils import translation

from amanat.policy import ready
from amanat.privacy.erasure import places, traces

POLICY = ready.policy("default")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("people.Contact.notes", "person: notes"),
        ("people.Interaction.body", "lines of the timeline: text"),
        ("people.Phone.number", "phone numbers: number"),
        ("desk.Payment.request_digest", "payments"),  # no word for the column: the table alone
        ("people.Contact.*", "person"),
        ("people.ImportRun", "files of imports"),
        ("procrastinate_jobs.args", "waiting jobs"),
        ("paper", "papers"),
        ("attestation", "files"),
        ("sandbox", "what the sandbox took"),
        ("whatsapp", "WhatsApp (United States, standard contractual clauses)"),
        ("Old courier", "Old courier"),
    ],
)
def test_a_place_is_said_in_words(place: str, said: str) -> None:
    assert places.in_words(place, POLICY) == said


@pytest.mark.parametrize("language", ["hi", "mr"])
def test_a_place_is_said_in_the_readers_language(language: str) -> None:
    with translation.override(language):
        for place in ("people.Interaction.body", "people.Contact.custom", "message", "hosting"):
            assert places.in_words(place, POLICY).isascii() is False


def test_no_place_of_a_search_keeps_the_name_of_a_table_or_column(db: None) -> None:
    said = [
        places.in_words(f"{table.label}.{column}", POLICY)
        for table in traces.catalogue()
        for column, _kind in table.columns
    ]
    assert [one for one in said if "_" in one] == []
