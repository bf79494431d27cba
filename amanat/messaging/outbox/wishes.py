"""What a person wants of us, carried out at once: no more messages, messages again, or a pause until somebody has asked.

A wish holds for every channel that reaches the address it came from: who stops WhatsApp does not want the same by SMS. It concerns what
people are asked for (reminders, offers); what the service itself needs goes on, as the policy says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from amanat.basis import consent, hours, objections, pauses, rules, suppression
from amanat.basis.consent import How
from amanat.basis.models import ConsentRecord, Method, Suppression
from amanat.messaging.channels.contract import Preference
from amanat.messaging.channels.models import ChannelAccount
from amanat.people.models import Contact

type Pair = tuple[str, str]  #: purpose and channel


def stop(contact: Contact, *, channel: str, address: str, at: datetime, evidence: str = "") -> bool:
    """She wants no more of what she was asked for. Returns whether that was news."""
    return _withdraw(contact, _asked(contact.workspace_id, channel), address, at, evidence)


def resume(contact: Contact, *, channel: str, at: datetime, evidence: str = "") -> bool:
    """She takes back a stop of hers. Only what she had agreed to before comes back, with the notice she was shown. Returns whether anything did."""
    return _give(contact, _asked(contact.workspace_id, channel), at, evidence) | pauses.end(
        contact, how=How(Method.MESSAGE), at=at
    )


def hold(contact: Contact, *, channel: str, at: datetime) -> bool:
    """She may not want more: nothing that she was asked for is sent until somebody has asked her. Returns whether that was news."""
    standing = objections.closed(contact, at=at)
    purposes = sorted({purpose for purpose, _channel in _asked(contact.workspace_id, channel)} - standing)
    for purpose in purposes:
        objections.make(contact=contact, how=How(Method.MESSAGE), at=at, purpose=purpose)
    return bool(purposes)


def prefer(*, account: ChannelAccount, preference: Preference, at: datetime) -> None:
    """The person told the provider what she thinks of offers over its channel."""
    here, sender = account.workspace_id, preference.sender.strip()
    policy = rules.of(here).policy
    pairs = [
        (name, account.channel)
        for name, purpose in policy.purposes.items()
        if purpose.term in hours.PROMOTION and account.channel in purpose.per
    ]
    people = _with_address(here, sender, account.channel)
    for contact in people:
        if preference.wants:
            _give(contact, pairs, at, "preference")
        else:
            _withdraw(contact, pairs, sender, at, "preference")
    if not people and not preference.wants:
        _suppress(here, pairs, sender, at)


def _asked(workspace_id: UUID, channel: str) -> list[Pair]:
    """What people are asked for, over the channels that reach the same kind of address."""
    kind = rules.address_kind(channel)
    return [
        (purpose, each)
        for purpose, channels in rules.of(workspace_id).asked_of_people()
        for each in channels
        if each and rules.address_kind(each) == kind
    ]


def _withdraw(contact: Contact, pairs: Iterable[Pair], address: str, at: datetime, evidence: str) -> bool:
    how, said = How(Method.MESSAGE, evidence={"message": evidence} if evidence else None), list(pairs)
    is_news = _suppress(contact.workspace_id, said, address, at)
    for purpose, pairs_of_it in groupby(sorted(said), key=itemgetter(0)):
        channels = [channel for _purpose, channel in pairs_of_it]
        is_news |= bool(consent.withdraw(contact=contact, purpose=purpose, channels=channels, how=how, at=at))
    return is_news


def _suppress(workspace_id: UUID, pairs: Collection[Pair], address: str, at: datetime) -> bool:
    """The very address too, which may not be among those we have of her. Returns whether that was news."""
    added = sum(
        suppression.add(
            [address],
            workspace=workspace_id,
            reason=Suppression.Reason.OPT_OUT,
            at=at,
            purpose=purpose,
            channel=channel,
        )
        for purpose, channel in pairs
    )
    return added > 0


def _give(contact: Contact, pairs: Iterable[Pair], at: datetime, evidence: str) -> bool:
    standing = consent.standing(contact, at=at)
    stopped = [
        pair
        for pair in pairs
        if pair in standing
        and standing[pair].what == ConsentRecord.What.WITHDRAWN
        and standing[pair].method == Method.MESSAGE
    ]
    given = _last_given(contact, stopped)
    how = How(Method.MESSAGE, evidence={"message": evidence} if evidence else None)
    for (purpose, channel), record in sorted(given.items()):
        consent.give(
            contact=contact,
            purpose=purpose,
            channels=[channel],
            notice=record.notice,
            how=how,
            at=at,
            until=record.until,
        )
    return bool(given)


def _last_given(contact: Contact, pairs: Collection[Pair]) -> dict[Pair, ConsentRecord]:
    """What she last agreed to, with the notice she was shown; a yes that is over or that only a file declared does not come back."""
    records = (
        ConsentRecord.objects.of(contact.workspace_id)
        .filter(contact=contact, what=ConsentRecord.What.GIVEN, notice__isnull=False)
        .select_related("notice")
        .order_by("at", "id")
    )
    found = {(record.purpose, record.channel): record for record in records}
    return {pair: found[pair] for pair in pairs if pair in found and found[pair].until is None}


def _with_address(workspace_id: UUID, address: str, channel: str) -> list[Contact]:
    by = {"emails__address": address.lower()} if channel == "email" else {"phones__number": address}
    return list(Contact.objects.of(workspace_id).alive().filter(**by).distinct().order_by("id"))
