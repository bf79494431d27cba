"""Other people's data in a person's copy: a copy must not harm the rights of others (GDPR article 15(4)).

Members are told by role and initials. In free text, names of members and of other contacts of the workspace become initials, and
telephone numbers and e-mail addresses that are not the person's own lose all but their end. A name of one word is not looked for: nobody can
tell it from a word.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from amanat.accounts.models import Member
from amanat.accounts.permissions import Role
from amanat.core import phones
from amanat.people import drafts
from amanat.people.models import Contact
from amanat.web import formatting

#: Kinds of data whose fields are free text, in which anybody may be named.
FREE = frozenset({"dpv:PersonalData", "pd:Communication", "pd:Interaction", "pd:ServiceConsumptionBehaviour"})
_WORD = re.compile(r"[^\W\d_][^\W\d_\u0900-\u097f]*(?:[\u0900-\u0d7f\u200c\u200d]+)?[.’'-]?[^\W\d_]*", re.UNICODE)
_PHONE = re.compile(r"(?<![\w/])\+?\d(?:[ \-]?\d){8,13}(?![\w/])")
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_LONGEST_NAME = 3
_MOST_NAMES = 20_000
_PIECE = 4_000


@dataclass(frozen=True, slots=True)
class Person:
    """A member as the copy tells it."""

    role: str
    initials: str

    def __str__(self) -> str:
        return f"{self.role} ({self.initials})"


@dataclass
class Masker:
    """Knows who may be named. `names` are folded full names of others, `hers` what is the person's own."""

    members: Mapping[UUID, Person]
    member_names: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    hers: frozenset[str] = field(default_factory=frozenset)

    def member(self, identity: UUID | None) -> Person | None:
        return self.members.get(identity) if identity else None

    def text(self, text: str) -> str:
        """`text` without what tells who others are or how to reach them."""
        masked = _EMAIL.sub(self._email, text) if "@" in text else text
        if self._members is not None:
            masked = self._members.sub(lambda found: _initials(found[0]), masked)
        masked = self._without_names(masked) if self.names else masked
        return _PHONE.sub(self._phone, masked)

    def value(self, value: Any) -> Any:
        """As `text`, for what JSON holds."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {name: self.value(below) for name, below in value.items()}
        return [self.value(below) for below in value] if isinstance(value, list | tuple) else value

    @cached_property
    def _members(self) -> re.Pattern[str] | None:
        if not self.member_names:
            return None
        ordered = sorted(self.member_names, key=len, reverse=True)
        return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, ordered)) + r")(?!\w)")

    def _email(self, found: re.Match[str]) -> str:
        return found[0] if found[0].lower() in self.hers else f"···@{found[0].rpartition('@')[2]}"

    def _phone(self, found: re.Match[str]) -> str:
        number = phones.parse(found[0])
        if number is None or number in self.hers:
            return found[0]
        return f"······{found[0][-2:]}"

    def _without_names(self, text: str) -> str:
        pieces, end = [], 0
        for start, stop, folded in _name_like(text):
            if start >= end and folded in self.names:
                pieces += [text[end:start], _initials(text[start:stop])]
                end = stop
        return "".join([*pieces, text[end:]])


def of(texts: Iterable[str], *, workspace_id: UUID, contact_ids: Iterable[UUID], hers: Iterable[str]) -> Masker:
    """What masks `texts` for the person whose own names, numbers and addresses are `hers`. One query for each 4,000 names."""
    own = frozenset(value.lower() if "@" in value else value for value in hers) | {
        drafts.sort_name(value) for value in hers
    }
    seats = list(Member.objects.of(workspace_id).values_list("pk", "name", "role"))
    members = {pk: Person(str(Role(role).label), formatting.initials(name)) for pk, name, role in seats}
    words = {name for _pk, whole, _role in seats for name in (whole,) if len(name.split()) > 1}
    wanted = list(dict.fromkeys(folded for text in texts for _start, _stop, folded in _name_like(text)))[:_MOST_NAMES]
    wanted = [one for one in wanted if one not in own]
    known: set[str] = set()
    for start in range(0, len(wanted), _PIECE):
        rows = Contact.objects.of(workspace_id).filter(
            sort_name__in=wanted[start : start + _PIECE], deleted_at__isnull=True
        )
        known |= set(rows.exclude(pk__in=list(contact_ids)).values_list("sort_name", flat=True).distinct())
    return Masker(members, tuple(one for one in words if drafts.sort_name(one) not in own), frozenset(known), own)


def _name_like(text: str) -> Iterable[tuple[int, int, str]]:
    """Two and three neighbouring words that could be a name: begin, end, and the name as lists sort it; longer ones first."""
    found = [(one.start(), one.end(), one[0]) for one in _WORD.finditer(text)]
    for place, (start, _end, word) in enumerate(found):
        if not _may_begin_name(word):
            continue
        for length in range(_LONGEST_NAME, 1, -1):
            chosen = found[place : place + length]
            if (
                len(chosen) == length
                and all(_may_begin_name(one) for _s, _e, one in chosen)
                and _are_close(chosen, text)
            ):
                stop = chosen[-1][1]
                yield start, stop, drafts.sort_name(text[start:stop])


def _are_close(chosen: list[tuple[int, int, str]], text: str) -> bool:
    """Only blanks between them, so that a full stop parts two names."""
    pairs = itertools.pairwise(chosen)
    return all(text[left[1] : right[0]] in {" ", "  ", "\u00a0"} for left, right in pairs)


def _may_begin_name(word: str) -> bool:
    first = word[0]
    return first.isupper() or first.upper() == first.lower()  # scripts without capitals


def _initials(name: str) -> str:
    return ".".join(part[0] for part in name.split()) + "."
