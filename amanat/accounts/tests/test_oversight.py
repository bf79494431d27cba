"""The ledger's page and the jobs page."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Team, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests import factories
from amanat.core import jobs, ledger, tenancy
from amanat.core.models import LedgerEntry

pytestmark = pytest.mark.django_db


def _statements(queries: CaptureQueriesContext) -> int:
    frame = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK")
    return sum(not query["sql"].startswith(frame) for query in queries.captured_queries)


def test_an_owner_reads_what_happened_and_who_did_it(shree: Workspace) -> None:
    owner = factories.owner_of(shree)
    with tenancy.inside(shree, actor=owner.id):
        Team.objects.create(workspace_id=shree.id, name="Counter")
        ledger.write("people.contact.merged", workspace=shree, by=owner, count=2)
    page = factories.signed_in(owner).get("/settings/ledger/").content.decode()
    assert "team: 1 added" in page
    assert "Contacts merged (2)" in page
    assert page.count(owner.name) >= 2


def test_an_agent_may_not_read_the_ledger(shree: Workspace) -> None:
    agent = factories.make_member(shree, Role.AGENT)
    assert factories.signed_in(agent).get("/settings/ledger/").status_code == 403


def test_an_auditor_may_read_the_ledger_but_not_retry_jobs(shree: Workspace) -> None:
    client = factories.signed_in(factories.make_member(shree, Role.AUDITOR))
    assert client.get("/settings/ledger/").status_code == 200
    assert client.post("/settings/jobs/1/again/").status_code == 403


def test_entries_of_another_workspace_are_not_there(shree: Workspace, other: Workspace) -> None:
    with tenancy.inside(other):
        ledger.write("canary.of.another", workspace=other)
    assert "canary" not in factories.signed_in(factories.owner_of(shree)).get("/settings/ledger/").content.decode()


@pytest.mark.slow
def test_older_entries_follow_without_gap_or_repeat(shree: Workspace) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    with tenancy.inside(shree):
        for number in range(120):
            ledger.write(f"test.entry.n{number:03d}", workspace=shree)
        total = LedgerEntry.objects.of(shree).count()
    seen: list[str] = []
    url = "/settings/ledger/"
    while url:
        response = client.get(url)
        seen += [str(line[0].id) for line in response.context["lines"]]
        older = response.context["older"]
        url = f"/settings/ledger/?after={older.replace('+', '%2B')}" if older else ""
    assert len(seen) == len(set(seen)) == total


@pytest.mark.parametrize("after", ["x", "2026-01-01~x", "~", "2026-13-45T00:00:00~0"])
def test_a_made_up_place_is_refused(after: str, shree: Workspace) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    assert client.get("/settings/ledger/", {"after": after}).status_code == 400


@pytest.mark.slow
def test_the_page_costs_the_same_for_few_and_many_entries(shree: Workspace) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    client.get("/settings/ledger/")
    counts = []
    for more in (1, 100):
        with tenancy.inside(shree):
            for _number in range(more):
                ledger.write("test.entry.written", workspace=shree, by=factories.owner_of(shree))
        with CaptureQueriesContext(connection) as queries:
            client.get("/settings/ledger/")
        counts.append(_statements(queries))
    assert counts[0] == counts[1] <= 8


def test_the_check_button_says_that_the_ledger_is_whole(shree: Workspace) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    ledger.seal(shree.id)
    page = client.post("/settings/ledger/verification/", follow=True).content.decode()
    assert "The ledger is whole" in page


def test_a_failed_job_is_shown_and_can_be_tried_again(shree: Workspace, other: Workspace) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    name = next(name for name, job in jobs.registered().items() if job.every is None)
    with tenancy.inside(shree):
        number = jobs.enqueue(name, workspace=shree)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'failed' WHERE id = %s", [number])
    again = f"/settings/jobs/{number}/again/"
    assert again in client.get("/settings/jobs/").content.decode()
    foreign = factories.signed_in(factories.owner_of(other))
    assert again not in foreign.get("/settings/jobs/").content.decode()
    assert foreign.post(f"/settings/jobs/{number}/again/").status_code == 404
    assert client.post(f"/settings/jobs/{number}/again/").status_code == 303
    with connection.cursor() as cursor:
        cursor.execute("SELECT status::text FROM procrastinate_jobs WHERE id = %s", [number])
        assert cursor.fetchone() == ("todo",)
