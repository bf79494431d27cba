"""As what messages were charged: by month on the page of their number, and beside each."""

from __future__ import annotations

from datetime import date, timedelta

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.core import tenancy
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.inbox import progress
from amanat.messaging.outbox import charging
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.outbox.tests import post as provider
from amanat.messaging.outbox.tests.post import NOON, Post
from amanat.people.models import Contact


def test_charged_messages_are_counted_by_month_and_category(
    post: Post, account: ChannelAccount, asha: Contact, shree: Workspace
) -> None:
    month = timedelta(days=31)
    told = [("utility", NOON), ("utility", NOON), ("marketing_lite", NOON), ("marketing", NOON), ("service", NOON - month),
            ("utility", NOON - 4 * month), ("", NOON)]  # fmt: skip
    with tenancy.inside(shree):
        for category, at in told:
            row = provider.order(asha, account)
            done = {"state": "done", "delivery": "delivered", "begun_at": at, "ended_at": at}
            Dispatch.objects.of(shree).filter(pk=row.pk).update(pricing=category, **done)
        found = charging.by_month(account, time_zone="Asia/Kolkata", now=NOON)
    assert [(one.first, list(one.counts)) for one in found] == [
        (date(NOON.year, NOON.month, 1), [("Offer", 2), ("Service", 2)]),
        ((NOON - month).date().replace(day=1), [("Answer (free)", 1)]),
    ]
    page = signed_in(owner_of(shree)).get(f"/settings/channels/{account.pk}/").text
    assert ("What WhatsApp charged" in page) == (account.channel == "whatsapp")


def test_what_costs_stands_beside_the_message() -> None:
    sending = {"id": 1, "state": "done", "delivery": "read", "reason": "", "code": "", "provider": "whatsapp_cloud"}
    shown = [
        progress.of({**sending, "pricing": each}, now=NOON).charged for each in ("marketing", "service", "", "new_kind")
    ]
    assert shown == ["Offer", "", "", "new_kind"]


def test_three_months_reach_over_the_turn_of_the_year(
    post: Post, account: ChannelAccount, asha: Contact, shree: Workspace
) -> None:
    january = NOON.replace(year=NOON.year + 1, month=1, day=31)
    november = NOON.replace(month=11, day=2)
    with tenancy.inside(shree):
        row = provider.order(asha, account)
        done = {"state": "done", "delivery": "read", "begun_at": november, "ended_at": november, "pricing": "utility"}
        Dispatch.objects.of(shree).filter(pk=row.pk).update(**done)
        found = charging.by_month(account, time_zone="Asia/Kolkata", now=january)
    assert [one.first for one in found] == [date(NOON.year, 11, 1)]
