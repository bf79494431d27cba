"""What is told of a site that was started and is not well; and ports that others hold."""

import dataclasses
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from amanat.core import configuration, safekeeping
from amanat.core.configuration import Configuration, ConfigurationError
from amanat.core.safekeeping import Archive, Nightly, Trouble
from amanat.operations import doctor, ports, services, supervisor, wellness
from amanat.operations.supervisor import Supervisor
from amanat.operations.tests import places

WELL = {"web": True, "database": True, "workers": True}


class Part(ThreadingHTTPServer):
    """One service, whose answer the test chooses; None hangs up."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Answers)
        self.answer: tuple[int, bytes] | None = (200, b"")
        self.asked: list[str] = []
        threading.Thread(target=self.serve_forever, args=[0.02], daemon=True).start()


class Answers(BaseHTTPRequestHandler):
    server: Part

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.server.answer is None:
            self.connection.close()
            return
        status, body = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: Any) -> None: ...


@pytest.fixture
def here(place: object) -> Configuration:
    return dataclasses.replace(places.install(place), port=places.free_port())  # type: ignore[arg-type]


@pytest.fixture
def parts(here: Configuration) -> Iterator[tuple[Part, Part]]:
    """The web server and the server of live events."""
    web, live = Part(here.port), Part(here.live_port)
    web.answer = (200, json.dumps(WELL).encode())
    yield web, live
    for part in (web, live):
        part.shutdown()
        part.server_close()


def test_of_a_well_site_nothing_is_missing(here: Configuration, parts: tuple[Part, Part]) -> None:
    assert wellness.missing(here) == []
    assert [part.asked for part in parts] == [["/healthz"], ["/live/healthz"]]


@pytest.mark.parametrize(
    ("web", "live", "missing"),
    [
        ((503, {**WELL, "workers": False}), 200, ["the worker does not answer"]),
        ((503, {**WELL, "database": False}), 200, ["the database does not answer"]),
        (
            (503, {**WELL, "database": False, "workers": False}),
            200,
            ["the database does not answer", "the worker does not answer"],
        ),
        ((500, {}), 200, ["the web server does not answer on port {web} (it says 500)"]),
        ((400, {}), 200, ["the web server does not answer on port {web} (it says 400)"]),
        ((503, []), 200, ["the web server does not answer on port {web} (it says 503)"]),
        (None, 200, ["the web server does not answer on port {web}"]),
        ((200, WELL), 404, ["the server of live events does not answer on port {live} (it says 404)"]),
        ((200, WELL), None, ["the server of live events does not answer on port {live}"]),
        (
            (503, {**WELL, "workers": False}),
            None,
            ["the worker does not answer", "the server of live events does not answer on port {live}"],
        ),
    ],
)
def test_what_is_missing_is_named(
    here: Configuration,
    parts: tuple[Part, Part],
    web: tuple[int, object] | None,
    live: int | None,
    missing: list[str],
) -> None:
    parts[0].answer = (web[0], json.dumps(web[1]).encode()) if web else None
    parts[1].answer = (live, b"") if live else None
    assert wellness.missing(here) == [part.format(web=here.port, live=here.live_port) for part in missing]


def test_an_answer_that_is_no_json_is_of_another_program(here: Configuration, parts: tuple[Part, Part]) -> None:
    parts[0].answer = (503, b"<html>")
    assert wellness.missing(here) == [f"the web server does not answer on port {here.port} (it says 503)"]
    assert not wellness.answers(here)


def test_where_nobody_listens_both_are_missing(here: Configuration) -> None:
    assert len(wellness.missing(here)) == 2
    assert not wellness.answers(here)


def test_a_part_that_hangs_is_not_waited_for_long(here: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wellness, "PATIENCE", 0.05)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", here.port))
        silent.listen()
        assert wellness.missing(here)[0] == f"the web server does not answer on port {here.port}"


@pytest.mark.parametrize(
    ("host", "reached"),
    [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("10.0.0.5", "10.0.0.5"), ("localhost", "localhost")],
)
def test_a_site_that_listens_everywhere_is_asked_on_this_machine(host: str, reached: str) -> None:
    assert wellness.reachable(host) == reached


# --- what the supervisor says ------------------------------------------------------------------------------------


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    moment = [1000.0]
    monkeypatch.setattr(supervisor.time, "monotonic", lambda: moment[0])
    return moment


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_a_minute_after_the_start_it_says_what_is_missing_and_later_that_all_is_well(
    here: Configuration, parts: tuple[Part, Part], now: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    one = Supervisor(here)
    one._look_at_health = now[0] + supervisor.WELL_WITHIN
    parts[0].answer = (503, json.dumps({**WELL, "workers": False}).encode())
    now[0] += supervisor.WELL_WITHIN - 1
    one._look_after_health()
    assert said(capsys) == []
    now[0] += 1
    one._look_after_health()
    assert said(capsys) == ["Amanat is not well yet: the worker does not answer. ./run doctor may know more."]
    one._look_after_health()
    assert said(capsys) == []  # not in every turn
    now[0] += supervisor.WELL_WITHIN
    one._look_after_health()
    assert len(said(capsys)) == 1
    parts[0].answer = (200, json.dumps(WELL).encode())
    now[0] += supervisor.WELL_WITHIN
    one._look_after_health()
    assert said(capsys) == ["Amanat is well now."]
    now[0] += 10 * supervisor.WELL_WITHIN
    asked = len(parts[0].asked)
    one._look_after_health()
    assert (said(capsys), len(parts[0].asked)) == ([], asked)


def test_of_a_site_that_is_well_in_time_nothing_is_said(
    here: Configuration, parts: tuple[Part, Part], now: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    one = Supervisor(here)
    one._look_after_health()
    assert said(capsys) == []


def note(here: Configuration, **fields: str) -> None:
    path = safekeeping.nightly_file(here)
    path.parent.mkdir(exist_ok=True)
    path.write_text(safekeeping.as_text(Nightly(since="2026-11-01T00:00:00+00:00", **fields)))


def test_failing_copies_are_told_when_it_begins_and_once_a_day(
    here: Configuration, now: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    here = dataclasses.replace(here, archive_days=0)
    one = Supervisor(here)
    one._look_at_night = now[0]
    one._tell_of_troubles()
    assert said(capsys) == []
    note(here, problem="no room")
    for _ in range(3):
        one._tell_of_troubles()
    assert said(capsys) == ["The last nightly backup failed. ./run doctor says why."]
    now[0] += supervisor.TELL_AGAIN - 1
    one._tell_of_troubles()
    assert said(capsys) == []
    now[0] += 1
    one._tell_of_troubles()
    assert len(said(capsys)) == 1
    note(here)  # another trouble: none was made for long
    one._tell_of_troubles()
    assert said(capsys) == ["No backup was made for more than a day. ./run doctor says why."]


def test_every_trouble_has_words_here_too() -> None:
    assert set(supervisor.TROUBLES) == set(Trouble)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ["web", "worker", "live", "archive"]),
        ({"archive_days": 0}, ["web", "worker", "live"]),
        ({"backup": False}, ["web", "worker", "live"]),
        ({"database_url": "postgresql://a:b@c/d"}, ["web", "worker", "live"]),
    ],
)
def test_the_archive_is_kept_where_it_is_wanted(here: Configuration, changes: dict[str, Any], names: list[str]) -> None:
    assert [child.name for child in Supervisor(dataclasses.replace(here, **changes))._children] == names


# --- ports -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["port", "live_port"])
def test_a_port_in_use_stops_the_start_with_a_sentence_and_lets_go_of_the_other(
    here: Configuration, which: str
) -> None:
    one = Supervisor(here)
    with socket.socket() as other:
        other.bind(("127.0.0.1", getattr(here, which)))
        other.listen()
        with pytest.raises(ConfigurationError) as refused:
            one._keep_ports()
        assert str(refused.value).startswith(f"Port {getattr(here, which)} on 127.0.0.1 cannot be used")
        assert "--port" in str(refused.value)
    assert ports.problem("127.0.0.1", here.port) is ports.problem("127.0.0.1", here.live_port) is None


def test_a_port_lent_to_an_outgoing_connection_counts_as_in_use(here: Configuration) -> None:
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.bind(("127.0.0.1", here.live_port))
        client.connect(server.getsockname())
        with pytest.raises(ConfigurationError, match=f"Port {here.live_port} "):
            Supervisor(here)._keep_ports()


def test_ports_are_kept_from_others_until_the_servers_start(here: Configuration) -> None:
    one = Supervisor(here)
    one._keep_ports()
    for port in (here.port, here.live_port):
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
    one._give_ports()
    one._give_ports()  # and once more at the end
    for port in (here.port, here.live_port):
        assert (
            ports.problem("127.0.0.1", port) is None
        )  # asked as servers ask: a connection that has just ended is no hindrance


@pytest.mark.slow
@pytest.mark.parametrize("serve", [services.web, services.live])
def test_a_service_whose_port_was_taken_says_so_and_ends(here: Configuration, serve: Any) -> None:
    with socket.socket() as web, socket.socket() as live:
        for taken, port in ((web, here.port), (live, here.live_port)):
            taken.bind(("127.0.0.1", port))
            taken.listen()
        with pytest.raises(ConfigurationError, match=r"cannot be used .*: stop what uses it"):
            serve(here)


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 1), ("192.0.2.1", 8000), ("no such host", 8000)])
def test_an_address_that_is_not_ours_is_told_and_nothing_is_raised(host: str, port: int) -> None:
    found = ports.problem(host, port)
    assert found is None or found.startswith(f"Port {port} on {host} cannot be used (")
    if host != "127.0.0.1":  # root may listen on any port
        assert found is not None


# --- what the doctor says ----------------------------------------------------------------------------------------


def archived(here: Configuration, **fields: str) -> None:
    path = safekeeping.archive_file(here)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(safekeeping.as_text(Archive(**fields)))


AT = "2026-11-22T10:00:00+00:00"


@pytest.mark.parametrize(
    ("changes", "state", "told"),
    [
        ({"archive_days": 0}, "warn", "only whole backups can be restored"),
        ({"backup": False}, "warn", "only whole backups can be restored"),
        ({"database_url": "postgresql://a:b@c/d"}, "ok", "your own database server to offer"),
    ],
)
def test_an_archive_that_is_off_is_told(here: Configuration, changes: dict[str, Any], state: str, told: str) -> None:
    [finding] = doctor._archive(dataclasses.replace(here, **changes))
    assert (finding.state, told in finding.sentence) == (state, True)
    assert bool(finding.mend) == (state == "warn")


@pytest.mark.parametrize(
    ("fields", "hours", "is_up", "state", "told"),
    [
        ({}, 0, False, "ok", "No moment can be restored from the archive yet"),
        ({"since": AT}, 0, True, "ok", "No moment can be restored from the archive yet"),
        ({"since": AT, "newest": AT}, 1, True, "warn", "No moment can be restored from the archive yet"),
        ({"since": AT, "newest": AT, "copied_at": AT}, 0, True, "ok", "is 0 seconds old"),
        ({"since": AT, "newest": AT, "copied_at": AT}, 1, True, "warn", "is 60 minutes old"),
        ({"since": AT, "newest": AT, "copied_at": AT}, 1, False, "ok", "is 60 minutes old"),
        ({"since": AT, "newest": AT, "copied_at": AT}, 99, False, "ok", "is 4 days old"),
        ({"since": AT, "newest": AT, "copied_at": AT, "problem": "read-only"}, 0, True, "fail", "read-only"),
        ({"since": AT, "newest": AT, "copied_at": AT, "copy_problem": "no room"}, 0, True, "fail", "no room"),
    ],
)
def test_the_doctor_tells_how_the_archive_is(
    here: Configuration,
    *,
    monkeypatch: pytest.MonkeyPatch,
    fields: dict[str, str],
    hours: int,
    is_up: bool,
    state: str,
    told: str,
) -> None:
    archived(here, **fields)
    monkeypatch.setattr(doctor.postgres, "site_is_up", lambda configuration: is_up)
    at = safekeeping.moment(AT) + doctor.timedelta(hours=hours)
    with doctor.clock.standing_at(at):
        [finding] = doctor._archive(here)
    assert (finding.name, finding.state) == ("archive", state)
    assert told in finding.sentence


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-5, "0 seconds"),
        (0, "0 seconds"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (7199, "119 minutes"),
        (7200, "2 hours"),
        (172_799, "47 hours"),
        (172_800, "2 days"),
        (10**7, "115 days"),
    ],
)
def test_lengths_of_time_are_told_in_words_that_fit(seconds: int, told: str) -> None:
    assert doctor._short(doctor.timedelta(seconds=seconds)) == told


def test_a_site_that_uses_another_server_is_recognized_by_its_answer(
    here: Configuration, parts: tuple[Part, Part]
) -> None:
    outside = dataclasses.replace(here, database_url="postgresql://a:b@c/d")
    [finding] = doctor._port(outside)
    assert (finding.state, finding.sentence) == ("ok", f"The site is up on port {here.port}.")
    parts[0].answer = (200, b"another program")
    assert [finding.state for finding in doctor._port(outside)] == ["warn", "warn"]


# --- settings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "days"), [("", 7), ("0", 0), ("1", 1), ("30", 30)])
def test_the_days_of_the_archive(text: str, days: int) -> None:
    assert configuration.load({"AMANAT_DATA": "/nowhere", "AMANAT_ARCHIVE_DAYS": text}).archive_days == days


@pytest.mark.parametrize("text", ["31", "-1", "seven", "1.5", "1e1"])
def test_days_that_would_break_the_promise_or_make_no_sense_stop_the_start(text: str) -> None:
    with pytest.raises(ConfigurationError, match="AMANAT_ARCHIVE_DAYS is not understood"):
        configuration.load({"AMANAT_DATA": "/nowhere", "AMANAT_ARCHIVE_DAYS": text})
