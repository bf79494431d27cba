"""`./run test`: every check in one go; all of them run even when one fails, and the end says which did."""
# ruff: noqa: S603 (programs of ours, given as lists: no shell takes part)

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from amanat.core import configuration as settings
from amanat.core.configuration import CHECKOUT

#: What the type checker learned of each file, kept outside the tree: another checkout of the same files is checked in half of the time.
TYPES = Path(tempfile.gettempdir()) / f"amanat-tests-{os.getuid()}" / "types"
CHECKS: dict[str, tuple[str, ...]] = {
    "ruff check": ("-m", "ruff", "check", "."),
    "ruff format": ("-m", "ruff", "format", "--check", "."),
    "types (mypy)": ("-m", "mypy", "--cache-dir", str(TYPES), "amanat"),
    "imports (import-linter)": ("-c", "from importlinter.cli import lint_imports_command as check; check()"),
}
CORES = os.cpu_count() or 1
#: Which tests stay together, tests/sharing.py says.
PYTEST = ("-m", "pytest", "--dist", "loadscope", "--no-loadscope-reorder")
#: The whole run also counts lines and fails below the floor of pyproject.toml. One process more than cores: many of its tests wait for
#: programs they started. Those of the quick part do not, and each process spends twelve seconds before its first test.
WHOLE = ("-n", str(CORES + 1), "--cov", "--cov-report=term:skip-covered")
QUICK = ("-n", str(max(2, CORES)), "-m", "not slow and not journey", "--ignore", "tests/journeys")


def run(*, quick: bool, pytest_arguments: Sequence[str]) -> int:
    """0 when all is well, 1 otherwise. With `pytest_arguments` only pytest runs, on what they say."""
    with tempfile.TemporaryDirectory(prefix="amanat-test-") as folder:
        environment = _environment(Path(folder))
        if pytest_arguments:
            return min(1, _run(["-m", "pytest", *pytest_arguments], environment))
        with ThreadPoolExecutor(1) as beside:  # tests that wait for programs leave time to them
            checked = beside.submit(_check, environment)
            print("== tests (pytest)", flush=True)
            started = time.monotonic()
            code = _run([*PYTEST, *(QUICK if quick else WHOLE)], environment)
            found = [Outcome("tests (pytest)", code, time.monotonic() - started, ""), *checked.result()]
    for outcome in found:
        print(outcome, flush=True)
    failed = [outcome.name for outcome in found if outcome.code]
    print("All checks passed." if not failed else f"Failed: {', '.join(failed)}.", flush=True)
    return 1 if failed else 0


@dataclass(frozen=True, slots=True)
class Outcome:
    name: str
    code: int
    seconds: float
    said: str

    def __str__(self) -> str:
        return f"{self.said}== {self.name}: {'passed' if self.code == 0 else 'FAILED'} in {self.seconds:.0f} s"


def _check(environment: dict[str, str]) -> list[Outcome]:
    found = []
    for name, command in CHECKS.items():
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, *command], cwd=CHECKOUT, env=environment, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )  # fmt: skip
        found.append(Outcome(name, done.returncode, time.monotonic() - started, done.stdout))
    return found


def _run(command: Sequence[str], environment: dict[str, str]) -> int:
    return subprocess.run([sys.executable, *command], cwd=CHECKOUT, env=environment, check=False).returncode


def _environment(folder: Path) -> dict[str, str]:
    """Settings of our own, so that a developer's data and keys are out of reach; the type checker loads the settings too."""
    changes = {setting.name: "" for setting in settings.SETTINGS} | {"AMANAT_DATA": str(folder / "data")}
    settings.ensure_secrets(settings.load(changes))
    return settings.child_environment(PYTHONPATH=str(CHECKOUT), **changes)
