"""What the API of contacts and that of companies share: shapes of phones, addresses and lines, and turning them into drafts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from pydantic import BaseModel, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from amanat.accounts.api_access import ApiRequest
from amanat.accounts.api_shapes import LISTED, After, Day, Limit, Listed, Moment, Strict, broken_key, next_of
from amanat.core import clock, phones
from amanat.people import bin as deleted
from amanat.people import drafts, lists, masking, notes, timeline
from amanat.people.drafts import AddressDraft
from amanat.people.models import Company, Contact, CustomField, Interaction
from amanat.people.records import Lines, Same
from amanat.people.vocabulary import Vocabulary

type CustomValue = StrictBool | StrictInt | StrictFloat | StrictStr | list[StrictStr] | None
type Label = Annotated[str, Field(max_length=30, examples=["mobile"])]
_MOST_PAISE = 10**15
#: Fields of an answer whose name in `masking` is another.
_FIELDS = {"phone": "phones", "email": "emails", "stage_id": "stage", "company_id": "company"}
#: Fields of the API whose name in a draft is another.
_DRAFT_NAMES = {"owner_id": "owner", "team_id": "team", "stage_id": "stage"}


class PhoneShape(Strict):
    number: str = Field(
        max_length=40, examples=["+919822041736"], description="E.164 in answers; as people write it when sent."
    )
    label: Label = ""


class EmailShape(Strict):
    address: str = Field(max_length=254, examples=["sunita@example.in"])
    label: Label = ""


class AddressShape(Strict):
    street: str = Field(default="", max_length=300)
    locality: str = Field(default="", max_length=120, description="Village or area.")
    city: str = Field(default="", max_length=120)
    district: str = Field(default="", max_length=120)
    state: str = Field(default="", max_length=120)
    postal_code: str = Field(default="", max_length=20, examples=["431005"])
    country: str = Field(default="", max_length=60)
    label: Label = ""


class RecordIn(Strict):
    """What may be said about a contact or a company. In a change, what is left out stays as it is."""

    name: str = Field(default="", max_length=drafts.NAME, examples=["Sunita Deshmukh"])
    phones: Annotated[list[PhoneShape], Field(max_length=drafts.MOST_REACHES)] = []
    emails: Annotated[list[EmailShape], Field(max_length=drafts.MOST_REACHES)] = []
    addresses: Annotated[list[AddressShape], Field(max_length=drafts.MOST_REACHES)] = []
    tags: Annotated[list[str], Field(max_length=drafts.MOST_TAGS)] = Field(
        default=[], description="Names; a tag that is not there yet is made."
    )
    owner_id: UUID | None = Field(default=None, description="Left out of a new record: the token's member.")
    team_id: UUID | None = None
    notes: str = Field(default="", max_length=drafts.NOTES)
    follow_up_on: Day | None = None
    custom: Annotated[dict[str, CustomValue], Field(max_length=500)] = Field(
        default={},
        description="Values by the key of the custom field; amounts in paise. In a change, null takes one away.",
    )
    external_id: str = Field(
        default="",
        max_length=100,
        description="Its number in another program, unique here. Only members who see all records write it.",
    )


class RecordOut(BaseModel):
    id: UUID
    name: str
    phones: list[PhoneShape]
    emails: list[EmailShape]
    addresses: list[AddressShape]
    tags: list[str]
    owner_id: UUID | None
    team_id: UUID | None
    notes: str
    follow_up_on: Day | None
    custom: dict[str, Any]
    external_id: str
    source: str
    created_at: Moment
    updated_at: Moment
    last_contact_at: Moment | None


class RecordLine(BaseModel):
    """A record as lists show it; read it by its id for all of it."""

    id: UUID
    name: str
    tags: list[str]
    owner_id: UUID | None
    team_id: UUID | None
    follow_up_on: Day | None
    custom: dict[str, Any]
    external_id: str
    source: str
    created_at: Moment
    updated_at: Moment
    last_contact_at: Moment | None


#: Plain aliases: ninja must see that they are lists.
Names = list[str]
Days = Annotated[list[str], Field(examples=[["2026-11-01"]])]


class RecordFilters(Strict):
    """Filters that both lists have."""

    limit: Limit = LISTED
    after: After = ""
    sort: Literal[
        "created", "-created", "name", "-name", "last_contact", "-last_contact", "follow_up", "-follow_up"
    ] = "-created"
    owner: Names = Field(default=[], description="Ids, `none` or `me`.")
    team: Names = []
    tag: Names = []
    source: Names = []
    city: Names = []
    follow_up: Names = Field(default=[], description="`due`, `week`, `later` or `none`.")
    last_contact_after: Days = []
    last_contact_before: Days = []
    created_after: Days = []
    created_before: Days = []


class NoteIn(Strict):
    text: str = Field(min_length=1, max_length=10_000, examples=["Asked for the new form."])
    kind: Literal["note", "call", "message"] = "note"


class LineOut(BaseModel):
    """One line of a timeline."""

    id: UUID
    happened_at: Moment
    kind: str
    summary: str
    body: str
    actor_id: UUID | None
    actor: str
    reference_id: UUID | None = Field(description="The row the line is about, such as a service record.")


class LinePage(Listed[LineOut]):
    """Lines, newest first."""


class LikelyIn(Strict):
    """What a new record would have."""

    name: str = Field(default="", max_length=drafts.NAME)
    phones: Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=drafts.MOST_REACHES)] = []
    emails: Annotated[list[Annotated[str, Field(max_length=254)]], Field(max_length=drafts.MOST_REACHES)] = []


class SameOut(BaseModel):
    id: UUID
    name: str
    reason: Literal["phone", "email", "name"]
    value: str = Field(description="What the two share.")


class SamePage(Listed[SameOut]):
    """At most five, those with the same phone first."""


_LINE_VALUES = (
    "id", "name", "tag_ids", "owner_id", "team_id", "follow_up_on", "custom", "external_id", "source", "created_at",
    "updated_at", "last_contact_at",
)  # fmt: skip


def find[Row: (Contact, Company)](request: ApiRequest, model: type[Row], identity: UUID) -> Row:
    """A record the member may see that is not in the bin; anything else does not exist."""
    seen: Any = model.objects.of(request.workspace).visible_to(request.member).alive()
    if model is Contact:
        seen = seen.select_related("company")
    found: Row | None = seen.filter(pk=identity).first()
    if found is None:
        raise Http404
    return found


def draft_values(given: RecordIn, words: Vocabulary, *, on: str) -> dict[str, Any]:
    """The fields that were given, as a draft has them. Raises ValidationError."""
    found: dict[str, Any] = {}
    for name in given.model_fields_set - {"updated_at"}:
        value = getattr(given, name)
        if name == "phones":
            value = [(each.number, each.label) for each in value]
        elif name == "emails":
            value = [(each.address, each.label) for each in value]
        elif name == "addresses":
            value = [AddressDraft(**each.model_dump()) for each in value]
        elif name == "custom":
            value = custom_entered(value, words, on=on)
        found[_DRAFT_NAMES.get(name, name)] = value
    return found


def custom_entered(values: dict[str, CustomValue], words: Vocabulary, *, on: str) -> dict[str, Any]:
    """Custom values as people enter them: an amount in rupees. Raises ValidationError for a value of the wrong type."""
    kinds = {field.key: field.kind for field in words.fields_on(on)}
    errors: dict[str, str] = {}
    found: dict[str, Any] = {}
    for key, given in values.items():
        kind, value = kinds.get(key, ""), given
        if kind == CustomField.Kind.MONEY and value is not None:
            if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MOST_PAISE:
                errors[f"custom-{key}"] = _("Send an amount as a whole number of paise.")
                continue
            sign, paise = "-" if value < 0 else "", abs(value)
            value = f"{sign}{paise // 100}.{paise % 100:02}"
        elif isinstance(value, list) != (kind == CustomField.Kind.CHOICES) and value is not None and kind:
            errors[f"custom-{key}"] = _("Send a list for several of a list, one value for anything else.")
            continue
        found[key] = value
    if errors:
        raise ValidationError(errors)
    return found


def custom_shown(values: dict[str, Any], words: Vocabulary, *, on: str) -> dict[str, Any]:
    """Stored values of the fields in use; moments in UTC."""
    shown: dict[str, Any] = {}
    for field in words.fields_on(on):
        value = values.get(field.key)
        if value is None:
            continue
        if field.kind == CustomField.Kind.TIME:
            try:
                value = datetime.fromisoformat(value).astimezone(UTC)
            except (TypeError, ValueError):
                continue  # written by another hand
        shown[field.key] = value
    return shown


def shared(record: Contact | Company, lines: Lines, words: Vocabulary, *, on: str) -> dict[str, Any]:
    """What answers about contacts and companies have in common."""
    numbers, mails, addresses = lines
    return {
        "id": record.pk,
        "name": record.name,
        "phones": [PhoneShape.model_construct(number=number, label=label) for number, label in numbers],
        "emails": [EmailShape.model_construct(address=address, label=label) for address, label in mails],
        "addresses": [
            AddressShape.model_construct(
                label=line.label, **{part: getattr(line, part) for part in drafts.ADDRESS_PARTS}
            )
            for line in addresses
        ],
        "tags": words.tag_names(record.tag_ids),
        "owner_id": record.owner_id,
        "team_id": record.team_id,
        "notes": record.notes,
        "follow_up_on": record.follow_up_on,
        "custom": custom_shown(record.custom, words, on=on),
        "external_id": record.external_id,
        "source": record.source,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "last_contact_at": record.last_contact_at,
    }


def page_of(
    request: HttpRequest, words: Vocabulary, *, on: str, values: tuple[str, ...], after: str, size: int
) -> tuple[list[dict[str, Any]], str | None]:
    """One page of a list as the address asks for it: rows as shapes want them, and where to go on. Raises lists.Refused."""
    asked = request.GET.copy()
    asked.pop("limit", None)
    definition = lists.parse(asked, on=on, words=words)
    names = (*_LINE_VALUES, *values)
    member = cast(ApiRequest, request).member
    page = lists.page(definition, member=member, words=words, values=names, after=after, size=size)
    found = [dict(zip(names, row, strict=True)) for row in page.rows]
    for row in found:
        row["tags"] = words.tag_names(row.pop("tag_ids"))
        row["custom"] = custom_shown(row["custom"], words, on=on)
    return found, next_of(request, page.after)


def guarded(request: ApiRequest, words: Vocabulary, found: dict[str, Any]) -> dict[str, Any]:
    """The fields of a contact as the token's member may see them: what is hidden from her comes back empty."""
    held = masking.guard(request.member, words, request.purpose)
    if held.is_open:
        return found
    closed = masking.kinds_of(words).keys() if found["id"] in held.restricted else held.withheld | held.masked
    custom = {key: value for key, value in found["custom"].items() if f"custom-{key}" not in closed}
    plain = {name: _empty(value) if _FIELDS.get(name, name) in closed else value for name, value in found.items()}
    masking.note(held, request.member, (_FIELDS.get(name, name) for name in found))
    return plain | {"custom": {} if found["id"] in held.restricted else custom}


def is_restricted(request: ApiRequest, record: Contact | Company, words: Vocabulary) -> bool:
    """Whether the record is a person whose data may only be kept: a program reads and writes nothing of it."""
    return isinstance(record, Contact) and record.pk in masking.guard(request.member, words, request.purpose).restricted


def _empty(value: Any) -> Any:
    return [] if isinstance(value, list) else "" if isinstance(value, str) else None


def timeline_of(
    request: HttpRequest, record: Contact | Company, words: Vocabulary, *, after: str, limit: int
) -> LinePage:
    place = timeline.Place.parse(after) if after else None
    if after and place is None:
        raise broken_key()
    if is_restricted(cast(ApiRequest, request), record, words):
        return LinePage(items=[], next=None)
    lines = timeline.of(record, after=place, limit=limit + 1)
    more, lines = len(lines) > limit, lines[:limit]
    key = str(timeline.Place(lines[-1].happened_at, lines[-1].pk)) if more else None
    return LinePage(items=[_line(line, words) for line in lines], next=next_of(request, key))


def _line(line: Interaction, words: Vocabulary) -> LineOut:
    return LineOut(
        id=line.pk,
        happened_at=line.happened_at,
        kind=line.kind,
        summary=timeline.summary_of(line),
        body=line.body,
        actor_id=line.actor_id,
        actor=words.member_name(line.actor_id),
        reference_id=line.reference_id,
    )


def write_note(request: HttpRequest, record: Contact | Company, note: NoteIn, words: Vocabulary) -> LineOut:
    if not note.text.strip():
        raise ValidationError({"text": _("Write a note or choose a file.")})
    if is_restricted(cast(ApiRequest, request), record, words):
        raise ValidationError({"text": _("The use of this person's data is restricted. Open it on its page first.")})
    member = cast(ApiRequest, request).member
    return _line(notes.write(record=record, by=member, at=clock.now(), text=note.text, kind=note.kind), words)


def likely(request: HttpRequest, wanted: LikelyIn, rule: Callable[..., list[Same]]) -> SamePage:
    """Records that may be the one described; numbers that are none are passed over."""
    numbers = [number for text in wanted.phones if (number := phones.parse(text)) is not None]
    mails = [address.strip().lower() for address in wanted.emails if address.strip()]
    found = rule(member=cast(ApiRequest, request).member, phones=numbers, emails=mails, name=wanted.name.strip())
    return SamePage(
        items=[SameOut(id=same.id, name=same.name, reason=cast(Any, same.reason), value=same.value) for same in found]
    )


def put_into_bin(request: HttpRequest, model: deleted.Kind, identity: UUID) -> None:
    asked = cast(ApiRequest, request)
    if not deleted.delete(model=model, workspace=asked.workspace, by=asked.member, at=clock.now(), ids=[identity]):
        raise Http404


def take_out_of_bin(request: HttpRequest, model: deleted.Kind, identity: UUID) -> None:
    asked = cast(ApiRequest, request)
    restored, _lost = deleted.restore(
        model=model, workspace=asked.workspace, by=asked.member, at=clock.now(), ids=[identity]
    )
    if not restored:
        raise Http404
