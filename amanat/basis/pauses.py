"""Pauses that a person's own message began ("please mat bhejo"): nothing she was asked for is sent until somebody asked her what she wants.

A pause is an objection made by a message and to a purpose by name. What she tells a member, or agrees to with a code, ends it; so does her own
START. An objection that came as a request of hers is none.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from amanat.accounts.models import Member
from amanat.basis import objections, rules
from amanat.basis.consent import How
from amanat.basis.models import Method, Objection
from amanat.people.models import Contact


def standing(contact: Contact, *, at: datetime) -> list[Objection]:
    """The pauses of a person at a moment, one for each purpose."""
    return [one for one in objections.of_person(contact, at=at).values() if objections.is_pause(one)]


def end(contact: Contact, *, how: How, at: datetime, only: Collection[str] | None = None) -> bool:
    """She said what she wants: of all purposes that are paused, or `only` of these. Returns whether any was."""
    ended = [one for one in standing(contact, at=at) if only is None or one.purpose in only]
    for one in ended:
        objections.withdraw(contact=contact, how=how, at=at, purpose=one.purpose)
    return bool(ended)


def answered(contact: Contact, *, wants: bool, by: Member, at: datetime) -> bool:
    """A member asked her. What she agreed to before goes on, or she wants none of it. Returns whether she was still to be asked."""
    how = How(Method.PHONE, by=by)
    with transaction.atomic():
        paused = {one.purpose for one in standing(contact, at=at)}
        if not wants:
            known = rules.of(contact.workspace_id).policy.purposes
            for purpose in sorted(paused & known.keys()):
                objections.want_none(contact=contact, purpose=purpose, how=how, at=at)
            return bool(paused)
        return end(contact, how=how, at=at)
