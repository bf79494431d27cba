"""What a demo shop did so that its board of promises is in order: a published policy, a bound region, training, a drill.

Done by the rules of the pages. What only a person can vouch for, such as audits and premises, stays open: nobody did it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings

from amanat.accounts.models import Member, Workspace
from amanat.core import clock
from amanat.core.models import LocalMessage
from amanat.operations.demo.plan import Shop
from amanat.privacy.incidents import drill
from amanat.privacy.registers import residency, staff
from amanat.publishing import addresses, beginning, publish, versions

#: When the shop put its house in order.
AGO = timedelta(days=30)
_CODE = re.compile(r"\b\d{6}\b")


def promise(shop: Shop, workspace: Workspace, members: Sequence[Member]) -> None:
    """Publish the shop's policy, bind it to this region, train its members; call inside the workspace, its owner first."""
    owner, at = members[0], clock.now() - AGO
    details = beginning.Details.of(workspace)
    publish.publish(workspace=workspace, source=beginning.source(details, shop.policy), by=owner, at=at)
    residency.pin(workspace_id=workspace.pk, region=residency.here(), by=owner, at=at)
    _confirm_addresses(workspace, owner)
    staff.record_training(
        member_ids=[one.pk for one in members], topic="Privacy at the counter", done_on=at.date(), by=owner, at=at
    )


def _confirm_addresses(workspace: Workspace, owner: Member) -> None:
    """Mail codes to the published addresses and type them in, as somebody who reads the outbox of this machine would. Where a mail server is
    set nobody can: the shops' addresses are below a name that the net has set aside, so the promise stays due, as it is."""
    if settings.SENDS_MAIL:
        return
    at, policy = clock.now(), versions.in_force(workspace).policy
    for one in addresses.standing(policy, workspace_id=workspace.pk, at=at):
        addresses.ask(one.address, policy=policy, by=owner, who=workspace.name, at=at)
        mail = LocalMessage.objects.filter(to=one.address).order_by("-id").first()
        found = _CODE.search(mail.body) if mail else None
        if found:
            addresses.confirm(one.address, code=found[0], by=owner, at=at)


def practice(workspace: Workspace, at: datetime) -> None:
    """Hold the drill of a breach; call outside the workspace, when its people are there."""
    drill.run(workspace_id=workspace.pk, at=at)
