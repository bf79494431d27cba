"""Disclosures to authorities: asked with a legal reason, approved by as many members as the policy names, then given, and written down.

Who asked for it counts as none of the approvers; neither does anybody twice. So nobody can give data to an authority alone.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from amanat.accounts.models import Member
from amanat.accounts.permissions import TABLE, May
from amanat.basis import rules
from amanat.core import ledger
from amanat.people.models import Contact
from amanat.policy.format import Policy
from amanat.privacy.registers.models import AuthorityApproval, AuthorityDisclosure

#: When a policy names no authority among its recipients, nothing may be given to one.
NEEDED_AT_LEAST = 2


class NotApproved(Exception):
    """Too few members have approved."""


class Settled(Exception):
    """It was given or refused already."""


class OwnDemand(Exception):
    """Whoever wrote the demand down cannot approve it."""


def needed(policy: Policy) -> int:
    """How many approvals the policy asks for, two at least."""
    named = [one.approvers for one in policy.recipients.values() if one.when == "law"]
    return max([NEEDED_AT_LEAST, *named])


def others_who_may(demand: AuthorityDisclosure) -> int:
    """How many members there are who may approve it: all who answer requests but the one who wrote it down."""
    roles = [role for role, may in TABLE.items() if May.ANSWER_REQUESTS in may]
    seats = Member.objects.of(demand.workspace_id).filter(role__in=roles, ended_at__isnull=True, user__is_active=True)
    return seats.exclude(pk=demand.asked_by_id).count()


def ask(
    *, authority: str, law: str, reference: str, wanted: str, contact: Contact | None, by: Member, at: datetime
) -> AuthorityDisclosure:
    """Write down that an authority demands data. Nothing leaves."""
    with transaction.atomic():
        asked = AuthorityDisclosure.objects.create(
            workspace_id=by.workspace_id, authority=authority, law=law, reference=reference, wanted=wanted, contact=contact,
            asked_at=at, asked_by=by,
        )  # fmt: skip
        ledger.write(
            "privacy.authority.asked",
            workspace=by.workspace_id,
            by=by,
            about=contact or asked,
            at=at,
            demand=str(asked.pk),
        )
    return asked


def approve(*, disclosure_id: UUID, by: Member, at: datetime) -> int:
    """One member finds the demand lawful; returns how many have. Raises Settled, OwnDemand."""
    with transaction.atomic():
        asked = _open(disclosure_id, by)
        if asked.asked_by_id == by.pk:
            raise OwnDemand
        AuthorityApproval.objects.bulk_create(
            [AuthorityApproval(workspace_id=by.workspace_id, disclosure=asked, member=by, at=at)], ignore_conflicts=True
        )
        ledger.write(
            "privacy.authority.approved",
            workspace=by.workspace_id,
            by=by,
            about=asked.contact_id or asked,
            at=at,
            demand=str(asked.pk),
        )
        return AuthorityApproval.objects.of(by.workspace_id).filter(disclosure=asked).count()


def give(*, disclosure_id: UUID, given: str, by: Member, at: datetime) -> AuthorityDisclosure:
    """The data is handed over. Raises Settled, NotApproved."""
    with transaction.atomic():
        asked = _open(disclosure_id, by)
        approved = AuthorityApproval.objects.of(by.workspace_id).filter(disclosure=asked).count()
        if approved < needed(rules.of(by.workspace_id).policy):
            raise NotApproved
        asked.given, asked.given_at, asked.given_by = given, at, by
        asked.save(update_fields=["given", "given_at", "given_by"])
        ledger.write(
            "privacy.authority.given",
            workspace=by.workspace_id,
            by=by,
            about=asked.contact_id or asked,
            at=at,
            demand=str(asked.pk),
            approvals=approved,
        )
    return asked


def refuse(*, disclosure_id: UUID, because: str, by: Member, at: datetime) -> AuthorityDisclosure:
    """The demand is not met. Raises Settled."""
    with transaction.atomic():
        asked = _open(disclosure_id, by)
        asked.refused_at, asked.refused_by, asked.refused_because = at, by, because
        asked.save(update_fields=["refused_at", "refused_by", "refused_because"])
        ledger.write(
            "privacy.authority.refused",
            workspace=by.workspace_id,
            by=by,
            about=asked.contact_id or asked,
            at=at,
            demand=str(asked.pk),
        )
    return asked


def _open(disclosure_id: UUID, by: Member) -> AuthorityDisclosure:
    """Raises AuthorityDisclosure.DoesNotExist, Settled."""
    asked = AuthorityDisclosure.objects.of(by.workspace_id).select_for_update(of=("self",)).get(pk=disclosure_id)
    if not asked.is_open:
        raise Settled
    return asked
