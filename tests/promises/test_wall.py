"""The wall in the database: what the catalogue says, and what the application's role can and cannot do."""

from __future__ import annotations

import psycopg
import pytest
from django.db import DatabaseError, connection, connections, transaction

from amanat.accounts.models import Member, Team, TeamMember, Workspace
from amanat.core import schema, tenancy
from amanat.core.models import LedgerEntry
from amanat.core.tenancy import Unscoped

pytestmark = pytest.mark.django_db(databases=["default", "owner"])


def test_the_catalogue_shows_no_problem() -> None:
    assert schema.problems() == []


def test_protecting_twice_changes_nothing() -> None:
    schema.protect(using="owner")
    assert schema.problems(using="owner") == []


PLANTED = {
    "a table without row-level security": (
        "CREATE TABLE planted (workspace_id uuid, id uuid)",
        "table planted has a workspace but no forced row-level security with a policy",
    ),
    "a policy taken away": (
        "DROP POLICY wall ON people_contact",
        "table people_contact has a workspace but no forced row-level security with a policy",
    ),
    "force switched off": (
        "ALTER TABLE people_contact NO FORCE ROW LEVEL SECURITY",
        "table people_contact has a workspace but no forced row-level security with a policy",
    ),
    "a plain view": (
        "CREATE VIEW planted AS SELECT * FROM people_contact",
        "view planted does not run with its reader's rights (security_invoker)",
    ),
    "a materialized view": (
        "CREATE MATERIALIZED VIEW planted AS SELECT * FROM people_contact; GRANT SELECT ON planted TO amanat_app",
        "materialized view planted can be read by the application",
    ),
    "a definer function": (
        "CREATE FUNCTION planted() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
        "function planted runs with its owner's rights and is not on the reviewed list",
    ),
    "a unique index across workspaces": (
        "CREATE UNIQUE INDEX planted ON people_phone (number)",
        "unique index planted of table people_phone does not include the workspace",
    ),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_fault_is_found(planted: str) -> None:
    sql, sentence = PLANTED[planted]
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute(sql)
        found = schema.problems(using="owner")
        transaction.set_rollback(True, using="owner")
    assert found == [sentence]


@pytest.mark.parametrize("sql", ["ALTER ROLE amanat_app BYPASSRLS", "GRANT amanat_owner TO amanat_app"])
def test_too_mighty_an_application_role_is_found(sql: str, superuser: psycopg.Connection) -> None:
    with superuser.transaction(force_rollback=True):
        superuser.execute(sql)
        sentence, query, parameters = schema.checks()[4]
        found = [sentence.format(*row) for row in superuser.execute(query, parameters)]
    assert found == ["the application's role amanat_app is an owner, a superuser or may bypass row-level security"]


def test_without_a_workspace_there_are_no_rows(shree: Workspace) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM accounts_member")
        assert cursor.fetchone() == (0,)
    with tenancy.inside(shree), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM accounts_member")
        assert cursor.fetchone()[0] > 0


def test_a_row_cannot_be_written_into_another_workspace(shree: Workspace, other: Workspace) -> None:
    with pytest.raises(DatabaseError, match="row-level security"), tenancy.inside(shree):
        Team.objects.create(workspace_id=other.id, name="Smuggled")


def test_a_row_cannot_be_moved_to_another_workspace(shree: Workspace, other: Workspace) -> None:
    with tenancy.inside(shree):
        team = Team.objects.create(workspace_id=shree.id, name="Counter")
    with pytest.raises(DatabaseError, match="row-level security"), tenancy.inside(shree), connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_team SET workspace_id = %s WHERE id = %s", [other.id, team.id])


def test_the_database_refuses_a_reference_across_workspaces(shree: Workspace, other: Workspace) -> None:
    with tenancy.inside(other):
        foreign = Member.objects.of(other).get()
    with pytest.raises(DatabaseError, match="foreign key"), tenancy.inside(shree):
        team = Team.objects.create(workspace_id=shree.id, name="Counter")
        TeamMember.objects.create(workspace_id=shree.id, team=team, member_id=foreign.id)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE people_contact DISABLE ROW LEVEL SECURITY",
        "TRUNCATE people_contact",
        "SET ROLE amanat_owner",
        "CREATE TABLE mine (id int)",
        "UPDATE core_ledgerentry SET event = 'x'",
        "DELETE FROM core_ledgerentry",
        "DELETE FROM desk_paperopening",
    ],
)
def test_the_application_may_not(sql: str, shree: Workspace) -> None:
    refusal = r"permission denied|must be owner"
    with pytest.raises(DatabaseError, match=refusal), tenancy.inside(shree), connection.cursor() as cursor:
        cursor.execute(sql)


def test_reading_without_a_workspace_raises_before_the_database(shree: Workspace) -> None:
    for read in (
        lambda: list(Team.objects.all()),
        Team.objects.count,
        Team.objects.exists,
        lambda: Team.objects.filter(name="x").first(),
    ):
        with pytest.raises(Unscoped):
            read()


def test_relations_keep_the_workspace(shree: Workspace) -> None:
    with tenancy.inside(shree):
        member = Member.objects.of(shree).get()
        team = Team.objects.create(workspace_id=shree.id, name="Counter")
        TeamMember.objects.create(workspace_id=shree.id, team=team, member=member)
        assert [seat.member_id for seat in team.seats.all()] == [member.id]
        assert [
            seat.team_id for seat in Member.objects.of(shree).prefetch_related("team_seats").get().team_seats.all()
        ] == [team.id]


def test_a_transaction_about_one_workspace_cannot_enter_another(shree: Workspace, other: Workspace) -> None:
    with tenancy.inside(shree), pytest.raises(Unscoped), tenancy.inside(other):
        pass


def test_the_workspace_is_forgotten_after_the_block(shree: Workspace) -> None:
    with tenancy.inside(shree):
        assert tenancy.current() == shree.id
    assert tenancy.current() is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM accounts_member")
        assert cursor.fetchone() == (0,)


def test_every_change_of_a_business_row_is_in_the_ledger_without_values(shree: Workspace) -> None:
    with tenancy.inside(shree):
        team = Team.objects.create(workspace_id=shree.id, name="Counter")
        Team.objects.of(shree).filter(id=team.id).update(name="Front")
        team.delete()
        entries = LedgerEntry.objects.of(shree).filter(facts__table="accounts_team").order_by("at")
        assert [(entry.event, entry.facts.get("columns")) for entry in entries] == [
            ("row.inserted", None),
            ("row.updated", ["name"]),
            ("row.deleted", None),
        ]
        assert "Front" not in str([entry.facts for entry in entries])
