"""What becomes of requests by themselves: ordered copies and erasures come to their end, clocks run, owners are reminded."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.core import outbox, tenancy
from amanat.privacy.copies import handing
from amanat.privacy.copies.making import NoSuchCopy
from amanat.privacy.copies.models import PersonCopy
from amanat.privacy.erasure.models import Erasure, ErasureOpenItem
from amanat.privacy.requests import asking, carrying, clocks, telling
from amanat.privacy.requests.asking import AlreadyAnswered, What
from amanat.privacy.requests.models import Kind, RequestStep, RightsRequest, SeenMessage

State, Outcome, Reason = RightsRequest.State, RightsRequest.Outcome, RightsRequest.Reason
_SOON = timedelta(days=400)


def follow(workspace_id: UUID, *, at: datetime) -> int:
    """Finish the requests whose copy or erasure is done; returns how many."""
    under_way = RightsRequest.objects.of(workspace_id).filter(
        state=State.DOING, kind__in=[Kind.ACCESS, Kind.PORT, Kind.ERASE]
    )
    return sum(follow_one(request, at=at) for request in under_way)


def follow_one(request: RightsRequest, *, at: datetime) -> bool:
    """Finish one request, if what was ordered for it is done; a copy that failed makes it open again."""
    if request.state != State.DOING or request.kind not in {Kind.ACCESS, Kind.PORT, Kind.ERASE}:
        return False
    outcome = _erased(request) if request.kind == Kind.ERASE else _copied(request)
    if outcome is None:
        return False
    with transaction.atomic():
        try:
            held = asking.locked(request)
        except AlreadyAnswered:
            return False
        if outcome == "":
            held.state, held.begun_at, held.result_id = State.OPEN, None, None
            held.save(update_fields=["state", "begun_at", "result_id"])
            return False
        by = _who_began(held)
        asking.finish(
            held, Outcome(outcome), answer="", by=by, at=at, reason=Reason.LAW if outcome == "partly" else None
        )
        asking.step(held, What.FULFILLED, at=at, by=by, outcome=outcome, result=str(held.result_id))
        if held.how == RightsRequest.How.PROTOCOL:
            _hand_over(held, by=by, at=at)
        elif held.kind != Kind.ERASE and telling.answered(held):
            asking.step(held, What.TOLD, at=at, by=None)
    return True


def close_of_the_erased(workspace_id: UUID, *, at: datetime) -> int:
    """Whoever was erased meanwhile has nothing left to correct, to copy or to object to: the other requests of that person are closed,
    with the reason, and do not run late against somebody who is gone. Returns how many."""
    left = RightsRequest.objects.of(workspace_id).filter(
        state__in=[State.OPEN, State.DOING], contact__isnull=True, principal__isnull=False
    )
    return sum(_closed(request, at=at) for request in left.exclude(kind=Kind.ERASE))


def _closed(request: RightsRequest, *, at: datetime) -> bool:
    with transaction.atomic():
        try:
            held = asking.locked(request)
        except AlreadyAnswered:
            return False
        asking.finish(held, Outcome.REFUSED, answer="", by=None, at=at, reason=Reason.NO_DATA)
        asking.step(held, What.REFUSED, at=at, by=None, reason=Reason.NO_DATA.value, because="erased")
    return True


def _copied(request: RightsRequest) -> str | None:
    """The outcome of the copy; None while it is made, "" when it failed."""
    copy = _copy_of(request)
    if copy is None or copy.state == PersonCopy.State.FAILED:
        return ""
    return None if copy.state == PersonCopy.State.ORDERED else Outcome.GRANTED.value


def _copy_of(request: RightsRequest) -> PersonCopy | None:
    copies = PersonCopy.objects.of(request.workspace_id)
    found: PersonCopy | None = copies.filter(pk=request.result_id).first() if request.result_id else None
    return found


def _erased(request: RightsRequest) -> str | None:
    """The outcome of the erasure: in part where a law keeps something sealed; None while anything is left to do."""
    ordered = Erasure.objects.of(request.workspace_id)
    erasure = ordered.filter(pk=request.result_id).first() if request.result_id else None
    if erasure is None:
        return ""
    if not erasure.is_over:
        return None
    open_items = ErasureOpenItem.objects.of(request.workspace_id).filter(erasure=erasure, closed_at__isnull=True)
    if erasure.state == Erasure.State.FAILED and open_items.exists():
        return None
    return Outcome.PARTLY.value if erasure.sealed else Outcome.GRANTED.value


def _hand_over(held: RightsRequest, *, by: Member | None, at: datetime) -> None:
    """A copy that a program asked for goes to the person herself, never to the program: a link and a code. Where neither can reach her
    nothing says that she was told, and the desk sees it."""
    copy = _copy_of(held)
    if copy is None or by is None:
        return
    workspace = Workspace.objects.of(held.workspace_id).get(pk=held.workspace_id)
    try:
        given = handing.give(
            copy=copy, workspace=workspace, base_url=settings.BASE_URL, by=by, at=at, has_nobody_to_tell=True
        )
    except (NoSuchCopy, handing.NoAddress):
        return
    except outbox.NotSent as refused:
        if not refused.is_final:
            raise
        return
    if not given.code:
        asking.step(held, What.TOLD, at=at, by=by)


def _who_began(request: RightsRequest) -> Member | None:
    began = (
        RequestStep.objects.of(request.workspace_id)
        .filter(request=request, what=What.BEGUN)
        .select_related("by")
        .order_by("-id")
        .first()
    )
    return began.by if began else None


def watch(workspace_id: UUID, *, at: datetime) -> int:
    """Remind of the requests whose time runs out, say which are late; returns how many steps were written."""
    waiting = (
        RightsRequest.objects.of(workspace_id)
        .filter(state__in=RightsRequest.OPEN, due_at__lt=at + _SOON)
        .filter(Q(due_at__lte=at) | Q(due_at__lte=at + (F("due_at") - F("received_at")) / 2))
        .order_by("due_at", "id")
    )
    return sum(_watch_one(request, at=at) for request in waiting.iterator(500))


def _watch_one(request: RightsRequest, *, at: datetime) -> int:
    passed = clocks.reminders_passed(request.received_at, request.due_at, at)
    is_late = at >= request.due_at
    if is_late:
        passed = len(clocks.reminders(request.received_at, request.due_at)) + 1
    if passed <= request.warned:
        return 0
    with transaction.atomic():
        try:
            held = asking.locked(request)
        except AlreadyAnswered:
            return 0
        if passed <= held.warned:
            return 0
        is_first, held.warned = held.warned == 0, passed
        held.save(update_fields=["warned"])
        owners = _owners(held.workspace_id)
        if is_first and owners:
            carrying.reviewing(held, by=owners[0], at=at)
        for owner in owners:
            _remind(held, owner, is_late=is_late)
        asking.step(held, What.LATE if is_late else What.WARNED, at=at, by=None, owners=len(owners))
    return 1


def _owners(workspace_id: UUID) -> list[Member]:
    seats = Member.objects.of(workspace_id).filter(role=Role.OWNER, ended_at__isnull=True)
    return list(seats.select_related("user", "workspace").order_by("joined_at", "id")[:20])


def _remind(request: RightsRequest, owner: Member, *, is_late: bool) -> None:
    """Names no person: a mailbox is not the place for it."""
    with translation.override(owner.user.language):
        told = {
            "number": request.short,
            "what": request.get_kind_display(),
            "day": telling.day(request),
            "link": settings.BASE_URL + reverse("privacy:request", args=[request.pk]),
        }
        if is_late:
            subject = _("A request is late: %(what)s") % told
            body = _("The request %(number)s (%(what)s) was to be answered by %(day)s. Answer it now: %(link)s") % told
        else:
            subject = _("A request waits for an answer: %(what)s") % told
            body = _("The request %(number)s (%(what)s) is to be answered by %(day)s: %(link)s") % told
        EmailMessage(subject, body, settings.DEFAULT_FROM_EMAIL, [owner.user.email]).send()


def forget_messages(workspace_id: UUID, *, at: datetime) -> int:
    """Signed messages that can no longer be used need not be known; returns how many went."""
    return SeenMessage.objects.of(workspace_id).filter(expires_at__lt=at).delete()[0]


def sweep(workspaces: Iterable[UUID], *, at: datetime) -> None:
    """All of it for each workspace, each act in a transaction of its own: a mail server that refuses a reminder keeps no copy waiting.

    Raises the first thing that went wrong, after everything was tried.
    """
    wrong: list[Exception] = []
    for workspace_id in workspaces:
        for act in (follow, close_of_the_erased, watch, forget_messages):
            try:
                with tenancy.inside(workspace_id):
                    act(workspace_id, at=at)
            except Exception as error:  # whatever it is, the others' turn comes
                wrong.append(error)
    if wrong:
        raise wrong[0]
