"""What an answer makes of its claim, in memory alone: every outcome, every limit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from amanat.basis import suppression
from amanat.basis.models import Suppression
from amanat.core import ids
from amanat.messaging.channels.contract import Answer, Outcome
from amanat.messaging.outbox import recording
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.outbox.recording import MOST_FAILURES, Result
from amanat.messaging.outbox.tests.post import NOON

CLAIM = (ids.new(), 3)
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _waits_are_not_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording.secrets, "randbelow", lambda below: 500)


def written(answer: Answer | None, failures: int = 0) -> tuple[Any, ...]:
    row = recording._row(Result(CLAIM, answer, failures), NOON)
    assert row.claim == CLAIM
    return row.state, row.due_at, row.code, row.reason, row.failed


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (None, ("todo", None, "", None, 0)),
        (Answer(Outcome.ACCEPTED, provider_id="p", pricing="utility", code="x"), ("done", None, "", None, 0)),
        (Answer(Outcome.UNCLEAR, code="lost"), ("unknown", None, "lost", None, 0)),
        (Answer(Outcome.REFUSED, code="131026"), ("dead", None, "131026", "provider", 0)),
        (Answer(Outcome.REFUSED, code="unreadable"), ("dead", None, "", "unreadable", 0)),
        (Answer(Outcome.LATER, code="busy"), ("todo", NOON + 5 * SECOND, "busy", None, 1)),
        (Answer(Outcome.LATER, code="x", stops_account=True), ("todo", NOON + 5 * SECOND, "x", None, 0)),
        (Answer(Outcome.LATER, wait=7 * SECOND), ("todo", NOON + 7 * SECOND, "", None, 1)),
        (Answer(Outcome.LATER, wait=3 * SECOND), ("todo", NOON + 5 * SECOND, "", None, 1)),
    ],
)
def test_what_each_answer_makes_of_a_row(answer: Answer | None, wanted: tuple[Any, ...]) -> None:
    assert written(answer) == wanted


def test_the_name_and_the_price_of_what_was_taken_are_kept() -> None:
    row = recording._row(Result(CLAIM, Answer(Outcome.ACCEPTED, provider_id="p", pricing="utility")), NOON)
    assert (row.provider_id, row.pricing) == ("p", "utility")


def test_the_last_of_sixty_failures_gives_up_and_the_one_before_does_not() -> None:
    later = Answer(Outcome.LATER, code="busy")
    assert MOST_FAILURES == 60
    assert written(later, 58)[0] == "todo"
    assert written(later, 59) == ("dead", None, "busy", "gave_up", 1)


def test_waits_double_from_five_seconds_up_to_ten_minutes_and_are_spread_by_half(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert [recording.wait_after(number) / SECOND for number in (0, 1, 2, 6, 7, 40)] == [5, 10, 20, 320, 600, 600]
    for drawn, wait in ((0, 300), (999, 899.4)):
        monkeypatch.setattr(recording.secrets, "randbelow", lambda below, drawn=drawn: drawn)
        assert recording.wait_after(7) == wait * SECOND


@pytest.mark.parametrize(
    ("channel", "code", "reason", "purpose"),
    [
        ("email", "bounced", "unreachable", ""),
        ("email", "SpamComplaint", "complaint", ""),
        ("email", "reported as Spam", "complaint", ""),
        ("email", "Complained", "complaint", ""),
        ("whatsapp", "spam", "opt_out", "marketing"),
        ("sms", "131050", "opt_out", "marketing"),
    ],
)
def test_a_dead_address_is_left_alone_at_all_and_an_opt_out_holds_for_its_purpose(
    monkeypatch: pytest.MonkeyPatch, *, channel: str, code: str, reason: str, purpose: str
) -> None:
    added: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr(suppression, "add", lambda addresses, **how: added.append((addresses, how)))
    row = Dispatch(workspace_id=ids.new(), channel=channel, address="a@shop.example", purpose="marketing")
    recording.suppress(row, at=NOON, code=code)
    wanted: dict[str, Any] = {
        "workspace": row.workspace_id,
        "at": NOON,
        "channel": channel,
        "reason": Suppression.Reason(reason),
    }
    assert added == [([row.address], wanted | ({"purpose": purpose} if purpose else {}))]


@pytest.mark.parametrize(
    ("state", "was_written", "is_said"),
    [("done", False, True), ("done", True, False), ("todo", False, False), ("unknown", False, False)],
)
def test_only_a_yes_that_came_too_late_is_noted_in_the_log(
    caplog: pytest.LogCaptureFixture, state: str, was_written: bool, is_said: bool
) -> None:
    row = recording._Row(CLAIM, Dispatch.State(state))
    with caplog.at_level("WARNING", logger=recording.log.name):
        recording._complain([row], {CLAIM[0]} if was_written else {ids.new()})
    assert [vars(record)["dispatch"] for record in caplog.records] == [str(CLAIM[0])] * is_said
