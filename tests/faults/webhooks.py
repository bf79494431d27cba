"""A provider calls 10,000 times while no worker is there: each call is answered at once, and all of it is worked off later.

    python -m tests.faults.webhooks

Signed calls of WhatsApp go through the whole site, from four threads, shuffled, one in ten of them twice: three reports about each of our
messages, and messages of people. Then a worker's job runs. Nothing may be missing, and nothing may have acted twice.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults import servers, traffic
from tests.faults.plan import Wanted

if TYPE_CHECKING:
    from amanat.messaging.channels.models import ChannelAccount

THREADS = 4
#: Seconds within which 99 of a hundred calls are answered.
ANSWERED = 1.0


@dataclass
class Verdict:
    calls: int = 0
    refused: int = 0  #: answers other than 200
    median: float = 0.0
    p99: float = 0.0
    slowest: float = 0.0
    a_second: float = 0.0
    kept: int = 0
    unread: int = 0  #: of our messages that were all reported as read
    messages: int = 0  #: of people, taken in
    expected: int = 0
    waiting: int = 0  #: events left
    worked_off_in: float = 0.0

    @property
    def is_good(self) -> bool:
        return (
            not (self.refused or self.unread or self.waiting) and self.messages == self.expected and self.p99 < ANSWERED
        )


def run(account: ChannelAccount, *, events: int) -> Verdict:
    from amanat.core import clock, tenancy
    from amanat.messaging.channels.tests.calls import call, message, status
    from amanat.messaging.inbox.models import Message
    from amanat.messaging.outbox import events as incoming
    from amanat.messaging.outbox.models import Dispatch, ProviderEvent

    ours, stamp = events // 4, str(int(clock.now().timestamp()))
    _sent(account, ours)
    bodies = [
        call(status(state, wamid=f"wamid.ours.{number}", stamp=stamp), stamp=stamp)
        for number in range(ours)
        for state in ("sent", "delivered", "read")
    ]
    theirs = events - len(bodies)
    bodies += [
        call(message(id=f"wamid.theirs.{number}", content={"body": f"Question {number}"}, stamp=stamp), stamp=stamp)
        for number in range(theirs)
    ]
    chance = random.Random(1)
    bodies += chance.sample(bodies, len(bodies) // 10)
    chance.shuffle(bodies)
    verdict = Verdict(calls=len(bodies), expected=theirs)
    _call(account, bodies, verdict)
    began = time.monotonic()
    with tenancy.inside(account.workspace_id) as here:
        verdict.kept = ProviderEvent.objects.of(here).count()
    while incoming.work_off(account.workspace_id, account.pk):
        print(f"worked off for {time.monotonic() - began:.0f} s", file=sys.stderr)
    verdict.worked_off_in = round(time.monotonic() - began, 1)
    with tenancy.inside(account.workspace_id) as here:
        verdict.unread = Dispatch.objects.of(here).exclude(delivery="read").count()
        verdict.messages = Message.objects.of(here).filter(direction="in").count()
        verdict.waiting = ProviderEvent.objects.of(here).filter(payload__isnull=False).count()
    return verdict


def _sent(account: ChannelAccount, count: int) -> None:
    """Messages that WhatsApp took: the report about each calls it by the provider's name."""
    from amanat.core import tenancy
    from amanat.messaging.outbox.models import Dispatch

    traffic.order(account, Wanted(messages=count, spread=0.0))
    with tenancy.inside(account.workspace_id) as here:
        rows = list(Dispatch.objects.of(here).order_by("id"))
        for number, row in enumerate(rows):
            row.state, row.provider_id = "done", f"wamid.ours.{number}"
        Dispatch.objects.of(here).bulk_update(rows, ["state", "provider_id"], batch_size=500)


def _call(account: ChannelAccount, bodies: Sequence[bytes], verdict: Verdict) -> None:
    from django.db import connection
    from django.test import Client

    from amanat.messaging.channels.tests.calls import signed

    address, here = f"/w/{account.workspace_id}/hooks/{account.pk}/", threading.local()

    def one(body: bytes) -> tuple[float, int]:
        if not hasattr(here, "client"):
            here.client = Client(enforce_csrf_checks=True)
        began = time.monotonic()
        answer = here.client.post(address, body, content_type="application/json", headers=signed(body))
        return time.monotonic() - began, answer.status_code

    began = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(one, bodies))
        verdict.a_second = round(len(bodies) / (time.monotonic() - began), 1)
        list(pool.map(lambda _number: connection.close(), range(THREADS)))
    times = sorted(seconds for seconds, _status in answers)
    verdict.refused = sum(status != 200 for _seconds, status in answers)
    verdict.median, verdict.slowest = round(times[len(times) // 2], 4), round(times[-1], 4)
    verdict.p99 = round(times[len(times) * 99 // 100], 4)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000)
    options = parser.parse_args()
    with servers.own_database(), tempfile.TemporaryDirectory(prefix="amanat-webhooks-") as place:
        from django.conf import settings
        from django.test.utils import setup_test_environment

        from amanat.accounts.tests import factories
        from amanat.core import clock, tenancy
        from amanat.messaging.channels import accounts
        from amanat.messaging.sandbox.tests.doubles import SECRETS, SETTINGS

        setup_test_environment()
        settings.FILES_ROOT = Path(place) / "files"
        workspace = factories.make_workspace("Shree CSC Kendra", owner="Rekha Kulkarni")
        with tenancy.inside(workspace):
            account = accounts.connect(
                workspace=workspace, by=None, at=clock.now() - timedelta(hours=1), provider="whatsapp_cloud", name="Counter",
                address="+919822000001", settings=SETTINGS, secrets=SECRETS,
            )  # fmt: skip
        verdict = run(account, events=options.events)
    print(json.dumps(asdict(verdict) | {"is_good": verdict.is_good}, indent=2))
    return int(not verdict.is_good)


if __name__ == "__main__":
    sys.exit(main())
