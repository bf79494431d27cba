"""Without an account: a link that opens WhatsApp or the telephone on one's own device, with the words ready.

What then happens nobody here sees; that it was about to happen stands in the conversation.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import UUID

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override
from django.views.decorators.csp import csp_override

from amanat.accounts.access import MemberRequest, sent
from amanat.core import clock
from amanat.messaging.channels.words_field import WordsField
from amanat.people import masking, vocabulary
from amanat.people.models import Company, Contact

WAYS = ("whatsapp", "call")
#: The page's form leads to another application; browsers ask the policy of the page about that too.
_LEADS_OUT: dict[str, Any] = {**settings.SECURE_CSP, "form-action": ["'self'", "https://wa.me", "tel:"]}


class ToApplication(HttpResponseRedirect):
    """A redirect that another application follows."""

    allowed_schemes = ["https", "tel"]


class IntentForm(forms.Form):
    """What is about to be said; nothing for a call."""

    text = WordsField(
        label=gettext_lazy("Text"), max_length=1_000, required=False, widget=forms.Textarea(attrs={"rows": 5})
    )


@csp_override(_LEADS_OUT)
def intend(request: MemberRequest, contact_id: UUID, way: str) -> HttpResponse:
    """GET shows the words; POST writes down that they are about to be said, and leads to the application."""
    from amanat.messaging.inbox import saying  # the inbox stands above the channels

    contact = get_object_or_404(Contact.objects.of(request.workspace).visible_to(request.member), pk=contact_id)
    guard = masking.guard(request.member, vocabulary.of(request.workspace), request.purpose)
    held, is_restricted = masking.for_record(guard, request.member, contact)
    number = "" if is_restricted or held.hides("phones") else contact.main_phone
    if way not in WAYS or not number:
        return _nothing_to_call(request, contact)
    with override(contact.language or request.workspace.language):  # it is for her to read, not for the member
        greeting = _("Hello %(name)s, this is %(workspace)s.") % {
            "name": contact.name,
            "workspace": request.workspace.name,
        }
    form = IntentForm(sent(request), initial={"text": greeting})
    if request.method == "POST" and form.is_valid():
        text = form.cleaned_data["text"] if way == "whatsapp" else ""
        saying.intend(contact=contact, channel=way, text=text, by=request.member, at=clock.now())
        return ToApplication(address(way, number, text), status=303)
    context = {"form": form, "contact": contact, "way": way, "number": number}
    return render(request, "messaging/intent.html", context, status=422 if form.errors else 200)


def address(way: str, number: str, text: str) -> str:
    """What the application is opened with; `number` is E.164."""
    return f"https://wa.me/{number.lstrip('+')}?text={quote(text)}" if way == "whatsapp" else f"tel:{number}"


def card(request: MemberRequest, person: Contact | Company) -> dict[str, Any] | None:
    """Two buttons on a person's page; nothing where no number is known."""
    if not isinstance(person, Contact) or not person.main_phone:
        return None
    held = masking.guard(request.member, vocabulary.of_request(request), request.purpose)
    return None if held.hides("phones") or person.pk in held.restricted else {"contact_id": person.pk}


def _nothing_to_call(request: HttpRequest, contact: Contact) -> HttpResponse:
    return render(request, "messaging/intent.html", {"contact": contact, "way": "", "number": ""}, status=404)
