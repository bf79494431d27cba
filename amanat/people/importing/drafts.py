"""One row of a file as it will be written: lengths checked, days as ISO texts, custom values under the keys of their fields."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from amanat.core import phones
from amanat.people.importing import values
from amanat.people.importing.values import Problem

ADDRESS_PARTS = ("street", "locality", "city", "district", "state", "postal_code", "country")
LONGEST = {
    "name": 200, "job_title": 120, "external_id": 100, "source_detail": 200, "notes": 10_000, "website": 200, "industry": 80,
    "company": 200, "language": 10, "gstin": 15, "stage": 60, "team": 80, "street": 300, "locality": 120, "city": 120,
    "district": 120, "state": 120, "postal_code": 20, "country": 60,
}  # fmt: skip
_LANGUAGES = {
    "english": "en", "hindi": "hi", "हिन्दी": "hi", "हिंदी": "hi", "marathi": "mr", "मराठी": "mr", "gujarati": "gu", "ગુજરાતી": "gu",
    "bengali": "bn", "bangla": "bn", "বাংলা": "bn", "tamil": "ta", "தமிழ்": "ta", "telugu": "te", "తెలుగు": "te", "kannada": "kn", "ಕನ್ನಡ": "kn",
    "malayalam": "ml", "മലയാളം": "ml", "punjabi": "pa", "ਪੰਜਾਬੀ": "pa", "odia": "or", "oriya": "or", "ଓଡ଼ିଆ": "or", "urdu": "ur", "اردو": "ur",
    "assamese": "as", "অসমীয়া": "as", "konkani": "kok", "sanskrit": "sa", "sindhi": "sd", "nepali": "ne",
}  # fmt: skip


@dataclass(slots=True)
class PhoneDraft:
    number: str
    label: str = ""
    extension: str = ""
    is_whatsapp: bool | None = None


@dataclass(slots=True)
class EmailDraft:
    address: str
    label: str = ""


@dataclass(slots=True)
class AddressDraft:
    label: str = ""
    parts: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Draft:
    """What one row says about a contact or a company. `number` is its row in the file, `our_id` the id it had when we wrote it."""

    number: int
    our_id: str = ""
    name: str = ""
    company: str = ""
    company_id: str = ""  #: the id the company had when we wrote it
    job_title: str = ""
    stage: str = ""
    owner: str = ""  #: e-mail address of the member
    team: str = ""
    language: str = ""
    birthday: str | None = None
    follow_up_on: str | None = None
    created_at: str | None = None
    external_id: str = ""
    source_detail: str = ""
    notes: str = ""
    gstin: str = ""
    website: str = ""
    industry: str = ""
    tags: list[str] = field(default_factory=list)
    phones: list[PhoneDraft] = field(default_factory=list)
    emails: list[EmailDraft] = field(default_factory=list)
    addresses: list[AddressDraft] = field(default_factory=list)
    custom: dict[str, Any] = field(default_factory=dict)

    @property
    def shown_name(self) -> str:
        """Its name; when it has none, whatever else tells it from others."""
        if self.name:
            return self.name
        if self.company:
            return self.company
        if self.phones:
            return phones.national(self.phones[0].number)
        return self.emails[0].address if self.emails else ""

    @property
    def is_named(self) -> bool:
        return bool(self.name or self.company)


#: Makes the stored value of a custom field of the cell's text: (name of the field, text) -> (key, value). Raises ValueError.
Custom = Callable[[str, str], tuple[str, Any]]


def from_record(record: values.Record, *, number: int, custom: Custom, problems: list[Problem]) -> Draft:
    """`problems` gets a line for every value that cannot be kept."""
    draft = Draft(
        number=number,
        name=record.name,
        company=record.company,
        job_title=record.job_title,
        stage=record.stage,
        owner=record.owner_email,
        language=record.language,
        birthday=record.birthday.isoformat() if record.birthday else None,
        created_at=f"{record.created_on.isoformat()}T00:00:00Z" if record.created_on else None,
        external_id=record.external_id,
        source_detail=record.source,
        notes=record.notes,
        gstin=record.gstin,
        tags=record.tags,
        phones=[PhoneDraft(p.number, p.label, "", True if p.label == "whatsapp" else None) for p in record.phones],
        emails=[EmailDraft(e.address, e.label) for e in record.emails],
        addresses=[
            AddressDraft("", parts)
            for address in record.addresses
            if (parts := {part: value for part in ADDRESS_PARTS if (value := getattr(address, part))})
        ],
    )
    for name, text in record.custom.items():
        try:
            key, value = custom(name, text)
        except ValueError as error:
            problems.append(Problem(name, text[:200], str(error)))
        else:
            draft.custom[key] = value
    if draft.gstin and not draft.company:
        draft.notes = f"{draft.notes}\nGSTIN: {draft.gstin}".strip()
    shorten(draft, problems)
    return draft


def shorten(draft: Draft, problems: list[Problem]) -> None:
    """Leave out what is longer than its column; of a name, keep the beginning, so that the row is not lost."""
    if draft.language and len(draft.language) > 3:
        draft.language = _LANGUAGES.get(draft.language.casefold(), draft.language)
    for column in (
        "name",
        "company",
        "job_title",
        "external_id",
        "source_detail",
        "notes",
        "website",
        "industry",
        "language",
        "stage",
    ):
        value = getattr(draft, column)
        if len(value) > LONGEST[column]:
            problems.append(Problem(column, value[:200], too_long(LONGEST[column])))
            setattr(draft, column, value[: LONGEST[column]] if column in {"name", "company"} else "")
    for address in draft.addresses:
        for part, value in list(address.parts.items()):
            if len(value) > LONGEST[part]:
                problems.append(Problem(part, value[:200], too_long(LONGEST[part])))
                del address.parts[part]
    draft.addresses = [address for address in draft.addresses if address.parts]


def too_long(longest: int) -> str:
    return _("The text is longer than %(count)s characters.") % {"count": longest}
