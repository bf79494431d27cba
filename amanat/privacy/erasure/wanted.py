"""What a search for people looks for: names, numbers, addresses and codes that were theirs and nobody else's here.

A number that a whole family shares is still the number of the others; a name that others bear names them. Searching for these would
find only what rightly stays, so they are left out, and the certificate says how many.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any
from uuid import UUID

from django.db import connection

from amanat.accounts.models import Member, Workspace
from amanat.core import vault
from amanat.desk.models import ServiceRecord
from amanat.people.drafts import sort_name
from amanat.people.models import Company, Contact, Email, Phone
from amanat.privacy.erasure.belongings import Belongings, array

COLUMN = "privacy.Erasure.wanted"
#: Shorter names are words of the language, or of a thousand others.
_NAME_LETTERS, _NAME_OF_ONE_WORD = 7, 10
#: More people at once, as retention erases them, are searched by numbers, addresses and codes alone.
FEW = 20
_CODE = 6  #: shorter external ids and acknowledgements are found everywhere
_TAIL = 10  #: the digits of a number that stay the same however it is written


@dataclass(slots=True)
class Wanted:
    """Identifiers by kind, as they are looked for; `left_out` counts what belongs to others too or is too short to say anything."""

    names: list[str] = field(default_factory=list)  #: lower-case, one space between words
    numbers: list[str] = field(default_factory=list)  #: the last ten digits
    addresses: list[str] = field(default_factory=list)  #: lower-case
    codes: list[str] = field(default_factory=list)  #: external ids, acknowledgements: upper-case
    ids: list[str] = field(default_factory=list)  #: of the contacts and those merged into them
    reach: list[str] = field(
        default_factory=list
    )  #: numbers in E.164 and addresses, as they were kept, for the suppression
    left_out: dict[str, int] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """How many identifiers of each kind are looked for."""
        return {one.name: len(getattr(self, one.name)) for one in fields(self)[:4]}

    @property
    def tokens(self) -> list[str]:
        """All that the indexes of tokens know, without names."""
        return [*self.numbers, *self.addresses, *self.codes]


def of(held: Belongings) -> Wanted:
    """What identifies the people of `held`. To be asked before they are erased."""
    here, ids = held.workspace_id, list(held.contact_ids)
    people = Contact.objects.of(here).filter(pk__in=ids).values_list("name", "external_id")
    names, externals = _split(people)
    numbers = set(Phone.objects.of(here).filter(contact__in=ids).values_list("number", flat=True))
    addresses = set(Email.objects.of(here).filter(contact__in=ids).values_list("address", flat=True))
    records = held.rows.get(ServiceRecord, {})
    codes = set(ServiceRecord.objects.of(here).filter(pk__in=list(records)).values_list("acknowledgement", flat=True))
    found = Wanted(ids=[str(pk) for pk in (*ids, *held.former)])
    of_others = _Others(here, ids)
    long_names = {name for name in names if _says_who(name)} if len(ids) <= FEW else set()
    own_names = long_names - of_others.names(long_names)
    own_numbers, own_addresses = numbers - of_others.numbers(numbers), addresses - of_others.addresses(addresses)
    known = {code.upper() for code in (externals | codes) if len(code) >= _CODE and any(map(str.isdigit, code))}
    found.names, found.addresses, found.codes = sorted(own_names), sorted(own_addresses), sorted(known)
    found.numbers = sorted({re.sub(r"\D", "", number)[-_TAIL:] for number in own_numbers})
    found.reach = sorted(own_numbers | own_addresses)
    found.left_out = {
        "names": len(names) - len(own_names),
        "numbers": len(numbers) - len(own_numbers),
        "addresses": len(addresses) - len(own_addresses),
        "codes": len({code for code in externals | codes if code}) - len(known),
    }
    return found


def _split(people: Iterable[tuple[str, str]]) -> tuple[set[str], set[str]]:
    names, externals = set(), set()
    for name, external in people:
        names.add(" ".join(name.lower().split()))
        externals.add(external)
    return names - {""}, externals - {""}


def _says_who(name: str) -> bool:
    letters = sum(map(str.isalnum, name))
    return letters >= (_NAME_LETTERS if " " in name else _NAME_OF_ONE_WORD)


@dataclass(frozen=True, slots=True)
class _Others:
    """Which identifiers stand for somebody else of the workspace too: another contact, a company, a member, the workspace itself."""

    here: UUID
    ids: list[UUID]

    def numbers(self, numbers: Collection[str]) -> set[str]:
        own = Workspace.objects.of(self.here).values_list("phone", flat=True)
        return self._in(Phone, "number", numbers) | ({*own} & {*numbers})

    def addresses(self, addresses: Collection[str]) -> set[str]:
        members = Member.objects.of(self.here).values_list("user__email", flat=True)
        own = Workspace.objects.of(self.here).values_list("email", flat=True)
        theirs = {address.lower() for address in (*members, *own)}
        return self._in(Email, "address", addresses) | (theirs & {*addresses})

    def names(self, names: Collection[str]) -> set[str]:
        """Lower-case names that others bear, found by the names that lists sort by."""
        wanted = list(names)
        sorted_by = [sort_name(name) for name in wanted]
        with connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT given.name FROM unnest(%(names)s::text[], %(sorted)s::text[]) AS given(name, sort) WHERE EXISTS (
                    SELECT 1 FROM "{Contact._meta.db_table}" t WHERE t.workspace_id = %(here)s AND t.sort_name = given.sort
                    AND t.deleted_at IS NULL AND NOT t.id = ANY(%(ids)s))
                OR EXISTS (SELECT 1 FROM "{Company._meta.db_table}" t WHERE t.workspace_id = %(here)s AND t.sort_name = given.sort
                    AND t.deleted_at IS NULL)
                OR EXISTS (SELECT 1 FROM "{Member._meta.db_table}" t WHERE t.workspace_id = %(here)s AND lower(t.name) = given.name)""",  # noqa: S608
                {"here": self.here, "names": wanted, "sorted": sorted_by, "ids": self.ids},
            )
            return {row[0] for row in cursor.fetchall()}

    def _in(self, model: type[Phone] | type[Email], column: str, values: Collection[str]) -> set[str]:
        """As arrays, the values in a query of their own: a parameter for each, or the planner's weighing of each, costs more than the search."""
        with connection.cursor() as cursor:
            cursor.execute(
                f'SELECT DISTINCT "{column}" FROM "{model._meta.db_table}" WHERE workspace_id = %s AND "{column}" = ANY((SELECT %s::text[])::text[]) '  # noqa: S608
                "AND (contact_id IS NULL OR contact_id <> ALL(%s::uuid[]))",  # hashed, as NOT (... = ANY) is not
                [self.here, list(values), array(self.ids)],
            )
            return {row[0] for row in cursor.fetchall()}


def seal(wanted: Wanted, *, workspace_id: UUID, erasure_id: UUID) -> bytes:
    text = json.dumps(asdict(wanted), ensure_ascii=False)
    return vault.seal_text(text, workspace_id=workspace_id, context=vault.context(COLUMN, erasure_id))


def opened(token: bytes | memoryview, *, workspace_id: UUID, erasure_id: UUID) -> Wanted:
    said: dict[str, Any] = json.loads(
        vault.open_text(token, workspace_id=workspace_id, context=vault.context(COLUMN, erasure_id))
    )
    return Wanted(**said)
