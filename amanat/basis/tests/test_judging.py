"""What the gate answers to given facts: the whole answer of each check, and who comes first. No database stands behind it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from amanat.basis import gate, rules
from amanat.basis.gate import Answer, Facts, Question, Reason
from amanat.basis.rules import Rules
from amanat.policy import partners, ready
from amanat.policy.format import Policy

AT = datetime(2026, 12, 1, 6, tzinfo=UTC)
NIGHT = datetime(2026, 12, 1, 18, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ASHA, ACT = UUID(int=1), UUID(int=2)
#: She agreed, and nothing stands against it.
KNOWN = Facts(ASHA, phone="+919822041736", consent="given", consent_id=ACT, consent_version=3)
POLICY = ready.policy("default")


def judged(
    facts: Facts, purpose: str = "marketing", channel: str = "sms", policy: Policy = POLICY, **said: Any
) -> Answer:
    in_force = Rules(partners.with_purposes(policy), 3, {"marketing": 3})
    return gate.judge(facts, Question(in_force, purpose, channel, said.pop("at", AT), date(2026, 12, 1), **said))


@pytest.mark.parametrize(
    ("known", "reason", "rule"),
    [
        ({"exists": False}, Reason.UNKNOWN_PERSON, "purposes.marketing"),
        ({"in_bin": True}, Reason.IN_BIN, "rights.kinds"),
        ({"restricted": ("claims",)}, Reason.RESTRICTED, "rights.kinds"),
        ({"birthday": date(2008, 12, 2)}, Reason.CHILD, "children.min_age"),
        ({"birthday": date(2008, 12, 2), "guardian_agreed": True}, Reason.CHILD, "children.min_age"),
        ({"suppressed": "complaint"}, Reason.SUPPRESSED, "rights.opt_out_effect"),
        ({"objects": True}, Reason.OBJECTION, "rights.kinds"),
        ({"consent": ""}, Reason.NO_CONSENT, "purposes.marketing"),
        ({"consent": "refused"}, Reason.REFUSED, "purposes.marketing"),
        ({"consent": "withdrawn"}, Reason.WITHDRAWN, "purposes.marketing"),
        ({"consent_until": AT}, Reason.CONSENT_OVER, "purposes.marketing"),
        ({"consent_version": 2}, Reason.ASK_ANEW, "purposes.marketing"),
        ({"consent_version": 0}, Reason.ASK_ANEW, "purposes.marketing"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_stands_against_it_is_the_whole_answer(known: dict[str, Any], reason: Reason, rule: str) -> None:
    answer = judged(replace(KNOWN, **known))
    assert answer == Answer(ASHA, False, reason, rule) and not answer.is_agreed


@pytest.mark.parametrize(
    "known", [{}, {"consent_until": AT + SECOND}, {"birthday": date(2008, 12, 1)}], ids=["bare", "not-over", "of-age"]
)
def test_her_yes_opens_and_is_named(known: dict[str, Any]) -> None:
    answer = judged(replace(KNOWN, **known))
    assert answer == Answer(ASHA, True, Reason.CONSENT, "purposes.marketing", ACT) and answer.is_agreed


@pytest.mark.parametrize("purpose", ["service", "law"])
def test_what_needs_no_yes_names_none(purpose: str) -> None:
    reason = Reason.LEGAL_DUTY if purpose == "law" else Reason.GROUND
    assert judged(KNOWN, purpose, "") == Answer(ASHA, True, reason, f"purposes.{purpose}")


def test_the_law_comes_before_all_but_who_is_not_there() -> None:
    against = replace(KNOWN, objects=True, restricted=("claims",), suppressed="complaint", birthday=date(2020, 1, 1))
    assert judged(against, "law", "").reason is Reason.LEGAL_DUTY
    assert judged(replace(against, in_bin=True), "law", "").reason is Reason.IN_BIN
    assert judged(replace(against, in_bin=True, exists=False), "law", "").reason is Reason.UNKNOWN_PERSON


def test_the_checks_stand_in_their_order() -> None:
    """Each reason that is taken away shows the next one below it."""
    worst = replace(
        KNOWN, exists=False, in_bin=True, restricted=("claims",), birthday=date(2020, 1, 1), suppressed="complaint",
        objects=True, consent="withdrawn",
    )  # fmt: skip
    shown = []
    for gone in ({}, {"exists": True}, {"in_bin": False}, {"restricted": ()}, {"birthday": None}, {"suppressed": ""},
                 {"objects": False}, {"consent": "given"}):  # fmt: skip
        worst = replace(worst, **gone)
        shown.append(judged(worst, at=NIGHT).reason)
    assert shown == [
        Reason.UNKNOWN_PERSON, Reason.IN_BIN, Reason.RESTRICTED, Reason.CHILD, Reason.SUPPRESSED, Reason.OBJECTION,
        Reason.WITHDRAWN, Reason.NOT_NOW,
    ]  # fmt: skip


def test_only_the_hour_against_it_says_when_it_will_be_and_an_answer_waits_for_none() -> None:
    answer = judged(KNOWN, at=NIGHT)
    assert answer == Answer(ASHA, False, Reason.NOT_NOW, "policy.law", None, datetime(2026, 12, 2, 4, 30, tzinfo=UTC))
    assert answer.is_agreed
    assert judged(KNOWN, at=NIGHT, is_answer=True) == Answer(ASHA, True, Reason.CONSENT, "purposes.marketing", ACT)


@pytest.mark.parametrize(
    ("channel", "carrier"), [("sms", "carrier"), ("call", "carrier"), ("whatsapp", "whatsapp"), ("email", "mail")]
)
def test_whoever_carries_the_channel_is_named_in_the_policy(channel: str, carrier: str) -> None:
    without = {name: one for name, one in POLICY.recipients.items() if name != carrier}
    unnamed = POLICY.model_copy(update={"recipients": without})
    assert judged(KNOWN, channel=channel).reason is Reason.CONSENT
    assert judged(KNOWN, channel=channel, policy=unnamed) == Answer(ASHA, False, Reason.NO_RECIPIENT, "recipients")
    assert judged(KNOWN, "service", "", policy=unnamed).reason is Reason.GROUND, "nothing is carried anywhere"


def test_for_a_child_the_guardians_yes_counts_on_whatever_ground() -> None:
    child = replace(KNOWN, birthday=date(2015, 1, 1), guardian_agreed=True)
    assert judged(child, "service", "").is_allowed
    assert judged(replace(child, consent="withdrawn"), "service", "").reason is Reason.WITHDRAWN
    assert judged(replace(child, consent_until=AT), "service", "").reason is Reason.CONSENT_OVER
    assert judged(replace(child, guardian_agreed=False), "service", "").reason is Reason.CHILD


@pytest.mark.parametrize(
    ("grounds", "asks", "orders"),
    [
        ({"consent"}, True, False),
        ({"s7d"}, False, True),
        ({"A6-1-c"}, False, True),
        ({"s7d", "consent"}, True, False),
        ({"s7d", "A6-1-f"}, False, True),
        ({"A6-1-f"}, False, False),
        (set(), False, False),
    ],
    ids=["consent", "s7d", "A6-1-c", "duty-and-consent", "duty-and-interest", "interest", "none"],
)
def test_a_duty_under_one_law_counts_unless_another_asks_for_consent(
    grounds: set[str], asks: bool, orders: bool
) -> None:
    assert (rules.needs_consent(grounds), rules.is_legal_duty(grounds)) == (asks, orders)
