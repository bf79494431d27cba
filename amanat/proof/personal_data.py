"""What proof holds about people, field by field."""

from __future__ import annotations

from amanat.core.personal_data import Held, OnErasure, Personal, of_nobody

_FINDING = ("id", "probe", "at", "outcome", "said", "facts", "took_ms")

HELD: list[Held] = [
    # Figures only: a probe that puts a name or number of a person into its facts breaks the rule of `policy.probing`.
    of_nobody(
        "proof.Evidence", "keep.evidence", *_FINDING, "workspace_id", "number", "policy_number", "previous", "digest"
    ),
    of_nobody(
        "proof.EvidenceGap", "keep.evidence", "id", "workspace_id", "first", "last", "previous", "digest", "made_at"
    ),
    of_nobody(
        "proof.Round", "keep.evidence", "id", "workspace_id", "due_at", "number", "digest", "published_at", "thinned_at"
    ),
    of_nobody("proof.InstallationFinding", "keep.evidence", *_FINDING, "rules_digest"),
    Held(
        model="proof.Attestation",
        whose="member",
        clause="keep.evidence",
        # Who vouched for it is the proof itself, and is kept as long as the proof.
        personal={
            "by": Personal("pd:Identifying", OnErasure.KEEP),
            "role": Personal("pd:Job", OnErasure.KEEP),
            "statement": Personal("pd:Communication", OnErasure.KEEP),
        },
        not_personal=frozenset(
            [
                "id",
                "workspace_id",
                "subject",
                "file",
                "file_sha256",
                "attested_at",
                "done_on",
                "valid_to",
                "policy_number",
                "digest",
            ]
        ),
        via=("attestations",),
    ),
]
