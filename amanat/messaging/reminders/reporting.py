"""What rules and batches led to: counts by what became of the messages, and by the reason where none was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Workspace
from amanat.messaging.channels import adapters
from amanat.messaging.channels.models import Channel, ChannelAccount
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders.dates import OF_SERVICE
from amanat.messaging.reminders.models import Reminder, ReminderRule
from amanat.people import vocabulary
from amanat.people.models import CustomField

#: Why nothing is sent, in words. The gate's reasons and ours.
REASONS: dict[str, str | Promise] = {
    "unknown_person": _("The person is not here any more"),
    "in_bin": _("The person is in the bin"),
    "restricted": _("The data may only be stored"),
    "child": _("A child"),
    "suppressed": _("Asked not to be written to"),
    "objection": _("Objects to this purpose"),
    "no_consent": _("Was not asked yet"),
    "refused": _("Said no"),
    "withdrawn": _("Took the consent back"),
    "consent_over": _("The consent is over"),
    "ask_anew": _("Has to be asked anew"),
    "no_recipient": _("The policy names nobody who carries this channel"),
    "not_now": _("Not at this hour"),
    "no_account": _("No number or mailbox is connected for the channel"),
    "no_text": _("No approved text"),
    "no_address": _("No number or e-mail address"),
    "no_value": _("A value for the text is missing"),
    "no_purpose": _("The policy does not know this purpose"),
    "cap": _("Enough messages for one day"),
    "cap_moves": _("Enough messages for one day; it goes out on the next"),
    "late": _("Too late for this day"),
    "expired": _("Too late for this day"),
    "by_hand": _("Left out by hand"),
    "unapproved": _("Nobody approved it on its day"),
    "rule_ended": _("The rule was ended"),
    "rule_paused": _("The rule was paused"),
    "not_delivered": _("Not delivered"),
    "no_report": _("Sent; no report came"),
    "provider": _("The provider did not take it"),
    "unreadable": _("The message cannot be read any more"),
    "unknown_purpose": _("The policy does not know this purpose"),
    "occasion_over": _("Done, paid or moved meanwhile"),
    "changed": _("Something changed meanwhile: it is written anew"),
    "other_purpose": _("The text is for another purpose"),
    "too_late": _("Too late for this day"),
    "stopped": _("Stopped by hand"),
    "restored": _("A backup was restored: it may have gone out before"),
}


def _is_of_provider(reason: str) -> bool:
    return reason in {"provider", "not_delivered"} or any(letter.isdigit() for letter in reason)


def in_words(reason: str) -> str | Promise:
    """A reason in words; a provider's code, which has digits, is named."""
    if reason in REASONS or not any(letter.isdigit() for letter in reason):
        return REASONS.get(reason, reason)
    return _("The provider answered with %(code)s") % {"code": reason}


def failure(account: ChannelAccount, code: str) -> str:
    """Why a provider did not take or deliver a message, and what to do about it."""
    if not code:
        return gettext("Not delivered")
    try:
        return " ".join(str(part) for part in adapters.adapter_of(account).explain(code))
    except adapters.UnknownProvider:
        return str(in_words(code))


def failures(rows: QuerySet[Dispatch]) -> list[tuple[str, int]]:
    """Of these messages those that failed, by why: the commonest first. Two statements."""
    failed = rows.filter(Q(state=Dispatch.State.DEAD) | Q(delivery=Dispatch.Delivery.FAILED))
    counted = list(failed.values_list("account", "error_code").annotate(n=Count("id")).order_by("-n", "error_code"))
    accounts = (
        {row.account_id: row.account for row in failed.select_related("account").distinct("account")} if counted else {}
    )
    found: Counter[str] = Counter()
    for account, code, n in counted:
        found[failure(accounts[account], code)] += n
    return found.most_common()


@dataclass(frozen=True, slots=True)
class OverOne:
    """What went over one channel of a rule."""

    channel: str | Promise
    sent: int
    delivered: int
    read: int
    failed: int


def over_channels(rows: QuerySet[Dispatch], channels: Sequence[str]) -> list[OverOne]:
    """The same messages by channel, in the order in which the channels are tried. One statement."""
    counted = rows.values_list("channel").annotate(
        sent=Count("id", filter=Q(state="done")),
        delivered=Count("id", filter=Q(delivery__in=("delivered", "read"))),
        read=Count("id", filter=Q(delivery="read")),
        failed=Count("id", filter=Q(state="dead") | Q(delivery="failed")),
    )
    found = {name: numbers for name, *numbers in counted.order_by()}
    return [OverOne(Channel(name).label, *found[name]) for name in channels if name in found]


def sent_by(rule: ReminderRule, *, first: date, end: date) -> QuerySet[Dispatch]:
    """The messages of a rule's reminders from the day `first` on and before `end`."""
    reminders = Reminder.objects.of(rule.workspace_id).filter(rule=rule, day__gte=first, day__lt=end)
    return Dispatch.objects.of(rule.workspace_id).filter(source="reminder", source_id__in=reminders.values("id"))


def put_into_words(rules: Iterable[ReminderRule], workspace: Workspace) -> None:
    """Give each rule what it `says`, in the reader's language. Own fields are read once, where a rule looks at one."""
    found = list(rules)
    labels = _labels(workspace) if any(rule.field for rule in found) else {}
    for rule in found:
        rule.says = _in_words(rule, labels)


def says(rule: ReminderRule, workspace: Workspace) -> str:
    """One rule as a sentence."""
    put_into_words([rule], workspace)
    return str(rule.says)


def _labels(workspace: Workspace) -> dict[str, str]:
    """What own fields are called, by the key a rule has for them."""
    words = vocabulary.of(workspace)
    of_people = {field.key: field.label for field in words.fields_on(CustomField.On.CONTACT)}
    of_services = {f"{OF_SERVICE}{field.key}": field.label for field in words.fields_on(CustomField.On.SERVICE)}
    return {**of_people, **of_services}


def _in_words(rule: ReminderRule, labels: Mapping[str, str]) -> str:
    """A rule as a sentence: "7 days before: A service is due (Passport)"."""
    days = abs(rule.days)
    when = {
        0: gettext("On the day"),
        -1: ngettext("%(n)d day before", "%(n)d days before", days) % {"n": days},
        1: ngettext("%(n)d day after", "%(n)d days after", days) % {"n": days},
    }[(rule.days > 0) - (rule.days < 0)]
    what = labels.get(rule.field) or str(ReminderRule.On(rule.on).label)
    return f"{when}: {what}" + (f" ({rule.service.name})" if rule.service is not None else "")


@dataclass(slots=True)
class Report:
    """Counts of messages and people. `replied` counts people who wrote within a week of the message."""

    total: int = 0
    waiting: int = 0
    ordered: int = 0
    sent: int = 0
    delivered: int = 0
    read: int = 0
    failed: int = 0
    replied: int = 0
    confirmed: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def not_sent(self) -> int:
        return self.refused.total()

    @property
    def reasons(self) -> list[tuple[str | Promise, int]]:
        """Where nothing was sent; what a provider turned away is among the failures."""
        counted = ((reason, count) for reason, count in self.refused.most_common() if not _is_of_provider(reason))
        return [(in_words(reason), count) for reason, count in counted]


_SENT = """
SELECT source_id_of, count(*) FILTER (WHERE state = 'done'), count(*) FILTER (WHERE delivery IN ('delivered', 'read')),
    count(*) FILTER (WHERE delivery = 'read'), count(*) FILTER (WHERE state = 'dead' OR delivery = 'failed'),
    count(DISTINCT contact_id) FILTER (WHERE answered)
FROM (
    SELECT reminder.rule_id AS source_id_of, reminder.contact_id, dispatch.state, dispatch.delivery, EXISTS (
        SELECT 1 FROM messaging_message answer WHERE answer.workspace_id = dispatch.workspace_id
        AND answer.contact_id = dispatch.contact_id AND answer.direction = 'in'
        AND answer.happened_at >= dispatch.sent_at AND answer.happened_at < dispatch.sent_at + interval '7 days'
    ) AS answered
    FROM messaging_reminder reminder
    JOIN messaging_dispatch dispatch ON dispatch.workspace_id = reminder.workspace_id AND dispatch.source_id = reminder.id
    WHERE reminder.workspace_id = %(workspace)s AND reminder.rule_id = ANY(%(rules)s)
    AND reminder.day >= %(first)s AND reminder.day < %(end)s
) AS sent GROUP BY 1
"""


def of_rules(rule_ids: Sequence[UUID], *, workspace_id: UUID, first: date, end: date) -> dict[UUID, Report]:
    """What each rule led to from the day `first` on and before `end`. Two statements."""
    found = {rule_id: Report() for rule_id in rule_ids}
    rows = Reminder.objects.of(workspace_id).filter(rule__in=rule_ids, day__gte=first, day__lt=end)
    counted = rows.values("rule_id", "state", "reason").annotate(n=Count("id"), confirmed=Count("confirmed_at"))
    for row in counted.order_by():
        report, state = found[row["rule_id"]], row["state"]
        report.total += row["n"]
        report.waiting += row["n"] if state == Reminder.State.WAITS else 0
        report.ordered += row["n"] if state == Reminder.State.ORDERED else 0
        report.confirmed += row["confirmed"]
        if state in {Reminder.State.REFUSED, Reminder.State.SKIPPED, Reminder.State.FAILED}:
            report.refused[row["reason"]] += row["n"]
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"workspace": workspace_id, "rules": list(rule_ids), "first": first, "end": end}
        cursor.execute(_SENT, values)
        for rule_id, sent, delivered, read, failed, replied in cursor.fetchall():
            report = found[rule_id]
            report.sent, report.delivered, report.read = sent, delivered, read
            report.failed, report.replied = failed, replied
    return found
