"""What the page of a contact or company shows, prepared so that its templates only write it down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import quote

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest
from amanat.accounts.permissions import May
from amanat.core import clock, phones
from amanat.people import custom_fields, differences, masking, records, timeline
from amanat.people.drafts import ADDRESS_PARTS, AddressDraft
from amanat.people.forms import LANGUAGES
from amanat.people.models import Company, Contact, Interaction, Source
from amanat.people.records import Same
from amanat.people.vocabulary import Vocabulary
from amanat.web import formatting
from amanat.web.templatetags.amanat import icon

#: Contacts listed on the page of their company; the rest is one click away.
SHOWN_CONTACTS = 20


@dataclass(frozen=True, slots=True)
class Veiled:
    """What a reader does not see of a record: the names of the fields, each with its mask and where it can be opened."""

    hidden: Sequence[masking.Hidden] = ()
    names: frozenset[str] = frozenset()
    is_restricted: bool = False
    open_url: str = ""
    masked: frozenset[str] = frozenset()


def veil(request: MemberRequest, record: Contact | Company, words: Vocabulary) -> Veiled:
    """Blank in the record, which is only shown, what the page's purpose does not need and what the member's role sees masked."""
    if not isinstance(record, Contact):
        return Veiled()
    whole = masking.guard(request.member, words, request.purpose)
    held, is_restricted = masking.for_record(whole, request.member, record)
    names = held.withheld | held.masked
    if not names:
        return Veiled()
    hidden = masking.veil(record, held, everything=is_restricted)
    if not is_restricted:
        masking.note(held, request.member, [one.name for one in hidden])
    return Veiled(
        hidden,
        names,
        is_restricted,
        masking.opening_url(record.pk, masking.EVERYTHING) if is_restricted else "",
        held.masked,
    )


def lines(found: Sequence[Interaction], words: Vocabulary, *, hidden: frozenset[str] = frozenset()) -> SafeString:
    """The lines of a timeline as markup. Written here for the same reason as the rows of a list (`people.columns`)."""
    now = clock.now()
    labels = {f"custom-{one.key}": one.label for one in words.fields}
    days: dict[date, str] = {}
    return mark_safe("\n".join(_line(one, words, labels, days, now, hidden) for one in found))  # noqa: S308 (every value is escaped)


def _line(  # noqa: PLR0917 (called by position from one place, once a line)
    one: Interaction,
    words: Vocabulary,
    labels: Mapping[str, str],
    days: dict[date, str],
    now: datetime,
    hidden: frozenset[str],
) -> str:
    kind = timeline.kinds.get(one.kind)
    data = one.data if isinstance(one.data, dict) else {}
    local = timezone.localtime(one.happened_at)
    day = days.setdefault(local.date(), "") or formatting.short_day(one.happened_at, now=now)
    days[local.date()] = day
    summary, url = escape(timeline.summary_of(one)), data.get("url", "")
    pieces = [
        f'<li><span class="mark mark-{kind.tone}">{icon(kind.icon)}</span><div><div class="timeline-head"><h3>',
        f'<a href="{escape(url)}">{summary}</a>' if url else summary,
        f'</h3><time datetime="{one.happened_at.isoformat()}">',
        escape(_("%(day)s, %(time)s") % {"day": day, "time": f"{local:%H:%M}"}),
        "</time></div>",
    ]
    if one.body:
        pieces.append(f'<p class="timeline-text">{escape(one.body)}</p>')
    if data.get("changes"):
        arrow = icon("arrow-right", size="small")
        pieces += [
            '<dl class="changes">',
            *(
                f"<dt>{escape(labels.get(name) or str(differences.label(name)))}</dt>"
                f"<dd><del>{escape(str(old or '—'))}</del> {arrow} {escape(str(new or '—'))}</dd>"
                for name, old, new in _told(data["changes"], hidden)
            ),
            "</dl>",
        ]
    if data.get("attachment"):
        address = reverse("people:attachment", args=[data["attachment"]])
        pieces.append(
            f'<p class="timeline-text"><a class="link" href="{address}" download>{icon("paperclip", size="small")} '
            f"{escape(str(data.get('file') or ''))}</a></p>"
        )
    foot = words.member_name(one.actor_id) or _("Automated")
    return "".join([*pieces, f'<p class="timeline-foot">{escape(foot)}</p></div></li>'])


def _told(changes: Sequence[Sequence[Any]], hidden: frozenset[str]) -> Sequence[Sequence[Any]]:
    """The changes of a line; that a hidden field was changed is told, its values are not."""
    return (
        [(name, "••••", "••••") if name in hidden else (name, old, new) for name, old, new in changes]
        if hidden
        else changes
    )


def tabs(here: str, current: str) -> list[dict[str, Any]]:
    """All, then one tab for each kind of line that some package writes."""
    drawn = [{"label": _("All"), "url": here, "is_current": not current}]
    for kind in timeline.kinds:
        if not kind.tab:
            drawn.append({"label": kind.label, "url": f"{here}?tab={kind.key}", "is_current": current == kind.key})
    return drawn


def facts(
    request: MemberRequest, record: Contact | Company, words: Vocabulary, veiled: Veiled | None = None
) -> dict[str, Any]:
    """Everything beside the timeline."""
    veiled = veiled or Veiled()
    numbers, mails, addresses = records.reaches(record)
    if "addresses" in veiled.masked and addresses and not veiled.is_restricted:
        where = masking.Hidden("addresses", "••••", masking.opening_url(record.pk, "addresses"))
        veiled = replace(veiled, hidden=[*veiled.hidden, where])
    numbers, mails = [] if "phones" in veiled.names else numbers, [] if "emails" in veiled.names else mails
    addresses = [] if "addresses" in veiled.names else addresses
    today = clock.today(request.workspace.time_zone)
    shown: dict[str, Any] = {
        "numbers": [_number(number, label) for number, label in numbers],
        "mails": [{"address": address, "label": label} for address, label in mails],
        "addresses": [{"text": _address(one), "label": one.label} for one in addresses],
        "tag_names": words.tag_names(record.tag_ids),
        "owner_name": words.member_name(record.owner_id),
        "team_name": words.teams.get(record.team_id, "") if record.team_id else "",
        "custom": _custom(record, words),
        "tone": formatting.avatar_tone(record.pk),
        "source_text": source(record, words),
        "follow_up_text": formatting.recent(record.follow_up_on, now=clock.now()) if record.follow_up_on else "",
        "is_due": record.follow_up_on is not None and record.follow_up_on <= today,
        "days": [("1", _("Tomorrow"), today + timedelta(days=1)), ("3", _("In 3 days"), today + timedelta(days=3)), ("7", _("Next week"), today + timedelta(days=7))],
        **_reaching(request, record, numbers[0][0] if numbers else ""),
        "hidden": _hidden(veiled, words),
        "is_restricted": veiled.is_restricted,
        "open_url": veiled.open_url,
        "edit_url": reverse(f"people:{_on(record)}_edit", args=[record.pk]),
    }  # fmt: skip
    if isinstance(record, Contact):
        shown |= {
            "stage_name": words.stage_name(record.stage_id),
            "language_name": dict(LANGUAGES).get(record.language, record.language) if record.language else "",
            "birthday_text": formatting.day(record.birthday) if record.birthday else "",
            "company_url": reverse("people:company", args=[record.company_id]) if record.company_id else "",
        }
    else:
        shown |= _contacts_of(request, record, words)
    return shown


def _hidden(veiled: Veiled, words: Vocabulary) -> list[dict[str, str]]:
    """A line for each masked value; what the purpose does not need has none."""
    own = {f"custom-{one.key}": one.label for one in words.fields_on("contact")}
    return [
        {"label": own.get(one.name) or str(differences.LABELS[one.name]), "mask": one.mask, "url": one.url}
        for one in veiled.hidden
        if one.mask
    ]


def _on(record: Contact | Company) -> str:
    return records.holder(record)


def _number(number: str, label: str) -> dict[str, str]:
    known = {"mobile": _("mobile"), "home": _("home"), "work": _("work")}
    return {"e164": number, "text": formatting.phone(number), "label": known.get(label, label)}


def _address(one: AddressDraft) -> str:
    return ", ".join(getattr(one, part) for part in ADDRESS_PARTS if getattr(one, part))


def _custom(record: Contact | Company, words: Vocabulary) -> list[dict[str, Any]]:
    drawn = []
    for field in words.fields_on(_on(record)):
        value = record.custom.get(field.key)
        if value is not None and value != "":
            drawn.append(
                {"label": field.label, "text": custom_fields.shown(field, value), "link": _link(field.kind, value)}
            )
    return drawn


def _link(kind: str, value: Any) -> str:
    """Where a value leads. A stored link that is none of ours to follow leads nowhere."""
    text = str(value)
    if kind == "link" and text.startswith(("https://", "http://")):
        return text
    return f"tel:{text}" if kind == "phone" else f"mailto:{text}" if kind == "email" else ""


def _contacts_of(request: MemberRequest, company: Company, words: Vocabulary) -> dict[str, Any]:
    held = masking.guard(request.member, words, request.purpose)
    rows = Contact.objects.of(request.workspace).visible_to(request.member).alive().filter(company_id=company.pk)
    found = list(rows.order_by("-id").values_list("pk", "name", "job_title", "main_phone")[: SHOWN_CONTACTS + 1])
    return {
        "people": [
            {
                "url": reverse("people:contact", args=[key]), "name": name, "tone": formatting.avatar_tone(key),
                "note": _("restricted") if key in held.restricted else held.shown("job_title", title),
                "phone": held.about(key).shown("phones", phones.international(number) if number else ""),
            }
            for key, name, title, number in found[:SHOWN_CONTACTS]
        ],
        "people_more_url": f"{reverse('people:contacts')}?company={company.pk}" if len(found) > SHOWN_CONTACTS else "",
        "person_new_url": f"{reverse('people:contact_new')}?company={company.pk}" if request.member.may(May.WRITE_CONTACTS) else "",
    }  # fmt: skip


def source(record: Contact | Company, words: Vocabulary) -> str:
    """Where the record came from, on which day, by whom, as a sentence."""
    values = {
        "detail": record.source_detail,
        "day": formatting.day(record.created_at),
        "name": words.member_name(record.created_by_id) or _("nobody in particular"),
    }
    match record.source:
        case Source.FILE:
            return _("Came from the file %(detail)s on %(day)s, brought by %(name)s.") % values
        case Source.API:
            return _("Came through the API (%(detail)s) on %(day)s.") % values
        case Source.PERSON:
            return _("Given by the person on %(day)s.") % values
        case Source.WHATSAPP | Source.SMS | Source.EMAIL:
            channel = Source(record.source).label
            return _("Wrote by %(channel)s to %(detail)s on %(day)s.") % (values | {"channel": channel})
        case Source.DEMO:
            return _("Demo data, made on %(day)s.") % values
    return _("Added by %(name)s on %(day)s.") % values


def _reaching(request: MemberRequest, record: Contact | Company, number: str) -> dict[str, Any]:
    """Where the buttons at the top lead: with a contact, by the page that writes down that somebody was about to call or write."""
    if not number:
        return {"call_url": "", "whatsapp_url": ""}
    if isinstance(record, Contact) and number == record.main_phone and request.member.may(May.WRITE_CONTACTS):
        by_way_of = {way: reverse("messaging:intend", args=[record.pk, way]) for way in ("call", "whatsapp")}
        noted = by_way_of["call"].removesuffix("call/")
        return {"call_url": by_way_of["call"], "whatsapp_url": by_way_of["whatsapp"], "noted_url": noted}
    return {"call_url": f"tel:{number}", "whatsapp_url": whatsapp(number, record.name, request.workspace.name)}


def whatsapp(number: str, name: str, workspace: str) -> str:
    """A link that opens a chat with a greeting ready to be sent."""
    text = _("Hello %(name)s, this is %(workspace)s.") % {"name": name, "workspace": workspace}
    return f"https://wa.me/{number.lstrip('+')}?text={quote(text)}"


def sames(found: Sequence[Same]) -> list[SafeString]:
    """Each record that may be the same, as a sentence with a link."""
    drawn = []
    for one in found:
        url = reverse(f"people:{one.kind}", args=[one.id])
        sentence = {
            "phone": _("The number {value} belongs to {link}."),
            "email": _("The address {value} belongs to {link}."),
        }.get(one.reason, _("There is {link} already."))
        value = phones.national(one.value) if one.reason == "phone" else one.value
        link = format_html('<a class="link" href="{}">{}</a>', url, one.name)
        drawn.append(format_html(sentence, value=value, link=link))
    return drawn
