import base64
import secrets
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amanat.core import clock, ids, keyring, rootkeys, tenancy, vault
from amanat.core.models_files import StoredFile
from amanat.core.models_vault import SystemKey, Use, WorkspaceKey
from amanat.core.vault import SYSTEM, VaultRefused

HERE, THERE = UUID(int=0xA), UUID(int=0xB)
PLACE = "people.Contact.passport:1"


@pytest.fixture(autouse=True)
def root_file(tmp_path: Path, settings: Any) -> Iterator[Path]:
    path = tmp_path / "root-key"
    rootkeys.create(path)
    settings.ROOT_KEY_FILE = path
    keyring.forget_all()
    yield path
    keyring.forget_all()


@pytest.fixture(autouse=True)
def _only_our_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "_sealed", {})


@pytest.fixture
def committing(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Transactions that really commit; the test removes what it made."""
    with django_db_blocker.unblock():
        yield
        connections.close_all()


@pytest.fixture
def here(db: None) -> Iterator[UUID]:
    with tenancy.inside(HERE):
        yield HERE


def seal(text: bytes = b"Z1234567", workspace_id: UUID = HERE, place: str = PLACE) -> bytes:
    return vault.seal(text, workspace_id=workspace_id, context=place)


def opened(token: bytes, workspace_id: UUID = HERE, place: str = PLACE) -> bytes:
    return vault.open(token, workspace_id=workspace_id, context=place)


def test_what_is_sealed_opens_in_its_place(here: UUID) -> None:
    token = seal()
    assert opened(token) == b"Z1234567"
    assert b"Z1234567" not in token
    assert opened(memoryview(token)) == b"Z1234567"  # as the database gives it


def test_the_same_text_is_sealed_differently_each_time(here: UUID) -> None:
    assert seal() != seal()


def test_text_in_any_script(here: UUID) -> None:
    token = vault.seal_text("आशा 🙏", workspace_id=here, context=PLACE)
    assert vault.open_text(token, workspace_id=here, context=PLACE) == "आशा 🙏"


@pytest.mark.parametrize(
    "place", ["people.Contact.passport:2", "people.Contact.note:1", "people.Contact.passport:", ""]
)
def test_another_place_is_refused(place: str, here: UUID) -> None:
    with pytest.raises(VaultRefused):
        opened(seal(), place=place)


def test_another_workspace_is_refused(db: None) -> None:
    with tenancy.inside(HERE):
        token = seal()
    with tenancy.inside(THERE):
        seal(workspace_id=THERE)  # has keys of its own
        with pytest.raises(VaultRefused):
            opened(token, THERE)
    with pytest.raises(VaultRefused):
        vault.open(token, workspace_id=SYSTEM, context=PLACE)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(data=st.data())
def test_any_altered_byte_is_refused(data: st.DataObject, here: UUID) -> None:
    token = bytearray(seal(b"x" * 20))
    at = data.draw(st.integers(0, len(token) - 1))
    token[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(VaultRefused):
        opened(bytes(token))


@pytest.mark.parametrize("length", [0, 1, 5, 20, 32])
def test_a_cut_token_is_refused(length: int, here: UUID) -> None:
    with pytest.raises(VaultRefused):
        opened(seal()[:length])


def test_all_refusals_read_the_same(here: UUID) -> None:
    token = seal()
    texts = set()
    for broken, place in [
        (token, "x"),
        (token[:-1] + b"\x00", PLACE),
        (b"", PLACE),
        (b"\x01\x00\x00\x00\x63" + token[5:], PLACE),
    ]:
        with pytest.raises(VaultRefused) as caught:
            opened(broken, place=place)
        texts.add((str(caught.value), caught.value.__cause__))
    assert texts == {("This value cannot be opened.", None)}


def test_the_system_has_keys_of_its_own(db: None) -> None:
    token = vault.seal(b"totp", workspace_id=SYSTEM, context="users.secret:1")
    assert vault.open(token, workspace_id=SYSTEM, context="users.secret:1") == b"totp"
    assert SystemKey.objects.count() == 1


def test_no_key_lies_open_in_the_database(here: UUID, root_file: Path) -> None:
    seal()
    row = WorkspaceKey.objects.of(here).get()
    version, key = keyring.newest(here, Use.SEAL)
    assert version == 1
    assert key not in bytes(row.wrapped)
    assert bytes.fromhex(root_file.read_text()) not in bytes(row.wrapped)


def test_with_another_root_key_nothing_opens(here: UUID, settings: Any, tmp_path: Path) -> None:
    token = seal()
    stolen = tmp_path / "another-root"
    rootkeys.create(stolen)
    settings.ROOT_KEY_FILE = stolen
    keyring.forget_all()
    with pytest.raises(rootkeys.RootKeyMissing):
        opened(token)


def test_a_wrapped_key_moved_to_another_workspace_does_not_open(db: None) -> None:
    with tenancy.inside(HERE):
        token = seal()
        row = WorkspaceKey.objects.of(HERE).get()
    with tenancy.inside(THERE):
        WorkspaceKey.objects.create(
            workspace_id=THERE, use=row.use, version=row.version, root_id=row.root_id, wrapped=bytes(row.wrapped)
        )
        with pytest.raises(VaultRefused):
            opened(token, THERE)


def test_another_workspace_cannot_see_the_keys(db: None) -> None:
    with tenancy.inside(HERE):
        seal()
    with tenancy.inside(THERE):
        assert WorkspaceKey.objects.unscoped(because="the wall itself is tested").count() == 0


# --- Fingerprints -------------------------------------------------------------------------------------------------


def test_fingerprints_match_only_for_text_purpose_and_workspace(db: None) -> None:
    def of(text: str, workspace_id: UUID, purpose: str) -> bytes:
        with tenancy.inside(workspace_id):
            return vault.fingerprint(text, workspace_id=workspace_id, purpose=purpose)

    first = of("+919876543210", HERE, "suppression")
    assert len(first) == 32
    assert of("+919876543210", HERE, "suppression") == first
    others = {
        of("+919876543211", HERE, "suppression"),
        of("+919876543210", HERE, "duplicates"),
        of("+919876543210", THERE, "suppression"),
    }
    assert len(others | {first}) == 4


def test_rotation_leaves_fingerprints_alone(here: UUID) -> None:
    before = vault.fingerprint("a", workspace_id=here, purpose="p")
    vault.rotate(here)
    assert vault.fingerprint("a", workspace_id=here, purpose="p") == before


# --- Rotation -----------------------------------------------------------------------------------------------------


def make_file(token: bytes | None = None) -> StoredFile:
    """A row with a sealed column, whatever its other columns say."""
    file = StoredFile(id=ids.new(), workspace_id=HERE, kind="paper", name="a.pdf", object_name=uuid4().hex)
    file.content_type, file.size, file.sha256 = "application/pdf", 1, "0" * 64
    file.wrapped_key = token if token is not None else seal(b"key", place=place_of(file))
    file.save(force_insert=True)
    return file


def place_of(file: StoredFile) -> str:
    return vault.context("core.StoredFile.wrapped_key", file.pk)


@pytest.fixture
def sealed_rows(here: UUID) -> list[StoredFile]:
    vault.register_sealed(StoredFile, "wrapped_key", place_of)
    return [make_file() for _ in range(5)]


def version_of(token: bytes) -> int:
    return int.from_bytes(bytes(token)[1:5])


def versions() -> list[int]:
    return [version_of(file.wrapped_key) for file in StoredFile.objects.of(HERE).order_by("id")]


def test_rotation_uses_a_new_key_and_still_opens_the_old(here: UUID) -> None:
    old = seal()
    assert vault.rotate(here) == 2
    new = seal()
    assert (version_of(old), version_of(new)) == (1, 2)
    assert opened(old) == opened(new)


def test_reseal_can_stop_and_go_on(sealed_rows: list[StoredFile]) -> None:
    vault.rotate(HERE)
    assert vault.reseal(HERE, limit=2) == vault.Progress(resealed=2, refused=0, left=3)
    assert versions() == [2, 2, 1, 1, 1]
    assert vault.reseal(HERE, limit=99) == vault.Progress(resealed=3, refused=0, left=0)
    assert vault.reseal(HERE) == vault.Progress(resealed=0, refused=0, left=0)
    for file in StoredFile.objects.of(HERE):
        assert vault.open(file.wrapped_key, workspace_id=HERE, context=place_of(file)) == b"key"


def test_reseal_goes_round_values_that_do_not_open(sealed_rows: list[StoredFile]) -> None:
    StoredFile.objects.of(HERE).filter(pk=sealed_rows[0].pk).update(wrapped_key=seal(place="elsewhere"))
    vault.rotate(HERE)
    assert vault.reseal(HERE, limit=4) == vault.Progress(resealed=4, refused=1, left=1)
    assert versions() == [1, 2, 2, 2, 2]


def test_reseal_never_overwrites_a_newer_value(sealed_rows: list[StoredFile]) -> None:
    file = sealed_rows[0]
    stale = StoredFile.objects.of(HERE).get(pk=file.pk)
    newer = seal(b"newer", place=place_of(file))
    StoredFile.objects.of(HERE).filter(pk=file.pk).update(wrapped_key=newer)
    vault.rotate(HERE)
    assert vault._brought_over(vault.sealed_columns()[0], stale, HERE) == 0
    assert bytes(StoredFile.objects.of(HERE).get(pk=file.pk).wrapped_key) == newer


def test_retire_waits_for_the_last_value_and_then_destroys(sealed_rows: list[StoredFile]) -> None:
    old = seal()
    vault.rotate(HERE)
    with pytest.raises(vault.StillInUse, match="ten minutes"):
        vault.retire(HERE, 1)
    with clock.standing_at(clock.now() + timedelta(minutes=11)):
        with pytest.raises(vault.StillInUse, match="StoredFile"):
            vault.retire(HERE, 1)
        with pytest.raises(vault.StillInUse):
            vault.retire(HERE, 2)
        vault.reseal(HERE)
        vault.retire(HERE, 1)
    row = WorkspaceKey.objects.of(HERE).get(use=Use.SEAL, version=1)
    assert (bytes(row.wrapped), row.retired_at is None) == (b"", False)
    with pytest.raises(VaultRefused):
        opened(old)
    assert opened(seal()) == b"Z1234567"


def test_a_value_under_an_unregistered_system_column_is_not_a_workspaces(here: UUID) -> None:
    vault.register_sealed(SystemKey, "wrapped", lambda row: "x", is_system=True)
    assert vault.reseal(here) == vault.Progress(0, 0, 0)


# --- Root keys ----------------------------------------------------------------------------------------------------


def test_rewrap_frees_the_old_root_key(here: UUID, root_file: Path) -> None:
    token, mark = seal(), vault.fingerprint("a", workspace_id=here, purpose="p")
    totp = vault.seal(b"t", workspace_id=SYSTEM, context="c")
    fresh = rootkeys.add(root_file)
    keyring.forget_all()
    assert opened(token) == b"Z1234567"  # both root keys are there
    assert (vault.rewrap(here), vault.rewrap(here), vault.rewrap(SYSTEM)) == (2, 0, 1)
    assert {key.root_id for key in WorkspaceKey.objects.of(here)} == {fresh}
    assert rootkeys.drop_old(root_file) == 1
    keyring.forget_all()
    assert opened(token) == b"Z1234567"
    assert vault.fingerprint("a", workspace_id=here, purpose="p") == mark
    assert vault.open(totp, workspace_id=SYSTEM, context="c") == b"t"


def test_a_changed_root_file_is_noticed(root_file: Path) -> None:
    before = rootkeys.newest()[0]
    assert rootkeys.add(root_file) == rootkeys.newest()[0] != before
    assert rootkeys.by_id(before) is not None


def test_root_key_files_are_for_their_owner_only(root_file: Path) -> None:
    assert root_file.stat().st_mode & 0o777 == 0o600
    rootkeys.add(root_file)
    assert root_file.stat().st_mode & 0o777 == 0o600
    root_file.chmod(0o640)
    with pytest.raises(rootkeys.RootKeyMissing, match="chmod 600"):
        rootkeys.read(root_file)


def test_a_root_key_is_never_replaced(root_file: Path) -> None:
    with pytest.raises(FileExistsError):
        rootkeys.create(root_file)


def test_root_keys_may_carry_their_own_id(root_file: Path) -> None:
    key = secrets.token_bytes(32)
    root_file.write_text(f"# from the key store\nkms-7:{base64.b64encode(key).decode()}\n")
    assert rootkeys.read(root_file) == {"kms-7": key}


@pytest.mark.parametrize("text", ["", "# only a comment", "abc", "00" * 31, "x:!!!!", "x:AAAA", ":" + "A" * 44])
def test_a_damaged_root_file_is_named(text: str, root_file: Path) -> None:
    root_file.write_text(text)
    with pytest.raises(rootkeys.RootKeyMissing, match="root-key"):
        rootkeys.read(root_file)


def test_a_missing_root_file_is_named(root_file: Path) -> None:
    root_file.unlink()
    with pytest.raises(rootkeys.RootKeyMissing, match="missing"):
        rootkeys.newest()


# --- Memory of keys -----------------------------------------------------------------------------------------------


class Undone(Exception):
    pass


@pytest.mark.usefixtures("committing")
def test_a_key_that_was_rolled_back_is_never_used() -> None:
    """Otherwise the process would seal under a key that is stored nowhere."""
    workspace_id = uuid4()
    with pytest.raises(Undone), tenancy.inside(workspace_id):
        seal(workspace_id=workspace_id)
        seal(workspace_id=workspace_id)
        raise Undone
    with tenancy.inside(workspace_id):
        token = seal(workspace_id=workspace_id)
    keyring.forget_all()
    with tenancy.inside(workspace_id):
        assert opened(token, workspace_id) == b"Z1234567"
        WorkspaceKey.objects.of(workspace_id).delete()


@pytest.mark.usefixtures("committing")
def test_a_committed_key_is_remembered_for_a_minute(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    workspace_id = uuid4()
    with tenancy.inside(workspace_id):
        token = seal(workspace_id=workspace_id)
    with tenancy.inside(workspace_id):
        opened(token, workspace_id)
        with django_assert_num_queries(0):
            opened(token, workspace_id)
        now = keyring.time.monotonic()
        monkeypatch.setattr(keyring.time, "monotonic", lambda: now + 61)
        with django_assert_num_queries(1):
            opened(token, workspace_id)
        WorkspaceKey.objects.of(workspace_id).delete()


def test_the_memory_of_keys_is_bounded() -> None:
    memory = keyring._Memory()
    for number in range(1_500):
        memory.keep((UUID(int=number), "seal", 1), 1, b"k")
    assert len(memory._kept) == 1_000
    assert memory.get((UUID(int=0), "seal", 1)) is None
    assert memory.get((UUID(int=1_499), "seal", 1)) == (1, b"k")


@pytest.mark.usefixtures("committing")
def test_many_at_once_make_one_first_key() -> None:
    workspace_id, tokens, start = uuid4(), [], threading.Barrier(8)

    def seal_one() -> None:
        try:
            start.wait()
            with tenancy.inside(workspace_id):
                tokens.append(seal(workspace_id=workspace_id))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=seal_one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keyring.forget_all()
    with tenancy.inside(workspace_id):
        assert [opened(token, workspace_id) for token in tokens] == [b"Z1234567"] * 8
        assert WorkspaceKey.objects.of(workspace_id).count() == 1
        WorkspaceKey.objects.of(workspace_id).delete()


def test_a_retired_key_cannot_keep_its_secret(here: UUID) -> None:
    seal()
    with pytest.raises(Exception, match="retired_means_destroyed"), transaction.atomic():
        WorkspaceKey.objects.of(here).update(retired_at=clock.now())


def test_no_secret_is_in_the_tables(here: UUID) -> None:
    """What a thief of the database alone would see (threat: stolen database, keys apart)."""
    canary = b"CANARY-PASSPORT-Z1234567"
    make_file(vault.seal(canary, workspace_id=here, context="x"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(encode(wrapped_key, 'escape'), '') FROM core_storedfile")
        dump = cursor.fetchone()[0]
        cursor.execute("SELECT string_agg(encode(wrapped, 'hex'), '') FROM core_workspacekey")
        keys = cursor.fetchone()[0]
    assert canary.decode() not in dump
    assert keyring.newest(here, Use.SEAL)[1].hex() not in keys
