"""Asking at the counter: the notice is read out, a code goes to the person's own phone, and the code she tells back is her yes.

A code works once, for 15 minutes, and five times wrong ends it. It is stored only as a keyed hash. Who asks cannot confirm without it;
a no needs no code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import cast

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from amanat.accounts.models import Member, Workspace
from amanat.basis import consent, notices, pauses, receipts, rules
from amanat.basis.consent import How
from amanat.basis.models import Asking, ConsentRecord, Method
from amanat.basis.wording import phrase
from amanat.core import codes, ids, ledger, limits
from amanat.core.limits import Limit
from amanat.people.models import Contact

LIFE = timedelta(minutes=15)
TRIES = Limit(5, LIFE, per="question")
SENDINGS = Limit(5, timedelta(hours=1), per="recipient")

type Wanted = tuple[str, str]
"""A purpose and a channel."""


class NothingAsked(ValueError):
    """No purpose was chosen."""


class NoAddress(ValueError):
    """There is neither a phone nor an e-mail address to which a code could go."""


class TooMany(Exception):
    """Codes were sent, or tried, too often."""


class WrongCode(ValueError):
    """It is not the code that was sent."""


class Over(Exception):
    """The question was answered, or its time is over."""


def ask(
    *, contact: Contact, workspace: Workspace, wanted: Sequence[Wanted], language: str, by: Member, at: datetime
) -> Asking:
    """Send the person a code for what is asked. Raises NothingAsked, NoAddress, TooMany, UnknownPurpose, UnknownChannel."""
    if not wanted:
        raise NothingAsked
    in_force = rules.of(workspace.pk)
    for purpose, channel in wanted:
        in_force.check_channel(purpose, channel)
    to = contact.main_phone or contact.main_email
    if not to:
        raise NoAddress
    if not limits.spend("consent code", to, SENDINGS).allowed:
        raise TooMany
    code, identity = codes.new(), ids.new()
    with transaction.atomic():
        notice = notices.show(
            workspace=workspace,
            purposes=sorted({purpose for purpose, _channel in wanted}),
            language=language,
            at=at,
            in_force=in_force,
            wanted=wanted,
        )
        asking = Asking.objects.create(
            id=identity, workspace_id=workspace.pk, contact=contact, notice=notice, wanted=sorted(wanted), sent_to=_masked(to),
            code=codes.digest(code, identity, workspace_id=workspace.pk), asked_at=at, asked_by=by, ends_at=at + LIFE,
        )  # fmt: skip
        ledger.write(
            "basis.consent.asked",
            workspace=workspace,
            by=by,
            about=contact,
            at=at,
            purposes=notice.purposes,
            question=str(identity),
        )
        _send(to, workspace.name, code, [phrase(in_force.policy, one, language) for one in sorted(wanted)], language)
    return asking


def confirm(*, asking: Asking, code: str, by: Member, at: datetime) -> list[ConsentRecord]:
    """The person told the code: her yes, for everything that was asked. Raises Over, TooMany, WrongCode.

    A wrong try is counted in the open transaction: the caller must let it commit.
    """
    if asking.answered_at is not None or at >= asking.ends_at:
        raise Over
    if not limits.spend("consent try", str(asking.pk), TRIES).allowed:
        raise TooMany
    if not codes.is_right(code, asking.code, asking.pk, workspace_id=asking.workspace_id):
        raise WrongCode
    with transaction.atomic():
        contact = _answered(asking, at)
        how = How(Method.COUNTER, by=by, evidence={"question": str(asking.pk)})
        records = [
            record
            for purpose, channels in by_purpose(asking.wanted)
            for record in consent.give(
                contact=contact, purpose=purpose, channels=channels, notice=asking.notice, how=how, at=at
            )
        ]
        pauses.end(contact, how=how, at=at, only={record.purpose for record in records})
        workspace = Workspace.objects.of(asking.workspace_id).get(pk=asking.workspace_id)
        to = contact.main_phone or contact.main_email
        receipts.send(records, to=to, workspace=workspace, language=asking.notice.language)
    return records


def decline(*, asking: Asking, by: Member, at: datetime) -> list[ConsentRecord]:
    """The person said no to everything that was asked. Raises Over when there was an answer before."""
    with transaction.atomic():
        contact = _answered(asking, at)
        how = How(Method.COUNTER, by=by, evidence={"question": str(asking.pk)})
        return [
            record
            for purpose, channels in by_purpose(asking.wanted)
            for record in consent.refuse(
                contact=contact, purpose=purpose, channels=channels, notice=asking.notice, how=how, at=at
            )
        ]


def _answered(asking: Asking, at: datetime) -> Contact:
    """Close the question, once: of two answers at the same time the second is over. Returns whom it was put to."""
    open_one = Asking.objects.of(asking.workspace_id).filter(
        pk=asking.pk, answered_at__isnull=True, contact__isnull=False
    )
    if not open_one.update(answered_at=at):
        raise Over
    return cast(Contact, asking.contact)


def by_purpose(wanted: Iterable[Sequence[str]]) -> list[tuple[str, list[str]]]:
    """Pairs of purpose and channel, by purpose."""
    purposes: dict[str, list[str]] = {}
    for purpose, channel in wanted:
        purposes.setdefault(purpose, []).append(channel)
    return list(purposes.items())


def _masked(address: str) -> str:
    """What stays of an address as proof: "••1736", "••e.in"."""
    return "••" + address[-4:]


def _send(to: str, who: str, code: str, asked: list[str], language: str) -> None:
    with translation.override(language):
        body = _("%(who)s asks whether you agree to: %(what)s. If you do, tell them the code %(code)s. It works for 15 minutes.") % {
            "who": who, "what": "; ".join(asked), "code": code,
        }  # fmt: skip
        codes.deliver(to, subject=_("Your agreement"), body=body)
