"""Exports, and that they come back unchanged."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import make_workspace, owner_of
from amanat.core import clock, tenancy
from amanat.people import contacts, custom_fields, export_formats
from amanat.people.custom_fields import FieldDraft
from amanat.people.drafts import AddressDraft, ContactDraft
from amanat.people.export_records import Records
from amanat.people.importing import ours
from amanat.people.models import CustomField, Stage
from amanat.people.tests.test_importing_runs import figures, imported

pytestmark = pytest.mark.django_db
Kind = CustomField.Kind
ENDINGS = {"csv": "csv", "xlsx": "xlsx", "vcf3": "vcf", "vcf4": "vcf", "json": "json"}
FIELDS: dict[str, tuple[str, list[str]]] = {
    "Short note": (Kind.TEXT, []), "Long note": (Kind.LONG_TEXT, []), "Score": (Kind.NUMBER, []), "Fee; net": (Kind.MONEY, []),
    "Met on": (Kind.DATE, []), "Called at": (Kind.TIME, []), "Adult": (Kind.YES_NO, []),
    "Blood": (Kind.CHOICE, ["A+", "=B", "O"]), "Speaks": (Kind.CHOICES, ["हिन्दी", "a;b", "English"]),
    "Second phone": (Kind.PHONE, []), "Second mail": (Kind.EMAIL, []), "Page": (Kind.LINK, []),
}  # fmt: skip
_LETTERS = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cf", "Zl", "Zp", "Co", "Cn"])
_HARD = st.sampled_from(
    [
        "=1+1",
        "+91 98",
        "-5",
        "@x",
        "'=x",
        "a,b;c",
        'say "yes"',
        "\\",
        "श्री",
        "(+91) 98220 41736",
        "9822041736",
        "007",
        "1e5",
        "TRUE",
    ]
)


def texts(most: int) -> st.SearchStrategy[str]:
    plain = st.text(_LETTERS, max_size=most)
    return (plain | _HARD).map(lambda text: " ".join(unicodedata.normalize("NFC", text).split())[:most].strip())


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


def furnish(by: Member) -> dict[str, str]:
    """The fields, stages and teams that random contacts use; returns keys of fields by label."""
    Stage.objects.create(workspace_id=by.workspace_id, key="new", name="New, warm")
    return {
        label: custom_fields.add(
            workspace=by.workspace, by=by, at=clock.now(), draft=FieldDraft(label=label, kind=kind, choices=choices)
        ).key
        for label, (kind, choices) in FIELDS.items()
    }


_NUMBERS = st.integers(6_000_000_000, 9_999_999_999).map(lambda number: f"+91{number}")
_MAILS = st.from_regex(r"[a-z]{1,8}[0-9]{1,4}@[a-z]{2,8}\.in", fullmatch=True)
_DAYS = st.dates(date(1930, 1, 1), date(2020, 1, 1))
_PLACES = st.builds(
    AddressDraft,
    street=texts(60),
    city=texts(30),
    district=texts(30),
    state=texts(20),
    postal_code=texts(8),
    label=texts(10),
)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "Short note": texts(80), "Long note": st.lists(texts(60), max_size=3).map("\n".join), "Score": st.integers(-10**9, 10**9),
    "Fee; net": st.integers(-(10**6), 10**9).map(lambda paise: f"{paise / 100:.2f}"), "Met on": _DAYS.map(str),
    "Called at": st.datetimes(min_value=datetime(2000, 1, 1)  # noqa: DTZ001
       , timezones=st.just(UTC)).map(
        lambda moment: moment.replace(microsecond=0).isoformat()
    ),
    "Adult": st.booleans(), "Blood": st.sampled_from(FIELDS["Blood"][1]),
    "Speaks": st.lists(st.sampled_from(FIELDS["Speaks"][1]), min_size=1, unique=True), "Second phone": _NUMBERS,
    "Second mail": _MAILS, "Page": st.just("https://example.in/a?b=c,d"),
}  # fmt: skip
_PEOPLE = st.fixed_dictionaries(
    {
        "name": texts(60).filter(bool), "phones": st.lists(st.tuples(_NUMBERS, texts(12)), max_size=4, unique_by=lambda p: p[0]),
        "emails": st.lists(st.tuples(_MAILS, texts(12)), max_size=3, unique_by=lambda p: p[0]),
        "addresses": st.lists(_PLACES, max_size=3), "tags": st.lists(texts(20).filter(bool), max_size=4, unique_by=str.casefold),
        "notes": st.lists(texts(80), max_size=3).map("\n".join).map(str.strip), "company_name": texts(40), "job_title": texts(40),
        "birthday": st.none() | _DAYS, "follow_up_on": st.none() | st.dates(date(2026, 1, 1), date(2030, 1, 1)),
        "language": st.sampled_from(["", "hi", "mr"]), "is_new": st.booleans(),
        "custom": st.fixed_dictionaries({}, optional=_VALUES),
    }
)  # fmt: skip


def make_all(by: Member, people: list[dict[str, Any]], keys: dict[str, str]) -> None:
    stage = Stage.objects.of(by.workspace_id).get()
    for place, person in enumerate(people):
        details = {name: value for name, value in person.items() if name not in {"is_new", "custom"}}
        custom = {keys[label]: value for label, value in person["custom"].items() if value != ""}
        contacts.create(
            workspace=by.workspace, by=by, at=clock.now(),
            draft=ContactDraft(**details, custom=custom, stage=stage.pk if person["is_new"] else None, external_id=f"=E-{place}"),
        )  # fmt: skip


def told(workspace: Workspace, on: str = "contact") -> list[dict[str, Any]]:
    """Every record with all it says, without ids; custom values by label."""
    records = Records(on, workspace.pk)
    labels = {field.key: field.label for field in records.fields()}
    found = []
    for draft in records.drafts():
        one = ours.as_object(on, draft)
        one = {name: value for name, value in one.items() if name not in {"id", "company_id"}}
        one["custom"] = {labels[key]: value for key, value in one.get("custom", {}).items()}
        found.append(one)
    return found


def exported(workspace: Workspace, format: str, on: str = "contact") -> bytes:
    return export_formats.in_memory(Records(on, workspace.pk), format)


@pytest.mark.slow  # an import costs the same for one person and for six, and what they are is made up once for all formats
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(people=st.lists(_PEOPLE, min_size=4, max_size=6))
def test_what_is_exported_comes_back_unchanged(db: None, people: list[dict[str, Any]]) -> None:
    here = owner_of(make_workspace("Here"))
    with tenancy.inside(here.workspace):
        make_all(here, people, furnish(here))
        before = told(here.workspace)
        contents = {format: exported(here.workspace, format) for format in ENDINGS}
    for format, content in contents.items():
        there = owner_of(make_workspace("There"))
        run = imported(there, content, name=f"people.{ENDINGS[format]}", existing="update")
        assert figures(run) == ("done", len(people), 0, 0, 0), (format, run.problem)
        with tenancy.inside(there.workspace):
            assert told(there.workspace) == before, format
        again = imported(there, content, name=f"people.{ENDINGS[format]}", existing="update")
        assert figures(again) == ("done", 0, 0, len(people), 0), format
