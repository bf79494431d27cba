"""`amanat bench`: the figures of docs/benchmarks.md, measured again on this machine.

Makes an installation of its own in a scratch folder, fills it from a fixed seed, starts the real site on one pinned
core, signs in as a member over HTTP and measures whole pages: time at the client, and the processor time that the web
process and the database spent, added. What keeping the promises costs (`promises`) is measured in a process beside it,
what conversations cost (`messages`) with our double of the provider in another.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from amanat.operations.bench import actions, machine, messages, report, site


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="amanat bench", description=__doc__)
    parser.add_argument("--contacts", type=int, default=10_000, help="contacts in the measured workspace")
    parser.add_argument("--workspaces", type=int, default=20, help="workspaces beside it, each with --others contacts")
    parser.add_argument("--others", type=int, default=1000, help="contacts in each other workspace")
    parser.add_argument("--repeat", type=int, default=60, help="times each action is measured")
    parser.add_argument("--port", type=int, default=8790)
    parser.add_argument("--import-rows", type=int, default=10_000)
    parser.add_argument("--people", type=int, default=1_000, help="people whose time is over in the retention run")
    parser.add_argument("--threads", type=int, default=2_000, help="conversations of four messages each")
    parser.add_argument("--services", type=int, default=20_000, help="service records")
    parser.add_argument("--reminded", type=int, default=1_000, help="people to remind in a day, and messages sent")
    parser.add_argument("--events", type=int, default=1_000, help="calls of the provider while the workers stand still")
    parser.add_argument("--lines", type=int, default=2_000, help="lines of somebody with many; a tenth as many files")
    parser.add_argument("--rush", type=float, default=8.0, help="seconds in which eight ask for the list at once")
    parser.add_argument(
        "--rest", type=float, default=15.0, help="seconds the filled site must be still before it is measured"
    )
    parser.add_argument("--ledger", type=int, default=10_000, help="entries of the ledger that the probes check")
    parser.add_argument(
        "--only", default="", help="names of actions, separated by semicolons; or all of: " + ", ".join(GROUPS)
    )
    parser.add_argument("--folder", type=Path, help="keep the installation here and use it again")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", type=Path, help="append the table to this file")
    options = parser.parse_args(arguments)
    folder = options.folder or Path(tempfile.mkdtemp(prefix="amanat-bench-"))
    try:
        result = _measure(options, folder)
    finally:
        if options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(result, indent=2) if options.json else report.as_text(result))
    if options.write:
        with options.write.open("a", encoding="utf-8") as file:
            file.write("\n" + report.as_markdown(result))
    return 0


#: Actions that belong together, by one name for `--only`.
GROUPS: dict[str, tuple[str, ...]] = {"promises": actions.PROMISES, "conversations": tuple(messages.ACTIONS)}


def wanted_of(said: str) -> list[str]:
    """The names of actions that `--only` says; groups stand for theirs."""
    return [name for one in said.split(";") if one for name in GROUPS.get(one, (one,))]


def _measure(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    with site.running(folder, port=options.port) as running:
        seeded = site.seed(running, options.contacts, options.workspaces, options.others)
        print(f"Seeded in {seeded['seconds']:.0f} s; waiting until the site has settled.", file=sys.stderr)
        site.settle(running, seconds=options.rest)
        wanted = wanted_of(options.only)
        # Conversations come last: pages of people are measured in the workspace as it was filled for them.
        others = [name for name in wanted if name not in messages.ACTIONS]
        figures: dict[str, dict[str, float]] = {}
        if others or not wanted:
            figures = actions.measure_all(
                running, seeded, repeat=options.repeat, import_rows=options.import_rows, rush=options.rush, only=others
            )
            figures |= actions.measure_promises(
                running,
                seeded,
                repeat=options.repeat,
                people=options.people,
                lines=options.lines,
                ledger=options.ledger,
                only=others,
            )
        sizes = messages.Sizes(options.threads, options.services, options.reminded, options.events)
        figures |= messages.measure_messages(running, seeded, sizes, repeat=options.repeat, only=wanted)
    return {
        "machine": machine.describe(),
        "contacts": options.contacts,
        "workspaces": options.workspaces + 1,
        "others": options.others,
        "memory_mb": running.memory_mb,
        "database_mb": seeded["database_mb"],
        "actions": figures,
    }
