"""Findings and differences in the reader's language, with their numbers and names."""

from __future__ import annotations

import copy
import json

import pytest
from django.utils import translation

from amanat.policy import differences, linting, merging, ready, telling
from amanat.policy.durations import Duration
from amanat.policy.telling import Told, told
from amanat.policy.tests.mutations import MUTATIONS
from amanat.policy.tests.samples import DEFAULT, changed, policy


def test_in_english_it_is_the_plain_sentence() -> None:
    sentence = told("{what} lasts {length}.", what=telling.a_name("last_login"), length=Duration.parse("P30D"))
    assert sentence == "last login lasts 30 days."
    assert telling.in_words(sentence) == "last login lasts 30 days."
    assert telling.in_words("plain {text}") == "plain {text}"


def test_a_capital_stands_before_the_sentence() -> None:
    assert telling.capital(told("the {0} of {1}", "host", "mail")) == "The host of mail"
    assert telling.in_words(telling.capital("the end")) == "The end"


def test_lengths_and_lists_are_said_in_the_language() -> None:
    sentence = told(
        "{all}", all=(told("{length}", length=Duration.parse("P2Y")), told("{length}", length=Duration.parse("P1M")))
    )
    with translation.override("mr"):
        assert telling.in_words(sentence) == "2 वर्षे; 1 महिना"
    assert sentence == "2 years; 1 month"


def test_a_sentence_survives_being_copied_and_stored() -> None:
    sentence = told("{a} and {b}", a="one", b=Duration.parse("P1D"))
    twin = copy.deepcopy(sentence)
    assert (twin, twin.text, twin.places) == (sentence, sentence.text, sentence.places)
    assert json.loads(json.dumps([sentence])) == ["one and 1 day"]


def test_words_of_the_author_are_not_taken_for_places() -> None:
    assert telling.in_words(told("{words} is typed.", words="{rights.due}")) == "{rights.due} is typed."
    assert telling.in_words(telling.a_name("my {own}")) == "my {own}"


@pytest.mark.parametrize("language", ["hi", "mr"])
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation[0])
def test_each_finding_is_said_in_each_language(
    mutation: tuple[str, list[tuple[str, str]], set[str], str], language: str
) -> None:
    for finding in linting.lint_text(changed(*mutation[1])):
        if finding.check == "format":
            continue  # of the text of a file, for who writes files
        assert isinstance(finding.wrong, Told) and isinstance(finding.instead, Told), finding
        with translation.override(language):
            for sentence in (finding.wrong, finding.instead):
                said = telling.in_words(sentence)
                assert said and said != sentence, (finding.check, sentence)
                assert any("\u0900" <= letter <= "\u097f" for letter in said), (finding.check, said)


@pytest.mark.parametrize("language", ["hi", "mr"])
def test_each_difference_is_said_in_each_language(language: str) -> None:
    found = differences.between(ready.policy("ai-crm"), ready.policy("calling"))
    found += differences.between(policy(), policy(("due: P30D", "due: P45D")))
    assert len(found) > 15
    with translation.override(language):
        for change in found:
            for sentence in filter(None, (change.sentence, change.reason)):
                said = telling.in_words(sentence)
                assert any("\u0900" <= letter <= "\u097f" for letter in said), said


@pytest.mark.parametrize("language", ["hi", "mr"])
def test_each_resolution_is_said_in_each_language(language: str) -> None:
    merged = merging.merge([ready.policy(name) for name in ready.names()])
    assert merged.resolutions
    with translation.override(language):
        for one in merged.resolutions:
            assert any("\u0900" <= letter <= "\u097f" for letter in telling.in_words(one.sentence)), one.sentence


def test_the_program_goes_on_seeing_plain_english() -> None:
    with translation.override("hi"):
        found = linting.lint_text(changed(("min_age: 18", "min_age: 16"), text=DEFAULT))
    assert "A child is anyone under 18" in str(next(one for one in found if one.check == "children.age"))


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("", "फ़ाइल ख़ाली है"),
        ("amanat: 1\nnonsense: 2\n", "यहाँ कोई नाम नहीं है"),
        ("amanat: [one]\n", None),
    ],
)
def test_what_has_not_the_shape_of_a_policy_is_told_in_hindi_and_stays_english_for_programs(
    source: str, wrong: str | None
) -> None:
    findings = linting.lint_text(source)
    assert findings and all(one.wrong.isascii() or "“" in one.wrong for one in findings)
    with translation.override("hi"):
        spoken = [telling.in_words(one.wrong) for one in findings]
    if wrong is not None:
        assert any(wrong in one for one in spoken), spoken
