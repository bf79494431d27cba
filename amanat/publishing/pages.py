"""What the public pages show, prepared: parts with sentences and seals, versions, recipients. Plain values for the templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from amanat.policy import references, rendering
from amanat.policy.format import Policy
from amanat.policy.rendering import Page
from amanat.publishing import seals
from amanat.publishing.models import PolicyVersion
from amanat.publishing.seals import Seal, State
from amanat.publishing.versions import InForce

#: Rights as they stand in the card: the kind in the policy, its picture, its words.
RIGHTS: tuple[tuple[str, str, Promise], ...] = (
    ("access", "eye", _("See my data")),
    ("correct", "pencil", _("Correct it")),
    ("erase", "trash-2", _("Erase it")),
    ("port", "download", _("Take it with me")),
    ("grievance", "message-square-warning", _("Complain")),
)
_UNKNOWN = Seal(State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One clause with its seal. `state` is a value of `seals.State`."""

    id: str
    text: str
    state: str
    word: str
    seal: Seal


@dataclass(frozen=True, slots=True)
class Part:
    id: str
    number: int
    heading: str
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A version in a list: when it holds from, why it came."""

    number: int
    day: str
    said: str
    is_current: bool
    is_ahead: bool
    url: str


def rendered(held: InForce, language: str, on: date, found: Mapping[str, Seal] | None = None) -> Page:
    """The page, made once for a version, language and day (evidence of attested sentences runs out by days)."""
    attested = frozenset(name for name, seal in (found or {}).items() if seal.is_attested)
    return _rendered(_Once(held.policy, held.digest), language, on, attested)


class _Once:
    """A policy that is told apart by its digest, so that a page can be kept under it."""

    __slots__ = ("digest", "policy")

    def __init__(self, policy: Policy, digest: str) -> None:
        self.policy, self.digest = policy, digest

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Once) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)


@lru_cache(maxsize=128)
def _rendered(once: _Once, language: str, on: date, attested: frozenset[str]) -> Page:
    return rendering.render(once.policy, language, on=on, attested=attested)


def parts(page: Page, found: Mapping[str, Seal] | None) -> list[Part]:
    """The parts of a page; without seals (an earlier version) its sentences stand alone."""
    return [
        Part(
            part.id,
            number,
            part.heading,
            tuple(_sentence(clause.id, clause.kind, clause.text, found) for clause in part.clauses),
        )
        for number, part in enumerate(page.parts, 1)
    ]


def _sentence(name: str, kind: str, text: str, found: Mapping[str, Seal] | None) -> Sentence:
    if found is None:
        return Sentence(name, text, "", "", _UNKNOWN)
    seal = found.get(name) or (Seal(State.STATEMENT) if kind == "disclaimer" else _UNKNOWN)
    return Sentence(name, text, seal.state.value, str(seals.WORDS[seal.state]), seal)


def checked_at(found: Mapping[str, Seal]) -> datetime | None:
    """When the last check ran."""
    return max((seal.checked_at for seal in found.values() if seal.checked_at), default=None)


def day_of(at: datetime, held: InForce, language: str) -> str:
    return references.day_in_words(at.astimezone(ZoneInfo(held.time_zone)).date(), language)


def lines(
    rows: Sequence[PolicyVersion], held: InForce, *, workspace_id: UUID, language: str, at: datetime
) -> list[Line]:
    """Versions, the newest first, none left out from the newest on."""
    found, sooner = [], datetime.max.replace(tzinfo=UTC)
    for row in rows:
        is_withdrawn, sooner = row.effective_at >= sooner, min(sooner, row.effective_at)
        found.append(
            Line(
                row.number,
                day_of(row.effective_at, held, language),
                _said_of(row, is_withdrawn),
                row.number == held.number,
                row.effective_at > at and not is_withdrawn,
                reverse("publishing:public_version", args=[workspace_id, row.number]),
            )
        )
    return found


def _said_of(row: PolicyVersion, is_withdrawn: bool) -> str:
    if is_withdrawn:
        return str(_("Announced, and withdrawn before it held"))
    if row.replaces == 0 and row.number == 1:
        return str(_("The first version"))
    return str(_("Changes that matter")) if row.is_material else str(_("Wording, or stricter rules"))


def recipients(policy: Policy, language: str) -> list[dict[str, Any]]:
    """Who receives data: role or name, which data, where, on which condition, under which contract."""
    words = references.vocabulary(language)
    found = []
    for name, recipient in policy.recipients.items():
        items = [item for kind in recipient.gets for item in references.in_words(policy, f"data.{kind}", language)]
        found.append(
            {
                "id": name,
                "name": recipient.name or words["recipients"].get(name, name),
                "data": references.listed(tuple(dict.fromkeys(items)), language),
                "countries": references.listed(
                    tuple(words["countries"].get(code, code) for code in recipient.countries), language
                ),
                "safeguard": words["values"].get(recipient.safeguard, recipient.safeguard),
                "when": WHEN[recipient.when],
                "has_contract": recipient.contract == "required",
                "host": recipient.host or "",
            }
        )
    return found


WHEN: dict[str, Promise] = {
    "always": _("For the work it does for us"),
    "law": _("Only when a law orders it"),
    "consent": _("Only when you agreed to it by name"),
}


def rights(policy: Policy, workspace_id: UUID) -> list[dict[str, str]]:
    """Lines of the card "Your rights": those the policy gives and the site has a page for, and stopping messages."""
    found = []
    asking, stopping = _address("privacy:public_request", workspace_id), _address("basis:public_start", workspace_id)
    for kind, icon, words in RIGHTS:
        if asking and kind in policy.rights.kinds:
            found.append({"url": f"{asking}?kind={kind}", "icon": icon, "words": str(words)})
    if stopping:
        found.insert(max(len(found) - 1, 0), {"url": stopping, "icon": "bell-off", "words": str(_("Stop messages"))})
    return found


def _address(name: str, workspace_id: UUID) -> str:
    """The address of a page of a package above, "" where there is none."""
    try:
        return reverse(name, args=[workspace_id])
    except NoReverseMatch:
        return ""
