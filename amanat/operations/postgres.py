"""The embedded PostgreSQL server: made, started, stopped. It holds everything that must not be lost, so:

- a cluster is made under another name and renamed when whole, so a broken-off start leaves nothing half made;
- one lock file, whose descriptor the server inherits, stands for "a server lives on this folder": it cannot lie after a crash;
- starting waits as long as the server's process lives, because recovery after a crash may take long;
- the server gets the signal for a fast shutdown when its parent dies, whatever killed it;
- it listens on a Unix socket only and asks for passwords (SCRAM), which lie in the secrets folder;
- as root it runs as the system user `amanat`, because PostgreSQL refuses root.
"""
# ruff: noqa: S603 (programs of ours, given as lists: no shell takes part)

import contextlib
import hashlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from amanat.core import configuration as settings
from amanat.core import database
from amanat.core.configuration import Configuration, ConfigurationError
from amanat.operations import exchanging, locks, processes, programs, swapping
from amanat.operations.programs import Programs

LONGEST_SOCKET_PATH = 100  # bytes; Linux allows 107, macOS 103
PATIENCE_STOP = 60.0  # seconds for a fast shutdown before a hard one
PATIENCE_LOCK = 60.0  # seconds for another command to let go
LOG_SIZE = 10_000_000  # bytes after which the log is put aside at a start
KEPT_FOR_ARCHIVE = "2GB"  # of the write-ahead log, while the archive is behind: it must not fill the disk

#: For a server with 1 GB shared with the web server and the worker. Written once into postgresql.conf, the operator may change them.
TUNING = """
# Amanat: for a machine with 1 GB; on a larger one raise shared_buffers to a quarter of the memory.
shared_buffers = 128MB
effective_cache_size = 512MB
work_mem = 8MB
maintenance_work_mem = 64MB
max_connections = 100
max_parallel_workers_per_gather = 1
autovacuum_max_workers = 2
max_wal_size = 512MB
wal_compression = pglz
random_page_cost = 1.1
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] '
log_checkpoints = off
# Statements and details of errors hold people's data: they stay out of the log.
log_min_error_statement = panic
log_error_verbosity = terse
log_parameter_max_length_on_error = 0
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one cluster lives. Decided once, then read from data/postgres.json: a later change of folder rights must not
    make an empty cluster somewhere else."""

    base: Path
    socket: Path

    @property
    def cluster(self) -> Path:
        return self.base / "postgres"

    @property
    def log(self) -> Path:
        return self.base / "postgres.log"


class AlreadyRunning(ConfigurationError):
    """Another process runs the server of this data folder."""


class Server:
    """A running server that this process started."""

    def __init__(self, place: Place, programs: Programs, process: subprocess.Popen[bytes], lock: locks.Lock) -> None:
        self.place = place
        self.programs = programs
        self.process = process
        self._lock = lock

    def is_running(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        """End it, and let go of the data folder."""
        self.end()
        self._lock.release()

    def end(self) -> None:
        """Fast shutdown: running transactions are rolled back, everything committed is on disk."""
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if self.process.poll() is None:
                self.process.send_signal(how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE_STOP)
                break


def lock_of(configuration: Configuration) -> locks.Lock:
    return locks.Lock(configuration.data / "postgres.lock")


def start(configuration: Configuration, *, purpose: str, durable: bool = True, again: bool = False) -> Server:
    """Start the server, making the cluster first where there is none. `purpose` tells others what holds it: `up` or `command`.

    `again` says that ours ended and what is left of it will let go of the lock in a moment.
    `durable=False` is for tests: it trades safety against a power cut for speed.
    Raises AlreadyRunning, ConfigurationError.
    """
    settings.make_enterable(configuration.data)
    lock = lock_of(configuration)
    take(lock, purpose, configuration.data, again=again)
    try:
        user = processes.server_user()
        place = find_place(configuration, user)
        found = programs.find(configuration, user=user, major=cluster_major(place), copies=copies(place))
        swapping.finish(configuration, place.base)
        if not place.cluster.exists():
            _make_cluster(configuration, place, found, user, durable=durable)
        remember(configuration, place)
        process = launch(place, found, user, lock, durable=durable)
        server = Server(place, found, process, lock)
    except BaseException:
        lock.release()
        raise
    try:
        _wait_until_ready(configuration, server)
        exchanging.resume(configuration)
    except BaseException:
        server.stop()
        raise
    return server


@contextlib.contextmanager
def using(configuration: Configuration, *, new: bool = False) -> Iterator[None]:
    """Have the database reachable for one command: use the server that runs, else start one and stop it afterwards.

    Raises ConfigurationError when there is no database yet, unless a `new` one may be made.
    """
    if not configuration.is_embedded:
        yield
        return
    if not new and not has_cluster(configuration):
        raise ConfigurationError(f"There is no database in {configuration.data} yet: start Amanat once with ./run.")
    settings.make_enterable(configuration.data)
    users = configuration.data / "postgres.users"
    with locks.shared(users):
        try:
            server = start(configuration, purpose="command")
        except AlreadyRunning:
            wait_for_server(configuration)
            yield
            return
        try:
            yield
        except BaseException:
            server.stop()
            raise
    while server.is_running() and not locks.nobody_shares(users):  # other commands joined us
        time.sleep(0.1)
    server.stop()


@contextlib.contextmanager
def opened(
    configuration: Configuration, place: Place, found: Programs, user: pwd.struct_passwd | None, lock: locks.Lock
) -> Iterator[None]:
    """The server of `place` for as long as this lasts; whoever calls holds the lock and keeps it. Raises ConfigurationError."""
    server = Server(place, found, launch(place, found, user, lock), lock)
    try:
        _wait_until_ready(configuration, server)
        yield
    finally:
        server.end()


def site_is_up(configuration: Configuration) -> bool:
    """Whether a supervisor runs the embedded server of this data folder."""
    if not configuration.data.exists():
        return False
    lock = lock_of(configuration)
    holder = lock.holder()
    return bool(holder) and holder.get("purpose") == "up" and not lock.is_free()


def wait_for_server(configuration: Configuration) -> None:
    """Wait for a server that another process is starting, as long as that one holds the lock."""
    lock = lock_of(configuration)
    while not _answers(configuration):
        if lock.is_free():
            raise ConfigurationError("The database server stopped just now: run the command again.")
        time.sleep(0.1)


def find_place(configuration: Configuration, user: pwd.struct_passwd | None) -> Place:
    try:
        known = json.loads(database.place_file(configuration).read_text())
        place = Place(configuration.data / known["base"], configuration.data / known["socket"])
    except FileNotFoundError:
        base = configuration.data
        if user and not processes.may(user, "-x", base):
            base = processes.SYSTEM_HOME / _mark(configuration)
        place = Place(base, base / "run")
    except (ValueError, KeyError):
        raise ConfigurationError(
            f"{database.place_file(configuration)} is damaged: restore it from a backup."
        ) from None
    if len(os.fsencode(place.socket / f".s.PGSQL.{database.PORT}")) > LONGEST_SOCKET_PATH:
        place = Place(
            place.base, Path(tempfile.gettempdir()).resolve() / f"amanat-{os.geteuid()}-{_mark(configuration)}"
        )
    for folder in (place.base.parent, place.base):
        settings.make_enterable(folder)
    _make_private(place.socket, user)
    return place


def _mark(configuration: Configuration) -> str:
    """A short name for this data folder."""
    return hashlib.sha256(os.fsencode(configuration.data)).hexdigest()[:12]


def _make_private(folder: Path, user: pwd.struct_passwd | None) -> None:
    """A folder of the server's user alone; one that somebody else put in its place is refused."""
    owner = user.pw_uid if user else os.geteuid()
    if not folder.exists():
        folder.mkdir(mode=0o700)
        if user:
            os.chown(folder, user.pw_uid, user.pw_gid)
    if folder.is_symlink() or folder.stat().st_uid != owner:
        raise ConfigurationError(f"The folder {folder} belongs to somebody else: remove it and start again.")
    folder.chmod(0o700)


def copies(place: Place) -> Path:
    folder = place.base / "programs"
    settings.make_enterable(folder)
    folder.chmod(0o755)
    return folder


def has_cluster(configuration: Configuration) -> bool:
    return database.place_file(configuration).exists()


def cluster_major(place: Place) -> int | None:
    try:
        return int((place.cluster / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


def remember(configuration: Configuration, place: Place) -> None:
    path = database.place_file(configuration)
    base, socket = (_within(configuration.data, path) for path in (place.base, place.socket))
    text = json.dumps({"base": base, "socket": socket})
    if not path.exists() or path.read_text() != text:
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_text(text)
        temporary.rename(path)


def _within(folder: Path, path: Path) -> str:
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def take(lock: locks.Lock, purpose: str, data: Path, *, again: bool) -> None:
    """Take the lock. Waits for a short command, and for the server of a killed parent to end; refuses while a site is up."""
    give_up = time.monotonic() + PATIENCE_LOCK
    while not lock.take({"purpose": purpose}):
        holder = lock.holder()
        pid = int(holder.get("pid", 0))
        if pid and not processes.is_alive(pid):
            _end_orphan(data)
        elif (not again and (purpose == "command" or holder.get("purpose") == "up")) or time.monotonic() > give_up:
            raise AlreadyRunning(
                f"Amanat is already running on {data} (process {pid}): stop that one first, or give another --data folder."
            )
        time.sleep(0.1)


def _end_orphan(data: Path) -> None:
    """Tell the server of a dead parent to shut down, where the kernel did not (macOS). We know it lives: it holds the lock."""
    with contextlib.suppress(FileNotFoundError, ValueError, KeyError, IndexError, ProcessLookupError):
        base = data / json.loads((data / "postgres.json").read_text())["base"]
        os.kill(int((base / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGINT)


def _make_cluster(
    configuration: Configuration, place: Place, found: Programs, user: pwd.struct_passwd | None, *, durable: bool
) -> None:
    temporary = place.base / "postgres.new"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(mode=0o700)
    with tempfile.NamedTemporaryFile("w", dir=place.socket) as password_file:
        password_file.write(settings.password(configuration, "superuser") + "\n")
        password_file.flush()
        if user:
            os.chown(temporary, user.pw_uid, user.pw_gid)
            os.chown(password_file.name, user.pw_uid, user.pw_gid)
        # Code-point order from PostgreSQL itself: an upgrade of the system's libraries can never corrupt an index.
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if found.major >= 17 else []
        command = [
            *(
                str(found.path("initdb")),
                f"--pgdata={temporary}",
                "--username=postgres",
                f"--pwfile={password_file.name}",
            ),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--data-checksums", *locale),
            *([] if durable else ["--no-sync"]),
        ]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **processes.run_as(user))
    if done.returncode:
        raise ConfigurationError(f"The database could not be made: {done.stderr.strip()}")
    with (temporary / "postgresql.conf").open("a") as file:
        file.write(TUNING)
    temporary.rename(place.cluster)


def launch(
    place: Place,
    found: Programs,
    user: pwd.struct_passwd | None,
    lock: locks.Lock,
    *,
    durable: bool = True,
    more: dict[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start the server on `place`, with `more` settings."""
    if place.log.exists() and place.log.stat().st_size > LOG_SIZE:
        place.log.replace(place.log.with_suffix(".log.old"))
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(place.socket),
        "unix_socket_permissions": "0700",
        "port": str(database.PORT),
        "max_slot_wal_keep_size": KEPT_FOR_ARCHIVE,
        **(more or {}),
    }
    if processes.IS_LINUX:
        options["recovery_init_sync_method"] = "syncfs"  # 0.5 s instead of 4 s after a crash
    if not durable:
        options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    command = [str(found.path("postgres")), "-D", str(place.cluster)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    handle = os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            pass_fds=(lock.descriptor,),
            start_new_session=True,  # a Ctrl-C in the terminal is for the supervisor alone
            preexec_fn=processes.dies_with_us(signal.SIGINT),  # noqa: PLW1509 (we start no threads before)
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            **processes.run_as(user),
        )
    finally:
        os.close(handle)


def _wait_until_ready(configuration: Configuration, server: Server) -> None:
    while not _answers(configuration):
        if not server.is_running():
            raise ConfigurationError(f"The database server ended while starting: {last_log_line(server.place)}")
        time.sleep(0.05)


def last_log_line(place: Place) -> str:
    try:
        lines = place.log.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        lines = []
    worst = [line for line in lines[-20:] if "FATAL" in line or "PANIC" in line]
    return f"{(worst or lines or ['it wrote nothing'])[-1]} (see {place.log})"


def _answers(configuration: Configuration) -> bool:
    """Whether the server takes our password; while it starts or recovers it does not.

    Raises ConfigurationError when it refuses the password: then waiting is useless.
    """
    try:
        psycopg.connect(database.address(configuration, "superuser", "postgres"), connect_timeout=5).close()
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error) or "no password supplied" in str(error):
            raise ConfigurationError(
                f"The database does not take the password in {configuration.secrets}: put back the secrets folder that belongs to it."
            ) from None
        return False
    return True
