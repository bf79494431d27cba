"""Handing a copy to the person: a link to it by one way and a one-time code by another.

The code works once, five times wrong ends it, and it lives no longer than the archive. Only a keyed hash of it is kept.
Both leave before the commit: a link that does not leave changes nothing, so that a code given before goes on to work, and a code that
does not leave is told to the member, for the person has the link by then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from amanat.accounts.models import Member, Workspace
from amanat.core import codes, ledger, outbox
from amanat.people.models import Contact
from amanat.privacy.copies import making
from amanat.privacy.copies.making import Handed, NoSuchCopy
from amanat.privacy.copies.models import PersonCopy

MOST_TRIES = 5
LIFE = timedelta(days=3)


class NoAddress(ValueError):
    """There is neither a phone nor an e-mail address on the record, so the link cannot be sent."""


class WrongCode(ValueError):
    """It is not the code, or it does not work any more. Which is not told."""


@dataclass(frozen=True, slots=True)
class Given:
    """The link was sent; `code` is for the member to tell when it could not be sent by a second way, else "" ."""

    url: str
    code: str


def give(
    *, copy: PersonCopy, workspace: Workspace, base_url: str, by: Member, at: datetime, has_nobody_to_tell: bool = False
) -> Given:
    """Send the person the link, and the code by her other address where she has two. Raises NoSuchCopy, NoAddress, and NotSent
    when the link did not leave.

    With `has_nobody_to_tell` there is no member who could say the code to her: of one address alone it goes there as well, as a code
    of the public page does.
    """
    if (
        copy.state != PersonCopy.State.DONE
        or copy.expires_at is None
        or copy.expires_at <= at
        or copy.contact_id is None
    ):
        raise NoSuchCopy
    contact = Contact.objects.of(workspace).get(pk=copy.contact_id)
    addresses = [one for one in (contact.main_email, contact.main_phone) if one]
    if not addresses:
        raise NoAddress
    code = codes.new()
    url = base_url.rstrip("/") + reverse("privacy:copy_public", args=[workspace.pk, copy.pk])
    with transaction.atomic(), translation.override(copy.language):
        PersonCopy.objects.of(workspace).filter(pk=copy.pk).update(
            code=codes.digest(code, copy.pk, workspace_id=workspace.pk),
            code_ends_at=min(at + LIFE, copy.expires_at),
            code_tries=0,
        )
        ledger.write(
            "privacy.copy.given",
            workspace=workspace,
            by=by,
            about=contact,
            at=at,
            copy=str(copy.pk),
            ways=len(addresses),
        )
        subject = _("Your data at %(workspace)s") % {"workspace": workspace.name}
        body = _(
            "The copy of your data is ready. Open this page and type the code that comes to you by another way:\n%(url)s"
        ) % {"url": url}
        codes.deliver(addresses[0], subject=subject, body=body)
        told = _("%(code)s is the code for the copy of your data at %(workspace)s. It works once.") % {
            "code": code,
            "workspace": workspace.name,
        }
        ways = addresses[1:] or (addresses if has_nobody_to_tell else [])
        is_sent = bool(ways) and _is_delivered(ways[0], subject, told)
    return Given(url, "" if is_sent else code)


def _is_delivered(to: str, subject: str, body: str) -> bool:
    try:
        codes.deliver(to, subject=subject, body=body)
    except outbox.NotSent:
        return False
    return True


def take(*, copy_id: UUID, workspace_id: UUID, typed: str, at: datetime) -> Handed:
    """The archive for whoever has the code. Raises WrongCode; the try is counted, so the caller must not roll back."""
    copy = PersonCopy.objects.of(workspace_id).select_for_update(of=("self",)).filter(pk=copy_id).first()
    if (
        copy is None
        or copy.code is None
        or copy.code_ends_at is None
        or copy.code_ends_at <= at
        or copy.code_tries >= MOST_TRIES
    ):
        raise WrongCode
    row = PersonCopy.objects.of(workspace_id).filter(pk=copy_id)
    if not codes.is_right(typed, copy.code, copy.pk, workspace_id=workspace_id):
        row.update(code_tries=F("code_tries") + 1)
        raise WrongCode
    row.update(code=None)
    try:
        return making.open_for_person(copy_id, workspace_id, at=at)
    except NoSuchCopy:
        raise WrongCode from None


__all__ = ["LIFE", "MOST_TRIES", "Given", "NoAddress", "WrongCode", "give", "take"]
