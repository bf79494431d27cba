"""Our own code with one safeguard taken out at a time: do its tests notice?

    python -m tests.faults.mutants
    python -m tests.faults.mutants --only gate

Each mutant is a copy of the checkout with a few words changed, in which the named tests are run. A mutant that passes them is a promise
that nobody keeps.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_OUTBOX, _CHANNELS = "amanat/messaging/outbox", "amanat/messaging/channels"
_TESTS = f"{_OUTBOX}/tests"


@dataclass(frozen=True)
class Mutant:
    """`was` becomes `instead` in `file`; `tests` must fail. Without `was`, `instead` is added at the end."""

    name: str
    file: str
    was: str
    instead: str
    tests: Sequence[str]


_EVERYBODY = """

def _everybody(contacts, **asked):
    return [gate.Answer(contact, True, Reason.GROUND, f"purposes.{asked['purpose']}") for contact in contacts]
"""
_ROGUE = """

def _in_a_hurry(account, message):
    from amanat.messaging.channels import adapters

    with adapters.adapter_of(account).line(accounts.access(account)) as line:
        line.send(message)
"""

MUTANTS = [
    Mutant(
        "the gate is not asked",
        f"{_OUTBOX}/claiming.py",
        "gate.decide_many(",
        "_everybody(",
        [f"{_TESTS}/test_sending.py", "-k", "agree or gate or opt_out"],
    ),
    Mutant(
        "the gate is asked and not heeded",
        f"{_OUTBOX}/claiming.py",
        "            if answer.is_allowed:\n",
        "            if True:\n",
        [f"{_TESTS}/test_sending.py", "-k", "agree or gate or opt_out"],
    ),
    Mutant(
        "the gate is asked, and nobody writes down what it said",
        f"{_OUTBOX}/claiming.py",
        'what="message", ',
        "",
        [f"{_TESTS}/test_sending.py", "-k", "decision"],
    ),
    Mutant(
        "what members have sent to themselves goes to any number",
        "amanat/basis/gate.py",
        "exists=address in own.get(member, ())",
        "exists=True",
        ["amanat/messaging/reminders/tests/test_trying.py", "-k", "hers"],
    ),
    Mutant(
        "the gate is not asked, and only those who walk the code look",
        f"{_OUTBOX}/claiming.py",
        "gate.decide_many(",
        "_everybody(",
        [f"{_TESTS}/test_only_way.py"],
    ),
    Mutant(
        "somebody else opens a line and sends, past the gate",
        "amanat/messaging/inbox/saying.py",
        "",
        _ROGUE,
        [f"{_TESTS}/test_only_way.py"],
    ),
    Mutant(
        "a message goes after its use-by time",
        f"{_OUTBOX}/claiming.py",
        "if row.use_by is not None and row.use_by <= self._at:",
        "if False:",
        [f"{_TESTS}/test_sending.py", "-k", "use_by"],
    ),
    Mutant(
        "a message goes however long ago the gate was asked",
        f"{_OUTBOX}/sending.py",
        "claiming.moment() >= each.begin_before",
        "False",
        [f"{_TESTS}/test_sending.py", f"{_TESTS}/test_settling.py", "-k", "in_time or stood_still"],
    ),
    Mutant(
        "what may have left is tried again",
        f"{_OUTBOX}/recording.py",
        "return _Row(result.claim, _State.UNKNOWN, code=answer.code)",
        "return _Row(result.claim, _State.TODO, code=answer.code)",
        [f"{_TESTS}/test_sending.py", "-k", "may_have_left"],
    ),
    Mutant(
        "what waited in a backup leaves",
        f"{_OUTBOX}/ordering.py",
        'waiting.update(state=_State.HELD, reason=RESTORED, claimed_by="", lease_until=None)',
        "waiting.count()",
        [f"{_TESTS}/test_settling.py", "-k", "backup"],
    ),
    Mutant(
        "a webhook is believed whoever signed it",
        f"{_CHANNELS}/whatsapp_reading.py",
        "return hmac.compare_digest(",
        "return True or hmac.compare_digest(",
        [f"{_CHANNELS}/tests/test_hooks.py", "-k", "forged"],
    ),
    Mutant(
        "an event that comes again is another one",
        f"{_OUTBOX}/events.py",
        'digests = [hmac.digest(key, same, "sha256") for same, _payload in events]',
        'digests = [hmac.digest(key, same + each.bytes, "sha256") for (same, _payload), each in zip(events, ids)]',
        [f"{_TESTS}/test_reports.py", "-k", "kept_once"],
    ),
]


def is_caught(mutant: Mutant) -> bool:
    """Whether the tests fail on a copy of the checkout that is changed so. The change itself must be there to make."""
    with tempfile.TemporaryDirectory(prefix="amanat-mutant-") as folder:
        copy = Path(folder)
        ignored = shutil.ignore_patterns("__pycache__", "*.po")
        for name in ("amanat", "tests"):
            shutil.copytree(ROOT / name, copy / name, ignore=ignored)
        for name in ("conftest.py", "pyproject.toml"):
            shutil.copy(ROOT / name, copy / name)
        changed = copy / mutant.file
        text = changed.read_text(encoding="utf-8")
        if mutant.was not in text:
            raise LookupError(f"{mutant.file} has changed: {mutant.was}")
        text = text.replace(mutant.was, mutant.instead) if mutant.was else text + mutant.instead
        changed.write_text(text + (_EVERYBODY if "_everybody(" in mutant.instead else ""), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-x", "-p", "no:randomly", "-p", "no:xdist", *mutant.tests]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in {0, 1}:  # neither passed nor failed: it could not run, which proves nothing
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    return done.returncode == 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="those whose name has this word")
    wanted = parser.parse_args().only
    alive = 0
    for mutant in MUTANTS:
        if wanted in mutant.name:
            caught = is_caught(mutant)
            alive += not caught
            print(f"{'caught' if caught else 'ALIVE '}  {mutant.name}", flush=True)
    return int(alive > 0)


if __name__ == "__main__":
    sys.exit(main())
