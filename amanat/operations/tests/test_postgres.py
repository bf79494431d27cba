"""The embedded server, with real processes."""

import os
import shutil
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from amanat.core import configuration, database
from amanat.core.configuration import Configuration, ConfigurationError
from amanat.operations import postgres, processes, programs, roles
from amanat.operations.tests import places

HOLD = """
import sys
from amanat.core import configuration
from amanat.operations import postgres
server = postgres.start(configuration.current(), purpose=sys.argv[1], durable=False)
print("ready", server.process.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def here(place: Path) -> Configuration:
    """An installation that was never started."""
    return places.install(place)


@pytest.fixture
def old(place: Path) -> Configuration:
    """An installation that was started before, and is not running: to make a cluster takes longer than most tests."""
    return places.started(place)


@pytest.fixture
def server(old: Configuration) -> Iterator[postgres.Server]:
    running = postgres.start(old, purpose="up", durable=False)
    yield running
    running.stop()


def connect(here: Configuration, role: str = "superuser", name: str = "") -> psycopg.Connection:
    return psycopg.connect(database.address(here, role, name), autocommit=True)


def value(connection: psycopg.Connection, statement: str) -> object:
    row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.slow
def test_the_server_is_private_checked_and_the_same_everywhere(old: Configuration, server: postgres.Server) -> None:
    with connect(old) as connection:
        settings = {
            name: value(connection, f"SHOW {name}")
            for name in ("listen_addresses", "data_checksums", "server_encoding", "TimeZone", "log_min_error_statement")
        }
        locale = connection.execute(
            "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'amanat'"
        ).fetchone()
    assert settings == {
        "listen_addresses": "",
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "TimeZone": "UTC",
        "log_min_error_statement": "panic",
    }
    assert locale == ("b", "C.UTF-8")
    assert stat.S_IMODE(server.place.socket.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.place.cluster.stat().st_mode) == 0o700
    hba = (server.place.cluster / "pg_hba.conf").read_text()
    assert {line.split()[-1] for line in hba.splitlines() if line and not line.startswith("#")} == {"scram-sha-256"}


@pytest.mark.slow
def test_a_wrong_password_is_refused_for_every_role(old: Configuration, server: postgres.Server) -> None:
    for name in ("postgres", "amanat_owner", "amanat_app"):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(host=str(server.place.socket), user=name, dbname="amanat", password="guess")


@pytest.mark.slow
def test_roles_have_no_more_rights_than_they_need(old: Configuration, server: postgres.Server) -> None:
    statement = (
        "SELECT rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles "
        "WHERE rolname LIKE 'amanat%' ORDER BY 1"
    )
    with connect(old) as connection:
        assert connection.execute(statement).fetchall() == [
            ("amanat_app", True, False, False, False, False),
            ("amanat_owner", True, False, False, False, False),
            ("amanat_search", False, False, False, False, False),
        ]
        assert (
            value(connection, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'amanat'")
            == "amanat_owner"
        )
    with connect(old, "owner") as connection:
        connection.execute("CREATE TABLE kept (id int)")
        connection.execute("CREATE FUNCTION found() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        connection.execute("ALTER FUNCTION found() OWNER TO amanat_search")
    with connect(old, "app") as connection:
        for forbidden in (
            "SELECT * FROM kept",
            "CREATE TABLE mine (id int)",
            "CREATE TEMPORARY TABLE mine (id int)",
            "SET ROLE amanat_owner",
            "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden)


@pytest.mark.slow
def test_setting_up_again_changes_nothing_and_mends_a_password(old: Configuration, server: postgres.Server) -> None:
    with connect(old) as connection:
        connection.execute("ALTER ROLE amanat_app PASSWORD 'another'")
    with pytest.raises(psycopg.OperationalError):
        connect(old, "app")
    roles.set_up(old)
    roles.set_up(old)
    with connect(old, "app") as connection:
        assert value(connection, "SELECT current_user") == "amanat_app"


@pytest.mark.slow
def test_the_search_extensions_are_there(old: Configuration, server: postgres.Server) -> None:
    with connect(old, "app") as connection:
        assert value(connection, "SELECT similarity('rekha', 'reka') > 0.3 AND unaccent('é') = 'e'") is True
        assert value(connection, "SELECT lower('ÀÉ') || upper('ñ')") == "àéÑ"


@pytest.mark.slow
def test_a_second_start_on_the_same_folder_is_refused_in_words(old: Configuration, server: postgres.Server) -> None:
    started = time.monotonic()
    with pytest.raises(postgres.AlreadyRunning, match=f"already running on {old.data} .process {os.getpid()}."):
        postgres.start(old, purpose="up")
    assert time.monotonic() - started < 5
    with connect(old) as connection:
        assert value(connection, "SELECT 1") == 1


@pytest.mark.slow
def test_a_command_uses_the_running_server_and_leaves_it_running(old: Configuration, server: postgres.Server) -> None:
    with postgres.using(old), connect(old, "owner") as connection:
        assert value(connection, "SELECT 1") == 1
    assert server.is_running()


@pytest.mark.slow
def test_commands_share_a_server_which_ends_after_the_last(old: Configuration) -> None:
    entered, leave = threading.Barrier(3), threading.Event()
    faults: list[BaseException] = []

    def command() -> None:
        try:
            with postgres.using(old), connect(old, name="postgres"):
                entered.wait(60)
                leave.wait(60)
        except BaseException as fault:
            faults.append(fault)

    # The first thread starts the server: it must live as long as the server does.
    both = [threading.Thread(target=command) for _ in range(2)]
    for one in both:
        one.start()
    entered.wait(60)
    assert not postgres.lock_of(old).is_free()
    leave.set()
    for one in both:
        one.join(60)
    assert faults == []
    places.wait_for(postgres.lock_of(old).is_free, "the server went on")


@pytest.mark.slow
def test_a_cut_off_creation_is_done_again(here: Configuration) -> None:
    configuration.make_enterable(here.data)
    half = here.data / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    server = postgres.start(here, purpose="up", durable=False)
    try:
        assert not half.exists()
        assert (server.place.cluster / "global/pg_control").exists()
    finally:
        server.stop()


@pytest.mark.slow
def test_another_major_version_is_refused_with_the_way_across(old: Configuration) -> None:
    (old.data / "postgres/PG_VERSION").write_text("12\n")
    with pytest.raises(ConfigurationError, match=r"written by PostgreSQL 12.*`\./run backup`"):
        postgres.start(old, purpose="up")
    assert postgres.lock_of(old).is_free()


@pytest.mark.slow
def test_lost_passwords_are_told_and_not_waited_for(old: Configuration) -> None:
    (old.secrets / "postgres-password").write_text("something else\n")
    with pytest.raises(ConfigurationError, match="put back the secrets folder"):
        postgres.start(old, purpose="up")
    assert postgres.lock_of(old).is_free()


@pytest.mark.slow
def test_a_damaged_configuration_is_told_with_the_servers_own_words(old: Configuration) -> None:
    with (old.data / "postgres/postgresql.conf").open("a") as file:
        file.write("shared_buffers = plenty\n")
    with pytest.raises(ConfigurationError, match=r"ended while starting: .*FATAL.*see .*postgres\.log"):
        postgres.start(old, purpose="up")


@pytest.mark.slow
def test_a_data_folder_can_be_moved(place: Path) -> None:
    (place / "before").mkdir()
    places.started(place / "before")
    (place / "before").rename(place / "after")
    after = places.install(place / "after")
    server = postgres.start(after, purpose="up", durable=False)
    try:
        assert server.place.cluster == after.data / "postgres"
        assert not (place / "before").exists()
    finally:
        server.stop()


def test_a_command_does_not_make_a_database_by_the_way(here: Configuration) -> None:
    with pytest.raises(ConfigurationError, match="There is no database"), postgres.using(here):
        pass
    assert not here.data.exists()


@pytest.mark.slow
def test_a_long_path_gets_a_short_socket(place: Path) -> None:
    folder = place / ("long" * 25)
    folder.mkdir()
    folder.chmod(0o711)
    here = places.install(folder)
    server = postgres.start(here, purpose="up", durable=False)
    try:
        assert len(str(server.place.socket)) < 60
        with connect(here, name="postgres") as connection:
            assert value(connection, "SELECT 1") == 1
    finally:
        server.stop()
        shutil.rmtree(server.place.socket)


@pytest.mark.slow
@pytest.mark.parametrize("purpose", ["up", "command"])
def test_the_server_ends_with_a_killed_parent_and_the_next_start_waits_for_it(old: Configuration, purpose: str) -> None:
    holder = places.spawn(old.data, purpose, code=HOLD, by_itself=True)
    postmaster = int(places.read_until(holder, "ready").split()[-1])
    places.kill(holder.pid)
    holder.wait()
    server = postgres.start(old, purpose="up", durable=False)
    try:
        assert not places.is_running(postmaster)
        with connect(old, name="postgres") as connection:
            assert value(connection, "SELECT 1") == 1
    finally:
        server.stop()


@pytest.mark.slow
def test_no_acknowledged_row_is_lost_when_the_server_is_killed_under_writers(old: Configuration) -> None:
    server = postgres.start(old, purpose="up")
    with connect(old, "owner") as connection:
        connection.execute("CREATE TABLE kept (writer int, number int, PRIMARY KEY (writer, number))")
    acknowledged: list[tuple[int, int]] = []
    for round_ in range(2):
        writers = [
            threading.Thread(target=_write, args=(old, 10 * round_ + number, acknowledged)) for number in range(4)
        ]
        for writer in writers:
            writer.start()
        before = len(acknowledged)
        places.wait_for(lambda before=before: len(acknowledged) > before + 200, "nobody wrote")
        server.process.send_signal(signal.SIGKILL)
        for writer in writers:
            writer.join(60)
        server.stop()
        server = postgres.start(old, purpose="up", again=True)
    try:
        with connect(old, "owner") as connection:
            found = set(connection.execute("SELECT writer, number FROM kept").fetchall())
        assert len(acknowledged) > 400
        assert set(acknowledged) - found == set()
    finally:
        server.stop()


def _write(here: Configuration, writer: int, acknowledged: list[tuple[int, int]]) -> None:
    with connect(here, "owner") as connection:
        for number in range(1_000_000):
            try:
                connection.execute("INSERT INTO kept VALUES (%s, %s)", [writer, number])
            except psycopg.OperationalError:
                return
            acknowledged.append((writer, number))


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's server runs as that user")
def test_root_runs_the_server_as_another_user_from_folders_that_user_can_enter(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    here = places.install(closed)
    server = postgres.start(here, purpose="up", durable=False)
    try:
        assert processes.SYSTEM_HOME in server.place.cluster.parents
        owner = subprocess.run(
            ["ps", "-o", "user=", "-p", str(server.process.pid)], capture_output=True, text=True, check=True
        )
        assert owner.stdout.strip() == processes.SYSTEM_USER
        server.stop()
        closed.chmod(0o711)  # what was decided stays, or the data would seem gone
        again = postgres.start(here, purpose="up", durable=False)
        assert again.place.cluster == server.place.cluster
        again.stop()
    finally:
        server.stop()
        shutil.rmtree(server.place.base)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root's programs are out of the server's reach")
def test_programs_that_the_servers_user_cannot_read_are_copied(place: Path, here: Configuration) -> None:
    closed = place / "venv"
    closed.mkdir(mode=0o700)
    found = programs.find(here, user=None, major=None, copies=place)
    shutil.copytree(found.folder.parent, closed / "pginstall", symlinks=True)
    configuration.make_enterable(here.data)
    copies = here.data / "programs"
    copies.mkdir(mode=0o755)
    copies.chmod(0o755)
    user = processes.server_user()
    settings = places.install(place, AMANAT_POSTGRES_BIN=str(closed / "pginstall/bin"))
    copied = programs.find(settings, user=user, major=None, copies=copies)
    assert copied.folder == copies / f"postgresql-{found.version}" / "bin"
    assert processes.output_of([copied.path("postgres"), "--version"], user).strip().endswith(found.version)


def test_a_folder_without_programs_is_told(here: Configuration, place: Path) -> None:
    settings = places.install(place, AMANAT_POSTGRES_BIN=str(place / "nothing"))
    with pytest.raises(ConfigurationError, match="programs are not here"):
        programs.find(settings, user=None, major=None, copies=place)


def test_a_foreign_folder_in_place_of_the_sockets_is_refused(here: Configuration, place: Path) -> None:
    configuration.make_enterable(here.data)
    (place / "theirs").mkdir()
    (here.data / "run").symlink_to(place / "theirs")
    with pytest.raises(ConfigurationError, match="belongs to somebody else"):
        postgres.find_place(here, processes.server_user())
