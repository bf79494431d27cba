"""Who may do what: four roles, one readable table. The page "Roles" shows `TABLE` as it stands here.

A member may, besides, be limited to the contacts of her teams (`Member.sees`); that narrows rows, not permissions.
"""

from __future__ import annotations

from enum import StrEnum

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    MANAGER = "manager", _("Manager")
    AGENT = "agent", _("Agent")
    AUDITOR = "auditor", _("Auditor (reads only)")


class May(StrEnum):
    """A permission. Each route, rule and button that needs one names it."""

    READ_CONTACTS = "read contacts"
    WRITE_CONTACTS = "write contacts"
    DELETE_CONTACTS = "delete contacts"
    MERGE_CONTACTS = "merge contacts"
    IMPORT = "import"
    EXPORT = "export"
    SHARE_VIEWS = "share views"
    MANAGE_FIELDS = "manage fields"
    READ_SERVICES = "read services"
    WRITE_SERVICES = "write services"
    TAKE_PAYMENTS = "take payments"
    CANCEL_PAYMENTS = "cancel payments"
    OPEN_PAPERS = "open papers"
    WRITE_PAPERS = "write papers"
    MANAGE_CATALOGUE = "manage catalogue"
    READ_TASKS = "read tasks"
    WRITE_TASKS = "write tasks"
    READ_CASES = "read cases"
    WRITE_CASES = "write cases"
    MANAGE_MEMBERS = "manage members"
    MANAGE_WORKSPACE = "manage workspace"
    MANAGE_TOKENS = "manage tokens"
    READ_LEDGER = "read ledger"
    READ_JOBS = "read jobs"
    READ_TRUST = "read trust"
    ANSWER_REQUESTS = "answer requests"
    MANAGE_REMINDERS = "manage reminders"
    MANAGE_POLICY = "manage policy"


_READS = {May.READ_CONTACTS, May.READ_SERVICES, May.READ_TASKS, May.READ_CASES}
_AGENT = _READS | {
    May.WRITE_CONTACTS,
    May.WRITE_SERVICES,
    May.TAKE_PAYMENTS,
    May.OPEN_PAPERS,
    May.WRITE_PAPERS,
    May.WRITE_TASKS,
    May.WRITE_CASES,
}
_MANAGER = _AGENT | {
    May.DELETE_CONTACTS,
    May.MERGE_CONTACTS,
    May.IMPORT,
    May.EXPORT,
    May.SHARE_VIEWS,
    May.MANAGE_FIELDS,
    May.CANCEL_PAYMENTS,
    May.MANAGE_CATALOGUE,
    May.READ_LEDGER,
    May.READ_JOBS,
    May.READ_TRUST,
    May.ANSWER_REQUESTS,
    May.MANAGE_REMINDERS,
}

TABLE: dict[str, frozenset[May]] = {
    Role.OWNER: frozenset(May),
    Role.MANAGER: frozenset(_MANAGER),
    Role.AGENT: frozenset(_AGENT),
    Role.AUDITOR: frozenset(_READS | {May.READ_LEDGER, May.READ_JOBS, May.READ_TRUST}),
}

#: What each permission lets a member do, in words, for the page of roles.
SENTENCES: dict[May, str | Promise] = {
    May.READ_CONTACTS: _("See contacts and companies"),
    May.WRITE_CONTACTS: _("Add and change contacts and companies"),
    May.DELETE_CONTACTS: _("Move contacts to the bin and back"),
    May.MERGE_CONTACTS: _("Merge duplicates"),
    May.IMPORT: _("Import files"),
    May.EXPORT: _("Export lists and the whole workspace"),
    May.SHARE_VIEWS: _("Share saved views with everyone"),
    May.MANAGE_FIELDS: _("Add and change custom fields"),
    May.READ_SERVICES: _("See service records and payments"),
    May.WRITE_SERVICES: _("Write service records"),
    May.TAKE_PAYMENTS: _("Write down payments"),
    May.CANCEL_PAYMENTS: _("Cancel payments"),
    May.OPEN_PAPERS: _("Open papers (each opening is logged)"),
    May.WRITE_PAPERS: _("Attach and remove papers"),
    May.MANAGE_CATALOGUE: _("Change the catalogue of services"),
    May.READ_TASKS: _("See tasks and the calendar"),
    May.WRITE_TASKS: _("Write and finish tasks"),
    May.READ_CASES: _("See support cases"),
    May.WRITE_CASES: _("Write, close and reopen support cases"),
    May.MANAGE_MEMBERS: _("Invite, change and remove members and teams"),
    May.MANAGE_WORKSPACE: _("Change the workspace's details and rules"),
    May.MANAGE_TOKENS: _("Make and revoke API tokens"),
    May.READ_LEDGER: _("Read the ledger"),
    May.READ_JOBS: _("See jobs in the queue and failures"),
    May.READ_TRUST: _("See promises, requests, retention and incidents"),
    May.ANSWER_REQUESTS: _("Answer requests of people about their data, and erase them"),
    May.MANAGE_REMINDERS: _("Set and approve reminders, write to many people at once"),
    May.MANAGE_POLICY: _("Write and publish the privacy policy, hold and close"),
}


def may(role: str, permission: May) -> bool:
    return permission in TABLE.get(role, frozenset())
