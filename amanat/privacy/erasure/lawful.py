"""What the law says about erasing: who is held back, what the vault takes first, and why some rows stay without the person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from amanat.core import ledger_words
from amanat.core.personal_data import Held, OnErasure
from amanat.privacy.retention import holds
from amanat.privacy.vault import sealing

#: Why rows of a table stay without the person: for the page before and the certificate after.
WHY: dict[str, str | Promise] = {
    "desk.ServiceRecord": _(
        "the books: number, service, amounts and days (CGST Act section 36, Companies Act section 128)"
    ),
    "desk.Payment": _("the books: amounts and days of money taken (CGST Act section 36, Companies Act section 128)"),
    "basis": _(
        "proof of what the person allowed and refused, without the person (DPDP Act section 6(10), GDPR article 7(1))"
    ),
    "privacy.AffectedPerson": _("the register of breaches: that somebody was told, without whom (GDPR article 33(5))"),
    "privacy.LegalHold": _("proof of what was held back and why, without the person (GDPR article 5(2))"),
    "privacy": _("proof that the request was answered, without the person (GDPR article 5(2))"),
}
#: What rows are called when they are counted for people.
NAMES: dict[str, str | Promise] = {
    "people.Contact": _("person"), "people.Phone": _("phone numbers"), "people.Email": _("e-mail addresses"),
    "people.Address": _("addresses"), "people.Interaction": _("lines of the timeline"), "people.Attachment": _("attachments"),
    "people.SearchEntry": _("entries of the search"), "people.Merge": _("notes of merges"), "people.NotDuplicate": _("notes about duplicates"),
    "people.LikelyDuplicate": _("notes about duplicates"), "people.ImportChange": _("notes of imports"),
    "people.ImportProblem": _("rows of files that were not taken"), "people.ExportRun": _("files of exports"),
    "people.ImportRun": _("files of imports"), "core.StoredFile": _("files"), "core.IdempotentAnswer": _("answers kept for programs"),
    "core.LocalMessage": _("messages that were not sent"), "procrastinate_jobs": _("waiting jobs"), "desk.ServiceRecord": _("services"),
    "desk.Payment": _("payments"), "desk.Task": _("tasks"), "desk.SupportCase": _("support cases"), "desk.Paper": _("papers"), "basis.ConsentRecord": _("consents"),
    "basis.Decision": _("decisions of the gate"), "basis.Restriction": _("restrictions"), "basis.Objection": _("objections"),
}  # fmt: skip
_SHARED = _("shared with a company or another person, who keeps it without this one")


def why(label: str) -> str:
    """Why rows of a table stay."""
    return str(WHY.get(label) or WHY.get(label.split(".", maxsplit=1)[0]) or _SHARED)


def named(label: str) -> str:
    """The rows of a table, in words."""
    if label in NAMES:
        return str(NAMES[label])
    return str(ledger_words.table(apps.get_model(label))) if "." in label else label


def goes_whole(declared: Held) -> bool:
    """Whether a row of the table says nothing once the person is gone, as its declaration says."""
    return declared.whose == "contact" and any(
        one.on_erasure == OnErasure.DELETE_ROW for one in declared.personal.values()
    )


def held_back(contact_ids: Collection[UUID], *, workspace_id: UUID, at: datetime) -> list[UUID]:
    """Contacts whom a legal hold protects at the moment."""
    return list(holds.in_the_way(contact_ids, workspace_id=workspace_id, at=at))


def sealed(
    contact_ids: Collection[UUID], *, workspace_id: UUID, at: datetime, erasure_id: UUID
) -> list[dict[str, Any]]:
    """Let the vault take what a law makes us keep longer than we promised; how many records it took, by law and last day."""
    taken = sealing.seal_before_erasure(contact_ids, workspace_id=workspace_id, at=at, erasure_id=erasure_id)
    counts = Counter((one.law, one.source, one.ends_on.isoformat()) for one in taken)
    return [
        {"law": law, "source": source, "until": until, "count": n} for (law, source, until), n in sorted(counts.items())
    ]
