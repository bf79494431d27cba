"""The whole site, started as a user starts it, and what befalls it."""

import http.client
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from amanat.operations import watching
from amanat.operations.tests import places

pytestmark = pytest.mark.slow


#: As the command, but less patient with a service that hangs.
IMPATIENT = """
import sys
from amanat.operations import cli, watching
watching.PATIENCE = 8.0
sys.exit(cli.main(sys.argv[1:]))
"""


class Site:
    def __init__(self, data: Path, *, code: str = "", **settings: str) -> None:
        self.data = data
        self.port = places.free_port()
        self.process = places.spawn(data, "up", "--port", str(self.port), code=code, by_itself=True, **settings)
        self.said = places.read_until(self.process, "is ready at")
        self._rest: list[str] = []
        self._heard = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self._rest.extend(self.process.stdout)

    def output(self) -> str:
        return self.said + "".join(self._rest)

    def listen_anew(self) -> None:
        """`says` waits for what is said from now on."""
        self._heard = len(self.output())

    def says(self, words: str) -> None:
        places.wait_for(lambda: words in self.output()[self._heard :], f"{words!r} was never said: {self.output()}")

    def get(self, path: str, port: int = 0, patience: float = 10) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=patience)
        try:
            connection.request("GET", path, headers={"Host": "localhost"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    def answers(self) -> list[tuple[int, bytes]]:
        return [self.get("/healthz"), self.get("/live/healthz", self.port + 1)]

    def is_well(self) -> bool:
        return [status for status, _ in self.answers()] == [200, 200]

    def becomes_well(self) -> None:
        try:
            places.wait_for(self.is_well, "it is not well")
        except AssertionError:
            raise AssertionError(f"it is not well: {self.answers()}, {self.children()}, {self.output()}") from None

    def children(self) -> dict[str, int]:
        """Direct children of the supervisor, by service."""
        lines = subprocess.run(
            ["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        found = {}
        for pid, parent, words in (line.split(None, 2) for line in lines):
            if int(parent) == self.process.pid:
                found["postgres" if "/postgres " in words else words.split()[-1]] = int(pid)
        return found

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(places.PATIENCE)

    def ends(self, how: signal.Signals, code: int) -> None:
        """So told, it ends with `code`, and with it all that it started."""
        everything = places.descendants(self.process.pid)
        assert self.stop(how) == code
        places.wait_for(lambda: not {pid for pid in everything if places.is_running(pid)}, "something lives on")


@pytest.fixture(scope="module")
def lasting() -> Iterator[Site]:
    """One for all tests that leave it well: to start a site takes ten seconds."""
    with places.folder() as folder:
        running = Site(places.migrated(folder).data, code=IMPATIENT)
        yield running
        running.ends(signal.SIGTERM, 0)


@pytest.fixture
def hurt(lasting: Site) -> Site:
    lasting.becomes_well()
    lasting.listen_anew()
    return lasting


def test_it_starts_says_where_and_refuses_a_second_start(lasting: Site) -> None:
    lasting.becomes_well()
    assert f"Amanat is ready at http://localhost:{lasting.port}" in lasting.said
    lasting.says("Become its owner here, once: http://localhost:")
    assert set(lasting.children()) == {"postgres", "web", "worker", "live", "archive"}
    assert len(places.descendants(lasting.process.pid)) > 6

    code, output = places.run(lasting.data, "up", "--port", str(places.free_port()))
    assert code == 3
    assert f"already running on {lasting.data} (process {lasting.process.pid})" in output
    code, output = places.run(lasting.data, "up", "--port", str(lasting.port))
    assert (code, output.split(" cannot")[0]) == (3, f"Port {lasting.port} on 127.0.0.1")
    code, output = places.run(lasting.data, "doctor", "--json")  # not told the port
    checks = {check["name"]: check for check in json.loads(output)["checks"]}
    assert (code, checks["worker"]["state"], checks["port"]["sentence"]) == (
        0,
        "ok",
        f"The site is up at http://localhost:{lasting.port}.",
    )
    assert lasting.is_well()


def test_what_is_killed_comes_back(hurt: Site) -> None:
    before = hurt.children()
    for name in ("web", "worker", "live"):
        places.kill(before[name])
        hurt.says(f"{name} ended (by signal SIGKILL)")
    places.wait_for(lambda: set(hurt.children()) == set(before), "a service is missing")
    hurt.becomes_well()
    now = hurt.children()
    assert now["postgres"] == before["postgres"]
    assert {name for name in before if now[name] != before[name]} == {"web", "worker", "live"}


def test_in_life_a_service_may_be_silent_for_twice_twenty_seconds() -> None:
    assert (watching.PATIENCE, watching.MOST_UNANSWERED) == (20, 2)


def test_a_web_process_that_hangs_is_started_again(hurt: Site) -> None:
    before, asked_by = hurt.children(), time.monotonic() + 3 * watching.FIRST_PAUSE
    places.wait_for(lambda: time.monotonic() > asked_by, "the supervisor has had its first answer by then")
    [serving, *_] = sorted(places.descendants(before["web"]) - {before["web"]})
    os.kill(serving, signal.SIGSTOP)
    assert hurt.get("/healthz", patience=2)[0] == 0
    hurt.says("web lives but does not answer; ending it.")
    hurt.becomes_well()
    assert not places.is_running(serving)
    now = hurt.children()
    assert {name for name in before if now[name] != before[name]} == {"web"}


def test_a_killed_database_comes_back_and_the_site_with_it(hurt: Site) -> None:
    places.kill(hurt.children()["postgres"])
    hurt.says("The database server is back.")
    hurt.becomes_well()


def test_nothing_outlives_a_killed_supervisor_and_the_next_start_works(place: Path) -> None:
    site = Site(places.migrated(place).data)
    site.becomes_well()
    site.ends(signal.SIGKILL, -signal.SIGKILL)
    again = Site(site.data)
    try:
        again.becomes_well()
    finally:
        again.ends(signal.SIGINT, 0)  # as from the terminal


def test_it_stops_while_it_is_still_starting(place: Path) -> None:
    here = places.migrated(place)
    process = places.spawn(here.data, "up", "--port", str(places.free_port()))
    places.read_until(process, "Bringing the database up to date")
    everything = places.descendants(process.pid)
    process.send_signal(signal.SIGTERM)
    assert process.wait(places.PATIENCE) == 0
    assert {pid for pid in everything if places.is_running(pid)} == set()
    code, output = places.run(here.data, "migrate")  # and what it left can be used
    assert code == 0, output


def test_it_says_why_it_cannot_start(place: Path) -> None:
    code, output = places.run(place / "data", "up", AMANAT_PORT="eighty", AMANAT_PROT="1")
    assert code == 3
    assert output.splitlines() == [
        "There is no setting AMANAT_PROT: did you mean AMANAT_PORT?",
        "AMANAT_PORT is not understood: give a whole number.",
    ]
    assert list(place.iterdir()) == []
