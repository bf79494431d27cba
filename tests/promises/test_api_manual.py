"""The manual of the API: every command in docs/api.md does what it says, and what it states is so."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from amanat.accounts import bulk_reads
from amanat.accounts.api_access import LIMITS
from amanat.accounts.api_shapes import LISTED, MOST_LISTED
from amanat.accounts.api_tokens import Scope
from amanat.accounts.models import Workspace
from amanat.accounts.tests.api_client import Program, owners_program

MANUAL = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def _commands() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", MANUAL, re.S)


def _run(command: str, hers: Program, known: dict[str, str]) -> Any:
    """What the command would get, sent by the test client instead of curl."""
    for name, value in known.items():
        # Within single quotes the shell sees the closing quote, the variable and the opening one.
        command = command.replace(f"'${name}'", f"'{value}'").replace(f"${name}", value)
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:2] == ["curl", "-s"]
    method, body, headers, url, upload = "", "", {}, "", ""
    rest = iter(words[2:])
    for word in rest:
        match word:
            case "-H":
                name, _colon, value = next(rest).partition(": ")
                headers[name] = value
            case "-X":
                method = next(rest)
            case "-d":
                body = next(rest)
            case "-F":
                upload = next(rest)
            case _:
                url = word
    assert headers.pop("Authorization") == f"Bearer {hers.token}"
    if upload:
        field, _equals, name = upload.partition("=@")
        return hers.upload(
            url.removeprefix("/api/v1"), {field: SimpleUploadedFile(name, b"Name,Phone\nAsha,9822041737\n")}
        )
    headers.pop("Content-Type", "")
    return hers.send(method or ("POST" if body else "GET"), url, json.loads(body) if body else None, **headers)


def test_every_command_of_the_manual_works(shree: Workspace) -> None:
    hers = owners_program(shree)
    known, made = {"SITE": "", "TOKEN": hers.token}, []
    for command in _commands():
        response = _run(command, hers, known)
        assert response.status_code in (200, 201), (command, response.content)
        if "ETag" in response and response.wsgi_request.path == "/api/v1/contacts":
            known |= {"CONTACT": response.json()["id"], "ETAG": response["ETag"].replace('"', '\\"')}
        if response.wsgi_request.path == "/api/v1/service-records":
            known["RECORD"] = response.json()["id"]
        made.append(response.wsgi_request.path)
    assert len(made) == 10
    assert hers.get(f"/contacts/{known['CONTACT']}").json()["follow_up_on"] == "2026-12-01"
    assert hers.get(f"/service-records/{known['RECORD']}").json()["balance_paise"] == 5_000


def test_the_manual_states_the_limits_that_hold() -> None:
    reads, writes = (limit.tries for limit in LIMITS)
    assert f"{reads:,} reads and {writes:,} writes a minute" in MANUAL
    assert f"more than {bulk_reads.ALARM.tries:,} contacts within an hour" in MANUAL
    assert f"`limit` ({LISTED} unless you say, at most {MOST_LISTED})" in MANUAL


def test_the_manual_names_every_scope() -> None:
    assert [scope for scope in Scope.values if f"`{scope}`" not in MANUAL] == []
