"""Rows from hand-written SQL are the very rows a queryset gives."""

from __future__ import annotations

import pytest
from django.db import connection, models

from amanat.accounts.models import Member, Session, User, Workspace
from amanat.accounts.tests import factories
from amanat.core import ledger, tenancy
from amanat.core.models import LedgerEntry, LimitCount
from amanat.core.rows import Reader


def read[Row: models.Model](model: type[Row], where: str, values: list[object]) -> list[Row]:
    reader = Reader(model, "x")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {reader.columns} FROM {model._meta.db_table} x WHERE {where}", values)
        return [reader.row(row) for row in cursor.fetchall()]


def fields(row: models.Model) -> dict[str, object]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_a_row_is_as_a_queryset_gives_it(shree: Workspace) -> None:
    member = factories.owner_of(shree)
    with tenancy.inside(shree):
        (found,) = read(Member, "x.id = %s", [member.pk])
        assert fields(found) == fields(Member.objects.of(shree).get(pk=member.pk))
    (user,) = read(User, "x.id = %s", [member.user_id])
    assert fields(user) == fields(User.objects.get(pk=member.user_id))
    assert user == member.user


def test_values_that_need_reading_are_read(shree: Workspace) -> None:
    """JSON comes back as values, not as text."""
    facts = {"count": 3, "fields": ["name", "नाव"], "none": None}
    with tenancy.inside(shree):
        entry = ledger.write("test.entry.written", workspace=shree, **facts)
        (found,) = read(LedgerEntry, "x.id = %s", [entry.pk])
        assert found.facts == facts
        assert fields(found) == fields(LedgerEntry.objects.of(shree).get(pk=entry.pk))


def test_a_row_can_be_saved_as_any_other(shree: Workspace) -> None:
    with tenancy.inside(shree):
        (found,) = read(Workspace, "x.id = %s", [shree.pk])
        assert not found._state.adding and found._state.db == "default"
        found.name = "Renamed"
        found.save(update_fields=["name"])
        assert read(Workspace, "x.id = %s", [shree.pk])[0].name == "Renamed"


@pytest.mark.parametrize("model", [Member, User, Session, Workspace, LedgerEntry, LimitCount])
def test_the_width_is_the_number_of_columns(model: type[models.Model], shree: Workspace) -> None:
    reader = Reader(model, "m")
    assert reader.width == len(model._meta.concrete_fields) == reader.columns.count('m."')


def test_two_models_share_one_answer(shree: Workspace) -> None:
    member = factories.owner_of(shree)
    members, users = Reader(Member, "m"), Reader(User, "u")
    with tenancy.inside(shree), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {members.columns}, {users.columns} FROM accounts_member m JOIN accounts_user u ON u.id = m.user_id"
        )
        (row,) = cursor.fetchall()
    assert members.row(row[: members.width]) == member
    assert users.row(row[members.width :]) == member.user
