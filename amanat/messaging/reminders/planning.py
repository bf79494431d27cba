"""Who would get what on a day, over which channel, and who would not and why: the preview, and what the day's work is made of.

Nothing is written here. The gate is asked as for the moment the message is to leave, and again when it leaves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from itertools import batched, groupby
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import timezone

from amanat.accounts.models import Workspace
from amanat.basis import gate, hours
from amanat.basis.rules import UnknownChannel, UnknownPurpose
from amanat.core.vault import VaultRefused
from amanat.desk.models import ServiceRecord
from amanat.messaging.channels import accounts
from amanat.messaging.channels.models import Channel, ChannelAccount, MessageTemplate, TemplateText
from amanat.messaging.outbox import ordering
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders import dates, values
from amanat.messaging.reminders.dates import Occasion
from amanat.messaging.reminders.models import Reminder, ReminderRule
from amanat.people.models import Contact

#: A person has had enough for the day: it is left out, or tried on the next open day.
CAP, CAP_MOVES = "cap", "cap_moves"
#: People looked up by one set of statements.
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Plan:
    """One occasion and what becomes of it: a message over `channel`, or none, for `reason`."""

    occasion: Occasion
    contact: Contact
    step: int = 0
    channel: str = ""
    account: ChannelAccount | None = None
    text: TemplateText | None = None
    values: tuple[str, ...] = ()
    address: str = ""
    due_at: datetime | None = None
    use_by: datetime | None = None
    reason: str = ""  #: the gate's, or one of ours: no_address, no_account, no_text, no_value, cap, cap_moves, late
    consent_id: UUID | None = None  #: the yes on which it rests, where it rests on one

    @property
    def is_to_be_sent(self) -> bool:
        return not self.reason

    @property
    def missing(self) -> list[str]:
        """Labels of the values that the text needs and nobody knows."""
        pairs = zip(self.text.variables, self.values, strict=False) if self.text is not None else ()
        return [str(values.ALL[name].label) for name, value in pairs if not value]


@dataclass(frozen=True, slots=True)
class Way:
    """One channel of a rule, with what it needs."""

    step: int
    channel: str
    account: ChannelAccount | None
    texts: dict[str, TemplateText]
    title: str = ""  #: of the template


def in_turn(rules: Iterable[ReminderRule]) -> list[ReminderRule]:
    """Rules in the order in which they take the messages that a person may have on a day: the earlier hour first."""
    return sorted(rules, key=lambda rule: (rule.at, rule.pk))


def plans(
    rule: ReminderRule,
    day: date,
    *,
    at: datetime,
    first_step: int = 0,
    only: Sequence[Occasion] | None = None,
    counted: Counter[UUID] | None = None,
) -> Iterator[Plan]:
    """What the rule would do on `day`, asked at the aware moment `at`; `only` some occasions, from a later channel on.

    `counted` is what other rules were planned to send to each person on that day, and takes what this one is. The same number of
    statements for each 500 people.
    """
    workspace = Workspace.objects.of(rule.workspace_id).get()
    with timezone.override(ZoneInfo(workspace.time_zone)):
        left, goes_on = ways(rule)[first_step:], first_step > 0
        planner = _Planner(rule, workspace, day, at, left, goes_on, Counter() if counted is None else counted)
        for part in batched(dates.occasions(rule, day) if only is None else only, AT_ONCE):
            yield from planner.of(part)


def ways(rule: ReminderRule) -> list[Way]:
    """The channels of a rule in their order."""
    chosen = MessageTemplate.objects.of(rule.workspace_id).filter(pk__in=rule.templates, ended_at__isnull=True)
    held = {template.pk: template for template in chosen.prefetch_related("texts").select_related("account")}
    found = []
    for step, (channel, template_id) in enumerate(zip(rule.channels, rule.templates, strict=True)):
        template = held.get(template_id)
        texts = {}
        if template is not None and template.channel == channel:
            texts = {text.language: text for text in template.texts.all() if text.state == TemplateText.State.APPROVED}
        own = template.account if template is not None else None
        account = own or accounts.default(rule.workspace_id, channel)
        found.append(Way(step, channel, account, texts, template.title if template is not None else ""))
    return found


@dataclass(slots=True)
class _Planner:
    """A rule on a day, and how many messages each person would have had by then."""

    rule: ReminderRule
    workspace: Workspace
    day: date
    at: datetime
    ways: Sequence[Way]
    goes_on: bool = False  #: over the next channel: the message counted when it was tried over the one before
    counted: Counter[UUID] = field(default_factory=Counter)

    def of(self, part: Sequence[Occasion]) -> Iterator[Plan]:
        here = self.workspace.pk
        people = Contact.objects.of(here).in_bulk({each.contact_id for each in part})
        about = {each.about for each in part} if not dates.is_of_person(self.rule) else set()
        records = ServiceRecord.objects.of(here).in_bulk(about)
        self._count(people.keys() - self.counted.keys())
        answers = {way.step: self._asked(way, people) for way in self.ways if way.account is not None and way.texts}
        for occasion in part:
            contact = people.get(occasion.contact_id)
            if contact is None:
                continue
            plan = self._one(occasion, contact, records.get(occasion.about), answers)
            self.counted[contact.pk] += plan.is_to_be_sent
            yield plan

    def _count(self, people: Collection[UUID]) -> None:
        first = datetime.combine(self.day, time(0), timezone.get_current_timezone())
        sent = Dispatch.objects.of(self.workspace.pk).filter(contact__in=people, source="reminder")
        sent = sent.filter(due_at__gte=first, due_at__lt=first + timedelta(days=1))
        sent = sent.exclude(state__in=("refused", "dropped", "dead")).exclude(delivery="failed")
        self.counted.update(dict.fromkeys(people, 0))
        # a reminder that went on to the next channel is one all the same
        self.counted.update(person for person, _reminder in sent.values_list("contact_id", "source_id").distinct())

    def _asked(self, way: Way, people: dict[UUID, Contact]) -> dict[UUID, gate.Answer]:
        """The gate's answers for the moments the messages are to leave, people of one clock together."""
        found: dict[UUID, gate.Answer] = {}
        clocked = sorted(people.values(), key=lambda contact: str(_zone(contact)))
        for _name, together in groupby(clocked, key=lambda contact: str(_zone(contact))):
            same = list(together)
            moment = max(self.at, datetime.combine(self.day, self.rule.at, _zone(same[0])))
            with suppress(UnknownPurpose, UnknownChannel):
                answers = gate.decide_many(
                    [contact.pk for contact in same],
                    workspace=self.workspace,
                    purpose=self.rule.purpose,
                    channel=way.channel,
                    at=moment,
                    today=self.day,
                )
                found.update((answer.contact_id, answer) for answer in answers)
        return found

    def _one(
        self,
        occasion: Occasion,
        contact: Contact,
        record: ServiceRecord | None,
        answers: dict[int, dict[UUID, gate.Answer]],
    ) -> Plan:
        """The first channel over which it may go; where there is none, the reason of the first."""
        if not self.goes_on and self.counted[contact.pk] >= self.rule.most_a_day:
            return Plan(occasion, contact, reason=self._too_many(occasion))
        zone = _zone(contact)
        use_by = datetime.combine(self.day + timedelta(days=1), time(0), zone)
        around = values.Around(self.workspace, contact, record, occasion.on_day)
        refused: Plan | None = None
        for way in self.ways:
            answer = answers.get(way.step, {}).get(contact.pk)
            text = text_for(way.texts, contact.language, self.workspace.language)
            plan = Plan(
                occasion,
                contact,
                way.step,
                way.channel,
                way.account,
                text,
                tuple(values.read(text.variables, around, language=text.language)) if text is not None else (),
                contact.main_email if way.channel == Channel.EMAIL else contact.main_phone,
                (answer.next_at if answer else None) or max(self.at, datetime.combine(self.day, self.rule.at, zone)),
                use_by,
                consent_id=answer.consent_id if answer else None,
            )
            is_late = plan.due_at is not None and plan.due_at >= use_by
            reason = against(
                account=way.account, text=text, address=plan.address, answer=answer, read=plan.values, is_late=is_late
            )
            if reason == "late" and self.at <= datetime.combine(self.day, self.rule.at, zone):
                reason = "not_now"  # worked out in time: the rule's own hour is one at which nobody may be written to
            if not reason:
                return plan
            refused = refused or replace(plan, reason=reason)
        return refused or Plan(occasion, contact, reason="no_account")

    def _too_many(self, occasion: Occasion) -> str:
        """Whether what is too much today may go on the next open day: not where its date has passed by then, unless the rule comes after it."""
        following = (self.day + timedelta(days=ahead) for ahead in range(1, 8))
        is_open = next(day for day in following if day.weekday() not in self.rule.quiet_days)
        in_time = self.rule.days > 0 or occasion.on_day >= is_open
        return CAP_MOVES if self.rule.moves_over and in_time else CAP


def against(
    *,
    account: ChannelAccount | None,
    text: TemplateText | None,
    address: str,
    answer: gate.Answer | None,
    read: Sequence[str],
    is_late: bool = False,
) -> str:
    """Why a message cannot go this way, or "": the first of these that is true. `answer` is None where no purpose fits."""
    refused = str(answer.reason.value) if answer is not None and not answer.is_agreed else ""
    checks = (
        ("no_account", account is None),
        ("no_text", text is None),
        ("no_address", not address),
        ("no_purpose", answer is None),
        (refused, bool(refused)),
        ("no_value", not all(read)),
        ("late", is_late),
    )
    return next((reason for reason, is_so in checks if is_so), "")


def changed(workspace_id: UUID, found: Sequence[tuple[Dispatch, Reminder]]) -> set[UUID]:
    """The dispatches of reminders that say something else than what is known now. Two statements, however many."""
    if not found:
        return set()
    workspace = Workspace.objects.of(workspace_id).get(pk=workspace_id)
    records = ServiceRecord.objects.of(workspace_id).in_bulk({reminder.about for _row, reminder in found})
    stale = set()
    with timezone.override(ZoneInfo(workspace.time_zone)):
        for row, reminder in found:
            text = row.message.text_of
            if text is None:
                continue
            around = values.Around(workspace, reminder.contact, records.get(reminder.about), reminder.on_day)
            try:
                said = ordering.open_extra(row.extra, workspace_id=workspace_id, dispatch_id=row.pk).values
                if list(said) != values.read(text.variables, around, language=text.language):
                    stale.add(row.pk)
            except (VaultRefused, ValueError, KeyError):
                continue  # who sends it finds out that it cannot be read
    return stale


def text_for(texts: Mapping[str, TemplateText], *languages: str) -> TemplateText | None:
    """The text in the first of the languages there is, else in English, else any."""
    found = next((texts[language] for language in (*languages, "en") if language in texts), None)
    return found or next(iter(texts.values()), None)


def _zone(contact: Contact) -> ZoneInfo:
    return hours.zone_of(contact.main_phone, "")
