"""A workspace with one row of every table, each text a canary; digests of its rows; and the actors who try to reach it.

The rows are made from the models themselves, so that a new table is in the matrix the day it is made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models, transaction
from django.template.backends.django import Template
from django.test import Client
from django.utils.safestring import SafeString

from amanat.accounts.models import Member, Session, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests import factories
from amanat.core import clock, files, ids, tenancy, vault
from amanat.core.schema import workspace_models
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow
from amanat.messaging.outbox import events
from amanat.policy import editing, ready
from amanat.privacy.requests import details as asked_for
from amanat.privacy.requests.details import Details

CANARY = "CANARY"
FILE_TEXT = f"{CANARY} text of a file"

#: What a table asks of its columns beyond their type.
SPECIAL: dict[str, dict[str, Any]] = {
    "people.Phone": {"number": "+919822041736", "company": None},
    "people.Email": {"company": None, "address": "canary@example.in"},
    "people.Address": {"company": None},
    "people.NotDuplicate": {"first_id": UUID(int=1), "second_id": UUID(int=2)},
    "people.Contact": {"main_phone": "+919822041736", "main_email": "canary@example.in"},
    "people.CustomField": {"kind": "text", "on": "contact"},
    "accounts.Member": {"role": Role.AGENT},
    "people.Merge": {"kind": "contact"},
    "people.SavedView": {"on": "contact"},
    "people.ImportChange": {"record_kind": "contact"},
    "people.ExportRun": {"scope": "contacts", "format": "csv"},
    "desk.Service": {"key": "canary"},
    "desk.ServiceRecord": {"number": 900_000, "fee_paise": 100, "paid_paise": 1},
    "desk.SupportCase": {"number": 900_000, "closed_at": None, "satisfaction": None},
    "people.Company": {"gstin": ""},
    "messaging.ChannelAccount": {"channel": "whatsapp", "provider": "whatsapp_cloud", "secrets": None},
    "messaging.MessageTemplate": {"channel": "whatsapp", "category": "utility"},
    "basis.Notice": {"language": "en"},
    "messaging.TemplateText": {"language": "hi", "state": "draft"},
    "privacy.Contract": {"until": date(2027, 12, 1), "country": "IN"},
    "privacy.AuthorityDisclosure": {"given_at": None, "given_by": None, "refused_at": None, "refused_by": None},
    "privacy.Handover": {"recipient": "sahyadri", "fields": ["name"], "format": "csv"},
    "privacy.HandoverPerson": {"reason": "consent", "is_allowed": True},
    "privacy.LegalHold": {"keep": ""},
    "privacy.RetentionDue": {"closed_at": None},
    "privacy.VaultRelease": {"allowed_at": None, "allowed_by": None, "opened_at": None, "opened_by": None},
    "basis.Guardianship": {"guardian": None},
    "privacy.RightsRequest": {"outcome": "", "answered_at": None},
    "privacy.Erasure": {"wanted": None, "state": "done", "because": "request"},
    # What a public form asks is for everybody to read.
    "basis.PublicForm": {"title": "हमसे पूछें"},
    # The program writes and reads this text; it has a shape.
    "privacy.ErasureCertificate": {
        "body": json.dumps(
            {
                "people": 1,
                "principals": ["c" * 64],
                "principals_digest": "c" * 64,
                "because": "request",
                "request": None,
                "ordered_at": "2026-11-01T00:00:00+00:00",
                "searched_at": "2026-11-01T00:01:00+00:00",
                "gone": {"people.Contact": 1},
                "stayed": {"desk.Payment": 1},
                "sealed": [],
                "search": "whole",
                "looked_for": {"names": 1, "numbers": 1, "addresses": 0, "codes": 0},
                "not_looked_for": {"names": 0},
                "names_in_free_text": True,
                "tables_read": {"people.Phone": 1},
                "tables_asked_by_index": ["people.Email"],
                "tables_left_alone": {},
                "files_read": 1,
                "files_of_other_types": 0,
                "files_waiting_for_the_whole_search": 0,
                "closed_by_people": [{"place": "people.Contact.name", "count": 1, "answer": CANARY}],
            }
        ),
    },
    # A published policy is for everybody to read; its text must be one that can hold.
    "publishing.PolicyVersion": {
        "number": 1,
        "replaces": 0,
        "digest": "c" * 64,
        "document": json.dumps(ready.policy("default").as_document()),
        "published_at": datetime(2026, 11, 1, tzinfo=UTC),
        "effective_at": datetime(2026, 11, 1, tzinfo=UTC),
        "is_material": False,
        "changes": [],
        "asks_anew": {},
    },
    "publishing.PolicyDraft": {
        "source": editing.edit(editing.source_of("default"), [editing.Put(("parties", "operator", "name"), CANARY)]),
        "based_on": 0,
    },
    "people.ImportRun": {"mapping": {"layout": "list", "columns": []}},
}


def _request(row: Any) -> None:
    row.details = asked_for.seal(Details(text=f"{CANARY} asked", name=f"{CANARY} asker"), row)
    row.answer = vault.seal_text(
        f"{CANARY} answer", workspace_id=row.workspace_id, context=asked_for.place_of_answer(row)
    )


def _nomination(row: Any) -> None:
    said = json.dumps({"name": f"{CANARY} nominee"})
    row.nominee = vault.seal_text(said, workspace_id=row.workspace_id, context=asked_for.place_of_nominee(row))


def _event(row: Any) -> None:
    said = json.dumps({"text": f"{CANARY} event"})
    row.payload = vault.seal_text(said, workspace_id=row.workspace_id, context=events.place_of_payload(row))


#: Rows with columns that only their own id opens.
SEALED: dict[str, Callable[[Any], None]] = {
    "privacy.RightsRequest": _request,
    "privacy.Nomination": _nomination,
    "messaging.ProviderEvent": _event,
}
#: Tables whose rows other rows are made of, or that the site itself keeps.
MADE_ELSEWHERE = {"accounts.Workspace", "core.WorkspaceKey", "core.LedgerHead", "core.LedgerEntry", "core.Tally"}
#: Columns whose value means the row is no longer there.
LEFT_EMPTY = {
    "deleted_at", "ended_at", "revoked_at", "withdrawn_at", "accepted_at", "gone_at", "retired_at", "cancelled_at", "undone_at",
    "import_run", "done_at", "taken_at", "repeats", "delivered_at", "stop_requested_at", "erased_at", "lifted_at", "closed_at", "answered_at",
}  # fmt: skip


def fill(workspace: Workspace) -> dict[str, WorkspaceRow]:
    """One row of every table of workspaces, by the model's label."""
    rows: dict[str, WorkspaceRow] = {}
    with tenancy.inside(workspace):
        rows["core.StoredFile"] = files.store(
            FILE_TEXT.encode(), workspace_id=workspace.id, name=f"{CANARY}.txt", by=None, kind="attachment"
        )
        for model in _in_order():
            if model._meta.label in MADE_ELSEWHERE or model._meta.label in rows:
                continue
            row = model(workspace_id=workspace.id, **_values(model, rows, workspace))
            SEALED.get(model._meta.label, lambda row: None)(row)
            row.save(force_insert=True)
            rows[model._meta.label] = row
    return rows


def _in_order() -> list[type[WorkspaceRow]]:
    """Tables after those they point at (optional references backwards stay empty)."""
    todo: list[type[WorkspaceRow]] = list(workspace_models())
    done: list[type[WorkspaceRow]] = []
    while todo:
        ready = [model for model in todo if not (_needed(model) - {model} - set(done) - _elsewhere())]
        chosen = ready or [min(todo, key=lambda model: len(_needed(model) - set(done)))]
        done += chosen
        todo = [model for model in todo if model not in chosen]
    return done


def _elsewhere() -> set[Any]:
    return {model for model in workspace_models() if model._meta.label in MADE_ELSEWHERE}


def _needed(model: type[WorkspaceRow]) -> set[Any]:
    keys = (field for field in model._meta.local_fields if isinstance(field, WorkspaceForeignKey))
    return {field.related_model for field in keys if field.name not in LEFT_EMPTY}


def _values(model: type[WorkspaceRow], rows: dict[str, WorkspaceRow], workspace: Workspace) -> dict[str, Any]:
    values: dict[str, Any] = {}
    special = SPECIAL.get(model._meta.label, {})
    for field in model._meta.local_concrete_fields:
        is_left = field.name in LEFT_EMPTY and field.null
        if field.name in {"id", "workspace_id"} or is_left or getattr(field, "generated", False):
            continue
        if field.name in special:
            values[field.name] = special[field.name]
        elif isinstance(field, models.ForeignKey):
            label = field.related_model._meta.label
            if label == "accounts.User":
                values[field.name] = factories.make_user(f"{CANARY} user")
            elif label in rows:
                values[field.name] = rows[label]
        else:
            values[field.name] = _value(field, model)
    return {name: value for name, value in values.items() if value is not Ellipsis}


def _value(field: Any, model: type[WorkspaceRow]) -> Any:
    if field.choices:
        return field.default if field.has_default() and field.default else field.choices[0][0]
    by_type: list[tuple[type[Any] | tuple[type[Any], ...], Callable[[], Any]]] = [
        (ArrayField, list),
        (models.JSONField, lambda: field.get_default() if field.has_default() else None if field.null else {}),
        (models.UUIDField, ids.new),
        (models.EmailField, lambda: "canary@example.in"),
        (models.TextField, lambda: f"{CANARY} {model.__name__} {field.name}"),
        (models.CharField, lambda: f"{CANARY} {model.__name__} {field.name}"[: field.max_length or 200]),
        (models.BooleanField, lambda: field.get_default() if field.has_default() or field.null else False),
        (models.DateTimeField, lambda: clock.now() + timedelta(days=1) if "expires" in field.name else clock.now()),
        (models.DateField, lambda: date(2026, 12, 1)),
        (models.TimeField, lambda: time(10, 30)),
        (models.BinaryField, lambda: b"canary"),
        (models.IntegerField, lambda: field.get_default() if field.has_default() else 1),
    ]
    return next(make() for kind, make in by_type if isinstance(field, kind))


#: What the site itself writes down about a request, allowed or refused.
#: Sightings are written because somebody looked: they say who saw a person's page, and when.
_NOT_BUSINESS = {"core.LedgerEntry", "core.LedgerHead", "core.IdempotentAnswer", "privacy.Sighting"}


def digest(workspace: Workspace) -> str:
    """A hash of every business row of the workspace, seen past row-level security by its own wall."""
    with tenancy.inside(workspace), connection.cursor() as cursor:
        cursor.execute(_digest_of_all())
        return str(cursor.fetchone()[0])


def written() -> int:
    """How many business rows this transaction has written so far, in any workspace, what was taken back since included. While it is
    the same, no row has changed; to ask for it takes a hundredth of what `digest` takes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid) "
            "+ pg_stat_get_xact_tuples_deleted(oid)) FROM unnest(%s::regclass[]) AS t(oid)",
            [_tables()],
        )
        return int(cursor.fetchone()[0])


@cache
def _tables() -> list[str]:
    return sorted(model._meta.db_table for model in workspace_models() if model._meta.label not in _NOT_BUSINESS)


@cache
def _digest_of_all() -> str:
    """All tables in one statement: fifty take ten times as long."""
    tables = _tables()
    rows = " UNION ALL ".join(f"SELECT '{table}' || t::text AS line FROM \"{table}\" t" for table in tables)
    return f"SELECT md5(string_agg(line, chr(10) ORDER BY line)) FROM ({rows}) AS everything"


@contextmanager
def undone(client: Client) -> Iterator[None]:
    """Take back what a request did: its rows, and what it told the browser to keep or forget (it may have signed out)."""
    cookies = client.cookies.output(header="", sep=";")
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    client.cookies.clear()
    client.cookies.load(cookies)


@contextmanager
def unrendered() -> Iterator[None]:
    """Pages stay empty: most of the time of a refused form is its page, and the view has done its work before."""
    render = Template.render
    Template.render = lambda self, context=None, request=None: SafeString("")  # type: ignore[method-assign]
    try:
        yield
    finally:
        Template.render = render  # type: ignore[method-assign]


def actors(workspace: Workspace, other: Workspace, rows: dict[str, WorkspaceRow]) -> dict[str, Callable[[], Client]]:
    """Eight who try: each a function that makes the browser in which she is signed in (or not)."""
    auditor = factories.make_member(workspace, Role.AUDITOR, name="Lowest Role")
    wrong_team = factories.make_member(workspace, Role.AGENT, name="Wrong Team", sees=Member.Sees.TEAM)
    ended = factories.make_member(workspace, Role.OWNER, name="Ended Seat")
    disabled = factories.make_member(workspace, Role.OWNER, name="Disabled User")
    expired = factories.make_member(workspace, Role.OWNER, name="Expired Session")
    homeless = factories.make_user("No Workspace")

    def ended_seat() -> Client:
        client = factories.signed_in(ended)
        with tenancy.inside(workspace):
            Member.objects.of(workspace).filter(id=ended.id).update(ended_at=clock.now())
        return client

    def disabled_user() -> Client:
        client = factories.signed_in(disabled)
        type(disabled.user).objects.filter(id=disabled.user_id).update(is_active=False)
        return client

    def expired_session() -> Client:
        client = factories.signed_in(expired)
        Session.objects.filter(user_id=expired.user_id).update(expire_date=datetime(2020, 1, 1, tzinfo=UTC))
        return client

    def without_workspace() -> Client:
        client = Client()
        client.force_login(homeless)
        return client

    return {
        "nobody": Client,
        "owner of another workspace": lambda: factories.signed_in(factories.owner_of(other)),
        "lowest role": lambda: factories.signed_in(auditor),
        "agent of the wrong team": lambda: factories.signed_in(wrong_team),
        "ended seat": ended_seat,
        "disabled user": disabled_user,
        "expired session": expired_session,
        "user without a workspace": without_workspace,
    }
