"""The chain: what is sealed cannot be changed, removed, swapped or cut off without being found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import DatabaseError, connections

from amanat.accounts.models import Workspace
from amanat.core import ledger, tenancy
from amanat.core.models import LedgerEntry, LedgerHead

pytestmark = pytest.mark.usefixtures("committed_db")


def _fill(workspace: Workspace, count: int = 5) -> None:
    with tenancy.inside(workspace):
        for number in range(count):
            ledger.write("test.entry.written", workspace=workspace, number=number)


def _sealed(workspace: Workspace) -> list[LedgerEntry]:
    with tenancy.inside(workspace):
        return list(LedgerEntry.objects.of(workspace).filter(number__isnull=False).order_by("number"))


def test_sealing_numbers_entries_from_one_without_gap(shree: Workspace) -> None:
    _fill(shree)
    ledger.seal(shree.id)
    _fill(shree, 3)
    ledger.seal(shree.id)
    entries = _sealed(shree)
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry.previous for entry in entries[1:]] == [entry.hash for entry in entries[:-1]]
    assert ledger.verify(shree.id) == ledger.Verdict(shree.id, len(entries), None)


def test_sealing_again_with_nothing_new_changes_nothing(shree: Workspace) -> None:
    _fill(shree)
    ledger.seal(shree.id)
    before = _sealed(shree)
    assert ledger.seal(shree.id) == 0
    assert [entry.hash for entry in _sealed(shree)] == [entry.hash for entry in before]


def test_two_workspaces_have_chains_of_their_own(shree: Workspace, other: Workspace) -> None:
    _fill(shree)
    _fill(other)
    ledger.seal(shree.id)
    ledger.seal(other.id)
    assert _sealed(shree)[0].number == _sealed(other)[0].number == 1
    assert ledger.verify(shree.id).is_intact
    assert ledger.verify(other.id).is_intact


def test_the_application_cannot_change_a_sealed_entry(shree: Workspace) -> None:
    _fill(shree)
    ledger.seal(shree.id)
    with pytest.raises(DatabaseError, match="sealed ledger entry"), tenancy.inside(shree):
        LedgerEntry.objects.of(shree).filter(number=2).update(hash="0" * 64)


#: What someone with full rights on the database could do, and the sentence that finds it. {id} is the third entry's.
TAMPERING: dict[str, tuple[str, str]] = {
    "facts changed": ("UPDATE core_ledgerentry SET facts = '{{\"number\": 99}}' WHERE id = '{third}'", "entry 3 ("),
    "actor changed": ("UPDATE core_ledgerentry SET actor = gen_random_uuid() WHERE id = '{third}'", "entry 3 ("),
    "time changed": ("UPDATE core_ledgerentry SET at = at - interval '1 day' WHERE id = '{third}'", "entry 3 ("),
    "event changed": ("UPDATE core_ledgerentry SET event = 'nothing.to.see' WHERE id = '{third}'", "entry 3 ("),
    "one deleted": ("DELETE FROM core_ledgerentry WHERE id = '{third}'", "entry 3 is missing"),
    "first deleted": (
        "DELETE FROM core_ledgerentry WHERE number = 1 AND workspace_id = '{workspace}'",
        "entry 1 is missing",
    ),
    "end cut off": (
        "DELETE FROM core_ledgerentry WHERE number > 3 AND workspace_id = '{workspace}'",
        "entry 4 is missing",
    ),
    "all deleted": ("DELETE FROM core_ledgerentry WHERE workspace_id = '{workspace}'", "entry 1 is missing"),
    "two swapped": (
        "UPDATE core_ledgerentry SET number = -3 WHERE id = '{third}'; "
        "UPDATE core_ledgerentry SET number = 3 WHERE number = 4 AND workspace_id = '{workspace}'; "
        "UPDATE core_ledgerentry SET number = 4 WHERE id = '{third}'",
        "entry 3 (",
    ),
}


@pytest.mark.parametrize("kind", TAMPERING)
def test_tampering_is_found_and_the_first_bad_entry_named(
    kind: str, shree: Workspace, superuser: psycopg.Connection
) -> None:
    sql, expected = TAMPERING[kind]
    _fill(shree, 8)
    ledger.seal(shree.id)
    third = _sealed(shree)[2]
    _as_intruder(superuser, sql.format(third=third.id, workspace=shree.id))
    verdict = ledger.verify(shree.id)
    assert verdict.problem is not None
    assert verdict.problem.startswith(expected)


def _as_intruder(superuser: psycopg.Connection, sql: str) -> None:
    """Run SQL with the guards switched off, as whoever holds the database could."""
    superuser.execute("SET session_replication_role = replica")
    superuser.execute(sql)
    superuser.commit()


def test_a_chain_rewritten_from_the_middle_is_found_by_the_head_outside(
    shree: Workspace, superuser: psycopg.Connection
) -> None:
    """Someone recomputes all hashes after a change: inside the database all fits, the published head does not."""
    _fill(shree, 6)
    ledger.seal(shree.id)
    entries = _sealed(shree)
    statements = [f"UPDATE core_ledgerentry SET event = 'nothing.to.see' WHERE id = '{entries[1].id}'"]
    entries[1].event = "nothing.to.see"
    previous = ledger.FIRST
    for entry in entries:
        assert entry.number is not None
        digest = hashlib.sha256(ledger.canonical(entry, number=entry.number, previous=previous)).hexdigest()
        statements.append(
            f"UPDATE core_ledgerentry SET previous = '{previous}', hash = '{digest}' WHERE id = '{entry.id}'"
        )
        previous = digest
    _as_intruder(superuser, "; ".join(statements))
    assert ledger.verify(shree.id).problem == (
        f"entry {len(entries)} ({entries[-1].id}) is not the one that was published outside the database"
    )


def test_a_line_cut_by_a_crash_does_not_hide_the_head_before_it(shree: Workspace) -> None:
    _fill(shree)
    ledger.seal(shree.id)
    path = Path(settings.LEDGER_HEADS_FILE)
    path.parent.mkdir(parents=True, exist_ok=True)
    ledger._publish(shree.id, 500, "a" * 64)
    with path.open("a") as file:
        file.write('{"workspace": "0')
    assert ledger.published_heads() == {shree.id: (500, "a" * 64)}


def test_facts_of_a_refused_act_are_not_written(shree: Workspace) -> None:
    class Refused(Exception):
        pass

    def act() -> None:
        with tenancy.inside(shree):
            ledger.write("test.entry.refused", workspace=shree)
            raise Refused

    _expect_raised(Refused, act)
    with tenancy.inside(shree):
        assert not LedgerEntry.objects.of(shree).filter(event="test.entry.refused").exists()


def _expect_raised(error: type[Exception], act: Callable[[], None]) -> None:
    with pytest.raises(error):
        act()


def test_only_one_head_a_workspace(shree: Workspace) -> None:
    _fill(shree)
    ledger.seal(shree.id)
    ledger.seal(shree.id)
    with tenancy.inside(shree):
        assert LedgerHead.objects.of(shree).count() == 1


def test_the_owner_of_the_tables_is_watched_too(shree: Workspace) -> None:
    """A change by hand as the owner is recorded like one by the site."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'watch_%' AND tgrelid = 'people_contact'::regclass"
        )
        assert cursor.fetchone() == (3,)


# --- After a restore ----------------------------------------------------------------------------------------------

MADE_AT = datetime(2026, 11, 20, 2, 30, tzinfo=UTC)


def _cut_to_three(shree: Workspace, superuser: psycopg.Connection) -> tuple[int, str]:
    """As a restore of an older backup leaves it: entries after the third never were. Returns number and hash of that."""
    _fill(shree, 8)
    ledger.seal(shree.id)
    third = _sealed(shree)[2]
    _as_intruder(
        superuser,
        f"DELETE FROM core_ledgerentry WHERE number > 3 AND workspace_id = '{shree.id}'; "
        f"UPDATE core_ledgerhead SET number = 3, hash = '{third.hash}' WHERE workspace_id = '{shree.id}'",
    )
    return 3, third.hash


def test_a_restore_is_stated_and_not_taken_for_tampering(shree: Workspace, superuser: psycopg.Connection) -> None:
    head = _cut_to_three(shree, superuser)
    once = ledger.published_heads()[shree.id][0]
    assert ledger.mark_restored(made_at=MADE_AT, at=MADE_AT + timedelta(days=2), heads={shree.id: head}) == 1
    _fill(shree, 2)
    ledger.seal(shree.id)
    verdict = ledger.verify(shree.id)
    assert (verdict.problem, verdict.entries) == (None, 5)
    assert [str(fact) for fact in verdict.restored] == [
        f"restored on 2026-11-22 02:30 UTC from a backup of 2026-11-20 02:30 UTC: entries 4 to {once} were lost then"
    ]
    assert ledger.mark_restored(made_at=MADE_AT, at=MADE_AT, heads={shree.id: ledger.published_heads()[shree.id]}) == 0


def test_a_ledger_cut_off_after_a_restore_is_still_found(shree: Workspace, superuser: psycopg.Connection) -> None:
    head = _cut_to_three(shree, superuser)
    ledger.mark_restored(made_at=MADE_AT, at=MADE_AT, heads={shree.id: head})
    _fill(shree, 2)
    ledger.seal(shree.id)
    _as_intruder(superuser, f"DELETE FROM core_ledgerentry WHERE number > 4 AND workspace_id = '{shree.id}'")
    assert ledger.verify(shree.id).problem == "entry 5 is missing: the ledger once reached 5 and was cut off"


def test_a_lower_head_written_by_hand_hides_nothing(shree: Workspace, superuser: psycopg.Connection) -> None:
    number, digest = _cut_to_three(shree, superuser)
    ledger._publish(shree.id, number, digest)
    problem = ledger.verify(shree.id).problem
    assert problem is not None
    assert problem.startswith("entry 4 is missing")


@pytest.mark.parametrize(
    "change", [{"lost_to": 4}, {"number": 2}, {"made_at": "2026-01-01T00:00:00+00:00"}, {"signed": ""}]
)
def test_the_mark_of_a_restore_cannot_be_forged(
    change: dict[str, object], shree: Workspace, superuser: psycopg.Connection
) -> None:
    head = _cut_to_three(shree, superuser)
    ledger.mark_restored(made_at=MADE_AT, at=MADE_AT, heads={shree.id: head})
    assert ledger.verify(shree.id).is_intact
    path = Path(settings.LEDGER_HEADS_FILE)
    mark = json.loads(path.read_text().splitlines()[-1])
    ledger._append({**mark, **change})
    problem = ledger.verify(shree.id).problem
    assert problem is not None
    assert "without the key for it" in problem


def test_a_workspace_made_after_the_backup_is_told_as_lost(shree: Workspace, superuser: psycopg.Connection) -> None:
    _fill(shree)
    ledger.seal(shree.id)
    once = ledger.published_heads()[shree.id][0]
    _as_intruder(superuser, f"DELETE FROM core_ledgerentry WHERE workspace_id = '{shree.id}'")
    assert ledger.mark_restored(made_at=MADE_AT, at=MADE_AT, heads={}) == 1
    verdict = ledger.verify(shree.id)
    assert (verdict.problem, [fact.lost_to for fact in verdict.restored]) == (None, [once])
