"""What an answer makes of its claim, first in memory alone and then in the table: every outcome, every limit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from amanat.basis import suppression
from amanat.basis.models import Suppression
from amanat.core import ids, tenancy
from amanat.messaging.channels.contract import Answer, Outcome
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.inbox.models import Message
from amanat.messaging.outbox import recording
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.outbox.recording import MOST_FAILURES, Result
from amanat.messaging.outbox.tests import post as provider
from amanat.messaging.outbox.tests.post import NOON, Post

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


# --- written down ----------------------------------------------------------------------------------------------------

HOUR = timedelta(hours=1)
BEFORE: dict[str, Any] = {
    "state": "sending", "claimed_by": "a run", "tries": 2, "lease_until": NOON, "failures": 3, "pricing": "old", "provider_id": "old",
    "reason": "before", "error_code": "old", "extra": b"sealed", "due_at": NOON - HOUR,
}  # fmt: skip
NAMES = ("state", "due_at", "lease_until", "provider_id", "error_code", "pricing", "reason", "failures", "sent_at", "ended_at", "extra")  # fmt: skip


@pytest.fixture
def rows(post: Post, account: ChannelAccount) -> Iterator[list[Dispatch]]:
    """Two that one run has claimed."""
    with tenancy.inside(account.workspace_id):
        made = provider.order_each(account, 2)
        Dispatch.objects.of(account.workspace_id).update(**BEFORE)
        yield made


def stands(row: Dispatch) -> tuple[Any, ...]:
    found = Dispatch.objects.of(row.workspace_id).values_list(*NAMES).get(pk=row.pk)
    return (*found[:-1], found[-1] and bytes(found[-1]))


def record(row: Dispatch, answer: Answer | None, *, token: str = "a run", tries: int = 2) -> set[UUID]:
    return recording.record(row.workspace_id, token, [Result((row.pk, tries), answer, 3)], at=NOON)


UNTOUCHED = ("sending", NOON - HOUR, NOON, "old", "old", "old", "before", 3, None, None, b"sealed")


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (None, ("todo", NOON - HOUR, None, "old", "", "old", "before", 3, None, None, b"sealed")),
        (
            Answer(Outcome.ACCEPTED, provider_id="p" * 300, pricing="u" * 50),
            ("done", NOON - HOUR, None, "p" * 250, "", "u" * 30, "before", 3, NOON, NOON, None),
        ),
        (Answer(Outcome.ACCEPTED), ("done", NOON - HOUR, None, "old", "", "old", "before", 3, NOON, NOON, None)),
        (
            Answer(Outcome.UNCLEAR, code="c" * 50),
            ("unknown", NOON - HOUR, None, "old", "c" * 40, "old", "before", 3, None, None, b"sealed"),
        ),
        (
            Answer(Outcome.REFUSED, code="no"),
            ("dead", NOON - HOUR, None, "old", "no", "old", "provider", 3, None, NOON, None),
        ),
        (
            Answer(Outcome.LATER, code="busy"),
            ("todo", NOON + 40 * SECOND, None, "old", "busy", "old", "before", 4, None, None, b"sealed"),
        ),
    ],
    ids=["back", "taken", "taken-without-a-name", "unclear", "refused", "later"],
)
def test_what_an_answer_leaves_of_its_row_and_nothing_of_another(
    rows: list[Dispatch], answer: Answer | None, wanted: tuple[Any, ...]
) -> None:
    assert record(rows[0], answer) == {rows[0].pk}
    assert [stands(row) for row in rows] == [wanted, UNTOUCHED]


@pytest.mark.parametrize(
    ("known", "is_written"),
    [
        ({}, True),
        ({"state": "unknown"}, True),
        ({"state": "todo"}, False),
        ({"state": "done"}, False),
        ({"tries": 3}, False),
        ({"claimed_by": "another"}, False),
    ],
    ids=["held", "unclear", "put-back", "settled", "claimed-again", "of-another"],
)
def test_an_answer_counts_while_its_claim_holds_and_is_noted_where_it_does_not(
    rows: list[Dispatch], caplog: pytest.LogCaptureFixture, known: dict[str, Any], *, is_written: bool
) -> None:
    Dispatch.objects.of(rows[0].workspace_id).filter(pk=rows[0].pk).update(**known)
    with caplog.at_level("WARNING", logger=recording.log.name):
        assert record(rows[0], Answer(Outcome.ACCEPTED)) == ({rows[0].pk} if is_written else set())
    assert stands(rows[0])[0] == ("done" if is_written else known.get("state", "sending"))
    assert len(caplog.records) == (not is_written)


def test_when_it_was_sent_first_stays(rows: list[Dispatch]) -> None:
    Dispatch.objects.of(rows[0].workspace_id).filter(pk=rows[0].pk).update(state="unknown", sent_at=NOON - HOUR)
    record(rows[0], Answer(Outcome.ACCEPTED))
    assert stands(rows[0])[8:10] == (NOON - HOUR, NOON)


@pytest.mark.parametrize("is_too_late", [False, True])
def test_whom_an_answer_says_is_not_to_be_written_to_is_not_also_after_the_claim(
    rows: list[Dispatch], *, is_too_late: bool
) -> None:
    Dispatch.objects.of(rows[0].workspace_id).update(channel="email", tries=2 + is_too_late)
    said = Answer(Outcome.REFUSED, code="complaint", opts_out=True)
    results = [Result((rows[0].pk, 2), said), Result((rows[1].pk, 2), Answer(Outcome.REFUSED, code="no"))]
    recording.record(rows[0].workspace_id, "a run", results, at=NOON)
    (found,) = Suppression.objects.of(rows[0].workspace_id)
    assert found.reason == "complaint"
    assert bytes(found.digest) == suppression.digest(rows[0].address, workspace_id=rows[0].workspace_id)


def named(rows: Sequence[Dispatch]) -> list[str]:
    found = Message.objects.of(rows[0].workspace_id).in_bulk()
    return [found[row.message_id].provider_id for row in rows]


def taken(rows: Sequence[Dispatch], *names: str) -> None:
    results = [
        Result((row.pk, 2), Answer(Outcome.ACCEPTED, provider_id=name)) for row, name in zip(rows, names, strict=True)
    ]
    recording.record(rows[0].workspace_id, "a run", results, at=NOON)


@pytest.mark.parametrize(
    ("channel", "names", "wanted"),
    [("email", ("a", "b"), ["a", "b"]), ("whatsapp", ("a", "b"), ["", ""]), ("email", ("a", ""), ["a", ""])],
)
def test_a_letter_has_the_name_under_which_it_left(
    rows: list[Dispatch], channel: str, names: tuple[str, ...], wanted: list[str]
) -> None:
    Dispatch.objects.of(rows[0].workspace_id).update(channel=channel, provider_id="")
    taken(rows, *names)
    assert named(rows) == wanted


def test_of_two_letters_of_one_name_one_has_it(rows: list[Dispatch]) -> None:
    Dispatch.objects.of(rows[0].workspace_id).update(channel="email", provider_id="")
    taken(rows, "a", "a")
    assert sorted(named(rows)) == ["", "a"]


def test_a_letter_that_has_a_name_keeps_it_and_a_name_that_is_taken_is_given_to_none(rows: list[Dispatch]) -> None:
    here = rows[0].workspace_id
    Dispatch.objects.of(here).update(channel="email", provider_id="")
    Message.objects.of(here).filter(pk=rows[0].message_id).update(provider_id="first")
    taken(rows, "second", "first")
    assert named(rows) == ["first", ""]


def test_the_name_of_a_letter_of_another_account_is_free(rows: list[Dispatch]) -> None:
    here = rows[0].workspace_id
    second = ChannelAccount.objects.create(
        workspace_id=here, channel="whatsapp", provider="post", name="Second", address="+912048574329"
    )
    Dispatch.objects.of(here).update(channel="email", provider_id="")
    Message.objects.of(here).filter(pk=rows[0].message_id).update(provider_id="first", account=second)
    taken(rows[1:], "first")
    assert named(rows) == ["first", "first"]
