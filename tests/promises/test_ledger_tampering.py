"""Each column at each place of the chain, changed with full rights on the database: the first bad entry is named (T33)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from django.conf import settings

from amanat.accounts.models import Workspace
from amanat.core import clock, ids, ledger, tenancy
from amanat.core.models import LedgerEntry, LedgerHead

pytestmark = pytest.mark.usefixtures("committed_db")
Change = Callable[[str], None]


@pytest.fixture
def intruder(superuser: psycopg.Connection) -> Iterator[Change]:
    """Runs SQL with every guard switched off, as whoever holds the server could."""
    superuser.execute("SET session_replication_role = replica")

    def change(statement: str) -> None:
        superuser.execute(statement)
        superuser.commit()

    yield change


@pytest.fixture
def chain(shree: Workspace) -> list[LedgerEntry]:
    with tenancy.inside(shree):
        for number in range(5):
            ledger.write(
                "test.entry.written",
                workspace=shree,
                by=ids.new(),
                about=ids.new(),
                at=clock.now() + timedelta(seconds=number),
                number=number,
                fields=["name", "नाव"],
                deep={"list": [1, None, True]},
            )
    ledger.seal(shree.pk)
    return sealed(shree)


def sealed(workspace: Workspace) -> list[LedgerEntry]:
    with tenancy.inside(workspace):
        return list(LedgerEntry.objects.of(workspace).filter(number__isnull=False).order_by("number"))


def rechained(entries: list[LedgerEntry], *, first: int = 1, previous: str = ledger.FIRST) -> list[str]:
    """SQL that numbers and hashes `entries` anew from `first` on, as the sealer would."""
    statements = [f"UPDATE core_ledgerentry SET number = -number WHERE id = '{entry.pk}'" for entry in entries]
    for number, entry in enumerate(entries, start=first):
        digest = hashlib.sha256(ledger.canonical(entry, number=number, previous=previous)).hexdigest()
        statements.append(
            f"UPDATE core_ledgerentry SET number = {number}, previous = '{previous}', hash = '{digest}' WHERE id = '{entry.pk}'"
        )
        previous = digest
    return statements


#: What is written over, and the beginning of the sentence that finds it at place {n} of the chain.
COLUMNS = {
    "event": ("event = event || '.'", "entry {n} ("),
    "event emptied": ("event = ''", "entry {n} ("),
    "actor": ("actor = gen_random_uuid()", "entry {n} ("),
    "actor forgotten": ("actor = NULL", "entry {n} ("),
    "about": ("about = gen_random_uuid()", "entry {n} ("),
    "about forgotten": ("about = NULL", "entry {n} ("),
    "a microsecond": ("at = at + interval '1 microsecond'", "entry {n} ("),
    "facts emptied": ("facts = '{{}}'", "entry {n} ("),
    "a fact added": ("facts = facts || '{{\"more\": 1}}'", "entry {n} ("),
    "a fact's type": ("facts = jsonb_set(facts, '{{number}}', to_jsonb(facts->>'number'))", "entry {n} ("),
    "deep in the facts": ("facts = jsonb_set(facts, '{{deep,list,0}}', '2')", "entry {n} ("),
    "id": ("id = gen_random_uuid()", "entry {n} ("),
    "hash": ("hash = repeat('0', 64)", "entry {n} ("),
    "previous": ("previous = repeat('0', 63) || '1'", "entry {n} ("),
    "number up": ("number = number + 1000", "entry {n} is missing"),
    "unsealed again": ("number = NULL, hash = '', previous = ''", "entry {n} is missing"),
    "moved to another workspace": ("workspace_id = gen_random_uuid()", "entry {n} is missing"),
}


@pytest.mark.sampled
@pytest.mark.parametrize("column", COLUMNS)
def test_any_column_at_any_place_is_found(
    column: str, chain: list[LedgerEntry], shree: Workspace, intruder: Change
) -> None:
    """The last, one in the middle, the first: each time the earliest is the one that is named."""
    assignment, expected = COLUMNS[column]
    own = [entry for entry in chain if entry.event == "test.entry.written"]
    for entry in (own[-1], own[2], own[0]):
        intruder(f"UPDATE core_ledgerentry SET {assignment.format()} WHERE id = '{entry.pk}'")
        verdict = ledger.verify(shree.pk)
        assert verdict.problem is not None
        assert verdict.problem.startswith(expected.format(n=entry.number)), verdict.problem
        assert verdict.entries == (entry.number or 0) - 1
        assert not verdict.is_intact


def test_every_single_deletion_is_named(chain: list[LedgerEntry], shree: Workspace, intruder: Change) -> None:
    for entry in reversed(chain):
        intruder(f"DELETE FROM core_ledgerentry WHERE id = '{entry.pk}'")
        assert (ledger.verify(shree.pk).problem or "").startswith(f"entry {entry.number} is missing")


@pytest.mark.parametrize("place", [1, 3])
def test_an_entry_put_in_between_is_found_by_the_head_outside(
    place: int, chain: list[LedgerEntry], shree: Workspace, intruder: Change
) -> None:
    """The forger numbers and hashes all anew; in the table everything fits."""
    forged = ids.new()
    intruder(
        f"INSERT INTO core_ledgerentry (id, workspace_id, at, event, facts, number) "
        f"SELECT '{forged}', workspace_id, at, 'contact.viewed', '{{}}', 9999 FROM core_ledgerentry WHERE id = '{chain[place].pk}'"
    )
    with tenancy.inside(shree):
        extra = LedgerEntry.objects.of(shree).get(pk=forged)
    longer = [*chain[:place], extra, *chain[place:]]
    intruder("; ".join(rechained(longer)))
    assert [entry.pk for entry in sealed(shree)] == [entry.pk for entry in longer]
    problem = ledger.verify(shree.pk).problem or ""
    assert problem.endswith("is not the one that was published outside the database")
    assert problem.startswith(f"entry {len(chain)} (")


def test_a_chain_shortened_and_sewn_together_again_is_found(
    chain: list[LedgerEntry], shree: Workspace, intruder: Change
) -> None:
    intruder(f"DELETE FROM core_ledgerentry WHERE id = '{chain[1].pk}'")
    intruder("; ".join(rechained([chain[0], *chain[2:]])))
    assert (ledger.verify(shree.pk).problem or "").startswith(f"entry {len(chain)} is missing: the ledger once reached")


def test_a_chain_that_grew_after_it_was_forged_is_still_found(
    chain: list[LedgerEntry], shree: Workspace, intruder: Change
) -> None:
    """Later entries hide nothing: the head that was published before them is the mark."""
    changed = chain[2]
    changed.event = "nothing.to.see"
    intruder(f"UPDATE core_ledgerentry SET event = 'nothing.to.see' WHERE id = '{changed.pk}'")
    intruder("; ".join(rechained(chain)))
    last = sealed(shree)[-1]
    intruder(f"UPDATE core_ledgerhead SET hash = '{last.hash}' WHERE workspace_id = '{shree.pk}'")
    problem = ledger.verify(shree.pk).problem or ""
    assert "not the one that was published" in problem


@pytest.mark.parametrize(
    "assignment", ["number = number + 5", "hash = repeat('a', 64)", "number = 0, hash = repeat('0', 64)"]
)
def test_a_forged_head_in_the_database_spoils_what_is_sealed_on_it_and_not_what_was(
    assignment: str, chain: list[LedgerEntry], shree: Workspace, intruder: Change
) -> None:
    intruder(f"UPDATE core_ledgerhead SET {assignment} WHERE workspace_id = '{shree.pk}'")
    assert ledger.verify(shree.pk).is_intact
    with tenancy.inside(shree):
        ledger.write("test.entry.written", workspace=shree)
    try:
        ledger.seal(shree.pk)
    except Exception as refused:
        assert "ledger_numbers_are_unique" in str(refused)  # the number is taken: nothing is sealed, nothing lost
        assert ledger.verify(shree.pk).is_intact
    else:
        assert f"entry {len(chain) + 1} " in (ledger.verify(shree.pk).problem or "")


def test_swapping_any_two_is_found_at_the_first_of_them(
    chain: list[LedgerEntry], shree: Workspace, intruder: Change
) -> None:
    for first, second in ((3, 4), (1, 3), (0, len(chain) - 1)):
        one, two = chain[first], chain[second]
        intruder(
            f"UPDATE core_ledgerentry SET number = -1 WHERE id = '{one.pk}'; "
            f"UPDATE core_ledgerentry SET number = {first + 1} WHERE id = '{two.pk}'; "
            f"UPDATE core_ledgerentry SET number = {second + 1} WHERE id = '{one.pk}'"
        )
        assert (ledger.verify(shree.pk).problem or "").startswith(f"entry {first + 1} (")
        intruder(
            f"UPDATE core_ledgerentry SET number = -1 WHERE id = '{one.pk}'; "
            f"UPDATE core_ledgerentry SET number = {second + 1} WHERE id = '{two.pk}'; "
            f"UPDATE core_ledgerentry SET number = {first + 1} WHERE id = '{one.pk}'"
        )
        assert ledger.verify(shree.pk).is_intact


# --- The file outside -----------------------------------------------------------------------------------------------


def heads() -> Path:
    return Path(settings.LEDGER_HEADS_FILE)


def test_without_the_file_the_chain_itself_is_still_proved(
    chain: list[LedgerEntry], shree: Workspace, intruder: Change
) -> None:
    heads().unlink()
    assert ledger.verify(shree.pk) == ledger.Verdict(shree.pk, len(chain), None)
    intruder(f"UPDATE core_ledgerentry SET event = 'x' WHERE id = '{chain[1].pk}'")
    assert (ledger.verify(shree.pk).problem or "").startswith("entry 2 (")


@pytest.mark.parametrize(
    "line",
    [
        "", "{", "null", "[]", "7", "\"x\"", "{}", "\x00\x00", '{"workspace": 1}', '{"workspace": "x", "number": 1, "hash": "y"}',
        '{"workspace": "WS", "number": "many", "hash": "y"}', '{"workspace": "WS", "hash": "y"}', '{"number": 99, "hash": "y"}',
        '{"workspace": "WS", "number": 0, "hash": "y"}', '{"workspace": "WS", "number": -5, "hash": "y"}',
    ],
)  # fmt: skip
def test_rubbish_in_the_file_neither_hides_a_head_nor_makes_one(
    line: str, chain: list[LedgerEntry], shree: Workspace
) -> None:
    before = ledger.published_heads()
    with heads().open("a", encoding="utf-8") as file:
        file.write(line.replace("WS", str(shree.pk)) + "\n")
    assert ledger.published_heads()[shree.pk] == before[shree.pk]
    assert ledger.verify(shree.pk).is_intact


def test_a_higher_head_written_by_hand_is_an_alarm_and_no_cover(
    chain: list[LedgerEntry], shree: Workspace, intruder: Change
) -> None:
    with heads().open("a", encoding="utf-8") as file:
        file.write(
            json.dumps({"workspace": str(shree.pk), "number": len(chain) + 3, "hash": "0" * 64, "at": "x"}) + "\n"
        )
    assert (ledger.verify(shree.pk).problem or "").startswith(f"entry {len(chain) + 1} is missing")
    intruder(f"UPDATE core_ledgerentry SET event = 'x' WHERE id = '{chain[0].pk}'")
    assert (ledger.verify(shree.pk).problem or "").startswith("entry 1 (")


def test_heads_of_other_workspaces_do_not_matter(chain: list[LedgerEntry], shree: Workspace, other: Workspace) -> None:
    ledger.seal(other.pk)
    with heads().open("a", encoding="utf-8") as file:
        file.write(json.dumps({"workspace": str(other.pk), "number": 9999, "hash": "0" * 64}) + "\n")
        file.write(json.dumps({"workspace": str(UUID(int=5)), "number": 9999, "hash": "0" * 64}) + "\n")
    assert ledger.verify(shree.pk).is_intact
    assert not ledger.verify(other.pk).is_intact


def test_an_empty_ledger_is_intact_and_one_emptied_is_not(
    chain: list[LedgerEntry], shree: Workspace, intruder: Change
) -> None:
    assert ledger.verify(UUID(int=77)) == ledger.Verdict(UUID(int=77), 0, None)
    intruder(f"DELETE FROM core_ledgerentry WHERE workspace_id = '{shree.pk}'")
    intruder(f"DELETE FROM core_ledgerhead WHERE workspace_id = '{shree.pk}'")
    assert (ledger.verify(shree.pk).problem or "").startswith("entry 1 is missing")


def test_sealing_goes_on_where_it_stopped_after_any_batch(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "SEAL_BATCH", 3)
    with tenancy.inside(shree):
        for number in range(8):
            ledger.write("test.entry.written", workspace=shree, number=number)
        waiting = LedgerEntry.objects.of(shree).filter(number__isnull=True).count()
    done = []
    while count := ledger.seal(shree.pk):
        done.append(count)
        assert ledger.verify(shree.pk).is_intact
    assert sum(done) == waiting and max(done) == 3
    with tenancy.inside(shree):
        assert LedgerHead.objects.of(shree).get().number == waiting
    assert ledger.published_heads()[shree.pk][0] == waiting
