"""What these tables hold about people, field by field. They outlive the person as proof that she is gone: ids, counts and hashes."""

from __future__ import annotations

from amanat.core.personal_data import Held, OnErasure, Personal

_ROW = frozenset({"id", "workspace_id"})
_MEMBER = Personal("pd:WorkHistory", OnErasure.KEEP)

HELD: list[Held] = [
    Held(
        "privacy.Erasure",
        "contact",
        "keep.requests",
        counted_from={"request_closed": "ended_at"},
        personal={
            "contact_ids": Personal("pd:UID", OnErasure.KEEP),
            "wanted": Personal("pd:Identifying", OnErasure.BLANK, sealed=True),
            "by": _MEMBER,
        },
        not_personal=_ROW
        | {
            "state", "because", "request_id", "ordered_at", "started_at", "ended_at", "steps", "gone", "stayed", "sealed",
            "searched_at", "confirmed_at", "problem",
        },
    ),
    Held(
        "privacy.ErasureOpenItem",
        "contact",
        "keep.requests",
        personal={"answer": Personal("dpv:PersonalData", OnErasure.KEEP), "closed_by": _MEMBER},
        not_personal=_ROW | {"erasure", "kind", "place", "count", "rows", "opened_at", "closed_at"},
    ),
    Held(
        "privacy.ErasureCertificate",
        "contact",
        "keep.requests",
        personal={"body": Personal("pd:UID", OnErasure.KEEP)},
        not_personal=_ROW | {"erasure", "search", "issued_at", "digest"},
    ),
    Held(
        "privacy.ChildFound",
        "contact",
        "keep.requests",
        counted_from={"request_closed": "closed_at"},
        personal={
            "contact": Personal("pd:Identifying", OnErasure.BLANK),
            "principal": Personal("pd:UID", OnErasure.KEEP),
            "how": Personal("pd:Age", OnErasure.KEEP),
            "closed_by": _MEMBER,
        },
        not_personal=_ROW | {"state", "found_at", "frozen_at", "erase_by", "closed_at", "erasure_id"},
    ),
]  # fmt: skip
