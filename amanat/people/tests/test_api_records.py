"""The API of contacts and companies: shapes and errors field by field, who may do what, filters, pages and what each call costs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import TABLE, May, Role
from amanat.accounts.tests.api_client import Program, owners_program, program
from amanat.accounts.tests.factories import make_member
from amanat.core import clock, routes, tenancy
from amanat.core.models import LedgerEntry
from amanat.people import custom_fields, lists, timeline
from amanat.people.custom_fields import FieldDraft
from amanat.people.drafts import AddressDraft
from amanat.people.models import Company, Contact, Interaction, Merge, Tag
from amanat.people.tests.factories import make_company, make_contact, make_stage, make_team, narrow_member, owner

KINDS = ("contacts", "companies")
NOBODY = str(UUID(int=7))


@pytest.fixture(autouse=True)
def _no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "_over_limit", lambda request, declared: None)


@pytest.fixture
def hers(shree: Workspace) -> Program:
    return owners_program(shree)


def _make(workspace: Workspace, kind: str, name: str = "Sunita", **fields: Any) -> Any:
    return make_contact(workspace, name, **fields) if kind == "contacts" else make_company(workspace, name, **fields)


def _model(kind: str) -> Any:
    return Contact if kind == "contacts" else Company


def _names(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [each["name"] for each in response.json()["items"]]


def _wrong(response: Any) -> list[str]:
    """The places that a refusal names."""
    assert (response.status_code, response["Content-Type"]) == (422, "application/problem+json"), response.content
    said = response.json()
    assert {"type", "title", "status"} <= said.keys()
    return [error.get("pointer", error.get("parameter")) for error in said.get("errors", [])]


def _rows(workspace: Workspace) -> list[Any]:
    with tenancy.inside(workspace):
        return [
            list(model.objects.of(workspace).order_by("id").values()) for model in (Contact, Company, Interaction, Tag)
        ]


# --- what is refused, and where ----------------------------------------------------------------------------------------

_PHONE = {"number": "9822041736"}
SHARED: list[tuple[Any, list[str]]] = [
    ({"name": 7}, ["/name"]), ({"name": None}, ["/name"]), ({"name": "x" * 201}, ["/name"]), ({"name": ["a"]}, ["/name"]), ({"nmae": "A"}, ["/nmae"]),
    ({"id": NOBODY, "name": "A"}, ["/id"]), ({"created_at": "2026-11-21T00:00:00Z", "name": "A"}, ["/created_at"]), ({"source": "file", "name": "A"}, ["/source"]),
    ({"name": "A", "phones": "9822041736"}, ["/phones"]), ({"name": "A", "phones": ["9822041736"]}, ["/phones/0"]), ({"name": "A", "phones": [{}]}, ["/phones/0/number"]),
    ({"name": "A", "phones": [_PHONE, {"number": "12"}]}, ["/phones/1"]), ({"name": "A", "phones": [{"number": "1" * 41}]}, ["/phones/0/number"]),
    ({"name": "A", "phones": [{"number": "9822041736", "label": "x" * 31}]}, ["/phones/0/label"]), ({"name": "A", "phones": [_PHONE] * 21}, ["/phones"]),
    ({"name": "A", "emails": [{"address": "a b"}]}, ["/emails/0"]), ({"name": "A", "emails": [{"address": 7}]}, ["/emails/0/address"]),
    ({"name": "A", "addresses": [{"town": "Pune"}]}, ["/addresses/0/town"]), ({"name": "A", "addresses": [{"city": "x" * 121}]}, ["/addresses/0/city"]),
    ({"name": "A", "tags": "VIP"}, ["/tags"]), ({"name": "A", "tags": ["x" * 61]}, ["/tags"]), ({"name": "A", "tags": ["x"] * 51}, ["/tags"]), ({"name": "A", "tags": [7]}, ["/tags/0"]),
    ({"name": "A", "owner_id": "me"}, ["/owner_id"]), ({"name": "A", "owner_id": NOBODY}, ["/owner_id"]), ({"name": "A", "team_id": NOBODY}, ["/team_id"]),
    ({"name": "A", "notes": "x" * 10_001}, ["/notes"]), ({"name": "A", "follow_up_on": "21-11-2026"}, ["/follow_up_on"]), ({"name": "A", "follow_up_on": "2026-02-30"}, ["/follow_up_on"]),
    ({"name": "A", "external_id": "x" * 101}, ["/external_id"]), ({"name": "A", "custom": []}, ["/custom"]), ({"name": "A", "custom": {"none": "x"}}, ["/custom/none"]),
    ({"name": "A", "custom": {"a/b~c": 1}}, ["/custom/a~1b~0c"]),
]  # fmt: skip
ONLY: dict[str, list[tuple[Any, list[str]]]] = {
    "contacts": [
        ({}, ["/name"]), ({"name": "A", "stage_id": NOBODY}, ["/stage_id"]), ({"name": "A", "company_id": NOBODY}, ["/company_id"]), ({"name": "A", "company": "x" * 201}, ["/company"]),
        ({"name": "A", "job_title": "x" * 121}, ["/job_title"]), ({"name": "A", "language": "x" * 11}, ["/language"]), ({"name": "A", "birthday": "1990"}, ["/birthday"]),
        ({"name": "A", "gstin": "x"}, ["/gstin"]), ({"name": "A", "owner_id": NOBODY, "team_id": NOBODY, "stage_id": NOBODY}, ["/owner_id", "/team_id", "/stage_id"]),
    ],
    "companies": [
        ({}, ["/name"]), ({"name": "A", "gstin": "27AAPFU0939F1ZX"}, ["/gstin"]), ({"name": "A", "gstin": "x" * 16}, ["/gstin"]), ({"name": "A", "website": "x" * 201}, ["/website"]),
        ({"name": "A", "industry": "x" * 81}, ["/industry"]), ({"name": "A", "stage_id": NOBODY}, ["/stage_id"]), ({"name": "A", "birthday": "1990-01-01"}, ["/birthday"]),
    ],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_wrong_value_is_named_and_nothing_is_written(shree: Workspace, hers: Program, kind: str) -> None:
    record = _make(shree, kind)
    before = _rows(shree)
    found = [(body, _wrong(hers.post(f"/{kind}", body))) for body, _places in [*SHARED, *ONLY[kind]]]
    assert found == [*SHARED, *ONLY[kind]]
    url = f"/{kind}/{record.pk}"
    changing = [(body, places) for body, places in [*SHARED, *ONLY[kind]] if body]
    assert [(body, _wrong(hers.patch(url, body))) for body, _places in changing] == changing
    assert _wrong(hers.patch(url, {"name": "", "phones": []})) == ["/name"]
    assert _rows(shree) == before


@pytest.mark.sampled
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[]", 422),
        (b'"x"', 422),
        (b"null", 422),
        (b"{}", 422),
        (b'{"name": "A"} x', 400),
    ],
)
def test_a_body_that_is_no_object_is_refused(
    shree: Workspace, hers: Program, kind: str, body: bytes, status: int
) -> None:
    answer = hers.post(f"/{kind}", body)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert _rows(shree)[0] == _rows(shree)[1] == []


PARAMETERS = [
    ("limit=0", ["limit"]), ("limit=1001", ["limit"]), ("limit=x", ["limit"]), ("sort=password", ["sort"]), ("sort=", ["sort"]), ("page=2", ["page"]), ("stgae=x", ["stgae"]),
    ("workspace_id=x", ["workspace_id"]), ("created_after=x", []), ("follow_up=today", []), ("after=x", []), ("owner=x", []), ("tag=x", []), ("source=Form", []),
    ("custom.none=x", []),
]  # fmt: skip


@pytest.mark.sampled
@pytest.mark.parametrize("kind", KINDS)
def test_a_list_refuses_what_it_does_not_know(hers: Program, kind: str) -> None:
    assert [(query, _wrong(hers.get(f"/{kind}?{query}"))) for query, _places in PARAMETERS] == PARAMETERS
    for query in ("stage=none", "has_phone=yes", "company=x"):
        assert hers.get(f"/{kind}?{query}").status_code == (200 if kind == "contacts" else 422)


@pytest.mark.sampled
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_there_is_not_found_whatever_is_asked_of_it(
    shree: Workspace, other: Workspace, hers: Program, kind: str
) -> None:
    binned = _make(shree, kind, "Binned")
    assert hers.delete(f"/{kind}/{binned.pk}").status_code == 204
    foreign = _make(other, kind, "Foreign")
    for key in (binned.pk, foreign.pk, NOBODY):
        url = f"/{kind}/{key}"
        answers = [
            hers.get(url), hers.patch(url, {"notes": "x"}), hers.delete(url), hers.get(f"{url}/timeline"), hers.post(f"{url}/notes", {"text": "x"}),
        ]  # fmt: skip
        if key != binned.pk:
            answers.append(hers.post(f"{url}/restoration"))
        assert [answer.status_code for answer in answers] == [404] * len(answers)
        assert all(answer.json()["title"] == "Not found" for answer in answers)
    assert hers.get(f"/{kind}/not-an-id").status_code == 404


@pytest.mark.parametrize("kind", KINDS)
def test_other_methods_are_not_allowed(shree: Workspace, hers: Program, kind: str) -> None:
    record = _make(shree, kind)
    for method, path in (
        ("PUT", f"/{kind}"),
        ("DELETE", f"/{kind}"),
        ("PUT", f"/{kind}/{record.pk}"),
        ("POST", f"/{kind}/{record.pk}"),
        ("PATCH", f"/{kind}"),
    ):
        assert hers.send(method, path, {"name": "A"}).status_code == 405
    assert hers.send("HEAD", f"/{kind}/{record.pk}").status_code == 200


# --- who may do what ---------------------------------------------------------------------------------------------------


def _calls(kind: str, key: Any) -> list[tuple[May, Callable[[Program], Any]]]:
    url = f"/{kind}/{key}"
    return [
        (May.READ_CONTACTS, lambda it: it.get(f"/{kind}")), (May.READ_CONTACTS, lambda it: it.get(url)), (May.READ_CONTACTS, lambda it: it.get(f"{url}/timeline")),
        (May.READ_CONTACTS, lambda it: it.post(f"/{kind}/likely-duplicates", {"name": "Sunita"})), (May.WRITE_CONTACTS, lambda it: it.post(f"/{kind}", {"name": "New"})),
        (May.WRITE_CONTACTS, lambda it: it.patch(url, {"notes": "x"})), (May.WRITE_CONTACTS, lambda it: it.post(f"{url}/notes", {"text": "x"})),
        (May.DELETE_CONTACTS, lambda it: it.delete(url)), (May.DELETE_CONTACTS, lambda it: it.post(f"{url}/restoration")),
        (May.MERGE_CONTACTS, lambda it: it.post("/merges", {"keep_id": str(key), "gone_id": str(key)})),
    ]  # fmt: skip


@pytest.mark.sampled
@pytest.mark.parametrize("role", Role.values)
@pytest.mark.parametrize("kind", KINDS)
def test_each_call_asks_for_its_permission(shree: Workspace, kind: str, role: str) -> None:
    record = _make(shree, kind)
    mine = program(make_member(shree, role, name="Asha"))
    found = [(may, call(mine).status_code != 403) for may, call in _calls(kind, record.pk)]
    assert found == [(may, may in TABLE[role]) for may, _call in _calls(kind, record.pk)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_token_that_only_reads_writes_nothing(shree: Workspace, kind: str) -> None:
    record = _make(shree, kind)
    before = _rows(shree)
    reads, nothing = owners_program(shree, "contacts:read"), owners_program(shree, "services:read")
    for may, call in _calls(kind, record.pk):
        assert (call(reads).status_code == 403) == (may is not May.READ_CONTACTS)
        assert call(nothing).status_code == 403
        assert call(Program("")).status_code == call(Program("amanat_nonsense")).status_code == 401
    assert _rows(shree) == before


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_limited_member_reaches_the_own_and_the_teams_only(shree: Workspace, kind: str) -> None:
    team = make_team(shree)
    narrow = narrow_member(shree, "Prakash Jadhav", team)
    mine = program(narrow)
    hidden = _make(shree, kind, "Hidden")
    seen = [_make(shree, kind, "Own", owner=narrow.pk), _make(shree, kind, "Team's", team=team.pk)]
    before = _rows(shree)
    for may, call in _calls(kind, hidden.pk):
        answer = call(mine)
        if may in {May.DELETE_CONTACTS, May.MERGE_CONTACTS}:
            assert answer.status_code == 403
        elif answer.status_code != 404:
            assert answer.status_code in {200, 201} and "Hidden" not in answer.content.decode()
    assert _names(mine.get(f"/{kind}?sort=name")) == ["New", "Own", "Team's"]
    assert [row for row in _rows(shree)[0 if kind == "contacts" else 1] if row["name"] != "New"] == before[
        0 if kind == "contacts" else 1
    ]
    for record in seen:
        assert mine.patch(f"/{kind}/{record.pk}", {"notes": "x"}).status_code == 200
        assert mine.get(f"/{kind}/{record.pk}/timeline").status_code == 200
    given = mine.patch(f"/{kind}/{seen[0].pk}", {"owner_id": str(owner(shree).pk)})
    assert given.status_code == 200  # given away, and gone
    assert mine.get(f"/{kind}/{seen[0].pk}").status_code == 404


def test_a_record_made_by_a_program_belongs_to_its_member_unless_said_otherwise(shree: Workspace) -> None:
    asha = make_member(shree, name="Asha")
    mine = program(asha)
    for kind in KINDS:
        said = [
            mine.post(f"/{kind}", body).json()["owner_id"]
            for body in (
                {"name": "A"},
                {"name": "B", "owner_id": None},
                {"name": "C", "owner_id": str(owner(shree).pk)},
            )
        ]
        assert said == [str(asha.pk), None, str(owner(shree).pk)]


# --- lists -------------------------------------------------------------------------------------------------------------


@pytest.mark.sampled
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sort", list(lists.SORTS))
def test_pages_of_every_order_are_the_whole_list_once(shree: Workspace, hers: Program, kind: str, sort: str) -> None:
    for number in range(5):
        record = _make(shree, kind, f"Record {number % 2}", follow_up_on=date(2026, 12, 1) if number % 2 else None)
        if number % 3 == 0:
            with tenancy.inside(shree):
                _model(kind).objects.of(shree).filter(pk=record.pk).update(
                    last_contact_at=datetime(2026, 11, 1, tzinfo=UTC)
                )
    seen, following = [], f"/{kind}?sort={sort}&limit=2"
    while following:
        page = hers.get(following).json()
        seen.append([item["id"] for item in page["items"]])
        following = page["next"]
    assert [len(page) for page in seen] == [2, 2, 1]
    whole = [item["id"] for item in hers.get(f"/{kind}?sort={sort}").json()["items"]]
    assert [key for page in seen for key in page] == whole
    assert len(set(whole)) == 5


FILTERS: list[tuple[Callable[[dict[str, Any]], str], list[str]]] = [
    (lambda ids: f"owner={ids['asha']}", ["Asha"]), (lambda ids: "owner=me", ["Bala"]), (lambda ids: "owner=none", ["Chitra"]), (lambda ids: "owner=me&owner=none", ["Bala", "Chitra"]),
    (lambda ids: f"team={ids['team']}", ["Asha"]), (lambda ids: f"tag={ids['tag']}", ["Asha", "Bala"]), (lambda ids: "tag=none", ["Chitra"]), (lambda ids: "city=sinnar", ["Bala"]),
    (lambda ids: "follow_up=due", ["Asha"]), (lambda ids: "follow_up=later&follow_up=none", ["Bala", "Chitra"]), (lambda ids: "source=form", ["Asha", "Bala", "Chitra"]),
    (lambda ids: "source=api", []), (lambda ids: f"created_after={ids['today']}", ["Asha", "Bala", "Chitra"]), (lambda ids: f"created_before={ids['today']}", []),
    (lambda ids: f"owner=me&tag={ids['tag']}&city=Sinnar", ["Bala"]), (lambda ids: "custom.village=nip", ["Chitra"]),
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_each_filter_keeps_exactly_its_rows(shree: Workspace, hers: Program, kind: str) -> None:
    asha, team, today = make_member(shree, name="Asha"), make_team(shree), clock.today(shree.time_zone)
    with tenancy.inside(shree):
        draft = FieldDraft("Village", on="contact" if kind == "contacts" else "company")
        custom_fields.add(workspace=shree, by=owner(shree), at=clock.now(), draft=draft)
    _make(shree, kind, "Asha", owner=asha.pk, team=team.pk, tags=["VIP"], follow_up_on=today)
    _make(
        shree,
        kind,
        "Bala",
        owner=owner(shree).pk,
        tags=["VIP"],
        addresses=[AddressDraft(city="Sinnar")],
        follow_up_on=today + timedelta(days=40),
    )
    _make(shree, kind, "Chitra", custom={"village": "Niphad"})
    with tenancy.inside(shree):
        ids = {"asha": asha.pk, "team": team.pk, "tag": Tag.objects.of(shree).get().pk, "today": today}
    found = [(ask(ids), sorted(_names(hers.get(f"/{kind}?{ask(ids)}")))) for ask, _kept in FILTERS]
    assert found == [(ask(ids), kept) for ask, kept in FILTERS]


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_holds_the_fields_of_the_document(shree: Workspace, hers: Program, kind: str) -> None:
    _make(shree, kind, "Asha", tags=["VIP"], notes="long", external_id="T-1")
    (line,) = hers.get(f"/{kind}").json()["items"]
    whole = hers.get(f"/{kind}/{line['id']}").json()
    shared = {
        "id",
        "name",
        "tags",
        "owner_id",
        "team_id",
        "follow_up_on",
        "custom",
        "external_id",
        "source",
        "created_at",
        "updated_at",
        "last_contact_at",
    }
    own = {
        "contacts": {"phone", "email", "company_id", "company", "job_title", "stage_id", "stage", "language"},
        "companies": {"gstin", "website", "industry"},
    }
    assert line.keys() == shared | own[kind]
    assert whole.keys() >= (line.keys() - {"phone", "email"}) | {"phones", "emails", "addresses", "notes"}
    assert {name: line[name] for name in shared} == {name: whole[name] for name in shared}


@pytest.mark.parametrize("kind", KINDS)
def test_lists_and_records_cost_the_same_for_one_and_three(shree: Workspace, hers: Program, kind: str) -> None:
    hers.get(f"/{kind}")
    costs = []
    for amount in (1, 2):
        for number in range(amount):
            record = _make(
                shree, kind, f"Record {amount} {number}", tags=[f"Tag {amount} {number}"], phones=[(f"98220417{amount}{n}", "") for n in range(number + 1)],
                addresses=[AddressDraft(city="Sinnar")] * (number + 1),
            )  # fmt: skip
        counts = []
        for path in (f"/{kind}", f"/{kind}/{record.pk}", f"/{kind}/{record.pk}/timeline"):
            with CaptureQueriesContext(connection) as captured:
                assert hers.get(path).status_code == 200
            counts.append(len(captured))
        costs.append(counts)
    assert costs[0] == costs[1]


# --- changing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_changed_alone_and_emptied_again(shree: Workspace, hers: Program, kind: str) -> None:
    team = make_team(shree)
    record = _make(shree, kind, "Asha", phone="") if kind == "contacts" else _make(shree, kind, "Asha")
    url = f"/{kind}/{record.pk}"
    empty = hers.get(url).json()
    values: dict[str, Any] = {
        "phones": [{"number": "+919822041736", "label": "home"}], "emails": [{"address": "a@b.in", "label": ""}], "tags": ["VIP"], "team_id": str(team.pk),
        "addresses": [{"street": "", "locality": "", "city": "Pune", "district": "", "state": "", "postal_code": "411001", "country": "", "label": ""}],
        "owner_id": str(owner(shree).pk), "notes": "x", "follow_up_on": "2026-12-01", "external_id": "T-1",
    }  # fmt: skip
    if kind == "contacts":
        values |= {
            "job_title": "Farmer",
            "language": "mr",
            "birthday": "1990-02-28",
            "stage_id": str(make_stage(shree).pk),
            "company": "Dairy",
        }
    else:
        values |= {"gstin": "27AAPFU0939F1ZV", "website": "a.in", "industry": "Milk"}
    passing = {"updated_at", "stage", "company", "company_id", "last_contact_at"}
    for name, value in values.items():
        said = hers.patch(url, {name: value}).json()
        assert said[name] == value, name
        assert {key: said[key] for key in said.keys() - passing - {name}} == {
            key: empty[key] for key in empty.keys() - passing - {name}
        }
        nothing: Any = empty[name]
        assert hers.patch(url, {name: nothing}).json()[name] == nothing, name
    assert hers.patch(url, {"name": "Asha M"}).json()["name"] == "Asha M"
    with tenancy.inside(shree):
        lines = (
            Interaction.objects.of(shree)
            .filter(kind="change", **{(kind == "contacts" and "contact") or "company": record})
            .count()
        )
        assert lines == 2 * len(values) + 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_of_nothing_is_no_change(shree: Workspace, hers: Program, kind: str) -> None:
    record = _make(shree, kind, "Asha", tags=["VIP"])
    url = f"/{kind}/{record.pk}"
    before = hers.get(url).json()
    for body in (
        {},
        {"name": " Asha "},
        {"tags": ["VIP"]},
        {"phones": before["phones"]},
        {"notes": ""},
        {"custom": {}},
    ):
        assert hers.patch(url, body).json() == before
    with tenancy.inside(shree):
        assert not Interaction.objects.of(shree).filter(kind="change").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_two_programs_do_not_write_over_each_other(shree: Workspace, hers: Program, kind: str) -> None:
    url = f"/{kind}/{_make(shree, kind).pk}"
    seen = hers.get(url)
    assert hers.patch(url, {"notes": "first"}, If_Match=seen["ETag"]).status_code == 200
    late = [
        hers.patch(url, {"notes": "late"}, If_Match=seen["ETag"]),
        hers.patch(url, {"notes": "late", "updated_at": seen.json()["updated_at"]}),
    ]
    assert [answer.status_code for answer in late] == [412, 409]
    assert all("Read it again" in answer.json()["detail"] for answer in late)
    assert _wrong(hers.patch(url, {"notes": "x", "updated_at": "yesterday"})) == ["/updated_at"]
    assert hers.get(url).json()["notes"] == "first"


def test_a_company_is_given_by_id_or_by_name_or_taken_away(shree: Workspace, hers: Program) -> None:
    firm = make_company(shree, "Deshmukh Dairy")
    url = f"/contacts/{make_contact(shree).pk}"
    for body, company in (
        ({"company_id": str(firm.pk)}, "Deshmukh Dairy"), ({"company_id": None}, ""), ({"company": "deshmukh DAIRY"}, "Deshmukh Dairy"), ({"company": ""}, ""),
        ({"company": "New Motors"}, "New Motors"), ({"company_id": str(firm.pk), "company": "Ignored"}, "Deshmukh Dairy"), ({"company_id": None, "company": "New Motors"}, "New Motors"),
    ):  # fmt: skip
        assert hers.patch(url, body).json()["company"] == company, body
    assert sorted(_names(hers.get("/companies"))) == ["Deshmukh Dairy", "New Motors"]


# --- timeline, notes, duplicates, merges --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_timeline_is_paged_to_its_end(shree: Workspace, hers: Program, kind: str) -> None:
    record = _make(shree, kind)
    about: dict[str, Any] = {"contact" if kind == "contacts" else "company": record}
    with tenancy.inside(shree):
        for number in range(4):
            timeline.record(
                workspace=shree,
                kind="note",
                summary=f"Note {number}",
                happened_at=datetime(2027, 1, 1, tzinfo=UTC),
                **about,
            )
    seen, following = [], f"/{kind}/{record.pk}/timeline?limit=2"
    while following:
        page = hers.get(following).json()
        seen.append([line["summary"] for line in page["items"]])
        following = page["next"]
    assert [len(page) for page in seen] == [2, 2, 1]
    assert [summary for page in seen for summary in page][:4] == ["Note 3", "Note 2", "Note 1", "Note 0"]
    for broken in ("x", "~", "2026-01-01~1"):
        assert _wrong(hers.get(f"/{kind}/{record.pk}/timeline?after={broken}")) == ["after"]
    assert _wrong(hers.get(f"/{kind}/{record.pk}/timeline?limit=0")) == ["limit"]


@pytest.mark.parametrize(
    ("body", "places"),
    [({}, ["/text"]), ({"text": ""}, ["/text"]), ({"text": " \n"}, ["/text"]), ({"text": 7}, ["/text"]), ({"text": "x" * 10_001}, ["/text"]), ({"text": "x", "kind": "change"}, ["/kind"]),
     ({"text": "x", "at": "now"}, ["/at"])],
)  # fmt: skip
def test_a_note_that_is_none_is_refused(shree: Workspace, hers: Program, body: Any, places: list[str]) -> None:
    contact = make_contact(shree)
    assert _wrong(hers.post(f"/contacts/{contact.pk}/notes", body)) == places
    with tenancy.inside(shree):
        assert Interaction.objects.of(shree).exclude(kind="created").count() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_likely_duplicates_are_told_by_what_they_share(shree: Workspace, hers: Program, kind: str) -> None:
    record = _make(shree, kind, "Zubeida Traders", phones=[("9822041736", "")], emails=[("z@b.in", "")])

    def told(**body: Any) -> list[tuple[str, str]]:
        found = hers.post(f"/{kind}/likely-duplicates", body).json()["items"]
        assert all(item["id"] == str(record.pk) for item in found)
        return [(item["reason"], item["value"]) for item in found]

    assert told(phones=["+91 98220 41736"]) == [("phone", "+919822041736")]
    assert told(emails=[" Z@B.in "]) == [("email", "z@b.in")]
    assert told(name="zubeida traders") == [("name", "Zubeida Traders")]
    assert told(phones=["9822041736"], emails=["z@b.in"], name="Zubeida Traders") == [("phone", "+919822041736")]
    assert told() == told(name="Kulkarni") == told(phones=["12", "x"]) == told(emails=[""]) == []
    assert _wrong(hers.post(f"/{kind}/likely-duplicates", {"phones": "9822041736"})) == ["/phones"]
    assert _wrong(hers.post(f"/{kind}/likely-duplicates", {"phones": ["1"] * 21})) == ["/phones"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_merge_that_cannot_be_is_refused_at_its_place(
    shree: Workspace, other: Workspace, hers: Program, kind: str
) -> None:
    one, two, foreign = _make(shree, kind, "One"), _make(shree, kind, "Two"), _make(other, kind, "Foreign")
    on = (kind == "contacts" and "contact") or "company"
    before = _rows(shree)
    body = {"keep_id": str(one.pk), "gone_id": str(two.pk), "kind": on}
    for change, places in (
        ({"gone_id": str(foreign.pk)}, ["/gone_id"]), ({"keep_id": NOBODY, "gone_id": NOBODY}, ["/keep_id", "/gone_id"]), ({"kind": "service"}, ["/kind"]), ({"keep_id": "x"}, ["/keep_id"]),
        ({"choices": {"name": "mine"}}, ["/choices/name"]), ({"choices": []}, ["/choices"]), ({"force": True}, ["/force"]),
        ({"kind": "company" if on == "contact" else "contact"}, ["/keep_id", "/gone_id"]),
    ):  # fmt: skip
        assert _wrong(hers.post("/merges", body | change)) == places, change
    same = hers.post("/merges", body | {"gone_id": body["keep_id"]})
    assert (same.status_code, same.json()["detail"]) == (409, "Choose two different records of one kind.")
    assert _rows(shree) == before
    made = hers.post("/merges", body | {"choices": {"name": "gone"}})
    assert (made.status_code, made.json()["kind"], made.json()["left"]) == (201, on, [])
    assert hers.get(f"/{kind}/{one.pk}").json()["name"] == "Two"
    undone = hers.post(f"{made['Location']}/undoing")
    assert (undone.status_code, undone.json()["left"]) == (200, [])
    assert sorted(_names(hers.get(f"/{kind}"))) == ["One", "Two"]
    assert hers.get(f"/merges/{NOBODY}").status_code == hers.post(f"/merges/{NOBODY}/undoing").status_code == 404
    assert owners_program(other).get(made["Location"]).status_code == 404


def test_a_merge_of_what_a_manager_sees_is_written_down(shree: Workspace) -> None:
    manager = make_member(shree, Role.MANAGER, name="Mira")
    one, two = make_contact(shree, "One"), make_contact(shree, "Two")
    assert program(manager).post("/merges", {"keep_id": str(one.pk), "gone_id": str(two.pk)}).status_code == 201
    with tenancy.inside(shree):
        assert Merge.objects.of(shree).get().merged_by_id == manager.pk
        entry = LedgerEntry.objects.of(shree).get(event="people.contact.merged")
        assert (entry.actor, entry.about, entry.facts["gone"]) == (manager.pk, one.pk, str(two.pk))


# --- words -------------------------------------------------------------------------------------------------------------


def test_fields_stages_and_tags_are_told_as_they_are(shree: Workspace, hers: Program) -> None:
    stage = make_stage(shree, "Lost", is_closed=True, position=9)
    make_contact(shree, tags=["beta", "Alpha"])
    with tenancy.inside(shree):
        for draft in (
            FieldDraft("Crop", kind="choice", choices=["Onion"], help_text="Main one", is_required=True),
            FieldDraft("Caste", on="company", personal_kind="pd:Ethnicity"), FieldDraft("Portal", on="service", kind="link"),
        ):  # fmt: skip
            custom_fields.add(workspace=shree, by=owner(shree), at=clock.now(), draft=draft)
        gone = custom_fields.add(workspace=shree, by=owner(shree), at=clock.now(), draft=FieldDraft("Gone"))
        custom_fields.retire(field=gone, by=owner(shree), at=clock.now())
    fields = {field.pop("key"): field for field in hers.get("/custom-fields").json()["items"]}
    assert {key: (field["on"], field["kind"], field["is_personal"]) for key, field in fields.items()} == {
        "crop": ("contact", "choice", False), "caste": ("company", "text", True), "portal": ("service", "link", False),
    }  # fmt: skip
    assert (fields["crop"]["choices"], fields["crop"]["help_text"], fields["crop"]["is_required"]) == (
        ["Onion"],
        "Main one",
        True,
    )
    stages = hers.get("/stages").json()["items"]
    assert stages[-1] == {"id": str(stage.pk), "name": "Lost", "is_closed": True}
    assert _names(hers.get("/tags")) == ["Alpha", "beta"]
    for path in ("/stages", "/tags", "/custom-fields"):
        assert _wrong(hers.get(f"{path}?limit=1")) == ["limit"]
        assert program(make_member(shree, Role.AUDITOR, name="Atul")).get(path).status_code == 200
        assert hers.post(path, {}).status_code == 405


@pytest.mark.parametrize("kind", KINDS)
def test_a_required_field_is_asked_of_programs_too(shree: Workspace, hers: Program, kind: str) -> None:
    old = _make(shree, kind, "Before")
    on = (kind == "contacts" and "contact") or "company"
    with tenancy.inside(shree):
        custom_fields.add(
            workspace=shree, by=owner(shree), at=clock.now(), draft=FieldDraft("Village", on=on, is_required=True)
        )
    assert _wrong(hers.post(f"/{kind}", {"name": "A"})) == ["/custom/village"]
    assert _wrong(hers.post(f"/{kind}", {"name": "A", "custom": {"village": " "}})) == ["/custom/village"]
    assert hers.post(f"/{kind}", {"name": "A", "custom": {"village": "Sinnar"}}).status_code == 201
    assert hers.patch(f"/{kind}/{old.pk}", {"notes": "x"}).status_code == 200
    assert _wrong(hers.patch(f"/{kind}/{old.pk}", {"custom": {"village": None}})) == ["/custom/village"]


def _member_of(workspace: Workspace, role: str) -> Member:
    return make_member(workspace, role, name="Asha")


def test_a_program_ends_with_its_member(shree: Workspace) -> None:
    member = _member_of(shree, Role.AGENT)
    mine = program(member)
    assert mine.get("/contacts").status_code == 200
    with tenancy.inside(shree):
        Member.objects.of(shree).filter(pk=member.pk).update(ended_at=clock.now())
    assert mine.get("/contacts").status_code == 401
