"""A check that goes on from a mark finds what a check from the first entry finds, and a mark is only ever a reason to do less."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Workspace
from amanat.core import clock, ids, ledger, ledger_marks, tenancy
from amanat.core.models import LedgerEntry
from tests.promises.test_ledger_tampering import COLUMNS, rechained

pytestmark = pytest.mark.usefixtures("committed_db")


def fill(workspace: Workspace, count: int) -> list[LedgerEntry]:
    with tenancy.inside(workspace):
        for number in range(count):
            ledger.write(
                "test.entry.written",
                workspace=workspace,
                by=ids.new(),
                about=ids.new(),
                number=number,
                deep={"list": [1, None, True]},
            )
    ledger.seal(workspace.pk)
    return sealed(workspace)


def sealed(workspace: Workspace) -> list[LedgerEntry]:
    with tenancy.inside(workspace):
        return list(LedgerEntry.objects.of(workspace).filter(number__isnull=False).order_by("number"))


def mark_of(workspace: Workspace) -> Path:
    return Path(settings.LEDGER_HEADS_FILE).with_name("ledger-verified") / f"{workspace.pk}.json"


def go_on(workspace: Workspace) -> ledger.Verdict:
    return ledger.verify(workspace.pk, whole=False)


def test_the_second_check_recomputes_only_what_is_new(shree: Workspace) -> None:
    before = len(fill(shree, 5))
    assert go_on(shree) == ledger.Verdict(shree.pk, before, None)  # nothing to go on from: whole
    assert go_on(shree) == ledger.Verdict(shree.pk, before, None, recomputed_from=before + 1)
    after = len(fill(shree, 3))
    assert go_on(shree) == ledger.Verdict(shree.pk, after, None, recomputed_from=before + 1)
    assert go_on(shree).recomputed_from == after + 1
    assert ledger.verify(shree.pk) == ledger.Verdict(shree.pk, after, None)


@pytest.mark.slow
def test_whatever_is_changed_below_the_mark_is_found_and_named(shree: Workspace, superuser: psycopg.Connection) -> None:
    """Every column of an entry, each at the first, a middle and the last place; the mark was made before."""
    entries = [entry for entry in fill(shree, 5) if entry.event == "test.entry.written"]
    superuser.execute("SET session_replication_role = replica")
    superuser.execute("CREATE TEMP TABLE untouched AS SELECT * FROM core_ledgerentry")
    assert go_on(shree).is_intact
    kept = mark_of(shree).read_bytes()
    for name, (assignment, expected) in COLUMNS.items():
        for entry in (entries[0], entries[2], entries[-1]):
            superuser.execute(f"UPDATE core_ledgerentry SET {assignment.format()} WHERE id = '{entry.pk}'")
            superuser.commit()
            problem = go_on(shree).problem or ""
            assert problem.startswith(expected.format(n=entry.number)), (name, problem)
            assert mark_of(shree).read_bytes() == kept, "a check that found something leaves no mark"
            superuser.execute("TRUNCATE core_ledgerentry; INSERT INTO core_ledgerentry SELECT * FROM untouched")
            superuser.commit()
    assert go_on(shree).is_intact


def test_deleted_cut_off_and_sewn_together_entries_are_found(shree: Workspace, superuser: psycopg.Connection) -> None:
    entries = fill(shree, 6)
    superuser.execute("SET session_replication_role = replica")
    superuser.execute("CREATE TEMP TABLE untouched AS SELECT * FROM core_ledgerentry")
    assert go_on(shree).is_intact
    last, middle = entries[-1], entries[2]
    attacks: list[tuple[list[str], str]] = [
        ([f"DELETE FROM core_ledgerentry WHERE id = '{last.pk}'"], f"entry {last.number} is missing"),
        ([f"DELETE FROM core_ledgerentry WHERE id = '{middle.pk}'"], f"entry {middle.number} is missing"),
        (
            [f"DELETE FROM core_ledgerentry WHERE id = '{middle.pk}'", *rechained([*entries[:2], *entries[3:]])],
            f"entry {last.number} is missing",
        ),
        ([f"DELETE FROM core_ledgerentry WHERE workspace_id = '{shree.pk}'"], "entry 1 is missing"),
    ]
    for statements, expected in attacks:
        superuser.execute("; ".join(statements))
        superuser.commit()
        assert (go_on(shree).problem or "").startswith(expected), statements
        superuser.execute("TRUNCATE core_ledgerentry; INSERT INTO core_ledgerentry SELECT * FROM untouched")
        superuser.commit()


def _more_reached(said: dict[str, object]) -> None:
    said["number"] = int(str(said["number"])) - 1


def _other_fingerprint(said: dict[str, object]) -> None:
    said["fingerprint"] = "0" * 64


def _younger(said: dict[str, object]) -> None:
    said["whole_at"] = (clock.now() + timedelta(days=1)).isoformat()


def _unsigned(said: dict[str, object]) -> None:
    del said["signed"]


@pytest.mark.parametrize("change", [_more_reached, _other_fingerprint, _younger, _unsigned])
def test_a_mark_that_is_not_ours_counts_for_nothing(
    shree: Workspace, change: Callable[[dict[str, object]], None]
) -> None:
    entries = len(fill(shree, 3))
    go_on(shree)
    said = json.loads(mark_of(shree).read_text())
    change(said)
    mark_of(shree).write_text(json.dumps(said))
    assert go_on(shree) == ledger.Verdict(shree.pk, entries, None)


def test_the_mark_of_another_workspace_counts_for_nothing(shree: Workspace, other: Workspace) -> None:
    fill(shree, 3)
    entries = len(fill(other, 3))
    go_on(shree)
    mark_of(other).write_bytes(mark_of(shree).read_bytes())
    assert go_on(other) == ledger.Verdict(other.pk, entries, None)


@pytest.mark.parametrize("left", [b"", b"{", b"null", b"[]", b'{"signed": 1}'])
def test_a_damaged_mark_costs_time_and_nothing_else(shree: Workspace, left: bytes) -> None:
    entries = len(fill(shree, 3))
    go_on(shree)
    mark_of(shree).write_bytes(left)
    assert go_on(shree) == ledger.Verdict(shree.pk, entries, None)
    assert go_on(shree).recomputed_from == entries + 1


def test_after_a_week_everything_is_recomputed(shree: Workspace) -> None:
    entries, now = len(fill(shree, 3)), clock.now()
    with clock.standing_at(now):
        go_on(shree)
    with clock.standing_at(now + timedelta(days=6)):
        assert go_on(shree).recomputed_from == entries + 1  # which does not make the mark any younger
    with clock.standing_at(now + timedelta(days=7)):
        assert go_on(shree).recomputed_from == 1


def test_blocks_make_no_difference_to_what_is_found(
    shree: Workspace, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger of many blocks, whose mark lies at the end of one, inside of one, and in the last."""
    monkeypatch.setattr(ledger_marks, "BLOCK", 3)
    for more in (6, 1, 2, 4):
        before = len(sealed(shree))
        after = len(fill(shree, more))
        assert go_on(shree) in {
            ledger.Verdict(shree.pk, after, None, recomputed_from=before + 1),
            ledger.Verdict(shree.pk, after, None),  # the first
        }
        assert go_on(shree).recomputed_from == after + 1
    superuser.execute("SET session_replication_role = replica")
    for entry in (sealed(shree)[place] for place in (0, 2, 3, -1)):
        for changed, problem in (("event || 'x'", f"entry {entry.number} "), ("left(event, -1)", "None")):  # and back
            superuser.execute(f"UPDATE core_ledgerentry SET event = {changed} WHERE id = '{entry.pk}'")
            superuser.commit()
            assert problem in str(go_on(shree).problem)


def test_the_fingerprint_is_taken_in_statements_of_a_block_each(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No ledger may grow too long for the time that a statement of a probe has."""
    monkeypatch.setattr(ledger_marks, "BLOCK", 2)
    fill(shree, 5)
    with tenancy.inside(shree), CaptureQueriesContext(connection) as statements:
        found = ledger_marks.fingerprints(shree.pk, upto=0)
    assert found.number == len(sealed(shree))
    assert len(statements) == found.number // 2 + 1
    assert all("LIMIT 2" in each["sql"] for each in statements)
