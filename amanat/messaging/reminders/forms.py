"""The form of a rule."""

from __future__ import annotations

from datetime import time
from hashlib import sha256
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from amanat.accounts.models import Workspace
from amanat.basis import hours, rules, wording
from amanat.desk.models import Service
from amanat.messaging.channels.models import Channel, MessageTemplate, TemplateText
from amanat.messaging.reminders import dates, reporting, values
from amanat.messaging.reminders.models import ReminderRule
from amanat.people import vocabulary
from amanat.people.models import CustomField

_On = ReminderRule.On
BEFORE, AFTER = "before", "after"
WEEKDAYS = [
    (0, gettext_lazy("Monday")),
    (1, gettext_lazy("Tuesday")),
    (2, gettext_lazy("Wednesday")),
    (3, gettext_lazy("Thursday")),
    (4, gettext_lazy("Friday")),
    (5, gettext_lazy("Saturday")),
    (6, gettext_lazy("Sunday")),
]
#: What a reminder is for, as the policy says it.
_USUAL = "dpv:CommunicationForCustomerCare"
#: How many channels a rule tries one after the other.
STEPS = 3


class RuleForm(forms.Form):
    """A rule as a person says it: how many days before or after which date, over which channels with which text."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    on = forms.ChoiceField(label=gettext_lazy("The date"), choices=_On.choices)
    field = forms.ChoiceField(
        label=gettext_lazy("Own field"), required=False, help_text=gettext_lazy("For a date of an own field.")
    )
    service = forms.ChoiceField(label=gettext_lazy("Service"), required=False)
    days = forms.IntegerField(label=gettext_lazy("Days"), min_value=0, max_value=400, initial=7)
    side = forms.ChoiceField(
        label=gettext_lazy("Before or after"),
        choices=[(BEFORE, gettext_lazy("before the date")), (AFTER, gettext_lazy("after the date"))],
    )
    at = forms.TimeField(
        label=gettext_lazy("Hour"),
        initial=time(10),
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=gettext_lazy("By the clock of the person."),
    )
    fallback_hours = forms.IntegerField(
        label=gettext_lazy("Wait hours for delivery"),
        min_value=1,
        max_value=72,
        initial=6,
        help_text=gettext_lazy("Then the next channel is tried, still on the same day."),
    )
    most_a_day = forms.IntegerField(
        label=gettext_lazy("Most messages a day to one person"), min_value=1, max_value=10, initial=2
    )
    moves_over = forms.BooleanField(
        label=gettext_lazy("What is over goes out on the next day"), required=False, initial=True
    )
    quiet_days = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Never on"),
        choices=WEEKDAYS,
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    purpose = forms.ChoiceField(
        label=gettext_lazy("Purpose"), help_text=gettext_lazy("Only who agreed to this purpose is written to.")
    )
    needs_approval = forms.BooleanField(
        label=gettext_lazy("Somebody approves before anything is sent"), required=False, initial=True
    )

    def __init__(self, *args: Any, workspace: Workspace, rule: ReminderRule | None = None, **options: Any) -> None:
        if rule is not None:
            options.setdefault("initial", _initial(rule))
        super().__init__(*args, **options)
        self.workspace, self.rule = workspace, rule
        self.now_seen = _fingerprint(rule) if rule is not None else ""
        services = Service.objects.of(workspace).filter(is_active=True).order_by("position", "name")
        self.services = {str(service.pk): service for service in services}
        self._choices("service", [("", _("Every service")), *((key, one.name) for key, one in self.services.items())])
        self._choices("field", [("", "—"), *_dates(workspace)])
        policy = self.policy = rules.of(workspace.pk).policy
        self.purposes = {name: purpose.per for name, purpose in policy.purposes.items() if purpose.per}
        language = (get_language() or "en").split("-")[0]
        self._choices("purpose", [(name, wording.purpose(policy, name, language)) for name in self.purposes])
        usual = (name for name, each in policy.purposes.items() if each.per and each.term == _USUAL)
        self.fields["purpose"].initial = next(usual, None)
        texts = MessageTemplate.objects.of(workspace).filter(ended_at__isnull=True).order_by("channel", "title")
        self.templates = {str(template.pk): template for template in texts}
        words = [
            (key, f"{Channel(template.channel).label}: {template.title}") for key, template in self.templates.items()
        ]
        for step in range(1, STEPS + 1):
            label = _("Text") if step == 1 else _("If that does not arrive")
            self.fields[f"template_{step}"] = forms.ChoiceField(
                label=label, choices=[("", "—"), *words], required=step == 1
            )

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.rule is not None and self.data.get("seen", self.now_seen) != self.now_seen:
            now = f"{self.rule.name}, {reporting.says(self.rule, self.workspace)}"
            self.add_error(
                None,
                _("Somebody else changed this rule meanwhile: %(now)s. Save again to put yours in its place.")
                % {"now": now},
            )
        if data.get("on") == _On.FIELD and not data.get("field"):
            self.add_error("field", _("Choose the field that holds the date."))
        if len(data.get("quiet_days") or []) == len(WEEKDAYS):
            self.add_error("quiet_days", _("One day must be left."))
        chosen = [data.get(f"template_{step}") for step in range(1, STEPS + 1)]
        data["chosen"] = [self.templates[key] for key in chosen if key]
        if _is_of_person(data):
            of_service = self._of_service([template.pk for template in data["chosen"]])
            for step, key in enumerate(chosen, start=1):
                if key in of_service:
                    self.add_error(
                        f"template_{step}", _("This text speaks of a service, and this date belongs to a person.")
                    )
        allowed = self.purposes.get(data.get("purpose", ""), ())
        for step, key in enumerate(chosen, start=1):
            channel = self.templates[key].channel if key else ""
            if channel and channel not in allowed:
                self.add_error(f"template_{step}", _("The policy does not let this purpose use this channel."))
            if channel in allowed and (closes := self._closes(data, channel)):
                self.add_error(
                    "at",
                    _(
                        "Over %(channel)s nobody may be written to for this purpose from %(hour)s on: choose an earlier hour."
                    )
                    % {"channel": Channel(channel).label, "hour": closes},
                )
            if key and data.get("purpose") and self.templates[key].purpose != data["purpose"]:
                self.add_error(f"template_{step}", _("This text is for another purpose than the rule."))
        if len({template.channel for template in data["chosen"]}) < len(data["chosen"]):
            self.add_error("template_2", _("Each channel only once."))
        return data

    def _closes(self, data: dict[str, Any], channel: str) -> str:
        """The hour at which people may be written to no more, where the rule's is not before it."""
        window = hours.window(self.policy, data["purpose"], channel)
        at = data.get("at")
        return f"{window.closes:%H:%M}" if window is not None and at is not None and at >= window.closes else ""

    def _of_service(self, template_ids: list[UUID]) -> set[str]:
        """The templates with a word that only a service has."""
        of_service = [name for name, value in values.ALL.items() if value.is_of_service]
        texts = TemplateText.objects.of(self.workspace).filter(template__in=template_ids, variables__overlap=of_service)
        return {str(one) for one in texts.values_list("template_id", flat=True)}

    def values(self) -> dict[str, Any]:
        """The row's columns, of a form that is valid."""
        data = self.cleaned_data
        return {
            "name": data["name"],
            "on": data["on"],
            "field": data["field"] if data["on"] == _On.FIELD else "",
            "service": self.services.get(data["service"]) if data["on"] != _On.BIRTHDAY else None,
            "days": -data["days"] if data["side"] == BEFORE else data["days"],
            "at": data["at"],
            "channels": [template.channel for template in data["chosen"]],
            "templates": [template.pk for template in data["chosen"]],
            "fallback_hours": data["fallback_hours"],
            "most_a_day": data["most_a_day"],
            "moves_over": data["moves_over"],
            "quiet_days": sorted(data["quiet_days"]),
            "purpose": data["purpose"],
            "needs_approval": data["needs_approval"],
        }


def _is_of_person(data: dict[str, Any]) -> bool:
    is_own = data.get("on") == _On.FIELD and not str(data.get("field", "")).startswith(dates.OF_SERVICE)
    return data.get("on") == _On.BIRTHDAY or is_own


def _initial(rule: ReminderRule) -> dict[str, Any]:
    found: dict[str, Any] = {
        name: getattr(rule, name)
        for name in (
            "name", "on", "field", "at", "fallback_hours", "most_a_day", "moves_over", "quiet_days", "purpose", "needs_approval",
        )
    }  # fmt: skip
    found |= {
        "days": abs(rule.days),
        "side": BEFORE if rule.days <= 0 else AFTER,
        "service": str(rule.service_id or ""),
    }
    return found | {f"template_{step}": str(one) for step, one in enumerate(rule.templates, start=1)}


def _fingerprint(rule: ReminderRule) -> str:
    """What a rule is at this moment, by which it is noticed that it was changed since its form was opened."""
    return sha256(repr(sorted(_initial(rule).items())).encode()).hexdigest()


def _dates(workspace: Workspace) -> list[tuple[str, str]]:
    words = vocabulary.of(workspace)
    fields = [("", field) for field in words.fields_on(CustomField.On.CONTACT)]
    fields += [(dates.OF_SERVICE, field) for field in words.fields_on(CustomField.On.SERVICE)]
    return [(f"{prefix}{field.key}", field.label) for prefix, field in fields if field.kind == CustomField.Kind.DATE]
