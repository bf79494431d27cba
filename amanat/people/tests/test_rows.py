"""Rows of models from SQL written by hand are what a queryset would give."""

from __future__ import annotations

from django.db import connection

from amanat.accounts.models import Member, Workspace
from amanat.core import tenancy
from amanat.core.rows import Reader
from amanat.people import saved_views
from amanat.people.lists import Definition
from amanat.people.models import SavedView
from amanat.people.tests.factories import owner


def test_two_models_of_one_answer_equal_those_of_a_queryset(shree: Workspace) -> None:
    members, workspaces = Reader(Member, "m"), Reader(Workspace, "w")
    with tenancy.inside(shree), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {members.columns}, {workspaces.columns} FROM accounts_member m "
            "JOIN accounts_workspace w ON w.id = m.workspace_id"
        )
        values = cursor.fetchone()
        kept = Member.objects.of(shree).select_related("workspace").get()
    member, workspace = members.row(values[: members.width]), workspaces.row(values[members.width :])
    for made, asked in ((member, kept), (workspace, kept.workspace)):
        names = [field.attname for field in made._meta.concrete_fields]
        assert {name: getattr(made, name) for name in names} == {name: getattr(asked, name) for name in names}
        assert not made._state.adding
        assert made._state.db == "default"


def test_values_that_the_database_keeps_as_json_are_read(shree: Workspace) -> None:
    definition = Definition(filters={"has_phone": ["yes"]}, sort="name")
    with tenancy.inside(shree):
        member = owner(shree)
        saved_views.save(member=member, at=member.joined_at, name="With a phone", definition=definition)
        (seen,) = saved_views.seen_by(member, on="contact")
        assert seen.definition == SavedView.objects.of(shree).get().definition == definition.as_json()
