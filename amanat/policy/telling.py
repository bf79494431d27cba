"""Sentences about policies that can be said in the reader's language: findings and differences.

A `Told` is the English sentence and remembers how it was made: the text with places, and what stands in them. `in_words` says it in the
language of the request. Programs, files and the ledger go on seeing a plain English string.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import get_language, gettext

from amanat.policy.durations import UNITS, Duration


def _(text: str) -> str:
    """Marks a text for the catalogs. Django's own asks for settings, and the command `amanat policy lint` runs without them."""
    return text


#: Names that the ready policies give to kinds of data, purposes, recipients, rules of keeping, triggers and ways.
NAMES = frozenset([
    _("identity"), _("secret"), _("proof"), _("billing"), _("content"), _("talk"), _("voice"), _("usage"),
    _("security"), _("support"), _("choice"), _("figures"), _("service"), _("account"), _("payment"),
    _("record"), _("marketing"), _("reminders"), _("analytics"), _("improve"), _("law"), _("hosting"),
    _("gateway"), _("mail"), _("carrier"), _("whatsapp"), _("partner"), _("authority"), _("evidence"),
    _("requests"), _("working"), _("last login"), _("closure"), _("request"), _("recorded"),
    _("last interaction"), _("opt out"), _("issued"), _("case closed"), _("seen"), _("relied on end"),
    _("request closed"), _("withdrawn"), _("made"), _("people"), _("board first"), _("board detail"),
    _("eu authority"), _("certin"), _("freeze"), _("erase"), _("audit"), _("update"), _("pentest"),
    _("training"), _("backup"), _("restore test"), _("session"), _("guard"), _("prefs"), _("promo"),
    _("name"), _("office"), _("email"), _("phone"), _("post"), _("title"), _("court"), _("company"),
])  # fmt: skip


class Told(str):
    """A sentence in English with the way to say it elsewhere. Equal to the plain string."""

    text: str
    ordered: tuple[Any, ...]
    places: dict[str, Any]
    is_capital: bool

    def __new__(cls, text: str, *ordered: Any, is_capital: bool = False, **places: Any) -> Told:
        said = text
        if ordered or places:
            said = text.format(*map(_plain, ordered), **{name: _plain(one) for name, one in places.items()})
        told = super().__new__(cls, said[:1].upper() + said[1:] if is_capital else said)
        told.text, told.ordered, told.places, told.is_capital = text, ordered, places, is_capital
        return told


def told(text: str, *ordered: Any, **places: Any) -> Told:
    """`text` is marked with gettext_noop; in its {places} may stand other sentences, lengths of time, lists of sentences."""
    return Told(text, *ordered, **places)


def capital(sentence: str) -> Told:
    """The same with a great first letter."""
    if isinstance(sentence, Told):
        return Told(sentence.text, *sentence.ordered, is_capital=True, **sentence.places)
    return Told("{sentence}", sentence=sentence, is_capital=True)


def in_words(sentence: str) -> str:
    """In the language of the request, or as it is when nobody said how."""
    if not isinstance(sentence, Told):
        return sentence
    text = gettext(sentence.text) if sentence.text else ""
    if sentence.ordered or sentence.places:
        spoken = [_spoken(one) for one in sentence.ordered]
        text = text.format(*spoken, **{name: _spoken(one) for name, one in sentence.places.items()})
    return text[:1].upper() + text[1:] if sentence.is_capital else text


def _plain(value: Any) -> Any:
    if isinstance(value, Duration):
        return value.in_words()
    return "; ".join(map(str, value)) if isinstance(value, tuple) else value


def _spoken(value: Any) -> Any:
    if isinstance(value, Duration):
        language = (get_language() or "en").split("-")[0]
        return value.in_words(language if language in UNITS else "en")
    if isinstance(value, tuple):
        return "; ".join(map(in_words, value))
    return in_words(value) if isinstance(value, str) else value


def name(word: str) -> str:
    """A name from a policy, with its own words where the ready policies use it."""
    spaced = word.replace("_", " ")
    return gettext(spaced) if spaced in NAMES else spaced


def a_name(word: str) -> Told:
    """As `name`, to stand in a place of a sentence."""
    spaced = word.replace("_", " ")
    return Told(spaced) if spaced in NAMES else Told("{word}", word=spaced)
