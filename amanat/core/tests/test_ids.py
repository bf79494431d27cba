"""Ids rise, are of version 7, and never come twice."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from itertools import pairwise
from uuid import RFC_4122, UUID

import pytest

from amanat.core import ids


def test_an_id_is_a_uuid_of_version_7_made_now() -> None:
    before = time.time_ns() // 1_000_000
    made = ids.new()
    after = time.time_ns() // 1_000_000 + 1
    assert (made.version, made.variant) == (7, RFC_4122)
    assert before <= made.int >> 80 <= after


def test_ids_rise_also_within_a_millisecond() -> None:
    made = [ids.new() for _ in range(20_000)]
    assert all(first < second for first, second in pairwise(made))
    assert len({each.int >> 80 for each in made}) < len(made)  # several fell into one millisecond


def test_text_sorts_as_the_id_does() -> None:
    made = [ids.new() for _ in range(1_000)]
    assert [str(each) for each in made] == sorted(str(each) for each in made)


@pytest.mark.parametrize("by", [-3_600_000_000_000, -1, 0])
def test_ids_rise_when_the_clock_goes_back_or_stands(by: int, monkeypatch: pytest.MonkeyPatch) -> None:
    last = ids.new()
    stands = time.time_ns() + by
    monkeypatch.setattr(time, "time_ns", lambda: stands)
    made = [ids.new() for _ in range(10_000)]
    assert all(first < second for first, second in pairwise([last, *made]))


def test_threads_never_make_the_same_and_each_sees_its_own_rise() -> None:
    made: dict[int, list[UUID]] = {number: [] for number in range(8)}

    def make(number: int) -> None:
        made[number] = [ids.new() for _ in range(2_000)]

    threads = [threading.Thread(target=make, args=(number,)) for number in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = [each for own in made.values() for each in own]
    assert len(set(everything)) == 16_000
    assert all(own == sorted(own) for own in made.values())


def test_the_random_part_is_random() -> None:
    """62 bits: of a thousand ids no two agree in it, and every one of its bits is sometimes set and sometimes not."""
    parts = [ids.new().int & ((1 << 62) - 1) for _ in range(1_000)]
    assert len(set(parts)) == 1_000
    assert all(300 < sum(part >> bit & 1 for part in parts) < 700 for bit in range(62))


def test_two_processes_share_nothing() -> None:
    command = [sys.executable, "-c", "from amanat.core import ids\nfor _ in range(500): print(ids.new())"]
    one, two = (subprocess.run(command, check=True, capture_output=True, text=True).stdout.split() for _ in range(2))
    assert len({*one, *two}) == 1_000


def test_ids_as_texts_are_ids_in_order() -> None:
    made = [ids.text() for _ in range(300)]
    assert made == sorted(made)
    assert made == [str(UUID(one)) for one in made]
    assert {UUID(one).version for one in made} == {7}


def test_an_array_names_each_id_once_in_its_order() -> None:
    some = [ids.new() for _ in range(3)]
    assert [UUID(one) for one in ids.array(some).strip("{}").split(",")] == some
    assert ids.array([]) == "{}"
