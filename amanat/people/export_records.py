"""Contacts and companies on their way out, as drafts of what an import takes in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from amanat.accounts.models import Member
from amanat.people import masking, vocabulary
from amanat.people.importing.drafts import ADDRESS_PARTS, AddressDraft, Draft, EmailDraft, PhoneDraft
from amanat.people.importing.ours import Widths
from amanat.people.models import Address, Company, Contact, CustomField, Email, Phone

_PIECE = 1_000
_REACHES: dict[str, type[Phone] | type[Email] | type[Address]] = {
    "phones": Phone,
    "emails": Email,
    "addresses": Address,
}


@dataclass(slots=True)
class Records:
    """Contacts or companies on their way out, in pieces."""

    on: str
    workspace_id: UUID
    #: the ids in the order of the list; None: all that are not in the bin, oldest first
    ids: Sequence[UUID] | None = None
    #: fields that whoever exports does not get (`people.masking`)
    hidden: frozenset[str] = frozenset()

    @property
    def model(self) -> type[Contact] | type[Company]:
        return Contact if self.on == "contact" else Company

    def fields(self) -> list[CustomField]:
        found = CustomField.objects.of(self.workspace_id).filter(on=self.on, retired_at__isnull=True)
        return [one for one in found.order_by("position", "created_at", "id") if f"custom-{one.key}" not in self.hidden]

    def widths(self) -> Widths:
        phones, emails, addresses = (
            0 if name in self.hidden else self._most(model) for name, model in _REACHES.items()
        )
        return Widths(phones, emails, addresses, self.fields(), without=self.hidden)

    def _most(self, model: type[Phone] | type[Email] | type[Address]) -> int:
        """The most of a kind that one of the records has."""
        column = f"{self.on}_id"
        sql = f'SELECT max(n) FROM (SELECT count(*) AS n FROM "{model._meta.db_table}" WHERE workspace_id = %s AND {column} '  # noqa: S608
        with connection.cursor() as cursor:
            if self.ids is None:
                cursor.execute(f"{sql} IS NOT NULL GROUP BY {column}) AS counted", [self.workspace_id])
            else:
                cursor.execute(f"{sql} = ANY(%s) GROUP BY {column}) AS counted", [self.workspace_id, list(self.ids)])
            return int(cursor.fetchone()[0] or 0)

    def drafts(self) -> Iterator[Draft]:
        owners = {seat.pk: seat.user.email for seat in Member.objects.of(self.workspace_id).select_related("user")}
        words = vocabulary.of(self.workspace_id)
        for piece in self._pieces():
            yield from self._drafts(piece, owners, words)

    def _pieces(self) -> Iterator[list[UUID]]:
        if self.ids is not None:
            for start in range(0, len(self.ids), _PIECE):
                yield list(self.ids[start : start + _PIECE])
            return
        after = UUID(int=0)
        while True:
            rows = self.model.objects.of(self.workspace_id).alive().filter(pk__gt=after).order_by("pk")
            found = list(rows.values_list("pk", flat=True)[:_PIECE])
            if found:
                yield found
                after = found[-1]
            if len(found) < _PIECE:
                return

    def _drafts(self, piece: list[UUID], owners: dict[UUID, str], words: vocabulary.Vocabulary) -> Iterator[Draft]:
        here, holder = self.workspace_id, f"{self.on}_id"
        rows: dict[UUID, Any] = {row.pk: row for row in self.model.objects.of(here).filter(pk__in=piece)}
        drafts = {pk: self._draft(row, owners, words) for pk, row in rows.items()}
        chosen = {f"{holder}__in": piece}
        for phone in Phone.objects.of(here).filter(**chosen).order_by("position", "id"):
            drafts[getattr(phone, holder)].phones.append(
                PhoneDraft(phone.number, phone.label, phone.extension, phone.is_whatsapp)
            )
        for email in Email.objects.of(here).filter(**chosen).order_by("position", "id"):
            drafts[getattr(email, holder)].emails.append(EmailDraft(email.address, email.label))
        for address in Address.objects.of(here).filter(**chosen).order_by("position", "id"):
            parts = {part: value for part in ADDRESS_PARTS if (value := getattr(address, part))}
            drafts[getattr(address, holder)].addresses.append(AddressDraft(address.label, parts))
        if self.on == "contact":
            companies = {row.company_id for row in rows.values() if row.company_id}
            names = (
                dict(Company.objects.of(here).filter(pk__in=companies).values_list("pk", "name")) if companies else {}
            )
            for pk, row in rows.items():
                drafts[pk].company = names.get(row.company_id, "")
                drafts[pk].company_id = str(row.company_id or "")
        return (masking.without(drafts[pk], self.hidden) for pk in piece if pk in drafts)

    def _draft(self, row: Any, owners: dict[UUID, str], words: vocabulary.Vocabulary) -> Draft:
        draft = Draft(
            0,
            our_id=str(row.pk),
            name=row.name,
            owner=owners.get(row.owner_id, ""),
            team=words.teams.get(row.team_id, ""),
            follow_up_on=row.follow_up_on.isoformat() if row.follow_up_on else None,
            external_id=row.external_id,
            source_detail=row.source_detail,
            created_at=row.created_at.isoformat(),
            notes=row.notes,
            tags=words.tag_names(row.tag_ids),
            custom={key: value for key, value in row.custom.items() if value is not None},
        )
        if self.on == "contact":
            draft.job_title, draft.language = row.job_title, row.language
            draft.stage = words.stage_name(row.stage_id)
            draft.birthday = row.birthday.isoformat() if row.birthday else None
        else:
            draft.gstin, draft.website, draft.industry = row.gstin, row.website, row.industry
        return draft
