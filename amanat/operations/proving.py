"""`amanat policy prove` and `amanat policy coverage`: all checks of a workspace run now, with the proof of it as a file; what keeps what.

Needs Django; the command line sets it up.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from uuid import UUID

from amanat.accounts import access
from amanat.core import clock, tenancy
from amanat.operations import Refused
from amanat.policy import probing
from amanat.proof import bundles, coverage, evidence, running, signing
from amanat.proof.models import Evidence, Outcome


def prove(workspace_id: UUID, out: Path | None, *, as_json: bool) -> tuple[str, bool]:
    """Run every check of a workspace and write the bundle to `out`; what was found, and whether all is kept. Raises Refused."""
    if workspace_id not in access.workspace_ids():
        raise Refused(f"There is no workspace {workspace_id}.")
    if out is not None and out.exists():
        raise Refused(f"{out} exists: name a new file.")
    if out is not None and not os.access(out.absolute().parent, os.W_OK):
        raise Refused(f"Nothing can be written to the folder {out.absolute().parent}: name a file in another one.")
    rows = running.run_all(workspace_id)
    if out is not None:
        try:
            out.write_bytes(bundles.make(workspace_id, at=clock.now()))
        except (OSError, signing.SigningKeyMissing) as problem:
            raise Refused(f"The proof cannot be written: {problem}") from None
    with tenancy.inside(workspace_id):
        checked, problem_of_chain = evidence.verify(workspace_id)
    is_kept = not problem_of_chain and all(row.outcome == Outcome.KEPT for row in rows)
    if as_json:
        found = [
            {"probe": row.probe, "outcome": row.outcome, "said": _said(row), "facts": row.facts, "ms": row.took_ms}
            for row in rows
        ]
        told = {"ok": is_kept, "evidence": checked, "problem": problem_of_chain, "found": found}
        return json.dumps(told, indent=2, ensure_ascii=False), is_kept
    return _text(rows, checked, problem_of_chain, out), is_kept


def _text(rows: list[Evidence], checked: int, problem: str, out: Path | None) -> str:
    kept = sum(row.outcome == Outcome.KEPT for row in rows)
    seconds = sum(row.took_ms for row in rows) / 1000
    return "\n".join([
        *(f"{row.outcome:14} {probing.registered()[row.probe].title}: {_said(row)}" for row in rows),
        f"{kept} of {len(rows)} checks found their promise kept, in {seconds:.1f} s.",
        problem or f"{checked} rows of evidence are whole.",
        *([f"Proof written to {out}; check it with the verify.py inside."] if out else []),
    ])  # fmt: skip


def _said(row: Evidence) -> str:
    try:
        return row.said.format(**row.facts)
    except (LookupError, ValueError):
        return row.said


def covered(form: str) -> str:
    """What keeps each promise of the published policies: text, json, or the markdown of docs/promises.md."""
    if form == "json":
        return json.dumps(coverage.as_json(), indent=2, ensure_ascii=False)
    return coverage.as_markdown().rstrip("\n") if form == "markdown" else coverage.as_text()
