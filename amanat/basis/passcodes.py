"""A code sent to an address shows that it is hers: for people who have no account and never will.

Whether anybody here has the address is not told: the request makes a row and a job, and answers, before anybody looks. The job finds who has
the address and sends the code; where nobody has it, it does nothing and no code fits. A code works once, for 15 minutes, and five times wrong ends it; what it opens stays open for 15 minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urljoin
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from amanat.accounts.models import Member, Workspace
from amanat.basis.models import Passcode
from amanat.core import codes, ids, jobs, ledger, limits, phones, tenancy, vault
from amanat.core.limits import Limit
from amanat.people.models import Contact

SEND = "basis.send_code"
LIFE = timedelta(minutes=15)
OPEN_FOR = timedelta(minutes=15)
KEPT = timedelta(days=1)
#: How long the code in a personal link works: it is read when there is time.
LINK_LIFE = timedelta(days=3)
TRIES = Limit(5, LIFE, per="code")
SENDINGS = Limit(5, timedelta(hours=1), per="recipient")


class NoAddress(ValueError):
    """It is neither a phone number nor an e-mail address."""


class TooMany(Exception):
    """Codes were sent, or tried, too often."""


class WrongCode(ValueError):
    """It is not the code that was sent."""


class Over(Exception):
    """The code was used, or its time is over."""


def place(passcode: Passcode) -> str:
    """Where the sealed address lies."""
    return vault.context("basis.Passcode.address", passcode.pk)


def send(*, workspace: Workspace, address: str, at: datetime) -> Passcode:
    """Have a code sent to an address, if a contact of the workspace has it (`deliver`). Raises NoAddress, TooMany."""
    to = normal(address)
    if not limits.spend("passcode", f"{workspace.pk} {to}", SENDINGS).allowed:
        raise TooMany
    passcode = Passcode(id=ids.new(), workspace_id=workspace.pk, sent_at=at, ends_at=at + LIFE)
    passcode.address = vault.seal_text(to, workspace_id=workspace.pk, context=place(passcode))
    with transaction.atomic():
        passcode.save(force_insert=True)
        jobs.enqueue(SEND, workspace=workspace, passcode=str(passcode.pk), language=get_language() or "en")
    return passcode


def deliver(workspace_id: UUID, passcode_id: UUID, *, language: str, at: datetime) -> bool:
    """Send the code that was asked for; returns whether anybody here has the address. Tried again, it sends another code.

    The code is stored before it leaves, in a transaction of its own: no connection is held while a mail server answers.
    """
    with tenancy.inside(workspace_id):
        unopened = Passcode.objects.of(workspace_id).filter(pk=passcode_id, opened_at__isnull=True, ends_at__gt=at)
        passcode = unopened.first()
        to = address_of(passcode) if passcode else ""
        if passcode is None or not people_with(workspace_id, to):
            return False
        code = codes.new()
        unopened.update(code=codes.digest(code, passcode_id, workspace_id=workspace_id))
        who = Workspace.objects.of(workspace_id).get(pk=workspace_id).name
    with translation.override(language):
        body = _("%(code)s is your code for your choices at %(who)s. It works for 15 minutes. Tell it to nobody.")
        codes.deliver(to, subject=_("Your code"), body=body % {"code": code, "who": who})
    return True


def invite(contact: Contact, *, workspace: Workspace, by: Member, at: datetime) -> str:
    """Send a person a link to her own choices with its code; returns the address it went to, masked. Raises NoAddress, TooMany."""
    to, code, passcode = _made(contact, workspace=workspace, at=at, life=LINK_LIFE)
    link = urljoin(settings.BASE_URL, reverse("basis:public_code", args=[workspace.pk, passcode.pk]))
    with transaction.atomic(), translation.override(contact.language or get_language()):
        body = _("See and change what %(who)s may send you: %(link)s Your code is %(code)s. It works for 3 days.")
        codes.deliver(to, subject=_("Your choices"), body=body % {"who": workspace.name, "link": link, "code": code})
        passcode.save(force_insert=True)
        ledger.write("basis.link.sent", workspace=workspace, by=by, about=contact, at=at)
    return "••" + to[-4:]


def ask(
    contact: Contact, *, about: str, workspace: Workspace, body: str, what: str, language: str, at: datetime
) -> tuple[Passcode, str]:
    """Send a person a code by which she confirms an act at the counter; returns it and the address it went to, masked.

    `body` is in her language, with places for %(who)s, %(what)s and %(code)s. The code is of what it is `about` and no address of hers:
    typed on a public page it opens nothing. Raises NoAddress, TooMany, outbox.NotSent.
    """
    to, code, passcode = _made(contact, workspace=workspace, at=at, life=LIFE, about=about)
    with transaction.atomic(), translation.override(language):
        passcode.save(force_insert=True)
        codes.deliver(to, subject=_("Your code"), body=body % {"who": workspace.name, "what": what, "code": code})
    return passcode, "••" + to[-4:]


def _made(
    contact: Contact, *, workspace: Workspace, at: datetime, life: timedelta, about: str = ""
) -> tuple[str, str, Passcode]:
    """Where a code for a person goes, the code, and its row, not saved; it is of her address where it is `about` nothing else."""
    to = contact.main_phone or contact.main_email
    if not to:
        raise NoAddress
    if not limits.spend("passcode", f"{workspace.pk} {to}", SENDINGS).allowed:
        raise TooMany
    code = codes.new()
    passcode = Passcode(id=ids.new(), workspace_id=workspace.pk, sent_at=at, ends_at=at + life)
    passcode.address = vault.seal_text(about or to, workspace_id=workspace.pk, context=place(passcode))
    passcode.code = codes.digest(code, passcode.pk, workspace_id=workspace.pk)
    return to, code, passcode


def open_with(passcode: Passcode, *, code: str, at: datetime) -> None:
    """The right code opens the page, once. Raises Over, TooMany, WrongCode; a wrong try is counted in the open transaction."""
    if passcode.opened_at is not None or at >= passcode.ends_at:
        raise Over
    tries = Limit(TRIES.tries, passcode.ends_at - passcode.sent_at, per=TRIES.per)
    if not limits.spend("passcode try", str(passcode.pk), tries).allowed:
        raise TooMany
    if not codes.is_right(code, passcode.code, passcode.pk, workspace_id=passcode.workspace_id):
        raise WrongCode
    unopened = Passcode.objects.of(passcode.workspace_id).filter(pk=passcode.pk, opened_at__isnull=True)
    if not unopened.update(opened_at=at):
        raise Over


def opened(workspace_id: UUID, passcode_id: UUID, *, at: datetime) -> Passcode | None:
    """The passcode, while what it opened is still open."""
    return (
        Passcode.objects.of(workspace_id).filter(pk=passcode_id, opened_at__lte=at, opened_at__gt=at - OPEN_FOR).first()
    )


def address_of(passcode: Passcode) -> str:
    return vault.open_text(passcode.address, workspace_id=passcode.workspace_id, context=place(passcode))


def people_with(workspace_id: UUID, address: str) -> Sequence[Contact]:
    """The contacts who have an address, not those in the bin; mostly one."""
    reached = {"emails__address": address} if "@" in address else {"phones__number": address}
    return list(Contact.objects.of(workspace_id).alive().filter(**reached).order_by("id").distinct()[:20])


def sweep(workspace_id: UUID, *, at: datetime) -> int:
    """Delete codes a day after they ended; returns how many."""
    return Passcode.objects.of(workspace_id).filter(ends_at__lt=at - KEPT).delete()[0]


def normal(address: str) -> str:
    plain = address.strip().lower()
    if "@" in plain and len(plain) <= 254 and " " not in plain:
        return plain
    number = phones.parse(plain, settings.DEFAULT_REGION)
    if number is None:
        raise NoAddress
    return number
