"""What keeps each of the 494 promises; none is claimed without a running check, and the number of those that are does not fall."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from django.utils import translation

from amanat.policy import probing, ready, references
from amanat.proof import coverage

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "promises.md"
#: Promises of the published policies that a registered probe shows. Raise it when probes are added; it never falls.
FLOOR = 370
PROMISED = {line.key for line in coverage.lines()}


def test_all_494_promises_are_there() -> None:
    counts = Counter(line.policy for line in coverage.lines())
    assert sum(counts.values()) == 494 and len(counts) == 5
    assert sum(coverage.counts(coverage.lines()).values()) == 494


def test_the_number_of_checked_promises_does_not_fall() -> None:
    assert coverage.counts(coverage.lines())["checked"] >= FLOOR


@pytest.mark.parametrize("name", sorted(probing.registered()))
def test_a_probe_proves_promises_that_somebody_made_by_rules_that_are_there(name: str) -> None:
    one = probing.registered()[name]
    policy = ready.policy("default")
    clause_keys = {key for clause in policy.clauses for key in clause.probe}
    assert one.keys <= PROMISED | clause_keys
    assert one.rules
    for path in one.rules:
        references.find(policy, path)
    assert one.minutes > 0 and str(one.title)


def test_checked_means_that_a_probe_is_registered() -> None:
    for line in coverage.lines():
        assert (line.by == "checked") == (bool(probing.proving(line.key)) and line.by != "rejected")


def test_what_waits_and_what_is_a_statement_was_promised_and_is_not_both() -> None:
    assert sorted((set(coverage.later()) | set(coverage.statements())) - PROMISED) == []
    assert not set(coverage.later()) & set(coverage.statements())


def test_a_probe_taken_away_leaves_its_promises_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "_probes", {})
    assert coverage.counts(coverage.lines())["checked"] == 0


def test_the_document_is_what_the_command_writes() -> None:
    """Mend it with: ./run policy coverage --format markdown > docs/promises.md"""
    assert DOCUMENT.read_text("utf-8") == coverage.as_markdown()


def test_every_word_of_what_is_waited_for_can_be_told_in_other_languages() -> None:
    with translation.override("en"):
        known = {str(one) for one in coverage.WORDS}
    assert {*coverage.later().values(), *coverage.statements().values()} == known


@pytest.mark.parametrize("language", ["hi", "mr"])
def test_what_keeps_a_promise_is_told_in_the_readers_language(language: str) -> None:
    with translation.override(language):
        same = {line.key for line in coverage.lines() if line.detail and coverage.told(line) == line.detail}
    assert same == set()
