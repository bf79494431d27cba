"""Which tests stay together when several processes share them out, and what begins first.

The plugin that runs the processes has groups of its own, which the newest pytest does not hand on: every test went alone to
whichever process was free, and each of them started a site, a demo and a browser for the journeys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

JOURNEYS = "tests/journeys/"
#: The journeys in shares of about equal length: each has a site, the demo and a browser of its own.
WALKS = ("test_every_page.py",)
#: Of so many cases of a test marked `sampled`, the quick part tries the first.
SAMPLE = 8
BROWSER = "amanat/web/tests/test_browser.py"
#: Long files whose tests share nothing that is costly to set up: each test goes to whoever is free.
ONE_BY_ONE = (
    "tests/promises/test_api",
    "tests/promises/test_headers.py",
    "tests/promises/test_hostile_input.py",
    "tests/promises/test_isolation.py",
    "tests/promises/test_need_to_know.py",
    "amanat/core/tests/test_jobs.py",
    "amanat/operations/tests/test_keys.py",
    "amanat/operations/tests/test_replay.py",
    "amanat/operations/tests/test_run.py",
)


def together(nodeid: str) -> str:
    """The name of the share that a test belongs to: tests of one share run in one process, one after the other."""
    file = nodeid.partition("::")[0]
    if file.startswith(JOURNEYS):
        return "walks" if file.endswith(WALKS) else "journeys"
    return nodeid if nodeid.startswith(ONE_BY_ONE) else file


def turn(item: pytest.Item) -> int:
    """The long ones begin first, so that no process is left with them at the end: walks, journeys, browser, slow, all others."""
    share = together(item.nodeid)
    if share in {"walks", "journeys"}:
        return 0 if share == "walks" else 1
    if share == BROWSER:
        return 2
    return 3 if item.get_closest_marker("slow") else 4


def left_to_the_whole_run(items: list[pytest.Item]) -> list[pytest.Item]:
    """Of tests marked `sampled` all cases but each eighth, so that the quick part has one of each."""
    cases: dict[str, int] = {}
    found = []
    for item in items:
        if item.get_closest_marker("sampled"):
            test = item.nodeid.partition("[")[0]
            number = cases[test] = cases.get(test, -1) + 1
            found += [item] if number % SAMPLE else []
    return found


class Sharing(LoadScopeScheduling):  # type: ignore[misc]  # the plugin has no types
    """Share by share, in the order of the list of tests.

    For each test the plugin searches the whole list, and after each it counts all that its process was ever given: seconds of a run, while
    the processes wait. Here a test's place is looked up, and a share that is done is forgotten.
    """

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid)

    def add_node_collection(self, node: object, collection: Sequence[str]) -> None:
        super().add_node_collection(node, collection)
        self._place = {
            nodeid: place for place, nodeid in enumerate(collection)
        }  # of all processes: they have the same list

    def _assign_work_unit(self, node: Any) -> None:
        share, tests = self.workqueue.popitem(last=False)
        self.assigned_work[node][share] = tests
        node.send_runtest_some([self._place[nodeid] for nodeid, is_done in tests.items() if not is_done])

    def mark_test_complete(self, node: object, item_index: int, duration: float = 0) -> None:
        nodeid = self.registered_collections[node][item_index]
        shares, share = self.assigned_work[node], self._split_scope(nodeid)
        shares[share][nodeid] = True
        if all(shares[share].values()):
            del shares[share]
        self._reschedule(node)
