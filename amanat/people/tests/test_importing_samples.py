"""Sample files with the headings of known programs, read to the end: one contact with everything, one with next to nothing.

Where the headings were seen (product documentation and public code that reads or writes such files, November 2026): Google Contacts
before and since its change of 2024; Outlook for Windows and outlook.com; the "Outlook CSV" of Google Contacts; the contacts export of
Zoho CRM with its columns of ids; HubSpot's export of all contacts; Salesforce's weekly data export (the fields of the object Contact)
and its standard report of contacts. The people in the samples are invented.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from amanat.people.importing import layouts, values
from amanat.people.importing.mapping import Mapping, Target
from amanat.people.importing.readers import open_table
from amanat.people.importing.values import Options, Record

SAMPLES = Path(__file__).with_name("samples")
OPTIONS = Options(today=date(2026, 11, 22))
LAYOUTS = {
    "google-2023.csv": "google", "google-2024.csv": "google", "google-as-outlook.csv": "outlook", "hubspot-contacts.csv": "hubspot",
    "outlook-com.csv": "outlook", "outlook-windows.csv": "outlook", "salesforce-data-export.csv": "salesforce",
    "salesforce-report.csv": "salesforce", "zoho-contacts.csv": "zoho",
}  # fmt: skip


def read(name: str) -> tuple[Mapping, list[Record], list[str]]:
    """The mapping, the records, and what could not be used."""
    table = open_table(str(SAMPLES / name), name)
    mapping = layouts.guess(table)
    converted = [values.convert(row, mapping, OPTIONS) for row in table.rows()]
    problems = [f"{problem.column}: {problem.value}" for one in converted for problem in one.problems]
    return mapping, [one.record for one in converted if one.record is not None], problems


def test_every_sample_is_tested() -> None:
    assert {path.name for path in SAMPLES.iterdir()} == set(LAYOUTS)


@pytest.mark.parametrize(("name", "layout"), LAYOUTS.items())
def test_the_program_is_recognized(name: str, layout: str) -> None:
    mapping, records, problems = read(name)
    assert (mapping.layout, len(records), problems) == (layout, 2, [])
    assert all(match.confidence == 1 for match in mapping.columns if match.target is not Target.CUSTOM)


@pytest.mark.parametrize("name", list(LAYOUTS))
def test_what_every_program_knows_arrives(name: str) -> None:
    sunita = read(name)[1][0]
    assert sunita.name.removeprefix("Smt. ") in {"Sunita Deshmukh", "Sunita R Deshmukh"}
    assert "+919822041736" in [phone.number for phone in sunita.phones]
    # The data export of Salesforce knows the firm by its id only.
    assert sunita.company == ("" if name == "salesforce-data-export.csv" else "Deshmukh Dairy")
    assert sunita.emails[0].address == "sunita@example.in"


@pytest.mark.parametrize("name", list(LAYOUTS))
def test_phones_of_other_people_and_pagers_are_not_hers(name: str) -> None:
    numbers = {phone.number for record in read(name)[1] for phone in record.phones}
    assert numbers <= {"+919822041736", "+919822041737", "+919822041738", "+912532570001"}


@pytest.mark.parametrize("name", list(LAYOUTS))
def test_the_address_stands_there_once(name: str) -> None:
    addresses = read(name)[1][0].addresses
    if name == "hubspot-contacts.csv":
        assert addresses == []
        return
    (address,) = addresses
    assert (address.street, address.city) == ("12 Main Road", "Sinnar")


@pytest.mark.parametrize("name", list(LAYOUTS))
def test_nothing_internal_becomes_a_field_of_the_workspace(name: str) -> None:
    custom = {key for record in read(name)[1] for key in record.custom}
    allowed = {
        "google-2023.csv": {"Website 1"}, "google-2024.csv": {"Relation 1"}, "hubspot-contacts.csv": {"Lead Status", "Marketing contact status"},
        "outlook-com.csv": {"Assistant's Phone"}, "outlook-windows.csv": {"Spouse", "Assistant's Phone"},
        "google-as-outlook.csv": {"Assistant's Phone"}, "salesforce-data-export.csv": {"AssistantPhone"}, "salesforce-report.csv": set(),
        "zoho-contacts.csv": {"Contact Owner", "Assistant", "Asst Phone", "Email Opt Out"},
    }  # fmt: skip
    assert custom == allowed[name]


_DETAILS: list[tuple[str, dict[str, Any]]] = [
    ("google-2023.csv", {"job_title": "Owner", "birthday": date(1980, 2, 29), "tags": ["Suppliers"], "notes": "Prefers calls, not texts"}),
    ("google-2024.csv", {"job_title": "Owner", "birthday": date(1980, 2, 29), "tags": ["Suppliers"], "notes": "Prefers calls,\nnot texts"}),
    ("outlook-windows.csv", {"job_title": "Owner", "birthday": date(1980, 2, 29), "tags": ["Suppliers"], "name_prefix": "Smt."}),
    ("outlook-com.csv", {"job_title": "Owner", "birthday": date(1980, 2, 29), "tags": [], "notes": "Prefers calls"}),
    ("google-as-outlook.csv", {"job_title": "Owner", "birthday": date(1980, 2, 29), "tags": ["Suppliers"]}),
    ("zoho-contacts.csv", {"external_id": "zcrm_4876876000000474012", "source": "Trade Show", "created_on": date(2024, 3, 12), "tags": ["Suppliers"]}),
    ("hubspot-contacts.csv", {"external_id": "751", "owner_email": "prakash@example.in", "created_on": date(2024, 3, 12)}),
    ("salesforce-data-export.csv", {"external_id": "0035g00000XyZ01AAF", "source": "Web", "created_on": date(2024, 3, 12), "birthday": date(1980, 2, 29)}),
    ("salesforce-report.csv", {"job_title": "Owner", "external_id": ""}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "details"), _DETAILS)
def test_what_the_program_knows_besides_arrives(name: str, details: dict[str, Any]) -> None:
    sunita = read(name)[1][0]
    assert {key: getattr(sunita, key) for key in details} == details


def test_two_numbers_of_one_cell_are_two_phones() -> None:
    sunita = read("google-2023.csv")[1][0]
    assert [(phone.number, phone.label) for phone in sunita.phones] == [
        ("+919822041736", "mobile"), ("+919822041737", "mobile"), ("+912532570001", "home"),
    ]  # fmt: skip


def test_the_second_line_of_an_outlook_street_is_its_locality() -> None:
    assert read("outlook-windows.csv")[1][0].addresses[0].locality == "Near the temple"


@pytest.mark.parametrize(
    "value", ["0/0/00", "00/00/0000", "0-0-00", "0.0.00", "0000-00-00", "0000-00-00 00:00:00", " 0/0/00 "]
)
def test_no_day_is_no_problem(value: str) -> None:
    table = open_table(f"Name,Mobile,DOB\nAsha,9822041736,{value}\n".encode(), "a.csv")
    converted = values.convert(next(iter(table.rows())), layouts.guess(table), OPTIONS)
    assert converted.problems == []
    assert converted.record is not None and converted.record.birthday is None


@pytest.mark.parametrize("value", ["0/1/00", "1/0/2000", "0000-01-00", "0/0", "00"])
def test_half_a_day_is_a_problem(value: str) -> None:
    table = open_table(f"Name,Mobile,DOB\nAsha,9822041736,{value}\n".encode(), "a.csv")
    converted = values.convert(next(iter(table.rows())), layouts.guess(table), OPTIONS)
    assert [problem.column for problem in converted.problems] == ["DOB"]
