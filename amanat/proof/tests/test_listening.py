"""What listens is read from the kernel: our own sockets and no others, with the address each is bound to."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from amanat.proof import listening
from amanat.proof.listening import Listening


def test_a_socket_of_ours_is_found_while_it_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        assert Listening("127.0.0.1", port) in listening.ours()
    assert port not in {one.port for one in listening.ours()}


def test_an_open_door_is_told_from_one_inside() -> None:
    with socket.create_server(("0.0.0.0", 0)) as door:
        found = [one for one in listening.ours() if one.port == door.getsockname()[1]]
    assert [one.is_inside for one in found] == [False]
    assert Listening("127.0.0.53", 1).is_inside and Listening("::1", 1).is_inside
    assert Listening("::ffff:127.0.0.1", 1).is_inside
    assert not Listening("::", 1).is_inside and not Listening("192.0.2.1", 1).is_inside


def test_sockets_that_do_not_listen_and_those_of_others_are_not_ours() -> None:
    with socket.socket() as quiet:
        quiet.bind(("127.0.0.1", 0))
        assert quiet.getsockname()[1] not in {one.port for one in listening.ours()}
    other = subprocess.Popen(
        [sys.executable, "-c", "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert other.stdout is not None
    try:
        port = int(other.stdout.readline())
        assert port in {one.port for one in listening.ours()}, "a child is ours"
        assert port not in {one.port for one in listening.ours(of=_stranger())}
    finally:
        other.communicate("\n", timeout=10)


def _stranger() -> int:
    """A process that is neither ours nor above us."""
    return 2**22 + 1


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """init, a supervisor of ours with two services, each with a child, and a shell beside it."""
    tree = {1: (0, "init"), 10: (1, "python\0-m\0amanat\0up"), 11: (10, "python\0-m\0amanat\0web"), 12: (10, "postgres"),
            13: (11, "a worker thread) of (ours"), 20: (1, "bash")}  # fmt: skip
    for pid, (parent, command) in tree.items():
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(f"{pid} ({command}) S {parent} 1 1 0")
        (tmp_path / str(pid) / "cmdline").write_text(command)
    return tmp_path


def test_the_family_is_everything_below_the_topmost_process_of_ours(proc: Path) -> None:
    assert listening.family(proc, 13) == listening.family(proc, 11) == {10, 11, 12, 13}
    assert listening.family(proc, 20) == {20}
    assert os.getpid() in listening.family(listening.PROC, os.getpid())
