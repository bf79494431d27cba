"""Which version holds: against a simple model, at any moment, from any process, with two publishers at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import make_workspace
from amanat.core import clock, tenancy
from amanat.policy import documents, linting
from amanat.publishing import beginning, publish, versions
from amanat.publishing.models import PolicyDraft, PolicyVersion
from amanat.publishing.tests.samples import LEAD, LONGER, NOW, SHORTER, SOURCE, changed, published

DAY = timedelta(days=1)


def days(number: int) -> tuple[str, str]:
    """Content is kept for so many days after closure."""
    return LONGER[0], LONGER[0].replace("closure: P30D", f"closure: P{number}D")


def test_what_holds_is_found_by_one_statement_once_the_policy_is_known(shree: Workspace) -> None:
    published(shree)
    with tenancy.inside(shree):
        versions.in_force(shree, NOW)
        with CaptureQueriesContext(connection) as queries:
            assert versions.in_force(shree, NOW).number == 1
    assert len(queries) == 1


def test_what_another_process_publishes_holds_here_at_once(shree: Workspace, superuser: Any) -> None:
    first = published(shree)
    with tenancy.inside(shree):
        held = versions.in_force(shree, NOW + DAY)
        versions._policies.clear()
        again = versions.in_force(shree, NOW + DAY)
    assert (held.digest, held.number) == (again.digest, again.number) == (first.digest, 1)
    published(shree, SHORTER, at=NOW + DAY)
    with tenancy.inside(shree):
        assert str(versions.in_force(shree, NOW + DAY).policy.keep["content"].until["closure"]) == "P20D"


def test_the_clock_decides_without_anything_being_done(shree: Workspace) -> None:
    published(shree)
    published(shree, LONGER, at=NOW)
    with tenancy.inside(shree):
        with clock.standing_at(NOW + LEAD - DAY):
            assert versions.in_force(shree).number == 1
        with clock.standing_at(NOW + LEAD):
            assert versions.in_force(shree).number == 2


def test_the_stored_document_is_the_published_policy_in_its_own_order(shree: Workspace) -> None:
    row = published(shree)
    with tenancy.inside(shree):
        held = versions.in_force(shree, NOW)
    assert held.digest == row.digest == documents.content_hash(held.policy)
    assert list(held.policy.purposes)[:3] == ["service", "account", "payment"]
    assert versions.of_row(row).policy == held.policy


def test_a_version_cannot_be_changed_or_deleted_by_the_site(shree: Workspace) -> None:
    published(shree)
    rows = PolicyVersion.objects.of(shree)
    with tenancy.inside(shree):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.update(source="x")
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.delete()


def test_there_is_one_draft_a_workspace(shree: Workspace) -> None:
    with tenancy.inside(shree):
        PolicyDraft.objects.create(workspace_id=shree.pk, source="x", based_on=0, edited_at=NOW)
        with pytest.raises(IntegrityError), transaction.atomic():
            PolicyDraft.objects.create(workspace_id=shree.pk, source="y", based_on=0, edited_at=NOW)


def test_the_beginning_names_the_workspace_and_hides_no_missing_address(db: None) -> None:
    told = make_workspace("Shree CSC Kendra", legal_name="Shree Services LLP", place="Satara", email="a@shree.test",
                          phone="+912162234567", address="Main Road\nSatara")  # fmt: skip
    bare = make_workspace("Bare Traders")
    with tenancy.inside(told):
        parties = versions.in_force(told).policy.parties
    assert (parties.operator.name, parties.operator.office) == ("Shree Services LLP", "Satara")
    assert (parties.contact.email, parties.contact.post, parties.officer.email) == (
        "a@shree.test",
        "Main Road Satara",
        "a@shree.test",
    )
    with tenancy.inside(bare):
        found = linting.lint(versions.in_force(bare).policy)
    assert {one.path for one in found if one.check == "contact.missing"} == {
        "parties.contact.email", "parties.contact.phone", "parties.contact.post", "parties.officer.email",
    }  # fmt: skip


def test_details_told_later_are_in_the_beginning_at_once(shree: Workspace) -> None:
    with tenancy.inside(shree):
        assert versions.in_force(shree).policy.parties.contact.email == ""
        Workspace.objects.of(shree).update(email="new@shree.test")
        assert versions.in_force(shree).policy.parties.contact.email == "new@shree.test"


def test_the_first_policy_holds_from_the_day_of_the_shop(shree: Workspace) -> None:
    with tenancy.inside(shree):  # half past midnight in India
        Workspace.objects.of(shree).update(created_at=datetime(2026, 11, 22, 19, tzinfo=UTC))
        held = [versions.in_force(shree), versions.begins_with(shree)]
    assert {one.policy.head.effective for one in held} == {date(2026, 11, 23)}


def test_the_file_to_begin_with_says_what_holds(shree: Workspace) -> None:
    with tenancy.inside(shree):
        source, held = versions.source_of(shree, 0), versions.in_force(shree)
        planned = publish.plan(workspace=shree, source=source, at=held.effective_at)
    assert not planned.changes and source.startswith("# ")
    assert beginning.source(beginning.Details.of(shree), "agency") != source


def test_what_does_not_exist_is_said(shree: Workspace) -> None:
    with tenancy.inside(shree):
        for ask in (versions.numbered, versions.source_of):
            with pytest.raises(versions.NoVersion):
                ask(shree, 7)
    with pytest.raises(versions.NoWorkspace):
        versions.in_force(shree)


@pytest.mark.slow
def test_two_publishers_at_once_make_two_versions_in_a_row(committed_db: None, shree: Workspace) -> None:
    published(shree)

    def run(number: int) -> None:
        try:
            published(shree, days(30 - number), at=NOW + DAY)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(run, range(1, 5)))
    with tenancy.inside(shree):
        rows = list(versions.all_of(shree).order_by("number"))
    assert [row.number for row in rows] == [1, 2, 3, 4, 5]
    for before, row in pairwise(rows):
        longer = closure(row) > closure(before) and before.effective_at <= NOW + DAY
        assert (row.effective_at > NOW + DAY) == longer or row.is_material


def closure(row: PolicyVersion) -> int:
    return int(str(versions.of_row(row).policy.keep["content"].until["closure"]).strip("PD"))


class Model:
    """Versions as (number, days kept, from when), and the rule in one line each."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, datetime]] = []

    def holds(self, at: datetime) -> tuple[int, int]:
        return max(((number, kept) for number, kept, since in self.rows if since <= at), default=(0, 0))

    def publish(self, kept: int, at: datetime) -> None:
        if self.rows and self.rows[-1][1] == kept:
            return
        number, now = self.holds(at)
        since = at
        if number and kept > now:
            told = [since for n, k, since in self.rows if n > number and since > at and k >= kept]
            since = min(told, default=at + LEAD)
        self.rows.append((len(self.rows) + 1, kept, since))


@pytest.mark.slow
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(st.tuples(st.integers(20, 24), st.integers(0, 20)), min_size=1, max_size=5))
def test_any_series_of_publications_holds_as_the_model_says(db: None, acts: list[tuple[int, int]]) -> None:
    workspace, model, at = make_workspace("Property Traders"), Model(), NOW
    for kept, later in acts:
        at += later * DAY
        with tenancy.inside(workspace):
            publish.publish(workspace=workspace, source=changed(days(kept)), by=None, at=at)
        model.publish(kept, at)
    with tenancy.inside(workspace):
        rows = [(row.number, closure(row), row.effective_at) for row in versions.all_of(workspace).order_by("number")]
        assert rows == model.rows
        for moment in (NOW + number * DAY / 2 for number in range(0, 300, 7)):
            held = versions.in_force(workspace, moment)
            assert held.number == model.holds(moment)[0]


def test_the_sample_is_whole() -> None:
    assert not [one for one in linting.lint_text(SOURCE) if one.severity is linting.Severity.ERROR]
