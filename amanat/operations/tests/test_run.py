"""The script `run`, in a small checkout of its own whose lock lists nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from amanat.core.configuration import CHECKOUT

pytestmark = pytest.mark.slow

PROGRAM = "import sys\nprint('words:', *sys.argv[1:])\nsys.exit(7 if 'fail' in sys.argv else 0)\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "a checkout"
    (folder / "amanat").mkdir(parents=True)
    shutil.copy(CHECKOUT / "run", folder / "run")
    (folder / "amanat/__init__.py").touch()
    (folder / "amanat/__main__.py").write_text(PROGRAM)
    (folder / "requirements.lock").write_text("# nothing\n")
    tools = tmp_path / "tools"
    tools.mkdir()
    stub(tools, "python3.13", "exit 127")  # as a version manager leaves them
    stub(tools, "python3.12", "exit 127")
    (tools / "python3.14").symlink_to(sys.executable)
    return folder


def stub(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def command(checkout: Path, *words: str, **changes: str) -> subprocess.Popen[str]:
    path = f"{checkout.parent / 'tools'}:/usr/bin:/bin"
    environment = {"PATH": path, "HOME": str(checkout.parent), "PYENV_ROOT": "/nonexistent", **changes}
    return subprocess.Popen(
        [checkout / "run", *words], cwd="/", env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(checkout: Path, *words: str, **changes: str) -> tuple[int, str, str]:
    process = command(checkout, *words, **changes)
    output, told = process.communicate(timeout=600)
    return process.returncode, output, told


def test_the_first_start_makes_an_environment_and_the_second_is_quick(checkout: Path) -> None:
    code, output, told = run(checkout, "doctor", "--data", "a b")
    assert (code, output) == (0, "words: doctor --data a b\n")
    assert "Making the Python environment" in told
    assert "Installing what requirements.lock lists." in told
    assert run(checkout, "fail") == (7, "words: fail\n", "")
    assert not (checkout / ".venv.lock").exists()


def test_a_changed_lock_and_a_broken_off_installation_are_installed_again(checkout: Path) -> None:
    run(checkout)
    (checkout / "requirements.lock").write_text("# nothing else\n")
    assert run(checkout)[2] == "Installing what requirements.lock lists.\n"
    (checkout / ".venv/.installed-requirements.lock").unlink()
    assert run(checkout)[2] == "Installing what requirements.lock lists.\n"
    shutil.rmtree(checkout / ".venv/bin")
    assert "Making the Python environment" in run(checkout)[2]
    assert run(checkout)[2] == ""


def test_a_wrong_hash_stops_it_and_leaves_no_mark(checkout: Path) -> None:
    package = checkout / "thing-1.0-py3-none-any.whl"
    package.write_bytes(b"not what was promised")
    (checkout / "requirements.lock").write_text(f"thing @ {package.as_uri()} --hash=sha256:{'0' * 64}\n")
    code, output, _ = run(checkout)
    assert code != 0
    assert output == ""
    assert not (checkout / ".venv/.installed-requirements.lock").exists()
    assert not (checkout / ".venv.lock").exists()


def test_two_first_starts_at_once_make_one_environment(checkout: Path) -> None:
    both = [command(checkout, "version") for _ in range(2)]
    answers = [(process.communicate(timeout=600), process.returncode) for process in both]
    assert [code for _, code in answers] == [0, 0]
    told = "".join(errors for (_, errors), _ in answers)
    assert told.count("Making the Python environment") == 1


def test_a_lock_left_by_a_killed_start_does_not_stop_the_next(checkout: Path) -> None:
    (checkout / ".venv.lock").mkdir()
    gone = subprocess.Popen(["/bin/true"])
    gone.wait()
    (checkout / ".venv.lock/pid").write_text(f"{gone.pid}\n")
    assert run(checkout, "version")[:2] == (0, "words: version\n")


def test_the_environment_may_be_elsewhere(checkout: Path) -> None:
    elsewhere = checkout.parent / "env"
    assert run(checkout, "version", AMANAT_VENV=str(elsewhere))[0] == 0
    assert (elsewhere / "bin/python").exists()
    assert not (checkout / ".venv").exists()


def test_without_a_python_it_says_what_to_install(checkout: Path) -> None:
    tools = checkout.parent / "tools"
    (tools / "python3.14").unlink()
    for name in ("python3.14", "python3"):
        stub(tools, name, "exit 127")
    code, _, told = run(checkout)
    assert code == 3
    assert "needs Python 3.12, 3.13 or 3.14" in told
    assert not (checkout / ".venv").exists()


def test_it_is_plain_sh_and_can_be_run() -> None:
    assert os.access(CHECKOUT / "run", os.X_OK)
    assert os.access(CHECKOUT / ".ci/run", os.X_OK)
    shell = shutil.which("dash") or "/bin/sh"
    assert subprocess.run([shell, "-n", CHECKOUT / "run"], check=False).returncode == 0


def test_the_locks_name_hashes_and_no_registry() -> None:
    for name in ("requirements.lock", "requirements-test.lock"):
        text = (CHECKOUT / name).read_text()
        assert "http" not in text.replace("httpcore", "").replace("httpx", "")
        assert "index" not in text
        pins = [line for line in text.splitlines() if line[:1].isalnum()]
        assert pins
        assert all("==" in line for line in pins)
        assert len(pins) <= text.count("--hash=sha256:")


def test_an_environment_that_cannot_be_written_is_told_and_not_waited_for(checkout: Path) -> None:
    """Below /proc nobody can write, root neither: as when the folder belongs to somebody else."""
    code, output, told = run(checkout, "version", AMANAT_VENV="/proc/nobody/venv")
    assert (code, output) == (3, "")
    assert "cannot write there" in told and "waiting" not in told


#: As much of uv as the script asks for, done by Python itself.
UV = """case $1 in
--version) echo uv 0.13 ;;
venv) shift; while [ $# -gt 1 ]; do [ "$1" = --python ] && python=$2; shift; done; "$python" -m venv --without-pip "$1" ;;
pip) [ -n "$5" ] || exit 9; echo "$@" >>"$(dirname "$0")/asked" ;;
esac"""


def test_with_uv_the_environment_is_made_and_filled_by_it_alone(checkout: Path) -> None:
    tools = checkout.parent / "tools"
    stub(tools, "uv", UV)
    output, errors = command(checkout, "help").communicate(timeout=120)
    assert output == "words: help\n", errors
    asked = (tools / "asked").read_text()
    assert "--require-hashes" in asked and f"--python {checkout}/.venv/bin/python" in asked
    assert not (checkout / ".venv/bin/pip").exists()


def test_uv_that_cannot_fetch_a_python_says_what_to_install(checkout: Path) -> None:
    tools = checkout.parent / "tools"
    stub(tools, "uv", "[ $1 = --version ] || { echo no network >&2; exit 2; }")
    process = command(checkout, "help")
    _output, errors = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "no network" in errors and "install Python 3.12, 3.13 or 3.14 first" in errors
    assert not (checkout / ".venv.lock").exists()
