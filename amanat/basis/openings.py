"""Opening a masked value: who, which, why, for a quarter of an hour. The person can be told of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.basis import principals
from amanat.basis.models import Opening
from amanat.core import ledger
from amanat.core.tenancy import HasId, workspace_id_of
from amanat.people import masking
from amanat.people.models import Contact

OPEN_FOR = timedelta(minutes=15)
SHORTEST_WORDS = 5


class NoReason(ValueError):
    """Nobody opens a value without saying why, in words of one's own."""


class NoField(ValueError):
    """There is no such field."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One opening as its person may be told of it."""

    at: datetime
    member_id: UUID
    field: str
    reason: str
    words: str


def open_value(
    *, contact: Contact, name: str, purpose: str, reason: Opening.Reason, words: str, by: Member, at: datetime
) -> Opening:
    """Open a field ("*": everything of a restricted person) for the member until 15 minutes later. Raises NoReason, NoField."""
    said = " ".join(words.split())[:300]
    if len(said) < SHORTEST_WORDS:
        raise NoReason
    own = {f"custom-{key}" for key in contact.custom}
    if name != masking.EVERYTHING and name not in masking.KINDS and name not in own:
        raise NoField(name)
    with transaction.atomic():
        opening = Opening.objects.create(
            workspace_id=contact.workspace_id, contact=contact, by=by, field=name, purpose=purpose, reason=reason, words=said,
            principal=principals.digest(contact.pk, workspace_id=contact.workspace_id), at=at, ends_at=at + OPEN_FOR,
        )  # fmt: skip
        ledger.write(
            "basis.value.opened", workspace=contact.workspace_id, by=by, about=contact, at=at,
            field=name, reason=reason.value, purpose=purpose,
        )  # fmt: skip
    return opening


def in_force(*, member: Member, contact_id: UUID, at: datetime) -> frozenset[str]:
    """The fields of a contact that the member may see for now."""
    found = Opening.objects.of(member.workspace_id).filter(by=member, contact=contact_id, at__lte=at, ends_at__gt=at)
    return frozenset(found.values_list("field", flat=True))


def of(contact: HasId | UUID, *, workspace: HasId | UUID, most: int = 500) -> list[Seen]:
    """Who opened what of a person, the latest first: for the person's copy and for who answers her questions."""
    contact_id = contact if isinstance(contact, UUID) else contact.pk
    rows = Opening.objects.of(workspace_id_of(workspace)).filter(contact=contact_id).order_by("-at", "-id")[:most]
    return [
        Seen(one.at, one.by_id, str(LABELS.get(one.field, one.field.removeprefix("custom-"))), str(Opening.Reason(one.reason).label), one.words)
        for one in rows
    ]  # fmt: skip


#: Fields as the page names them.
LABELS = {
    "phones": _("phones"), "emails": _("e-mails"), "addresses": _("addresses"), "birthday": _("birthday"), "language": _("language"),
    "job_title": _("job title"), "notes": _("notes"), "external_id": _("external id"), masking.EVERYTHING: _("all data of a restricted person"),
}  # fmt: skip
