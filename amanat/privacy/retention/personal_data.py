"""What these tables hold about people, field by field."""

from __future__ import annotations

from amanat.core.personal_data import Held, OnErasure, Personal, of_nobody

_BY = Personal("pd:WorkHistory", OnErasure.KEEP)

HELD: list[Held] = [
    Held(
        "privacy.LegalHold",
        "contact",
        "keep.evidence",
        personal={
            "contact": Personal("pd:Identifying", OnErasure.BLANK),
            "basis": Personal("dpv:PersonalData", OnErasure.KEEP),
            "set_by": _BY,
            "lifted_by": _BY,
        },
        not_personal=frozenset(["id", "workspace_id", "keep", "until", "set_at", "lifted_at"]),
        via=("retention page",),
        counted_from={"relied_on_end": "lifted_at or until"},
    ),
    Held(
        "privacy.RetentionDue",
        "contact",
        "keep.evidence",
        personal={"contact": Personal("pd:Identifying", OnErasure.BLANK)},
        not_personal=frozenset(
            [
                "id",
                "workspace_id",
                "keep",
                "trigger",
                "due_at",
                "state",
                "told_at",
                "by_way_of",
                "tries",
                "closed_at",
                "warning_id",
                "came_back",
            ]
        ),
        counted_from={"relied_on_end": "closed_at"},
    ),
    Held(
        "privacy.RetentionRun",
        "member",
        "keep.evidence",
        personal={"by": _BY},
        not_personal=frozenset(["id", "workspace_id", "started_at", "ended_at", "policy_number", "counts", "waiting"]),
        via=("retention page",),
        counted_from={"relied_on_end": "ended_at"},
    ),
    Held(
        "privacy.RelianceEnd",
        "contact",
        "keep.evidence",
        personal={"principal": Personal("pd:UID", OnErasure.KEEP)},
        not_personal=frozenset(["id", "workspace_id", "ended_at"]),
        counted_from={"relied_on_end": "ended_at"},
    ),
    of_nobody("privacy.HouseRun", "keep.security", "id", "started_at", "ended_at", "counts"),
    Held(
        "privacy.UserDue",
        "user",
        "keep.account",
        personal={"user": Personal("pd:Identifying")},
        not_personal=frozenset(["due_at", "told_at", "tries"]),
    ),
]
