"""Kept counts: sums of changes that writers at once never lose, folded without losing any."""

from __future__ import annotations

import threading
from uuid import UUID

import pytest
from django.db import connections, transaction
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from amanat.core import tally, tenancy
from amanat.core.models import Tally

HERE, THERE = UUID(int=0xA1), UUID(int=0xB1)


def add(change: int, what: str = "contacts", workspace: UUID = HERE) -> None:
    with tenancy.inside(workspace):
        tally.add(what, change, workspace=workspace)


def count(what: str = "contacts", workspace: UUID = HERE) -> int:
    with tenancy.inside(workspace):
        return tally.count(what, workspace=workspace)


def rows(workspace: UUID = HERE) -> int:
    with tenancy.inside(workspace):
        return Tally.objects.of(workspace).count()


def test_what_was_never_counted_is_none(db: None) -> None:
    assert count() == 0


def test_changes_add_up_and_a_change_of_nothing_writes_nothing(db: None) -> None:
    for change in (3, 0, 4, -2, 0):
        add(change)
    assert (count(), rows()) == (5, 3)


def test_counts_of_things_and_workspaces_stand_apart(db: None) -> None:
    add(3)
    add(5, "companies")
    add(7, workspace=THERE)
    assert (count(), count("companies"), count(workspace=THERE)) == (3, 5, 7)


def test_another_workspaces_count_is_not_even_there(db: None) -> None:
    add(7, workspace=THERE)
    with tenancy.inside(HERE):
        assert tally.count("contacts", workspace=THERE) == 0


def test_a_count_shares_the_fate_of_its_transaction(db: None) -> None:
    add(3)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        add(100)
        raise ZeroDivisionError
    assert count() == 3


@pytest.mark.parametrize(("changes", "left"), [(50, 50), (51, 1), (120, 1)])
def test_folding_begins_above_fifty_rows_and_changes_no_count(changes: int, left: int, db: None) -> None:
    for number in range(changes):
        add(1 if number % 3 else -1)
    before = count()
    tally.fold(HERE)
    assert (rows(), count()) == (left, before)
    tally.fold(HERE)
    assert (rows(), count()) == (left, before)


def test_folding_leaves_other_things_and_workspaces(db: None) -> None:
    for _ in range(60):
        add(1)
        add(1, workspace=THERE)
    add(9, "companies")
    tally.fold(HERE)
    assert (rows(), rows(THERE)) == (2, 60)
    assert (count(), count("companies"), count(workspace=THERE)) == (60, 9, 60)


def test_a_count_may_fall_below_zero_and_be_large(db: None) -> None:
    add(-5)
    assert count() == -5
    add(2**40)
    assert count() == 2**40 - 5


def test_a_fold_to_nothing_keeps_the_count(db: None) -> None:
    for number in range(60):
        add(1 if number % 2 else -1)
    tally.fold(HERE)
    assert count() == 0


@settings_of_hypothesis(max_examples=15)
@given(steps=st.lists(st.one_of(st.integers(-3, 3), st.none()), max_size=120))
def test_any_order_of_changes_and_folds_gives_the_sum(
    steps: list[int | None], django_db_blocker: object, django_db_setup: None
) -> None:
    with django_db_blocker.unblock(), transaction.atomic():  # type: ignore[attr-defined]
        for step in steps:
            tally.fold(HERE) if step is None else add(step)
        assert count() == sum(step or 0 for step in steps)
        transaction.set_rollback(True)


def test_writers_and_a_folder_at_once_lose_nothing(committed_db: None) -> None:
    start = threading.Barrier(6)

    def write() -> None:
        start.wait()
        try:
            for _ in range(40):
                add(1)
        finally:
            connections.close_all()

    def fold() -> None:
        start.wait()
        try:
            for _ in range(15):
                tally.fold(HERE)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write) for _ in range(4)] + [threading.Thread(target=fold) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count() == 160
    tally.fold(HERE)
    assert count() == 160
