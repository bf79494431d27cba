"""Rules, templates, accounts and agreeing people for tests of reminders."""

from __future__ import annotations

from datetime import time
from typing import Any

from amanat.accounts.models import Member, Workspace
from amanat.basis import consent
from amanat.basis.consent import How
from amanat.basis.models import Method
from amanat.desk.tests.factories import NOW, make_contact
from amanat.messaging.channels.models import Channel, ChannelAccount, MessageTemplate, TemplateText
from amanat.messaging.reminders.models import ReminderRule
from amanat.people.models import Contact

ADDRESSES = {"whatsapp": "+912532579100", "sms": "SHRCSC", "email": "shop@example.com"}
BODY = "Namaste {{1}}, {{2}} is due on {{3}}."


def make_account(workspace: Workspace, channel: str) -> ChannelAccount:
    account, _made = ChannelAccount.objects.of(workspace).get_or_create(
        workspace_id=workspace.pk, channel=channel, address=ADDRESSES[channel],
        defaults={"provider": "test", "name": channel, "is_default": True},
    )  # fmt: skip
    return account


def make_template(workspace: Workspace, channel: str, *, languages: tuple[str, ...] = ("en",)) -> MessageTemplate:
    template = MessageTemplate.objects.create(
        workspace_id=workspace.pk, channel=channel, name=f"due_{channel}_{MessageTemplate.objects.of(workspace).count()}",
        title="Something is due", purpose="reminders", category="utility",
    )  # fmt: skip
    for language in languages:
        TemplateText.objects.create(
            workspace_id=workspace.pk, template=template, language=language, body=f"{language}: {BODY}",
            variables=["first_name", "service", "due_date"], state=TemplateText.State.APPROVED,
        )  # fmt: skip
    return template


def make_rule(workspace: Workspace, *channels: str, **details: Any) -> ReminderRule:
    channels = channels or (Channel.SMS,)
    for channel in channels:
        make_account(workspace, channel)
    values = {
        "name": "Due", "on": "service_due", "days": -7, "at": time(11), "purpose": "reminders", "is_paused": False,
        "needs_approval": False, "templates": [make_template(workspace, channel).pk for channel in channels],
    }  # fmt: skip
    return ReminderRule.objects.create(workspace_id=workspace.pk, channels=list(channels), **(values | details))


def agreeing(
    by: Member, name: str = "Sunita Deshmukh", *, channels: tuple[str, ...] = ("sms",), **details: Any
) -> Contact:
    """Somebody who agreed to reminders over these channels."""
    contact = make_contact(by, name, **details)
    consent.give(
        contact=contact, purpose="reminders", channels=list(channels), notice=None, how=How(Method.FILE), at=NOW,
    )  # fmt: skip
    return contact
