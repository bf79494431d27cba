"""A file whose columns bear the names of the workspace's own fields, of every kind."""

import io
from datetime import datetime

import pytest

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import clock, tenancy
from amanat.people import custom_fields
from amanat.people.custom_fields import FieldDraft
from amanat.people.import_forms import changed_mapping, column_choices
from amanat.people.importing import converting, runs, working
from amanat.people.importing.mapping import Mapping
from amanat.people.models import Contact, CustomField, ImportRun

Kind = CustomField.Kind
#: What a shop writes, and what is kept of it.
CELLS = {
    Kind.TEXT: ("Bhosale wada", "Bhosale wada"),
    Kind.LONG_TEXT: ("Comes on Fridays", "Comes on Fridays"),
    Kind.NUMBER: ("1,250.5", 1250.5),
    Kind.MONEY: ("Rs. 1,06,500/-", 10650000),
    Kind.DATE: ("5-1-1976", "1976-01-05"),
    Kind.TIME: ("05-01-2026 3:30 pm", "2026-01-05T15:30:00+05:30"),
    Kind.YES_NO: ("Yes", True),
    Kind.CHOICE: ("green", "Green"),
    Kind.CHOICES: ("Red; blue", ["Red", "Blue"]),
    Kind.PHONE: ("098220-12345", "+919822012345"),
    Kind.EMAIL: ("Office@Example.com", "office@example.com"),
    Kind.LINK: ("example.com/a", "https://example.com/a"),
}


def _uploaded(shree: Workspace, text: str) -> ImportRun:
    return runs.upload(source=io.BytesIO(text.encode()), name="list.csv", by=owner_of(shree), at=clock.now())


def _fields(shree: Workspace) -> dict[str, CustomField]:
    owner, made = owner_of(shree), {}
    for kind in CELLS:
        choices = ["Red", "Green", "Blue"] if kind in {Kind.CHOICE, Kind.CHOICES} else []
        draft = FieldDraft(label=f"Own {kind}", kind=kind, on="contact", choices=choices)
        made[str(kind)] = custom_fields.add(workspace=shree, by=owner, at=clock.now(), draft=draft)
    return made


def test_columns_go_into_the_fields_whose_names_they_bear(db: None, shree: Workspace) -> None:
    with tenancy.inside(shree):
        fields = _fields(shree)
        heads, cells = zip(*((f"Own {kind}", text) for kind, (text, _kept) in CELLS.items()), strict=True)
        run = _uploaded(shree, "Name\t" + "\t".join(heads) + "\nZoya\t" + "\t".join(cells) + "\n")
        runs.start(
            run=run,
            mapping=Mapping.from_json(run.mapping),
            options={"existing": "update"},
            by=owner_of(shree),
            at=clock.now(),
        )
        working.work(shree.pk, run.pk)
        contact = Contact.objects.of(shree).get()
        assert contact.custom == {fields[kind].key: kept for kind, (_text, kept) in CELLS.items()}
        assert CustomField.objects.of(shree).count() == len(CELLS), "none was made beside them"
        assert contact.phones.count() == contact.emails.count() == 0, "a field's number is not the person's"


def test_a_column_of_another_name_can_be_led_to_a_field(db: None, shree: Workspace) -> None:
    with tenancy.inside(shree):
        known = list(_fields(shree).values())
        run = _uploaded(shree, "Name,Since\nZoya,05-01-2026 15:30\n")
        mapping = Mapping.from_json(run.mapping)
        word = next(word for word, label in column_choices(mapping, known)[1].targets if label == "Own time")
        led = changed_mapping(mapping, {"column-1": word}, known)
        shown = column_choices(led, known)[1]
        assert (shown.chosen, shown.order, shown.has_order) == (word, "dmy", True)
        assert changed_mapping(mapping, {"column-1": "known-of_nobody"}, known) == mapping


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("21-11-2026 15:30", (15, 30)),
        ("21/11/2026 12.05 AM", (0, 5)),
        ("2026-11-21T09:00", (9, 0)),
        ("21-11-2026", (0, 0)),
    ],
)
def test_the_hour_beside_a_day_is_kept(text: str, hour: tuple[int, int]) -> None:
    found = converting._value(CustomField(kind=Kind.TIME, label="x"), text, "dmy", datetime(2026, 1, 1).date())  # noqa: DTZ001
    moment = datetime.fromisoformat(found)
    assert (moment.date().isoformat(), (moment.hour, moment.minute)) == ("2026-11-21", hour)
