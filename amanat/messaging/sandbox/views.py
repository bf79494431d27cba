"""The other phone: what the sandbox took from this workspace's number, and answers as the person who got it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.accounts.access import MemberRequest, see_other, sent
from amanat.core import filetypes, phones
from amanat.core.files import FileRefused
from amanat.core.phones import PhoneInvalid
from amanat.messaging.channels import accounts, sandboxes, templates
from amanat.messaging.channels.models import Channel, ChannelAccount, TemplateText
from amanat.messaging.inbox import reacting
from amanat.messaging.sandbox import mailbox_page, samples, texts_page
from amanat.messaging.sandbox.asking import SandboxOff, order

_MOST_FILE = 5 * filetypes.MEGABYTE


@dataclass(frozen=True, slots=True)
class Press:
    """A button or a line of a list that the person may press. `kind` is how her answer arrives."""

    kind: str  #: button, button_reply, list_reply
    id: str
    title: str
    description: str = ""  #: of a line of a list

    def answer(self) -> dict[str, Any]:
        if self.kind == "button":
            return {"type": "button", "button": {"payload": self.id, "text": self.title}}
        told = {"description": self.description} if self.description else {}
        reply = {"id": self.id, "title": self.title, **told}
        return {"type": "interactive", "interactive": {"type": self.kind, self.kind: reply}}


class PressForm(forms.Form):
    """Which button was pressed, below which message."""

    kind = forms.ChoiceField(choices=[(one, one) for one in ("button", "button_reply", "list_reply")])
    choice = forms.CharField(max_length=256)
    title = forms.CharField(max_length=256)
    description = forms.CharField(max_length=256, required=False)
    answers = forms.CharField(max_length=200)


class SayForm(forms.Form):
    """What the person says, and from which number."""

    sender = forms.CharField(label=gettext_lazy("From the number"), max_length=40)
    name = forms.CharField(label=gettext_lazy("Name there"), max_length=80, required=False)
    text = forms.CharField(label=gettext_lazy("Message"), max_length=2_000, required=False)
    file = forms.FileField(label=gettext_lazy("A file of yours"), required=False, allow_empty_file=True)

    def clean_sender(self) -> str:
        try:
            return phones.parse_or_raise(self.cleaned_data["sender"])
        except PhoneInvalid as problem:
            raise ValidationError(problem.reason) from None

    def clean(self) -> dict[str, Any]:
        """The file is made ready as what is sent."""
        given: dict[str, Any] = super().clean() or {}
        attached = given.get("file")
        if attached is not None and attached.size > _MOST_FILE:
            raise ValidationError({"file": _("The file is too large.")})
        try:
            given["sending"] = samples.file(attached.read(), attached.name, given.get("text", "")) if attached else None
        except FileRefused as refused:
            raise ValidationError({"file": str(refused)}) from None
        return given


class ReactForm(forms.Form):
    """Which emoji is put on which message; none takes it away."""

    emoji = forms.ChoiceField(choices=[("", ""), *((emoji, emoji) for emoji in reacting.EMOJIS)], required=False)
    id = forms.CharField(max_length=200)


def phone(request: MemberRequest, account_id: UUID) -> HttpResponse:
    """GET shows both sides; POST says something as the person, or stops and resumes offers."""
    account = get_object_or_404(
        ChannelAccount.objects.of(request.workspace),
        pk=account_id,
        is_sandbox=True,
    )
    if not sandboxes.has_other_side(account):
        raise Http404
    if account.channel == Channel.EMAIL:
        return mailbox_page.mailbox(request, account)
    if account.channel == Channel.SMS:
        return texts_page.texts(request, account)
    given = {"sender": request.GET.get("from", ""), "name": request.GET.get("name", "")}
    form = SayForm(sent(request), request.FILES if request.method == "POST" else None, initial=given)
    try:
        if request.method == "POST" and form.is_valid():
            _act(account, form, request.POST)
            if not _leaves_words(form, request.POST.get("act", "say")):
                here = reverse("messaging:phone", args=[account.pk])
                return see_other(f"{here}?from={form.cleaned_data['sender'][1:]}")
        said = _ask(account, "phone", {})
        _read_out(said["sent"], account)
    except SandboxOff:
        context = {"account": account, "is_off": True}
        return render(request, "messaging/phone.html", context, status=409 if request.method == "POST" else 200)
    context = {"account": account, "form": form, "people": _people(said), "palette": reacting.palette()}
    return render(request, "messaging/phone.html", context, status=422 if form.errors else 200)


def _read_out(sent_ones: list[dict[str, Any]], account: ChannelAccount) -> None:
    """Put the words of our templates in the place of their names: the sandbox may never have seen them."""
    asked = [one["message"]["template"] for one in sent_ones if one["message"]["type"] == "template"]
    texts = TemplateText.objects.of(account.workspace_id).filter(template__name__in={one["name"] for one in asked})
    known = {(text.template.name, text.language): text for text in texts.select_related("template")}
    for one in asked:
        text = known.get((one["name"], one["language"]["code"]))
        if text is not None:
            with suppress(IndexError):
                one["words"] = templates.filled(text, _values(one))
            one["presses"] = _presses_of(text, one)


def _values(template: dict[str, Any]) -> list[str]:
    found = [one["parameters"] for one in template.get("components", []) if one["type"] == "body"]
    return [str(parameter.get("text", "")) for parameters in found for parameter in parameters]


def _presses_of(text: TemplateText, template: dict[str, Any]) -> list[Press]:
    """The buttons of a template that answer; what was not given another id answers with its own words."""
    ids = {
        str(one.get("index")): str(one["parameters"][0].get("payload", ""))
        for one in template.get("components", [])
        if one["type"] == "button" and one.get("sub_type") == "quick_reply"
    }
    return [
        Press("button", ids.get(str(place)) or str(button["text"]), str(button["text"]))
        for place, button in enumerate(text.buttons)
        if button["type"] not in {"url", "phone"}
    ]


def _act(account: ChannelAccount, form: SayForm, posted: Any) -> None:
    sender, act = form.cleaned_data["sender"].lstrip("+"), posted.get("act", "say")
    if act in {"stop", "resume"}:
        _ask(account, "prefer", {"from": sender, "value": act})
    elif act in {"off", "on"}:
        _ask(account, "power", {"from": sender, "off": act == "off"})
    elif act == "press":
        _press(account, sender, PressForm(posted))
    elif act == "react":
        _react(account, sender, ReactForm(posted))
    elif act in samples.SAMPLES:
        _say(account, form, samples.SAMPLES[act](form.cleaned_data["text"]))
    elif act == "read":
        for one in _ask(account, "phone", {})["sent"]:
            if one["to"] == sender and one["message"]["type"] != "reaction":
                _ask(account, "report", {"id": one["id"], "status": "read"})
    elif form.cleaned_data["sending"]:
        _say(account, form, form.cleaned_data["sending"])
    elif form.cleaned_data["text"]:
        answers = {"answers": posted["answers"]} if posted.get("answers") else {}
        _say(account, form, {"text": form.cleaned_data["text"], **answers})


def _leaves_words(form: SayForm, act: str) -> bool:
    """Whether something was typed that did not go along: it stays in its field, and in no address."""
    return bool(form.cleaned_data["text"]) and act != "say" and act not in samples.WITH_WORDS


def _say(account: ChannelAccount, form: SayForm, said: dict[str, Any]) -> None:
    sender, name = form.cleaned_data["sender"].lstrip("+"), form.cleaned_data["name"]
    _ask(account, "say", {"from": sender, "name": name, **said})


def _react(account: ChannelAccount, sender: str, form: ReactForm) -> None:
    if form.is_valid():
        _ask(account, "say", {"from": sender, **samples.reaction(form.cleaned_data["id"], form.cleaned_data["emoji"])})


def _press(account: ChannelAccount, sender: str, form: PressForm) -> None:
    if form.is_valid():
        given = form.cleaned_data
        pressed = Press(given["kind"], given["choice"], given["title"], given["description"])
        _ask(account, "say", {"from": sender, "answers": given["answers"], **pressed.answer()})


def _ask(account: ChannelAccount, act: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Order something for this number. Raises SandboxOff."""
    access = accounts.access(account)
    return order(f"{act}/{access.settings['phone_number_id']}", access.secrets["token"], wanted)


def _people(said: dict[str, Any]) -> list[dict[str, Any]]:
    """Both sides for each person, who was last heard of first."""
    lines = [_line(one, one["to"], is_ours=True) for one in said["sent"]]
    lines += [_line(one, one["from"], is_ours=False) for one in said["said"]]
    found, off = texts_page.by_person(_with_reactions(lines)), {f"+{person}" for person in said.get("off", ())}
    silent = sorted(off - {one["number"] for one in found})
    return [
        {**one, "is_off": one["number"] in off} for one in [*found, *({"number": one, "lines": []} for one in silent)]
    ]


def _with_reactions(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each emoji stands on the message it was put on, of each side the newest; one on a message that is not shown is a line."""
    by_id, rest = {line["id"]: line for line in lines}, []
    for line in sorted(lines, key=lambda line: line["at"]):
        on = by_id.get(line["reacts_to"])
        if on is None:
            rest.append(line)
        else:
            on["reactions"][line["is_ours"]] = line["text"]
    return rest


def _line(one: dict[str, Any], number: str, *, is_ours: bool) -> dict[str, Any]:
    message = one["message"]
    text, buttons = _words(message)
    opens = message.get("interactive", {}).get("action", {}).get("button", "")
    return {
        "id": one["id"],
        "number": number,
        "at": datetime.fromtimestamp(one["at"], UTC),
        "is_ours": is_ours,
        "text": text,
        "buttons": buttons,
        "opens": opens,
        "reacts_to": message["reaction"].get("message_id") if message["type"] == "reaction" else None,
        "reactions": {},
    }


def _words(message: dict[str, Any]) -> tuple[str, list[Press]]:
    """What the phone would show of a message, and the buttons below it."""
    kind = message["type"]
    content = message.get(kind, {})
    if kind == "text":
        return str(content["body"]), []
    if kind == "template":
        return _template(content), list(content.get("presses", []))
    if kind == "interactive":
        return _interactive(content)
    if kind in _SHOWN:
        return _SHOWN[kind](content), []
    named = {"image": _("A picture"), "document": _("A document")}.get(kind, kind)
    return " · ".join(filter(None, [named, content.get("filename", ""), content.get("caption", "")])), []


def _place(place: dict[str, Any]) -> str:
    named = [str(place[name]) for name in ("name", "address") if place.get(name)]
    return "\n".join([*named, f"{place['latitude']}, {place['longitude']}"])


_SHOWN: dict[str, Callable[[Any], str]] = {
    "contacts": lambda cards: ", ".join(str(one.get("name", {}).get("formatted_name", "")) for one in cards),
    "location": _place,
    "button": lambda button: str(button["text"]),
    "reaction": lambda reaction: str(reaction.get("emoji", "")),
}


def _template(content: dict[str, Any]) -> str:
    if content.get("words"):
        return str(content["words"])
    shown = _("Template %(name)s (%(language)s)") % {"name": content["name"], "language": content["language"]["code"]}
    return "\n".join([shown, *_values(content)])


def _interactive(content: dict[str, Any]) -> tuple[str, list[Press]]:
    """Choices that we offer, or the one that the person pressed."""
    action = content.get("action")
    if action is None:
        return str(content[content["type"]]["title"]), []
    replies = [button["reply"] for button in action.get("buttons", [])]
    rows = [row for section in action.get("sections", []) for row in section["rows"]]
    presses = [Press("button_reply", str(one["id"]), str(one["title"])) for one in replies]
    presses += [Press("list_reply", str(one["id"]), str(one["title"]), one.get("description", "")) for one in rows]
    return str(content["body"]["text"]), presses
