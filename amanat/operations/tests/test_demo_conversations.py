"""What people of the demo wrote has its consequences, as it has anywhere."""

from __future__ import annotations

from datetime import timedelta

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.basis import gate
from amanat.core import tenancy
from amanat.desk.tests.factories import NOW
from amanat.messaging.inbox import bodies
from amanat.messaging.inbox.models import Message
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders.tests.factories import agreeing, make_account
from amanat.operations.demo import conversations
from amanat.operations.demo.conversations import Said


def test_who_says_stop_in_the_demo_gets_no_more_reminders(db: None, shree: Workspace) -> None:
    with tenancy.inside(shree):
        owner, now = owner_of(shree), NOW
        account, sunita = make_account(shree, "whatsapp"), agreeing(owner, channels=("whatsapp",))
        asked = {"workspace": shree.pk, "purpose": "reminders", "channel": "whatsapp", "at": now + timedelta(hours=1)}
        assert next(iter(gate.decide_many([sunita.pk], **asked, today=now.date()))).is_agreed
        conversations._talk(account, sunita, [Said(timedelta(hours=4), "STOP")], owner, now)
        assert not next(iter(gate.decide_many([sunita.pk], **asked, today=now.date()))).is_agreed
        confirmed = Dispatch.objects.of(shree).select_related("message").get()
        assert (confirmed.state, confirmed.delivery) == ("done", "read")  # a demo has no other phone
        assert bodies.open(confirmed.message, "body").startswith("Done.")
        assert Message.objects.of(shree).count() == 2
