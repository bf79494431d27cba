"""Pauses that a person's own message began ("please mat bhejo"): nothing she was asked for is sent until somebody asked her what she wants.

A pause is an objection made by a message and to a purpose by name. What she tells a member, or agrees to with a code, ends it; so does her own
START. An objection that came as a request of hers is none.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from amanat.accounts.models import Member
from amanat.basis import consent, objections, rules
from amanat.basis.consent import How
from amanat.basis.models import Method, Objection
from amanat.people.models import Contact


def standing(contact: Contact, *, at: datetime) -> list[Objection]:
    """The pauses of a person at a moment, one for each purpose."""
    latest = (
        Objection.objects.of(contact.workspace_id)
        .filter(contact=contact, at__lte=at)
        .order_by("purpose", "-at", "-id")
        .distinct("purpose")
    )
    return [one for one in latest if one.what == Objection.What.MADE and one.method == Method.MESSAGE and one.purpose]


def end(contact: Contact, *, how: How, at: datetime, only: Collection[str] | None = None) -> bool:
    """She said what she wants: of all purposes that are paused, or `only` of these. Returns whether any was."""
    ended = [one for one in standing(contact, at=at) if only is None or one.purpose in only]
    for one in ended:
        objections.withdraw(contact=contact, how=how, at=at, purpose=one.purpose)
    return bool(ended)


def answered(contact: Contact, *, wants: bool, by: Member, at: datetime) -> bool:
    """A member asked her. What she agreed to before goes on, or it is taken back for good. Returns whether she was still to be asked."""
    how = How(Method.PHONE, by=by)
    with transaction.atomic():
        paused = {one.purpose for one in standing(contact, at=at)}
        if not wants:
            for purpose, channels in rules.of(contact.workspace_id).asked_of_people():
                if purpose in paused:
                    consent.withdraw(contact=contact, purpose=purpose, channels=channels, how=how, at=at)
        return end(contact, how=how, at=at)
