"""What stands beside a conversation: the person's services, how she may be reached, and what the reply box may do. Few statements."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest
from amanat.accounts.permissions import May
from amanat.basis import gate, hours, rules, suppression
from amanat.basis.gate import Reason
from amanat.basis.suppression import Stop
from amanat.core import clock
from amanat.desk import onpeople
from amanat.messaging.channels.models import Channel, ChannelAccount
from amanat.messaging.inbox import bodies, saying, stopped, threads
from amanat.messaging.inbox.models import Thread
from amanat.messaging.inbox.picking import Pick
from amanat.people.models import Contact
from amanat.people.vocabulary import Vocabulary
from amanat.policy import ready
from amanat.web import formatting

#: What a reply is sent for: carrying out what the person came for.
PURPOSE = "service"
_REMINDERS, _OFFERS = "reminders", "marketing"
_AROUND = """
SELECT json_build_object(
  'accounts', (SELECT coalesce(json_agg(json_build_array(channel, state, trouble,
     CASE WHEN is_sandbox AND (channel <> 'email' OR coalesce(settings->>'smtp_host', '') = '') THEN id::text ELSE '' END) ORDER BY is_default DESC, created_at), '[]')
     FROM messaging_channelaccount WHERE workspace_id = %(ws)s),
  'canned', (SELECT coalesce(json_agg(json_build_array(shortcut, body, language) ORDER BY shortcut, language), '[]')
     FROM (SELECT * FROM messaging_cannedreply WHERE workspace_id = %(ws)s ORDER BY shortcut LIMIT 200) c),
  'draft', (SELECT json_build_array(id, channel, encode(body, 'base64')) FROM messaging_replydraft
     WHERE workspace_id = %(ws)s AND thread_id = %(thread)s AND member_id = %(member)s),
  'writing', (SELECT coalesce(json_agg(member_id), '[]') FROM messaging_replydraft
     WHERE workspace_id = %(ws)s AND thread_id = %(thread)s AND member_id <> %(member)s AND touched_at > %(since)s),
  'phones', (SELECT coalesce(json_agg(number ORDER BY position, id), '[]') FROM people_phone
     WHERE workspace_id = %(ws)s AND contact_id = %(contact)s),
  'emails', (SELECT coalesce(json_agg(address ORDER BY position, id), '[]') FROM people_email
     WHERE workspace_id = %(ws)s AND contact_id = %(contact)s),
  'stops', (STOPS))::text
""".replace("STOPS", suppression.STOPS)


@dataclass(frozen=True, slots=True)
class Way:
    """A channel of the reply box. `hint` says what stands against writing freely now, "" where nothing does."""

    channel: str
    label: str
    most: int
    hint: str = ""
    can_write: bool = True
    only_templates: bool = False
    may_offer: bool = False  #: whether buttons and lists go below a text
    sandbox: str = ""  #: id of the account, where it reaches our own double and has a page for the other side
    stopped: str = (
        ""  #: since when and why nothing is sent to the person's address this way, and what to do; "" where it is
    )


@dataclass(frozen=True, slots=True)
class Around:
    """What the reply box knows."""

    ways: Sequence[Way]
    canned: Sequence[tuple[str, str, str]]
    draft: str = ""
    draft_subject: str = ""
    draft_channel: str = ""
    draft_offer: Mapping[str, str] = field(default_factory=dict)
    writing: Sequence[UUID] = ()
    is_connected: bool = False
    stops: Sequence[Stop] = ()
    reach: Mapping[str, str] = field(default_factory=dict)  #: where the person is written to, by channel


@dataclass(frozen=True, slots=True)
class Chip:
    label: str
    tone: str


def around(request: MemberRequest, contact: Contact, thread: Thread | None, at: datetime) -> Around:
    """Accounts, ready replies, the member's own draft and who else is writing, in one statement."""
    here, member = request.workspace.pk, request.member
    values = {
        "ws": here, "thread": thread.pk if thread else None, "member": member.pk, "since": at - threads.WRITING,
        "contact": contact.pk, "at": at, **dict(zip(("inner", "outer"), suppression.pads(here), strict=True)),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_AROUND, values)
        found = json.loads(cursor.fetchone()[0])
    text, subject, offer, channel = _draft(found["draft"], here)
    known = {channel: found["emails" if channel == Channel.EMAIL else "phones"] for channel in Channel.values}
    reach = {channel: saying.among(held, thread, channel) for channel, held in known.items() if held}
    stops = suppression.stops(found["stops"])
    return Around(
        ways=_ways(reach, stops, thread, found["accounts"], at),
        canned=[(name, body, language) for name, body, language in found["canned"]],
        draft=text,
        draft_subject=subject,
        draft_channel=channel,
        draft_offer=offer,
        writing=[UUID(one) for one in found["writing"]],
        is_connected=bool(found["accounts"]),
        stops=stops,
        reach=reach,
    )


def _draft(row: Sequence[Any] | None, workspace_id: UUID) -> tuple[str, str, dict[str, str], str]:
    if row is None or row[2] is None:
        return "", "", {}, ""
    token = base64.b64decode(row[2])
    return *bodies.open_draft(token, workspace_id=workspace_id, draft_id=UUID(row[0])), row[1]


def _ways(
    reach: Mapping[str, str], stops: Sequence[Stop], thread: Thread | None, accounts: Sequence[Sequence[str]], at: datetime
) -> list[Way]:  # fmt: skip
    """The channels that are connected and by which the person can be reached; the one she last used first."""
    by_channel = {channel: (state, trouble) for channel, state, trouble, _sandbox in reversed(accounts)}
    sandboxes = {channel: sandbox for channel, _state, _trouble, sandbox in reversed(accounts)}
    found = []
    for channel in Channel.values:
        if channel not in by_channel:
            continue
        address = reach.get(channel, "")
        way = _way(channel, address, by_channel[channel], thread, at)
        against = stopped.against(stops, address, purpose=PURPOSE, channel=channel, now=at)
        found.append(replace(way, sandbox=sandboxes[channel], stopped=against))
    last = next(iter(reversed(thread.addresses)), "") if thread is not None and thread.addresses else ""
    return sorted(found, key=lambda way: (not way.can_write, way.channel != last))


def _way(channel: str, reach: str, stands: tuple[str, str], thread: Thread | None, at: datetime) -> Way:
    state, trouble = stands
    label, most = str(Channel(channel).label), saying.MOST[channel]
    if not reach:
        missing = _("No e-mail address is known.") if channel == Channel.EMAIL else _("No telephone number is known.")
        return Way(channel, label, most, missing, can_write=False)
    if state == ChannelAccount.State.BROKEN:
        return Way(channel, label, most, trouble or _("It does not work at the moment."), can_write=False)
    if channel == Channel.WHATSAPP and (thread is None or not saying.is_window_open(thread, at)):
        hint = _("More than 24 hours since the last message on WhatsApp: only templates may go.")
        return Way(channel, label, most, hint, only_templates=True)
    if saying.needs_template(channel, reach):
        return Way(channel, label, most, saying.registered_only(), only_templates=True)
    if state == ChannelAccount.State.PAUSED:
        paused = _("Sending is paused: it will go when it is resumed.")
        return Way(channel, label, most, paused, may_offer=channel == Channel.WHATSAPP)
    return Way(channel, label, most, may_offer=channel == Channel.WHATSAPP)


def window_words(thread: Thread | None, at: datetime) -> str:
    """Free reply for 23 h 54 m; "" where the window is shut."""
    if thread is None or not saying.is_window_open(thread, at) or thread.window_until is None:
        return ""
    minutes = max(int((thread.window_until - at).total_seconds()) // 60, 1)
    if minutes < 60:
        return _("Free reply for %(minutes)d m") % {"minutes": minutes}
    return _("Free reply for %(hours)d h %(minutes)d m") % {"hours": minutes // 60, "minutes": minutes % 60}


type Answers = Mapping[tuple[str, str], gate.Answer]


def answers(
    contact: Contact, *, workspace_id: UUID, time_zone: str, at: datetime, also: Collection[tuple[str, str]] = ()
) -> Answers:
    """What the gate says of reminders and offers over each channel the person has, and of `also` (purpose, channel). One statement."""
    asked = [(purpose, channel) for channel in _reach(contact) for purpose in (_REMINDERS, _OFFERS)]
    today = clock.today(time_zone)
    return gate.overview_of_known(contact, workspace=workspace_id, wanted=[*asked, *also], at=at, today=today)


def _reach(contact: Contact) -> dict[str, str]:
    reach = {"whatsapp": contact.main_phone, "sms": contact.main_phone, "email": contact.main_email}
    return {channel: address for channel, address in reach.items() if address}


def with_warnings(picks: Sequence[Pick], around: Around, answers: Answers, now: datetime) -> list[Pick]:
    """The templates, each with why it would not be sent to this person."""

    def against(pick: Pick) -> str:
        there = around.reach.get(pick.channel, "")
        said = stopped.against(around.stops, there, purpose=pick.purpose, channel=pick.channel, now=now)
        return said or stopped.by_gate(answers.get((pick.purpose, pick.channel)))

    return [replace(pick, against=against(pick)) for pick in picks]


def chips(contact: Contact, answers: Answers, *, workspace_id: UUID, words: Vocabulary) -> list[Chip]:
    """May be reached by: each channel the person has, calls with their hours, and whether offers may go."""
    reach = _reach(contact)
    found = [
        _chip(channel, answers.get((_REMINDERS, channel))) for channel in reach
    ]  # fmt: skip
    if contact.main_phone:
        opened = _call_hours(workspace_id, words.besides.get("policy_version"))
        calls = _("Calls %(from)s–%(to)s") % {"from": opened[0], "to": opened[1]} if opened else _("Calls")
        found.append(Chip(calls, "green"))
    offers = [channel for channel in reach if _agreed(answers.get((_OFFERS, channel)))]
    if offers:
        names = ", ".join(str(Channel(channel).label) for channel in offers)
        return [*found, Chip(_("Offers by %(channels)s") % {"channels": names}, "green")]
    return [*found, Chip(_("No offers"), "marigold")]


def _agreed(answer: gate.Answer | None) -> bool:
    return answer is not None and answer.is_agreed


def _chip(channel: str, answer: gate.Answer | None) -> Chip:
    label = str(Channel(channel).label)
    if answer is not None and answer.reason in {Reason.SUPPRESSED, Reason.RESTRICTED, Reason.OBJECTION, Reason.CHILD}:
        return Chip(_("Not by %(channel)s") % {"channel": label}, "red")
    if _agreed(answer):
        return Chip(label, "green")
    return Chip(_("%(channel)s: answers only") % {"channel": label}, "")


@lru_cache(maxsize=2_000)
def _call_hours(workspace_id: UUID, version: str | None) -> tuple[str, str] | None:
    """From and to which hour one may call. A published version never changes, hence its row stands for its text."""
    policy = ready.policy("default") if version is None else rules.of(workspace_id).policy
    window = hours.window(policy, PURPOSE, "call")
    return (f"{window.opens:%H}", f"{window.closes:%H}") if window else None


def person(request: MemberRequest, contact: Contact) -> dict[str, Any]:
    """The cards of the right column: services with what is owed, and what comes next. One statement."""
    member, now = request.member, clock.now()
    shown: dict[str, Any] = {"services": None, "tasks": None, "follow_up": "", "case_query": ""}
    if member.may(May.READ_SERVICES):
        shown["services"] = onpeople.services_card(request, contact)
    if member.may(May.READ_TASKS):
        shown["tasks"] = onpeople.tasks_card(request, contact)
    if member.may(May.WRITE_CASES):
        shown["case_query"] = f"contact={contact.pk}"
    if contact.follow_up_on:
        shown["follow_up"] = formatting.recent(contact.follow_up_on, now=now)
    return shown
