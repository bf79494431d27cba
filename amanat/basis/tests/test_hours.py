"""Windows of promotion and service on the person's own clock, and who carries a channel."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from amanat.accounts.models import Workspace
from amanat.basis import consent, gate, hours, notices
from amanat.basis.consent import How
from amanat.basis.gate import Answer, Reason
from amanat.basis.hours import Window
from amanat.basis.models import Method
from amanat.basis.tests.people import make_contact
from amanat.core import tenancy
from amanat.policy import ready
from amanat.publishing.tests.samples import published

IN = ZoneInfo("Asia/Kolkata")
PROMOTION = Window.parse("10:00-20:45 Mon-Sat")
LONG_AGO = datetime(2026, 1, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-12-01T09:59", "2026-12-01T10:00"),
        ("2026-12-01T10:00", "2026-12-01T10:00"),
        ("2026-12-01T20:44", "2026-12-01T20:44"),
        ("2026-12-01T20:45", "2026-12-02T10:00"),
        ("2026-12-05T21:00", "2026-12-07T10:00"),  # Saturday evening: after Sunday
        ("2026-12-06T12:00", "2026-12-07T10:00"),
    ],
)
def test_a_window_opens_on_its_days_at_its_hours(at: str, opens: str) -> None:
    assert PROMOTION.next_open(datetime.fromisoformat(at).replace(tzinfo=IN)) == datetime.fromisoformat(opens).replace(
        tzinfo=IN
    )


@pytest.mark.parametrize("text", ["", "10-20", "10:00-20:45 Mon", "always"])
def test_a_figure_that_is_no_window_is_no_window(text: str) -> None:
    with pytest.raises(hours.WindowUnreadable):
        Window.parse(text)


def test_what_it_is_for_decides_the_window() -> None:
    policy = ready.policy("default")
    assert hours.window(policy, "marketing", "sms") == PROMOTION
    assert hours.window(policy, "reminders", "whatsapp") == Window.parse("08:00-21:00")
    assert hours.window(policy, "marketing", "email") is None
    assert hours.window(policy, "account", "sms") is None, "codes go at any time"
    without = policy.model_copy(update={"head": policy.head.model_copy(update={"law": ("eu-2026.11",)})})
    assert hours.window(without, "marketing", "sms") is None


@pytest.mark.parametrize(
    ("phone", "zone"),
    [
        ("+919822041736", "Asia/Kolkata"),
        ("", "Asia/Kolkata"),
        ("+4915112345678", "Europe/Berlin"),
        ("+97144567890", "Asia/Dubai"),
    ],
)
def test_the_clock_is_that_of_the_number(phone: str, zone: str) -> None:
    at = datetime(2026, 12, 1, 6, tzinfo=UTC)
    assert at.astimezone(hours.zone_of(phone, "")).utcoffset() == at.astimezone(ZoneInfo(zone)).utcoffset()


def asked(
    workspace: Workspace,
    at: datetime,
    *,
    purpose: str = "marketing",
    channel: str = "sms",
    phone: str = "+919822041736",
) -> Answer:
    with tenancy.inside(workspace):
        contact = make_contact(workspace, "Asha Menon", phone=phone, email="asha@example.in")
        notice = notices.show(workspace=workspace, purposes=[purpose], language="en", at=LONG_AGO)
        consent.give(
            contact=contact, purpose=purpose, channels=[channel], notice=notice, how=How(Method.LINK), at=LONG_AGO
        )
        return gate.decide(contact, workspace=workspace, purpose=purpose, channel=channel, at=at, today=at.date())


@pytest.mark.parametrize(
    ("hour", "purpose", "channel", "is_allowed"),
    [
        (9, "marketing", "sms", False), (11, "marketing", "sms", True), (21, "marketing", "sms", False), (21, "marketing", "email", True),
        (9, "reminders", "whatsapp", True), (7, "reminders", "whatsapp", False), (7, "reminders", "email", True),
    ],
)  # fmt: skip
def test_the_gate_keeps_the_hours(shree: Workspace, hour: int, purpose: str, channel: str, is_allowed: bool) -> None:
    at = datetime(2026, 12, 1, hour, tzinfo=IN)
    answer = asked(shree, at, purpose=purpose, channel=channel)
    assert (answer.is_allowed, answer.is_agreed) == (is_allowed, True)
    if not is_allowed:
        assert answer.reason == Reason.NOT_NOW and answer.next_at is not None and answer.next_at > at
        assert asked(shree, answer.next_at, purpose=purpose, channel=channel).is_allowed
        assert not asked(shree, answer.next_at - timedelta(seconds=1), purpose=purpose, channel=channel).is_allowed


def test_a_number_abroad_is_asked_by_its_own_clock(shree: Workspace) -> None:
    noon_in_berlin = datetime(2026, 12, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    assert asked(shree, noon_in_berlin, phone="+4915112345678").is_allowed
    assert not asked(shree, datetime(2026, 12, 1, 11, tzinfo=IN), phone="+4915112345678").is_allowed


def test_a_channel_that_nobody_named_carries_is_refused(shree: Workspace) -> None:
    source = ready.document("default")
    assert "carrier" in source["recipients"]
    published(
        shree,
        ("  carrier:   {is: dpv:DataProcessor, gets: [identity, content, talk], in: [IN], contract: required}\n", ""),
    )
    answer = asked(shree, datetime(2026, 12, 1, 12, tzinfo=IN))
    assert (answer.is_allowed, answer.reason, answer.rule) == (False, Reason.NO_RECIPIENT, "recipients")
    assert asked(shree, datetime(2026, 12, 1, 12, tzinfo=IN), channel="email").is_allowed
