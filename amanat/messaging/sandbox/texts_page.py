"""The other phone of a header: the texts that the sandbox took from it, and answers to its long code as the person who got them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.accounts.access import MemberRequest, see_other, sent
from amanat.core import phones
from amanat.core.outgoing import Refused, Unreachable
from amanat.core.phones import PhoneInvalid
from amanat.messaging.channels import accounts, sandboxes
from amanat.messaging.channels.models import Channel, ChannelAccount, TemplateText
from amanat.messaging.sandbox.asking import SandboxOff, order

_MOST = 60
#: Answers that act by themselves, a press each.
QUICK = ("STOP", "START", "1")
_REGISTER = frozenset({"end", "stand"})


class SmsForm(forms.Form):
    """What the person answers, and from which number."""

    sender = forms.CharField(label=gettext_lazy("From the number"), max_length=40)
    text = forms.CharField(label=gettext_lazy("Message"), max_length=1_530, required=False)

    def clean_sender(self) -> str:
        try:
            return phones.parse_or_raise(self.cleaned_data["sender"])
        except PhoneInvalid as problem:
            raise ValidationError(problem.reason) from None

    def clean(self) -> dict[str, Any]:
        """`said` is what is sent: a press, or what was typed."""
        given: dict[str, Any] = super().clean() or {}
        act = self.data.get("act", "")
        given["said"] = act if act in QUICK else given.get("text", "")
        if not self.errors and not given["said"]:
            self.add_error("text", _("Write something first."))
        return given


def texts(request: MemberRequest, account: ChannelAccount) -> HttpResponse:
    """GET shows both sides; POST answers as the person, or ends a text of the register and lets it stand again."""
    form = SmsForm(sent(request), initial={"sender": request.GET.get("from", "")[:40]})
    context: dict[str, Any] = {"account": account, "is_header": True, "form": form, "quick": QUICK}
    is_lost = False
    try:
        access = accounts.access(account)
        sandboxes.introduce_header(access)
        key, act = access.secrets["key"], request.POST.get("act", "")
        if act in _REGISTER:
            order("sms/register", key, {"template": request.POST.get("text", "")[:64], "is_ended": act == "end"})
            return see_other(reverse("messaging:phone", args=[account.pk]))
        if request.method == "POST" and form.is_valid():
            sender = form.cleaned_data["sender"][1:]
            order("sms/say", key, {"sender": sender, "text": form.cleaned_data["said"]})
            if form.cleaned_data["said"] == form.cleaned_data["text"] or not form.cleaned_data["text"]:
                return see_other(f"{reverse('messaging:phone', args=[account.pk])}?from={sender}")
        found = order("sms/phone", key, {})
        lines = [_line(one, one["provider_id"], one["to"], is_ours=True) for one in found["sent"]]
        lines += [_line(one, one["id"], one["sender"], is_ours=False) for one in found["said"]]
        context["people"] = by_person(lines)
        context["register"] = _register(account, found.get("ended", ()))
    except (SandboxOff, Unreachable, Refused):
        context["is_off"] = True
        is_lost = request.method == "POST"
    return render(request, "messaging/phone.html", context, status=409 if is_lost else 422 if form.errors else 200)


def _line(one: dict[str, Any], key: str, number: str, *, is_ours: bool) -> dict[str, Any]:
    at = datetime.fromtimestamp(one["at"], UTC)
    return {"id": key, "number": number, "text": one["text"], "buttons": [], "is_ours": is_ours, "at": at}


def by_person(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The newest lines, for each number; who was last heard of first."""
    by_number: dict[str, list[dict[str, Any]]] = {}
    for line in sorted(lines, key=lambda line: line["at"])[-_MOST:]:
        by_number.setdefault(f"+{line['number']}", []).append(line)
    found = [{"number": number, "lines": theirs, "last": theirs[-1]["at"]} for number, theirs in by_number.items()]
    return sorted(found, key=lambda one: one["last"], reverse=True)


def _register(account: ChannelAccount, ended: Collection[str]) -> list[dict[str, Any]]:
    """The texts of the register of this sandbox: those of the workspace that have an id there."""
    rows = TemplateText.objects.of(account.workspace_id).filter(template__channel=Channel.SMS, template__ended_at=None)
    rows = rows.exclude(provider_id="").select_related("template").order_by("template__title", "language")
    names = dict(settings.LANGUAGES)
    return [
        {"text": row, "language": names.get(row.language, row.language), "is_ended": row.provider_id in ended}
        for row in rows[:_MOST]
    ]
