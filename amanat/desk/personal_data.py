"""What the desk holds about people, field by field."""

from __future__ import annotations

from amanat.core.personal_data import Held, OnErasure, Personal

HELD = [
    Held(
        model="desk.Service",
        whose="nobody",
        clause="retention.workspace",
        not_personal=frozenset(
            [
                "id",
                "workspace_id",
                "key",
                "name",
                "names",
                "category",
                "fee_paise",
                "documents",
                "steps",
                "usual_days",
                "validity_months",
                "remind_days_before",
                "papers_vanish",
                "is_active",
                "position",
                "created_at",
            ]
        ),
    ),
    Held(
        model="desk.ServiceRecord",
        whose="contact",
        clause="retention.services",
        personal={
            "contact": Personal("pd:Identifying"),
            "title": Personal("pd:ServiceConsumptionBehavior"),
            "acknowledgement": Personal("pd:OfficialID"),
            "fee_paise": Personal("pd:Transaction"),
            "paid_paise": Personal("pd:Transaction"),
            "balance_paise": Personal("pd:Transaction"),
            "documents_seen": Personal("pd:OfficialID"),
            "notes": Personal("pd:PersonalData", OnErasure.BLANK),
            "custom": Personal("pd:PersonalData", OnErasure.BLANK),
        },
        not_personal=frozenset(
            [
                "id",
                "workspace_id",
                "number",
                "company",
                "service",
                "status",
                "quantity",
                "due_on",
                "expires_on",
                "follow_up_on",
                "steps",
                "documents",
                "steps_done",
                "owner",
                "papers_vanish",
                "repeats",
                "created_at",
                "created_by",
                "updated_at",
                "delivered_at",
                "deleted_at",
                "deleted_by",
            ]
        ),
        via=("service page", "API", "import"),
    ),
    Held(
        model="desk.Payment",
        whose="contact",
        clause="retention.accounts",
        personal={
            "amount_paise": Personal("pd:Transaction", OnErasure.KEEP),
            "method": Personal("pd:PaymentCard", OnErasure.KEEP),
            "reference": Personal("pd:Transaction", OnErasure.BLANK),
            "cancel_reason": Personal("pd:PersonalData", OnErasure.BLANK),
        },
        not_personal=frozenset(
            ["id", "workspace_id", "record", "paid_on", "taken_by", "created_at", "cancelled_at", "cancelled_by"]
        ),
        via=("service page", "API"),
    ),
    Held(
        model="desk.Counter",
        whose="nobody",
        clause="retention.workspace",
        not_personal=frozenset(["id", "workspace_id", "what", "next_number"]),
    ),
    Held(
        model="desk.Task",
        whose="contact",
        clause="retention.services",
        personal={
            "title": Personal("pd:PersonalData", OnErasure.BLANK),
            "notes": Personal("pd:PersonalData", OnErasure.BLANK),
            "contact": Personal("pd:Identifying"),
        },
        not_personal=frozenset(
            [
                "id",
                "workspace_id",
                "kind",
                "company",
                "record",
                "assignee",
                "due_on",
                "due_time",
                "first_due_on",
                "repeat",
                "series_id",
                "series_start_on",
                "occurrence",
                "created_by",
                "created_at",
                "done_at",
                "done_by",
                "cancelled_at",
            ]
        ),
        via=("task page", "API"),
    ),
    Held(
        model="desk.Paper",
        whose="contact",
        clause="retention.papers",
        personal={
            "kind": Personal("pd:OfficialID"),
            "contact": Personal("pd:Identifying"),
            "file": Personal("pd:OfficialID", sealed=True),
            "number_sealed": Personal("pd:OfficialID", sealed=True),
            "number_tail": Personal("pd:OfficialID"),
            "note": Personal("pd:PersonalData"),
        },
        not_personal=frozenset(
            ["id", "workspace_id", "record", "vanishes_on_delivery", "added_by", "added_at", "gone_at", "gone_because"]
        ),
        via=("service page", "papers of a contact"),
    ),
    Held(
        model="desk.PaperOpening",
        whose="member",
        clause="retention.ledger",
        personal={
            "member": Personal("pd:Identifying", OnErasure.KEEP),
            "reason": Personal("pd:PersonalData", OnErasure.KEEP),
        },
        not_personal=frozenset(["id", "workspace_id", "paper_id", "at", "what"]),
        via=("paper page",),
    ),
]
