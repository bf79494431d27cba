"""What these tables hold about people, field by field."""

from __future__ import annotations

from amanat.core.personal_data import Held, OnErasure, Personal

_ROW = frozenset({"id", "workspace_id"})
_MEMBER = Personal("pd:WorkHistory", OnErasure.KEEP)

HELD: list[Held] = [
    # The form says that no person is named in these words; whom it touched stands in privacy.AffectedPerson.
    Held(
        "privacy.Incident",
        "member",
        "keep.evidence",
        personal={"reported_by": _MEMBER, "closed_by": _MEMBER},
        not_personal=_ROW
        | {
            "kind",
            "title",
            "nature",
            "place",
            "happened_from",
            "happened_to",
            "noticed_at",
            "consequences",
            "measures",
            "advice",
            "cause",
            "in_languages",
            "is_drill",
            "reported_at",
            "closed_at",
            "lessons",
        },
        via=("form",),
        # Clocks and people touched hang on it and go with it.
        counted_from={"relied_on_end": "closed_at"},
    ),
    Held(
        "privacy.IncidentClock",
        "member",
        "keep.evidence",
        personal={"told_by": _MEMBER},
        not_personal=_ROW | {"incident", "audience", "due_at", "warned_at", "told_at", "proof"},
    ),
    Held(
        "privacy.AffectedPerson",
        "contact",
        "keep.evidence",
        personal={"contact": Personal("pd:Identifying", OnErasure.BLANK)},
        not_personal=_ROW | {"incident", "found", "added_at", "told_at", "channel", "language", "problem"},
    ),
]
