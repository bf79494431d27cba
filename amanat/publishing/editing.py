"""The draft of the next policy: begun, changed rule by rule or as a text, merged, thrown away.

Two people may edit at once. A rule is saved against the value its reader saw, a text against the revision she read; who comes second is
told and loses nothing she typed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from amanat.accounts.models import Member, Workspace
from amanat.core import ledger
from amanat.policy import editing, loading, merging, questions, ready, references, rewriting
from amanat.policy.editing import Effect, Step
from amanat.publishing import beginning, inventory, publish
from amanat.publishing.beginning import Details
from amanat.publishing.models import PolicyDraft, PolicyVersion


class DraftExists(ValueError):
    """There is a draft already, which beginning another would throw away."""


class NoDraft(LookupError):
    """There is nothing to edit."""


class Conflict(ValueError):
    """Somebody else saved meanwhile. `paths` are the rules that both changed; empty when whole texts were."""

    def __init__(self, draft: PolicyDraft, paths: Iterable[str] = ()) -> None:
        super().__init__("somebody else changed the draft meanwhile")
        self.draft, self.paths = draft, tuple(paths)


class Refused(ValueError):
    """The change would make the policy untrue, unlawful or incomplete: `effect.refused` says how."""

    def __init__(self, effect: Effect) -> None:
        super().__init__("the change may not be made")
        self.effect = effect


def draft_of(workspace: Workspace | UUID) -> PolicyDraft | None:
    return PolicyDraft.objects.of(workspace).select_related("edited_by").first()


# --- beginnings ---------------------------------------------------------------------------------------------------------------


def ready_source(name: str, workspace: Workspace) -> str:
    """A ready policy with the workspace's own details, comments kept. Raises KeyError."""
    return rewriting.rewrite(editing.source_of(name), beginning.filled(ready.document(name), Details.of(workspace)))


def merged_source(names: Iterable[str], workspace: Workspace) -> tuple[str, tuple[merging.Resolution, ...]]:
    """Several ready policies as one, and how each conflict was resolved. Raises KeyError, ValueError for none."""
    own = [loading.load(ready_source(name, workspace)).policy for name in names]
    merged = merging.merge(own)
    return editing.source_from(merged.policy), merged.resolutions


def begin(
    *, workspace: Workspace, source: str, based_on: int, by: Member, at: datetime, revision: int | None = None
) -> PolicyDraft:
    """A new draft. Raises DraftExists unless `revision` names the draft that it takes the place of, Conflict when that changed."""
    loading.load(source)
    with transaction.atomic():
        known = PolicyDraft.objects.of(workspace).select_for_update().first()
        if known is None:
            try:
                with transaction.atomic():
                    draft: PolicyDraft = PolicyDraft.objects.create(
                        workspace_id=workspace.pk, source=source, based_on=based_on, edited_by=by, edited_at=at
                    )
            except IntegrityError:
                raise DraftExists from None
        elif revision is None:
            raise DraftExists
        else:
            draft = _checked(known, revision)
            _write(draft, source, by, at, based_on=based_on)
        ledger.write("publishing.draft.begun", workspace=workspace, by=by, at=at, based_on=based_on)
    return draft


def discard(*, workspace: Workspace, revision: int, by: Member, at: datetime) -> None:
    """Raises NoDraft, Conflict when it changed since `revision` was read."""
    with transaction.atomic():
        draft = _checked(_locked(workspace), revision)
        draft.delete()
        ledger.write("publishing.draft.discarded", workspace=workspace, by=by, at=at, revision=revision)


# --- changes ------------------------------------------------------------------------------------------------------------------


def change(
    *, workspace: Workspace, steps: Iterable[Step], was: Mapping[str, str], by: Member, at: datetime
) -> tuple[PolicyDraft, Effect]:
    """Take steps on the draft. `was` holds what the person saw at each path (`Question.written`).

    Raises NoDraft, Conflict naming the rules that somebody else changed to something else, Refused.
    """
    with transaction.atomic():
        draft = _locked(workspace)
        _compare(draft, was)
        effect = try_out(draft.source, steps)
        if effect.policy is None or effect.refused:
            raise Refused(effect)
        if effect.source != draft.source:
            _write(draft, effect.source, by, at)
            paths = sorted(one.path for one in effect.changes)
            ledger.write("publishing.draft.changed", workspace=workspace, by=by, at=at, paths=paths[:50])
    return draft, effect


def replace(*, workspace: Workspace, source: str, revision: int, by: Member, at: datetime) -> PolicyDraft:
    """The whole text at once. Raises NoDraft, Conflict, loading.FormatInvalid for a text that has not the shape of a policy."""
    loading.load(source)
    with transaction.atomic():
        draft = _checked(_locked(workspace), revision)
        if source != draft.source:
            _write(draft, source, by, at)
            ledger.write("publishing.draft.changed", workspace=workspace, by=by, at=at, paths=["file"])
    return draft


def try_out(source: str, steps: Iterable[Step], *, language: str = "en") -> Effect:
    """What the steps would mean, without taking them."""
    return editing.effect(source, editing.edit(source, steps), language=language, inventory=inventory.of_running_code())


def _locked(workspace: Workspace) -> PolicyDraft:
    draft: PolicyDraft | None = PolicyDraft.objects.of(workspace).select_for_update().first()
    if draft is None:
        raise NoDraft
    return draft


def _checked(draft: PolicyDraft, revision: int) -> PolicyDraft:
    if draft.revision != revision:
        raise Conflict(draft)
    return draft


def _compare(draft: PolicyDraft, was: Mapping[str, str]) -> None:
    policy = loading.load(draft.source).policy
    changed = []
    for path, seen in was.items():
        try:
            now = questions.at(policy, path).written
        except (LookupError, references.ReferenceMissing):
            now = ""
        if now != seen:
            changed.append(path)
    if changed:
        raise Conflict(draft, changed)


def _write(draft: PolicyDraft, source: str, by: Member, at: datetime, *, based_on: int | None = None) -> None:
    draft.source, draft.edited_by, draft.edited_at = source, by, at
    draft.revision += 1
    if based_on is not None:
        draft.based_on = based_on
    draft.save(update_fields=["source", "edited_by", "edited_at", "revision", "based_on"])


def with_steps(source: str, steps: Iterable[Step]) -> str:
    """A text with the steps taken; nothing is saved."""
    return editing.edit(source, steps)


def publish_draft(*, workspace: Workspace, revision: int, by: Member, at: datetime) -> PolicyVersion | None:
    """Publish the draft and end it. Raises NoDraft, Conflict, publish.Refused."""
    with transaction.atomic():
        draft = _checked(_locked(workspace), revision)
        version = publish.publish(workspace=workspace, source=draft.source, by=by, at=at)
        if version is not None:
            draft.delete()
    return version


def told_count(workspace: Workspace) -> int:
    """How many members hear of a version by mail."""
    return int(Member.objects.of(workspace).filter(ended_at__isnull=True).count())
