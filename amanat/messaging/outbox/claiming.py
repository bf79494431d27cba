"""Taking rows of the outbox to send them now: locked, judged by the gate and marked with a lease, all in one short transaction.

What is claimed begins within `FRESH` seconds or goes back, so that an opt-out is never older than that when a message leaves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import connection

from amanat.accounts.models import Workspace
from amanat.basis import gate
from amanat.basis.gate import Reason
from amanat.basis.rules import UnknownChannel, UnknownPurpose
from amanat.core import clock, files, sealedobjects, tenancy, vault
from amanat.messaging.channels import unsubscribing
from amanat.messaging.channels.contract import Attached, Outgoing
from amanat.messaging.channels.models import ChannelAccount, TemplateText
from amanat.messaging.inbox import bodies, choices
from amanat.messaging.inbox.models import Message, MessageFile
from amanat.messaging.inbox.saying import SERVICE
from amanat.messaging.outbox import changes, ordering
from amanat.messaging.outbox.journal import Claim
from amanat.messaging.outbox.models import Dispatch

#: Seconds from the gate's answer to the beginning of the request. The promise is 5.
FRESH = 3.0
#: How long a claim is its worker's, by the database's clock. Longer than `FRESH` and the longest request together.
LEASE = timedelta(seconds=60)
#: What a person wrote within this time is answered at any hour.
_STILL_WAITS = timedelta(hours=24)
_ZONE_SECONDS, _MOST_ZONES = 60.0, 10_000
_zones: dict[UUID, tuple[float, str]] = {}
_State = Dispatch.State


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that goes along, where it lies: its bytes are read by who sends, just before."""

    name: str
    content_type: str
    object_name: str
    size: int
    workspace_id: UUID
    key: bytes = field(repr=False)

    def read(self) -> Attached:
        """Needs no database. Raises FileDamaged, and what the store raises that is away."""
        pieces = sealedobjects.read(self.object_name, key=self.key, workspace_id=self.workspace_id, size=self.size)
        return Attached(self.name, self.content_type, b"".join(pieces))


@dataclass(frozen=True, slots=True)
class Try:
    """A message that may leave until `begin_before`, by `moment()`."""

    claim: Claim
    failures: int
    outgoing: Outgoing
    begin_before: float
    files: Sequence[Kept] = ()

    def whole(self) -> Try:
        """With the bytes of the message's files; raises as `Kept.read`."""
        if not self.files:
            return self
        return replace(self, outgoing=replace(self.outgoing, files=[each.read() for each in self.files]), files=())


@dataclass(slots=True)
class Claimed:
    """`looked_at` counts the rows taken up, also those that were refused, dropped or put off."""

    tries: list[Try] = field(default_factory=list)
    looked_at: int = 0


#: Why messages of a source are not to be sent any more: asked with the workspace and locked rows, it gives {dispatch: reason}.
type Doubt = Callable[[UUID, Sequence[Dispatch]], Mapping[UUID, str]]
_doubts: dict[str, Doubt] = {}


def doubt(source: str, ask: Doubt) -> None:
    """Have `ask` look at the messages of a source when they are claimed, in that transaction: what it names is dropped. Keep it short."""
    _doubts[source] = ask


def _outdated(workspace_id: UUID, rows: Sequence[Dispatch]) -> dict[UUID, str]:
    found: dict[UUID, str] = {}
    for source, ask in _doubts.items():
        if concerned := [row for row in rows if row.source == source]:
            found.update(ask(workspace_id, concerned))
    return found


def moment() -> float:
    """Seconds on a clock that only goes forward, also while this machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def claim(account: ChannelAccount, token: str, *, most: int) -> Claimed:
    """Up to `most` due messages of an account, judged and marked. Begins and commits its own transaction."""
    # Taken before the transaction begins, so that what we think is left is never more than what the database thinks.
    begin_before = moment() + FRESH
    with tenancy.inside(account.workspace_id):
        at = clock.now()
        rows = _locked(account, at, most)
        if not rows:
            return Claimed()
        verdicts = _Verdicts(account.workspace_id, at)
        verdicts.judge(rows)
        tries = _made_ready(verdicts, begin_before)
        verdicts.write(token)
        changes.tell(account.workspace_id, verdicts.ended())
    return Claimed(tries, len(rows))


#: One urgency after the other, so that what is due later is never read through; `dispatch_due` has the rows in this order.
#: What one person is told leaves in the order it was written: of an account, she has one message under way, and the next waits for it.
#: What is more urgent passes what still waits. The part in brackets stays a question asked of `dispatch_open_of_contact` for each row.
_DUE = """
SELECT due.id FROM generate_series(0, 9) AS level CROSS JOIN LATERAL (
    SELECT d.id FROM messaging_dispatch d
    WHERE d.workspace_id = %(here)s AND d.account_id = %(account)s AND d.state = 'todo' AND d.urgency = level AND d.due_at <= %(at)s
        AND (SELECT e.id FROM messaging_dispatch e
             WHERE e.workspace_id = d.workspace_id AND e.contact_id = d.contact_id AND e.state IN ('todo', 'sending')
                AND e.account_id = d.account_id AND e.id < d.id
                AND (e.state = 'sending' OR (e.due_at <= %(at)s AND e.urgency <= d.urgency)) LIMIT 1) IS NULL
    ORDER BY d.due_at, d.id LIMIT %(most)s FOR UPDATE OF d SKIP LOCKED) due
LIMIT %(most)s
"""


def _locked(account: ChannelAccount, at: datetime, most: int) -> list[Dispatch]:
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"here": account.workspace_id, "account": account.pk, "at": at, "most": most})
        found = [row[0] for row in cursor.fetchall()]
    if not found:
        return []
    rows = Dispatch.objects.of(account.workspace_id).filter(pk__in=found).select_related("message")
    by_id = {row.pk: row for row in rows}
    _with_texts(account.workspace_id, [row.message for row in by_id.values()])
    return [by_id[key] for key in found]


def _with_texts(workspace_id: UUID, messages: Sequence[Message]) -> None:
    """The templates, and the messages that are answered, read once each: beside every row they were half of what a claim cost."""
    if texts := {message.text_of_id for message in messages if message.text_of_id}:
        held = TemplateText.objects.of(workspace_id).select_related("template").in_bulk(texts)
        for message in messages:
            message.text_of = held.get(message.text_of_id)
    if answered := {message.answers_id for message in messages if message.answers_id}:
        known = Message.objects.of(workspace_id).in_bulk(answered)
        for message in messages:
            message.answers = known.get(message.answers_id)
        _with_names(workspace_id, [each for each in known.values() if not each.provider_id])


def _with_names(workspace_id: UUID, messages: Sequence[Message]) -> None:
    """Of messages of ours the provider's name stands in their dispatch."""
    if messages:
        sent = Dispatch.objects.of(workspace_id).filter(message__in=[message.pk for message in messages])
        names = dict(sent.values_list("message_id", "provider_id"))
        for message in messages:
            message.provider_id = names.get(message.pk, "")


def _fits(row: Dispatch) -> bool:
    """Whether the gate is asked for what the text is for: a template leaves for its own purpose and no other."""
    text = row.message.text_of
    return text is None or text.template.purpose == row.purpose


class _Verdicts:
    """What becomes of each locked row. The row itself is changed in memory and written once."""

    def __init__(self, workspace_id: UUID, at: datetime) -> None:
        self._here, self._at = workspace_id, at
        self.rows: list[Dispatch] = []

    def judge(self, rows: Sequence[Dispatch]) -> None:
        self.rows = list(rows)
        groups: dict[tuple[str, str, bool, bool], list[Dispatch]] = {}
        answered = self._who_waits(rows)
        outdated = _outdated(self._here, rows)
        for row in rows:
            if row.use_by is not None and row.use_by <= self._at:
                self._end(row, _State.DROPPED, "too_late")
            elif row.pk in outdated:
                self._end(row, _State.DROPPED, outdated[row.pk])
            elif row.contact_id is not None and not _fits(row):
                self._end(row, _State.REFUSED, "other_purpose")
            else:
                # What was not asked for keeps its hours, also where a person is waited for: a template of another purpose is no answer.
                is_own = row.message.text_of is None or row.purpose == SERVICE
                is_answer = is_own and row.source in ordering.ANSWERS and row.contact_id in answered
                to_herself = row.contact_id is None
                groups.setdefault((row.purpose, row.channel, is_answer, to_herself), []).append(row)
        today = self._today()
        for (purpose, channel, is_answer, to_herself), group in groups.items():
            self._ask(group, purpose, channel, today, is_answer=is_answer, to_herself=to_herself)

    def write(self, token: str) -> None:
        """All rows in one statement. The lease is the database's clock's."""
        with connection.cursor() as cursor:
            cursor.execute(_WRITE, {
                "here": self._here, "token": token, "lease": LEASE.total_seconds(), "at": self._at,
                "ids": [row.pk for row in self.rows], "states": [row.state for row in self.rows],
                "due": [row.due_at for row in self.rows], "reasons": [row.reason for row in self.rows],
                "rules": [row.rule[:80] for row in self.rows], "decided": [row.decided_at for row in self.rows],
            })  # fmt: skip

    def ended(self) -> list[Dispatch]:
        return [row for row in self.rows if row.state not in {_State.TODO, _State.SENDING}]

    def allowed(self) -> list[Dispatch]:
        return [row for row in self.rows if row.state == _State.SENDING]

    def unreadable(self, row: Dispatch) -> None:
        self._end(row, _State.DEAD, "unreadable")

    def _ask(
        self, group: list[Dispatch], purpose: str, channel: str, today: date, *, is_answer: bool, to_herself: bool
    ) -> None:
        """`to_herself`: rows about no contact, which a member had sent to her own number."""
        try:
            if to_herself:
                answers = gate.decide_for_oneself(
                    [(row.message.by_id or row.pk, row.address) for row in group], workspace=self._here, purpose=purpose,
                    channel=channel, at=self._at, today=today, what="test",
                )  # fmt: skip
            else:
                answers = gate.decide_many(
                    [row.contact_id for row in group if row.contact_id], workspace=self._here, purpose=purpose, channel=channel,
                    at=self._at, today=today, what="message", addresses=[row.address for row in group], is_answer=is_answer,
                )  # fmt: skip
        except (UnknownPurpose, UnknownChannel):
            for row in group:
                self._end(row, _State.REFUSED, "unknown_purpose")
            return
        for row, answer in zip(group, answers, strict=True):
            row.rule, row.decided_at, row.reason = answer.rule, self._at, answer.reason.value
            if answer.is_allowed:
                row.state = _State.SENDING
            elif answer.reason is not Reason.NOT_NOW or answer.next_at is None:
                row.state = _State.REFUSED
            elif row.use_by is not None and answer.next_at >= row.use_by:
                self._end(row, _State.DROPPED, "too_late")
            else:
                row.due_at = answer.next_at

    def _end(self, row: Dispatch, state: Dispatch.State, reason: str) -> None:
        row.state, row.reason = state, reason

    def _who_waits(self, rows: Iterable[Dispatch]) -> set[UUID]:
        """Those to be answered who wrote a short while ago."""
        asked = {row.contact_id for row in rows if row.source in ordering.ANSWERS}
        if not asked:
            return set()
        wrote = Message.objects.of(self._here).filter(
            thread__contact__in=asked, direction=Message.Direction.IN, happened_at__gte=self._at - _STILL_WAITS
        )
        return set(wrote.values_list("contact_id", flat=True))

    def _today(self) -> date:
        """Where the workspace is. Its zone is believed for a minute: it decides on which day a child grows up, and was one statement in ten."""
        known = _zones.get(self._here)
        if known is None or known[0] < time.monotonic():
            if len(_zones) >= _MOST_ZONES:
                _zones.clear()
            zone = Workspace.objects.of(self._here).values_list("time_zone", flat=True).get(pk=self._here)
            known = _zones[self._here] = (time.monotonic() + _ZONE_SECONDS, zone)
        return clock.today(known[1])


_WRITE = """
UPDATE messaging_dispatch d SET state = v.state, reason = v.reason, rule = v.rule, decided_at = v.decided, due_at = v.due,
    tries = d.tries + (v.state = 'sending')::int,
    claimed_by = CASE WHEN v.state = 'sending' THEN %(token)s ELSE d.claimed_by END,
    lease_until = CASE WHEN v.state = 'sending' THEN clock_timestamp() + make_interval(secs => %(lease)s) END,
    begun_at = CASE WHEN v.state = 'sending' THEN clock_timestamp() ELSE d.begun_at END,
    ended_at = CASE WHEN v.state IN ('refused', 'dropped', 'dead') THEN %(at)s END
FROM unnest(%(ids)s::uuid[], %(states)s::text[], %(due)s::timestamptz[], %(reasons)s::text[], %(rules)s::text[], %(decided)s::timestamptz[])
    AS v(id, state, due, reason, rule, decided)
WHERE d.workspace_id = %(here)s AND d.id = v.id
"""


def _made_ready(verdicts: _Verdicts, begin_before: float) -> list[Try]:
    """The messages as adapters take them. One that cannot be read is dead, and the others go."""
    allowed = verdicts.allowed()
    attached = _attached(allowed)
    dresser = unsubscribing.Dresser(allowed[0].workspace_id) if allowed else None
    tries = []
    for row in allowed:
        try:
            outgoing, kept = _outgoing(row), [_kept(each) for each in attached.get(row.message_id, ())]
            outgoing = dresser.dress(row, outgoing) if dresser else outgoing
        except (vault.VaultRefused, ValueError):
            verdicts.unreadable(row)
            continue
        tries.append(Try((row.pk, row.tries + 1), row.failures, outgoing, begin_before, kept))
    return tries


def _outgoing(row: Dispatch) -> Outgoing:
    message, extra = row.message, ordering.open_extra(row.extra, workspace_id=row.workspace_id, dispatch_id=row.pk)
    text, is_reaction = bodies.open(message), message.kind == Message.Kind.REACTION
    plain = Outgoing(
        reference=row.pk,
        to=row.address,
        text="" if is_reaction else text,
        subject=bodies.open(message, "subject"),
        language=message.language or "en",
        values=extra.values,
        buttons=extra.buttons,
        choices=choices.of(message),
        headers=extra.headers,
        reaction=text if is_reaction else None,
        answers=message.answers.provider_id if message.answers else "",
    )
    if message.text_of is None:
        return plain
    template = message.text_of.template
    return replace(
        plain,
        template=template.name,
        template_id=message.text_of.provider_id,
        category=template.category,
        language=message.text_of.language,
    )


def _attached(rows: Sequence[Dispatch]) -> dict[UUID, list[MessageFile]]:
    """The files of the messages that may have some; nothing of them is opened."""
    with_files = [
        row.message_id for row in rows if row.message.kind == Message.Kind.MEDIA or row.message.channel == "email"
    ]
    found: dict[UUID, list[MessageFile]] = {}
    if with_files:
        kept = MessageFile.objects.of(rows[0].workspace_id).filter(message__in=with_files, file__isnull=False)
        for each in kept.select_related("file").order_by("message", "position"):
            found.setdefault(each.message_id, []).append(each)
    return found


def _kept(each: MessageFile) -> Kept:
    """Where a file lies, with its key. Raises VaultRefused."""
    file = each.file
    if file is None:
        raise ValueError("a file that was never fetched")
    key = vault.open(file.wrapped_key, workspace_id=file.workspace_id, context=files.key_context(file))
    return Kept(each.name, each.content_type, file.object_name, file.size, file.workspace_id, key)
