"""The table, as text and as Markdown."""

from __future__ import annotations

from typing import Any

from amanat.core import clock

#: What the project has set itself, in milliseconds of processor time (or as said), at 1,000,000 contacts.
GOALS = {
    "list, first page": "20",
    "list, in Hindi": "20",
    "list, 90 % down": "20",
    "search part of a name": "25",
    "search phone digits": "20",
    "open a contact with 100 activities": "20",
    "create a contact": "20",
    "sign in": "90",
    "list, requests a second, 8 connections": "100 a second",
    "import": "3 s for 10,000 rows",
    "gate, one decision": "1 ms",
    "gate, 500 in one query": "30 ms",
    "opt-out to refused message": "1000 ms",
    "list, first page, with the guard of purposes": "5 % more",
    "lint and render a policy": "50 ms",
    "retention sweep, nothing due": "2000 ms",
    "copy of somebody with 100 lines": "300 ms",
    "erasure of somebody with 100 lines, searched": "200 ms",
    "copy of somebody with 2,000 lines and 200 files": "5000 ms",
    "erasure of somebody with 2,000 lines and 200 files, searched": "5000 ms",
    "retention run": "1000 people a second",
    "probes of a workspace": "300 s",
    "inbox, all": "40",
    "inbox, 90 % down": "40",
    "inbox, could not be sent": "40",
    "a conversation": "40",
    "search in messages, page": "40",
    "search in messages": "20 ms",
    "reminders of a day": "20 s for 10,000 of 1,000,000",
    "messages sent": "500 a second",
    "calls of the provider": "500 a second, 99 % in 1 s",
    "from the provider's call to the open page": "1000 ms",
}


def rows(result: dict[str, Any]) -> list[list[str]]:
    return [[name, *_cells(found), GOALS.get(name, "")] for name, found in result["actions"].items()]


def _cells(found: dict[str, float]) -> list[str]:  # noqa: PLR0911 (a table of shapes)
    """Five cells: of a page its figures; of anything else what it is counted in, and what was waited."""
    if "cpu_ms" in found:
        return [f"{found[key]:g}" for key in ("cpu_ms", "web_ms", "database_ms", "p50_ms", "p95_ms")]
    if "request_ms" in found:
        share = f"{found['per_second']:g} a second, with {found['of_the_core']:g} % of the core"
        return [share, f"{found['request_ms']:g} ms each", "", "", ""]
    if "rows" in found:
        return [f"{found['seconds']:g} s ({found['cpu_s']:g} s of processor, {found['rows']} rows)", "", "", "", ""]
    if "people" in found:
        return [
            f"{found['per_second']:g} people a second ({found['people']:g} in {found['seconds']:g} s)",
            "",
            "",
            "",
            "",
        ]
    if "services" in found:
        told = f"{found['seconds']:g} s for {found['reminders']:,} of {found['services']:,} services"
        return [f"{told} ({found['cpu_s']:g} s of processor in the program)", "", "", "", ""]
    if "messages" in found:
        told = f"{found['per_second']:g} a second ({found['messages']:,} in {found['seconds']:g} s)"
        worker = f"{found['worker_ms']:g} ms in the worker and {found['double_ms']:g} ms in the double, each"
        return [f"{told}; {worker}", "", f"{found['database_ms']:g}", "", ""]
    if "events" in found:
        told = (
            f"{found['per_second']:g} a second ({found['events']:,}); worked off after {found['worked_off_s']:g} s more"
        )
        used = (f"{found[key]:g}" for key in ("web_ms", "database_ms", "waited_ms"))
        return [told, *used, f"99 %: {found['p99_ms']:g}"]
    if "probes" in found:
        return [
            f"{found['seconds']:g} s for {found['probes']:g} probes, the longest {found['longest_s']:g} s, {found['not_kept']:g} not kept",
            "",
            "",
            "",
            "",
        ]
    told = f"{found['percent']:+g} % (without: {found['without_ms']:g} ms)" if "percent" in found else ""
    return [told, "", "", f"{found['waited_ms']:g}", f"{found['p95_ms']:g}"]


HEAD = ["action", "processor ms", "web", "database", "p50 ms", "p95 ms", "goal"]


def as_text(result: dict[str, Any]) -> str:
    table = [HEAD, *rows(result)]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in table]
    return "\n".join([_about(result), "", *lines])


def as_markdown(result: dict[str, Any]) -> str:
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    lines += ["| " + " | ".join(line) + " |" for line in rows(result)]
    return (
        f"### {clock.now():%d %B %Y}, {result['contacts']:,} contacts\n\n{_about(result)}\n\n" + "\n".join(lines) + "\n"
    )


def _about(result: dict[str, Any]) -> str:
    return (
        f"{result['contacts']:,} contacts in one of {result['workspaces']} workspaces (the others {result['others']:,} each); "
        f"web, worker and database on one core; idle memory {result['memory_mb']:g} MB, database {result['database_mb']:,} MB. "
        f"Machine: {result['machine']}."
    )
