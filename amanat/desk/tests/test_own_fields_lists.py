"""The workspace's own fields on services: as columns and filters of the list, and through the API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.api_client import Program, owners_program
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.desk import columns
from amanat.desk.models import ServiceRecord
from amanat.desk.tests.factories import NOW, make_contact, make_record, make_service
from amanat.desk.tests.test_fields import CASES, WRONG, field
from amanat.desk.tests.test_pages import statements
from amanat.people import custom_fields
from amanat.people.models import CustomField

pytestmark = pytest.mark.django_db
Kind = CustomField.Kind


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(NOW):
        yield


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


@pytest.fixture
def till(shree: Workspace) -> Program:
    """A program with all the rights of the owner."""
    return owners_program(shree)


def heads(page: str) -> list[str]:
    return re.findall(r'<th scope="col"[^>]*>([^<]*)</th>', page)


def cells(page: str) -> list[str]:
    """The texts of the cells of the first row."""
    row = page.split("<tbody>")[1].split("</tr>", maxsplit=1)[0]
    return [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<td[^>]*>.*?</td>", row, re.S)]


def titles(page: str) -> list[str]:
    return re.findall(r'class="row-link"[^>]*>([^<]*)</a>', page)


# --- columns ---------------------------------------------------------------------------------------------------------


def test_the_usual_columns_stand_when_none_are_chosen(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        make_record(rekha, contact=make_contact(rekha, "Sunita Deshmukh"), paid_paise=5_000, acknowledgement="A-1")
    page = signed_in(rekha).get("/services/").text
    assert heads(page) == [
        "Service",
        "For",
        "Status",
        "Acknowledgement",
        "Due",
        "Expires",
        "Fee",
        "Still to pay",
        "Who does it",
    ]
    assert cells(page)[1:] == ["Sunita Deshmukh", "Open", "A-1", "—", "—", "₹\xa0250", "₹\xa0200", "Rekha Kulkarni"]


@pytest.mark.sampled
@pytest.mark.parametrize("kind", list(CASES))
def test_a_field_of_each_kind_is_a_column(rekha: Member, kind: str) -> None:
    one = field(rekha, kind)
    _typed, kept, shown = CASES[kind]
    with tenancy.inside(rekha.workspace):
        make_record(rekha, custom={one.key: kept})
    page = signed_in(rekha).get(f"/services/?columns=for&columns=custom.{one.key}").text
    assert heads(page) == ["Service", "For", f"My {kind}"]
    plain = re.sub(r"<[^>]*>|href=|[\"']", "", shown)
    assert plain.split("\n")[0].replace("One", "One") in cells(page)[-1] or kind == Kind.LONG_TEXT


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        (["fee", "for"], ["Fee", "For"]),
        (["for", "for", "fee"], ["For", "Fee"]),
        (["nothing", "paid"], ["Paid"]),
        (["quantity", "begun", "follow_up", "paid"], ["How many", "Begun", "Next follow-up", "Paid"]),
        (["custom.nothing"], None),
        (["<script>"], None),
        ([""], None),
    ],
)
def test_columns_come_as_they_are_asked_for_and_unknown_ones_never(
    rekha: Member, asked: list[str], shown: list[str] | None
) -> None:
    with tenancy.inside(rekha.workspace):
        make_record(rekha)
    page = signed_in(rekha).get("/services/", {"columns": asked}).text
    assert heads(page)[1:] == (
        shown or ["For", "Status", "Acknowledgement", "Due", "Expires", "Fee", "Still to pay", "Who does it"]
    )
    assert "<script>" not in page.split("<main")[1].split("</main")[0]


def test_a_retired_field_is_no_column_any_more(rekha: Member) -> None:
    one = field(rekha, Kind.TEXT)
    with tenancy.inside(rekha.workspace):
        make_record(rekha, custom={one.key: "x"})
        custom_fields.retire(field=one, by=rekha, at=NOW)
    page = signed_in(rekha).get(f"/services/?columns=custom.{one.key}").text
    assert "My text" not in page and "For" in heads(page)


def test_the_menu_of_columns_ticks_those_that_stand(rekha: Member) -> None:
    one = field(rekha, Kind.TEXT)
    with tenancy.inside(rekha.workspace):
        make_record(rekha)
    page = signed_in(rekha).get(f"/services/?view=all&columns=custom.{one.key}&columns=fee").text
    menu = page.split('id="columns"')[1].split("</form>")[0]
    ticked = re.findall(r'name="columns" value="([^"]+)" checked', menu)
    assert sorted(ticked) == sorted(["fee", f"custom.{one.key}"])
    assert '<input type="hidden" name="view" value="all">' in menu


@pytest.mark.slow
def test_tabs_filters_and_pages_keep_the_columns(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        for _number in range(51):
            make_record(rekha, contact=None)
    page = signed_in(rekha).get("/services/?columns=fee&columns=paid").text
    assert 'href="?view=all&amp;columns=fee&amp;columns=paid"' in page
    panel = page.split('id="filters"')[1].split("</form>")[0]
    assert panel.count('name="columns"') == 2
    following = re.search(r'rel="next" href="([^"]*)"', page)
    assert following and "columns=fee" in following[1] and "columns=paid" in following[1]


@pytest.mark.parametrize("nasty", ["<b>x</b>", '" onmouseover="alert(1)', "&amp;", "{{ 7*7 }}", "'"])
def test_labels_and_values_are_escaped(rekha: Member, nasty: str) -> None:
    with tenancy.inside(rekha.workspace):
        one = custom_fields.add(
            workspace=rekha.workspace, by=rekha, at=NOW,
            draft=custom_fields.FieldDraft(label=f"Label {nasty}", kind="text", on="service"),
        )  # fmt: skip
        make_record(
            rekha, title=f"Title {nasty}", contact=make_contact(rekha, f"Name {nasty}"), custom={one.key: nasty}
        )
    page = signed_in(rekha).get(f"/services/?columns=for&columns=custom.{one.key}").text
    if nasty not in {"'", "{{ 7*7 }}"}:
        assert nasty not in page.split("<tbody>")[1].split("</tbody>")[0].replace("&amp;amp;", "")
    assert "<b>x</b>" not in page and ("{{ 7*7 }}" in page) == (nasty == "{{ 7*7 }}")


def test_boxes_to_tick_are_for_those_who_may_write(rekha: Member) -> None:
    auditor = make_member(rekha.workspace, Role.AUDITOR)
    with tenancy.inside(rekha.workspace):
        make_record(rekha)
    assert 'name="ids"' in signed_in(rekha).get("/services/").text
    page = signed_in(auditor).get("/services/").text
    assert 'name="ids"' not in page and titles(page) == ["PAN correction"]


def test_every_column_has_a_key_of_its_own_and_a_label_in_words() -> None:
    keys = [column.key for column in columns.COLUMNS]
    assert len(keys) == len(set(keys)) and set(columns.USUAL) <= set(keys)
    assert all(str(column.label).strip() for column in columns.COLUMNS)


# --- filters ---------------------------------------------------------------------------------------------------------


def test_the_panel_offers_a_control_for_each_field(rekha: Member) -> None:
    for kind in (Kind.TEXT, Kind.CHOICE, Kind.CHOICES, Kind.YES_NO):
        field(rekha, kind)
    panel = signed_in(rekha).get("/services/").text.split('id="filters"')[1].split("</form>")[0]
    assert 'name="custom.my_text"' in panel and panel.count("<select") == 6
    assert '<option value="A">A</option>' in panel and '<option value="yes">Yes</option>' in panel


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("custom.my_text=tok", ["Second", "First"]),
        ("custom.my_text=TOKEN+7", ["First"]),
        ("custom.my_choice=B", ["Second"]),
        ("custom.my_choice=A&custom.my_choice=B", ["Second", "First"]),
        ("custom.my_choice=A&custom.my_text=8", []),
        ("custom.my_choice=C", ["Third", "Second", "First"]),
        ("custom.gone=1", ["Third", "Second", "First"]),
        ("custom.my_yes_no=no", ["Second"]),
    ],
)
def test_the_list_is_narrowed_by_own_fields(rekha: Member, address: str, found: list[str]) -> None:
    for kind in (Kind.TEXT, Kind.CHOICE, Kind.YES_NO):
        field(rekha, kind)
    with tenancy.inside(rekha.workspace):
        make_record(rekha, title="First", custom={"my_text": "Token 7", "my_choice": "A", "my_yes_no": True})
        make_record(rekha, title="Second", custom={"my_text": "token 8", "my_choice": "B", "my_yes_no": False})
        make_record(rekha, title="Third")
    assert titles(signed_in(rekha).get(f"/services/?{address}").text) == found


def test_a_chip_names_field_and_value_and_takes_the_filter_away(rekha: Member) -> None:
    field(rekha, Kind.YES_NO)
    with tenancy.inside(rekha.workspace):
        make_record(rekha, custom={"my_yes_no": True})
    page = signed_in(rekha).get("/services/?view=all&custom.my_yes_no=yes")
    [chip] = page.context["chips"]
    assert (chip["label"], chip["value"], chip["remove_url"]) == ("My yes_no", "yes", "?view=all")


def test_a_filter_that_reads_too_long_says_so_instead_of_the_rows(
    rekha: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    from amanat.desk import listing
    from amanat.people.lists import Refused

    field(rekha, Kind.TEXT)
    with tenancy.inside(rekha.workspace):
        make_record(rekha, custom={"my_text": "x"})

    def refuse(*_arguments: object, **_options: object) -> None:
        raise Refused("Too many records would have to be looked through.")

    monkeypatch.setattr(listing, "page", refuse)
    page = signed_in(rekha).get("/services/?custom.my_text=x")
    assert page.status_code == 200 and "Too many records" in page.text and titles(page.text) == []


@pytest.mark.sampled
@pytest.mark.parametrize(
    "address", ["", "?custom.my_text=x", "?columns=custom.my_text&columns=for", "?view=all&custom.my_choice=A"]
)
def test_own_fields_cost_no_statement_a_row(rekha: Member, address: str) -> None:
    field(rekha, Kind.TEXT)
    field(rekha, Kind.CHOICE)
    browser = signed_in(rekha)
    with tenancy.inside(rekha.workspace):
        make_record(rekha, custom={"my_text": "x", "my_choice": "A"})
    browser.get("/services/")
    one = statements(browser, f"/services/{address}")
    with tenancy.inside(rekha.workspace):
        for name in ("Arjun", "Farhana"):
            make_record(rekha, contact=make_contact(rekha, name), custom={"my_text": "x", "my_choice": "A"})
    assert statements(browser, f"/services/{address}") == one
    assert one <= (11 if "custom.my" in address and "columns" not in address else 8)


@pytest.mark.parametrize("with_fields", [False, True])
def test_creating_a_service_takes_at_most_twelve_statements(rekha: Member, with_fields: bool) -> None:
    browser, asked = signed_in(rekha), {"quantity": "1", "method": "cash", "fee": "250", "paid": "100"}
    with tenancy.inside(rekha.workspace):
        asked |= {"contact": str(make_contact(rekha).pk), "service": str(make_service(rekha.workspace).pk)}
    if with_fields:
        for kind in (Kind.TEXT, Kind.CHOICE, Kind.MONEY):
            field(rekha, kind)
        asked |= {"custom-my_text": "Token 7", "custom-my_money": "50"}
    browser.post("/services/new/", asked)
    assert statements(browser, "/services/new/", asked) <= 12
    with tenancy.inside(rekha.workspace):
        stored = ServiceRecord.objects.of(rekha.workspace).order_by("-number")[0]
    assert (stored.number, stored.balance_paise) == (2, 15_000)
    assert stored.custom == ({"my_text": "Token 7", "my_money": 5_000} if with_fields else {})


# --- the API ---------------------------------------------------------------------------------------------------------

#: By kind: what a program sends, what it is answered.
SENT: dict[str, tuple[Any, Any]] = {
    Kind.TEXT: ("Token 7", "Token 7"), Kind.LONG_TEXT: ("One\nTwo", "One\nTwo"), Kind.NUMBER: (12.5, 12.5), Kind.MONEY: (125_000, 125_000),
    Kind.DATE: ("2026-11-30", "2026-11-30"), Kind.TIME: ("2026-11-30T04:00:00Z", "2026-11-30T04:00:00Z"), Kind.YES_NO: (False, False),
    Kind.CHOICE: ("B", "B"), Kind.CHOICES: (["A", "B"], ["A", "B"]), Kind.PHONE: ("98220 41736", "+919822041736"),
    Kind.EMAIL: ("ASHA@example.in", "asha@example.in"), Kind.LINK: ("example.in/x", "https://example.in/x"),
}  # fmt: skip


def body(by: Member, **more: Any) -> dict[str, Any]:
    with tenancy.inside(by.workspace):
        contact = make_contact(by)
    return {"contact_id": str(contact.pk), "title": "PAN correction", "fee_paise": 25_000} | more


def test_every_kind_is_sent() -> None:
    assert set(SENT) == set(Kind)


@pytest.mark.sampled
@pytest.mark.parametrize("kind", list(SENT))
def test_a_program_writes_reads_changes_and_empties_a_field(rekha: Member, till: Program, kind: str) -> None:
    one = field(rekha, kind)
    sent, answered = SENT[kind]
    made = till.post("/service-records", body(rekha, custom={one.key: sent}))
    assert made.status_code == 201, made.text
    assert made.json()["custom"] == {one.key: answered}
    path = f"/service-records/{made.json()['id']}"
    assert till.get(path).json()["custom"] == {one.key: answered}
    assert till.get("/service-records").json()["items"][0]["custom"] == {one.key: answered}
    assert till.patch(path, {"notes": "x"}).json()["custom"] == {one.key: answered}
    assert till.patch(path, {"custom": {one.key: None}}).json()["custom"] == {}
    assert till.patch(path, {"custom": {one.key: sent}}).json()["custom"] == {one.key: answered}


@pytest.mark.sampled
@pytest.mark.parametrize("kind", list(WRONG))
def test_a_wrong_value_is_refused_at_its_field_and_nothing_changes(rekha: Member, till: Program, kind: str) -> None:
    one = field(rekha, kind)
    made = till.post("/service-records", body(rekha)).json()
    for answer in (
        till.patch(f"/service-records/{made['id']}", {"notes": "x", "custom": {one.key: WRONG[kind]}}),
        till.post("/service-records", body(rekha, custom={one.key: WRONG[kind]})),
    ):
        assert answer.status_code == 422, answer.text
        assert one.key in answer.text
    with tenancy.inside(rekha.workspace):
        [record] = ServiceRecord.objects.of(rekha.workspace)
        assert (record.notes, record.custom) == ("", {})


@pytest.mark.parametrize("custom", [{"nothing": "x"}, {"": "x"}, {"my_text'--": 1}])
def test_an_unknown_field_is_refused(rekha: Member, till: Program, custom: dict[str, Any]) -> None:
    field(rekha, Kind.TEXT)
    made = till.post("/service-records", body(rekha)).json()
    assert till.post("/service-records", body(rekha, custom=custom)).status_code == 422
    assert till.patch(f"/service-records/{made['id']}", {"custom": custom}).status_code == 422


def test_a_required_field_is_asked_of_programs_too_but_only_of_new_records(rekha: Member, till: Program) -> None:
    made = till.post("/service-records", body(rekha)).json()
    one = field(rekha, Kind.TEXT, is_required=True)
    refused = till.post("/service-records", body(rekha))
    assert refused.status_code == 422 and "Please fill in" in refused.text
    assert till.patch(f"/service-records/{made['id']}", {"notes": "x"}).status_code == 200
    assert till.patch(f"/service-records/{made['id']}", {"custom": {one.key: ""}}).status_code == 422


def test_values_of_retired_fields_are_kept_and_not_shown(rekha: Member, till: Program) -> None:
    old, new = field(rekha, Kind.TEXT), field(rekha, Kind.NUMBER)
    made = till.post("/service-records", body(rekha, custom={old.key: "Token 7"})).json()
    with tenancy.inside(rekha.workspace):
        custom_fields.retire(field=old, by=rekha, at=NOW)
    changed = till.patch(f"/service-records/{made['id']}", {"custom": {new.key: 3}})
    assert changed.json()["custom"] == {new.key: 3}
    assert till.patch(f"/service-records/{made['id']}", {"custom": {old.key: "x"}}).status_code == 422
    with tenancy.inside(rekha.workspace):
        assert ServiceRecord.objects.of(rekha.workspace).get().custom == {old.key: "Token 7", new.key: 3}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("custom.my_choice=A", ["First"]),
        ("custom.my_choice=A&custom.my_choice=B", ["Second", "First"]),
        ("custom.my_text=7", ["First"]),
        ("custom.my_text=7&view=in_hand", ["First"]),
        ("custom.my_text=nothing", []),
    ],
)
def test_programs_filter_by_own_fields(rekha: Member, till: Program, query: str, found: list[str]) -> None:
    field(rekha, Kind.TEXT)
    field(rekha, Kind.CHOICE)
    with tenancy.inside(rekha.workspace):
        make_record(rekha, title="First", custom={"my_text": "Token 7", "my_choice": "A"})
        make_record(rekha, title="Second", custom={"my_choice": "B"})
    answer = till.get(f"/service-records?{query}")
    assert [each["title"] for each in answer.json()["items"]] == found


@pytest.mark.parametrize(
    "query", ["custom.nothing=1", "custom.my_choice=C", "custom.=1", "custom.my_choice=%00", "customs.my_choice=A"]
)
def test_a_program_is_told_of_a_filter_that_cannot_be(rekha: Member, till: Program, query: str) -> None:
    field(rekha, Kind.CHOICE)
    assert till.get(f"/service-records?{query}").status_code == 422


def test_own_filters_hold_over_the_pages_of_the_api(rekha: Member, till: Program) -> None:
    field(rekha, Kind.CHOICE)
    with tenancy.inside(rekha.workspace):
        for number in range(5):
            make_record(rekha, title=str(number), custom={"my_choice": "AB"[number % 2]})
    first = till.get("/service-records?custom.my_choice=A&limit=2").json()
    assert [each["title"] for each in first["items"]] == ["4", "2"] and "custom.my_choice=A" in first["next"]
    second = till.get(first["next"].partition("/api/v1")[2]).json()
    assert [each["title"] for each in second["items"]] == ["0"] and second["next"] is None
