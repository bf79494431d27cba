"""Pages of the inbox: the list of conversations, one of them, and what its buttons do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import takewhile
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, see_other
from amanat.accounts.once import only_once
from amanat.accounts.permissions import May
from amanat.core import clock, files, ledger
from amanat.core.files import FileRefused
from amanat.core.models import StoredFile
from amanat.messaging.channels.models import Channel
from amanat.messaging.inbox import (
    answering,
    besides,
    chosen,
    listing,
    offering,
    picking,
    reacting,
    saying,
    shell,
    showing,
    threads,
)
from amanat.messaging.inbox.forms import NoteForm, ReplyForm, TemplateReplyForm
from amanat.messaging.inbox.models import Message, MessageFile, Thread
from amanat.messaging.inbox.offering import retyped, typed
from amanat.messaging.inbox.saying import AnsweredMeanwhile, OfferRefused, SayRefused, Words
from amanat.people import masking, vocabulary
from amanat.people.masking import Guard
from amanat.people.models import Contact
from amanat.people.vocabulary import Vocabulary
from amanat.web import formatting

#: A template has fewer variables.
MOST_BLANKS = 30


# --- finding -------------------------------------------------------------------------------------------------------


def thread_of(request: MemberRequest, thread_id: UUID) -> Thread:
    """A conversation with somebody the member may see; anything else does not exist."""
    found = threads.visible(request.member).select_related("contact").filter(pk=thread_id).first()
    if found is None:
        raise Http404
    return found


def contact_of(request: MemberRequest, contact_id: UUID) -> Contact:
    found: Contact | None = (
        Contact.objects.of(request.workspace).visible_to(request.member).alive().filter(pk=contact_id).first()
    )
    if found is None:
        raise Http404
    return found


# --- the list ------------------------------------------------------------------------------------------------------


def inbox(request: MemberRequest) -> HttpResponse:
    """The conversations of a view, or those in which something was said."""
    now = clock.now()
    words = vocabulary.of(request.workspace)
    context = _list(request, masking.guard(request.member, words, request.purpose), now)
    if request.GET.get("part") == "list":
        return render(
            request, "messaging/inbox_list.html", context | {"badge": shell.unread(request) or 0, "is_part": True}
        )
    return render(request, "messaging/inbox.html", context | {"is_list": True})


def pulse(request: MemberRequest) -> HttpResponse:
    """What tells an open page, where it hears no events, that it should look again: the newest thing said that the member may see.

    With it the figure of the sidebar, for the other pages, which hear no events at all.
    """
    if request.member.sees_all:
        newest = Message.objects.of(request.workspace).order_by("-id").values_list("pk", flat=True).first()
    else:
        newest = threads.visible(request.member).order_by("-last_at").values_list("last_message_id", flat=True).first()
    return JsonResponse(
        {"newest": str(newest or "none"), "badge": formatting.badge(shell.unread(request) or 0, get_language() or "en")}
    )


def _list(request: MemberRequest, held: Guard, now: datetime, current: UUID | None = None) -> dict[str, Any]:
    member, kept = request.member, chosen.of(request)
    query, after = kept.get("q", ""), kept.get("after", "")
    counts = listing.counts(member=member, at=now)
    view = kept.get("view") or (listing.first_view(counts) if current is None else "all")
    if query:
        page = listing.found(query, member=member, at=now, restricted=held.restricted)
    else:
        page = listing.page(view, member=member, at=now, after=after, restricted=held.restricted)
        kept = {**kept, "view": view}
    here = reverse("messaging:inbox")
    return {
        "lines": page.lines, "view": view, "query": query, "list_url": f"{here}?{urlencode(kept)}", "current": current,
        "kept_query": f"?{urlencode(kept)}", "kept": kept, "newest_list_url": f"{here}?view={view}" if after else "",
        "older_list_url": f"{here}?{urlencode({'view': view, 'after': page.after})}" if page.after else "",
        "tabs": [_tab(name, here, counts, view, query) for name in listing.TABS],
        "others": [_tab(name, here, counts, view, query) for name in listing.VIEWS if name not in listing.TABS],
        "view_title": listing.VIEWS[view], "is_tab": view in listing.TABS and not query, "empty": listing.EMPTY[view], "mentioned": counts["mentions"],
        "is_first": view == "all" and not page.lines and not query and not after,
    }  # fmt: skip


_COUNTED = frozenset({"unassigned", "mentions", "unclear", "snoozed"})


def _tab(name: str, here: str, counts: Any, view: str, query: str) -> dict[str, Any]:
    count = counts[name] if name in _COUNTED else 0
    return {
        "label": listing.VIEWS[name], "url": f"{here}?view={name}", "count": count or "",
        "is_current": name == view and not query,
    }  # fmt: skip


# --- one conversation ----------------------------------------------------------------------------------------------


def thread(request: MemberRequest, thread_id: UUID) -> HttpResponse:
    found = thread_of(request, thread_id)
    return _page(request, found.contact, found)


def with_contact(request: MemberRequest, contact_id: UUID) -> HttpResponse:
    """Write to a person: her conversation, or the page on which it begins."""
    contact = contact_of(request, contact_id)
    found = threads.visible(request.member).filter(contact=contact.pk).first()
    if found is not None:
        asked = f"?{request.GET.urlencode()}" if request.GET else ""
        return see_other(reverse("messaging:thread", args=[found.pk]) + asked)
    return _page(request, contact, None)


def _page(
    request: MemberRequest, contact: Contact, found: Thread | None, *, form: Any = None, note: Any = None,
    meanwhile: str = "", status: int = 200,
) -> HttpResponse:  # fmt: skip
    now, words = clock.now(), vocabulary.of(request.workspace)
    # Written out, for after a refusal the page stands at the address that its form was sent to.
    here = reverse("messaging:thread", args=[found.pk]) if found else reverse("messaging:write_to", args=[contact.pk])
    whole = masking.guard(request.member, words, request.purpose)
    held, is_restricted = masking.for_record(whole, request.member, contact)
    before = request.GET.get("before", "")
    shown = (
        showing.Shown([])
        if found is None or is_restricted
        else showing.show(found, words, by=request.member, now=now, before=before)
    )
    context: dict[str, Any] = {
        "thread": found, "contact": contact, "shown": shown, "is_restricted": is_restricted, "now": now,
        "tone": formatting.avatar_tone(contact.pk),
        "older_url": f"{here}?{urlencode({**chosen.of(request), 'before': shown.older})}" if shown.older else "",
        "here": here, "newest_url": chosen.beside(request, here), "chosen_query": chosen.beside(request, ""),
        "again_url": f"{here}?{urlencode({**chosen.of(request), 'again': ''})}",
        "is_older": bool(before), "palette": reacting.palette(), "may_see_phone": request.member.may(May.MANAGE_CATALOGUE), "may_lift": request.member.may(May.ANSWER_REQUESTS), "seen": (found.last_message_id if before and found else shown.last_id) or "", "may_write": request.member.may(May.WRITE_CONTACTS) and not is_restricted,
    }  # fmt: skip
    part = request.GET.get("part")
    if part == "lines" and request.method == "GET":
        others = threads.writing(found, by=request.member, at=now) if found else []
        context |= {"is_part": True, "writing": [words.first_name(one) for one in others]}
        return render(request, "messaging/inbox_lines.html", context)
    around = besides.around(request, contact, found, now)
    context |= _box(request, contact, found, around, words, form=form, note=note) | {"meanwhile": meanwhile}
    context |= {
        "number": _number(contact, held), "may_phone": bool(contact.main_phone) and not held.hides("phones") and not is_restricted, "window": besides.window_words(found, now), "open_url": "",
        "writing": [words.first_name(one) for one in around.writing], "writing_seconds": int(threads.WRITING.total_seconds()),
        "members": words.active_members(), "assignee": words.member_name(found.assigned_to_id) if found else "",
    }  # fmt: skip
    if is_restricted:
        context["open_url"] = masking.opening_url(contact.pk, masking.EVERYTHING)
    else:
        context |= besides.person(request, contact)
        picks, here_id = context["picks"], request.workspace.pk
        answers = besides.answers(
            contact, workspace_id=here_id, time_zone=request.workspace.time_zone, at=now, also=[(one.purpose, one.channel) for one in picks]
        )  # fmt: skip
        context["picks"] = besides.with_warnings(picks, around, answers, now)
        context["chips"] = besides.chips(contact, answers, workspace_id=here_id, words=words)
    context |= _list(request, whole, now, current=found.pk if found else contact.pk)
    return render(request, "messaging/inbox.html", context, status=status)


def _number(contact: Contact, held: Guard) -> str:
    """How the person is reached, as this reader may see it."""
    phone = held.cell("phones", lambda text: formatting.phone(text) if text else "")(contact.main_phone)
    return phone or held.cell("emails", str)(contact.main_email)


def _box(
    request: MemberRequest, contact: Contact, found: Thread | None, around: besides.Around, words: Vocabulary, *,
    form: Any, note: Any,
) -> dict[str, Any]:  # fmt: skip
    mode = "template" if isinstance(form, TemplateReplyForm) else request.GET.get("write", "")
    wanted = form.data.get("channel", "") if form is not None else request.GET.get("by", "") or around.draft_channel
    way = next((one for one in around.ways if one.channel == wanted), next(iter(around.ways), None))
    templates: dict[str, Any] = {"picks": []}
    if way is not None and way.can_write and (mode == "template" or way.only_templates):
        templates = _templates(request, contact, way.channel, form)
    text, offer = _begun(request, found, around, form)
    answered = answering.subject_of(found) if way is not None and way.channel == Channel.EMAIL else ""
    return templates | {
        "ways": around.ways, "way": way, "canned": around.canned, "is_connected": around.is_connected,
        "text": text, "offer": offering.box(offer, form.errors if form is not None else {}),
        "subject": form.data.get("subject", "") if form is not None else around.draft_subject or answered,
        "reply_form": form, "unsent_files": _unsent_files(form), "note_form": note, "mode": "note" if note is not None else mode,
        "reply_url": reverse("messaging:reply", args=[contact.pk]), "purpose_name": _("service"),
    }  # fmt: skip


def _unsent_files(form: Any) -> list[str]:
    """Names of what was attached to a reply that was refused for another reason: no page can give a file back, and sent again the words
    would go without it."""
    if form is None or not form.files or "attached" in form.errors:
        return []
    return [one.name for one in form.files.getlist("attached")]


def _begun(
    request: MemberRequest, found: Thread | None, around: besides.Around, form: Any
) -> tuple[str, Mapping[str, str]]:  # fmt: skip
    """The text and the offer below it: as refused, as taken up, from the address, or the draft."""
    if form is not None:
        return form.data.get("text", ""), typed(form.data)
    if message := _taken_up(request, found):
        return showing.said_in(message), retyped(showing.offered(message))
    if text := request.GET.get("text", "")[:4096]:
        return text, {}
    return around.draft, around.draft_offer


def _taken_up(request: MemberRequest, found: Thread | None) -> Message | None:
    """A message of ours that did not reach the person, to be sent again. Its words never stand in an address."""
    try:
        wanted = UUID(request.GET.get("again", ""))
    except ValueError:
        return None
    if found is None:
        return None
    ours = Message.objects.of(request.workspace).filter(thread=found.pk, direction=Message.Direction.OUT)
    return ours.filter(pk=wanted, kind__in=showing.WORDS).first()


def _templates(request: MemberRequest, contact: Contact, channel: str, form: Any) -> dict[str, Any]:
    """The templates of a channel, filled with the service or task that was chosen, and with what was typed before a refusal."""
    found = picking.matters(contact, by=request.member, workspace=request.workspace, now=clock.now())
    about = picking.chosen(request.POST.get("about", "") or request.GET.get("about", ""), found)
    refused = form.cleaned_data.get("template") if isinstance(form, TemplateReplyForm) else None
    typed = {refused: _typed(request)} if refused else {}
    picked = picking.picks(contact, channel=channel, workspace=request.workspace, about=about, typed=typed)
    return {"picks": picked, "matters": found, "about": about.key if about else "none"}


def _typed(request: MemberRequest) -> list[str]:
    """What was typed into the blanks of a template, in order."""
    names = iter(f"v{place}" for place in range(MOST_BLANKS))
    return [request.POST[name] for name in takewhile(request.POST.__contains__, names)]


# --- writing -------------------------------------------------------------------------------------------------------


@only_once
def reply(request: MemberRequest, contact_id: UUID) -> HttpResponse:
    """Send a free text or a template; when somebody answered meanwhile, ask first."""
    contact = contact_of(request, contact_id)
    found = threads.visible(request.member).select_related("contact").filter(contact=contact.pk).first()
    is_template = "template" in request.POST
    form: Any = TemplateReplyForm(request.POST) if is_template else ReplyForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, contact, found, form=form, status=422)
    try:
        channel, words = _template_words(request, contact, form) if is_template else _free_words(form)
        words = answering.as_answer(words, channel=channel, thread=found)
        said = saying.say(
            contact=contact, channel=channel, words=words, by=request.member, at=clock.now(), seen=_seen(request)
        )
    except AnsweredMeanwhile as other:
        begun = threads.visible(request.member).select_related("contact").filter(contact=contact.pk).first()
        return _page(request, contact, begun, form=form, meanwhile=str(other), status=409)
    except OfferRefused as refused:
        form.refuse(refused.problems)
        return _page(request, contact, found, form=form, status=422)
    except FileRefused as refused:
        form.add_error("attached", str(refused))
        return _page(request, contact, found, form=form, status=422)
    except SayRefused as refused:
        form.add_error(None, str(refused))
        return _page(request, contact, found, form=form, status=422)
    return see_other(chosen.beside(request, reverse("messaging:thread", args=[said.thread_id])))


def _free_words(form: Any) -> tuple[str, Words]:
    given = form.cleaned_data
    attached = [(one.name, one.read()) for one in given["attached"]]
    words = Words(text=given["text"], subject=given["subject"], files=attached, offer=form.offered())
    return given["channel"], words


def _template_words(request: MemberRequest, contact: Contact, form: Any) -> tuple[str, Words]:
    found = picking.matters(contact, by=request.member, workspace=request.workspace, now=clock.now())
    about = picking.chosen(request.POST.get("about", ""), found)
    wanted = form.cleaned_data["template"]
    pick = picking.pick(wanted, contact, workspace=request.workspace, about=about, typed=_typed(request))
    return pick.channel, Words(template=pick.text, values=pick.values)


def _seen(request: MemberRequest) -> UUID | None:
    """The newest message on the page that was answered from, None where it says nothing of it."""
    text = request.POST.get("seen")
    try:
        return UUID(text) if text else None if text is None else saying.NOTHING
    except ValueError:
        return None


@only_once
def note(request: MemberRequest, thread_id: UUID) -> HttpResponse:
    found, form = thread_of(request, thread_id), NoteForm(request.POST)
    if form.is_valid():
        threads.note(thread=found, text=form.cleaned_data["text"], by=request.member, at=clock.now())
        return chosen.back(request, found)
    return _page(request, found.contact, found, note=form, status=422)


def draft(request: MemberRequest, thread_id: UUID) -> HttpResponse:
    """Keep what is being written; asked by the page itself while somebody types."""
    found, channel = thread_of(request, thread_id), request.POST.get("channel", "")
    threads.keep_draft(
        thread=found, by=request.member, text=request.POST.get("text", ""), subject=request.POST.get("subject", "")[:300],
        channel=channel if channel in Channel.values else "", offer=typed(request.POST), at=clock.now(),
    )  # fmt: skip
    return HttpResponse(status=204)


# --- files ---------------------------------------------------------------------------------------------------------


def file(request: MemberRequest, file_id: UUID) -> HttpResponseBase:
    """A file of a message, as a download that no browser runs, or a part of it for a player; that it was opened stands in the ledger."""
    row = MessageFile.objects.of(request.workspace).select_related("message").filter(pk=file_id).first()
    if row is None or row.file_id is None:
        raise Http404
    contact = contact_of(request, row.message.contact_id)
    words = vocabulary.of(request.workspace)
    _held, is_restricted = masking.for_record(
        masking.guard(request.member, words, request.purpose), request.member, contact
    )
    if is_restricted:
        raise Http404
    stored = StoredFile.objects.of(request.workspace).get(pk=row.file_id)
    ledger.write("messaging.file.opened", workspace=request.workspace, by=request.member, about=contact, at=clock.now())
    return files.serve(stored, name=row.name or stored.name, wanted=request.headers.get("Range", ""))
