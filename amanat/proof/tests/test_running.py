"""Probes are run when they are due, each for itself; what they raise turns red, and nothing they do stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from amanat.accounts.models import Workspace
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry, Tally
from amanat.policy import probing
from amanat.policy.probing import Asked, Finding, Scope
from amanat.proof import evidence, running, tasks
from amanat.proof.models import Evidence, InstallationFinding, Outcome, Round

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
type Register = Callable[..., None]


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Iterator[Register]:
    """An empty registry, and a way to put probes into it."""
    monkeypatch.setattr(probing, "_probes", {})

    def register(name: str, run: Callable[[Asked], Finding], **options: object) -> None:
        options = {"keys": ("S-PW",), "rules": ("security",), **options}
        probing.probe(name, name, **options)(run)  # type: ignore[arg-type]

    yield register


def kept(asked: Asked) -> Finding:
    return Finding(True, "{done} of {all} members", {"done": 3, "all": 3})


def broken(asked: Asked) -> Finding:
    return Finding(False, "{done} of {all} members", {"done": 2, "all": 3})


def failing(asked: Asked) -> Finding:
    raise ValueError("Asha Menon, +919822041736")


def all_rows(workspace: Workspace) -> list[Evidence]:
    with tenancy.inside(workspace):
        return list(Evidence.objects.of(workspace).order_by("number"))


def test_run_all_writes_what_each_probe_found(shree: Workspace, only: Register) -> None:
    only("good", kept)
    only("bad", broken)
    running.run_all(shree.id)
    found = {row.probe: (row.outcome, row.said, row.facts) for row in all_rows(shree)}
    assert found == {
        "good": (Outcome.KEPT, "{done} of {all} members", {"done": 3, "all": 3}),
        "bad": (Outcome.BROKEN, "{done} of {all} members", {"done": 2, "all": 3}),
    }


def test_what_a_probe_raises_is_red_and_names_nobody(shree: Workspace, only: Register) -> None:
    only("failing", failing)
    only("good", kept)
    running.run_all(shree.id)
    first, second = all_rows(shree)
    assert (first.outcome, first.facts) == (Outcome.COULD_NOT_RUN, {"reason": "ValueError"})
    assert "Asha" not in str(first.facts) + first.said
    assert second.outcome == Outcome.KEPT


def test_a_failing_statement_does_not_spoil_the_next_probe(shree: Workspace, only: Register) -> None:
    def no_such_table(asked: Asked) -> Finding:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM there_is_no_such_table")
        return Finding(True, "")

    only("failing", no_such_table)
    only("good", kept)
    running.run_all(shree.id)
    assert [row.outcome for row in all_rows(shree)] == [Outcome.COULD_NOT_RUN, Outcome.KEPT]


def test_a_probe_leaves_nothing_behind(shree: Workspace, only: Register) -> None:
    def writes(asked: Asked) -> Finding:
        Tally.objects.create(workspace_id=asked.workspace_id, what="left by a probe", change=1)
        return Finding(Tally.objects.of(asked.workspace_id).filter(what="left by a probe").exists(), "")

    only("writes", writes)
    running.run_all(shree.id)
    assert [row.outcome for row in all_rows(shree)] == [Outcome.KEPT]
    with tenancy.inside(shree):
        assert not Tally.objects.of(shree).filter(what="left by a probe").exists()


def test_facts_that_are_no_json_are_a_probe_that_could_not_run(shree: Workspace, only: Register) -> None:
    only("odd", lambda asked: Finding(True, "", {"at": object()}))  # type: ignore[dict-item]
    running.run_all(shree.id)
    assert [row.outcome for row in all_rows(shree)] == [Outcome.COULD_NOT_RUN]


def test_only_what_is_due_runs_again(shree: Workspace, only: Register) -> None:
    only("hourly", kept, minutes=60)
    only("daily", kept, minutes=24 * 60)
    with clock.standing_at(NOON):
        running.run_due(shree.id)
    with clock.standing_at(NOON + timedelta(minutes=59)):
        assert running.run_due(shree.id) == []
    with clock.standing_at(NOON + timedelta(minutes=61)):
        assert [row.probe for row in running.run_due(shree.id)] == ["hourly"]
    with clock.standing_at(NOON + timedelta(minutes=24 * 60 + 1)):
        assert [row.probe for row in running.run_due(shree.id)] == ["daily", "hourly"]


def test_the_next_look_is_when_the_first_probe_is_due(shree: Workspace, only: Register) -> None:
    only("often", kept, minutes=7)
    with clock.standing_at(NOON):
        running.run_due(shree.id)
    with tenancy.inside(shree):
        assert Round.objects.of(shree).get().due_at == NOON + timedelta(minutes=7)


def test_a_workspace_is_looked_at_every_hour_even_when_nothing_is_due(shree: Workspace, only: Register) -> None:
    only("monthly", kept, minutes=30 * 24 * 60)
    with clock.standing_at(NOON):
        running.run_due(shree.id)
    with tenancy.inside(shree):
        assert Round.objects.of(shree).get().due_at == NOON + running.LOOKED_AT_EVERY


def test_only_probes_of_rules_the_policy_has_are_run(shree: Workspace, only: Register) -> None:
    only("there", kept, rules=("security.password", "nowhere.at_all"))
    only("nowhere", kept, rules=("keep.nowhere",))
    running.run_all(shree.id)
    assert [row.probe for row in all_rows(shree)] == ["there"]


def test_the_workspaces_that_wait_longest_come_first(shree: Workspace, other: Workspace, only: Register) -> None:
    only("hourly", kept, minutes=60)
    with clock.standing_at(NOON):
        running.run_due(other.id)
    with clock.standing_at(NOON + timedelta(minutes=5)):
        assert tasks.to_probe() == [shree.id]
        running.run_due(shree.id)
    with clock.standing_at(NOON + timedelta(minutes=66)):
        assert tasks.to_probe() == [other.id, shree.id]


def test_a_probe_of_the_installation_runs_once_and_is_shown_to_each(
    shree: Workspace, other: Workspace, only: Register
) -> None:
    runs: list[Asked] = []

    def whole(asked: Asked) -> Finding:
        runs.append(asked)
        return Finding(True, "all", {})

    only("whole", whole, scope=Scope.INSTALLATION)
    with clock.standing_at(NOON):
        running.run_due(shree.id)
        running.run_due(other.id)
    assert len(runs) == 1
    assert [row.probe for row in all_rows(shree) + all_rows(other)] == ["whole", "whole"]
    assert InstallationFinding.objects.count() == 1


def test_asked_for_now_a_probe_of_the_installation_runs_afresh(shree: Workspace, only: Register) -> None:
    answers = [Finding(True, "all", {}), Finding(False, "none", {})]
    only("whole", lambda asked: answers.pop(0), scope=Scope.INSTALLATION)
    running.run_all(shree.id)
    running.run_all(shree.id)
    assert [row.outcome for row in all_rows(shree)] == [Outcome.KEPT, Outcome.BROKEN]


def test_a_promise_that_breaks_and_is_kept_again_stands_in_the_ledger(shree: Workspace, only: Register) -> None:
    answers = [True, False, False, True]
    only("changing", lambda asked: Finding(answers.pop(0), "", {}))
    for _ in range(4):
        running.run_all(shree.id)
    with tenancy.inside(shree):
        events = LedgerEntry.objects.of(shree).filter(event__startswith="proof.promise").order_by("at", "id")
        assert [(entry.event, entry.facts["evidence"]) for entry in events] == [
            ("proof.promise.broken", 2),
            ("proof.promise.kept_again", 4),
        ]


def test_the_chain_is_whole_and_its_end_is_in_the_ledger(shree: Workspace, only: Register) -> None:
    only("good", kept)
    only("bad", broken)
    running.run_all(shree.id)
    running.run_all(shree.id)
    with tenancy.inside(shree):
        assert evidence.verify(shree.id) == (4, "")
        published = (
            LedgerEntry.objects.of(shree).filter(event="proof.evidence.published").order_by("-at", "-id").first()
        )
        assert published is not None
        end = Evidence.objects.of(shree).get(number=published.facts["number"])
        assert end.digest == published.facts["digest"]


@pytest.mark.slow
def test_every_check_of_the_program_can_run_in_every_workspace(shree: Workspace, other: Workspace) -> None:
    """Whatever it finds: a check that raises shows nothing. In the first workspace, whose page is the site's own, and in another."""
    for workspace in (shree, other):
        ran = running.run_all(workspace.id)
        assert len(ran) > 100
        assert [row.probe for row in ran if row.outcome == Outcome.COULD_NOT_RUN] == []
