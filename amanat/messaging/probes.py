"""Probes of messages: what left rests on a decision, stop stops, and an invented person is reminded, answered and refused by the real rules.

Each runs inside a savepoint that is taken back: nothing of it is ever sent, and nobody sees the invented person.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from email import message_from_bytes
from email.policy import default
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Workspace
from amanat.basis import consent, gate, notices
from amanat.basis.consent import How
from amanat.basis.models import Method
from amanat.basis.rules import CARRIERS
from amanat.desk.models import ServiceRecord
from amanat.messaging.channels import mail_making, sms, unsubscribing
from amanat.messaging.channels.contract import Access, Arrived, Outgoing
from amanat.messaging.channels.models import Channel, ChannelAccount, MessageTemplate, TemplateText
from amanat.messaging.inbox import arriving, saying
from amanat.messaging.inbox.models import Message, MessageWords
from amanat.messaging.inbox.saying import SayRefused, Words
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders import carrying, tasks
from amanat.messaging.reminders.models import Reminder, ReminderRule
from amanat.people import bin as deleted
from amanat.people.models import Contact, Phone
from amanat.policy.format import Policy
from amanat.policy.probing import Asked, Finding, probe

#: Of nobody: a number and a name set aside for tests.
NUMBER, OTHER_NUMBER, NAME = "+919899000031", "+919899000033", "Xqzmessage Vwkcanary"
HERSELF = How(Method.LINK)
_MONTH = timedelta(days=30)
_ELEVEN = time(11)


@probe(
    "messaging.decided",
    _("Every message that left rests on a decision of the gate, and every refused one says why"),
    keys=("F-MSG", "F-NOTICES"),
    rules=("purposes",),
    minutes=60,
)
def decided(asked: Asked) -> Finding:
    """All messages of the last 30 days are counted."""
    rows = Dispatch.objects.of(asked.workspace_id).filter(created_at__gte=asked.at - _MONTH)
    went = rows.filter(begun_at__isnull=False)
    without = went.filter(decided_at__isnull=True).count() + went.filter(rule="").count()
    mute = rows.filter(state__in=(Dispatch.State.REFUSED, Dispatch.State.DROPPED), reason="").count()
    disguised = went.filter(contact__isnull=False, message__text_of__isnull=False)
    other = disguised.exclude(message__text_of__template__purpose=F("purpose")).count()
    unknown = rows.exclude(purpose__in=list(asked.policy.purposes)).filter(begun_at__isnull=False).count()
    return Finding(
        without == 0 and mute == 0 and unknown == 0 and other == 0,
        _(
            "{sent} messages left in 30 days: {without} without a decision, {unknown} for no purpose of the policy, {other} for another than their text's; {mute} refused without a reason"
        ),
        {"sent": went.count(), "without": without, "unknown": unknown, "other": other, "mute": mute},
    )


_LATE = """
SELECT count(*), count(*) FILTER (WHERE went.late) FROM (
    SELECT act.id, EXISTS (
        SELECT 1 FROM messaging_dispatch sent WHERE sent.workspace_id = act.workspace_id AND sent.contact_id = act.contact_id
        AND sent.channel = act.channel AND sent.purpose = act.purpose AND sent.begun_at > act.at + make_interval(secs => %(seconds)s)
        AND NOT EXISTS (
            SELECT 1 FROM basis_consentrecord again WHERE again.workspace_id = act.workspace_id
            AND again.contact_id = act.contact_id AND again.purpose = act.purpose AND again.channel = act.channel
            AND again.what = 'given' AND again.at > act.at AND again.at <= sent.begun_at)
    ) AS late
    FROM basis_consentrecord act
    WHERE act.workspace_id = %(workspace)s AND act.what IN ('withdrawn', 'refused') AND act.at >= %(since)s AND act.channel <> ''
) AS went
"""


@probe(
    "messaging.stop",
    _("Nobody who said stop was written to afterwards"),
    keys=("R-UNSUB",),
    rules=("rights.opt_out_effect", "purposes"),
    minutes=60,
)
def stopped(asked: Asked) -> Finding:
    """Each withdrawal of the last 30 days is held against what left after it for the same purpose and channel."""
    allowed = asked.policy.rights.opt_out_effect.after(asked.at) - asked.at
    with connection.cursor() as cursor:
        cursor.execute(
            _LATE, {"workspace": asked.workspace_id, "since": asked.at - _MONTH, "seconds": allowed.total_seconds()}
        )
        acts, late = cursor.fetchone()
    return Finding(
        late == 0,
        _("{acts} times somebody said stop in 30 days; {late} were written to more than {seconds} s later"),
        {"acts": acts, "late": late, "seconds": int(allowed.total_seconds())},
    )


@probe(
    "messaging.reminders",
    _("A reminder goes once, to who agreed, and only while the workspace lets it"),
    keys=("F-REMIND", "F-SETTINGS", "D-WABA"),
    rules=("purposes.reminders", "recipients.whatsapp"),
)
def reminders(asked: Asked) -> Finding:
    """Two invented people have a service due in a week; one agreed. A paused rule sends nothing; a working one a single message."""
    rule = _a_rule(asked)
    if rule is None:
        return Finding(True, _("The policy has no reminders"), {})
    agreed, silent = person(asked), person(asked)
    agrees(asked, agreed, rule.purpose, rule.channels[0], asked.at - timedelta(hours=1))
    day = _day(asked)
    for contact in (agreed, silent):
        _due(asked, contact, day + timedelta(days=7))
    sent = Dispatch.objects.of(asked.workspace_id).filter(contact__in=[agreed, silent])
    ReminderRule.objects.of(asked.workspace_id).filter(pk=rule.pk).update(is_paused=True)
    tasks.remind_one(asked.workspace_id, only=rule.pk)
    paused = sent.count()
    morning = datetime.combine(day, time(6), _zone(asked))
    for _again in range(2):
        carrying.work_out(rule, day, at=morning)
    to_silent = sent.filter(contact=silent).count()
    reasons = set(Reminder.objects.of(asked.workspace_id).filter(contact=silent).values_list("reason", flat=True))
    return Finding(
        paused == 0 and sent.count() == 1 and to_silent == 0 and reasons == {"no_consent"},
        _(
            "A paused rule ordered {paused} messages; a working one ordered {ordered} for who agreed and {silent} for who did not"
        ),
        {"paused": paused, "ordered": sent.filter(contact=agreed).count(), "silent": to_silent},
    )


@probe(
    "messaging.window",
    _("On WhatsApp free text goes only within 24 hours of the person's own message"),
    keys=("F-WA-UPDATE",),
    rules=("recipients.whatsapp",),
)
def window(asked: Asked) -> Finding:
    account, contact = an_account(asked, Channel.WHATSAPP), person(asked)
    before = _may_say(contact, account, asked.at)
    arriving.take_in(
        workspace_id=asked.workspace_id,
        account=account,
        arrived=Arrived(provider_id="xqzmessage-1", sender=NUMBER, at=asked.at, text="Namaste", name=NAME),
    )
    writer = Message.objects.of(asked.workspace_id).get(account=account, provider_id="xqzmessage-1").contact
    within = _may_say(writer, account, asked.at + timedelta(hours=23))
    after = _may_say(writer, account, asked.at + timedelta(hours=24, minutes=1))
    return Finding(
        not before and within and not after,
        _("Free text before the person wrote: {before}; within a day: {within}; after a day: {after}"),
        {"before": before, "within": within, "after": after},
    )


@probe(
    "messaging.sms",
    _("An SMS without its registered text does not leave, and an offer waits for the day"),
    keys=("F-SMS",),
    rules=("purposes.marketing",),
)
def texts(asked: Asked) -> Finding:
    """The real check of the adapter is given a message without a template id; the gate is asked at ten in the evening."""
    access = Access(
        account_id=asked.workspace_id,
        workspace_id=asked.workspace_id,
        address="XQZVWK-S",
        settings={"entity_id": "1201159000000000000", "header": "XQZVWK-S"},
        secrets={},
        is_sandbox=False,
    )
    bare = Outgoing(reference=asked.workspace_id, to=NUMBER, text="Namaste", category="utility")
    refused = sms.refusal(access, bare) is not None
    night = datetime.combine(_day(asked), time(22), _zone(asked))
    waits = True
    marketing = next(
        (name for name, each in asked.policy.purposes.items() if "sms" in each.per and _is_offer(each.term)), ""
    )
    if marketing and CARRIERS["sms"] in asked.policy.recipients:
        contact = person(asked)
        agrees(asked, contact, marketing, Channel.SMS, night - timedelta(hours=8))
        answer = gate.decide(
            contact, workspace=asked.workspace_id, purpose=marketing, channel=Channel.SMS, at=night, today=night.date()
        )
        waits = not answer.is_allowed and answer.next_at is not None and answer.next_at > night
    return Finding(
        refused and waits,
        _("Without a registered text it is refused: {refused}; an offer at 22:00 waits: {waits}"),
        {"refused": refused, "waits": waits},
    )


@probe(
    "messaging.metadata",
    _("Of a message we keep when it went and how far it got, for as long as the message itself"),
    keys=("DATA pd:CommunicationsMetadata",),
    rules=("keep.content", "data.talk"),
)
def metadata(asked: Asked) -> Finding:
    """An invented person is written to and then goes for good: of the message, its sending and its words nothing may be left."""
    account, contact = an_account(asked, Channel.SMS), person(asked)
    saying.say(contact=contact, channel=Channel.SMS, words=Words(text=NAME), by=None, at=asked.at, account=account)
    rows = [
        model.objects.of(asked.workspace_id).filter(contact=contact.pk) for model in (Message, Dispatch, MessageWords)
    ]
    before = [each.count() for each in rows]
    plain = sum(
        NAME.encode() in bytes(each.body or b"")
        for each in Message.objects.of(asked.workspace_id).filter(contact=contact)
    )
    deleted.purge(model=Contact, workspace=asked.workspace_id, by=None, at=asked.at, ids=[contact.pk], also_alive=True)
    after = sum(each.count() for each in rows)
    return Finding(
        before == [1, 1, 1] and after == 0 and plain == 0,
        _(
            "A message was kept in {before} tables, its text readable in {plain}; after the person was gone {after} rows were left"
        ),
        {"before": sum(count > 0 for count in before), "plain": plain, "after": after},
    )


@probe(
    "messaging.sender",
    _("Every message says whom it comes from"),
    keys=("F-NOTICES", "F-CHANNELS"),
    rules=("parties.operator",),
)
def sender(asked: Asked) -> Finding:
    """An offer is made as it would leave by e-mail; one from nobody, and a text without a registered sender, must not be made at all."""
    workspace, address = Workspace.objects.of(asked.workspace_id).get(), "xqzmessage@mail.example"
    access = Access(
        account_id=asked.workspace_id, workspace_id=asked.workspace_id, address=address, settings={"from_name": NAME}, secrets={},
        is_sandbox=True,
    )  # fmt: skip
    offer = Outgoing(
        reference=asked.workspace_id,
        to=address,
        text="Namaste",
        subject="Namaste",
        template="xqz",
        category="marketing",
    )
    row = Dispatch(workspace_id=asked.workspace_id, channel=Channel.EMAIL, purpose="marketing", address=address)
    dressed = unsubscribing.Dresser(asked.workspace_id).dress(row, offer)
    made = message_from_bytes(mail_making.make(access, dressed, at=asked.at)[1], policy=default)
    body = made.get_body(("plain",))
    is_named = NAME in str(made["From"]) and address in str(made["From"])
    is_signed = body is not None and (workspace.legal_name or workspace.name) in body.get_content()
    try:
        mail_making.make(replace(access, address=""), dressed, at=asked.at)
        is_nobodys_refused = False
    except mail_making.CannotBeMade:
        is_nobodys_refused = True
    text = replace(offer, to=NUMBER, template_id="1207159000000000001", text="Namaste. STOP")
    is_unregistered_refused = sms.refusal(replace(access, address=""), text) is not None
    return Finding(
        is_named and is_signed and is_nobodys_refused and is_unregistered_refused,
        _(
            "An e-mail names its sender: {named}, and at its end who answers for it: {signed}; from nobody it is refused: {nobody}; a text without a registered sender: {unregistered}"
        ),
        {"named": is_named, "signed": is_signed, "nobody": is_nobodys_refused, "unregistered": is_unregistered_refused},
    )


def _is_offer(term: str) -> bool:
    return term in {"dpv:DirectMarketing", "dpv:Marketing", "dpv:Advertising"}


def person(asked: Asked, number: str = NUMBER) -> Contact:
    contact = Contact.objects.create(workspace_id=asked.workspace_id, name=NAME, main_phone=number)
    Phone.objects.create(workspace_id=asked.workspace_id, contact=contact, number=number)
    return contact


def agrees(asked: Asked, contact: Contact, purpose: str, channel: str, at: datetime) -> None:
    workspace = Workspace.objects.of(asked.workspace_id).get()
    notice = notices.show(workspace=workspace, purposes=[purpose], language="en", at=at)
    consent.give(contact=contact, purpose=purpose, channels=[channel], notice=notice, how=HERSELF, at=at)


def an_account(asked: Asked, channel: str) -> ChannelAccount:
    return ChannelAccount.objects.create(
        workspace_id=asked.workspace_id, channel=channel, provider="probe", name=NAME, address="+919899000032"
    )


def _a_rule(asked: Asked) -> ReminderRule | None:
    """A working rule of the invented workspace day, over the first channel that the policy lets reminders use."""
    channel = reminding_channel(asked.policy)
    if not channel:
        return None
    text = a_text(asked, an_account(asked, channel))
    return ReminderRule.objects.create(
        workspace_id=asked.workspace_id, name=NAME, on=ReminderRule.On.SERVICE_DUE, days=-7, at=_ELEVEN, channels=[channel],
        templates=[text.template_id], purpose="reminders", needs_approval=False, is_paused=False,
    )  # fmt: skip


def a_text(asked: Asked, account: ChannelAccount) -> TemplateText:
    """An approved text for reminders, in the account's channel."""
    template = MessageTemplate.objects.create(
        workspace_id=asked.workspace_id, name="xqzmessage_probe", title=NAME, channel=account.channel, account=account,
        purpose="reminders", category="utility",
    )  # fmt: skip
    return TemplateText.objects.create(
        workspace_id=asked.workspace_id, template=template, language="en", body="{{1}}", variables=["first_name"],
        state=TemplateText.State.APPROVED,
    )  # fmt: skip


def reminding_channel(policy: Policy) -> str:
    purpose = policy.purposes.get("reminders")
    allowed = purpose.per if purpose is not None else ()
    return next((one for one in allowed if CARRIERS.get(one, "mail") in policy.recipients and one != Channel.EMAIL), "")


def _due(asked: Asked, contact: Contact, day: date) -> None:
    last = (
        ServiceRecord.objects.of(asked.workspace_id).order_by("-number").values_list("number", flat=True).first() or 0
    )
    ServiceRecord.objects.create(
        workspace_id=asked.workspace_id, number=last + 1, contact=contact, title=NAME, due_on=day
    )


def _may_say(contact: Contact, account: ChannelAccount, at: datetime) -> bool:
    try:
        saying.say(
            contact=contact, channel=account.channel, words=Words(text="Namaste"), by=None, at=at, account=account
        )
    except SayRefused:
        return False
    return True


def _zone(asked: Asked) -> ZoneInfo:
    return ZoneInfo(Workspace.objects.of(asked.workspace_id).get().time_zone)


def _day(asked: Asked) -> date:
    """The next weekday, so that a window closed on Sundays is none of the probe's business."""
    day = asked.at.astimezone(_zone(asked)).date() + timedelta(days=1)
    return day + timedelta(days=1) if day.weekday() == 6 else day
