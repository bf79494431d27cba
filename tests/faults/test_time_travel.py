"""The drill's own reckoning, and that it fails by each thing that must not happen (by hand: `python -m tests.faults.time_travel`)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from amanat.policy.durations import Duration
from tests.faults import time_travel
from tests.faults.travelling import Site, later
from tests.faults.watches import GONE, THERE, Outcome, Watch

END = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("period", ["P3Y", "P13M", "P30D", "PT60S", "PT48H", "P1M", "PT15M", "P7Y"])
@pytest.mark.parametrize("moment", [datetime(2028, 2, 29, 12, tzinfo=UTC), datetime(2026, 1, 31, 23, 59, tzinfo=UTC)])
def test_the_drill_reckons_as_the_program_does_and_by_itself(period: str, moment: datetime) -> None:
    assert later(moment, period) == Duration.parse(period).after(moment)


def seen(first: str, second: str, **more: str) -> Watch:
    answers = iter([first, second])
    watch = Watch("default", "keep.usage.until.seen", END, lambda _site: next(answers), **more)
    watch.see("before", Site(1))
    watch.see("after", Site(1))
    return watch


def test_it_is_well_only_when_it_is_there_before_and_gone_after() -> None:
    assert [seen(*pair).outcome for pair in ((THERE, GONE), (GONE, GONE), (THERE, THERE))] == ["ok", "WRONG", "WRONG"]
    assert seen(GONE, GONE, before=f"{THERE}|{GONE}").outcome is Outcome.OK


def test_what_was_never_looked_at_is_wrong_and_what_cannot_be_looked_at_too() -> None:
    def fails(_site: Site) -> str:
        raise OSError

    assert Watch("default", "x", END, lambda _site: THERE).outcome is Outcome.WRONG
    watch = Watch("default", "x", END, fails)
    watch.see("before", Site(1))
    assert (watch.found, watch.outcome) == ({"before": "OSError: "}, Outcome.WRONG)


def test_one_wrong_line_is_a_wrong_end(capsys: pytest.CaptureFixture[str]) -> None:
    good, nothing, bad = seen(THERE, GONE), Watch("default", "keep.voice", END, None), seen(THERE, THERE)
    assert (time_travel.report([good, nothing]), time_travel.report([good, nothing, bad])) == (0, 1)
    assert "3 lines, 2 periods: 1 ok, 1 WRONG, 1 nothing is held of it" in capsys.readouterr().out
