"""The other phone: what the sandbox took from this workspace's number, and answers as the person who got it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.accounts.access import MemberRequest, see_other, sent
from amanat.core import outgoing, phones
from amanat.core.outgoing import Refused, Unreachable
from amanat.core.phones import PhoneInvalid
from amanat.messaging.channels import accounts, whatsapp
from amanat.messaging.channels.models import Channel, ChannelAccount

_MOST = 60


class SandboxOff(Exception):
    """Nobody answers where the sandbox should be, or it lost its record of this number."""


class SayForm(forms.Form):
    """What the person says, and from which number."""

    sender = forms.CharField(label=gettext_lazy("From the number"), max_length=40)
    name = forms.CharField(label=gettext_lazy("Name there"), max_length=80, required=False)
    text = forms.CharField(label=gettext_lazy("Message"), max_length=2_000, required=False)

    def clean_sender(self) -> str:
        try:
            return phones.parse_or_raise(self.cleaned_data["sender"])
        except PhoneInvalid as problem:
            raise ValidationError(problem.reason) from None


def phone(request: MemberRequest, account_id: UUID) -> HttpResponse:
    """GET shows both sides; POST says something as the person, or stops and resumes offers."""
    account = get_object_or_404(
        ChannelAccount.objects.of(request.workspace),
        pk=account_id,
        is_sandbox=True,
        channel=Channel.WHATSAPP,
    )
    form = SayForm(sent(request), initial={"sender": request.GET.get("from", ""), "name": request.GET.get("name", "")})
    try:
        if request.method == "POST" and form.is_valid():
            _act(account, form, request.POST)
            return see_other(f"{reverse('messaging:phone', args=[account.pk])}?from={form.cleaned_data['sender'][1:]}")
        said = _ask(account, "phone", {})
    except SandboxOff:
        context = {"account": account, "is_off": True}
        return render(request, "messaging/phone.html", context, status=409 if request.method == "POST" else 200)
    context = {"account": account, "form": form, "people": _people(said)}
    return render(request, "messaging/phone.html", context, status=422 if form.errors else 200)


def _act(account: ChannelAccount, form: SayForm, posted: Any) -> None:
    sender, act = form.cleaned_data["sender"].lstrip("+"), posted.get("act", "say")
    if act in {"stop", "resume"}:
        _ask(account, "prefer", {"from": sender, "value": act})
    elif act == "read":
        _ask(account, "report", {"id": posted.get("id", ""), "status": "read"})
    elif form.cleaned_data["text"]:
        wanted = {"from": sender, "text": form.cleaned_data["text"], "name": form.cleaned_data["name"]}
        _ask(account, "say", {**wanted, **({"answers": posted["answers"]} if posted.get("answers") else {})})


def _ask(account: ChannelAccount, act: str, wanted: dict[str, str]) -> dict[str, Any]:
    """Order something for this number. Raises SandboxOff."""
    access = accounts.access(account)
    try:
        answer = outgoing.send(
            "POST",
            f"{whatsapp.base_url(access)}/control/{act}/{access.settings['phone_number_id']}",
            recipient=whatsapp.SANDBOX_RECIPIENT,
            headers={"authorization": f"Bearer {access.secrets['token']}"},
            json=wanted,
            timeout=3.0,
        )
        if not answer.is_success:
            raise SandboxOff
        found: dict[str, Any] = answer.json()
    except (Unreachable, Refused, ValueError):
        raise SandboxOff from None
    return found


def _people(said: dict[str, Any]) -> list[dict[str, Any]]:
    """Both sides for each person, who was last heard of first."""
    lines = [_line(one, one["to"], is_ours=True) for one in said["sent"]]
    lines += [_line(one, one["from"], is_ours=False) for one in said["said"]]
    by_number: dict[str, list[dict[str, Any]]] = {}
    for line in sorted(lines, key=lambda line: line["at"])[-_MOST:]:
        by_number.setdefault(f"+{line['number']}", []).append(line)
    found = [{"number": number, "lines": theirs, "last": theirs[-1]["at"]} for number, theirs in by_number.items()]
    return sorted(found, key=lambda one: one["last"], reverse=True)


def _line(one: dict[str, Any], number: str, *, is_ours: bool) -> dict[str, Any]:
    message = one["message"]
    text, buttons = _words(message)
    return {
        "id": one["id"],
        "number": number,
        "at": datetime.fromtimestamp(one["at"], UTC),
        "is_ours": is_ours,
        "text": text,
        "buttons": buttons,
    }


def _words(message: dict[str, Any]) -> tuple[str, list[str]]:
    """What the phone would show of a message, and the buttons below it."""
    kind = message["type"]
    content = message.get(kind, {})
    if kind == "text":
        return str(content["body"]), []
    if kind == "template":
        values = [
            parameter.get("text", "")
            for component in content.get("components", [])
            if component["type"] == "body"
            for parameter in component["parameters"]
        ]
        shown = _("Template %(name)s (%(language)s)") % {
            "name": content["name"],
            "language": content["language"]["code"],
        }
        return "\n".join([shown, *values]), []
    if kind == "interactive":
        action = content["action"]
        titles = [button["reply"]["title"] for button in action.get("buttons", [])]
        titles += [row["title"] for section in action.get("sections", []) for row in section["rows"]]
        return str(content["body"]["text"]), titles
    if kind == "reaction":
        return str(content.get("emoji", "")), []
    return " · ".join(filter(None, [kind, content.get("filename", ""), content.get("caption", "")])), []
