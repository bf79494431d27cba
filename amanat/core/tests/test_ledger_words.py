"""What the ledger's entries say, in the reader's language."""

from __future__ import annotations

import pytest
from django.utils import translation

from amanat.core import ledger_words


def inserted(table: str, *columns: str) -> str:
    return ledger_words.of(
        "row.updated" if columns else "row.inserted", {"table": table, "count": 2, "columns": columns}
    )


@pytest.mark.parametrize(
    ("language", "said"), [("en", "contact: 2 added"), ("hi", "संपर्क: 2 जोड़ा"), ("mr", "संपर्क: 2 जोडले")]
)
def test_a_table_is_named_in_the_readers_language(language: str, said: str) -> None:
    with translation.override(language):
        assert inserted("people_contact") == said


def test_a_column_has_the_name_of_its_form_or_its_own() -> None:
    with translation.override("mr"):
        assert inserted("people_contact", "name", "updated_at") == "संपर्क: 2 बदलले (नाव, updated_at)"


def test_a_table_nobody_knows_keeps_its_name() -> None:
    assert inserted("old_table", "x") == "old_table: 2 changed (x)"


def test_an_event_says_its_sentence_with_its_count() -> None:
    assert ledger_words.of("people.contact.purged", {"count": 3}) == "Contacts deleted for good (3)"
    assert ledger_words.of("nobody.knows.it", {}) == "nobody.knows.it"
