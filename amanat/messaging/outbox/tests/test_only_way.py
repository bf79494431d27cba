"""Nothing leaves but through the outbox: the code itself is walked, and the gate stands in the one function that claims."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import amanat

ROOT = Path(amanat.__file__).parent
#: Who may call a line's `send`, and who may ask for a line.
SENDS = "messaging/outbox/sending.py"
#: What an adapter is made of: nothing here can claim a message.
BELOW = ("messaging/channels/", "messaging/sandbox/")


@cache
def texts() -> dict[str, str]:
    paths = (
        path for path in sorted(ROOT.rglob("*.py")) if "tests" not in path.parts and "migrations" not in path.parts
    )
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def nodes(word: str, *, under: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Every node of the sources that have a word, with its file."""
    for path, text in texts().items():
        if path.startswith(under) and word in text:
            for node in ast.walk(ast.parse(text)):
                yield path, node


def calls(name: str, *, under: str) -> Iterator[tuple[str, str, ast.Call]]:
    """Calls of a method: the file, what it is called on, the call."""
    for path, node in nodes(f".{name}(", under=under):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name:
            yield path, ast.unparse(node.func.value), node


def test_a_line_is_opened_in_one_place_only() -> None:
    found = {
        path for path, on, _call in calls("line", under="messaging/") if on != "timeline" and not path.startswith(BELOW)
    }
    assert found == {SENDS}


def test_a_message_is_given_to_a_line_in_one_place_only() -> None:
    found = {
        (path, on)
        for path, on, call in calls("send", under="messaging/")
        if not path.startswith(BELOW) and len(call.args) == 1 and not call.keywords
    }
    assert found == {(SENDS, "line")}


def test_an_outgoing_message_is_made_in_one_place_only() -> None:
    """Without an `Outgoing` no adapter can be called; sandboxes and adapters only read it."""
    found = {
        path
        for path, node in nodes("Outgoing(")
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Outgoing"
    }
    # A probe asks an adapter whether it would refuse one; the site's own texts know their callers, see below. Neither opens a line.
    beside = {"messaging/probes.py", "messaging/channels/site_texts.py"}
    assert found - beside == {"messaging/outbox/claiming.py"}


def test_who_writes_in_the_name_of_the_site_is_known() -> None:
    """Codes, receipts and warnings that somebody asked for or the law demands ask no gate: no offer and no reply leaves this way."""
    texts_sent = {path for path, on, _call in calls("send_text", under="") if on == "outbox"}
    assert texts_sent == {"core/codes.py", "accounts/adapters.py", "privacy/retention/telling.py"}
    delivered = {path for path, on, _call in calls("deliver", under="") if on == "codes"}
    assert delivered == {
        "accounts/adapters.py", "basis/asking.py", "basis/capturing.py", "basis/passcodes.py", "basis/receipts.py", "privacy/closing/letters.py",
        "privacy/copies/handing.py", "privacy/incidents/telling.py", "privacy/requests/telling.py", "publishing/addresses.py",
    }  # fmt: skip


def test_the_recipients_of_messages_are_used_by_their_adapters_only() -> None:
    """Who sends to a carrier of messages names it: nobody outside the channels does."""
    found = {
        path
        for path, node in nodes("recipient=")
        if isinstance(node, ast.keyword)
        and node.arg == "recipient"
        and isinstance(node.value, ast.Constant)
        and node.value.value in {"whatsapp", "carrier"}
    }
    assert {path for path in found if not path.startswith(BELOW)} == set()


def test_the_function_that_claims_asks_the_gate_before_it_marks_a_row() -> None:
    asks = [
        path
        for path, node in nodes("decide_many(", under="messaging/outbox/")
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "gate.decide_many"
    ]
    assert asks == ["messaging/outbox/claiming.py"]
    of_members = [
        path
        for path, node in nodes("decide_for_oneself(", under="messaging/")
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "gate.decide_for_oneself"
    ]
    assert of_members == asks, "what goes to no contact is asked about at the same place"
    marks = [
        ast.unparse(node)
        for _path, node in nodes("State.SENDING", under="messaging/")
        if isinstance(node, ast.Assign)
        and "State.SENDING" in ast.unparse(node.value)
        and ".state" in ast.unparse(node.targets[0])
    ]
    assert marks == ["row.state = _State.SENDING"], "one line lets a message go, and it stands behind the answer"
