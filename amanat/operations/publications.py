"""`amanat policy publish` and `export`: the operator publishes a file in a workspace, or takes out all its versions."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

from amanat.accounts.models import Workspace
from amanat.core import clock, tenancy
from amanat.operations import Refused, policies
from amanat.policy import documents, rendering
from amanat.publishing import publish as publishing
from amanat.publishing import versions
from amanat.publishing.publish import Plan


def publish(workspace_id: UUID, file: Path, *, dry_run: bool = False) -> tuple[str, bool]:
    """What was published, or would be, and whether all is well. Raises Refused for a missing file or workspace."""
    source = policies.text_of(file)
    at = clock.now()
    with tenancy.inside(workspace_id):
        # Held to the end, so that what is told is what was published.
        workspace = _workspace(workspace_id)
        Workspace.objects.of(workspace_id).select_for_update().get()
        try:
            planned = publishing.plan(workspace=workspace, source=source, at=at)
            if planned.errors:
                raise publishing.Refused(planned.errors)
            if dry_run or not planned.is_new:
                return _told(planned, dry_run=dry_run), True
            publishing.publish(workspace=workspace, source=source, by=None, at=at)
        except publishing.Refused as refused:
            told = [f"{file}: {finding}" for finding in refused.findings]
            return "\n".join([*told, "Nothing was published."]), False
    return _told(planned), True


def export(workspace_id: UUID, folder: Path) -> str:
    """Every version into `folder`: the file as it was written, the document for machines, the page as text in each language.

    Raises Refused for a missing workspace, and for a folder that cannot be written to.
    """
    try:
        return _export(workspace_id, folder)
    except (FileExistsError, NotADirectoryError):
        raise Refused(f"{folder} is a file: name a folder; it is made when it is not there yet.") from None
    except OSError as problem:
        raise Refused(f"Nothing can be written to {folder}: {problem.strerror}. Name another folder.") from None


def _export(workspace_id: UUID, folder: Path) -> str:
    with tenancy.inside(workspace_id):
        _workspace(workspace_id)
        rows = list(versions.all_of(workspace_id).order_by("number"))
    folder.mkdir(parents=True, exist_ok=True)
    for row in rows:
        policy, name = versions.of_row(row).policy, f"version-{row.number}"
        _write(folder / f"{name}.yaml", row.source)
        _write(folder / f"{name}.json", json.dumps(documents.as_document(policy), indent=2, ensure_ascii=False))
        for language in policy.head.langs:
            _write(folder / f"{name}.{language}.txt", rendering.render(policy, language).as_text())
    index = [
        {
            "number": row.number, "sha256": row.digest, "published_at": row.published_at.isoformat(),
            "effective_at": row.effective_at.isoformat(), "is_material": row.is_material, "replaces": row.replaces,
            "changes": row.changes,
        }
        for row in rows
    ]  # fmt: skip
    _write(folder / "versions.json", json.dumps(index, indent=2, ensure_ascii=False))
    return f"{len(rows)} {'version' if len(rows) == 1 else 'versions'} written to {folder}."


def _write(file: Path, text: str) -> None:
    file.write_text(text if text.endswith("\n") else f"{text}\n", "utf-8")


def _workspace(workspace_id: UUID) -> Workspace:
    found = Workspace.objects.of(workspace_id).filter(pk=workspace_id).first()
    if found is None:
        raise Refused(f"There is no workspace {workspace_id}.")
    return found


def _told(planned: Plan, *, dry_run: bool = False) -> str:
    if not planned.is_new:
        return f"Nothing to publish: version {planned.number - 1} says exactly the same."
    verb = "would hold" if dry_run else "holds"
    lines = [f"Version {planned.number} {verb} from {planned.effective_at:%Y-%m-%d %H:%M} UTC."]
    lines += [f"  {change}" for change in planned.changes]
    if planned.asks_anew_for:
        lines.append(f"Whoever agreed to these is asked anew: {', '.join(planned.asks_anew_for)}.")
    if planned.is_mailed:
        lines.append("The members are mailed.")
    return "\n".join([*lines, "Nothing was changed."] if dry_run else lines)
