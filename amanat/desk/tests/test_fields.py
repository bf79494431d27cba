"""Custom fields on services: all kinds, on the form, on the page, in the database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.desk.models import ServiceRecord
from amanat.desk.tests.factories import NOW, make_contact, make_record
from amanat.people import custom_fields
from amanat.people.custom_fields import FieldDraft
from amanat.people.models import CustomField

pytestmark = pytest.mark.django_db
Kind = CustomField.Kind
#: By kind: what is typed, what is stored, what the page shows.
CASES: dict[str, tuple[Any, Any, str]] = {
    Kind.TEXT: ("Token <7>", "Token <7>", "Token &lt;7&gt;"),
    Kind.LONG_TEXT: ("One\nTwo", "One\nTwo", "One<br>Two"),
    Kind.NUMBER: ("12.5", 12.5, "12.5"),
    Kind.MONEY: ("1,250", 125_000, "1,250"),
    Kind.DATE: ("2026-11-30", "2026-11-30", "30 Nov 2026"),
    Kind.TIME: ("2026-11-30T09:30", "2026-11-30T09:30:00+05:30", "09:30"),
    Kind.YES_NO: ("no", False, "No"),
    Kind.CHOICE: ("B", "B", "B"),
    Kind.CHOICES: (["A", "B"], ["A", "B"], "A, B"),
    Kind.PHONE: ("98220 41736", "+919822041736", "98220 41736"),
    Kind.EMAIL: ("ASHA@example.in", "asha@example.in", "asha@example.in"),
    Kind.LINK: ("example.in/x", "https://example.in/x", 'href="https://example.in/x"'),
}
WRONG = {
    Kind.NUMBER: "many", Kind.MONEY: "1.234", Kind.DATE: "soon", Kind.TIME: "soon", Kind.YES_NO: "perhaps", Kind.CHOICE: "C",
    Kind.CHOICES: ["C"], Kind.PHONE: "12", Kind.EMAIL: "nobody", Kind.LINK: "ftp://x",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(NOW):
        yield


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


def field(by: Member, kind: str, **details: Any) -> CustomField:
    choices = ["A", "B"] if kind in {Kind.CHOICE, Kind.CHOICES} else []
    draft = FieldDraft(label=f"My {kind}", kind=kind, on="service", choices=choices, **details)
    with tenancy.inside(by.workspace):
        return custom_fields.add(workspace=by.workspace, by=by, at=NOW, draft=draft)


def record_of(by: Member) -> ServiceRecord:
    with tenancy.inside(by.workspace):
        return make_record(by)


def stored(by: Member) -> dict[str, Any]:
    with tenancy.inside(by.workspace):
        return dict(ServiceRecord.objects.of(by.workspace).order_by("-id")[0].custom)


def edited(**values: Any) -> dict[str, Any]:
    return {"title": "PAN correction", "fee_paise": "250", "quantity": "1", **values}


def test_every_kind_has_a_case() -> None:
    assert set(CASES) == set(Kind)


@pytest.mark.sampled
@pytest.mark.parametrize("kind", list(CASES))
def test_a_value_of_each_kind_is_entered_stored_shown_and_entered_again(rekha: Member, kind: str) -> None:
    one, record, browser = field(rekha, kind), record_of(rekha), signed_in(rekha)
    typed, kept, shown = CASES[kind]
    name = custom_fields.input_name(one)
    answer = browser.post(f"/services/{record.pk}/edit/", edited(**{name: typed}))
    assert answer.status_code == 303, answer.text[:3000]
    assert stored(rekha) == {one.key: kept}
    page = browser.get(f"/services/{record.pk}/").text
    assert f"My {kind}" in page and shown in page
    form = browser.get(f"/services/{record.pk}/edit/").context["form"]
    again = form.initial[name]
    assert browser.post(f"/services/{record.pk}/edit/", edited(**{name: again})).status_code == 303
    assert stored(rekha) == {one.key: kept}
    browser.post(f"/services/{record.pk}/edit/", edited())
    assert stored(rekha) == {}


@pytest.mark.sampled
@pytest.mark.parametrize("kind", list(WRONG))
def test_a_wrong_value_is_told_at_its_field_and_nothing_changes(rekha: Member, kind: str) -> None:
    one, record, browser = field(rekha, kind), record_of(rekha), signed_in(rekha)
    name = custom_fields.input_name(one)
    answer = browser.post(f"/services/{record.pk}/edit/", edited(title="Other", **{name: WRONG[kind]}))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [name]
    assert "field-error" in answer.text
    with tenancy.inside(rekha.workspace):
        fresh = ServiceRecord.objects.of(rekha.workspace).get()
        assert (fresh.title, fresh.custom) == ("PAN correction", {})


def test_the_quick_form_has_the_fields_and_asks_for_required_ones(rekha: Member) -> None:
    one, browser = field(rekha, Kind.TEXT, is_required=True), signed_in(rekha)
    name = custom_fields.input_name(one)
    with tenancy.inside(rekha.workspace):
        contact = make_contact(rekha)
    assert f'name="{name}"' in browser.get("/services/new/").text
    asked = {"contact": str(contact.pk), "title": "Affidavit", "fee": "100", "quantity": "1", "method": "cash"}
    answer = browser.post("/services/new/", asked)
    assert answer.status_code == 422 and "Please fill in" in answer.text
    assert browser.post("/services/new/", asked | {name: "Token 7"}).status_code == 303
    assert stored(rekha) == {one.key: "Token 7"}


def test_a_retired_field_keeps_its_value_and_is_not_shown(rekha: Member) -> None:
    one, other, record, browser = field(rekha, Kind.TEXT), field(rekha, Kind.NUMBER), record_of(rekha), signed_in(rekha)
    browser.post(f"/services/{record.pk}/edit/", edited(**{custom_fields.input_name(one): "Token 7"}))
    with tenancy.inside(rekha.workspace):
        custom_fields.retire(field=one, by=rekha, at=NOW)
    browser.post(f"/services/{record.pk}/edit/", edited(**{custom_fields.input_name(other): "5"}))
    assert stored(rekha) == {one.key: "Token 7", other.key: 5}
    assert "Token 7" not in browser.get(f"/services/{record.pk}/").text


def test_fields_of_contacts_are_not_on_services(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        draft = FieldDraft(label="Caste note", kind=Kind.TEXT, on="contact")
        custom_fields.add(workspace=rekha.workspace, by=rekha, at=NOW, draft=draft)
    assert "Caste note" not in signed_in(rekha).get("/services/new/").text
