"""Sentences for the ledger entries that this part writes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

SENTENCES = {
    "privacy.incident.reported": _("Breach reported"),
    "privacy.incident.described": _("Breach described"),
    "privacy.incident.people_found": _("People touched by a breach found"),
    "privacy.incident.telling": _("Telling the people ordered"),
    "privacy.incident.people_told": _("People touched by a breach told"),
    "privacy.incident.told": _("Authority told of a breach"),
    "privacy.incident.warned": _("Warned that a period is about to break"),
    "privacy.incident.closed": _("Breach closed"),
}

TABLES = {
    "privacy.Incident": _("breach"),
    "privacy.IncidentClock": _("clock of a breach"),
    "privacy.AffectedPerson": _("breach that touched a person"),
}
