"""What support cases hold about people, field by field."""

from __future__ import annotations

from amanat.core.personal_data import Held, OnErasure, Personal

HELD = [
    Held(
        model="desk.SupportCase",
        whose="contact",
        clause="keep.support",
        counted_from={"case_closed": "closed_at"},
        personal={
            "contact": Personal("pd:Identifying"),
            "subject": Personal("pd:Communication", OnErasure.BLANK),
            "what": Personal("pd:Communication", OnErasure.BLANK),
            "outcome": Personal("pd:Communication", OnErasure.BLANK),
            "satisfaction": Personal("pd:Communication", OnErasure.BLANK),
        },
        not_personal=frozenset(
            [
                "id",
                "workspace_id",
                "number",
                "state",
                "owner",
                "due_on",
                "created_at",
                "created_by",
                "closed_at",
                "closed_by",
            ]
        ),
        via=("case page", "API", "import"),
    )
]
