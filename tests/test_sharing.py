from __future__ import annotations

from collections import Counter

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


@pytest.mark.sampled
@pytest.mark.parametrize("number", range(10))
def test_the_quick_part_tries_each_eighth_case_of_what_is_sampled(number: int, request: pytest.FixtureRequest) -> None:
    is_left = request.node.get_closest_marker("slow") is not None
    assert is_left == (number not in {0, 8})
