"""What becomes of a row that is claimed: what is asked of the gate, with what, and what its answers mean. Rows in memory alone."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from amanat.basis import gate
from amanat.basis.gate import Reason
from amanat.basis.rules import UnknownChannel, UnknownPurpose
from amanat.core import ids
from amanat.messaging.channels.models import MessageTemplate, TemplateText
from amanat.messaging.inbox.models import Message
from amanat.messaging.outbox import claiming
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.outbox.tests.post import NOON

HERE, WAITS, MEMBER = ids.new(), ids.new(), ids.new()
HOUR = timedelta(hours=1)
State = Dispatch.State


def row(template: str = "", **values: Any) -> Dispatch:
    """A reminder that is due, to somebody; `template` is what a template is for."""
    message = Message(id=ids.new(), workspace_id=HERE, by_id=values.pop("by_id", None))
    if template:
        message.text_of = TemplateText(id=ids.new(), template=MessageTemplate(id=ids.new(), purpose=template))
    details: dict[str, Any] = {
        "contact_id": ids.new(), "purpose": "reminders", "channel": "sms", "source": "reminder", "address": "+919822041736",
        "state": State.TODO, "due_at": NOON,
    }  # fmt: skip
    return Dispatch(id=ids.new(), workspace_id=HERE, message=message, **(details | values))


class Gate:
    """Answers as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answers = lambda who: gate.Answer(who, True, Reason.CONSENT, "purposes.x")

    def decide_many(self, contacts: list[UUID], **asked: Any) -> list[gate.Answer]:
        self.asked.append({"contacts": contacts, **asked})
        return [self.answers(who) for who in contacts]

    def decide_for_oneself(self, pairs: list[tuple[UUID, str]], **asked: Any) -> list[gate.Answer]:
        self.asked.append({"pairs": pairs, **asked})
        return [self.answers(who) for who, _address in pairs]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Gate:
    played = Gate()
    monkeypatch.setattr(gate, "decide_many", played.decide_many)
    monkeypatch.setattr(gate, "decide_for_oneself", played.decide_for_oneself)
    monkeypatch.setattr(claiming, "_doubts", {})
    monkeypatch.setattr(claiming._Verdicts, "_who_waits", lambda self, rows: {WAITS})
    monkeypatch.setattr(claiming._Verdicts, "_today", lambda self: date(2026, 12, 1))
    return played


def judged(*rows: Dispatch) -> claiming._Verdicts:
    verdicts = claiming._Verdicts(HERE, NOON)
    verdicts.judge(rows)
    return verdicts


@pytest.mark.parametrize(
    ("said", "end"),
    [
        ({"use_by": NOON}, ("dropped", "too_late")),
        ({"use_by": NOON - HOUR, "template": "marketing"}, ("dropped", "too_late")),
        ({"template": "marketing"}, ("refused", "other_purpose")),
        ({"use_by": NOON + HOUR}, ("sending", "consent")),
        ({"template": "reminders"}, ("sending", "consent")),
        ({"template": "marketing", "contact_id": None, "source": "test"}, ("sending", "consent")),
    ],
)
def test_what_ends_before_the_gate_is_asked_and_what_does_not(
    asked: Gate, said: dict[str, Any], end: tuple[str, str]
) -> None:
    one = row(**said)
    verdicts = judged(one)
    assert (one.state, one.reason) == end
    assert len(asked.asked) == (end[0] == "sending")
    assert (verdicts.ended(), verdicts.allowed()) == (([], [one]) if end[0] == "sending" else ([one], []))


def test_what_is_doubted_is_dropped_though_it_were_allowed(asked: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    doubted, late, sound = row(), row(use_by=NOON), row()
    claiming.doubt("reminder", lambda _here, rows: {doubted.pk: "paid", late.pk: "paid"})
    judged(doubted, late, sound)
    assert [(one.state, one.reason) for one in (doubted, late)] == [("dropped", "paid"), ("dropped", "too_late")]
    assert [each["contacts"] for each in asked.asked] == [[sound.contact_id]]


@pytest.mark.parametrize(
    ("said", "is_answer"),
    [
        ({"source": "reply"}, True),
        ({"source": "confirmation"}, True),
        ({"source": "reply", "purpose": "service", "template": "service"}, True),
        ({"source": "reply", "template": "reminders"}, False),
        ({"source": "reminder"}, False),
        ({"source": "batch"}, False),
        ({"source": "reply", "contact_id": MEMBER}, False),
    ],
)
def test_only_what_answers_somebody_who_waits_goes_at_any_hour(
    asked: Gate, said: dict[str, Any], is_answer: bool
) -> None:
    judged(row(**{"contact_id": WAITS} | said))
    assert [each["is_answer"] for each in asked.asked] == [is_answer]


def test_the_gate_is_asked_once_for_what_is_alike_and_apart_for_what_is_not(asked: Gate) -> None:
    first, same = row(), row(address="+919822041737")
    mail, offer, answer = row(channel="email"), row(purpose="marketing"), row(source="reply", contact_id=WAITS)
    judged(first, same, mail, offer, answer)
    always = {"workspace": HERE, "at": NOON, "today": date(2026, 12, 1), "what": "message"}
    sms = {"purpose": "reminders", "channel": "sms", "is_answer": False}
    own = {"addresses": ["+919822041736"]}
    assert asked.asked == [
        always | sms | {"contacts": [first.contact_id, same.contact_id], "addresses": [first.address, same.address]},
        always | sms | own | {"contacts": [mail.contact_id], "channel": "email"},
        always | sms | own | {"contacts": [offer.contact_id], "purpose": "marketing"},
        always | sms | own | {"contacts": [WAITS], "is_answer": True},
    ]


def test_what_members_send_to_themselves_is_asked_about_as_theirs(asked: Gate) -> None:
    hers, of_nobody = row(contact_id=None, source="test", by_id=MEMBER), row(contact_id=None, source="test")
    judged(hers, of_nobody)
    (question,) = asked.asked
    assert question["pairs"] == [(MEMBER, hers.address), (of_nobody.pk, of_nobody.address)]
    assert (question["what"], question["purpose"], question["channel"]) == ("test", "reminders", "sms")


@pytest.mark.parametrize(
    ("is_allowed", "reason", "next_at", "use_by", "end"),
    [
        (True, Reason.CONSENT, None, None, ("sending", "consent", NOON)),
        (False, Reason.NO_CONSENT, None, None, ("refused", "no_consent", NOON)),
        (False, Reason.NO_CONSENT, NOON + HOUR, None, ("refused", "no_consent", NOON)),
        (False, Reason.NOT_NOW, None, None, ("refused", "not_now", NOON)),
        (False, Reason.NOT_NOW, NOON + HOUR, None, ("todo", "not_now", NOON + HOUR)),
        (False, Reason.NOT_NOW, NOON + HOUR, NOON + 2 * HOUR, ("todo", "not_now", NOON + HOUR)),
        (False, Reason.NOT_NOW, NOON + HOUR, NOON + HOUR, ("dropped", "too_late", NOON)),
    ],
)
def test_what_the_gates_answer_makes_of_a_row(
    asked: Gate,
    *,
    is_allowed: bool,
    reason: Reason,
    next_at: datetime | None,
    use_by: datetime | None,
    end: tuple[Any, ...],
) -> None:
    asked.answers = lambda who: gate.Answer(who, is_allowed, reason, "purposes.x", next_at=next_at)
    one = row(use_by=use_by)
    judged(one)
    assert (one.state, one.reason, one.due_at) == end
    assert (one.rule, one.decided_at) == ("purposes.x", NOON)


@pytest.mark.parametrize("problem", [UnknownPurpose("x"), UnknownChannel("x")])
def test_what_the_policy_does_not_know_is_refused_and_the_others_are_asked_about(
    asked: Gate, problem: Exception
) -> None:
    unknown, known = row(purpose="selling"), row()
    decide = gate.decide_many

    def decides(contacts: list[UUID], **said: Any) -> list[gate.Answer]:
        if said["purpose"] == "selling":
            raise problem
        return decide(contacts, **said)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(gate, "decide_many", decides)
        judged(unknown, known)
    assert (unknown.state, unknown.reason, known.state) == ("refused", "unknown_purpose", "sending")
