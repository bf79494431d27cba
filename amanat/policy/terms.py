"""The terms of the Data Privacy Vocabulary that a policy may use, each with words for the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from amanat.policy import reading

LANGUAGES = ("en", "hi", "mr")


@dataclass(frozen=True)
class Vocabulary:
    """One version of the vocabulary."""

    version: str
    labels: Mapping[str, Mapping[str, str]]  #: term: language: words
    identifying: frozenset[str]
    books: frozenset[str]


@cache
def vocabulary() -> Vocabulary:
    held = reading.read_file(Path(__file__).with_name("terms.yaml")).value
    labels = {term: dict(zip(LANGUAGES, words, strict=True)) for term, words in held["terms"].items()}
    return Vocabulary(held["version"], labels, frozenset(held["identifying"]), frozenset(held["books"]))


def is_known(term: str) -> bool:
    return term in vocabulary().labels


def nearest(term: str) -> str | None:
    """The known term most like an unknown one: "pd:JobTitle" is near "pd:Job"."""
    prefix, _, name = term.partition(":")
    known = [one for one in vocabulary().labels if one.startswith(f"{prefix}:")]
    names = {one.partition(":")[2].lower(): one for one in known}
    if near := get_close_matches(name.lower(), names, 1, cutoff=0.55):
        return names[near[0]]
    return max((names[one] for one in names if one in name.lower()), key=len, default=None)


def in_words(term: str, language: str) -> str:
    """KeyError for an unknown term."""
    return vocabulary().labels[term][language]
