"""Records that may be the one somebody is writing down: told while typing, before saving, and to programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from amanat.accounts.models import Member
from amanat.people import search
from amanat.people.drafts import sort_name
from amanat.people.models import Company, Contact


@dataclass(frozen=True, slots=True)
class Same:
    """A record that may be the one being written. `reason` is "phone", "email" or "name"; `value` what they share."""

    kind: str
    id: UUID
    name: str
    reason: str
    value: str


_SAME = """
SELECT '{kind}', r.id, r.name, 'phone', p.number FROM people_phone p
  JOIN people_{kind} r ON r.workspace_id = p.workspace_id AND r.id = p.{kind}_id
  WHERE p.workspace_id = %(ws)s AND p.number = ANY (%(numbers)s) AND r.deleted_at IS NULL AND r.id <> %(but)s {seen}
UNION ALL
SELECT '{kind}', r.id, r.name, 'email', e.address FROM people_email e
  JOIN people_{kind} r ON r.workspace_id = e.workspace_id AND r.id = e.{kind}_id
  WHERE e.workspace_id = %(ws)s AND e.address = ANY (%(mails)s) AND r.deleted_at IS NULL AND r.id <> %(but)s {seen}
"""
_NOBODY = UUID(int=0)


def likely_same(
    kind: str,
    *,
    member: Member,
    phones: Sequence[str] = (),
    emails: Sequence[str] = (),
    name: str = "",
    but: UUID | None = None,
    limit: int = 5,
) -> list[Same]:
    """Records of `kind` that have one of the phones (E.164) or e-mails (lower-case); with a name, those of that name too.

    Only what `member` may see is told. Separate look-ups, so that each uses its index.
    """
    found: list[Same] = []
    if phones or emails:
        seen = "" if member.sees_all else "AND (r.owner_id = %(me)s OR r.team_id = ANY (%(teams)s))"
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT * FROM ({_SAME.format(kind=kind, seen=seen)}) AS same LIMIT %(limit)s",  # noqa: S608 (words of ours)
                {
                    "ws": member.workspace_id, "numbers": list(phones), "mails": list(emails), "but": but or _NOBODY,
                    "me": member.pk, "teams": [] if member.sees_all else list(member.team_ids), "limit": limit,
                },
            )  # fmt: skip
            found = [Same(*row) for row in cursor.fetchall()]
    if name and len(found) < limit:
        found += _of_name(kind, name, member=member, but={but, *(same.id for same in found)}, limit=limit - len(found))
    unique = {same.id: same for same in reversed(found)}
    return list(reversed(unique.values()))


def _of_name(kind: str, name: str, *, member: Member, but: set[UUID | None], limit: int) -> list[Same]:
    hits = [hit.id for hit in search.find(name, member=member, kinds=[kind], limit=limit + 2) if hit.id not in but]
    if not hits:
        return []
    model: type[Contact] | type[Company] = Contact if kind == "contact" else Company
    rows = model.objects.of(member.workspace_id).visible_to(member).alive().filter(pk__in=hits)
    wanted = len(sort_name(name))
    names = {row[0]: row[1] for row in rows.values_list("pk", "name")}
    # A hit has every word; a name that is much longer is another person's.
    near = [hit for hit in hits if hit in names and len(sort_name(names[hit])) <= wanted + 4]
    return [Same(kind, hit, names[hit], "name", names[hit]) for hit in near[:limit]]
