"""A text beside its wording in the register of the operators (DLT): where the two part, and how long each value may be.

The register writes a variable {#var#}, or by a kind ({#numeric#}, {#url#}); each takes 30 characters, and several that touch take as many
times 30 together. Everything else must be the same, letter by letter: what differs is dropped on the way and nobody tells us why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _

from amanat.messaging.channels.sms import MOST_OF_A_VARIABLE

_THEIRS = re.compile(r"(?:\{#[A-Za-z]*#\})+")
_ONE = re.compile(r"\{#[A-Za-z]*#\}")
_OURS = re.compile(r"\{\{\s*(\d{1,2})\s*\}\}")
#: Letters shown of what stands before and behind the place where the two part.
_SHOWN = 24


@dataclass(frozen=True, slots=True)
class Fit:
    """`limits` are the most characters of the variables 1, 2 and so on; `difference` says where the texts part, or "" where they do not."""

    difference: str = ""
    limits: tuple[int, ...] = ()


def fits(registered: str, body: str) -> Fit:
    """Compare a text with {{1}} in it with its registered wording."""
    ours, theirs = _pieces(body, _OURS), _pieces(registered, _THEIRS)
    limits: dict[int, int] = {}
    before = ""
    for place in range(max(len(ours), len(theirs))):
        one = ours[place] if place < len(ours) else ""
        other = theirs[place] if place < len(theirs) else ""
        if place % 2 == 0:
            if one != other or _ends_alone(place, len(ours), len(theirs)):
                return Fit(_said(before, _rest(ours, place), _rest(theirs, place)))
            before = (before + one)[-_SHOWN:]
        else:
            number, most = int(_number(one)), MOST_OF_A_VARIABLE * len(_ONE.findall(other))
            limits[number] = min(most, limits.get(number, most))
            before = one
    return Fit("", tuple(limits.get(number, MOST_OF_A_VARIABLE) for number in range(1, max(limits, default=0) + 1)))


def _pieces(text: str, variable: re.Pattern[str]) -> list[str]:
    """Words and variables in turn, words first and last."""
    plain, found, end = text.replace("\r\n", "\n").strip(), [], 0
    for at in variable.finditer(plain):
        found += [plain[end : at.start()], at[0]]
        end = at.end()
    return [*found, plain[end:]]


def _ends_alone(place: int, ours: int, theirs: int) -> bool:
    """One of the two goes on with a variable where the other has ended."""
    return (place + 1 < ours) != (place + 1 < theirs)


def _rest(pieces: list[str], place: int) -> str:
    return "".join(pieces[place:])


def _number(variable: str) -> str:
    found = _OURS.fullmatch(variable)
    return found[1] if found else "0"


def _said(before: str, ours: str, theirs: str) -> str:
    """The first place at which the two are not the same, in words."""
    same = next(
        (at for at, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs))
    )
    before = (before + ours[:same])[-_SHOWN:]
    here, there = ours[same : same + _SHOWN], theirs[same : same + _SHOWN]
    behind = _("After “%(before)s”") % {"before": before} if before else _("At its beginning")
    if not here:
        return _("%(where)s the text ends, and the registered one goes on with “%(theirs)s”.") % {
            "where": behind, "theirs": there,
        }  # fmt: skip
    if not there:
        return _("%(where)s the registered text ends, and this one goes on with “%(ours)s”.") % {
            "where": behind, "ours": here,
        }  # fmt: skip
    return _("%(where)s stands “%(ours)s”, and in the register “%(theirs)s”.") % {
        "where": behind, "ours": here, "theirs": there,
    }  # fmt: skip
