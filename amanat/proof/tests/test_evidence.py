"""Evidence cannot be changed, taken out or cut off without it being found; the application itself may not even try."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, transaction
from django.utils.translation import gettext_lazy, override

from amanat.accounts.models import Workspace
from amanat.core import clock, tenancy
from amanat.proof import evidence, wording
from amanat.proof.evidence import Ran
from amanat.proof.models import Evidence, Outcome, Round


def write(workspace: Workspace, *names: str, outcome: Outcome = Outcome.KEPT) -> None:
    with tenancy.inside(workspace):
        ran = [Ran(name, outcome, "{count} members", {"count": 1206500}, 3) for name in names]
        evidence.append(workspace.id, ran, policy_number=1, at=clock.now())


def verified(workspace: Workspace) -> tuple[int, str]:
    with tenancy.inside(workspace):
        return evidence.verify(workspace.id)


def test_each_row_holds_the_digest_of_the_one_before(shree: Workspace) -> None:
    write(shree, "a", "b")
    write(shree, "a")
    with tenancy.inside(shree):
        rows = list(Evidence.objects.of(shree).order_by("number"))
    assert [row.number for row in rows] == [1, 2, 3]
    assert [row.previous for row in rows] == [evidence.FIRST, rows[0].digest, rows[1].digest]
    assert verified(shree) == (3, "")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE proof_evidence SET facts = '{\"count\": 2}' WHERE number = 2",
        "UPDATE proof_evidence SET outcome = 'broken' WHERE number = 2",
        "UPDATE proof_evidence SET at = at + interval '1 second' WHERE number = 2",
        "UPDATE proof_evidence SET said = 'all well' WHERE number = 2",
    ],
)
def test_a_changed_row_is_named(
    committed_db: None, shree: Workspace, superuser: psycopg.Connection, change: str
) -> None:
    write(shree, "a", "b", "c")
    superuser.execute(change)
    superuser.commit()
    assert verified(shree) == (1, "evidence 2 was changed")


def test_a_row_put_behind_the_end_is_named(committed_db: None, shree: Workspace, superuser: psycopg.Connection) -> None:
    write(shree, "a", "b")
    superuser.execute(
        "UPDATE proof_round SET number = 1, digest = (SELECT digest FROM proof_evidence WHERE number = 1)"
    )
    superuser.commit()
    assert verified(shree) == (1, "evidence 2 stands behind the end of the chain")


def test_what_is_written_while_the_chain_is_read_breaks_nothing(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round of checks goes on in another process; the page that looks at the chain meets its row, or does not yet."""
    write(shree, "a", "b")
    whole, times = evidence.chain, iter([True, False])

    def meanwhile(workspace_id: Any, *, after: int = 0) -> Any:
        rows = list(whole(workspace_id, after=after)) if early else []
        if next(times):
            write(shree, "c")
        return iter(rows or list(whole(workspace_id, after=after)))

    monkeypatch.setattr(evidence, "chain", meanwhile)
    early = True
    assert verified(shree) == (2, "")
    early, times = False, iter([True, False])
    assert verified(shree) == (4, "")


@pytest.mark.parametrize("number", [2, 3])
def test_a_missing_row_is_named_even_the_last(
    committed_db: None, shree: Workspace, superuser: psycopg.Connection, number: int
) -> None:
    write(shree, "a", "b", "c")
    superuser.execute("DELETE FROM proof_evidence WHERE number = %s", [number])
    superuser.commit()
    assert verified(shree) == (number - 1, f"evidence {number} is missing")


def test_the_application_may_not_change_evidence(shree: Workspace) -> None:
    write(shree, "a")
    with tenancy.inside(shree), pytest.raises(DatabaseError), transaction.atomic():
        Evidence.objects.of(shree).update(outcome=Outcome.BROKEN)
    with tenancy.inside(shree), pytest.raises(DatabaseError), transaction.atomic():
        Evidence.objects.of(shree).filter(number=1)._raw_delete("default")  # type: ignore[attr-defined]


def test_latest_is_the_newest_of_each_that_was_asked_for(shree: Workspace, other: Workspace) -> None:
    write(shree, "a", "b", "a")
    write(other, "a")
    with tenancy.inside(shree):
        newest = evidence.latest(shree.id, ["a", "b", "never"])
    assert {name: row.number for name, row in newest.items()} == {"a": 3, "b": 2}


def test_the_round_remembers_the_end(shree: Workspace) -> None:
    write(shree, "a", "b")
    with tenancy.inside(shree):
        end = Round.objects.of(shree).get()
        last = Evidence.objects.of(shree).get(number=2)
    assert (end.number, end.digest) == (2, last.digest)


def test_a_message_is_stored_in_english_and_shown_with_figures_as_they_are_written() -> None:
    with override("hi"):
        assert evidence.message(gettext_lazy("Kept")) == "Kept"
    assert wording.filled(
        "{count} members, {share} on {day_on}", {"count": 1206500, "share": None, "day_on": "2026-11-22"}
    ) == ("12,06,500 members, – on 22 Nov 2026")


def test_a_message_whose_places_are_gone_is_shown_as_it_is() -> None:
    assert wording.filled("{gone} members", {"count": 1}) == "{gone} members"
