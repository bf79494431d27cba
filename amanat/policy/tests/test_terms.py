"""The vocabulary: every term has words in three languages, and a mistyped one finds its neighbour."""

from __future__ import annotations

import pytest

from amanat.policy import references, terms

WORDS = terms.vocabulary()


def test_version_is_the_one_policies_name() -> None:
    assert WORDS.version == "dpv-2.3"


@pytest.mark.parametrize("term", sorted(WORDS.labels))
def test_each_term_has_words_in_each_language(term: str) -> None:
    said = WORDS.labels[term]
    assert set(said) == set(terms.LANGUAGES)
    assert all(said.values())
    assert said["en"].isascii()
    assert not said["hi"].isascii()
    assert not said["mr"].isascii()


def test_what_identifies_and_what_books_hold_are_terms() -> None:
    assert WORDS.identifying | WORDS.books <= set(WORDS.labels)
    assert "pd:IPAddress" in WORDS.identifying


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [
        ("pd:ServiceConsumptionBehavior", "pd:ServiceConsumptionBehaviour"),
        ("pd:BrowsingBehavior", "pd:BrowsingBehaviour"),
        ("pd:JobTitle", "pd:Job"),
        ("pd:EmailAdress", "pd:EmailAddress"),
        ("pd:Emailaddress", "pd:EmailAddress"),
        ("pd:Phone", None),
        ("pd:IpAddress", "pd:IPAddress"),
        ("dpv:ServiceProvison", "dpv:ServiceProvision"),
        ("dpv:IPAddress", None),
        ("foaf:name", None),
        ("nonsense", None),
    ],
)
def test_nearest(mistyped: str, meant: str | None) -> None:
    assert not terms.is_known(mistyped)
    assert terms.nearest(mistyped) == meant


def test_the_languages_have_words_for_the_same_things() -> None:
    english, *others = (references.vocabulary(language) for language in terms.LANGUAGES)
    for other in others:
        assert set(other) == set(english)
        for section, words in english.items():
            if isinstance(words, dict):
                assert set(other[section]) == set(words), section
                assert all(other[section].values()), section
    assert all(len(references.vocabulary(language)["months"]) == 12 for language in terms.LANGUAGES)


@pytest.mark.parametrize(
    ("items", "english", "hindi"),
    [
        ((), "", ""),
        (("a",), "a", "a"),
        (("a", "b"), "a and b", "a और b"),
        (("a", "b", "c"), "a, b, and c", "a, b और c"),
    ],
)
def test_lists(items: tuple[str, ...], english: str, hindi: str) -> None:
    assert references.listed(items, "en") == english
    assert references.listed(items, "hi") == hindi
