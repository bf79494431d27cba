"""Starting programs that must not outlive us, and acting as another user of the machine."""
# ruff: noqa: S603 (programs of ours, given as lists: no shell takes part)

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from amanat.core.configuration import ConfigurationError

IS_LINUX = sys.platform.startswith("linux")
PR_SET_PDEATHSIG = 1  # linux/prctl.h
SYSTEM_USER = "amanat"
SYSTEM_HOME = Path("/var/lib/amanat")


def dies_with_us(with_signal: signal.Signals) -> Callable[[], None] | None:
    """For `preexec_fn`: the kernel sends `with_signal` to the child when we are gone, killed or not.

    Linux only; elsewhere children watch their parent (see `watch_parent`) or are found by the next start. It runs after the
    change of user, as it must: changing user clears the wish. Loaded before the fork, because a child may not load code.
    """
    return _wish(with_signal, of=os.getpid())


def _wish(with_signal: signal.Signals, *, of: int) -> Callable[[], None] | None:
    if not IS_LINUX:
        return None
    prctl = ctypes.CDLL(None).prctl

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, int(with_signal))
        if os.getppid() != of:  # it died in between
            os._exit(1)

    return ask


def watch_parent() -> None:
    """End this process when its parent has ended, where the kernel cannot be asked to do so (macOS)."""
    if IS_LINUX:
        return
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def die_with_parent() -> None:
    """Ask for our own end with our parent's, in a process that we did not start ourselves (a web server's child)."""
    ask = _wish(signal.SIGKILL, of=os.getppid())
    if ask:
        ask()
    watch_parent()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def server_user() -> pwd.struct_passwd | None:
    """As whom PostgreSQL runs when we are root, which it refuses to be; None when we are an ordinary user."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        _make_user()
        return pwd.getpwnam(SYSTEM_USER)


def _make_user() -> None:
    useradd, adduser = shutil.which("useradd"), shutil.which("adduser")
    home = str(SYSTEM_HOME)
    if useradd:
        command = [useradd, "--system", "--user-group", "--home-dir", home, "--no-create-home", "--shell", "/bin/false"]
    elif adduser:
        command = [adduser, "-S", "-H", "-h", home, "-s", "/bin/false"]
    else:
        raise ConfigurationError(
            "PostgreSQL may not run as root and there is no useradd here: start as an ordinary user."
        )
    done = subprocess.run([*command, SYSTEM_USER], capture_output=True, text=True, check=False)
    if done.returncode and SYSTEM_USER not in {entry.pw_name for entry in pwd.getpwall()}:
        raise ConfigurationError(f"The system user {SYSTEM_USER} could not be made: {done.stderr.strip()}")


def run_as(user: pwd.struct_passwd | None) -> dict[str, Any]:
    """Arguments for subprocess that make the program run as `user`."""
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def may(user: pwd.struct_passwd | None, test: str, path: Path) -> bool:
    """Whether `user` passes the shell's `test` on `path`: -x for entering a folder or running a program."""
    command = ["/bin/sh", "-c", f'test {test} "$1"', "sh", str(path)]
    return subprocess.run(command, cwd="/", check=False, **run_as(user)).returncode == 0


def output_of(command: Sequence[str | Path], user: pwd.struct_passwd | None = None) -> str:
    """What `command` prints; raises OSError or CalledProcessError."""
    arguments = [str(part) for part in command]
    done: subprocess.CompletedProcess[str]
    done = subprocess.run(arguments, cwd="/", capture_output=True, text=True, check=True, **run_as(user))
    return done.stdout
