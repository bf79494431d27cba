"""Children that end and are started again, with small programs in place of the services."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from amanat.operations import ports, supervisor
from amanat.operations.supervisor import Child
from amanat.operations.tests import places


@pytest.fixture
def tick(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that the test moves."""
    now = [1000.0]
    monkeypatch.setattr(supervisor.time, "monotonic", lambda: now[0])
    return now


def ended(child: Child) -> None:
    assert child.process is not None
    child.process.wait(30)


@pytest.mark.parametrize("code", [0, 1])
def test_a_child_is_started_again_whatever_its_exit_code(
    tick: list[float], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    child = Child("worker", [sys.executable, "-c", f"raise SystemExit({code})"])
    child.start()
    first = child.process
    ended(child)
    child.look_after()
    assert child.process is None
    assert capsys.readouterr().out == f"worker ended (code {code}); starting it again in 1 s.\n"
    tick[0] += 1
    child.look_after()
    assert child.process is not None
    assert child.process is not first
    ended(child)


@pytest.mark.slow
def test_pauses_grow_up_to_a_limit_and_are_forgotten_after_a_steady_time(
    tick: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    child = Child("web", ["/bin/true"])
    child.start()
    for _ in range(8):
        ended(child)
        child.look_after()
        tick[0] += supervisor.LONGEST_PAUSE
        child.look_after()
    tick[0] += supervisor.STEADY + 1
    ended(child)
    child.look_after()
    pauses = [line.split(" again in ")[1] for line in capsys.readouterr().out.splitlines()]
    assert pauses == ["1 s.", "2 s.", "4 s.", "8 s.", "16 s.", "30 s.", "30 s.", "30 s.", "0.5 s."]


def test_the_signal_that_ended_a_child_is_named(tick: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    child = Child("web", ["/bin/sleep", "60"])
    child.start()
    child.signal(signal.SIGKILL)
    ended(child)
    child.look_after()
    assert "by signal SIGKILL" in capsys.readouterr().out


def test_a_signal_to_a_child_that_is_gone_harms_nobody() -> None:
    child = Child("web", ["/bin/true"])
    child.signal(signal.SIGTERM)  # never started
    child.start()
    ended(child)
    child.signal(signal.SIGTERM)
    assert not child.is_running()


def test_a_used_port_is_told_and_a_free_one_is_not() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        problem = ports.problem("127.0.0.1", port)
        assert problem is not None
        assert f"Port {port}" in problem
        assert "--port" in problem
    assert ports.problem("127.0.0.1", port) is None


PARENT = """
import sys, time
from amanat.operations.supervisor import Child
child = Child("sleeper", ["/bin/sleep", "600"])
child.start()
print("child", child.process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each service watches its parent itself")
def test_a_child_dies_with_a_killed_parent(tmp_path: Path) -> None:
    parent = places.spawn(tmp_path, code=PARENT, by_itself=True)
    pid = int(places.read_until(parent, "child").split()[-1])
    assert places.is_running(pid)
    places.kill(parent.pid)
    parent.wait()
    places.wait_for(lambda: not places.is_running(pid), "the child outlived its parent")


def test_a_terminal_interrupt_reaches_the_parent_alone() -> None:
    child = Child("sleeper", ["/bin/sleep", "600"])
    child.start()
    assert child.process is not None
    try:
        group = subprocess.run(
            ["ps", "-o", "pgid=", "-p", str(child.process.pid)], capture_output=True, text=True, check=True
        )
        assert int(group.stdout) == child.process.pid
    finally:
        child.signal(signal.SIGKILL)
        child.process.wait()
