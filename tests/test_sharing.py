from __future__ import annotations

from collections import Counter, OrderedDict
from types import SimpleNamespace

import pytest

from tests import sharing

A_WALK = "tests/journeys/test_every_page.py::test_every_page_is_accessible[desk]"
A_JOURNEY = "tests/journeys/test_members.py::test_x"


def test_journeys_stay_with_their_site_and_the_walks_with_another() -> None:
    assert sharing.together(A_WALK) == sharing.together("tests/journeys/test_every_page.py::test_y") == "walks"
    assert sharing.together(A_JOURNEY) == sharing.together("tests/journeys/test_records.py::test_z[a]") == "journeys"


def test_a_file_stays_together_unless_it_is_long_and_shares_nothing() -> None:
    assert sharing.together("amanat/core/tests/test_ids.py::test_x[a::b]") == "amanat/core/tests/test_ids.py"
    replay = "amanat/operations/tests/test_replay.py::test_"
    assert sharing.together(f"{replay}a") != sharing.together(f"{replay}b")


def test_the_shares_of_this_run_begin_with_the_long_ones(request: pytest.FixtureRequest) -> None:
    turns = [sharing.turn(item) for item in request.session.items]
    assert turns == sorted(turns)
    assert max(Counter(sharing.together(item.nodeid) for item in request.session.items).values()) < 2_500


def test_processes_are_given_whole_shares() -> None:
    """What the plugin calls to learn the share of a test, whatever it does with groups of its own."""
    sharer = object.__new__(sharing.Sharing)
    assert sharer._split_scope(A_WALK) == "walks"


class _Process:
    """What the plugin holds of a process that runs tests: here it only notes what it was given."""

    shutting_down = False
    gateway = SimpleNamespace(id="gw")

    def __init__(self) -> None:
        self.given: list[int] = []

    def send_runtest_some(self, places: list[int]) -> None:
        self.given += places

    def shutdown(self) -> None:
        self.shutting_down = True


def test_each_test_is_given_once_and_a_share_that_is_done_is_forgotten() -> None:
    """Two processes take five files between them, the faster one more of them."""
    tests = [f"tests/test_{file}.py::test_{number}" for file in "abcde" for number in range(4)]
    fast, lame = _Process(), _Process()
    sharer = object.__new__(sharing.Sharing)
    sharer.numnodes, sharer.collection, sharer.workqueue = 2, None, OrderedDict()
    sharer.assigned_work, sharer.registered_collections = {}, {}
    sharer.log, sharer.config = lambda *said: None, SimpleNamespace(option=SimpleNamespace(loadscopereorder=False))
    for process in (fast, lame):
        sharer.add_node(process)
        sharer.add_node_collection(process, tests)
    sharer.schedule()
    assert (fast.given, lame.given) == (list(range(4)), list(range(4, 8)))
    for done, place in enumerate(iter(lambda: fast.given.pop(0) if fast.given else None, None), start=1):
        sharer.mark_test_complete(fast, place)
        assert len(sharer.assigned_work[fast]) <= 2, f"after {done}"
    assert done == 16 and fast.shutting_down and sharer.assigned_work[fast] == {}
    assert sharer.has_pending and sharer.remove_node(lame) == tests[4]


@pytest.mark.sampled
@pytest.mark.parametrize("number", range(10))
def test_the_quick_part_tries_each_eighth_case_of_what_is_sampled(number: int, request: pytest.FixtureRequest) -> None:
    is_left = request.node.get_closest_marker("slow") is not None
    assert is_left == (number not in {0, 8})
