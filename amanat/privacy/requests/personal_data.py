"""What these tables hold about people, field by field. A request is proof: an erasure takes the person off it and keeps the rest."""

from __future__ import annotations

from amanat.core.personal_data import Held, OnErasure, Personal, of_nobody

_ROW = frozenset({"id", "workspace_id"})
_BY = Personal("pd:WorkHistory", OnErasure.KEEP)

HELD: list[Held] = [
    Held(
        "privacy.RightsRequest",
        "contact",
        "keep.requests",
        counted_from={"request_closed": "answered_at or revoked_at"},
        personal={
            "contact": Personal("pd:Identifying", OnErasure.BLANK),
            "principal": Personal("pd:UID", OnErasure.KEEP),
            "details": Personal("pd:Communication", OnErasure.BLANK, sealed=True),
            "answer": Personal("pd:Communication", OnErasure.BLANK, sealed=True),
            "proof": Personal("pd:OfficialID", OnErasure.BLANK),
            "extension_reason": Personal("pd:Communication", OnErasure.BLANK),
            "code": Personal("pd:Authenticating", OnErasure.KEEP, sealed=True),
            "written_by": _BY,
            "identified_by": _BY,
            "answered_by": _BY,
        },
        not_personal=_ROW
        | {
            "kind", "who", "how", "state", "regimes", "language", "received_at", "identified_at", "promised_at", "due_at",
            "extended_at", "warned", "begun_at", "answered_at", "revoked_at", "outcome", "reason", "result_id", "agent",
            "callback",
        },
        via=("public page", "e-mail", "phone", "post", "counter", "agent", "API"),
    ),
    Held(
        "privacy.RequestStep",
        "contact",
        "keep.requests",
        personal={"by": _BY},
        not_personal=_ROW | {"request", "what", "at", "facts"},
    ),
    Held(
        "privacy.Nomination",
        "contact",
        "keep.requests",
        counted_from={"request_closed": "ended_at"},
        personal={
            "contact": Personal("pd:Identifying", OnErasure.BLANK),
            "nominee": Personal("pd:Identifying", OnErasure.BLANK, sealed=True),
        },
        not_personal=_ROW | {"request", "made_at", "ended_at"},
        via=("public page", "counter"),
    ),
    Held(
        "privacy.RightsAgent",
        "nobody",
        "keep.requests",
        personal={"added_by": _BY},
        not_personal=_ROW | {"agent_id", "name", "verify_key", "web_url", "added_at", "ended_at", "token"},
    ),
    of_nobody("privacy.SeenMessage", "keep.security", "id", "workspace_id", "digest", "expires_at"),
]  # fmt: skip
