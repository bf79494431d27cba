"""A line of the log: which keys may stand in it, and that no value of a message or an exception does."""

from __future__ import annotations

import ast
import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import RequestFactory
from django.urls import ResolverMatch

import amanat
from amanat.core import logs


def line(message: str, *values: object, name: str = "amanat.core.jobs", level: int = logging.INFO, **extra: Any) -> dict[str, Any]:  # fmt: skip
    error = extra.pop("exc_info", None)
    record = logging.LogRecord(name, level, __file__, 1, message, values, error)
    record.__dict__.update(extra)
    text = logs.Formatter().format(record)
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def caught(error: Exception) -> Any:
    try:
        raise error
    except Exception:
        return sys.exc_info()


def test_a_line_says_when_how_grave_who_and_what() -> None:
    found = line("a job lost its worker", level=logging.WARNING)
    assert found.keys() == {"at", "level", "from", "event"}
    assert (found["level"], found["from"], found["event"]) == ("warning", "amanat.core.jobs", "a job lost its worker")
    assert found["at"].endswith("+00:00")


@pytest.mark.parametrize("key", logs.KNOWN)
def test_known_keys_are_kept(key: str) -> None:
    assert line("x", **{key: 7})[key] == "7"


def test_the_id_of_an_event_stands_beside_the_message() -> None:
    found = line("an event could not be worked off", event="7")
    assert (found["event"], found["of_event"]) == ("an event could not be worked off", "7")


#: Passed on for a debugger, and left out of the log: a person's id, names that others chose.
KEPT_BACK = {"user", "problem", "error", "cookie"}


def test_what_callers_pass_is_logged() -> None:
    """A warning that does not say which account, dispatch or event it is about cannot be acted on."""
    passed = set()
    for path in Path(amanat.__file__).parent.glob("**/*.py"):
        if "tests" not in path.parts and "extra={" in (text := path.read_text()):
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.keyword) and node.arg == "extra" and isinstance(node.value, ast.Dict):
                    passed |= {key.value for key in node.value.keys if isinstance(key, ast.Constant)}
    assert passed - set(logs.KNOWN) - KEPT_BACK == {"event"}


@pytest.mark.parametrize(
    "key", ["email", "phone", "user", "request", "body", "password", "token", "name_of_contact", "sql", "params"]
)
def test_other_keys_are_left_out(key: str) -> None:
    assert "asha@example.in" not in json.dumps(line("x", **{key: "asha@example.in"}))


def test_messages_of_ours_are_put_together_and_of_others_are_not() -> None:
    assert line("%s jobs", 3)["event"] == "3 jobs"
    assert line("Not Found: %s", "/contacts/asha/", name="django.request")["event"] == "Not Found: %s"
    assert line("HTTP Request: %s %s", "GET", "https://x/?key=1", name="httpx")["event"] == "HTTP Request: %s %s"


@pytest.mark.parametrize(
    "error",
    [
        ValueError("asha@example.in is no number"),
        KeyError("+919822041736"),
        RuntimeError('Key (email)=(asha@example.in) already exists. "9822041736"'),
        UnicodeDecodeError("utf-8", b"asha@example.in 9822041736", 0, 1, "bad"),
    ],
)
def test_an_exception_is_named_and_placed_and_never_quoted(error: Exception) -> None:
    found = line("it failed", level=logging.ERROR, exc_info=caught(error))
    assert found["error"] == type(error).__name__
    assert found["where"][-1].startswith("test_logs.py:") and found["where"][-1].endswith(":caught")
    assert "asha" not in json.dumps(found) and "98220" not in json.dumps(found)


def test_the_cause_of_an_exception_is_not_quoted_either() -> None:
    try:
        try:
            raise ValueError("asha@example.in")
        except ValueError as cause:
            raise RuntimeError("9822041736") from cause
    except RuntimeError:
        found = line("it failed", exc_info=sys.exc_info())
    assert "asha" not in json.dumps(found) and "98220" not in json.dumps(found)


def test_a_long_way_down_is_cut_to_its_end() -> None:
    def down(steps: int) -> None:
        if steps == 0:
            raise ValueError
        down(steps - 1)

    try:
        down(50)
    except ValueError:
        found = line("it failed", exc_info=sys.exc_info())
    assert len(found["where"]) == 8
    assert found["where"][-1].endswith(":down")


@pytest.mark.parametrize(
    "text", ["line\nbreak", "tab\t", 'quote"', "back\\slash", "नमस्ते", "\x1b[31mred", "\u2028", "\ud800"]
)
def test_any_text_stays_one_line_that_reads_back(text: str) -> None:
    assert line(text)["event"] == text
    assert line("x", workspace=text)["workspace"] == text


def test_without_an_exception_there_is_no_error() -> None:
    assert "error" not in line("x", exc_info=(None, None, None))


def test_a_page_that_failed_is_named_by_its_pattern_and_status() -> None:
    request = RequestFactory().get("/contacts/Asha-Patil/")
    request.resolver_match = ResolverMatch(print, (), {}, route="contacts/<uuid:contact_id>/")
    found = line("%s: %s", "Service Unavailable", request.path, name="django.request", status_code=503, request=request)
    assert (found["status"], found["route"]) == ("503", "contacts/<uuid:contact_id>/")
    assert "%s" not in found["event"] and "Asha" not in json.dumps(found)


def test_a_request_that_reached_no_page_is_logged_too() -> None:
    found = line("%s: %s", "Bad Request", "/x", name="django.request", status_code=400, request=RequestFactory().get("/x"))  # fmt: skip
    assert (found["status"], found["route"]) == ("400", "")
