"""Telling the people a business knows of a new version of its policy, before it holds: once each, in their language.

Members are told by `publishing.mails` in the moment of publishing; this follows for contacts, as far as the policy promises mail. The
gate is asked about each person in the transaction that sends to her. That transaction moves the place in the row of the version on, so a
stop at any moment loses nobody and repeats nobody (a mail whose transaction then failed has the same Message-ID again).
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from amanat.accounts.models import Workspace
from amanat.basis import gate, rules
from amanat.basis.models import Telling
from amanat.core import tenancy
from amanat.people.models import Contact, Email
from amanat.policy.format import Policy
from amanat.publishing import mails
from amanat.publishing.models import PolicyVersion

log = logging.getLogger(__name__)

#: What decisions about these mails are called.
WHAT = "policy change"
#: Mails of one job; the next begins a minute later.
BATCH = 500
#: After so many refusals of one address its person is passed over, so that she holds up nobody.
MOST_TRIES = 5
#: A version older than this is not told of any more: whoever hears of it late was not told ahead.
TOLD_WITHIN = timedelta(days=30)
_LONGEST_WAIT = timedelta(hours=1)


def waiting(at: datetime) -> list[UUID]:
    """Ids of the workspaces where people are still to be told."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT workspaces_with_people_to_tell(%s)", [at])
        return [row[0] for row in cursor.fetchall()]


def open_versions(workspace_id: UUID, *, since: datetime) -> list[PolicyVersion]:
    """Versions published since then of which members were mailed and people are not all told, the oldest first. A first one took
    nothing from anybody: there was no promise before it."""
    found = mailed(workspace_id, since=since)
    done = Telling.objects.of(workspace_id).filter(done_at__isnull=False).values("version_id")
    return list(found.exclude(pk__in=done).order_by("number"))


def mailed(workspace_id: UUID, *, since: datetime) -> QuerySet[PolicyVersion]:
    """Versions published since then that the policy promised to mail."""
    rows = PolicyVersion.objects.of(workspace_id)
    return rows.filter(published_at__gt=since, replaces__gt=0, mails__isnull=False).distinct()


def tell(workspace_id: UUID, *, at: datetime, most: int = BATCH) -> int:
    """Tell the next people of what is to be told in a workspace, at most so many; returns how many were told."""
    with tenancy.inside(workspace_id):
        versions = open_versions(workspace_id, since=at - TOLD_WITHIN)
    told = 0
    for version in versions:
        for _number in range(most - told):
            outcome = _tell_next(workspace_id, version, at)
            if outcome is None:
                break
            told += outcome
    return told


def _tell_next(workspace_id: UUID, version: PolicyVersion, at: datetime) -> int | None:
    """1: told; 0: passed over, or to be tried again; None: nobody is left, or it is not the time to try again."""
    with tenancy.inside(workspace_id):
        place = _locked(workspace_id, version, at)
        if place is None or place.due_at > at:
            return None
        contact = _next(workspace_id, place, version)
        if contact is None:
            place.done_at = at
            place.save(update_fields=["done_at"])
            return None
        outcome = _told(contact, version, at)
        if outcome is None and place.tries + 1 < MOST_TRIES:
            place.tries += 1
            place.due_at = at + min(timedelta(minutes=2**place.tries), _LONGEST_WAIT)
            place.save(update_fields=["tries", "due_at"])
            return 0
        place.after, place.tries = contact.pk, 0
        place.told, place.passed_over = place.told + bool(outcome), place.passed_over + (not outcome)
        place.save(update_fields=["after", "tries", "told", "passed_over"])
        return int(bool(outcome))


def _locked(workspace_id: UUID, version: PolicyVersion, at: datetime) -> Telling | None:
    """The place, made at its first use; None when another job is at it."""
    fresh = Telling(workspace_id=workspace_id, version=version, due_at=at)
    Telling.objects.bulk_create([fresh], ignore_conflicts=True)
    rows = Telling.objects.of(workspace_id).filter(version=version, done_at__isnull=True)
    found: Telling | None = rows.select_for_update(skip_locked=True).first()
    return found


def _next(workspace_id: UUID, place: Telling, version: PolicyVersion) -> Contact | None:
    """The next person who was here when the version was published and has an address that no earlier person has too."""
    same = Email.objects.of(workspace_id).filter(
        address=OuterRef("main_email"), contact_id__lt=OuterRef("pk"), contact__deleted_at__isnull=True
    )
    people = Contact.objects.of(workspace_id).filter(
        pk__gt=place.after, deleted_at__isnull=True, created_at__lte=version.published_at
    )
    found: Contact | None = people.exclude(main_email="").filter(~Exists(same)).order_by("pk").first()
    return found


def purpose(policy: Policy) -> str:
    """For which purpose people are told: a duty of law, where the policy has that purpose."""
    return "law" if "law" in policy.purposes else "service"


def _told(contact: Contact, version: PolicyVersion, at: datetime) -> bool | None:
    """True: sent; False: the gate refused; None: the mail server did not take it."""
    here = version.workspace_id
    workspace = Workspace.objects.of(here).get(pk=here)
    today = at.astimezone(ZoneInfo(workspace.time_zone)).date()
    policy = rules.of(here, at).policy
    answer = gate.decide(contact, workspace=here, purpose=purpose(policy), at=at, today=today, what=WHAT)
    if not answer.is_allowed:
        return False
    try:
        message(contact, version, workspace).send()
    except OSError as problem:  # what smtplib raises
        log.warning("a person was not told of a policy", extra={"problem": type(problem).__name__})
        return None
    return True


def message(contact: Contact, version: PolicyVersion, workspace: Workspace) -> EmailMessage:
    """The mail in the person's language, or the business's."""
    known = dict(settings.LANGUAGES)
    language = next(one for one in (contact.language, workspace.language, "en") if one in known)
    with translation.override(language):
        subject, body = mails.written(version, language=language, closing=_closing(workspace))
    identity = f"<{uuid5(version.pk, str(contact.pk))}@{settings.CONFIGURATION.host_name}>"
    return EmailMessage(
        " ".join(subject.split()),
        body,
        settings.DEFAULT_FROM_EMAIL,
        [contact.main_email],
        headers={"Message-ID": identity},
    )


def _closing(workspace: Workspace) -> str:
    choices = f"{settings.BASE_URL}{reverse('basis:public_start', args=[workspace.pk])}"
    return _(
        "Silence is not taken for a yes: whatever needs your agreement is asked for again. You can see and change what you "
        "agreed to, and ask for your data to be deleted, here: %(url)s"
    ) % {"url": choices}
