"""What these tables hold about people, field by field."""

from __future__ import annotations

from amanat.core.personal_data import Held, OnErasure, Personal

_BY = Personal("pd:WorkHistory", OnErasure.KEEP)

HELD: list[Held] = [
    Held(
        "privacy.SealedRecord",
        "contact",
        "keep.evidence",
        # No application reads it; on its day key and row are destroyed.
        personal={
            "found_by": Personal("pd:UID", OnErasure.KEEP),
            "principal": Personal("pd:UID", OnErasure.KEEP),
            "body": Personal("dpv:PersonalData", OnErasure.KEEP, sealed=True),
        },
        not_personal=frozenset(["id", "workspace_id", "law", "sealed_at", "ends_on", "erasure_id"]),
        counted_from={"relied_on_end": "ends_on"},
    ),
    Held(
        "privacy.VaultRelease",
        "member",
        "keep.evidence",
        personal={
            "asked_by": _BY,
            "allowed_by": _BY,
            "opened_by": _BY,
            "reason": Personal("dpv:PersonalData", OnErasure.KEEP),
            "authority": Personal("dpv:PersonalData", OnErasure.KEEP),
        },
        not_personal=frozenset(
            ["id", "workspace_id", "record_id", "asked_at", "allowed_at", "opened_at", "refused_at"]
        ),
        via=("vault page",),
        counted_from={"relied_on_end": "asked_at"},
    ),
]
