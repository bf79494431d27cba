"""The other mailbox: the mails the sandbox took from this workspace's address, and answers as the person who got them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.accounts.access import MemberRequest, see_other, sent
from amanat.core import filetypes, jobs
from amanat.core.filetypes import FileRefused
from amanat.core.outgoing import Refused, Unreachable
from amanat.messaging.channels import accounts, mail_tasks, sandboxes
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.sandbox.asking import SandboxOff, order

_MOST_FILE = 5 * filetypes.MEGABYTE
_MOST = 60


class MailForm(forms.Form):
    """What the person writes, from which address, and which mail it answers."""

    sender = forms.EmailField(label=gettext_lazy("From the address"), max_length=254)
    name = forms.CharField(label=gettext_lazy("Name there"), max_length=80, required=False)
    subject = forms.CharField(label=gettext_lazy("Subject"), max_length=200, required=False)
    text = forms.CharField(
        label=gettext_lazy("Message"), max_length=20_000, required=False, widget=forms.Textarea(attrs={"rows": 4})
    )
    file = forms.FileField(label=gettext_lazy("A file of yours"), required=False, allow_empty_file=True)
    answers = forms.CharField(max_length=300, required=False, widget=forms.HiddenInput())

    def clean_file(self) -> Any:
        attached = self.cleaned_data.get("file")
        if attached is not None and attached.size > _MOST_FILE:
            raise ValidationError(_("The file is too large."))
        return attached

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if not self.errors and not given.get("text") and not given.get("file"):
            self.add_error("text", _("Write something first."))
        return given


def mailbox(request: MemberRequest, account: ChannelAccount) -> HttpResponse:
    """GET shows both sides; POST writes as the person, or has one of our mails come back or wait."""
    access = accounts.access(account)
    given = {name: request.GET.get(key, "")[:300] for name, key in _GIVEN.items()}
    form = MailForm(sent(request), request.FILES if request.method == "POST" else None, initial=given)
    context: dict[str, Any] = {"account": account, "form": form}
    try:
        sandboxes.introduce_mailbox(access)
        key = access.secrets["smtp_password"]
        act = request.POST.get("act", "")
        if act in _REPORTS:
            order(f"mail/{act}", key, {"id": request.POST.get("id", "")[:300]})
        elif request.method == "POST" and form.is_valid():
            order("mail/say", key, _letter(form.cleaned_data))
        if request.method == "POST" and not (form.is_bound and form.errors and act not in _REPORTS):
            # It is looked into every minute; who tries it out need not wait so long.
            jobs.enqueue(mail_tasks.FETCH, workspace=account.workspace_id, account=str(account.pk))
            here = reverse("messaging:phone", args=[account.pk])
            return see_other(f"{here}?{urlencode({'from': request.POST.get('sender', '')[:254]})}")
        context["people"] = _people(order("mail/phone", key, {}), account)
    except (SandboxOff, Unreachable, Refused):
        context["is_off"] = True
    return render(request, "messaging/mailbox.html", context, status=422 if form.is_bound and form.errors else 200)


#: What a mail server may say of one of our mails: it came back, or it waits.
_REPORTS = frozenset({"bounce", "delay"})
_GIVEN = {"sender": "from", "name": "name", "subject": "subject", "answers": "answers"}


def _letter(given: dict[str, Any]) -> dict[str, Any]:
    files = []
    if attached := given.get("file"):
        content = attached.read()
        try:
            kind = filetypes.sniff(content, attached.name).value
        except FileRefused:
            kind = "application/octet-stream"
        files = [{"name": attached.name, "content_type": kind, "base64": base64.b64encode(content).decode()}]
    told = {name: given[name] for name in ("name", "subject", "text", "answers")}
    return {"from": given["sender"].lower(), **told, "files": files}


def _people(found: dict[str, Any], account: ChannelAccount) -> list[dict[str, Any]]:
    """Both sides for each person, who was last heard of first."""
    lines = [{**one, "is_ours": True} for one in found["sent"]] + [{**one, "is_ours": False} for one in found["said"]]
    by_person: dict[str, list[dict[str, Any]]] = {}
    for line in sorted(lines, key=lambda line: line["at"])[-_MOST:]:
        line["at"] = datetime.fromtimestamp(line["at"], UTC)
        subject = line["subject"] if line["subject"].lower().startswith("re:") else f"Re: {line['subject']}"
        answer = {"from": line["person"], "subject": subject, "answers": line["id"]}
        line["answer_url"] = f"?{urlencode(answer)}"
        by_person.setdefault(line["person"], []).append(line)
    shown = [{"address": address, "lines": theirs} for address, theirs in by_person.items()]
    return sorted(shown, key=lambda one: one["lines"][-1]["at"], reverse=True)
