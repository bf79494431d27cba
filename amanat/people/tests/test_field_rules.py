"""Rules and pages of custom fields: made, changed, ordered, retired; what happens to values that were there before."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import TABLE, May, Role
from amanat.accounts.tests.factories import make_member, signed_in
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry
from amanat.people import contacts, custom_fields, vocabulary
from amanat.people.custom_fields import FieldDraft
from amanat.people.models import Company, Contact, CustomField, Interaction
from amanat.people.tests.factories import make_company, make_contact, owner

Kind = CustomField.Kind
URL = "/settings/fields/"
#: For each kind: what a person writes, what is kept, and values that are refused.
KINDS: dict[str, tuple[Any, Any, list[Any]]] = {
    Kind.TEXT: (" Sinnar ", "Sinnar", ["x" * 301]),
    Kind.LONG_TEXT: ("one\ntwo", "one\ntwo", ["x" * 5001]),
    Kind.NUMBER: ("1,234.5", 1234.5, ["two", "1e5", "--1", "1.2.3", "1" * 16]),
    Kind.MONEY: ("₹ 1,250.50", 125050, ["12.505", "lots", "1" * 14, "."]),
    Kind.DATE: ("2026-11-21", "2026-11-21", ["21-11-2026", "2026-02-30", "tomorrow"]),
    Kind.TIME: ("2026-11-21T10:30", "2026-11-21T10:30:00+05:30", ["10:30", "2026-11-21T25:00", "now"]),
    Kind.YES_NO: ("yes", True, ["maybe", "2"]),
    Kind.CHOICE: ("Onion", "Onion", ["onions", "Rice", "Onion,Grape"]),
    Kind.CHOICES: (["Onion", "Grape"], ["Onion", "Grape"], [["Rice"], ["Onion", "Rice"], ["onion"]]),
    Kind.PHONE: ("98220 41736", "+919822041736", ["12", "not a number", "+91 1"]),
    Kind.EMAIL: ("A@Example.IN", "a@example.in", ["a@", "a b@example.in", "@x.in"]),
    Kind.LINK: ("example.in/x", "https://example.in/x", ["ftp://x.in", "javascript:alert(1)", "https://", "a b.in", "https://[::1"]),
}  # fmt: skip


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner(shree)


@pytest.fixture
def browser(rekha: Member) -> Client:
    return signed_in(rekha)


def _add(member: Member, label: str = "Crop", kind: str = Kind.TEXT, **fields: Any) -> CustomField:
    if kind in {Kind.CHOICE, Kind.CHOICES}:
        fields.setdefault("choices", ["Onion", "Grape"])
    with tenancy.inside(member.workspace_id):
        draft = FieldDraft(label, kind=kind, **fields)
        return custom_fields.add(workspace=member.workspace, by=member, at=clock.now(), draft=draft)


def _custom(workspace: Workspace) -> list[dict[str, Any]]:
    with tenancy.inside(workspace):
        return list(Contact.objects.of(workspace).order_by("id").values_list("custom", flat=True))


@pytest.mark.sampled
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_form_keeps_each_kind_and_shows_it_again(shree: Workspace, rekha: Member, browser: Client, kind: str) -> None:
    _add(rekha, kind=kind)
    written, kept, _wrong = KINDS[kind]
    made = browser.post("/contacts/new/", {"name": "Asha", "custom-crop": written})
    assert made.status_code == 303
    assert _custom(shree) == [{"crop": kept}]
    form = browser.get(f"{made['Location']}edit/").context["form"]
    again = browser.post(f"{made['Location']}edit/", {"name": "Asha", "custom-crop": form["custom-crop"].value()})
    assert again.status_code == 303
    assert _custom(shree) == [{"crop": kept}]
    with tenancy.inside(shree):
        assert not Interaction.objects.of(shree).filter(kind="change", summary__contains="crop").exists()
    emptied = browser.post(
        f"{made['Location']}edit/", {"name": "Asha", "custom-crop": [] if kind == Kind.CHOICES else " "}
    )
    assert (emptied.status_code, _custom(shree)) == (303, [{}])


@pytest.mark.sampled
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_form_refuses_what_is_no_value_and_keeps_what_was_typed(
    shree: Workspace, rekha: Member, browser: Client, kind: str
) -> None:
    _add(rekha, kind=kind)
    written, kept, wrong = KINDS[kind]
    contact = make_contact(shree, "Asha", custom={"crop": written})
    for value in wrong:
        answer = browser.post(f"/contacts/{contact.pk}/edit/", {"name": "Changed", "custom-crop": value})
        assert answer.status_code == 422, value
        assert list(answer.context["form"].errors) == ["custom-crop"], value
        assert answer.context["form"]["custom-crop"].value() == value
    assert _custom(shree) == [{"crop": kept}]
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).get().name == "Asha"


def test_a_choice_may_be_written_in_any_letter_case(shree: Workspace, rekha: Member, browser: Client) -> None:
    _add(rekha, kind=Kind.CHOICE)
    made = browser.post("/contacts/new/", {"name": "Asha", "custom-crop": "ONION "})
    assert (made.status_code, _custom(shree)) == (303, [{"crop": "Onion"}])


@pytest.mark.sampled
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_required_field_asks_and_an_existing_record_may_stay_without(
    shree: Workspace, rekha: Member, browser: Client, kind: str
) -> None:
    old = make_contact(shree, "From before", phone="")
    _add(rekha, kind=kind, is_required=True)
    refused = browser.post("/contacts/new/", {"name": "Asha"})
    assert (refused.status_code, list(refused.context["form"].errors)) == (422, ["custom-crop"])
    assert "Please fill in “Crop”." in refused.text
    with tenancy.inside(shree):
        day = clock.today(shree.time_zone)
        contacts.change(contact=old, by=rekha, at=clock.now(), changes={"follow_up_on": day})
        with pytest.raises(ValidationError):
            contacts.change(contact=old, by=rekha, at=clock.now(), changes={"custom": {"crop": ""}})
    assert browser.post("/contacts/new/", {"name": "Asha", "custom-crop": KINDS[kind][0]}).status_code == 303
    assert _custom(shree) == [{}, {"crop": KINDS[kind][1]}]


def test_companies_have_their_own_fields(shree: Workspace, rekha: Member) -> None:
    _add(rekha, "Crop"), _add(rekha, "Crop", Kind.NUMBER, on="company"), _add(rekha, "Crop", Kind.DATE, on="service")
    make_contact(shree, "Asha", custom={"crop": "Onion"}), make_company(shree, "Dairy", custom={"crop": "12"})
    with tenancy.inside(shree):
        assert (Contact.objects.of(shree).get().custom, Company.objects.of(shree).get().custom) == (
            {"crop": "Onion"},
            {"crop": 12},
        )
        words = vocabulary.of(shree)
        assert [[field.kind for field in words.fields_on(on)] for on in ("contact", "company", "service")] == [
            ["text"],
            ["number"],
            ["date"],
        ]


def test_the_kind_and_the_place_of_a_field_never_change(shree: Workspace, rekha: Member, browser: Client) -> None:
    field = _add(rekha, kind=Kind.NUMBER)
    make_contact(shree, "Asha", custom={"crop": "12"})
    answer = browser.post(f"{URL}{field.pk}/", {"label": "Acres", "kind": "text", "on": "company", "choices": "a\nb"})
    assert answer.status_code == 303
    with tenancy.inside(shree):
        now = CustomField.objects.of(shree).get()
    assert (now.label, now.kind, now.on, now.key, now.choices) == ("Acres", "number", "contact", "crop", [])
    assert _custom(shree) == [{"crop": 12}]


def test_an_option_that_is_taken_away_stays_where_it_was_chosen(
    shree: Workspace, rekha: Member, browser: Client
) -> None:
    field, many = _add(rekha, kind=Kind.CHOICE), _add(rekha, "Schemes", Kind.CHOICES)
    contact = make_contact(shree, "Asha", custom={"crop": "Onion", "schemes": ["Onion", "Grape"]})
    for one in (field, many):
        answer = browser.post(f"{URL}{one.pk}/", {"label": one.label, "choices": "Grape\nRice"})
        assert answer.status_code == 303
    page = browser.get(f"/contacts/{contact.pk}/").text
    assert "Onion" in page
    with tenancy.inside(shree):  # other changes do not ask about it
        contacts.change(contact=contact, by=rekha, at=clock.now(), changes={"notes": "x"})
    assert _custom(shree) == [{"crop": "Onion", "schemes": ["Onion", "Grape"]}]
    with tenancy.inside(shree), pytest.raises(ValidationError):
        contacts.change(contact=contact, by=rekha, at=clock.now(), changes={"custom": {"crop": "Onion"}})
    with tenancy.inside(shree):
        contacts.change(contact=contact, by=rekha, at=clock.now(), changes={"custom": {"crop": "Rice"}})
    assert _custom(shree) == [{"crop": "Rice", "schemes": ["Onion", "Grape"]}]


@pytest.mark.slow
def test_a_retired_field_keeps_its_values_and_brings_them_back(
    shree: Workspace, rekha: Member, browser: Client
) -> None:
    field = _add(rekha)
    contact = make_contact(shree, "Asha", custom={"crop": "Onion"}, phone="")
    browser.post(f"{URL}{field.pk}/act/", {"act": "retire"})
    assert 'name="custom-crop"' not in browser.get("/contacts/new/").text
    assert "Onion" not in browser.get(f"/contacts/{contact.pk}/").text
    assert browser.post(f"/contacts/{contact.pk}/edit/", {"name": "Asha M", "custom-crop": "Grape"}).status_code == 303
    assert _custom(shree) == [{"crop": "Onion"}]
    with tenancy.inside(shree), pytest.raises(ValidationError, match="no field"):
        contacts.change(contact=contact, by=rekha, at=clock.now(), changes={"custom": {"crop": "Grape"}})
    browser.post(f"{URL}{field.pk}/act/", {"act": "bring_back"})
    assert "Onion" in browser.get(f"/contacts/{contact.pk}/").text
    with tenancy.inside(shree):
        events = LedgerEntry.objects.of(shree).filter(event__startswith="people.field.").order_by("id")
        assert list(events.values_list("event", flat=True)) == [
            "people.field.added", "people.field.retired", "people.field.brought_back",
        ]  # fmt: skip


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"label": ""}, "label"), ({"label": "   "}, "label"), ({"label": "x" * 81}, "label"), ({"kind": "colour"}, "kind"), ({"on": "task"}, "on"),
    ({"kind": "choice"}, "choices"), ({"kind": "choices", "choices": " \n "}, "choices"), ({"kind": "choice", "choices": "x" * 101}, "choices"),
    ({"kind": "choice", "choices": "\n".join(str(n) for n in range(201))}, "choices"), ({"help_text": "x" * 201}, "help_text"),
    ({"personal_kind": "pd:Evil"}, "personal_kind"),
]  # fmt: skip


@pytest.mark.sampled
@pytest.mark.parametrize(("given", "key"), WRONG)
def test_a_field_that_makes_no_sense_is_refused_at_its_place(
    shree: Workspace, browser: Client, given: dict[str, Any], key: str
) -> None:
    answer = browser.post(URL, {"label": "Crop", "kind": "text", "on": "contact", "personal_kind": ""} | given)
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [key])
    with tenancy.inside(shree):
        assert not CustomField.objects.of(shree).exists()


@pytest.mark.parametrize(("given", "key"), WRONG)
def test_the_rule_refuses_it_too(shree: Workspace, rekha: Member, given: dict[str, Any], key: str) -> None:
    said: dict[str, Any] = {"label": "Crop"} | given
    said["choices"] = str(said.get("choices", "")).splitlines()
    with tenancy.inside(shree), pytest.raises(ValidationError) as refused:
        custom_fields.add(workspace=shree, by=rekha, at=clock.now(), draft=FieldDraft(**said))
    assert list(refused.value.message_dict) == [key]


def test_there_is_an_end_to_fields(
    shree: Workspace, rekha: Member, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(custom_fields, "MOST_FIELDS", 1)
    _add(rekha)
    with pytest.raises(ValidationError, match="1 fields already"):
        _add(rekha, "Second")
    _add(rekha, "Of companies", on="company")
    refused = browser.post(URL, {"label": "Second", "kind": "text", "on": "contact"})
    assert refused.status_code == 422 and "retire some first" in refused.text


LABELS = [
    ("Crop", "crop"), ("गाव", "gava"), ("पिकाचे नाव", "pikace_nava"), ("Land (acres)", "land_acres"), ("  A -- B  ", "a_b"), ("₹", "field"),
    ("Иван", "field_2"), ("crop", "crop_2"), ("CROP!", "crop_3"), ("contains", "contains"), ("icontains", "icontains"), ("0", "0"), ("x" * 80, "x" * 50),
]  # fmt: skip


def test_keys_are_plain_letters_and_never_twice(shree: Workspace, rekha: Member) -> None:
    made = [_add(rekha, label).key for label, _key in LABELS]
    assert len(set(made)) == len(made)
    assert all(key.isascii() and key.replace("_", "").isalnum() and key == key.lower() for key in made)
    fixed = {label: key for (label, _expected), key in zip(LABELS, made, strict=True)}
    for label in ("Crop", "Land (acres)", "  A -- B  ", "₹", "crop", "CROP!", "contains", "0"):
        assert fixed[label] == dict(LABELS)[label]


def test_choices_are_tidied(shree: Workspace, rekha: Member) -> None:
    field = _add(rekha, kind=Kind.CHOICE, choices=[" Onion ", "", "Grape", "Onion", "कांदा"])
    assert field.choices == ["Onion", "Grape", "कांदा"]


def test_fields_change_places_with_their_neighbours(shree: Workspace, rekha: Member, browser: Client) -> None:
    fields = {label: _add(rekha, label) for label in ("A", "B", "C")}
    firm = _add(rekha, "Z", on="company")

    def order() -> list[str]:
        with tenancy.inside(shree):
            return [field.label for field in vocabulary.of(shree).fields_on("contact")]

    for label, act, expected in (
        ("C", "up", ["A", "C", "B"]), ("C", "up", ["C", "A", "B"]), ("C", "up", ["C", "A", "B"]), ("A", "down", ["C", "B", "A"]),
        ("A", "down", ["C", "B", "A"]), ("B", "nonsense", ["C", "B", "A"]),
    ):  # fmt: skip
        assert browser.post(f"{URL}{fields[label].pk}/act/", {"act": act}).status_code == 303
        assert order() == expected
    browser.post(f"{URL}{firm.pk}/act/", {"act": "up"})
    browser.post(f"{URL}{fields['B'].pk}/act/", {"act": "retire"})
    browser.post(f"{URL}{fields['B'].pk}/act/", {"act": "up"})
    assert order() == ["C", "A"]


@pytest.mark.parametrize("role", Role.values)
def test_who_may_change_fields(shree: Workspace, rekha: Member, role: str) -> None:
    field = _add(rekha)
    client = signed_in(make_member(shree, role, name="Asha"))
    may = May.MANAGE_FIELDS in TABLE[role]
    statuses = [
        client.get(URL).status_code, client.post(URL, {"label": "New", "kind": "text", "on": "contact"}).status_code,
        client.post(f"{URL}{field.pk}/", {"label": "Changed"}).status_code, client.post(f"{URL}{field.pk}/act/", {"act": "retire"}).status_code,
    ]  # fmt: skip
    assert statuses == ([200, 303, 303, 303] if may else [statuses[0]] * 4)
    assert may or statuses[0] in {403, 404}
    with tenancy.inside(shree):
        assert CustomField.objects.of(shree).count() == (2 if may else 1)
        assert (CustomField.objects.of(shree).get(pk=field.pk).label == "Changed") == may


def test_a_field_of_another_workspace_is_not_there(shree: Workspace, other: Workspace, browser: Client) -> None:
    field = _add(owner(other))
    assert [
        browser.get(f"{URL}{field.pk}/").status_code,
        browser.post(f"{URL}{field.pk}/act/", {"act": "retire"}).status_code,
    ] == [404, 404]
    assert browser.get(f"{URL}{UUID(int=1)}/").status_code == 404


def test_values_are_told_by_the_fields_name_on_the_timeline(shree: Workspace, rekha: Member, browser: Client) -> None:
    _add(rekha, "Piece of land", Kind.YES_NO)
    contact = make_contact(shree, "Asha")
    browser.post(
        f"/contacts/{contact.pk}/edit/",
        {"name": "Asha", "phone_number": contact.main_phone, "custom-piece_of_land": "yes"},
    )
    assert "<dt>Piece of land</dt>" in browser.get(f"/contacts/{contact.pk}/").text
