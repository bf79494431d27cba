"""What these tables hold about people, field by field."""

from __future__ import annotations

from amanat.core.personal_data import Held, OnErasure, Personal

_ROW = frozenset({"id", "workspace_id"})

HELD: list[Held] = [
    Held(
        "privacy.PersonCopy",
        "contact",
        "keep.requests",
        counted_from={"request_closed": "ordered_at"},
        personal={
            "contact": Personal("pd:Identifying", OnErasure.BLANK),
            "file": Personal("dpv:PersonalData", OnErasure.BLANK, sealed=True),
            "ordered_by": Personal("pd:WorkHistory", OnErasure.KEEP),
        },
        not_personal=_ROW
        | {
            "state",
            "language",
            "request_id",
            "ordered_at",
            "made_at",
            "expires_at",
            "counts",
            "problem",
            "opened_at",
            "openings",
            "code",
            "code_ends_at",
            "code_tries",
        },
    ),
    Held(
        "privacy.Sighting",
        "contact",
        "keep.security",
        counted_from={"seen": "at"},
        personal={
            "contact": Personal("pd:Identifying"),
            "member": Personal("pd:WorkHistory", OnErasure.KEEP),
            "on": Personal("pd:Interaction"),
            "at": Personal("pd:Interaction"),
        },
        not_personal=_ROW,
    ),
]
