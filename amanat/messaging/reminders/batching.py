"""One message to many people at once: whom, what, looked at before it leaves, ordered part by part.

The gate is asked for everybody when the batch is looked at and again when each message leaves. Ordering goes on where it stopped:
how far it came is written in the transaction of each part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from amanat.accounts.models import Member, Workspace
from amanat.basis import gate
from amanat.basis.rules import UnknownChannel, UnknownPurpose
from amanat.core import jobs, ledger, tenancy
from amanat.messaging.channels import accounts
from amanat.messaging.channels.models import Channel, ChannelAccount, MessageTemplate, TemplateText
from amanat.messaging.inbox import many
from amanat.messaging.inbox.many import Said
from amanat.messaging.outbox import ordering
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders import planning, values
from amanat.messaging.reminders.models import BatchRefusal, MessageBatch
from amanat.people.models import Contact

SOURCE, ORDER = "batch", "messaging.batch"
AT_ONCE, NAMED = 500, 12
#: A message to many that could not leave within this time is not sent any more.
GOOD_FOR = timedelta(days=2)
BULK = 9
_State = MessageBatch.State
_WAITS = (Dispatch.State.TODO, Dispatch.State.SENDING, Dispatch.State.HELD)


@dataclass(frozen=True, slots=True)
class Going:
    """One person who would get the message."""

    contact: Contact
    text: TemplateText
    values: tuple[str, ...]
    address: str


@dataclass(slots=True)
class Looked:
    """Who would get it, and how many would not, by reason."""

    going: list[Going] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    left_out: dict[str, list[Contact]] = field(default_factory=dict)  #: the first `NAMED` of each reason
    why: dict[UUID, str] = field(default_factory=dict)  #: for each person who is still here and gets nothing


def begin(*, by: Member, at: datetime, people: Sequence[UUID]) -> MessageBatch:
    """A draft for the people chosen, of those `by` may see."""
    seen = Contact.objects.of(by.workspace_id).visible_to(by).alive().filter(pk__in=people)
    ids = sorted(seen.values_list("id", flat=True))
    return MessageBatch.objects.create(workspace_id=by.workspace_id, people=ids, made_by=by, created_at=at)


def usable(workspace_id: UUID) -> list[MessageTemplate]:
    """The templates that may go to many: with an approved text, and no word that only a service has."""
    rows = MessageTemplate.objects.of(workspace_id).filter(ended_at__isnull=True).prefetch_related("texts")
    return [template for template in rows.order_by("channel", "title") if _texts(template)]


def look(people: Sequence[UUID], template: MessageTemplate, *, at: datetime) -> Looked:
    """What would become of these people, at the aware moment `at`. Three statements for each 500."""
    found = Looked()
    workspace = Workspace.objects.of(template.workspace_id).get()
    texts, account = _texts(template), _account(template)
    for first in range(0, len(people), AT_ONCE):
        _look(people[first : first + AT_ONCE], template, texts, account, workspace, at, found)
    return found


def send(*, batch: MessageBatch, template: MessageTemplate, by: Member, at: datetime) -> bool:
    """Order the batch; the work goes on in the background. Twice is once: False where somebody was faster."""
    changed = MessageBatch.objects.of(by.workspace_id).filter(pk=batch.pk, state=_State.DRAFT)
    if not changed.update(state=_State.SENDING, template=template):
        return False
    ledger.write(
        "messaging.batch.ordered",
        workspace=by.workspace_id,
        by=by,
        about=batch,
        at=at,
        people=len(batch.people),
        purpose=template.purpose,
        channel=template.channel,
    )
    jobs.enqueue(ORDER, workspace=by.workspace_id, once=f"{ORDER}:{batch.pk}", batch=str(batch.pk))
    return True


def carry_out(batch_id: UUID, *, workspace_id: UUID, at: datetime) -> None:
    """Order part after part, from where it stopped, until all are worked off or somebody stopped it."""
    while True:
        with tenancy.inside(workspace_id):
            batch = MessageBatch.objects.of(workspace_id).select_for_update(of=("self",)).filter(pk=batch_id).first()
            if batch is None or batch.state != _State.SENDING or batch.template is None:
                return
            part = batch.people[batch.place : batch.place + AT_ONCE]
            if not part:
                batch.state, batch.ended_at = _State.DONE, at
                batch.save(update_fields=["state", "ended_at"])
                return
            _order(batch, batch.template, part, at)


def waiting(batch: MessageBatch) -> QuerySet[Dispatch]:
    """What was handed to the outbox and has not left."""
    return Dispatch.objects.of(batch.workspace_id).filter(source=SOURCE, source_id=batch.pk, state__in=_WAITS)


def held(batch: MessageBatch) -> QuerySet[Dispatch]:
    """What waited when a backup was made and may have gone out before it was restored: a member decides."""
    return Dispatch.objects.of(batch.workspace_id).filter(source=SOURCE, source_id=batch.pk, state=Dispatch.State.HELD)


def stop(*, batch: MessageBatch, by: Member, at: datetime) -> int:
    """Nothing more is ordered, and what waits is taken back, also when all was ordered already; returns how many. What has all left
    stays done."""
    begun = MessageBatch.objects.of(by.workspace_id).filter(pk=batch.pk, state__in=(_State.SENDING, _State.DONE))
    found = begun.select_for_update(of=("self",)).first()
    if found is None:
        return 0
    count = ordering.take_back(workspace=by.workspace_id, at=at, source_ids=[batch.pk], reason="stopped")
    if found.state == _State.DONE and not count:
        return 0
    begun.update(state=_State.STOPPED, ended_at=at)
    ledger.write("messaging.batch.stopped", workspace=by.workspace_id, by=by, about=batch, at=at, taken_back=count)
    return count


def _order(batch: MessageBatch, template: MessageTemplate, part: Sequence[UUID], at: datetime) -> None:
    looked, account = look(part, template, at=at), _account(template)
    said = [
        Said(
            contact_id=each.contact.pk,
            account=account,
            address=each.address,
            text=each.text,
            values=each.values,
            purpose=template.purpose,
            source=SOURCE,
            source_id=batch.pk,
            due_at=at,
            use_by=at + GOOD_FOR,
            urgency=BULK,
        )
        for each in looked.going
        if account is not None
    ]
    many.say_many(said, workspace_id=batch.workspace_id, by=batch.made_by)
    BatchRefusal.objects.bulk_create(
        BatchRefusal(workspace_id=batch.workspace_id, batch=batch, contact_id=contact, reason=reason)
        for contact, reason in looked.why.items()
    )
    batch.place += len(part)
    batch.ordered += len(said)
    batch.refused = dict(Counter(batch.refused) + looked.refused)
    batch.save(update_fields=["place", "ordered", "refused"])


def _look(  # noqa: PLR0917 (one call, above)
    part: Sequence[UUID],
    template: MessageTemplate,
    texts: dict[str, TemplateText],
    account: ChannelAccount | None,
    workspace: Workspace,
    at: datetime,
    found: Looked,
) -> None:
    people = Contact.objects.of(workspace).alive().in_bulk(part)
    answers = _asked(list(people), template, at, at.astimezone(ZoneInfo(workspace.time_zone)).date())
    for contact in people.values():
        text = planning.text_for(texts, contact.language, workspace.language)
        address = contact.main_email if template.channel == Channel.EMAIL else contact.main_phone
        around = values.Around(workspace, contact)
        read = values.read(text.variables, around, language=text.language) if text else []
        answer = answers.get(contact.pk)
        reason = planning.against(account=account, text=text, address=address, answer=answer, read=read)
        if reason or text is None:
            found.refused[reason] += 1
            found.why[contact.pk] = reason
            if found.refused[reason] <= NAMED:
                found.left_out.setdefault(reason, []).append(contact)
        else:
            found.going.append(Going(contact, text, tuple(read), address))
    if missing := set(part) - people.keys():
        found.refused["in_bin"] += len(missing)
        in_bin = Contact.objects.of(workspace).filter(pk__in=missing)
        found.why.update(dict.fromkeys(in_bin.values_list("id", flat=True), "in_bin"))


def _asked(people: Sequence[UUID], template: MessageTemplate, at: datetime, today: date) -> dict[UUID, gate.Answer]:
    try:
        answers = gate.decide_many(
            people,
            workspace=template.workspace_id,
            purpose=template.purpose,
            channel=template.channel,
            at=at,
            today=today,
        )
    except (UnknownPurpose, UnknownChannel):
        return {}
    return {answer.contact_id: answer for answer in answers}


def _texts(template: MessageTemplate) -> dict[str, TemplateText]:
    approved = (text for text in template.texts.all() if text.state == TemplateText.State.APPROVED)
    return {text.language: text for text in approved if not any(_is_of_service(name) for name in text.variables)}


def _is_of_service(name: str) -> bool:
    value = values.ALL.get(name)
    return value is None or value.is_of_service or name == "date"


def _account(template: MessageTemplate) -> ChannelAccount | None:
    return template.account or accounts.default(template.workspace_id, template.channel)
