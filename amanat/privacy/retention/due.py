"""Which people are due, by which rule and when: one statement for a whole workspace.

Under `keep.content` fall all contacts. Under `keep.marketing` fall those a workspace holds for offers alone: nobody did
a service for them, no task is open, no follow-up is planned. The last interaction is the last contact, or the day on which the
person was taken up, whichever is later: a file of old customers does not vanish in the night after it was imported.
Somebody has opted out when no consent to an offer is left and one was withdrawn, or when she objects to offers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from amanat.policy.format import Policy
from amanat.privacy.retention import holds, reckoning
from amanat.privacy.retention.reckoning import Term

#: A warning is handed over at the daily run before it must be, so that it is never late.
AHEAD = timedelta(days=1)

LAST_INTERACTION = "greatest(c.last_contact_at, c.created_at)"
_FOR_OFFERS_ALONE = (
    "NOT EXISTS (SELECT 1 FROM desk_servicerecord s WHERE s.workspace_id = c.workspace_id AND s.contact_id = c.id) "
    "AND NOT EXISTS (SELECT 1 FROM desk_task t WHERE t.workspace_id = c.workspace_id AND t.contact_id = c.id "
    "AND t.done_at IS NULL AND t.cancelled_at IS NULL) AND (c.follow_up_on IS NULL OR c.follow_up_on < %s)"
)
_OPTED_OUT = """
SELECT contact_id, max(at) AS at FROM (
    SELECT said.contact_id, said.at FROM basis_consentrecord said
    WHERE said.workspace_id = %s AND said.contact_id IS NOT NULL AND said.purpose = ANY(%s) AND said.at <= %s
      AND (said.what = 'withdrawn' OR (said.what = 'refused' AND said.notice_id IS NULL))
      AND NOT EXISTS (
        SELECT 1 FROM basis_consentrecord given
        WHERE given.workspace_id = said.workspace_id AND given.contact_id = said.contact_id AND given.purpose = ANY(%s)
          AND given.what = 'given' AND NOT EXISTS (
            SELECT 1 FROM basis_consentrecord later
            WHERE later.workspace_id = given.workspace_id AND later.contact_id = given.contact_id
              AND later.purpose = given.purpose AND later.channel = given.channel AND (later.at, later.id) > (given.at, given.id)))
    UNION ALL
    SELECT made.contact_id, made.at FROM basis_objection made
    WHERE made.workspace_id = %s AND made.contact_id IS NOT NULL AND made.purpose = ANY(%s) AND made.what = 'made' AND made.at <= %s
      AND NOT (made.until_yes AND EXISTS (
        SELECT 1 FROM basis_consentrecord given
        WHERE given.workspace_id = made.workspace_id AND given.contact_id = made.contact_id AND given.purpose = made.purpose
          AND given.what = 'given' AND given.method <> 'file' AND given.at > made.at AND NOT EXISTS (
            SELECT 1 FROM basis_consentrecord later
            WHERE later.workspace_id = given.workspace_id AND later.contact_id = given.contact_id
              AND later.purpose = given.purpose AND later.channel = given.channel AND later.what <> 'given'
              AND (later.at, later.id) > (given.at, given.id))))
      AND NOT EXISTS (
        SELECT 1 FROM basis_objection later
        WHERE later.workspace_id = made.workspace_id AND later.contact_id = made.contact_id AND later.purpose = made.purpose
          AND (later.at, later.id) > (made.at, made.id))) AS acts GROUP BY contact_id
"""


@dataclass(frozen=True, slots=True)
class Due:
    """A person whose time ends at `due_at` by a trigger of a rule."""

    contact_id: UUID
    due_at: datetime
    term: Term


def terms(policy: Policy) -> list[Term]:
    """The ways in which people themselves end under a policy, without closures and requests, which are acts of somebody."""
    found = [
        reckoning.term(policy, name, trigger) for name in holds.OF_PEOPLE for trigger in ("last_interaction", "opt_out")
    ]
    return [term for term in found if term is not None]


def offers(policy: Policy) -> list[str]:
    """The purposes that are offers: what people opt out of."""
    return [name for name, purpose in policy.purposes.items() if purpose.term == "dpv:DirectMarketing"]


def people(
    workspace_id: UUID, policy: Policy, *, at: datetime, only: Sequence[UUID] | None = None, limit: int | None = None
) -> Iterator[Due]:
    """Who is due at `at`, or must be warned by then, each once, by the term that ends first.

    Call it inside the workspace. `only` narrows it to some contacts.
    """
    found: dict[UUID, Due] = {}
    for term in terms(policy):
        warned_before = timedelta(seconds=term.warn.bounds[1]) + AHEAD if term.warn else timedelta()
        for contact_id, due_at in _of(
            term, workspace_id, policy, at=at + warned_before, today=at, only=only, limit=limit
        ):
            known = found.get(contact_id)
            if known is None or due_at < known.due_at:
                found[contact_id] = Due(contact_id, due_at, term)
    yield from found.values()


def count(workspace_id: UUID, policy: Policy, keep: str, *, at: datetime) -> int:
    """How many people a rule will have ended by `at`."""
    named = [term for term in terms(policy) if term.keep == keep]
    return len({pk for term in named for pk, _ in _of(term, workspace_id, policy, at=at, today=at)})


def of_one(workspace_id: UUID, policy: Policy, contact_id: UUID) -> tuple[Term, datetime] | None:
    """When one person will be erased if nothing happens any more, and by which term; None: no date."""
    sql, values = read_of_one(workspace_id, policy, contact_id)
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return ends(policy, cursor.fetchall())


def read_of_one(workspace_id: UUID, policy: Policy, contact_id: UUID) -> tuple[str, list[Any]]:
    """A statement for one person: the place of a term among `terms`, and the moment it counts from."""
    found = ["SELECT 0 AS term, NULL::timestamptz AS moment WHERE false"]
    all_values: list[Any] = []
    for place, term in enumerate(terms(policy)):
        said, values = _source(term, workspace_id, policy, today=None, newest=None)
        found.append(f"SELECT {place} AS term, moment FROM ({said}) AS c WHERE id = %s")  # noqa: S608 (our own text)
        all_values += [*values, contact_id]
    return " UNION ALL ".join(found), all_values


def ends(policy: Policy, moments: Iterable[tuple[int, datetime]]) -> tuple[Term, datetime] | None:
    """Of what `read_of_one` found: the term that ends first, and when."""
    known = terms(policy)
    return reckoning.earliest([(known[place], moment) for place, moment in moments])


def _of(
    term: Term,
    workspace_id: UUID,
    policy: Policy,
    *,
    at: datetime,
    today: datetime,
    only: Sequence[UUID] | None = None,
    limit: int | None = None,
) -> list[tuple[UUID, datetime]]:
    condition, so_far = term.due("moment", at)
    said, values = _source(term, workspace_id, policy, today=today, newest=so_far[0])
    sql = f"SELECT id, {term.ends('moment')} FROM ({said}) AS c WHERE {condition}"  # noqa: S608 (our own text)
    values += so_far
    if only is not None:
        sql, values = f"{sql} AND id = ANY(%s)", [*values, list(only)]
    if limit is not None:
        sql += f" LIMIT {int(limit)}"
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [(row[0], row[1]) for row in cursor.fetchall()]


def _source(
    term: Term, workspace_id: UUID, policy: Policy, *, today: datetime | None, newest: datetime | None
) -> tuple[str, list[Any]]:
    """The people under a term, each with the moment its time counts from."""
    values: list[Any] = []
    if term.trigger == "opt_out":
        # "" is an objection to everything that may be objected to.
        purposes = offers(policy)
        before = newest or datetime.max.replace(tzinfo=UTC)
        said = f"SELECT c.id, o.at AS moment FROM ({_OPTED_OUT}) AS o JOIN people_contact c ON c.id = o.contact_id"  # noqa: S608 (our own text)
        values += [workspace_id, purposes, before, purposes, workspace_id, [*purposes, ""], before]
    else:
        said = f"SELECT c.id, {LAST_INTERACTION} AS moment FROM people_contact c"  # noqa: S608 (our own text)
    said += " WHERE c.workspace_id = %s AND c.deleted_at IS NULL"
    values.append(workspace_id)
    if term.keep == "marketing":
        said += f" AND {_FOR_OFFERS_ALONE}"
        values.append(today.date() if today else date.min)
    return said, values
