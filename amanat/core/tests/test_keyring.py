"""Keys that change while people write: nothing sealed in between is ever lost, and no old key outlives its use."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connections, transaction
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from amanat.core import clock, files, ids, keyring, rootkeys, tenancy, vault
from amanat.core.keyring import SYSTEM, VaultRefused
from amanat.core.models import StoredFile, SystemKey, WorkspaceKey
from amanat.core.models_vault import Use

HERE, THERE = UUID(int=0xA3), UUID(int=0xB3)


@pytest.fixture(autouse=True)
def _root(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.ROOT_KEY_FILE = tmp_path / "root-key"
    rootkeys.create(settings.ROOT_KEY_FILE)
    monkeypatch.setattr(vault, "_sealed", {})
    files.declare_sealed()
    keyring.forget_all()
    yield
    keyring.forget_all()


def keep(workspace: UUID = HERE) -> UUID:
    """A row whose sealed value is its own id."""
    made = StoredFile(
        id=ids.new(), workspace_id=workspace, kind="paper", name="a.pdf", object_name=ids.new().hex,
        content_type="application/pdf", size=1, sha256="",
    )  # fmt: skip
    made.wrapped_key = vault.seal(made.id.bytes, workspace_id=workspace, context=files.key_context(made))
    made.save(force_insert=True)
    return made.id


def damaged(workspace: UUID = HERE) -> list[UUID]:
    """Rows that do not give back their own id."""
    found = []
    for row in StoredFile.objects.of(workspace):
        try:
            opened = vault.open(row.wrapped_key, workspace_id=workspace, context=files.key_context(row))
        except VaultRefused:
            opened = b""
        if opened != row.id.bytes:
            found.append(row.id)
    return found


def reseal_all(workspace: UUID = HERE) -> int:
    done = 0
    while (progress := vault.reseal(workspace, limit=7)).left:
        assert progress.resealed, "no progress"
        done += progress.resealed
    return done + progress.resealed


# --- One after the other --------------------------------------------------------------------------------------------


def test_versions_rise_one_by_one_and_workspaces_turn_apart(db: None) -> None:
    for workspace in (HERE, THERE):
        with tenancy.inside(workspace):
            keep(workspace)
    with tenancy.inside(HERE):
        assert [vault.rotate(HERE) for _ in range(3)] == [2, 3, 4]
        assert keyring.newest(HERE, Use.SEAL)[0] == 4
    with tenancy.inside(THERE):
        assert keyring.newest(THERE, Use.SEAL)[0] == 1
        assert damaged(THERE) == []


def test_every_version_opens_what_was_sealed_under_it(db: None) -> None:
    with tenancy.inside(HERE):
        for _ in range(5):
            keep()
            vault.rotate(HERE)
        assert damaged() == []
        keys = {keyring.of_version(HERE, Use.SEAL, version) for version in range(1, 7)}
        assert len(keys) == 6


@pytest.mark.parametrize("version", [0, 2, 3, 2**31 - 1, 2**31, 2**32 - 1])
def test_a_version_that_never_was_opens_nothing(version: int, db: None) -> None:
    with tenancy.inside(HERE):
        keep()
        with pytest.raises(VaultRefused):
            keyring.of_version(HERE, Use.SEAL, version)


def test_reseal_in_small_steps_brings_all_over_and_the_old_key_may_go(db: None) -> None:
    with tenancy.inside(HERE):
        for _ in range(20):
            keep()
        vault.rotate(HERE)
        for _ in range(3):
            keep()
        with clock.standing_at(clock.now() + timedelta(minutes=11)):
            with pytest.raises(vault.StillInUse):
                vault.retire(HERE, 1)
            assert reseal_all() == 20
            vault.retire(HERE, 1)
        assert damaged() == []
        with pytest.raises(VaultRefused):
            keyring.of_version(HERE, Use.SEAL, 1)
        assert bytes(WorkspaceKey.objects.of(HERE).get(use="seal", version=1).wrapped) == b""


def test_a_retired_key_is_forgotten_by_this_process_at_once(db: None) -> None:
    with tenancy.inside(HERE):
        row = keep()
        token = bytes(StoredFile.objects.of(HERE).get(pk=row).wrapped_key)
        vault.rotate(HERE)
        reseal_all()
        place = vault.context("core.StoredFile.wrapped_key", row)
        assert vault.open(token, workspace_id=HERE, context=place) == row.bytes  # an old copy, as in a backup
        with clock.standing_at(clock.now() + timedelta(minutes=11)):
            vault.retire(HERE, 1)
        with pytest.raises(VaultRefused):
            vault.open(token, workspace_id=HERE, context=place)


@pytest.mark.parametrize("minutes", [0, 5, 9])
def test_a_key_is_not_retired_while_a_transaction_may_still_write_under_it(minutes: int, db: None) -> None:
    with tenancy.inside(HERE):
        keep()
        vault.rotate(HERE)
        reseal_all()
        with clock.standing_at(clock.now() + timedelta(minutes=minutes)), pytest.raises(vault.StillInUse):
            vault.retire(HERE, 1)
        assert damaged() == []


def test_the_newest_key_is_never_retired(db: None) -> None:
    with tenancy.inside(HERE), clock.standing_at(clock.now() + timedelta(days=1)):
        keep()
        for version in (1, 2, 7):
            with pytest.raises(vault.StillInUse):
                vault.retire(HERE, version)


def test_fingerprints_outlive_any_number_of_rotations(db: None) -> None:
    with tenancy.inside(HERE):
        before = vault.fingerprint("+919822041736", workspace_id=HERE, purpose="phone")
        for _ in range(3):
            vault.rotate(HERE)
        keyring.forget_all()
        assert vault.fingerprint("+919822041736", workspace_id=HERE, purpose="phone") == before


def test_a_new_root_key_takes_over_and_nothing_is_sealed_anew(settings: Any, db: None) -> None:
    with tenancy.inside(HERE):
        keep()
        vault.rotate(HERE)
        keep()
        vault.fingerprint("x", workspace_id=HERE, purpose="phone")
        tokens = [bytes(row.wrapped_key) for row in StoredFile.objects.of(HERE).order_by("id")]
        old = settings.ROOT_KEY_FILE.read_text()
        settings.ROOT_KEY_FILE.write_text("ab" * 32 + "\n" + old)
        keyring.forget_all()
        assert vault.rewrap(HERE) == 3
        assert vault.rewrap(HERE) == 0
        settings.ROOT_KEY_FILE.write_text("ab" * 32 + "\n")
        keyring.forget_all()
        assert damaged() == []
        assert [bytes(row.wrapped_key) for row in StoredFile.objects.of(HERE).order_by("id")] == tokens


def test_without_the_root_key_that_wrapped_it_a_key_is_named_missing_and_not_replaced(settings: Any, db: None) -> None:
    with tenancy.inside(HERE):
        keep()
        settings.ROOT_KEY_FILE.write_text("cd" * 32 + "\n")
        keyring.forget_all()
        with pytest.raises(rootkeys.RootKeyMissing, match="put it back"):
            keep()
        assert WorkspaceKey.objects.of(HERE).filter(use="seal").count() == 1
        assert StoredFile.objects.of(HERE).count() == 1


def test_the_keys_of_the_system_turn_too(db: None) -> None:
    token = vault.seal(b"secret", workspace_id=SYSTEM, context="accounts.Totp:1")
    assert vault.rotate(SYSTEM) == 2
    assert vault.open(token, workspace_id=SYSTEM, context="accounts.Totp:1") == b"secret"
    assert list(SystemKey.objects.filter(use="seal").order_by("version").values_list("version", flat=True)) == [1, 2]


@pytest.mark.slow
@settings_of_hypothesis(max_examples=15)
@given(steps=st.lists(st.sampled_from(["keep", "rotate", "reseal", "retire", "forget", "later"]), max_size=25))
def test_in_any_order_everything_kept_can_be_opened(
    steps: list[str], django_db_blocker: object, django_db_setup: None
) -> None:
    now = clock.now()
    with django_db_blocker.unblock(), transaction.atomic(), tenancy.inside(HERE):  # type: ignore[attr-defined]
        keyring.forget_all()
        kept = 0
        for step in steps:
            with clock.standing_at(now):
                if step == "keep":
                    kept += bool(keep())
                elif step == "rotate":
                    vault.rotate(HERE)
                elif step == "reseal":
                    vault.reseal(HERE, limit=2)
                elif step == "forget":
                    keyring.forget_all()
                elif step == "later":
                    now += timedelta(minutes=11)
                else:
                    for version in range(1, keyring.newest(HERE, Use.SEAL)[0]):
                        try:
                            vault.retire(HERE, version)
                        except vault.StillInUse:
                            continue
        assert (damaged(), StoredFile.objects.of(HERE).count()) == ([], kept)
        transaction.set_rollback(True)


# --- At once --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_rotation_in_the_middle_of_writes_loses_nothing(committed_db: None) -> None:
    """Four who write, one who turns the key, one who brings old values over: every value opens, under the newest key."""
    with tenancy.inside(HERE):
        keep()
    stop, errors = threading.Event(), []

    def repeat(work: Any) -> None:
        try:
            while not stop.is_set():
                with tenancy.inside(HERE):
                    work()
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    def bring_over() -> None:
        vault.reseal(HERE, limit=20)
        time.sleep(0.01)

    def turn() -> None:
        vault.rotate(HERE)
        time.sleep(0.05)

    threads = [threading.Thread(target=repeat, args=(work,)) for work in (keep, keep, keep, keep, turn, bring_over)]
    for thread in threads:
        thread.start()
    time.sleep(0.6)
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    keyring.forget_all()
    with tenancy.inside(HERE):
        assert StoredFile.objects.of(HERE).count() > 5
        assert WorkspaceKey.objects.of(HERE).filter(use="seal").count() > 2
        assert damaged() == []
        reseal_all()
        assert damaged() == []


def test_two_who_turn_the_key_at_once_make_one_version(committed_db: None) -> None:
    with tenancy.inside(HERE):
        keep()
    start, made = threading.Barrier(6), []

    def turn() -> None:
        start.wait()
        try:
            with tenancy.inside(HERE):
                made.append(vault.rotate(HERE))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=turn) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with tenancy.inside(HERE):
        versions = sorted(WorkspaceKey.objects.of(HERE).filter(use="seal").values_list("version", flat=True))
    assert versions == list(range(1, len(versions) + 1))
    assert set(made) <= set(versions[1:])
    with tenancy.inside(HERE):
        assert damaged() == []


def test_a_rotation_that_is_rolled_back_leaves_no_key_in_memory(committed_db: None) -> None:
    with tenancy.inside(HERE):
        keep()
    with pytest.raises(ZeroDivisionError), tenancy.inside(HERE):
        vault.rotate(HERE)
        keep()
        raise ZeroDivisionError
    with tenancy.inside(HERE):
        keep()
        assert keyring.newest(HERE, Use.SEAL)[0] == 1
        keyring.forget_all()
        assert damaged() == []


def test_after_a_rollback_the_keys_are_remembered_again(
    committed_db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with tenancy.inside(HERE):
        keep()
    with pytest.raises(ZeroDivisionError), tenancy.inside(HERE):
        vault.rotate(HERE)
        assert keyring.newest(HERE, Use.SEAL)[0] == 2
        with django_assert_num_queries(1):
            keyring.newest(HERE, Use.SEAL)  # not remembered while it may be rolled back
        raise ZeroDivisionError
    with tenancy.inside(HERE):
        assert keyring.newest(HERE, Use.SEAL)[0] == 1
        with django_assert_num_queries(0):
            assert keyring.newest(HERE, Use.SEAL)[0] == 1


def test_while_another_thread_changes_a_ring_nobody_remembers_it(
    committed_db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with tenancy.inside(HERE):
        keep()
    changed, looked = threading.Event(), threading.Event()

    def change() -> None:
        try:
            with tenancy.inside(HERE):
                keyring._changed(HERE, Use.SEAL)
                changed.set()
                looked.wait(20)
        finally:
            connections.close_all()

    other = threading.Thread(target=change)
    other.start()
    changed.wait(20)
    with tenancy.inside(HERE):
        for _ in range(2):
            with django_assert_num_queries(1):
                keyring.newest(HERE, Use.SEAL)
    looked.set()
    other.join()
    with tenancy.inside(HERE):
        keyring.newest(HERE, Use.SEAL)
        with django_assert_num_queries(0):
            keyring.newest(HERE, Use.SEAL)


@pytest.mark.django_db
def test_a_derived_key_is_made_once_and_forgotten_with_the_key_it_comes_of(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[bytes] = []

    def derive(base: bytes) -> bytes:
        made.append(base)
        return base[::-1]

    def asked(word: str, here: UUID = HERE) -> bytes:
        with tenancy.inside(here):
            return keyring.derived(here, Use.FINGERPRINT, word, derive)

    # The first key of a ring is not remembered before its transaction commits.
    first = asked("one")
    keyring.forget_all()
    assert asked("one") == asked("one") == first
    assert len(made) == 2
    assert asked("other") == first
    assert asked("one", THERE) != first
    soon = keyring._memory._kept[HERE, Use.FINGERPRINT, 0][0]
    assert keyring._memory._kept[HERE, Use.FINGERPRINT, "one"][0] == soon
    monkeypatch.setattr(time, "monotonic", lambda: soon + 1)
    count = len(made)
    assert asked("one") == first
    assert len(made) == count + 1
    keyring._memory.forget(HERE, Use.FINGERPRINT)
    assert not any(slot[0] == HERE for slot in keyring._memory._kept)
