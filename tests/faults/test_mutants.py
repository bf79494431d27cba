"""The tests of the gate notice when it is gone (all of them by hand: `python -m tests.faults.mutants`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from amanat.messaging.outbox.tests import test_only_way as walking
from tests.faults import mutants
from tests.faults.mutants import MUTANTS, ROOT, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_what_a_mutant_takes_out_is_there(mutant: Mutant) -> None:
    assert mutant.was in (ROOT / mutant.file).read_text(encoding="utf-8")
    assert all((ROOT / each).exists() for each in mutant.tests if each.endswith(".py"))


@pytest.mark.slow  # a copy of the checkout, in which tests are run
def test_without_the_gate_our_own_tests_fail() -> None:
    assert mutants.is_caught(MUTANTS[0])


ROGUES = {
    "desk/hurry.py": "def hurry(line, message):\n    from amanat.messaging.channels import contract\n    contract.Outgoing(message)\n",
    "messaging/inbox/hurry.py": "def hurry(adapter, access):\n    with adapter.line(access) as line:\n        pass\n",
    "messaging/reminders/hurry.py": "def hurry(way, message):\n    way.send(message)\n",
    "people/hurry.py": "def hurry(outgoing):\n    outgoing.send('POST', 'https://graph.facebook.com', recipient='whatsapp')\n",
    "messaging/outbox/hurry.py": "def hurry(row):\n    row.state = Dispatch.State.SENDING\n",
    "desk/in_the_name_of_the_site.py": "def hurry(to):\n    outbox.send_text(to, 'An offer')\n",
}
WALKS = [
    walking.test_an_outgoing_message_is_made_in_one_place_only,
    walking.test_a_line_is_opened_in_one_place_only,
    walking.test_a_message_is_given_to_a_line_in_one_place_only,
    walking.test_the_recipients_of_messages_are_used_by_their_adapters_only,
    walking.test_the_function_that_claims_asks_the_gate_before_it_marks_a_row,
    walking.test_who_writes_in_the_name_of_the_site_is_known,
]


@pytest.mark.parametrize(("place", "walk"), zip(ROGUES, WALKS, strict=True), ids=list(ROGUES))
def test_each_walk_through_the_code_sees_who_goes_past_the_gate(
    monkeypatch: pytest.MonkeyPatch, place: str, walk: object
) -> None:
    texts = {**walking.texts(), place: ROGUES[place]}
    walk()  # type: ignore[operator]
    monkeypatch.setattr(walking, "texts", lambda: texts)
    with pytest.raises(AssertionError):
        walk()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("line", "is_refused"),
    [
        ("from amanat.messaging.channels.contract import Outgoing", True),
        ("import smtplib", True),
        ("from pywa import WhatsApp", True),
        ("from anymail.message import AnymailMessage", True),
        ("from amanat.messaging.inbox import saying", False),
    ],
)
def test_the_linter_refuses_who_makes_a_message_himself(line: str, is_refused: bool) -> None:
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--select",
        "TID251",
        "--stdin-filename",
        "amanat/desk/hurry.py",
        "-",
    ]
    done = subprocess.run(command, cwd=ROOT, input=f"{line}\n", capture_output=True, text=True, check=False)
    assert ("TID251" in done.stdout) is is_refused, done.stdout + done.stderr


def test_the_linter_is_told_so_for_every_run() -> None:
    text = Path(ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '"TID251"]' in text.partition("select = [")[2].partition("\n")[0]
