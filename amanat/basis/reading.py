"""For which purpose is it read, and by whom: fields that the purpose does not need stay closed, sensitive ones are masked by role.

Which kinds of data a purpose uses is the policy's (`purposes.<name>.uses`); which column says what is declared beside the models. From
both follows, once for a policy, purpose and role, the set of fields that a page, an export or a job gets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from uuid import UUID

from django.db import connection
from django.urls import reverse
from django.utils import timezone

from amanat.accounts.models import Member
from amanat.accounts.permissions import Role
from amanat.basis import openings, rules
from amanat.core import clock, ids
from amanat.people.masking import Guard
from amanat.people.vocabulary import Vocabulary
from amanat.policy import ready
from amanat.policy.format import Policy

#: What harms a person most when it gets about. Whoever needs it opens it and says why.
SENSITIVE = frozenset({"pd:BirthDate", "pd:OfficialID", "pd:Health", "pd:Ethnicity", "pd:Religion"})
ADDRESSES = frozenset({"pd:TelephoneNumber", "pd:EmailAddress", "pd:PhysicalAddress", "pd:Contact"})
#: Kinds that a role sees masked. An owner and a manager answer for the data and see it.
MASKED: Mapping[str, frozenset[str]] = {
    Role.OWNER: frozenset(),
    Role.MANAGER: frozenset(),
    Role.AGENT: SENSITIVE,
    Role.AUDITOR: SENSITIVE | ADDRESSES,
}
#: A field that says "something personal" is what the business itself writes about its customer.
_GENERAL = "dpv:PersonalData"
#: Broad terms of the vocabulary: whoever may read the name may read a customer number.
_WIDER = {"pd:Identifying": frozenset({"pd:Name"}), "pd:Contact": frozenset({"pd:EmailAddress", "pd:TelephoneNumber"})}

#: Read with the words of a workspace: the row of the version in force, and the people whose use is restricted.
VERSION_IN_FORCE = """
SELECT id::text FROM publishing_policyversion WHERE workspace_id = %(ws)s AND effective_at <= %(now)s ORDER BY number DESC LIMIT 1
"""
RESTRICTED = """
SELECT json_agg(DISTINCT latest.contact_id)::text FROM (
    SELECT DISTINCT ON (contact_id, ground) contact_id, what FROM basis_restriction
    WHERE workspace_id = %(ws)s AND contact_id IS NOT NULL AND at <= %(now)s
    ORDER BY contact_id, ground, at DESC, id DESC) latest
WHERE latest.what = 'imposed'
"""
_noted: set[tuple[object, ...]] = set()
_MOST_NOTED = 10_000


class Reader:
    """Answers for `people.masking` from the policy in force."""

    def guard(self, *, member: Member, words: Vocabulary, purpose: str, kinds: Mapping[str, str]) -> Guard:
        version = words.besides.get("policy_version")
        withheld, masked = _compiled(member.workspace_id, version, purpose, member.role, tuple(kinds.items()))
        return Guard(purpose, withheld, masked, _people(words.besides.get("restricted")))

    def opened(self, *, member: Member, contact_id: UUID) -> frozenset[str]:
        return openings.in_force(member=member, contact_id=contact_id, at=clock.now())

    def note(self, *, member: Member, purpose: str, fields: Sequence[str]) -> None:
        note(member=member, purpose=purpose, fields=fields)

    def opening_url(self, contact_id: UUID, name: str) -> str:
        return f"{reverse('basis:open_value', args=[contact_id])}?field={name}"


def fields_of(policy: Policy, purpose: str, kinds: Mapping[str, str]) -> frozenset[str]:
    """The fields that a purpose may read. A purpose the policy does not know reads nothing."""
    known = policy.purposes.get(purpose)
    used = [policy.data[name] for name in (known.uses if known is not None else ())]
    terms = {term for data in used for term in data.terms}
    if any(data.of == "tenant" for data in used):
        terms.add(_GENERAL)
    terms |= {wider for wider, narrower in _WIDER.items() if narrower & terms}
    named = {term for data in policy.data.values() for term in data.terms}
    # What no kind of data of the policy names, such as an own field about the family, goes with what the business writes itself.
    return frozenset(
        name for name, kind in kinds.items() if kind in terms or (kind not in named and _GENERAL in terms)
    )  # fmt: skip


def fields_masked(role: str, kinds: Mapping[str, str]) -> frozenset[str]:
    hidden = MASKED.get(role, SENSITIVE | ADDRESSES)
    return frozenset(name for name, kind in kinds.items() if kind in hidden)


@lru_cache(maxsize=2_000)
def _compiled(
    workspace_id: UUID, version: str | None, purpose: str, role: str, kinds: tuple[tuple[str, str], ...]
) -> tuple[frozenset[str], frozenset[str]]:
    """Withheld and masked fields. A published version never changes, hence its row stands for its text."""
    policy = ready.policy("default") if version is None else rules.of(workspace_id).policy
    declared = dict(kinds)
    readable = fields_of(policy, purpose, declared)
    return frozenset(declared.keys() - readable), fields_masked(role, declared) & readable


@lru_cache(maxsize=500)
def _people(text: str | None) -> frozenset[UUID]:
    return frozenset(map(UUID, json.loads(text))) if text else frozenset()


def note(*, member: Member, purpose: str, fields: Sequence[str]) -> None:
    """Write down, once a day for each member, purpose and field, that a field came back empty because the purpose does not need it."""
    now = clock.now()
    today = timezone.localdate(now)
    news = [name for name in fields if (member.pk, purpose, name, today) not in _noted]
    if not news:
        return
    version = rules.of(member.workspace_id).version
    with connection.cursor() as cursor:
        cursor.executemany(
            'INSERT INTO basis_withholding (id, workspace_id, by_id, purpose, field, policy_version, "on", at) '
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [(ids.new(), member.workspace_id, member.pk, purpose, name, version, today, now) for name in news],
        )
    if len(_noted) > _MOST_NOTED:
        _noted.clear()
    _noted.update((member.pk, purpose, name, today) for name in news)
