"""The seal beside each sentence of the public page. Who runs the probes (a package above) says how the clauses stand; we only show it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class State(StrEnum):
    KEPT = "kept"
    DUE = "due"
    BROKEN = "broken"
    STATEMENT = "statement"
    UNKNOWN = "unknown"  #: not checked yet


WORDS: dict[State, Promise] = {
    State.KEPT: _("Kept"),
    State.DUE: pgettext_lazy("seal", "Due"),
    State.BROKEN: _("Broken"),
    State.STATEMENT: _("Statement"),
    State.UNKNOWN: _("Unchecked"),
}


@dataclass(frozen=True, slots=True)
class Seal:
    """How a clause stands. `evidence` is the hash of what was found (hex), `said` a sentence about it, `promises` stand behind the sentence, of which
    `checked` are looked at and `kept` were found kept.

    `is_attested` says that somebody attests it today, which brings the words back that the policy file has no evidence for.
    """

    state: State
    checked_at: datetime | None = None
    evidence: str = ""
    said: str = ""
    promises: int = 0
    checked: int = 0
    kept: int = 0
    is_attested: bool = False

    @property
    def is_partly_checked(self) -> bool:
        return 0 < self.checked < self.promises


type Provider = Callable[[UUID], Mapping[str, Seal]]

_provider: list[Provider] = []


def provide(provider: Provider) -> None:
    """Say who answers; called once, by the package that runs the probes. Asked inside the workspace."""
    _provider[:] = [provider]


def of(workspace_id: UUID) -> Mapping[str, Seal]:
    """The seals by the clause's id; a clause that is not among them was not checked yet."""
    return _provider[0](workspace_id) if _provider else {}
