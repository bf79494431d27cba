"""Reading ready packs. A key that is not known is an error, so that a slip in a file is found at once, not at the counter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "packs"
LANGUAGES = ("en", "hi", "mr")
Words = Mapping[str, str]  #: text by language code


class PackInvalid(ValueError):
    """A pack's file says something it should not; the text names the place."""


@dataclass(frozen=True)
class PackStage:
    key: str
    name: Words
    is_closed: bool


@dataclass(frozen=True)
class PackService:
    """One service of a pack. `documents` and `steps` are texts by language."""

    key: str
    name: Words
    category: Words
    fee_paise: int
    documents: tuple[Words, ...]
    steps: tuple[Words, ...]
    usual_days: int | None
    validity_months: int | None
    remind_days_before: int
    papers_vanish: bool


@dataclass(frozen=True)
class Pack:
    key: str
    name: Words
    about: Words
    stages: tuple[PackStage, ...]
    tags: tuple[Words, ...]
    services: tuple[PackService, ...]


@cache
def all_packs() -> dict[str, Pack]:
    """Every pack by its key, which is the kind of workspace it is for."""
    words = json.loads((FOLDER / "words.json").read_text(encoding="utf-8"))
    files = sorted(path for path in FOLDER.glob("*.json") if path.name != "words.json")
    packs = (read(json.loads(path.read_text(encoding="utf-8")), words, place=path.name) for path in files)
    return {pack.key: pack for pack in packs}


def read(data: Mapping[str, Any], words: Mapping[str, Any], *, place: str) -> Pack:
    """A pack out of its JSON. Raises PackInvalid."""
    _keys(data, {"key", "name", "about", "stages", "tags", "services"}, set(), place)
    services = tuple(_service(each, words, f"{place}: {each.get('key')}") for each in data["services"])
    if len({service.key for service in services}) != len(services):
        raise PackInvalid(f"{place}: a service is there twice")
    return Pack(
        key=str(data["key"]),
        name=_words(data["name"], place),
        about=_words(data["about"], place),
        stages=tuple(_stage(each, place) for each in data["stages"]),
        tags=tuple(_words(each, place) for each in data["tags"]),
        services=services,
    )


def in_language(text: Words, language: str) -> str:
    return text.get(language) or text["en"]


def _stage(data: Mapping[str, Any], place: str) -> PackStage:
    _keys(data, {"key", "name", "is_closed"}, set(), place)
    return PackStage(str(data["key"]), _words(data["name"], place), bool(data["is_closed"]))


def _service(data: Mapping[str, Any], words: Mapping[str, Any], place: str) -> PackService:
    optional = {"usual_days", "validity_months", "remind_days_before", "papers_vanish"}
    _keys(data, {"key", "category", "name", "fee_paise", "documents", "steps"}, optional, place)
    if not isinstance(data["fee_paise"], int) or data["fee_paise"] < 0:
        raise PackInvalid(f"{place}: the fee is not a number of paise")
    return PackService(
        key=str(data["key"]),
        name=_words(data["name"], place),
        category=_word(words, "categories", data["category"], place),
        fee_paise=data["fee_paise"],
        documents=tuple(_word(words, "documents", key, place) for key in data["documents"]),
        steps=tuple(_word(words, "steps", key, place) for key in data["steps"]),
        usual_days=data.get("usual_days"),
        validity_months=data.get("validity_months"),
        remind_days_before=data.get("remind_days_before", 15),
        papers_vanish=data.get("papers_vanish", False),
    )


def _word(words: Mapping[str, Any], kind: str, key: str, place: str) -> Words:
    try:
        return _words(words[kind][key], place)
    except KeyError:
        raise PackInvalid(f"{place}: {key} is not among the {kind} of words.json") from None


def _words(data: Mapping[str, Any], place: str) -> Words:
    _keys(data, set(LANGUAGES), set(), place)
    if not all(isinstance(text, str) and text for text in data.values()):
        raise PackInvalid(f"{place}: a text is empty")
    return dict(data)


def _keys(data: Mapping[str, Any], needed: set[str], optional: set[str], place: str) -> None:
    missing, unknown = needed - set(data), set(data) - needed - optional
    if missing or unknown:
        raise PackInvalid(f"{place}: missing {sorted(missing)}, unknown {sorted(unknown)}")
