"""What these tables hold about people, field by field."""

from __future__ import annotations

from amanat.core.personal_data import Held, OnErasure, Personal, of_nobody

_BY = Personal("pd:WorkHistory", OnErasure.KEEP)

HELD: list[Held] = [
    Held(
        "privacy.AccountClosure",
        "user",
        "keep.account",
        personal={"user": Personal("pd:Identifying")},
        not_personal=frozenset(["asked_at", "due_at"]),
        via=("my account",),
        counted_from={"closure": "asked_at"},
    ),
    Held(
        "privacy.WorkspaceClosure",
        "member",
        "keep.content",
        personal={"asked_by": _BY, "cancelled_by": _BY},
        not_personal=frozenset(["id", "workspace_id", "asked_at", "due_at", "cancelled_at", "books_taken"]),
        via=("settings",),
        counted_from={"closure": "asked_at"},
    ),
    of_nobody(
        "privacy.ClosedWorkspace", "keep.evidence", "id", "was", "asked_at", "gone_at", "counts", "files_gone_at"
    ),
]
