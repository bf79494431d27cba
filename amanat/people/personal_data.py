"""What people holds about people, field by field."""

from __future__ import annotations

from amanat.core.personal_data import Held, OnErasure, Personal

BLANK = OnErasure.BLANK

#: Columns of every row, and of every record, that say nothing about the person.
_ROW = frozenset({"id", "workspace_id"})
_RECORD = _ROW | {
    "team", "tag_ids", "source", "source_detail", "created_at", "updated_at", "deleted_at", "import_run",
}  # fmt: skip
_MEMBERS = {name: Personal("pd:WorkHistory", OnErasure.KEEP) for name in ("owner", "created_by", "deleted_by")}
_REACH = _ROW | {"label", "position", "source", "verified_at", "created_at"}
_HOLDERS = {"contact": Personal("pd:Identifying"), "company": Personal("pd:Professional")}

_RECORD_DATA = {
    "name": Personal("pd:Name"),
    "sort_name": Personal("pd:Name"),
    "external_id": Personal("pd:Identifying", BLANK),
    "notes": Personal("dpv:PersonalData", BLANK),
    "follow_up_on": Personal("pd:Interaction", BLANK),
    "last_contact_at": Personal("pd:Interaction", BLANK),
    "custom": Personal("dpv:PersonalData", BLANK),
    **_MEMBERS,
}

HELD = [
    Held("people.Stage", "nobody", "keep.content", not_personal=_ROW | {"key", "name", "position", "is_closed"}),
    Held("people.Tag", "nobody", "keep.content", not_personal=_ROW | {"key", "name"}),
    Held(
        "people.Company",
        "contact",
        "keep.content",
        personal=_RECORD_DATA
        | {
            "gstin": Personal("pd:OfficialID", BLANK),
            "website": Personal("pd:Contact", BLANK),
            "industry": Personal("pd:Professional", BLANK),
        },
        not_personal=_RECORD,
        via=("form", "file", "api"),
    ),
    Held(
        "people.Contact",
        "contact",
        "keep.content",
        personal=_RECORD_DATA
        | {
            "company": Personal("pd:Professional", BLANK),
            "job_title": Personal("pd:Job", BLANK),
            "stage": Personal("pd:Interaction", BLANK),
            "language": Personal("pd:Language", BLANK),
            "birthday": Personal("pd:BirthDate", BLANK),
            "main_phone": Personal("pd:TelephoneNumber", BLANK),
            "main_email": Personal("pd:EmailAddress", BLANK),
        },
        not_personal=_RECORD,
        via=("form", "file", "api", "person"),
        counted_from={"last_interaction": "last_contact_at"},
    ),
    Held(
        "people.Phone",
        "contact",
        "keep.content",
        personal=_HOLDERS
        | {name: Personal("pd:TelephoneNumber") for name in ("number", "extension")}
        | {"is_whatsapp": Personal("pd:SocialMediaCommunication")},
        not_personal=_REACH,
        via=("form", "file", "api", "person"),
    ),
    Held(
        "people.Email",
        "contact",
        "keep.content",
        personal=_HOLDERS | {"address": Personal("pd:EmailAddress")},
        not_personal=_REACH,
        via=("form", "file", "api", "person"),
    ),
    Held(
        "people.Address",
        "contact",
        "keep.content",
        personal=_HOLDERS
        | {
            name: Personal("pd:PhysicalAddress")
            for name in ("street", "locality", "city", "district", "state", "postal_code", "country")
        },
        not_personal=_REACH,
        via=("form", "file", "api", "person"),
    ),
    Held(
        "people.CustomField",
        "nobody",
        "keep.content",
        not_personal=_ROW
        | {
            "on",
            "key",
            "label",
            "kind",
            "choices",
            "help_text",
            "is_required",
            "personal_kind",
            "position",
            "created_at",
            "retired_at",
        },
    ),
    Held(
        "people.SavedView",
        "member",
        "keep.content",
        # Filters may name a town or a company; the view belongs to whoever wrote it.
        personal={
            "member": Personal("pd:Identifying"),
            "name": Personal("pd:Preference"),
            "definition": Personal("pd:Preference"),
        },
        not_personal=_ROW | {"on", "is_shared", "position", "created_at"},
    ),
    Held(
        "people.Interaction",
        "contact",
        "keep.content",
        personal=_HOLDERS
        | {
            "happened_at": Personal("pd:Interaction"),
            "summary": Personal("pd:Interaction"),
            "body": Personal("pd:Communication"),
            "data": Personal("pd:Interaction"),
            "actor": Personal("pd:WorkHistory", OnErasure.KEEP),
        },
        not_personal=_ROW | {"kind", "reference_kind", "reference_id"},
        via=("form", "file", "api"),
    ),
    Held(
        "people.Attachment",
        "contact",
        "keep.content",
        personal=_HOLDERS
        | {
            "file": Personal("pd:PersonalDocuments"),
            "name": Personal("pd:PersonalDocuments"),
            "added_by": Personal("pd:WorkHistory", OnErasure.KEEP),
        },
        not_personal=_ROW | {"added_at"},
        via=("form",),
    ),
    Held(
        "people.SearchEntry",
        "contact",
        "keep.content",
        personal={"text": Personal("pd:Name"), "digits": Personal("pd:TelephoneNumber")},
        not_personal=_ROW | {"kind", "owner_id", "team_id"},
    ),
    Held(
        "people.ImportRun",
        "contact",
        "keep.content",
        personal={
            "file": Personal("dpv:PersonalData"),
            "file_name": Personal("dpv:PersonalData", BLANK),
            "mapping": Personal("dpv:PersonalData", BLANK),
            "created_by": Personal("pd:WorkHistory", OnErasure.KEEP),
        },
        not_personal=_ROW
        | {
            "state",
            "options",
            "total",
            "position",
            "created",
            "updated",
            "unchanged",
            "skipped",
            "failed",
            "problem",
            "stop_requested_at",
            "created_at",
            "started_at",
            "ended_at",
            "undone_at",
        },
        via=("file",),
    ),
    Held(
        "people.ImportProblem",
        "contact",
        "keep.working",
        personal={"values": Personal("dpv:PersonalData"), "reasons": Personal("dpv:PersonalData")},
        not_personal=_ROW | {"run", "row_number", "is_failure"},
        via=("file",),
        counted_from={"made": "run__created_at"},
    ),
    Held(
        "people.ImportChange",
        "contact",
        "keep.working",
        personal={
            "before": Personal("dpv:PersonalData"),
            "after": Personal("dpv:PersonalData"),
            "record_id": Personal("pd:Identifying"),
        },
        not_personal=_ROW | {"run", "record_kind"},
        counted_from={"made": "run__created_at"},
    ),
    Held(
        "people.Merge",
        "contact",
        "keep.content",
        personal={
            "before": Personal("dpv:PersonalData"),
            "kept_id": Personal("pd:Identifying"),
            "gone_id": Personal("pd:Identifying"),
            "merged_by": Personal("pd:WorkHistory", OnErasure.KEEP),
        },
        not_personal=_ROW | {"kind", "merged_at", "undone_at"},
    ),
    Held(
        "people.NotDuplicate",
        "contact",
        "keep.content",
        personal={
            "first_id": Personal("pd:Identifying"),
            "second_id": Personal("pd:Identifying"),
            "by": Personal("pd:WorkHistory", OnErasure.KEEP),
        },
        not_personal=_ROW | {"at"},
    ),
    Held(
        "people.LikelyDuplicate",
        "contact",
        "keep.content",
        personal={"first_id": Personal("pd:Identifying"), "second_id": Personal("pd:Identifying")},
        not_personal=_ROW | {"reasons", "score", "found_at"},
    ),
    Held(
        "people.ExportRun",
        "contact",
        "keep.working",
        personal={
            "file": Personal("dpv:PersonalData"),
            "definition": Personal("pd:Preference"),
            "created_by": Personal("pd:WorkHistory", OnErasure.KEEP),
        },
        not_personal=_ROW
        | {"scope", "format", "state", "total", "position", "problem", "created_at", "ended_at", "taken_at"},
        counted_from={"made": "created_at"},
    ),
]
