"""The public page shows the very seals of the owner's board."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

from django.test import Client

from amanat.accounts.models import Workspace
from amanat.core import clock, tenancy
from amanat.proof import board, evidence
from amanat.proof.evidence import Ran
from amanat.proof.models import Outcome
from amanat.proof.tests.test_attesting import vouch
from amanat.publishing import seals
from amanat.publishing.seals import State


def found(workspace: Workspace, name: str, outcome: Outcome, said: str = "{n} found") -> str:
    with tenancy.inside(workspace):
        ran = [Ran(name, outcome, said, {"n": 3}, 1)]
        return evidence.append(workspace.id, ran, policy_number=0, at=clock.now())[0].digest


def test_before_any_check_nothing_is_kept(shree: Workspace) -> None:
    with tenancy.inside(shree):
        states = {clause: seal.state for clause, seal in seals.of(shree.id).items()}
    assert State.KEPT not in states.values()
    assert states["protect"] is State.UNKNOWN
    assert states["no-absolute"] is State.STATEMENT


def test_a_broken_promise_is_red_with_its_evidence(shree: Workspace) -> None:
    found(shree, "accounts.passwords", Outcome.KEPT)
    digest = found(shree, "core.backups", Outcome.BROKEN, "no backup for {n} days")
    with tenancy.inside(shree):
        seal = seals.of(shree.id)["protect"]
    assert (seal.state, seal.evidence, seal.said) == (State.BROKEN, digest, "no backup for 3 days")


def test_every_clause_has_the_state_of_the_board(shree: Workspace) -> None:
    found(shree, "proof.lint", Outcome.KEPT)
    with tenancy.inside(shree):
        shown = board.of(shree.id)
        given = seals.of(shree.id)
    assert {one.clause.id for one in shown.clauses} == set(given)
    for one in shown.clauses:
        assert given[one.clause.id].state in (State(str(one.state)), State.UNKNOWN)
        assert (given[one.clause.id].checked, given[one.clause.id].kept) in ((one.checked, one.kept), (0, 0))


def test_figures_of_the_board_count_each_promise_once(shree: Workspace) -> None:
    with tenancy.inside(shree):
        shown = board.of(shree.id)
    keys = {promise.key for clause in shown.clauses for promise in clause.promises}
    assert sum(shown.states.values()) == len(keys)
    assert shown.clause("protect") is not None
    assert shown.clause("nothing") is None


def test_attested_words_are_on_the_page_from_the_day_all_of_it_is_attested_to_its_end(shree: Workspace) -> None:
    today = clock.now().date()

    def is_said() -> bool:
        return "watched day and night" in Client().get(f"/w/{shree.id}/privacy/").content.decode()

    for name, end in (("premises", 200), ("surveillance", 100)):
        assert not is_said()
        vouch(
            shree, f"security.attest.{name}", paper=BytesIO(b"report"), paper_name="report.txt",
            done_on=today, at=clock.now(), valid_to=today + timedelta(days=end),
        )  # fmt: skip
    assert is_said()
    with clock.standing_at(clock.now() + timedelta(days=101)):
        assert not is_said()
