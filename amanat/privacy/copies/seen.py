"""Who saw a person's data: what is written down today, and the cheap log of members who opened her page.

Recorded: each first opening of her page by a member on a day, every opening of a paper or of a masked value, exports, copies, and every
fact of the ledger about her. Not recorded: lists in which she was a line, and reads through the API beyond their number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.basis import openings
from amanat.core import ids, ledger_words
from amanat.core.models import LedgerEntry
from amanat.core.tenancy import HasId, workspace_id_of
from amanat.desk.models import Paper, PaperOpening
from amanat.people.models import Contact
from amanat.privacy.copies.models import Sighting

#: Facts of the ledger that say what was done with her data; changes of rows name no value and are left to the ledger's own page.
_LISTED = 500
_OPENED = "basis.value.opened"  #: told with its field and reason, from its own table
_EXPORTS = ("people.contacts.exported", "people.workspace.exported")
#: Few of the ledger's entries are exports; without it each copy of a person reads all since she came, a million in an old workspace.
INDEX = f"""
CREATE INDEX IF NOT EXISTS ledger_of_exports ON core_ledgerentry (workspace_id, at) WHERE event IN {_EXPORTS}
"""
_SQL = """
SET LOCAL synchronous_commit = off;
INSERT INTO privacy_sighting (workspace_id, id, contact_id, member_id, "on", at) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """One line: when, by which member (None: the system or the person herself), and what."""

    at: datetime
    member_id: UUID | None
    what: str


def note(*, contact: Contact, by: Member, at: datetime, today: date) -> None:
    """A member opens the page of a person. One statement, which writes the first time of a day only.

    The commit does not wait for the disk: losing the last moments of this log in a crash of the machine is no harm.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SQL, [contact.workspace_id, ids.new(), contact.pk, by.pk, today, at])


def of(contact_id: UUID, *, workspace: HasId | UUID, most: int = _LISTED) -> list[Seen]:
    """Everything recorded about who saw her data or did something with it, newest first, at most `most` lines."""
    here = workspace_id_of(workspace)
    lines = [*_sightings(here, contact_id, most), *_papers(here, contact_id, most), *_exports(here, contact_id, most)]
    lines += [*_openings(here, contact_id, most), *_facts(here, contact_id, most)]
    return sorted(lines, key=lambda one: one.at, reverse=True)[:most]


def _sightings(here: UUID, contact_id: UUID, most: int) -> Iterable[Seen]:
    rows = Sighting.objects.of(here).filter(contact_id=contact_id).order_by("-on", "-at")[:most]
    return [Seen(row.at, row.member_id, _("Opened the person's page")) for row in rows]


def _papers(here: UUID, contact_id: UUID, most: int) -> Iterable[Seen]:
    papers = dict(Paper.objects.of(here).filter(contact_id=contact_id).values_list("pk", "kind"))
    if not papers:
        return []
    kinds = dict(Paper.Kind.choices)
    rows = PaperOpening.objects.of(here).filter(paper_id__in=list(papers)).order_by("-at")[:most]
    words = {"number": _("Read the number on a paper: %(paper)s"), "file": _("Opened a paper: %(paper)s")}
    return [
        Seen(row.at, row.member_id, words.get(row.what, words["file"]) % {"paper": kinds[papers[row.paper_id]]})
        for row in rows
    ]


def _exports(here: UUID, contact_id: UUID, most: int) -> Iterable[Seen]:
    """Exports made while she was here: those of the whole workspace contained her, those of a list may have."""
    since = Contact.objects.of(here).filter(pk=contact_id).values_list("created_at", flat=True).first()
    if since is None:
        return []
    rows = LedgerEntry.objects.of(here).filter(event__in=_EXPORTS, at__gte=since).order_by("-at")[:most]
    whole, part = _("Exported the whole workspace"), _("Exported a list of contacts (this person may have been in it)")
    return [Seen(row.at, row.actor, whole if row.event == _EXPORTS[1] else part) for row in rows]


def _openings(here: UUID, contact_id: UUID, most: int) -> Iterable[Seen]:
    sentence = _("Opened a masked value: %(field)s. %(reason)s: “%(words)s”")
    for one in openings.of(contact_id, workspace=here, most=most):
        yield Seen(one.at, one.member_id, sentence % {"field": one.field, "reason": one.reason, "words": one.words})


def _facts(here: UUID, contact_id: UUID, most: int) -> Iterable[Seen]:
    rows = (
        LedgerEntry.objects.of(here)
        .filter(about=contact_id)
        .exclude(event__startswith="row.")
        .exclude(event=_OPENED)
        .order_by("-at")[:most]
    )
    return [Seen(row.at, row.actor, ledger_words.of(row.event, row.facts)) for row in rows]
