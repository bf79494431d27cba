"""What publishing holds about people, field by field: who published or edited, and who was told. A policy itself names nobody."""

from __future__ import annotations

from amanat.core.personal_data import Held, OnErasure, Personal

_ROW = frozenset({"id", "workspace_id"})
_WHO = Personal("pd:WorkHistory", OnErasure.KEEP)

HELD: list[Held] = [
    Held(
        "publishing.PolicyVersion",
        "member",
        "keep.evidence",
        personal={"published_by": _WHO},
        not_personal=_ROW
        | {"number", "source", "document", "digest", "replaces", "published_at", "effective_at", "is_material"}
        | {"changes", "asks_anew"},
        via=("policy",),
    ),
    Held(
        "publishing.PolicyDraft",
        "member",
        "keep.evidence",
        personal={"edited_by": _WHO},
        not_personal=_ROW | {"source", "based_on", "edited_at", "revision"},
        via=("policy",),
    ),
    Held(
        "publishing.AddressCheck",
        "member",
        "keep.evidence",
        personal={"sent_by": _WHO, "confirmed_by": _WHO},
        # The address stands in the published policy; it is the operator's, for everybody to write to.
        not_personal=_ROW | {"address", "code", "sent_at", "ends_at", "confirmed_at"},
        via=("policy",),
    ),
    Held(
        "publishing.PolicyMail",
        "member",
        "keep.evidence",
        personal={"member": _WHO},
        not_personal=_ROW | {"version", "due_at", "sent_at", "tries", "dropped_at"},
        via=("policy",),
    ),
]
