"""Who saw a person's data: what the ledger says of exports is found without reading all of it."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member
from amanat.basis import openings
from amanat.basis.models import Opening
from amanat.core import clock, ledger, tenancy
from amanat.people.tests import factories
from amanat.privacy.copies import seen


def test_exports_since_she_came_were_seen_and_no_others(shree: Workspace, other: Workspace) -> None:
    her = factories.make_contact(shree)
    for workspace, event, later in (
        (shree, "people.workspace.exported", 1), (shree, "people.contacts.exported", 2), (shree, "people.workspace.exported", -1),
        (shree, "people.contact.changed", 3), (other, "people.workspace.exported", 4),
    ):  # fmt: skip
        with tenancy.inside(workspace):
            ledger.write(event, workspace=workspace, at=her.created_at + timedelta(hours=later))
    with tenancy.inside(shree):
        found = [one.at for one in seen._exports(shree.pk, her.pk, 10)]
    assert found == [her.created_at + timedelta(hours=2), her.created_at + timedelta(hours=1)]


def test_a_long_ledger_is_asked_for_exports_by_their_own_index(shree: Workspace) -> None:
    """The statement as it is sent, where the ledger has enough entries for the planner to see a difference."""
    her = factories.make_contact(shree)
    with tenancy.inside(shree):
        with CaptureQueriesContext(connection) as statements:
            list(seen._exports(shree.pk, her.pk, 10))
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO core_ledgerentry (workspace_id, id, at, event, facts) "
                "SELECT %s, gen_random_uuid(), now(), 'row.updated', '{}' FROM generate_series(1, 3000)",
                [shree.pk],
            )
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {statements[-1]['sql']}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "core_ledgerentry" in plan
    assert "ledger_of_exports" in plan, plan


def test_an_opened_value_is_told_once_with_field_and_reason(shree: Workspace) -> None:
    her, agent = factories.make_contact(shree), make_member(shree, Role.AGENT)
    with tenancy.inside(shree):
        openings.open_value(
            contact=her, name="birthday", purpose="service", reason=Opening.Reason.CHECK, words="form asks for it", by=agent,
            at=clock.now(),
        )  # fmt: skip
        told = [(one.member_id, one.what) for one in seen.of(her.pk, workspace=shree) if one.member_id == agent.pk]
    assert told == [
        (agent.pk, "Opened a masked value: birthday. To check who the person is: “form asks for it”")
    ]  # fmt: skip
