"""Whether the addresses that a policy publishes are really read: a code goes there by mail, and whoever reads it types it in here.

That an address is well formed says nothing about mail sent to it. A confirmation lasts half a year, because mailboxes are given up; after
that the promise is due again, and a changed address begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.core import codes, ids, ledger, limits
from amanat.core.limits import Limit
from amanat.policy.format import Policy
from amanat.publishing.models import AddressCheck

LIFE = timedelta(hours=24)
COUNTS_FOR = timedelta(days=182)
#: So long before its end a confirmation is asked for again.
ASKED_AGAIN = timedelta(days=14)
SENDINGS = Limit(5, timedelta(hours=1), per="address")
TRIES = Limit(5, LIFE, per="code")


class NotPublished(ValueError):
    """The policy in force names no such address."""


class TooMany(Exception):
    """Codes were sent, or tried, too often."""


class WrongCode(ValueError):
    """It is not the code that was sent, or its time is over."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One published address. `confirmed_at` is the last time; `waits` says that a code was sent that may still be typed in."""

    address: str
    confirmed_at: datetime | None
    waits: bool

    def counts_until(self) -> datetime | None:
        return self.confirmed_at + COUNTS_FOR if self.confirmed_at else None

    def counts(self, at: datetime) -> bool:
        until = self.counts_until()
        return until is not None and at < until

    def is_asked(self, at: datetime) -> bool:
        """Whether it is time to confirm it, for the first time or anew."""
        until = self.counts_until()
        return until is None or at >= until - ASKED_AGAIN


def published(policy: Policy) -> list[str]:
    """The addresses that people are told to write to, each once, in lower case."""
    named = (policy.parties.contact.email, policy.parties.officer.email)
    return list(dict.fromkeys(one.strip().lower() for one in named if "@" in one))


def standing(policy: Policy, *, workspace_id: UUID, at: datetime) -> list[Standing]:
    """Each published address as it stands at a moment, in their order; one statement."""
    wanted = published(policy)
    rows = AddressCheck.objects.of(workspace_id).filter(address__in=wanted, sent_at__lte=at)
    confirmed = dict(
        rows.filter(confirmed_at__lte=at)
        .values_list("address")
        .annotate(last=Max("confirmed_at"))
        .values_list("address", "last")
    )
    waiting = set(rows.filter(confirmed_at__isnull=True, ends_at__gt=at).values_list("address", flat=True))
    return [Standing(one, confirmed.get(one), one in waiting) for one in wanted]


def ask(address: str, *, policy: Policy, by: Member, who: str, at: datetime) -> AddressCheck:
    """Send a code to an address that `policy` publishes; `who` is the operator's name. Raises NotPublished, TooMany, OSError."""
    here, to = by.workspace_id, address.strip().lower()
    if to not in published(policy):
        raise NotPublished(address)
    if not limits.spend("published address", f"{here} {to}", SENDINGS).allowed:
        raise TooMany
    check = AddressCheck(id=ids.new(), workspace_id=here, address=to, sent_at=at, ends_at=at + LIFE, sent_by=by)
    code = codes.new()
    check.code = codes.digest(code, check.pk, workspace_id=here)
    body = _(
        "%(who)s names this address in its privacy policy. %(code)s is the code that shows that mail to it arrives. "
        "Type it in under Policy, Published addresses. It works for a day."
    )
    with transaction.atomic():
        check.save(force_insert=True)
        ledger.write("publishing.address.asked", workspace=here, by=by, about=check, at=at)
        codes.deliver(to, subject=_("Does mail to this address arrive?"), body=body % {"who": who, "code": code})
    return check


def confirm(address: str, *, code: str, by: Member, at: datetime) -> AddressCheck:
    """The code of the newest mail to the address was typed in. Raises TooMany, WrongCode; a wrong try is counted."""
    here, to = by.workspace_id, address.strip().lower()
    open_ones = AddressCheck.objects.of(here).filter(address=to, confirmed_at__isnull=True, ends_at__gt=at)
    check = open_ones.select_for_update(of=("self",)).order_by("-sent_at", "-id").first()
    if check is None:
        raise WrongCode
    if not limits.spend("published address try", str(check.pk), TRIES).allowed:
        raise TooMany
    if not codes.is_right(code, check.code, check.pk, workspace_id=here):
        raise WrongCode
    check.confirmed_at, check.confirmed_by = at, by
    check.save(update_fields=["confirmed_at", "confirmed_by"])
    ledger.write("publishing.address.confirmed", workspace=here, by=by, about=check, at=at)
    return check


__all__ = [
    "ASKED_AGAIN",
    "COUNTS_FOR",
    "NotPublished",
    "Standing",
    "TooMany",
    "WrongCode",
    "ask",
    "confirm",
    "published",
    "standing",
]
