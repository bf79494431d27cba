"""What the people of a demo shop wrote and were written: a number and a header of the sandbox, texts in three languages, rules, conversations.

The number belongs to the sandbox, which reaches nobody. What was said lies in the past and is written as it would stand today: taken in,
answered, delivered, read.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.utils import translation
from django.utils.translation import gettext as _

from amanat.accounts.models import Member, Workspace
from amanat.basis import consent, notices, rules
from amanat.basis.consent import How
from amanat.basis.models import Method
from amanat.core import clock
from amanat.desk import services
from amanat.desk.models import ServiceRecord
from amanat.messaging.channels import accounts, sms_http, templates
from amanat.messaging.channels.contract import Arrived, TemplateNews
from amanat.messaging.channels.models import Channel, ChannelAccount, MessageTemplate, TemplateText
from amanat.messaging.channels.sms_http import SmsHttp
from amanat.messaging.channels.whatsapp import WhatsApp
from amanat.messaging.inbox import arriving, saying
from amanat.messaging.inbox.models import Message
from amanat.messaging.inbox.saying import Words
from amanat.messaging.outbox import answers
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders import setting
from amanat.messaging.reminders.models import ReminderRule
from amanat.people.models import Contact

#: How many people were asked about reminders.
AGREEING = 30


@dataclass(frozen=True, slots=True)
class Said:
    """One line of a conversation; `ago` before now."""

    ago: timedelta
    words: str
    is_theirs: bool = True


def _minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


#: Conversations in the languages people write in; the last line of some waits for an answer.
TALKS: tuple[tuple[Said, ...], ...] = (
    (
        Said(_minutes(64), "Namaste, mera PAN card kab milega?"),
        Said(_minutes(58), "Namaste. Kal tak aa jayega, hum aapko batayenge.", is_theirs=False),
        Said(_minutes(12), "Haan, Monday ko aati hoon"),
    ),
    (
        Said(_minutes(75), "Passport appointment ke liye kya kya lana hai?"),
        Said(_minutes(40), "Aur kitne baje aana hai?"),
    ),
    (
        Said(timedelta(hours=26), "Can you send the receipt again?"),
        Said(timedelta(hours=25), "Of course, you will have it in a minute.", is_theirs=False),
        Said(timedelta(hours=24, minutes=50), "Thank you"),
    ),
    (
        Said(timedelta(days=2, hours=3), "रेशन कार्ड आणि बँक पासबुक दोन्ही आणू का?"),
        Said(timedelta(days=2, hours=2), "हो, दोन्ही आणा. सोमवारी ११:३० चालेल.", is_theirs=False),
    ),
    (Said(timedelta(days=3), "धन्यवाद, काम हो गया।"),),
    (Said(timedelta(days=4), "STOP"),),
    (
        Said(timedelta(days=6), "Is the form still open?"),
        Said(timedelta(days=5, hours=22), "Yes, until the end of the month.", is_theirs=False),
    ),
)  # fmt: skip
TEXTS = {
    "en": "Namaste {{1}}, this is {{2}}. Your {{3}} is due on {{4}}. Answer 1 if you will come, STOP to hear no more.",
    "hi": "नमस्ते {{1}}, यह संदेश {{2}} से है। आपके काम {{3}} की तारीख {{4}} है। आने वाले हों तो 1 लिखें, संदेश बंद करने के लिए STOP लिखें।",
    "mr": "नमस्कार {{1}}, हा संदेश {{2}} कडून आहे. तुमचे काम {{3}}, तारीख {{4}} रोजी आहे. येणार असाल तर 1 पाठवा, संदेश थांबवण्यासाठी STOP पाठवा.",
}
SHORT_TEXTS = {
    "en": "Namaste {{1}}, your {{2}} at our centre is due on {{3}}. Please come in time.",
    "hi": "नमस्ते {{1}}, हमारे केंद्र में आपके काम {{2}} की तारीख {{3}} है। कृपया समय पर आएँ।",
    "mr": "नमस्कार {{1}}, आमच्या केंद्रात तुमचे काम {{2}} तारीख {{3}} रोजी आहे. कृपया वेळेवर या.",
}
VARIABLES = ("first_name", "business", "service", "due_date")
EXAMPLES = ("Sunita", "Shree CSC Kendra", "PAN correction", "30 Nov 2026")
OWED = {
    "en": "Namaste {{1}}, this is {{2}}. {{4}} for your {{3}} is still open. Answer STOP to hear no more.",
    "hi": "नमस्ते {{1}}, यह संदेश {{2}} से है। आपके काम {{3}} के {{4}} अभी बाकी हैं। संदेश बंद करने के लिए STOP लिखें।",
    "mr": "नमस्कार {{1}}, हा संदेश {{2}} कडून आहे. तुमच्या {{3}} या कामाचे {{4}} अजून बाकी आहेत. संदेश थांबवण्यासाठी STOP पाठवा.",
}
SHORT_OWED = {
    "en": "Namaste {{1}}, {{3}} for your {{2}} at our centre is still open.",
    "hi": "नमस्ते {{1}}, हमारे केंद्र में आपके काम {{2}} के {{3}} अभी बाकी हैं।",
    "mr": "नमस्कार {{1}}, आमच्या केंद्रात तुमच्या {{2}} या कामाचे {{3}} अजून बाकी आहेत.",
}
#: How many services are due on the very day that the rule reminds of today, and on the next.
DUE_NOW, DUE_NEXT = 6, 2
DUE_IN = -3  #: days of the rule


def tell(workspace: Workspace, members: Sequence[Member], people: Sequence[Contact]) -> None:
    """Fill the inbox and the reminders of a shop; call inside it, its owner first."""
    policy = rules.of(workspace.pk).policy
    if "reminders" not in policy.purposes or rules.CARRIERS[Channel.WHATSAPP] not in policy.recipients:
        return  # its policy does not speak of it, so nothing may be sent
    owner, now = members[0], clock.now()
    account = _number(workspace, owner, now)
    per = [
        one.value for one in (Channel.WHATSAPP, Channel.SMS) if one.value in (policy.purposes["reminders"].per or ())
    ]
    has_texts = Channel.SMS.value in per and rules.CARRIERS[Channel.SMS] in policy.recipients
    header = _header(workspace, owner, now) if has_texts else None
    due, owed = _about_the_date(account, header, owner, now), _about_money(account, header, owner, now)
    _some_due(owner, now)
    _agree(workspace, _soon_first(workspace, people, now)[:AGREEING], per, now)
    _rules(owner, due, owed, now)
    reachable = [contact for contact in people if contact.main_phone]
    for number, (contact, talk) in enumerate(zip(reachable, TALKS, strict=False)):
        _talk(account, contact, talk, members[number % min(len(members), 3)], now)


def _number(workspace: Workspace, owner: Member, now: datetime) -> ChannelAccount:
    return accounts.connect(
        workspace=workspace, by=owner, at=now, provider=WhatsApp.name, name="WhatsApp (sandbox)",
        address=f"+9199{secrets.randbelow(10**8):08}", is_sandbox=True,
        settings={"phone_number_id": f"9{secrets.randbelow(10**14):014}", "waba_id": f"8{secrets.randbelow(10**14):014}"},
        secrets={"token": secrets.token_urlsafe(32), "app_secret": secrets.token_hex(16)},
    )  # fmt: skip


def _header(workspace: Workspace, owner: Member, now: datetime) -> ChannelAccount:
    """From where texts go to who cannot be reached on WhatsApp."""
    return accounts.connect(
        workspace=workspace, by=owner, at=now, provider=SmsHttp.name, name="SMS (sandbox)", address="SANDBX",
        settings=sms_http.SANDBOX, secrets={"key": secrets.token_urlsafe(24)}, is_sandbox=True,
    )  # fmt: skip


def _about_the_date(
    number: ChannelAccount, header: ChannelAccount | None, owner: Member, now: datetime
) -> list[MessageTemplate]:
    """What says that a service is due, for each way it may go."""
    title, short, of_short = (
        "A service is due",
        ("first_name", "service", "due_date"),
        ("Sunita", "PAN correction", "30 Nov 2026"),
    )
    found = [_approved(number, "service_due", title, TEXTS, VARIABLES, EXAMPLES, owner, now)]
    if header is not None:
        found.append(_registered(header, "service_due_sms", title, SHORT_TEXTS, short, of_short, owner, now))
    return found


def _about_money(
    number: ChannelAccount, header: ChannelAccount | None, owner: Member, now: datetime
) -> list[MessageTemplate]:
    """What says that something is still owed."""
    title, examples = "Something is still owed", ("Sunita", "Shree CSC Kendra", "PAN correction", "₹ 250")
    long, short = ("first_name", "business", "service", "balance"), ("first_name", "service", "balance")
    found = [_approved(number, "service_owed", title, OWED, long, examples, owner, now)]
    if header is not None:
        of_short = (examples[0], *examples[2:])
        found.append(_registered(header, "service_owed_sms", title, SHORT_OWED, short, of_short, owner, now))
    return found


def _approved(  # noqa: PLR0917 (the columns of one row)
    account: ChannelAccount, name: str, title: str, bodies: dict[str, str], variables: Sequence[str],
    examples: Sequence[str], owner: Member, now: datetime,
) -> MessageTemplate:  # fmt: skip
    """A template of the sandbox's number, as if Meta had approved it."""
    template = templates.make(
        account=account, by=owner, at=now, name=name, title=title, channel=Channel.WHATSAPP,
        purpose="reminders", category=MessageTemplate.Category.UTILITY,
    )  # fmt: skip
    for language, body in bodies.items():
        text = templates.write(
            template=template, language=language, by=owner, at=now, body=body, variables=variables, examples=examples
        )
        templates.submitted(text=text, provider_id=str(text.pk.int)[:16], state="submitted", by=owner, at=now)
        news = TemplateNews(str(text.pk.int)[:16], template.name, language, TemplateText.State.APPROVED)
        templates.apply(account=account, news=news, at=now)
    return template


def _registered(  # noqa: PLR0917 (the columns of one row)
    account: ChannelAccount, name: str, title: str, bodies: dict[str, str], variables: Sequence[str],
    examples: Sequence[str], owner: Member, now: datetime,
) -> MessageTemplate:  # fmt: skip
    """A template of the sandbox's header, as if the operators had registered it."""
    template = templates.make(
        account=account, by=owner, at=now, name=name, title=title, channel=Channel.SMS, purpose="reminders",
        category=MessageTemplate.Category.UTILITY,
    )  # fmt: skip
    first = 0 if name == "service_due_sms" else len(bodies)
    for number, (language, body) in enumerate(bodies.items(), start=first):
        templates.write(
            template=template, language=language, by=owner, at=now, body=body, variables=variables, examples=examples,
            provider_id=f"110716{number:013}", registered=re.sub(r"\{\{\d\}\}", "{#var#}", body),
        )  # fmt: skip
    return template


def _some_due(owner: Member, now: datetime) -> None:
    """Some services fall due on the day that is reminded of today, others on the next: a look at the day shows somebody."""
    today = clock.today(owner.workspace.time_zone)
    records = ServiceRecord.objects.of(owner.workspace_id).alive().filter(status__in=ServiceRecord.IN_HAND)
    reachable = records.filter(contact__isnull=False).exclude(contact__main_phone="").order_by("-id")
    for number, record in enumerate(reachable[: DUE_NOW + DUE_NEXT]):
        due_on = today + timedelta(days=-DUE_IN if number < DUE_NOW else 1 - DUE_IN)
        services.change(record=record, by=owner, at=now, due_on=due_on)


def _soon_first(workspace: Workspace, people: Sequence[Contact], now: datetime) -> list[Contact]:
    """Those first of whom something is due within weeks: rules then have somebody to write to."""
    first, last = now.date(), now.date() + timedelta(days=21)
    due = (
        ServiceRecord.objects.of(workspace)
        .alive()
        .filter(due_on__range=(first, last), status__in=ServiceRecord.IN_HAND)
    )
    soon = set(due.values_list("contact_id", flat=True))
    return sorted(people, key=lambda contact: contact.pk not in soon)


def _agree(workspace: Workspace, people: Sequence[Contact], channels: Sequence[str], now: datetime) -> None:
    notice = notices.show(workspace=workspace, purposes=["reminders"], language=workspace.language, at=now)
    for number, contact in enumerate(people):
        if number % 4 != 3:  # one in four was not asked yet
            consent.give(
                contact=contact, purpose="reminders", channels=channels, notice=notice, how=How(Method.COUNTER),
                at=now - timedelta(days=number + 1),
            )  # fmt: skip


def _rules(owner: Member, due: Sequence[MessageTemplate], owed: Sequence[MessageTemplate], now: datetime) -> None:
    usual = {
        "field": "", "service": None, "at": time(10),
        "fallback_hours": 6, "most_a_day": 2, "quiet_days": [6], "purpose": "reminders", "needs_approval": True,
    }  # fmt: skip
    with translation.override(owner.workspace.language):
        wanted = (
            (_("Service due in three days"), ReminderRule.On.SERVICE_DUE, DUE_IN, due),
            (_("Something is still owed"), ReminderRule.On.UNPAID, 7, owed),
        )
    for name, on, days, ways in wanted:
        over = {"channels": [one.channel for one in ways], "templates": [one.pk for one in ways]}
        setting.make(by=owner, at=now, values=usual | over | {"name": name, "on": on, "days": days})


def _talk(account: ChannelAccount, contact: Contact, talk: Sequence[Said], member: Member, now: datetime) -> None:
    for number, line in enumerate(talk):
        at = now - line.ago
        if line.is_theirs:
            arrived = Arrived(
                provider_id=f"demo-{contact.pk.hex}-{number}", sender=contact.main_phone, at=at, text=line.words
            )
            message = arriving.take_in(workspace_id=account.workspace_id, account=account, arrived=arrived)
            if message is not None:
                _heeded(account, arrived, message, at)
            continue
        message = saying.say(
            contact=contact, channel=account.channel, words=Words(text=line.words), by=member, at=at, account=account
        )
        _arrived_there(message, at)


def _heeded(account: ChannelAccount, arrived: Arrived, message: Message, at: datetime) -> None:
    """A STOP counts in a demo too."""
    answers.heed(account=account, arrived=arrived, message=message, at=at)
    for row in (
        Dispatch.objects.of(account.workspace_id)
        .filter(source=answers.CONFIRMATION, source_id=message.pk)
        .select_related("message")
    ):
        _arrived_there(row.message, at)


def _arrived_there(message: Message, at: datetime) -> None:
    """As if it had been sent and read: a demo has no other phone."""
    rows = Dispatch.objects.of(message.workspace_id).filter(message=message)
    rows.update(
        state=Dispatch.State.DONE, delivery=Dispatch.Delivery.READ, decided_at=at, begun_at=at, sent_at=at, ended_at=at,
        reason="ground", rule="purposes.service", tries=1, provider_id=f"demo-{message.pk.hex}",
    )  # fmt: skip
