"""What is said about a breach: to each person touched, in her language, once; to authorities as drafts with all they ask for.

Contents for people after DPDP Rule 7(1): nature, extent, time, place; likely consequences; measures; what she can do; whom to ask. For the
Board after Rule 7(2), for the authority in the EU after GDPR article 33(3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from amanat.accounts.models import Member, Workspace
from amanat.basis import rules
from amanat.core import codes, ledger, outbox, tenancy
from amanat.people.models import Contact
from amanat.policy.format import Policy
from amanat.privacy.copies.chapters import LANGUAGES, language_of
from amanat.privacy.incidents import clocks, reporting
from amanat.privacy.incidents.models import SAID_TO_PEOPLE, AffectedPerson, Audience, Incident, IncidentClock


class Unwritten(Exception):
    """Parts of the message that the law asks for are missing; `fields` names them."""

    def __init__(self, fields: Sequence[str]) -> None:
        super().__init__(", ".join(fields))
        self.fields = list(fields)


@dataclass(frozen=True, slots=True)
class Draft:
    """A text ready to be sent or to be laid before an authority."""

    audience: Audience
    language: str
    subject: str
    body: str
    is_untranslated: bool = False  #: the owner's words stand in it in her own language


#: What Rule 7(1) asks for and only a person can write.
NEEDED = ("nature", "consequences", "measures", "advice")


def missing(incident: Incident) -> list[str]:
    """The fields that must be written before people can be told."""
    return [name for name in NEEDED if not getattr(incident, name).strip()]


def other_languages(workspace: Workspace) -> list[str]:
    """The languages of messages, without that in which the workspace writes."""
    return [one for one in LANGUAGES if one != language_of(workspace.language)]


def for_people(incident: Incident, *, workspace: Workspace, policy: Policy, language: str) -> Draft:
    """The message to a person touched. What the owner did not write in `language` stands in it as she wrote it."""
    written = incident.in_languages.get(language, {}) if language in other_languages(workspace) else None
    said = {name: (written or {}).get(name) or getattr(incident, name) for name in SAID_TO_PEOPLE}
    with translation.override(language):
        subject = _("Important: your data at %(workspace)s") % {"workspace": workspace.legal_name or workspace.name}
        parts = [
            *([_("THIS IS A DRILL. Nothing has happened to your data.")] if incident.is_drill else []),
            _("Something happened to personal data that we keep, and yours is concerned."),
            f"{pgettext('breach', 'What happened')}: {said['nature']}",
            f"{_('When')}: {_span(incident)}",
            *([f"{_('Where')}: {said['place']}"] if said["place"] else []),
            f"{_('What it may mean for you')}: {said['consequences']}",
            f"{_('What we have done')}: {said['measures']}",
            f"{_('What you can do')}: {said['advice']}",
            f"{_('Whom to ask')}: {_contact(policy)}",
        ]
    body = "\n\n".join(parts) + "\n"
    lacks = written is not None and any(said[name] and not written.get(name) for name in SAID_TO_PEOPLE)
    return Draft(Audience.PEOPLE, language, " ".join(subject.split()), body, is_untranslated=lacks)


def for_authority(
    incident: Incident,
    *,
    audience: Audience,
    workspace: Workspace,
    policy: Policy,
    language: str,
    people: int,
    told: int,
) -> Draft:
    """The report to an authority, with every point that its rule asks for, empty ones marked."""
    with translation.override(language):
        empty = _("(not known yet)")
        lines = [
            (_("Reporting"), f"{workspace.legal_name or workspace.name}, {policy.parties.operator.office}"),
            (_("Contact"), _contact(policy)),
            (_("Nature and extent"), incident.nature),
            (_("Kind"), str(incident.get_kind_display())),
            (_("Time of the breach"), _span(incident)),
            (_("Known since"), _moment(incident.noticed_at)),
            (_("Place"), incident.place),
            (_("People concerned"), str(people)),
            (_("Likely consequences"), incident.consequences),
            (_("Measures taken"), incident.measures),
        ]
        if audience in {Audience.BOARD_DETAIL, Audience.EU_AUTHORITY}:
            lines += [
                (_("Causes and findings"), incident.cause),
                (_("Remedies, so that it does not happen again"), incident.lessons or incident.measures),
                (_("Messages to the people"), _("%(told)d of %(people)d were told") % {"told": told, "people": people}),
            ]
        subject = (
            f"{_('DRILL: ') if incident.is_drill else ''}{_('Report of a personal data breach')}: {audience.label}"
        )
        body = "\n".join(f"{label}: {text.strip() or empty}" for label, text in lines)
    return Draft(audience, language, subject, body + "\n")


def drafts(
    incident: Incident, *, workspace: Workspace, policy: Policy, languages: Sequence[str] = LANGUAGES
) -> list[Draft]:
    """All drafts: to people in each language, to each authority in the first."""
    rows = AffectedPerson.objects.of(workspace).filter(incident=incident)
    people, told = rows.count(), rows.filter(told_at__isnull=False).count()
    found = [for_people(incident, workspace=workspace, policy=policy, language=language) for language in languages]
    for audience in clocks.periods(policy):
        if audience != Audience.PEOPLE:
            found.append(
                for_authority(
                    incident,
                    audience=audience,
                    workspace=workspace,
                    policy=policy,
                    language=languages[0],
                    people=people,
                    told=told,
                )
            )
    return found


def _span(incident: Incident) -> str:
    first, last = _moment(incident.happened_from), _moment(incident.happened_to)
    return first if first == last else f"{first} – {last}"


def _moment(at: datetime) -> str:
    return date_format(timezone.localtime(at), "j M Y, H:i")


def _contact(policy: Policy) -> str:
    parties = policy.parties
    ways = [
        parties.officer.title,
        parties.officer.email,
        parties.contact.email,
        parties.contact.phone,
        parties.contact.post,
    ]
    return ", ".join(dict.fromkeys(way for way in ways if way))


def tell_people(incident_id: UUID, *, workspace_id: UUID, by: UUID | None, at: datetime) -> int:
    """Tell everybody on the list who was not told, each in a transaction of her own; returns how many were told now.

    The row is claimed and the message handed over in one transaction, so nobody is told twice by two workers or a second run. People who share
    an address get one message. In a drill nothing is sent. Raises Unwritten.
    """
    with tenancy.inside(workspace_id):
        incident = Incident.objects.of(workspace_id).get(pk=incident_id)
        workspace = Workspace.objects.of(workspace_id).get(pk=workspace_id)
        policy = rules.of(workspace_id).policy
    lacking = missing(incident)
    if lacking:
        raise Unwritten(lacking)
    texts = {
        language: for_people(incident, workspace=workspace, policy=policy, language=language) for language in LANGUAGES
    }
    done = 0
    while (count := _tell_next(incident, texts, workspace, at)) is not None:
        done += count
    with tenancy.inside(workspace_id):
        _finish(incident, by=by, at=at)
    return done


def _tell_next(incident: Incident, texts: dict[str, Draft], workspace: Workspace, at: datetime) -> int | None:
    """Tell the next person: 1 when told, 0 when she cannot be; None when nobody is left."""
    here = incident.workspace_id
    with tenancy.inside(here):
        rows = AffectedPerson.objects.of(here).filter(incident=incident, told_at__isnull=True, problem="")
        row = rows.select_for_update(of=("self",), skip_locked=True).order_by("id").first()
        if row is None:
            return None
        contact = Contact.objects.of(here).filter(pk=row.contact_id).first() if row.contact_id else None
        to = (contact.main_email or contact.main_phone) if contact else ""
        row.language = language_of(contact.language or workspace.language) if contact else ""
        if not to:
            row.problem = "no address" if contact else "erased"
            row.save(update_fields=["problem", "language"])
            return 0
        row.told_at, row.channel = at, "email" if "@" in to else "sms"
        row.save(update_fields=["told_at", "channel", "language"])
        if not incident.is_drill and not _was_told(incident, row, to):
            try:
                codes.deliver(to, subject=texts[row.language].subject, body=texts[row.language].body)
            except outbox.NotSent as refused:
                if not refused.is_final:
                    raise
                # Her number takes no such text: the others are told all the same, and she by hand.
                row.told_at, row.channel, row.problem = None, "", "refused"
                row.save(update_fields=["told_at", "channel", "problem"])
                return 0
    return 1


def _was_told(incident: Incident, row: AffectedPerson, to: str) -> bool:
    """Whether another record with the same address was told of the same breach."""
    column = "contact__main_email" if "@" in to else "contact__main_phone"
    told = AffectedPerson.objects.of(incident.workspace_id).filter(
        incident=incident, told_at__isnull=False, **{column: to}
    )
    return told.exclude(pk=row.pk).exists()


def _finish(incident: Incident, *, by: UUID | None, at: datetime) -> None:
    """Stop the clock of the people when nobody waits, with the figures as proof."""
    rows = AffectedPerson.objects.of(incident.workspace_id).filter(incident=incident)
    all_of_them, told = rows.count(), rows.filter(told_at__isnull=False).count()
    with transaction.atomic():
        ledger.write(
            "privacy.incident.people_told",
            workspace=incident.workspace_id,
            by=by,
            about=incident,
            at=at,
            count=told,
            of=all_of_them,
        )
        if (
            not rows.filter(told_at__isnull=True, problem="").exists()
            and IncidentClock.objects.of(incident.workspace_id)
            .filter(incident=incident, audience=Audience.PEOPLE)
            .exists()
        ):
            member = Member.objects.of(incident.workspace_id).filter(pk=by).first() if by else None
            reporting.told(incident=incident, audience=Audience.PEOPLE, proof=f"{told}/{all_of_them}", by=member, at=at)
