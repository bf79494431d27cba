"""Probes of what a workspace holds: an invented person is written down and found where she was declared, and nowhere else; sums agree.

The invented person lives inside the probe's savepoint, which is taken back: nobody else ever sees her.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.core import ids
from amanat.core.personal_data import Held, Personal
from amanat.core.schema import workspace_models
from amanat.core.tenancy import WorkspaceRow
from amanat.desk import catalogue, packfiles
from amanat.desk.models import Service
from amanat.people import contacts, search, timeline
from amanat.people.drafts import AddressDraft, ContactDraft
from amanat.people.models import Contact, CustomField, Interaction
from amanat.policy import terms
from amanat.policy.format import Policy
from amanat.policy.probing import Asked, Finding, Scope, probe
from amanat.publishing import editing_words, inventory

#: Words that no real person is called, so that finding them proves something.
NAME, NUMBER, MAIL, STREET = (
    "Xqzprobe Vwkcanary",
    "+919899000017",
    "xqzprobe.vwkcanary@canary.example",
    "17 Vwkcanary Marg",
)
MARKS = ("Vwkcanary", "vwkcanary", NUMBER)
_CARD = re.compile(r"(?<!\d)(?:\d[ -]?){12,18}\d(?!\d)")
#: Records whose own fields are looked through for numbers of payment cards in one run.
MOST_LOOKED_THROUGH = 20_000


def someone_of(workspace_id: UUID) -> Member:
    """The member in whose name the probe writes: the first owner."""
    return Member.objects.of(workspace_id).select_related("workspace").filter(role=Role.OWNER).order_by("id")[0]


def planted(asked: Asked) -> Contact:
    """The invented person, made by the same rule as any other."""
    draft = ContactDraft(
        name=NAME,
        phones=[(NUMBER, "")],
        emails=[(MAIL, "")],
        addresses=[AddressDraft(street=STREET, city="Vwkcanary Nagar", state="Maharashtra", postal_code="422001")],
    )
    workspace = Workspace.objects.of(asked.workspace_id).get(pk=asked.workspace_id)
    return contacts.create(workspace=workspace, by=someone_of(asked.workspace_id), at=asked.at, draft=draft)


@probe(
    "records.invented_person",
    _("What is entered of a person lies only where it was declared"),
    keys=(
        "DATA pd:Name", "DATA pd:TelephoneNumber", "DATA pd:EmailAddress", "DATA pd:PhysicalAddress", "DATA pd:City",
        "DATA pd:Region", "DATA pd:PostalCode", "F-CONTACTS",
    ),
    rules=("data.identity",),
)  # fmt: skip
def invented_person(asked: Asked) -> Finding:
    """A person with marked name, number, mail and address: found in declared columns of her kinds, and by search."""
    before = ids.new()
    person = planted(asked)
    places = list(_marked(asked.workspace_id, since=before))
    undeclared = [place for place in places if place not in _personal_columns()]
    hits = search.find("Xqzprobe", member=someone_of(asked.workspace_id), kinds=["contact"])
    is_found = any(hit.id == person.pk for hit in hits)
    return Finding(
        bool(places) and not undeclared and is_found,
        _(
            "an invented person was entered: {places} columns held her, {undeclared} of them undeclared; search found her"
        ),
        {"places": len(places), "undeclared": len(undeclared)},
    )


def _marked(workspace_id: UUID, *, since: UUID) -> Iterator[str]:
    """Columns, as "app.Model.field", of rows made after `since` that hold a mark. Ids are in order of time: an index look-up a table."""
    for model in workspace_models():
        for row in rows_since(model, workspace_id, since):
            yield from (
                f"{model._meta.label}.{field.name}"
                for field in model._meta.local_concrete_fields
                if any(mark in str(getattr(row, field.attname)) for mark in MARKS)
            )


def rows_since(model: type[WorkspaceRow], workspace_id: UUID, since: UUID) -> Iterable[Any]:
    return model._default_manager.of(workspace_id).filter(pk__gt=since)


@cache
def _personal_columns() -> frozenset[str]:
    return frozenset(f"{held.model}.{name}" for held in inventory.held() for name in held.personal)


@probe(
    "records.timeline",
    _("What happened with a person stands in the timeline, newest first"),
    keys=("F-INTERACT",),
    rules=("data.content", "purposes.service"),
)
def in_the_timeline(asked: Asked) -> Finding:
    """Two lines are written about the invented person and read back in order."""
    person, by = planted(asked), someone_of(asked.workspace_id)
    for summary in ("first", "second"):
        timeline.record(
            workspace=by.workspace, kind="note", contact=person, happened_at=asked.at, actor=by, summary=summary
        )
    told = list(Interaction.objects.of(asked.workspace_id).filter(contact=person).order_by("-happened_at", "-id"))
    held = Interaction.objects.of(asked.workspace_id).filter(contact__isnull=True, company__isnull=True).count()
    return Finding(
        [line.summary for line in told[:2]] == ["second", "first"],
        _("two lines written and read back in order; {nobody} lines belong to nobody"),
        {"nobody": held},
    )


@probe(
    "records.services",
    _("Service records agree with their payments"),
    keys=("F-SERVREC", "F-TXN"),
    rules=("purposes.service", "data.content"),
)
def services_agree(asked: Asked) -> Finding:
    """What every record says was paid is the sum of its payments that count, and no payment was changed but by a cancellation."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(*) FILTER (WHERE r.paid_paise <> coalesce(p.paid, 0)) FROM desk_servicerecord r "
            "LEFT JOIN (SELECT record_id, sum(amount_paise) AS paid FROM desk_payment WHERE workspace_id = %(here)s "
            "AND cancelled_at IS NULL GROUP BY record_id) p ON p.record_id = r.id WHERE r.workspace_id = %(here)s",
            {"here": asked.workspace_id},
        )
        records, wrong = cursor.fetchone()
        cursor.execute(
            "SELECT count(*) FROM core_ledgerentry WHERE workspace_id = %s AND event = 'row.updated' "
            "AND facts->>'table' = 'desk_payment' AND facts->'columns' ?| ARRAY['amount_paise', 'paid_on', 'method', 'record_id']",
            [asked.workspace_id],
        )
        changed = cursor.fetchone()[0]
    return Finding(
        not wrong and not changed,
        _("{records} records, {wrong} whose payments do not add up; {changed} payments were changed afterwards"),
        {"records": records, "wrong": wrong, "changed": changed},
    )


@probe(
    "records.own_fields",
    _("Fields a business added say what they hold, and hold no payment cards"),
    keys=("F-CUSTOM",),
    rules=("data.content",),
)
def own_fields(asked: Asked) -> Finding:
    fields = list(CustomField.objects.of(asked.workspace_id).filter(retired_at__isnull=True))
    known = _terms(asked.policy)
    unknown = [field for field in fields if field.personal_kind and field.personal_kind not in known]
    cards = sum(_has_card(text) for text in _own_values(asked.workspace_id))
    return Finding(
        not unknown and not cards,
        _("{fields} own fields, {unknown} of a kind the policy does not name; {cards} values look like payment cards"),
        {"fields": len(fields), "unknown": len(unknown), "cards": cards},
    )


def _own_values(workspace_id: UUID) -> Iterator[str]:
    with connection.cursor() as cursor:
        for table in ("people_contact", "people_company", "desk_servicerecord"):
            cursor.execute(
                f"SELECT custom::text FROM {table} WHERE workspace_id = %s AND custom::text ~ '[0-9][0-9 -]{{11,}}' LIMIT %s",  # noqa: S608
                [workspace_id, MOST_LOOKED_THROUGH],
            )
            yield from (row[0] for row in cursor.fetchall())


def _has_card(text: str) -> bool:
    """Whether a number in `text` has the length and check digit of a payment card and is no telephone number."""
    for found in _CARD.findall(text):
        digits = re.sub(r"\D", "", found)
        if _luhn(digits) and digits[0] in "23456":
            return True
    return False


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


@probe(
    "records.csc",
    _("A CSC centre has its catalogue of services"),
    keys=("F-CSC",),
    rules=("products",),
)
def csc(asked: Asked) -> Finding:
    """A centre's own catalogue; in any other business, the ready one put in for a trial."""
    workspace = Workspace.objects.of(asked.workspace_id).get(pk=asked.workspace_id)
    is_centre = workspace.kind == Workspace.Kind.CSC
    offered = Service.objects.of(asked.workspace_id)
    if not is_centre:
        pack = packfiles.all_packs()[Workspace.Kind.CSC]
        catalogue.install(workspace=workspace, pack=pack, by=None, at=asked.at)
        offered = offered.filter(key__in=[one.key for one in pack.services])
    services, with_papers = offered.count(), offered.exclude(documents=[]).count()
    return Finding(
        bool(services) and (is_centre or bool(with_papers)),
        _("a CSC centre with {services} services in its catalogue")
        if is_centre
        else _(
            "the catalogue of CSC centres was put in for a trial: {services} services, {with_papers} name their papers"
        ),
        {"services": services, "with_papers": with_papers},
    )


def _terms(policy: Policy) -> frozenset[str]:
    return frozenset(term for kind in policy.data.values() for term in kind.terms)


@probe(
    "records.only_declared",
    _("Only declared kinds of data have a place in the database"),
    keys=("MINIM", "POINTS"),
    rules=("data",),
)
def only_declared(asked: Asked) -> Finding:
    """Every column of every table that the database has is declared, and what is personal has a kind the policy names."""
    columns = _columns_of_database()
    declared = {(_table(held.model), name) for held in inventory.held() for name in _names(held)}
    undeclared = {(table, name) for table, name in columns if table in _our_tables()} - declared
    known = _terms(asked.policy)
    unnamed = {one.kind for held in inventory.held() for one in held.personal.values()} - known - _GENERAL
    return Finding(
        not undeclared and not unnamed,
        _(
            "{columns} columns, {undeclared} undeclared; {kinds} kinds of personal data, {unnamed} the policy does not name"
        ),
        {
            "columns": len(declared),
            "undeclared": len(undeclared),
            "kinds": len({one.kind for held in inventory.held() for one in held.personal.values()}),
            "unnamed": len(unnamed),
        },
    )


#: Not a kind by itself: an answer kept for a repeated request holds whatever the answer held.
_GENERAL = frozenset(["dpv:PersonalData"])


def _names(held: Held) -> Iterator[str]:
    """Columns of a declared table: a reference is declared by its name and stored as name_id."""
    fields = {field.name: field.column for field in apps.get_model(held.model)._meta.local_concrete_fields}
    yield from (fields.get(name, name) for name in [*held.personal, *held.not_personal])


@cache
def _table(label: str) -> str:
    return str(apps.get_model(label)._meta.db_table)


def _our_tables() -> set[str]:
    return {_table(held.model) for held in inventory.held()}


def _columns_of_database() -> set[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') "
            "AND a.attnum > 0 AND NOT a.attisdropped"
        )
        return set(cursor.fetchall())


def columns_by_term() -> dict[str, list[tuple[str, str, Personal]]]:
    """Table, column and declaration of everything that holds a kind of personal data, by the kind."""
    found: defaultdict[str, list[tuple[str, str, Personal]]] = defaultdict(list)
    for held in inventory.held():
        fields = {field.name: field.column for field in apps.get_model(held.model)._meta.local_concrete_fields}
        for name, personal in held.personal.items():
            found[personal.kind].append((_table(held.model), fields.get(name, name), personal))
    return dict(found)


def register_kinds(promised: Iterable[str]) -> None:
    """A probe for each promised kind of data ("pd:Name") that has a place: declared, disclosed, there, sealed where promised.
    A kind without a place gets none: nothing could be measured."""
    held = columns_by_term()
    for term in sorted(set(promised) & set(held)):
        name = f"data.{term.removeprefix('pd:')}"
        title = format_lazy(_("“{kind}” lies where it was declared"), kind=_kind_in_words(term))
        probe(name, title, keys=(f"DATA {term}",), rules=("data",), scope=Scope.INSTALLATION)(_Kind(term))


def _in_words(term: str) -> str:
    return terms.in_words(term, editing_words.language())


_kind_in_words = lazy(_in_words, str)


class _Kind:
    """The run of one such probe."""

    def __init__(self, term: str) -> None:
        self.term = term
        self.__qualname__ = f"_Kind.{term}"

    def __call__(self, asked: Asked) -> Finding:
        places = columns_by_term()[self.term]
        there = _columns_of_database()
        missing = [place for place in places if place[:2] not in there]
        named = [name for name, kind in asked.policy.data.items() if self.term in kind.terms]
        return Finding(
            bool(named) and not missing,
            _(
                "{kind}: {columns} declared columns, {missing} missing from the database; named by the policy as {named}"
            ),
            {"kind": self.term, "columns": len(places), "missing": len(missing), "named": ", ".join(named)},
        )
