"""What basis holds about people, field by field. Acts are proof: an erasure takes the person off them and keeps the rest."""

from __future__ import annotations

from amanat.core.personal_data import Held, OnErasure, Personal

_ROW = frozenset({"id", "workspace_id"})
_ACT = _ROW | {"at", "method"}
_WHO = {
    "contact": Personal("pd:Identifying", OnErasure.BLANK),
    "principal": Personal("pd:UID", OnErasure.KEEP),
    "by": Personal("pd:WorkHistory", OnErasure.KEEP),
}
_CHOICE = Personal("pd:PrivacyPreference", OnErasure.KEEP)

HELD = [
    Held(
        "basis.Notice",
        "nobody",
        "keep.evidence",
        not_personal=_ROW | {"purposes", "policy_version", "language", "text", "digest", "made_at"},
    ),
    Held(
        "basis.Telling",
        "nobody",
        "keep.evidence",
        not_personal=_ROW | {"version", "after", "due_at", "told", "passed_over", "tries", "done_at"},
    ),
    Held(
        "basis.ConsentRecord",
        "contact",
        "keep.evidence",
        personal=_WHO | {"what": _CHOICE, "purpose": _CHOICE, "channel": _CHOICE},
        not_personal=_ACT | {"notice", "guardianship", "until", "evidence"},
        via=("counter", "link", "form", "file", "api", "message", "phone", "post"),
    ),
    Held(
        "basis.Guardianship",
        "contact",
        "keep.evidence",
        personal=_WHO
        | {
            "guardian": Personal("pd:Identifying", OnErasure.BLANK),
            "guardian_principal": Personal("pd:UID", OnErasure.KEEP),
            "what": _CHOICE,
            "verified_by": _CHOICE,
        },
        not_personal=_ACT | {"evidence"},
        via=("counter",),
    ),
    Held(
        "basis.Opening",
        "contact",
        "keep.evidence",
        personal={
            "contact": _WHO["contact"],
            "principal": _WHO["principal"],
            "by": _WHO["by"],
            "words": Personal("pd:WorkHistory", OnErasure.KEEP),
        },
        not_personal=_ROW | {"field", "purpose", "reason", "at", "ends_at"},
    ),
    Held(
        "basis.Withholding",
        "member",
        "keep.evidence",
        personal={"by": _WHO["by"]},
        not_personal=_ROW | {"purpose", "field", "policy_version", "on", "at"},
    ),
    Held(
        "basis.PublicForm",
        "nobody",
        "keep.content",
        personal={"made_by": Personal("pd:WorkHistory", OnErasure.KEEP)},
        not_personal=_ROW | {"title", "wanted", "made_at", "closed_at"},
    ),
    Held(
        "basis.Submission",
        "contact",
        "keep.working",
        counted_from={"made": "sent_at"},
        personal={
            "given": Personal("pd:Contact", sealed=True),
            "code": Personal("pd:Authenticating", sealed=True),
        },
        not_personal=_ROW | {"form", "notice", "wanted", "sent_at", "ends_at", "answered_at"},
        via=("form",),
    ),
    Held(
        "basis.Objection",
        "contact",
        "keep.evidence",
        personal=_WHO | {"what": _CHOICE, "purpose": _CHOICE},
        not_personal=_ACT | {"until_yes", "evidence"},
        via=("counter", "link", "form", "message", "phone", "post"),
    ),
    Held(
        "basis.Restriction",
        "contact",
        "keep.evidence",
        personal=_WHO | {"what": _CHOICE, "ground": _CHOICE},
        not_personal=_ACT,
        via=("counter", "link", "form", "message", "phone", "post"),
    ),
    Held(
        "basis.Suppression",
        "contact",
        "keep.evidence",
        personal={"digest": Personal("pd:UID", OnErasure.KEEP), "reason": _CHOICE},
        not_personal=_ROW | {"purpose", "channel", "what", "at"},
        via=("counter", "link", "form", "message", "phone", "post"),
    ),
    Held(
        "basis.Asking",
        "contact",
        "keep.evidence",
        personal={
            "contact": _WHO["contact"],
            "asked_by": _WHO["by"],
            "sent_to": Personal("pd:TelephoneNumber", OnErasure.KEEP),
            "code": Personal("pd:Authenticating", OnErasure.KEEP, sealed=True),
        },
        not_personal=_ROW | {"notice", "wanted", "asked_at", "ends_at", "answered_at"},
        via=("counter",),
    ),
    Held(
        "basis.Passcode",
        "contact",
        "keep.working",
        personal={
            "address": Personal("pd:Contact", sealed=True),
            "code": Personal("pd:Authenticating", sealed=True),
        },
        not_personal=_ROW | {"sent_at", "ends_at", "opened_at"},
        via=("person",),
        counted_from={"made": "sent_at"},
    ),
    Held(
        "basis.Decision",
        "contact",
        "keep.evidence",
        personal={"contact": _WHO["contact"], "is_allowed": _CHOICE, "reason": _CHOICE},
        not_personal=_ROW | {"purpose", "channel", "at", "rule", "policy_version", "what"},
    ),
]
