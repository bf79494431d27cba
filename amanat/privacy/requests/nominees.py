"""Who may act for a person after death or in incapacity, by her own word (DPDP Act s.14; Rules 2025, r.14).

A nominee asks by the same form as everybody without a code, and the desk makes sure of two things: that the person named this nominee, for
which the nomination stands beside the request, and that the person died or cannot act, for which the nominee shows a paper.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings

from amanat.core import phones
from amanat.privacy.requests import details
from amanat.privacy.requests.details import Details
from amanat.privacy.requests.models import Nomination


@dataclass(frozen=True, slots=True)
class Named:
    """The nominee of a person, and how far who asks agrees with it."""

    name: str
    address: str
    relation: str
    made_at: datetime
    has_name: bool
    has_address: bool

    @property
    def fits(self) -> bool:
        return self.has_name and self.has_address


def of(contact_id: UUID, *, workspace_id: UUID) -> Nomination | None:
    """The nomination in force."""
    return Nomination.objects.of(workspace_id).filter(contact=contact_id, ended_at__isnull=True).first()


def compared(contact_id: UUID, said: Details, *, workspace_id: UUID) -> Named | None:
    """The nominee on file beside who asks; None where the person named nobody."""
    nomination = of(contact_id, workspace_id=workspace_id)
    if nomination is None:
        return None
    nominee = details.nominee_of(nomination)
    name, address = nominee.get("name", ""), nominee.get("address", "")
    return Named(
        name, address, nominee.get("relation", ""), nomination.made_at,
        has_name=_plain(name) == _plain(said.name) != "", has_address=_reach(address) == _reach(said.reply_to) != "",
    )  # fmt: skip


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _reach(address: str) -> str:
    """Telephone numbers are the same however they are written."""
    if "@" in address:
        return _plain(address)
    return phones.parse(address, settings.DEFAULT_REGION) or _plain(address)


__all__ = ["Named", "compared", "of"]
