"""One process that starts everything, starts again what ends, and stops all of it.

It stays small: no Django, no threads. What ends is started again whatever its exit code, because a worker that loses
its database ends with success. Children end with us, even when we are killed.
"""
# ruff: noqa: S603 (programs of ours, given as lists: no shell takes part)

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

from amanat.core import clock, safekeeping
from amanat.core import configuration as settings
from amanat.core.configuration import CHECKOUT, Configuration, ConfigurationError
from amanat.core.safekeeping import Trouble
from amanat.operations import nightly, notes, ports, postgres, processes, watching, wellness

GRACE = 25.0  # seconds for children to finish; the worker's own limit is 20
TICK = 0.2
STEADY = 60.0  # seconds after which an earlier failure is forgotten
LONGEST_PAUSE = 30.0
SERVICES = ("web", "worker", "live")
BEFORE_BACKUPS = 120.0  # seconds after a start in which a missed backup is not made yet
LOOK_AT_NIGHT = 30.0  # seconds between looks whether the hour has come
WELL_WITHIN = 60.0  # seconds after which it is told what is missing, and again each time as many have passed
TELL_AGAIN = 86400.0  # seconds between words about copies that fail
TROUBLES = {
    Trouble.BACKUP_FAILED: "The last nightly backup failed.",
    Trouble.BACKUP_STALE: "No backup was made for more than a day.",
    Trouble.ARCHIVE_FAILED: "The archive for `restore --to` cannot be kept.",
    Trouble.ARCHIVE_STALE: "The archive for `restore --to` has come to a stop.",
}


class Child:
    """One service, started again with growing pauses."""

    def __init__(self, name: str, command: Sequence[str] = (), *, watch: watching.Watch | None = None) -> None:
        self.name = name
        self._watch = watch
        self._command = command or (sys.executable, "-m", "amanat", name)
        self.process: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._started = 0.0
        self._not_before = 0.0

    def start(self) -> None:
        self._started = time.monotonic()
        if self._watch:
            self._watch.begin()
        self.process = subprocess.Popen(
            self._command,
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            env=settings.child_environment(PYTHONUNBUFFERED="1"),
            start_new_session=True,  # a Ctrl-C in the terminal is for us alone
            preexec_fn=processes.dies_with_us(signal.SIGKILL),  # noqa: PLW1509 (we have no threads)
        )

    def look_after(self) -> None:
        """Start it again when it has ended and its pause is over."""
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                if self._watch and self._watch.has_hung():
                    say(f"{self.name} lives but does not answer; ending it.")
                    self._watch.begin()
                    self.signal(signal.SIGKILL)
                return
            self.process = None
            self._failures = 0 if time.monotonic() - self._started > STEADY else self._failures + 1
            pause = min(LONGEST_PAUSE, 0.5 * 2**self._failures)
            self._not_before = time.monotonic() + pause
            say(f"{self.name} ended ({_reason(code)}); starting it again in {pause:g} s.")
        if time.monotonic() >= self._not_before:
            self.start()

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        host = wellness.reachable(configuration.host)
        watches = {
            "web": watching.Watch(host, configuration.port, "/healthz"),
            "live": watching.Watch(host, configuration.live_port, "/live/healthz"),
        }
        wanted = [*SERVICES]
        wanted += ["archive"] if safekeeping.archive_is_on(configuration) else []
        wanted += ["sandbox"] if configuration.sandbox else []
        self._children = [Child(name, watch=watches.get(name)) for name in wanted]
        self._ports: list[socket.socket] = []
        self._is_well, self._was_unwell, self._look_at_health = False, False, 0.0
        self._troubles: list[Trouble] = []
        self._tell_troubles = 0.0
        self._backup: subprocess.Popen[bytes] | None = None
        self._look_at_night = time.monotonic() + BEFORE_BACKUPS
        self._server: postgres.Server | None = None
        self._stop_requests = 0

    def run(self) -> None:
        """Serve until told to stop (SIGTERM, SIGINT, SIGHUP). Raises ConfigurationError when it cannot start."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        self._keep_ports()
        try:
            self._start_database()
            link = self._prepare()
            if not self._stop_requests:
                self._serve(link)
        finally:
            self._stop()

    def _serve(self, link: str | None) -> None:
        self._give_ports()
        self._look_at_health = time.monotonic() + WELL_WITHIN
        for child in self._children:
            child.start()
        with contextlib.suppress(OSError):  # a folder that cannot be written: the backup itself will say so
            nightly.begin(self._configuration)
        self._wait_for_web()
        if not self._stop_requests:
            with contextlib.suppress(OSError):  # told below all the same
                notes.keep_address(self._configuration)
            say(f"Amanat is ready at {self._configuration.base_url} (stop it with Ctrl-C).")
            if self._configuration.sandbox:
                say("The sandbox plays the providers of messages: numbers of it reach nobody.")
            if link:
                say(f"Nobody owns this installation yet. Become its owner here, once: {link}")
        while not self._stop_requests:
            self._look_after_database()
            for child in self._children:
                child.look_after()
            self._look_after_backups()
            self._look_after_health()
            self._tell_of_troubles()
            time.sleep(TICK)

    def _look_after_backups(self) -> None:
        """Start tonight's backup when it is due. It is a command by itself, which may take its time or fail."""
        if self._backup is not None:
            code = self._backup.poll()
            if code is None:
                return
            self._backup = None
            if code:
                say("The nightly backup failed; the reason stands above. It is tried again in an hour.")
        if time.monotonic() < self._look_at_night:
            return
        self._look_at_night = time.monotonic() + LOOK_AT_NIGHT
        if nightly.is_due(self._configuration, clock.now()):
            self._backup = subprocess.Popen(
                [sys.executable, "-m", "amanat", "backup", "--nightly"],
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                env=settings.child_environment(PYTHONUNBUFFERED="1"),
                start_new_session=True,
                preexec_fn=processes.dies_with_us(signal.SIGTERM),  # noqa: PLW1509 (we have no threads)
            )

    def _look_after_health(self) -> None:
        """A minute after the start, say what is missing still, and later that it has come."""
        if self._is_well or time.monotonic() < self._look_at_health:
            return
        self._look_at_health = time.monotonic() + WELL_WITHIN
        missing = wellness.missing(self._configuration)
        self._is_well = not missing
        if missing:
            self._was_unwell = True
            say(f"Amanat is not well yet: {', and '.join(missing)}. ./run doctor may know more.")
        elif self._was_unwell:
            say("Amanat is well now.")

    def _tell_of_troubles(self) -> None:
        """Copies that fail or stop are told when that begins, and once a day as long as it lasts."""
        if time.monotonic() < self._look_at_night - LOOK_AT_NIGHT / 2:
            return
        found = safekeeping.troubles(self._configuration, clock.now())
        if found and (found != self._troubles or time.monotonic() >= self._tell_troubles):
            self._tell_troubles = time.monotonic() + TELL_AGAIN
            say(" ".join([*(TROUBLES[one] for one in found), "./run doctor says why."]))
        self._troubles = found

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop_requests += 1
        if self._stop_requests > 1:  # an impatient second Ctrl-C
            for child in self._children:
                child.signal(signal.SIGKILL)

    def _keep_ports(self) -> None:
        """Refuse what is in use, and keep both until the servers start: else the system may lend one of them to an outgoing
        connection while the database is brought up to date."""
        for port in (self._configuration.port, self._configuration.live_port):
            held = ports.hold(self._configuration.host, port)
            if isinstance(held, str):
                self._give_ports()
                raise ConfigurationError(held)
            self._ports.append(held)

    def _give_ports(self) -> None:
        for held in self._ports:
            held.close()
        self._ports.clear()

    def _start_database(self) -> None:
        if not self._configuration.is_embedded:
            return
        if not postgres.has_cluster(self._configuration):
            say(f"Making the database in {self._configuration.data} (once).")
        self._server = postgres.start(self._configuration, purpose="up")

    def _look_after_database(self) -> None:
        if self._server is None or self._server.is_running():
            return
        say("The database server ended; starting it again.")
        self._server.stop()  # gives back its lock
        try:
            self._server = postgres.start(self._configuration, purpose="up", again=True)
        except ConfigurationError as error:
            say(f"It did not start: {error}")
            time.sleep(2)
        else:
            say("The database server is back.")

    def _prepare(self) -> str | None:
        """Migrate in a process of its own, so that this one stays small. The link with which the first user becomes owner."""
        say("Bringing the database up to date.")
        process = subprocess.Popen(
            [sys.executable, "-m", "amanat.operations.preparing"],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=settings.child_environment(),
            text=True,
            start_new_session=True,
            preexec_fn=processes.dies_with_us(signal.SIGKILL),  # noqa: PLW1509 (we have no threads)
        )
        output, _ = process.communicate()
        if process.returncode:
            raise ConfigurationError("The database could not be brought up to date; the reason stands above.")
        link = json.loads(output.splitlines()[-1])["owner_link"]
        return str(link) if link else None

    def _wait_for_web(self) -> None:
        while not self._stop_requests:
            for child in self._children:
                child.look_after()
            try:
                address = (wellness.reachable(self._configuration.host), self._configuration.port)
                socket.create_connection(address, 1).close()
            except OSError:
                time.sleep(TICK)
            else:
                return

    def _stop(self) -> None:
        self._give_ports()
        if any(child.is_running() for child in self._children):
            say("Stopping.")
        for child in self._children:
            child.signal(signal.SIGTERM)
        if self._backup is not None:  # it is made again later
            self._backup.kill()
            self._backup.wait()
        give_up = time.monotonic() + GRACE
        while any(child.is_running() for child in self._children) and time.monotonic() < give_up:
            time.sleep(TICK / 4)
        for child in self._children:
            child.signal(signal.SIGKILL)
        if self._server is not None:
            self._server.stop()


def say(sentence: str) -> None:
    print(sentence, flush=True)


def _reason(code: int) -> str:
    return f"code {code}" if code >= 0 else f"by signal {signal.Signals(-code).name}"
