"""Pages of reminders: the rules, and one rule with its texts, its report and a test to one's own number."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings as site
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, see_other, sent
from amanat.accounts.once import only_once
from amanat.accounts.permissions import May
from amanat.basis import rules as policies
from amanat.basis import wording
from amanat.core import clock
from amanat.messaging.channels import templates
from amanat.messaging.channels.models import Channel
from amanat.messaging.reminders import carrying, planning, reporting, setting, trying, values
from amanat.messaging.reminders.forms import WEEKDAYS, RuleForm
from amanat.messaging.reminders.models import ReminderRule
from amanat.messaging.reminders.planning import Way

_MONTH = timedelta(days=30)


def overview(request: MemberRequest) -> HttpResponse:
    """All rules with what they did in the last 30 days, and how many wait for approval."""
    here, today = request.workspace.pk, _today(request)
    rules = list(ReminderRule.objects.of(here).filter(ended_at__isnull=True).select_related("service").order_by("name"))
    reports = reporting.of_rules(
        [rule.pk for rule in rules], workspace_id=here, first=today - _MONTH, end=today + timedelta(days=1)
    )
    reporting.put_into_words(rules, request.workspace)
    context = {
        "rules": [{"row": rule, "says": rule.says, "report": reports[rule.pk]} for rule in rules],
        "waiting": carrying.waiting(here, on=today).count(),
        "today": today,
        "may_manage": request.member.may(May.MANAGE_REMINDERS),
    }
    return render(request, "messaging/reminders.html", context)


def rule(request: MemberRequest, rule_id: UUID) -> HttpResponse:
    """One rule: what it says, its texts, its report, and whom it would write to today."""
    found, today = _rule(request, rule_id), _today(request)
    report = reporting.of_rules(
        [found.pk], workspace_id=found.workspace_id, first=today - _MONTH, end=today + timedelta(days=1)
    )[found.pk]
    messages_of = reporting.sent_by(found, first=today - _MONTH, end=today + timedelta(days=1))
    reporting.put_into_words([found], request.workspace)
    names = dict(site.LANGUAGES)
    policy = policies.of(found.workspace_id).policy
    context = {
        "rule": found,
        "says": found.says,
        "report": report,
        "failures": reporting.failures(messages_of),
        "over": reporting.over_channels(messages_of, found.channels) if len(found.channels) > 1 else [],
        "purpose": wording.purpose(policy, found.purpose, _language()) if found.purpose in policy.purposes else "",
        "steps": [_step(way, names, request.workspace.language) for way in planning.ways(found)],
        "quiet_days": [label for number, label in WEEKDAYS if number in found.quiet_days],
        "may_manage": request.member.may(May.MANAGE_REMINDERS),
        "tried": trying.latest(found, request.member),
        "today": today,
    }
    return render(request, "messaging/reminder_rule.html", context)


def _step(way: Way, names: Mapping[str, str], language: str) -> dict[str, Any]:
    """A channel of a rule and its text in the workspace's language, as it would read."""
    text = planning.text_for(way.texts, language)
    return {
        "number": way.step,
        "channel": Channel(way.channel).label,
        "account": way.account,
        "title": way.title,
        "languages": [names.get(one, one) for one in sorted(way.texts)],
        "text": text,
        "words": templates.filled(text, [values.ALL[name].example for name in text.variables]) if text else "",
    }


@only_once
def rule_new(request: MemberRequest) -> HttpResponse:
    form = RuleForm(sent(request), workspace=request.workspace)
    if form.is_valid():
        made = setting.make(by=request.member, at=clock.now(), values=form.values())
        messages.success(request, _("The rule is made and paused. Look at whom it would write to, then let it begin."))
        return see_other(reverse("messaging:reminder_rule", args=[made.pk]))
    return render(request, "messaging/reminder_edit.html", {"form": form}, status=422 if form.errors else 200)


def rule_edit(request: MemberRequest, rule_id: UUID) -> HttpResponse:
    found = _rule(request, rule_id)
    form = RuleForm(sent(request), workspace=request.workspace, rule=found)
    if form.is_valid():
        setting.change(rule=found, by=request.member, at=clock.now(), values=form.values())
        messages.success(request, _("Saved."))
        return see_other(reverse("messaging:reminder_rule", args=[found.pk]))
    context = {"form": form, "rule": found}
    return render(request, "messaging/reminder_edit.html", context, status=422 if form.errors else 200)


def rule_pause(request: MemberRequest, rule_id: UUID) -> HttpResponse:
    count = setting.pause(rule=_rule(request, rule_id), by=request.member, at=clock.now())
    words = ngettext("Paused. %(n)d message that waited is not sent.", "Paused. %(n)d messages that waited are not sent.", count)  # fmt: skip
    messages.success(request, words % {"n": count})
    return see_other(reverse("messaging:reminder_rule", args=[rule_id]))


def rule_resume(request: MemberRequest, rule_id: UUID) -> HttpResponse:
    setting.resume(rule=_rule(request, rule_id), by=request.member, at=clock.now(), today=_today(request))
    messages.success(request, _("The rule works from today on."))
    return see_other(reverse("messaging:reminder_rule", args=[rule_id]))


def rule_end(request: MemberRequest, rule_id: UUID) -> HttpResponse:
    setting.end(rule=_rule(request, rule_id), by=request.member, at=clock.now())
    messages.success(request, _("The rule is over."))
    return see_other(reverse("messaging:reminders"))


def rule_try(request: MemberRequest, rule_id: UUID) -> HttpResponse:
    """Send the text of one of the rule's channels to the member's own number or address, filled with examples."""
    step = request.POST.get("step", "")
    try:
        trying.to_myself(
            rule=_rule(request, rule_id), by=request.member, at=clock.now(), step=int(step) if step.isdecimal() else 0
        )
        messages.success(request, _("On its way to you. This page shows what becomes of it."))
    except trying.TryRefused as refused:
        messages.error(request, str(refused))
        if refused.where:
            return see_other(reverse(refused.where))
    return see_other(reverse("messaging:reminder_rule", args=[rule_id]))


def _rule(request: MemberRequest, rule_id: UUID) -> ReminderRule:
    rows = ReminderRule.objects.of(request.workspace).filter(ended_at__isnull=True).select_related("service")
    return get_object_or_404(rows, pk=rule_id)


def _today(request: MemberRequest) -> date:
    return clock.today(request.workspace.time_zone)


def _language() -> str:
    return (get_language() or "en").split("-")[0]
