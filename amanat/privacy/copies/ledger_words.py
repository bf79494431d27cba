"""Sentences for the ledger entries that this part writes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

SENTENCES = {
    "privacy.copy.ordered": _("Copy of a person's data ordered"),
    "privacy.copy.made": _("Copy of a person's data made"),
    "privacy.copy.given": _("Link to the copy sent to the person"),
    "privacy.copy.taken": _("Copy of a person's data taken"),
    "privacy.copy.expired": _("Copy of a person's data destroyed after its time"),
}

TABLES = {
    "privacy.PersonCopy": _("copy of a person's data"),
    "privacy.Sighting": _("opening of a person's page"),
}
