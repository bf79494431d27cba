"""Backup and restore of a whole installation, through the command line, as an operator does it."""

import io
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from amanat.core import configuration, database
from amanat.core.configuration import Configuration
from amanat.core.models import SystemKey, WorkspaceKey
from amanat.operations import Refused, backup, dumps, postgres, sealing
from amanat.operations.tests import places

pytestmark = pytest.mark.slow

FILL = """
from amanat.operations import services
services.set_up_django()
from amanat.accounts.tests import factories
from amanat.core import tenancy, vault
for name in ("Shree CSC Kendra", "Other Traders"):
    workspace = factories.make_workspace(name)
    with tenancy.inside(workspace):
        vault.seal(b"x", workspace_id=workspace.pk, context="c")
vault.seal(b"x", workspace_id=vault.SYSTEM, context="c")
"""


def fill(here: Configuration) -> None:
    """Two workspaces and some files."""
    with postgres.using(here):
        process = places.spawn(here.data, code=FILL, DATABASE_URL=here.database_url)
        output = process.communicate(timeout=5 * places.PATIENCE)[0]
    assert process.returncode == 0, output
    for number in range(3):
        path = dumps.files_folder(here) / "aa" / f"paper-{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([number]) * (number * 700_000))


def contents(here: Configuration) -> tuple[dict[str, int], list[str], dict[str, int]]:
    """What must come back: rows by table (without the notes of restores), names of all workspaces, sizes of files."""
    with postgres.using(here), dumps.connect(here) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM accounts_workspace ORDER BY 1")]
        counts = dumps.counts(connection)
        noted = connection.execute("SELECT count(*) FROM core_ledgerentry WHERE event = 'operations.backup.restored'")
        counts["core_ledgerentry"] -= noted.fetchone()[0]
    return counts, names, {name: path.stat().st_size for name, path in dumps.files(here)}


@pytest.fixture(scope="module")
def original() -> Iterator[Configuration]:
    """A filled installation; tests do not change it."""
    with places.folder() as folder:
        here = places.migrated(folder)
        fill(here)
        yield here


@pytest.fixture(scope="module")
def saved(original: Configuration) -> Path:
    target = original.data.parent / "saved.amanat"
    code, output = places.run(original.data, "backup", str(target), by_itself=True)
    assert code == 0, output
    assert output.startswith("Saved ")
    return target


def put_beside(saved: Path, target: Path, data: bytes) -> Path:
    """A backup with other data and the keys of `saved`."""
    target.write_bytes(data)
    shutil.copy(backup.keys_of(saved), backup.keys_of(target))
    return target


@pytest.fixture
def copy(original: Configuration, place: Path) -> Configuration:
    """Another installation with the same data, to be overwritten."""
    shutil.copytree(original.secrets, place / "data-secrets")
    shutil.copytree(original.data, place / "data", ignore=shutil.ignore_patterns("run", "*.lock"))
    here = configuration.load({"AMANAT_DATA": str(place / "data")})
    here.data.chmod(0o711)
    owner = (original.data / "postgres").stat()
    for path in (here.data / "postgres", *(here.data / "postgres").rglob("*")):
        shutil.chown(path, owner.st_uid, owner.st_gid)
    return here


@pytest.fixture
def fresh(original: Configuration, place: Path) -> Configuration:
    """A new machine, on which the old root key was put."""
    here = configuration.load({"AMANAT_DATA": str(place / "data")})
    here.secrets.mkdir(mode=0o700)
    shutil.copy(original.root_key_file, here.root_key_file)
    return here


def test_everything_of_every_workspace_comes_back_on_a_new_machine(
    original: Configuration, saved: Path, fresh: Configuration
) -> None:
    code, output = places.run(fresh.data, "restore", str(saved), by_itself=True)
    assert code == 0, output
    assert contents(fresh) == contents(original)
    assert contents(fresh)[1] == ["Other Traders", "Shree CSC Kendra"]
    assert [path.read_bytes() for _, path in dumps.files(fresh)] == [
        path.read_bytes() for _, path in dumps.files(original)
    ]
    code, output = places.run(fresh.data, "doctor", "--json")
    states = {check["name"]: check["state"] for check in json.loads(output)["checks"]}
    assert {name: states[name] for name in ("roles", "migrations", "walls")} == {
        "roles": "ok",
        "migrations": "ok",
        "walls": "ok",
    }


def test_replacing_brings_back_what_was_lost_and_drops_what_came_later(
    original: Configuration, saved: Path, copy: Configuration
) -> None:
    before = contents(copy)
    with postgres.using(copy), dumps.connect(copy) as connection:
        connection.execute("UPDATE accounts_workspace SET name = 'Spoilt'")
        connection.execute("CREATE TABLE later (id int)")
        # A process was killed after it had erased somebody, and before it wrote that down outside the database.
        connection.execute("INSERT INTO core_tombstonedue VALUES (gen_random_uuid(), %s, now())", [places.TOMBSTONE])
    (dumps.files_folder(copy) / "aa/paper-1").unlink()
    (dumps.files_folder(copy) / "later").write_bytes(b"x")
    assert contents(copy) != before
    code, output = places.run(copy.data, "restore", str(saved))
    assert (code, output.split(":")[0]) == (3, "There is data here already")
    code, output = places.run(copy.data, "restore", str(saved), "--replace")
    assert code == 0, output
    assert contents(copy) == before == contents(original)
    assert (copy.secrets / "tombstones.jsonl").read_text().endswith(places.TOMBSTONE)
    assert not list(copy.data.glob("files.*"))
    with postgres.using(copy), dumps.connect(copy, "postgres") as connection:
        names = [
            row[0] for row in connection.execute("SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1")
        ]
    assert names == ["amanat", "postgres"]


def test_killed_between_the_database_and_the_files_the_next_start_brings_both(
    original: Configuration, saved: Path, copy: Configuration
) -> None:
    """The site must not open with the rows of one day and the files of another."""
    (dumps.files_folder(copy) / "later").write_bytes(b"x")
    body = (
        "import os\nfrom pathlib import Path\nfrom amanat.core import configuration\nfrom amanat.operations import restore\n"
        "real = Path.rename\n"
        "Path.rename = lambda path, to: os._exit(137) if path.name == 'files.restore' else real(path, to)\n"
        f"restore.bring_back(configuration.current(), Path({str(saved)!r}), replace=True)\n"
    )
    process = places.spawn(copy.data, code=body)
    output = process.communicate(timeout=5 * places.PATIENCE)[0]
    assert process.returncode == 137, output
    assert not dumps.files_folder(copy).exists()
    body = (
        "from amanat.core import configuration\nfrom amanat.operations import postgres, preparing\n"
        "with postgres.using(configuration.current()):\n    preparing.prepare()\n"
    )
    process = places.spawn(copy.data, code=body)  # what every start does first
    output = process.communicate(timeout=5 * places.PATIENCE)[0]
    assert process.returncode == 0, output
    assert contents(copy) == contents(original)
    assert not [path.name for path in copy.data.glob("*") if "restore" in path.name or path.name == "files.former"]


def flipped(data: bytes, secret: sealing.Secret) -> bytes:
    changed = bytearray(data)
    changed[len(data) // 2] ^= 1
    return bytes(changed)


def cut_off(data: bytes, secret: sealing.Secret) -> bytes:
    return data[: len(data) * 2 // 3]


def without_last_byte(data: bytes, secret: sealing.Secret) -> bytes:
    return data[:-1]


def empty(data: bytes, secret: sealing.Secret) -> bytes:
    return b""


def of_a_newer_version(data: bytes, secret: sealing.Secret) -> bytes:
    return rewritten(data, secret, migrations=["people.9999_later"])


def with_an_unreadable_dump(data: bytes, secret: sealing.Secret) -> bytes:
    return rewritten(data, secret, dump=b"PGDMP is not all of it")


def rewritten(data: bytes, secret: sealing.Secret, dump: bytes | None = None, **changes: object) -> bytes:
    """The same backup, sound in form, with another header or another dump of the database."""
    reader = sealing.Reader(io.BytesIO(data))
    entries: dict[str, bytes] = {}
    for name, piece in reader.entries(secret):
        entries[name] = entries.get(name, b"") + piece
    summary = json.loads(entries.pop(sealing.END.decode()))
    if dump is not None:
        entries[backup.DATABASE] = dump
    header = {name: value for name, value in reader.header.items() if name not in {"salt", "check"}}
    target = io.BytesIO()
    writer = sealing.Writer(target, header=header | changes, secret=secret)
    for name, content in entries.items():
        writer.entry(name)
        writer.write(content)
    writer.close({**summary, "bytes": sum(map(len, entries.values()))})
    return target.getvalue()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (flipped, "damaged"),
        (cut_off, "damaged"),
        (without_last_byte, "damaged"),
        (empty, "not a backup"),
        (of_a_newer_version, "whose tables this version does not know"),
        (with_an_unreadable_dump, "could not be restored"),
    ],
)
def test_a_bad_backup_is_refused_and_nothing_changes(
    spoil: Callable[[bytes, sealing.Secret], bytes], told: str, saved: Path, copy: Configuration
) -> None:
    before = contents(copy)
    secret = backup.opened(copy, saved).secret
    bad = put_beside(saved, copy.data.parent / "bad.amanat", spoil(saved.read_bytes(), secret))
    code, output = places.run(copy.data, "restore", str(bad), "--replace")
    assert code == 3
    assert told in output
    assert "Traceback" not in output
    assert contents(copy) == before


def test_a_wrong_root_key_is_refused_and_nothing_is_made(saved: Path, place: Path) -> None:
    here = places.install(place)
    code, output = places.run(here.data, "restore", str(saved))
    assert code == 3
    assert "is not the one this backup's data is encrypted with" in output
    assert not here.data.exists() or list(here.data.iterdir()) == []


def test_a_missing_root_key_is_asked_for_and_not_made(saved: Path, place: Path) -> None:
    code, output = places.run(place / "data", "restore", str(saved))
    assert (code, "Put the root key" in output) == (3, True)
    assert not (place / "data-secrets").exists()


def test_a_passphrase_locks_a_backup_of_its_own(original: Configuration, fresh: Configuration) -> None:
    target = fresh.data.parent / "b.amanat"
    words = {"AMANAT_BACKUP_PASSPHRASE": "twelve quiet lanterns"}
    assert places.run(original.data, "backup", str(target), **words)[0] == 0
    assert target.with_name("b.amanat.keys").exists()
    code, output = places.run(fresh.data, "restore", str(target))
    assert (code, "set AMANAT_BACKUP_PASSPHRASE" in output) == (3, True)
    code, output = places.run(fresh.data, "restore", str(target), AMANAT_BACKUP_PASSPHRASE="another one altogether")
    assert (code, "key does not open" in output) == (3, True)
    code, output = places.run(fresh.data, "restore", str(target), **words)
    assert code == 0, output
    assert contents(fresh) == contents(original)


def test_a_backup_never_replaces_a_file_and_leaves_no_half_one(original: Configuration, place: Path) -> None:
    target = place / "b.amanat"
    target.write_text("kept")
    code, output = places.run(original.data, "backup", str(target))
    assert (code, output.split(":")[0]) == (3, f"{target} exists already")
    assert target.read_text() == "kept"
    assert list(place.iterdir()) == [target]


def test_a_failing_dump_leaves_no_file(original: Configuration, place: Path) -> None:
    here = configuration.load(
        {"AMANAT_DATA": str(original.data), "AMANAT_POSTGRES_BIN": str(_broken_programs(place, original))}
    )
    with postgres.using(original):
        code, output = places.run(
            here.data, "backup", str(place / "b.amanat"), AMANAT_POSTGRES_BIN=str(here.postgres_bin)
        )
    assert code == 3
    assert "no space left, says the test" in output
    assert not list(place.glob("*.amanat*")) + list(place.glob(".*amanat*"))


def _broken_programs(place: Path, original: Configuration) -> Path:
    """Programs whose pg_dump fails after some bytes."""
    folder = place / "bin"
    folder.mkdir()
    with postgres.using(original), dumps.connect(original) as connection:
        real = dumps.tools(original, connection)
    (folder / "postgres").symlink_to(real.path("postgres"))
    (folder / "pg_dump").write_text("#!/bin/sh\necho some bytes\necho no space left, says the test >&2\nexit 1\n")
    (folder / "pg_dump").chmod(0o755)
    return folder


def test_restoring_under_a_running_site_is_refused(saved: Path, copy: Configuration) -> None:
    server = postgres.start(copy, purpose="up")
    try:
        code, output = places.run(copy.data, "restore", str(saved), "--replace")
    finally:
        server.stop()
    assert code == 3
    assert "already running" in output


def test_a_backup_can_be_made_while_the_site_writes(copy: Configuration, place: Path) -> None:
    server = postgres.start(copy, purpose="up")
    try:
        with psycopg.connect(database.address(copy, "superuser")) as writer:
            writer.execute("CREATE TABLE in_progress (id int)")  # not committed while the backup is made
            writer.execute("INSERT INTO in_progress VALUES (1)")
            code, output = places.run(copy.data, "backup", str(place / "b.amanat"))
    finally:
        server.stop()
    assert code == 0, output
    summary = backup.opened(copy, place / "b.amanat").summary
    assert "in_progress" not in summary["counts"]
    assert summary["files"] == 3


def test_it_moves_to_an_external_server_and_back(
    original: Configuration, saved: Path, fresh: Configuration, place: Path
) -> None:
    """The owner's policy shows it the rows of all workspaces, so no superuser is needed there."""
    with places.folder() as folder:
        elsewhere = places.install(folder)
        server = postgres.start(elsewhere, purpose="tests", durable=False)
        try:
            with psycopg.connect(database.address(elsewhere, "superuser", "postgres"), autocommit=True) as connection:
                connection.execute("CREATE ROLE boss LOGIN CREATEROLE PASSWORD 'b'")
                connection.execute("CREATE DATABASE crm OWNER boss")
            url = f"postgresql://boss:b@/crm?host={database.socket_folder(elsewhere)}"
            outside = configuration.load({"AMANAT_DATA": str(fresh.data), "DATABASE_URL": url})
            code, output = places.run(fresh.data, "restore", str(saved), DATABASE_URL=url)
            assert code == 0, output
            assert contents(outside) == contents(original)
            code, output = places.run(fresh.data, "restore", str(saved), "--replace", DATABASE_URL=url)
            assert (code, "is not empty" in output) == (3, True)
            code, output = places.run(fresh.data, "backup", str(place / "b.amanat"), DATABASE_URL=url)
            assert code == 0, output
        finally:
            server.stop()
    summary = backup.opened(fresh, place / "b.amanat").summary
    notes_of_the_restore = 2  # one in each workspace's ledger
    summary["counts"]["core_ledgerentry"] -= notes_of_the_restore
    assert summary["counts"] == contents(original)[0]


def test_without_its_keys_a_backup_opens_for_nobody(saved: Path, copy: Configuration, place: Path) -> None:
    before = contents(copy)
    alone = place / "alone.amanat"
    shutil.copy(saved, alone)
    code, output = places.run(copy.data, "restore", str(alone), "--replace")
    assert (code, "put alone.amanat.keys beside it" in output) == (3, True)
    code, output = places.run(copy.data, "backup", str(place / "later.amanat"))
    assert code == 0, output
    shutil.copy(place / "later.amanat.keys", place / "alone.amanat.keys")
    code, output = places.run(copy.data, "restore", str(alone), "--replace")
    assert (code, "belongs to another backup" in output) == (3, True)
    with pytest.raises(Refused, match="does not open"):
        backup.verify(alone, dumps.secret(copy))  # not even the root key opens it
    assert contents(copy) == before


def test_wrapped_keys_lie_in_the_file_of_keys_alone(original: Configuration, saved: Path) -> None:
    found = backup.opened(original, saved)
    wrapped = [row["wrapped"] for row in json.loads(found.key_tables["core_workspacekey"])]
    assert len(wrapped) == found.summary["counts"]["core_workspacekey"] > 0
    with saved.open("rb") as file:
        entries = sealing.Reader(file).entries(found.secret)
        dump = b"".join(data for name, data in entries if name == backup.DATABASE)
    raw = tables_of(dump, original)
    assert "Shree CSC Kendra" in raw
    assert [key for key in wrapped if key in raw] == []


def tables_of(dump: bytes, here: Configuration) -> str:
    """The dump as text."""
    with postgres.using(here), dumps.connect(here) as connection:
        program = dumps.tools(here, connection).path("pg_restore")
    return subprocess.run([program, "-f", "-"], input=dump, capture_output=True, check=True, cwd="/").stdout.decode()


def test_the_tables_of_keys_are_those_of_the_models() -> None:
    assert (SystemKey._meta.db_table, WorkspaceKey._meta.db_table) == dumps.KEY_TABLES


def test_a_backup_is_restored_for_a_trial_beside_the_running_site(copy: Configuration, saved: Path) -> None:
    before = contents(copy)
    server = postgres.start(copy, purpose="up")
    try:
        code, output = places.run(copy.data, "backup", "--check", str(saved))
        assert code == 0, output
        assert "was restored for a trial" in output
        with dumps.connect(copy, "postgres") as connection:
            names = [row[0] for row in connection.execute("SELECT datname FROM pg_database WHERE NOT datistemplate")]
        assert sorted(names) == ["amanat", "postgres"]
        secret = backup.opened(copy, saved).secret
        bad = put_beside(saved, copy.data.parent / "bad.amanat", with_an_unreadable_dump(saved.read_bytes(), secret))
        code, output = places.run(copy.data, "backup", "--check", str(bad))
        assert (code, "could not be restored" in output) == (3, True)
    finally:
        server.stop()
    assert contents(copy) == before
