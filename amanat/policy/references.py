"""The {references} in a sentence: what they point at in a policy, and how that is said in a language."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from amanat.policy import reading, terms
from amanat.policy.durations import Duration
from amanat.policy.format import Policy

REFERENCE = re.compile(r"\{([^{}]*)\}")

#: Which words are asked for a value, by the name it stands under.
_SECTION = {
    "per": "channels",
    "kinds": "kinds",
    "by": "ways",
    "never": "never",
    "kind": "storage",
    "in": "countries",
    "log_copy": "countries",
    "subjects": "countries",
    "law": "countries",
}
#: Values a person wrote: they are shown as they are.
_AS_WRITTEN = frozenset(["name", "office", "email", "phone", "post", "title", "court", "host", "stop_words", "id"])
#: What a site that has no name of its own yet adds to it, because the format wants a dot in a host; no reader needs it.
NO_REAL_HOST = ".localdomain"
#: Blocks whose entries have names of the author's own, and what a page says of them all.
GROUPS = ("data", "purposes", "recipients", "products")


class ReferenceMissing(LookupError):
    """The path leads to no rule of this policy."""


class WordsMissing(LookupError):
    """The rule is there, but the language has no words for it."""


def paths_in(sentence: str) -> list[str]:
    """The paths a sentence refers to, in order."""
    return REFERENCE.findall(sentence)


def find(policy: Policy, path: str) -> Any:
    """The rule, block or value at `path`. Raises ReferenceMissing."""
    found: Any = policy.tree
    for step in path.removesuffix(".*").split("."):
        if not isinstance(found, Mapping) or step not in found:
            raise ReferenceMissing(path)
        found = found[step]
    if path.endswith(".*") and path.removesuffix(".*") not in GROUPS:
        raise ReferenceMissing(path)
    return found


def in_words(policy: Policy, path: str, language: str) -> tuple[str, ...]:
    """What a page says for `path`: one text, or the items of a list. Raises ReferenceMissing, WordsMissing."""
    found = find(policy, path)
    if own := _own_words(policy, path, language):
        return (own,)
    block, _, name = path.partition(".")
    if block in GROUPS and path.count(".") <= 1:
        names = list(found) if name in {"*", ""} else [name]
        said = [words for one in names for words in _entry(policy, block, one, language)]
        return tuple(dict.fromkeys(said))  # two kinds of data may share a term
    if isinstance(found, Mapping):
        raise WordsMissing(path)
    items = found if isinstance(found, tuple) else (found,)
    return tuple(_said(item, path, language) for item in items)


def listed(items: tuple[str, ...], language: str) -> str:
    """ "a, b, and c" in the language."""
    how = vocabulary(language)["list"]
    if len(items) <= 1:
        return "".join(items)
    first = how["between"].join(items[:-1])
    return str(how["two" if len(items) == 2 else "last"].format(first, items[-1]))


@cache
def vocabulary(language: str) -> Mapping[str, Any]:
    held: Mapping[str, Any] = reading.read_file(Path(__file__).parent / "words" / f"{language}.yaml").value
    return held


def day_in_words(day: date, language: str) -> str:
    words = vocabulary(language)
    return str(words["day"].format(day=day.day, month=words["months"][day.month - 1], year=day.year))


def _own_words(policy: Policy, path: str, language: str) -> str | None:
    """Words the policy itself gives for a path: labels in English, translations elsewhere. A name without a dot is a clause's."""
    if "." not in path:
        return None
    if language == "en":
        return policy.labels.get(path)
    return policy.translations.get(language, {}).get(path)


def _entry(policy: Policy, block: str, name: str, language: str) -> Iterator[str]:
    """What a page says of one kind of data, purpose, recipient or product."""
    if own := _own_words(policy, f"{block}.{name}", language):
        yield own
    elif block == "products":
        yield " ".join(host.removesuffix(NO_REAL_HOST) for host in policy.products[name])
    elif block == "recipients":
        yield _recipient(policy, name, language)
    else:
        used = policy.data[name].terms if block == "data" else (policy.purposes[name].term,)
        for term in used:
            if not terms.is_known(term):
                raise WordsMissing(term)
            yield terms.in_words(term, language)


def _recipient(policy: Policy, name: str, language: str) -> str:
    """The role or name, with countries and safeguard: "WhatsApp (United States, standard contractual clauses)"."""
    recipient, words = policy.recipients[name], vocabulary(language)
    role = recipient.name or words["recipients"].get(name)
    if not role:
        raise WordsMissing(f"recipients.{name}")
    details = [words["countries"].get(country, country) for country in recipient.countries]
    if recipient.safeguard:
        details.append(words["values"].get(recipient.safeguard, recipient.safeguard))
    return f"{role} ({words['list']['between'].join(details)})" if details else role


def _said(value: Any, path: str, language: str) -> str:
    if isinstance(value, Duration):
        return value.in_words(language)
    if isinstance(value, date):
        return day_in_words(value, language)
    words, leaf = vocabulary(language), path.rpartition(".")[2]
    if isinstance(value, bool):
        return str(words["truth"][str(value).lower()])
    if isinstance(value, int) or leaf in _AS_WRITTEN:
        return str(value)
    for section in (_SECTION.get(leaf, "values"), "values"):
        if value in words[section]:
            return str(words[section][value])
    if terms.is_known(value):
        return terms.in_words(value, language)
    raise WordsMissing(f"{path}: {value}")
