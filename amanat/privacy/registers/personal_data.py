"""What these tables hold about people, field by field."""

from __future__ import annotations

from amanat.core.personal_data import Held, OnErasure, Personal, of_nobody

_ROW = frozenset({"id", "workspace_id"})
_MEMBER = Personal("pd:WorkHistory", OnErasure.KEEP)

HELD: list[Held] = [
    Held(
        "privacy.Contract",
        "member",
        "keep.evidence",
        personal={"added_by": _MEMBER},
        not_personal=_ROW
        | {"recipient", "party", "country", "safeguard", "signed_on", "until", "file", "added_at", "ended_at"},
        via=("form",),
        counted_from={"relied_on_end": "ended_at"},
    ),
    # What was given to whom by which law is proof that outlives the person; who it was about does not.
    Held(
        "privacy.AuthorityDisclosure",
        "contact",
        "keep.evidence",
        personal={
            "contact": Personal("pd:Identifying", OnErasure.BLANK),
            "wanted": Personal("dpv:PersonalData", OnErasure.BLANK),
            "given": Personal("dpv:PersonalData", OnErasure.BLANK),
            "asked_by": _MEMBER,
            "given_by": _MEMBER,
            "refused_by": _MEMBER,
        },
        not_personal=_ROW | {"authority", "law", "reference", "asked_at", "given_at", "refused_at", "refused_because"},
        via=("form",),
        counted_from={"relied_on_end": "asked_at"},
    ),
    Held(
        "privacy.AuthorityApproval",
        "member",
        "keep.evidence",
        personal={"member": _MEMBER},
        not_personal=_ROW | {"disclosure", "at"},
    ),
    # That data went to a partner is proof that outlives the person; who it was does not.
    Held(
        "privacy.Handover",
        "member",
        "keep.evidence",
        personal={"prepared_by": _MEMBER, "taken_by": _MEMBER},
        not_personal=_ROW
        | {
            "recipient",
            "party",
            "why",
            "fields",
            "format",
            "policy_version",
            "prepared_at",
            "expires_at",
            "taken_at",
        },
        via=("form",),
        counted_from={"relied_on_end": "prepared_at"},
    ),
    Held(
        "privacy.HandoverPerson",
        "contact",
        "keep.evidence",
        personal={
            "contact": Personal("pd:Identifying", OnErasure.BLANK),
            "told_by": _MEMBER,
            "answer": Personal("dpv:PersonalData", OnErasure.BLANK),
        },
        not_personal=_ROW | {"handover", "is_allowed", "reason", "given_at", "ended_at", "told_at"},
    ),
    Held(
        "privacy.Training",
        "member",
        "keep.evidence",
        personal={"member": _MEMBER, "recorded_by": _MEMBER},
        not_personal=_ROW | {"topic", "done_on", "recorded_at"},
        via=("form",),
        counted_from={"relied_on_end": "done_on"},
    ),
    Held(
        "privacy.Residency",
        "member",
        "keep.content",
        personal={"pinned_by": _MEMBER},
        not_personal=_ROW | {"region", "pinned_at"},
    ),
    of_nobody(
        "privacy.Traffic",
        "keep.evidence",
        "id",
        "recipient",
        "host",
        "on",
        "slot",
        "was_refused",
        "requests",
        "sent_bytes",
    ),
]
