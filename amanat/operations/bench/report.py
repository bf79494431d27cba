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
}


def rows(result: dict[str, Any]) -> list[list[str]]:
    table = []
    for name, found in result["actions"].items():
        if "cpu_ms" in found:
            cells = [f"{found[key]:g}" for key in ("cpu_ms", "web_ms", "database_ms", "p50_ms", "p95_ms")]
        elif "per_second" in found:
            share = f"{found['per_second']:g} a second, with {found['of_the_core']:g} % of the core"
            cells = [share, f"{found['request_ms']:g} ms each", "", "", ""]
        else:
            cells = [
                f"{found['seconds']:g} s ({found['cpu_s']:g} s of processor, {found['rows']} rows)",
                "",
                "",
                "",
                "",
            ]
        table.append([name, *cells, GOALS.get(name, "")])
    return table


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
