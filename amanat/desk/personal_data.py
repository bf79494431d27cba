"""What the desk holds about people, field by field."""

from __future__ import annotations

from amanat.core.personal_data import Held, OnErasure, Personal
from amanat.desk.cases import personal_data as of_cases

HELD = [
    Held(
        model="desk.Service",
        whose="nobody",
        clause="keep.content",
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
        clause="keep.billing",
        counted_from={"issued": "created_at"},
        # On erasure a service with money stays for the books without its person (`desk.books`), one without money goes.
        personal={
            "contact": Personal("pd:Identifying", OnErasure.BLANK),
            "company": Personal("pd:Identifying", OnErasure.BLANK),
            "title": Personal("pd:ServiceConsumptionBehaviour", OnErasure.BLANK),
            "acknowledgement": Personal("pd:OfficialID", OnErasure.BLANK),
            "fee_paise": Personal("pd:Transaction", OnErasure.KEEP),
            "paid_paise": Personal("pd:Transaction", OnErasure.KEEP),
            "balance_paise": Personal("pd:Transaction", OnErasure.KEEP),
            "documents": Personal("pd:OfficialID", OnErasure.BLANK),
            "documents_seen": Personal("pd:OfficialID", OnErasure.BLANK),
            "notes": Personal("dpv:PersonalData", OnErasure.BLANK),
            "custom": Personal("dpv:PersonalData", OnErasure.BLANK),
        },
        not_personal=frozenset(
            [
                "id",
                "workspace_id",
                "number",
                "service",
                "status",
                "quantity",
                "due_on",
                "expires_on",
                "follow_up_on",
                "steps",
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
                "erased_at",
            ]
        ),
        via=("service page", "API", "import"),
    ),
    Held(
        model="desk.Payment",
        whose="contact",
        clause="keep.billing",
        counted_from={"issued": "paid_on"},
        personal={
            "amount_paise": Personal("pd:Transaction", OnErasure.KEEP),
            "method": Personal("pd:Transaction", OnErasure.KEEP),
            "reference": Personal("pd:Transaction", OnErasure.BLANK),
            "cancel_reason": Personal("dpv:PersonalData", OnErasure.BLANK),
        },
        not_personal=frozenset(
            ["id", "workspace_id", "record", "paid_on", "taken_by", "created_at", "cancelled_at", "cancelled_by"]
        ),
        via=("service page", "API"),
    ),
    Held(
        model="desk.Counter",
        whose="nobody",
        clause="keep.content",
        not_personal=frozenset(["id", "workspace_id", "what", "next_number"]),
    ),
    Held(
        model="desk.Task",
        whose="contact",
        clause="keep.content",
        personal={
            "title": Personal("dpv:PersonalData", OnErasure.BLANK),
            "notes": Personal("dpv:PersonalData", OnErasure.BLANK),
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
        clause="keep.content",
        personal={
            "kind": Personal("pd:OfficialID"),
            "contact": Personal("pd:Identifying"),
            "file": Personal("pd:OfficialID", sealed=True),
            "number_sealed": Personal("pd:OfficialID", sealed=True),
            "number_tail": Personal("pd:OfficialID"),
            "note": Personal("dpv:PersonalData"),
        },
        not_personal=frozenset(
            ["id", "workspace_id", "record", "vanishes_on_delivery", "added_by", "added_at", "gone_at", "gone_because"]
        ),
        via=("service page", "papers of a contact"),
    ),
    Held(
        model="desk.PaperOpening",
        whose="member",
        clause="keep.security",
        counted_from={"seen": "at"},
        personal={
            "member": Personal("pd:Identifying", OnErasure.KEEP),
            "reason": Personal("dpv:PersonalData", OnErasure.KEEP),
        },
        not_personal=frozenset(["id", "workspace_id", "paper_id", "at", "what"]),
        via=("paper page",),
    ),
    *of_cases.HELD,
]
