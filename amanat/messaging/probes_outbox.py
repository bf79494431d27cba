"""The probe of what waits to be sent: whoever says stop in the meantime is not written to. Nothing of it leaves."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from amanat.basis import consent
from amanat.core import clock
from amanat.messaging import probes
from amanat.messaging.inbox import saying
from amanat.messaging.inbox.saying import Errand, Words
from amanat.messaging.outbox import claiming
from amanat.messaging.outbox.models import Dispatch
from amanat.policy.probing import Asked, Finding, probe

_PURPOSE = "reminders"


@probe(
    "messaging.asked_again",
    _("A message that waits does not leave once its person said stop"),
    keys=("R-UNSUB", "F-MSG", "R-WITHDRAW"),
    rules=("purposes.reminders",),
    minutes=6 * 60,
)
def asked_again(asked: Asked) -> Finding:
    """Two invented people agreed and are written to. One says stop; then both messages are taken up as a worker does."""
    channel = probes.reminding_channel(asked.policy)
    if not channel:
        return Finding(True, _("The policy has no reminders"), {})
    account, now = probes.an_account(asked, channel), clock.now()
    stays, stops = probes.person(asked), probes.person(asked, probes.OTHER_NUMBER)
    text = probes.a_text(asked, account)
    for contact in (stays, stops):
        probes.agrees(asked, contact, _PURPOSE, channel, now - timedelta(hours=1))
        saying.say(
            contact=contact, channel=channel, words=Words(template=text, values=["Namaste"]), by=None, at=now, account=account,
            errand=Errand(purpose=_PURPOSE, source="reminder"),
        )  # fmt: skip
    consent.withdraw(contact=stops, purpose=_PURPOSE, channels=[channel], how=probes.HERSELF, at=now)
    claiming.claim(account, "xqzprobe", most=10)
    rows = dict(Dispatch.objects.of(asked.workspace_id).filter(account=account).values_list("contact_id", "state"))
    ended = {Dispatch.State.REFUSED, Dispatch.State.DROPPED, Dispatch.State.DEAD}
    is_kept_back, goes = rows.get(stops.pk) in ended, rows.get(stays.pk) not in ended
    return Finding(
        is_kept_back and goes,
        _("Of two messages that waited, the one to who said stop was kept back: {back}; the other may leave: {goes}"),
        {"back": is_kept_back, "goes": goes},
    )
