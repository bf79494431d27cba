"""The seals beside the sentences of the public page, from the same judgement as the owner's board."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from amanat.proof import board, judging, wording
from amanat.proof.judging import Check, Judged
from amanat.publishing.seals import Seal, State


def of(workspace_id: UUID) -> Mapping[str, Seal]:
    """Every clause of the policy in force; asked inside the workspace."""
    shown = board.of(workspace_id)
    return {one.clause.id: _seal(one, shown.known.today) for one in shown.clauses}


def _seal(one: Judged, today: date) -> Seal:
    telling = _telling(one)
    if one.checks and one.checked_at is None and not any(standing.newest for standing in one.standings):
        return Seal(State.UNKNOWN)
    return Seal(
        state=State(str(one.state)),
        checked_at=one.checked_at,
        evidence=telling.evidence.digest if telling and telling.evidence else _attested(one),
        said=wording.said(telling.evidence) if telling and telling.evidence else "",
        promises=len(one.promises),
        checked=one.checked,
        kept=one.kept,
        is_attested=one.clause.kind == "attested" and judging.is_shown(one, today),
    )


def _telling(one: Judged) -> Check | None:
    """The check that says most: the worst, as `Judged.checks` has them."""
    return next((check for check in one.checks if check.evidence), None)


def _attested(one: Judged) -> str:
    return next((standing.newest.digest for standing in one.standings if standing.newest), "")
