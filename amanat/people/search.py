"""One search over everything that has a name or a number: contacts, companies, services.

A row of `SearchEntry` holds what a record is found by, in Latin letters and by sound, so that a name is found in
whatever script and spelling it was written. The question runs in a function of another owner (`people.schema`), since
LIKE may not use its index underneath row-level security; the function carries the wall itself.

Everything kept is ASCII: the database's own idea of a letter then does not matter. Words of other scripts stand as
code points.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any
from uuid import UUID

from django.db import connection

from amanat.accounts.models import Member
from amanat.core import phones
from amanat.core.tenancy import HasId
from amanat.people import masking, script, vocabulary
from amanat.people.models import Contact, Email, SearchEntry
from amanat.people.vocabulary import Vocabulary

#: Longer queries than this say nothing more.
MOST_WORDS = 8
MOST_LETTERS = 200
#: With fewer hits than this, words that are merely alike are looked for too; with several words, when there is no hit.
ENOUGH = 5
_SHORTEST_FUZZY, _LONGEST_SHORT = 4, 3
#: So many times as many hits are asked for where some of them will be left out.
_MORE = 4
_ALIKE = 0.7


@dataclass(frozen=True, slots=True)
class Entry:
    """What one record is found by. `id` is the record's own."""

    kind: str
    id: UUID
    workspace_id: UUID
    words: Sequence[str]
    digits: Sequence[str] = ()
    owner_id: UUID | None = None
    team_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    kind: str
    id: UUID


def row_of(entry: Entry) -> SearchEntry:
    """The row of an entry, unsaved, for callers that insert many rows at once."""
    numbers = dict.fromkeys(script.digits(number) for number in entry.digits)
    return SearchEntry(
        id=entry.id,
        workspace_id=entry.workspace_id,
        kind=entry.kind,
        text=text_of(entry.words),
        digits=_spaced(number for number in numbers if number),
        owner_id=entry.owner_id,
        team_id=entry.team_id,
    )


def text_of(words: Sequence[str]) -> str:
    """What `SearchEntry.text` holds for these words."""
    text = script.search_text(*words)
    if text.isascii():
        return f" {text} " if text else ""
    forms = text.split()
    plain = {form for form in forms if form.isascii()}
    return _spaced(dict.fromkeys(kept for form in forms for kept in _ascii(form, has_other=bool(plain))))


def index(entries: Iterable[Entry]) -> None:
    """Write or renew the entries of records, in the transaction that changes them."""
    rows = [row_of(entry) for entry in entries]
    if rows:
        SearchEntry.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["workspace_id", "id"],
            update_fields=["kind", "text", "digits", "owner_id", "team_id"],
            batch_size=2000,
        )


def forget(ids: Iterable[UUID], *, workspace: HasId | UUID) -> None:
    """Take records out of the search: they were deleted."""
    SearchEntry.objects.of(workspace).filter(pk__in=list(ids)).delete()


def find(
    query: str,
    *,
    member: Member,
    kinds: Sequence[str] | None = None,
    limit: int = 20,
    vocabulary_of: Vocabulary | None = None,
) -> list[Hit]:
    """The records `member` may see that have every word of `query`, best first. Nothing for an empty query.

    A word fits by its beginning before its middle; words of one or two letters by their beginning only. Of one word of up to three
    letters, what fits loosely (by a similar sound, in the middle) is left out where `ENOUGH` fit well. A query that is one
    number is looked for in phones and acknowledgement numbers, from the middle too.

    Where numbers or e-mails are hidden from `member`, of a restricted person from everybody, a hit would tell them letter by letter: there
    only a whole number or address finds, as who has all of it learns no more of it. `vocabulary_of` the workspace spares reading it.
    """
    words = _words(query)
    if not words:
        return []
    held = masking.guard(member, vocabulary_of or vocabulary.of(member.workspace_id), masking.SERVICE)
    if held.hides("phones"):
        words = [_whole(word) for word in words]
    hides_mails = held.hides("emails")
    hits = _found(words, member, kinds, limit * _MORE if hides_mails else limit)
    closed = {hit.id for hit in hits if hit.kind == "contact" and (hides_mails or hit.id in held.restricted)}
    if closed:
        closed -= _openly(closed, query, words, held.restricted, member)
    return [hit for hit in hits if hit.id not in closed][:limit]


def _openly(
    closed: Collection[UUID], query: str, words: list[dict[str, Any]], restricted: Collection[UUID], member: Member
) -> set[UUID]:
    """Those of the contacts that are found by what may be seen of them: the name and the number, or by the whole address."""
    here = member.workspace_id
    names = Contact.objects.of(here).filter(pk__in=closed).values_list("pk", "name")
    digits = dict(SearchEntry.objects.of(here).filter(pk__in=closed).values_list("pk", "digits"))
    wholes = [_whole(word) for word in words]
    found = {
        key for key, name in names if _is_in(text_of([name]), digits.get(key, ""), wholes if key in restricted else words)
    }  # fmt: skip
    addresses = [part.casefold() for part in query.split() if "@" in part]
    if addresses:
        mails = Email.objects.of(here).filter(contact__in=closed, address__in=addresses)
        found |= {key for key in mails.values_list("contact_id", flat=True) if key is not None}
    return found


def _is_in(text: str, digits: str, words: list[dict[str, Any]]) -> bool:
    """Whether each word is in the text of a name or among the digits, so that nothing else was needed for the hit."""
    return all(
        any(start in text for start in word["starts"])
        or (word["digits"] and word["digits"] in digits)
        or any(_is_slip(wanted, part) for wanted in word["fuzzy"] for part in text.split())
        for word in words
    )


def _is_slip(wanted: str, word: str) -> bool:
    return word[:2] == wanted[:2] and SequenceMatcher(None, wanted, word).ratio() >= _ALIKE


def _found(words: list[dict[str, Any]], member: Member, kinds: Sequence[str] | None, limit: int) -> list[Hit]:
    owner, teams = (None, None) if member.sees_all else (member.pk, list(member.team_ids))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT kind, id FROM find_records(%s::jsonb, %s::text[], %s::uuid, %s::uuid[], %s, %s)",
            [
                json.dumps(words),
                list(kinds) if kinds is not None else None,
                owner,
                teams,
                limit,
                1 if len(words) > 1 else ENOUGH,
            ],
        )
        return [Hit(kind, identity) for kind, identity in cursor.fetchall()]


def _whole(word: dict[str, Any]) -> dict[str, Any]:
    """The word with its digits as a whole number with its country, so that they begin no longer one; without, where they are no number."""
    number = phones.parse(word["digits"]) if word["digits"] else None
    return word | {"digits": script.digits(number) if number else ""}


def _words(query: str) -> list[dict[str, Any]]:
    query = query[:MOST_LETTERS]
    number = script.digits(query)
    if number and not any(character.isalpha() for character in query):
        # One number, however it was spaced; the prefix of a call within or out of the country is no part of it.
        number = number.lstrip("0") or number if len(number) > 5 else number
        return [{"starts": [number], "digits": number, "fuzzy": [], "short": False}]
    return [_word(word) for word in script.query_words(query)[:MOST_WORDS]]


def _word(word: script.QueryWord) -> dict[str, Any]:
    forms = [form for form in word.forms if form.isascii()] or [_code_points(word.original)]
    # A form that begins with another finds nothing more than that one.
    forms = [form for form in forms if not any(form != other and form.startswith(other) for other in forms)]
    number = word.original if word.original.isdecimal() else ""
    fuzzy = [word.latin] if len(word.latin) >= _SHORTEST_FUZZY and word.latin.isascii() and not number else []
    is_short = len(word.latin) <= _LONGEST_SHORT and not number
    return {"starts": forms, "digits": number, "fuzzy": fuzzy, "short": is_short}


def _ascii(form: str, *, has_other: bool) -> tuple[str, ...]:
    if form.isascii():
        return (form,)
    # Words of Indian scripts have a Latin form beside them; only words of scripts without one need their own letters.
    return () if has_other and script.latin(form).isascii() else (_code_points(form.strip(".")),)


def _code_points(word: str) -> str:
    return "".join(f"u{ord(character):x}" for character in word)


def _spaced(words: Iterable[str]) -> str:
    joined = " ".join(words)
    return f" {joined} " if joined else ""


__all__ = ["Entry", "Hit", "find", "forget", "index", "row_of", "text_of"]
