"""The bench: its tables, what it reads out of pages, how it accounts processor time; and, slowly, a whole run."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from amanat.core.configuration import CHECKOUT
from amanat.operations.bench import actions, machine, messages, promises, report, site
from amanat.operations.tests import places

RESULT: dict[str, Any] = {
    "machine": "Some processor, 2 cores, 4 GiB, Linux 6, Python 3.13",
    "contacts": 1_000_000,
    "workspaces": 21,
    "others": 2000,
    "memory_mb": 331.5,
    "database_mb": 2407,
    "actions": {
        "list, first page": {"cpu_ms": 9.5, "web_ms": 7.5, "database_ms": 2.0, "p50_ms": 10.0, "p95_ms": 12.25},
        "list, requests a second, 8 connections": {"per_second": 88.0, "request_ms": 9.0, "of_the_core": 79},
        "import": {"seconds": 2.5, "cpu_s": 1.4, "rows": 10_000},
        "gate, one decision": {"waited_ms": 0.41, "p95_ms": 0.6, "times": 200},
        "list, first page, with the guard of purposes": {
            "waited_ms": 8.0,
            "p95_ms": 9.8,
            "times": 40,
            "without_ms": 7.9,
            "percent": 0.2,
        },
        "retention run": {"per_second": 1020.4, "seconds": 4.9, "people": 5000},
        "probes of a workspace": {"seconds": 12.5, "probes": 140, "not_kept": 3, "longest_s": 4.5},
        "reminders of a day": {"seconds": 9.5, "cpu_s": 6.2, "reminders": 10_000, "services": 1_000_000},
        "messages sent": {
            "per_second": 512.5,
            "messages": 10_000,
            "seconds": 19.5,
            "worker_ms": 1.9,
            "database_ms": 1.1,
            "double_ms": 0.5,
        },
        "calls of the provider": {
            "per_second": 610.0,
            "events": 10_000,
            "waited_ms": 25.0,
            "p99_ms": 61.5,
            "most_ms": 90.0,
            "worked_off_s": 33.0,
            "web_ms": 1.2,
            "database_ms": 0.6,
        },
        "something new": {"cpu_ms": 1.0, "web_ms": 1.0, "database_ms": 0.0, "p50_ms": 1.0, "p95_ms": 1.0},
    },
}


def test_the_table_has_one_line_an_action_with_its_goal() -> None:
    assert report.rows(RESULT) == [
        ["list, first page", "9.5", "7.5", "2", "10", "12.25", "20"],
        ["list, requests a second, 8 connections", "88 a second, with 79 % of the core", "9 ms each", "", "", "", "100 a second"],
        ["import", "2.5 s (1.4 s of processor, 10000 rows)", "", "", "", "", "3 s for 10,000 rows"],
        ["gate, one decision", "", "", "", "0.41", "0.6", "1 ms"],
        ["list, first page, with the guard of purposes", "+0.2 % (without: 7.9 ms)", "", "", "8", "9.8", "5 % more"],
        ["retention run", "1020.4 people a second (5000 in 4.9 s)", "", "", "", "", "1000 people a second"],
        ["probes of a workspace", "12.5 s for 140 probes, the longest 4.5 s, 3 not kept", "", "", "", "", "300 s"],
        ["reminders of a day", "9.5 s for 10,000 of 1,000,000 services (6.2 s of processor in the program)", "", "", "", "",
         "20 s for 10,000 of 1,000,000"],
        ["messages sent", "512.5 a second (10,000 in 19.5 s); 1.9 ms in the worker and 0.5 ms in the double, each", "", "1.1", "", "",
         "500 a second"],
        ["calls of the provider", "610 a second (10,000); worked off after 33 s more", "1.2", "0.6", "25", "99 %: 61.5",
         "500 a second, 99 % in 1 s"],
        ["something new", "1", "1", "0", "1", "1", ""],
    ]  # fmt: skip


def test_the_actions_of_promises_are_the_ones_that_are_asked_for() -> None:
    assert tuple(promises.ACTIONS) == actions.PROMISES


def test_every_action_about_conversations_has_its_goal_in_the_table() -> None:
    assert set(messages.ACTIONS) <= set(report.GOALS)


def test_calls_of_the_provider_are_signed_over_what_is_sent_and_each_is_another() -> None:
    bench: Any = SimpleNamespace(
        site=SimpleNamespace(environment={"AMANAT_TIME_OFFSET": "3600"}),
        seeded={
            "known": [["0198c0de", "+919800000001"], ["0198c0df", "+919800000002"]], "address": "+912048574321",
            "number": "91", "waba": "81", "app_secret": "secret",
        },
    )  # fmt: skip
    calls = [messages._signed(bench, value) for value in messages._values(bench, 10)]
    for body, headers in calls:
        known = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
        assert headers["X-Hub-Signature-256"] == f"sha256={known}"
    said = [json.loads(body)["entry"][0]["changes"][0]["value"] for body, _headers in calls]
    assert [list(value)[2] for value in said] == ["contacts", *["statuses"] * 4] * 2
    keys = [(value.get("statuses") or value["messages"])[0]["id"] for value in said]
    assert len(set(keys)) == 10
    assert abs(int(said[1]["statuses"][0]["timestamp"]) - time.time() - 3600) < 5


def test_half_and_nearly_all_of_what_was_waited() -> None:
    assert promises.figures([3.0, 1.0, 2.0]) == {"waited_ms": 2.0, "p95_ms": 3.0, "times": 3}


def test_every_line_of_a_table_has_as_many_cells_as_its_head() -> None:
    assert {len(line) for line in report.rows(RESULT)} == {len(report.HEAD)}


def test_the_text_stands_in_columns() -> None:
    about, _empty, head, first, *_others = report.as_text(RESULT).splitlines()
    assert about.startswith("1,000,000 contacts in one of 21 workspaces (the others 2,000 each)")
    assert "database 2,407 MB" in about and about.endswith("Python 3.13.")
    assert head.index("processor ms") == first.index("9.5")
    assert head.index("goal") == first.rindex("20")


def test_the_markdown_is_a_table() -> None:
    text = report.as_markdown(RESULT)
    assert "1,000,000 contacts" in text.splitlines()[0]
    assert "|---|---|---|---|---|---|---|" in text
    assert "| list, first page | 9.5 | 7.5 | 2 | 10 | 12.25 | 20 |" in text


PAGE = """
<form><input type="hidden" name="csrfmiddlewaretoken" value="secret"><input type="search" name="q" value="x">
<select name="column-0" class="input"><option value="">Leave out</option><option value="name" selected>Name</option></select>
<select name="column-1"><option value="phone">Phone</option><option value="email">E-mail</option></select>
<select name="empty"></select>
<input type="checkbox" name="kept" value="1" checked><input type="checkbox" name="dropped" value="1">
<input type="radio" name="order" value="day" checked><input type="radio" name="order" value="month">
<input type="text" name="label"><input name="plain" value="as it is"></form>
"""


def test_a_form_is_sent_as_a_browser_would() -> None:
    assert actions._form_fields(PAGE) == [
        ("column-0", "name"), ("column-1", "phone"), ("empty", ""), ("kept", "1"), ("order", "day"), ("label", ""),
        ("plain", "as it is"),
    ]  # fmt: skip


def test_the_file_to_import_has_new_people_only() -> None:
    rows = list(csv.DictReader(io.StringIO(actions._csv(300).decode())))
    assert len(rows) == 300
    assert len({row["Mobile"] for row in rows}) == len({row["Email"] for row in rows}) == 300
    assert all(len(row["Mobile"]) == 10 for row in rows)
    assert len([row for row in rows if row["Company"]]) == 100


def test_an_answer_that_was_not_expected_ends_the_run() -> None:
    actions.expect((303, ""), 302, 303)
    with pytest.raises(RuntimeError, match="answered 500: sorry"):
        actions.expect((500, "sorry"), 200)


def test_processor_time_is_counted_for_work_and_not_for_waiting() -> None:
    here = [os.getpid()]
    before = machine.precise_cpu_ms(here)
    time.sleep(0.05)
    slept = machine.precise_cpu_ms(here) - before
    begun = time.process_time()
    while time.process_time() - begun < 0.1:
        pass
    worked = machine.precise_cpu_ms(here) - before - slept
    assert slept < 40
    assert 80 < worked < 200


def test_a_tree_has_the_children_of_a_process() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert {os.getpid(), child.pid} <= set(machine.tree(os.getpid()))
        assert machine.tree(child.pid) == [child.pid]
        assert machine.memory_mb([child.pid]) > 1
    finally:
        child.communicate(b"\n")
    assert child.pid not in machine.tree(os.getpid())
    assert machine.precise_cpu_ms([child.pid]) == machine.cpu_ms([child.pid]) == 0


def test_the_machine_is_described_in_a_sentence() -> None:
    assert f"{os.cpu_count()} cores" in machine.describe()


@pytest.mark.slow
def test_a_small_run_measures_every_action(tmp_path: Path, place: Path) -> None:
    # Its own installation, not the tests' database; its tables are made already.
    places.migrated(place).secrets.rename(place / "secrets")
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("AMANAT_", "DATABASE_", "DJANGO_"))
    }
    answer = subprocess.run(
        [
            sys.executable, "-m", "amanat", "bench", "--contacts", "300", "--workspaces", "1", "--others", "20", "--repeat", "2",
            "--import-rows", "30", "--people", "20", "--threads", "60", "--services", "200", "--reminded", "5", "--events", "20",
            "--lines", "50", "--ledger", "200", "--rush", "0.5", "--rest", "0.5", "--folder", str(place), "--port", str(places.free_port()), "--json", "--write", str(tmp_path / "table.md"),
        ],
        cwd=CHECKOUT, env=clean, stdout=subprocess.PIPE, text=True, check=True, timeout=500,
    )  # fmt: skip
    result = json.loads(answer.stdout[answer.stdout.index("{") :])
    assert set(report.GOALS) <= set(result["actions"])
    assert all(found["cpu_ms"] > 0 for found in result["actions"].values() if "cpu_ms" in found)
    assert result["actions"]["import"]["rows"] == 30
    assert result["actions"]["list, requests a second, 8 connections"]["per_second"] > 1
    assert result["actions"]["retention run"]["people"] == 20
    assert result["actions"]["probes of a workspace"]["probes"] > 50
    assert "300 contacts" in (tmp_path / "table.md").read_text()


@pytest.mark.slow
def test_on_a_taken_port_it_says_so_and_measures_nobody_elses_site() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "amanat", "bench", "--contacts", "10", "--port", port],
            cwd=CHECKOUT, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
    assert done.returncode == 3 and "Is the port taken?" in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("titles", "is_at_rest"),
    [
        (["amanat worker"], True),
        (
            ["postgres: amanat_app amanat [local] idle ", "postgres: walsender postgres [local] streaming 0/42B36B0"],
            True,
        ),
        (["postgres: checkpointer ", "postgres: amanat_app amanat [local] idle in transaction"], False),
        (["postgres: amanat_app amanat [local] UPDATE waiting", "postgres: amanat_app amanat [local] idle"], False),
        (["", "postgres: amanat_app amanat [local] SELECT"], False),
    ],
    ids=["no database", "at rest", "a lock in the hand", "waits for a lock", "asks"],
)
def test_the_worker_is_held_still_only_where_the_database_has_nothing_open(
    titles: list[str], is_at_rest: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = site.Running(port=1, supervisor=1, environment={})
    monkeypatch.setattr(site.Running, "database", lambda _self: list(range(len(titles))))
    monkeypatch.setattr(site, "_command", titles.__getitem__)
    assert running.is_asked_nothing() is is_at_rest
