"""Staff: who has which access and used it last when, and who was trained when, by the interval of the policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from amanat.accounts.models import Member, SignIn
from amanat.accounts.permissions import TABLE
from amanat.core import ledger
from amanat.policy.durations import Duration
from amanat.privacy.registers.models import Training


@dataclass(frozen=True, slots=True)
class Seat:
    """A member with her access and training. `next_on` is the day by which she must be trained (again)."""

    id: UUID
    name: str
    role: str
    sees: str
    permissions: int
    joined_at: datetime
    last_sign_in_at: datetime | None
    trained_on: date | None
    topic: str
    next_on: date

    def is_due(self, on: date) -> bool:
        return self.next_on <= on


def seats(workspace_id: UUID, *, every: Duration) -> list[Seat]:
    """Everyone who has a seat now, by name. One statement."""
    signed = SignIn.objects.filter(user_id=OuterRef("user_id"), outcome=SignIn.Outcome.SIGNED_IN).order_by("-at")
    trained = Training.objects.of(workspace_id).filter(member_id=OuterRef("pk")).order_by("-done_on", "-id")
    members = Member.objects.of(workspace_id).filter(ended_at__isnull=True).order_by("name", "pk")
    found = members.annotate(
        last=Subquery(signed.values("at")[:1]),
        trained_on=Subquery(trained.values("done_on")[:1]),
        topic=Subquery(trained.values("topic")[:1]),
    )
    return [_seat(member, member.last, member.trained_on, member.topic or "", every) for member in found]


def _seat(member: Member, last: datetime | None, trained_on: date | None, topic: str, every: Duration) -> Seat:
    """Who was never trained is due since the day she joined."""
    next_on = every.after_day(trained_on) if trained_on else timezone.localdate(member.joined_at)
    return Seat(
        member.pk, member.name, member.get_role_display(), member.get_sees_display(), len(TABLE[member.role]), member.joined_at, last,
        trained_on, topic, next_on,
    )  # fmt: skip


def record_training(*, member_ids: list[UUID], topic: str, done_on: date, by: Member, at: datetime) -> int:
    """Write down that members were trained; returns how many. Ids of no seat here are left out."""
    with transaction.atomic():
        members = list(Member.objects.of(by.workspace_id).filter(pk__in=member_ids))
        Training.objects.bulk_create(
            Training(
                workspace_id=by.workspace_id, member=one, topic=topic, done_on=done_on, recorded_at=at, recorded_by=by
            )
            for one in members
        )
        if members:
            ledger.write(
                "privacy.training.recorded",
                workspace=by.workspace_id,
                by=by,
                at=at,
                count=len(members),
                done_on=done_on.isoformat(),
            )
    return len(members)
