"""The words that a template may take from a record: what each is called, and how it reads in a language.

A template's variable is one of these names. A value that is not known reads as the empty string, and then the message is
not sent: half a sentence is worse than none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Workspace
from amanat.desk.models import ServiceRecord
from amanat.messaging.channels import stop_words
from amanat.people.models import Contact
from amanat.web import formatting


@dataclass(frozen=True, slots=True)
class Around:
    """Everything a value can be taken from."""

    workspace: Workspace
    contact: Contact
    record: ServiceRecord | None = None
    on_day: date | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """A variable that templates may use. `is_of_service` ones stand only in messages about a service."""

    name: str
    label: str | Promise
    example: str
    read: Callable[[Around], str]
    is_of_service: bool = False


def _day(value: date | None) -> str:
    return formatting.day(value) if value else ""


def _of(around: Around, read: Callable[[ServiceRecord], str]) -> str:
    return read(around.record) if around.record is not None else ""


def _first_name(around: Around) -> str:
    return around.contact.name.split()[0] if around.contact.name.strip() else ""


ALL: dict[str, Value] = {
    value.name: value
    for value in (
        Value("first_name", _("First name"), "Sunita", _first_name),
        Value("name", _("Name"), "Sunita Deshmukh", lambda around: around.contact.name),
        Value("business", _("Name of your firm"), "Shree CSC Kendra", lambda around: around.workspace.name),
        Value("business_phone", _("Phone of your firm"), "+91 253 2579 100", lambda around: formatting.phone(
            around.workspace.phone) if around.workspace.phone else ""),
        Value("date", _("The date reminded of"), "30 Nov 2026", lambda around: _day(around.on_day)),
        Value("service", _("Service"), "PAN correction", lambda around: _of(around, lambda of: of.title), True),
        Value("due_date", _("Day the service is due"), "30 Nov 2026",
              lambda around: _of(around, lambda of: _day(of.due_on)), True),
        Value("expiry_date", _("Day it runs out"), "30 Nov 2026",
              lambda around: _of(around, lambda of: _day(of.expires_on)), True),
        Value("balance", _("What is still owed"), "₹ 250", lambda around: _of(
            around, lambda of: formatting.rupees(of.balance_paise)), True),
        Value("acknowledgement", _("Number from the office"), "881034500012345", lambda around: _of(
            around, lambda of: of.acknowledgement), True),
        Value("number", _("Number of the service"), "1042", lambda around: _of(around, lambda of: str(of.number)), True),
        Value(stop_words.VARIABLE, _("Code of the link that ends such messages"), stop_words.CODE, lambda around: stop_words.CODE),
    )
}  # fmt: skip


def read(names: Sequence[str], around: Around, *, language: str) -> list[str]:
    """The values in the order of `names`, in the language. Raises KeyError for a name that nobody knows."""
    with translation.override(language):
        return [ALL[name].read(around) for name in names]
