"""The list of services against a plain model in Python: every filter, every order, every page, forwards and back."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.http import QueryDict

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of
from amanat.core import clock, ids, tenancy
from amanat.desk import listing
from amanat.desk.listing import Filters
from amanat.desk.models import Service, ServiceRecord
from amanat.desk.tests.factories import NOW, TODAY, make_contact, make_service
from amanat.people import custom_fields, lists, vocabulary
from amanat.people.custom_fields import FieldDraft
from amanat.people.lists import Refused

pytestmark = pytest.mark.django_db
STATUSES = list(ServiceRecord.Status.values)
IN_HAND = {"open", "waiting", "submitted", "ready"}


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(NOW):
        yield


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


def many(by: Member, seed: int, count: int = 40) -> list[ServiceRecord]:
    """Records of every sort, written straight into the table, some sharing their days and amounts."""
    rng, here = random.Random(seed), by.workspace
    contacts = [make_contact(by, name) for name in ("Asha", "Ravi")]
    offered = [make_service(here, name) for name in ("PAN", "Voter card")]
    members = [by, make_member(here, name="Prakash")]

    def day(chance: float) -> date | None:
        return TODAY + timedelta(days=rng.randint(-40, 40)) if rng.random() < chance else None

    made = []
    for number in range(count):
        fee = rng.choice([0, 100, 25_000, 25_000, 99_999])
        made.append(
            ServiceRecord(
                id=ids.new(), workspace_id=here.pk, number=number + 1, contact=rng.choice(contacts), service=rng.choice([*offered, None]),
                title=f"Work {number}", status=rng.choice(STATUSES), fee_paise=fee, paid_paise=rng.choice([0, fee]), due_on=day(0.7),
                expires_on=day(0.5), owner=rng.choice(members), deleted_at=NOW if rng.random() < 0.15 else None, created_at=NOW, updated_at=NOW,
            )
        )  # fmt: skip
    ServiceRecord.objects.bulk_create(made)
    return list(ServiceRecord.objects.of(here))


#: What each view holds, said once more in Python.
VIEWS: dict[str, Callable[[ServiceRecord], bool]] = {
    "in_hand": lambda record: record.status in IN_HAND,
    "due": lambda record: record.status in IN_HAND and record.due_on is not None and record.due_on <= TODAY,
    "unpaid": lambda record: record.fee_paise > record.paid_paise and record.status != "cancelled",
    "expiring": lambda record: record.expires_on is not None and abs((record.expires_on - TODAY).days) <= 30,
    "all": lambda record: True,
}  # fmt: skip
ORDERS: dict[str, Callable[[ServiceRecord], Any]] = {
    "due": lambda record: (record.due_on, record.pk),
    "expiring": lambda record: (record.expires_on, record.pk),
    "unpaid": lambda record: (-(record.fee_paise - record.paid_paise), [-part for part in record.pk.bytes]),
}


def expected(records: list[ServiceRecord], filters: Filters) -> list[UUID]:
    def fits(record: ServiceRecord) -> bool:
        is_gone = record.deleted_at is not None
        if filters.view == "bin":
            in_view = is_gone
        elif filters.view == "in_hand" and filters.status:
            in_view = not is_gone  # a status that was asked for says more than the view
        else:
            in_view = not is_gone and VIEWS[filters.view](record)
        return (
            in_view
            and (not filters.status or record.status == filters.status)
            and (not filters.service or record.service_id == filters.service)
            and (not filters.owner or record.owner_id == filters.owner)
        )

    order = ORDERS.get(filters.view, lambda record: [-part for part in record.pk.bytes])
    return [record.pk for record in sorted(filter(fits, records), key=order)]


def walked(member: Member, filters: Filters, limit: int) -> tuple[list[UUID], list[list[UUID]]]:
    """The whole list page by page to its end, and the pages seen on the way back from there."""
    found = listing.rows(member, filters, today=TODAY)
    forwards, pages = listing.page(found, filters.view, limit=limit), []
    pages.append([record.pk for record in forwards.records])
    while forwards.after:
        forwards = listing.page(found, filters.view, after=forwards.after, limit=limit)
        pages.append([record.pk for record in forwards.records])
        assert len(pages) < 60
    back, before = [pages[-1]], forwards.before
    while before:
        page = listing.page(found, filters.view, before=before, limit=limit)
        back.append([record.pk for record in page.records])
        before = page.before
        assert len(back) < 60
    return [pk for page in pages for pk in page], back


@pytest.mark.sampled
@pytest.mark.parametrize("view", listing.VIEWS)
@pytest.mark.parametrize(("seed", "limit"), [(1, 1), (2, 3), (3, 7), (4, 100)])
def test_pages_are_the_plain_list_cut_in_pieces(rekha: Member, view: str, seed: int, limit: int) -> None:
    with tenancy.inside(rekha.workspace):
        records = many(rekha, seed)
        whole, back = walked(rekha, Filters(view=view), limit)
        assert whole == expected(records, Filters(view=view))
        assert whole, "a view without records proves nothing"
        assert [pk for page in reversed(back) for pk in page][-len(whole) :] == whole[-sum(map(len, back)) :]


@pytest.mark.sampled
@pytest.mark.parametrize("view", listing.VIEWS)
def test_a_status_narrows_every_view(rekha: Member, view: str) -> None:
    with tenancy.inside(rekha.workspace):
        records = many(rekha, 5)
        for status in STATUSES:
            filters = Filters(view=view, status=status)
            assert walked(rekha, filters, 11)[0] == expected(records, filters), status


@pytest.mark.sampled
@pytest.mark.parametrize("view", listing.VIEWS)
def test_service_and_owner_narrow_every_view(rekha: Member, view: str) -> None:
    with tenancy.inside(rekha.workspace):
        records = many(rekha, 6)
        [service, *_others] = Service.objects.of(rekha.workspace)
        for chosen in ({"service": service.pk}, {"owner": rekha.pk}, {"service": service.pk, "owner": rekha.pk}):
            filters = Filters(view=view, **chosen)
            assert walked(rekha, filters, 4)[0] == expected(records, filters), chosen


def test_an_unknown_service_or_owner_finds_nothing(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        many(rekha, 7)
        for filters in (Filters(view="all", service=uuid4()), Filters(view="all", owner=uuid4())):
            assert walked(rekha, filters, 5)[0] == []


BROKEN = ("", "~", "nonsense", "2026-11-21~nonsense", "9" * 400, "\x00")
#: Broken only where the list is in the order of a value.
BROKEN_VALUES = tuple(f"{value}~{UUID(int=1)}" for value in ("x", "2026-13-45", "", "1e5", "--"))


@pytest.mark.sampled
@pytest.mark.parametrize("view", listing.VIEWS)
def test_a_broken_place_is_the_first_page(rekha: Member, view: str) -> None:
    with tenancy.inside(rekha.workspace):
        records = many(rekha, 8, count=12)
        found, first = listing.rows(rekha, Filters(view=view), today=TODAY), expected(records, Filters(view=view))[:3]
        for place in BROKEN + (BROKEN_VALUES if view in ORDERS else ()):
            for side in ("after", "before"):
                page = listing.page(found, view, limit=3, **{side: place})
                assert [record.pk for record in page.records] == first, (place, side)


def test_a_record_that_comes_while_one_turns_pages_shifts_nothing(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        records = many(rekha, 9)
        found = listing.rows(rekha, Filters(view="all"), today=TODAY)
        first = listing.page(found, "all", limit=5)
        ServiceRecord.objects.bulk_create([
            ServiceRecord(id=ids.new(), workspace_id=rekha.workspace_id, number=900, contact_id=records[0].contact_id, title="New", created_at=NOW, updated_at=NOW)
        ])  # fmt: skip
        second = listing.page(found, "all", after=first.after, limit=5)
        whole = expected(records, Filters(view="all"))
        assert [record.pk for record in [*first.records, *second.records]] == whole[:10]


def test_the_last_page_has_no_next_and_the_first_no_before(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        many(rekha, 10, count=9)
        found = listing.rows(rekha, Filters(view="all"), today=TODAY)
        count = found.count()
        whole = listing.page(found, "all", limit=count)
        assert (len(whole.records), whole.after, whole.before) == (count, None, None)
        one_less = listing.page(found, "all", limit=count - 1)
        assert one_less.after and one_less.before is None
        last = listing.page(found, "all", after=one_less.after, limit=count)
        assert (len(last.records), last.after) == (1, None) and last.before


# --- reading addresses -----------------------------------------------------------------------------------------------

GARBAGE = ["", "x", "open'--", "\x00", "😀", "9" * 500, "[]", "None"]


@pytest.mark.parametrize("value", GARBAGE)
@pytest.mark.parametrize("name", ["view", "status", "service", "owner"])
def test_what_makes_no_sense_in_an_address_is_left_out(name: str, value: str) -> None:
    query = QueryDict(mutable=True)
    query[name] = value
    assert Filters.read(query) == Filters()


@pytest.mark.parametrize("view", listing.VIEWS)
@pytest.mark.parametrize("status", STATUSES)
def test_what_makes_sense_is_taken(view: str, status: str) -> None:
    service, owner = uuid4(), uuid4()
    query = QueryDict(f"view={view}&status={status}&service={service}&owner={owner}&page=9")
    assert Filters.read(query) == Filters(view, status, service, owner)


# --- the workspace's own fields --------------------------------------------------------------------------------------

FIELDS: dict[str, dict[str, Any]] = {
    "Village": {"kind": "text"}, "Office": {"kind": "choice", "choices": ["Nashik", "Pune"]},
    "Needs": {"kind": "choices", "choices": ["Photo", "Stamp"]}, "Urgent": {"kind": "yes_no"}, "Stamp fee": {"kind": "money"},
    "Seen": {"kind": "date"},
}  # fmt: skip
ROWS: list[dict[str, Any]] = [
    {"village": "Ozar (new)", "office": "Nashik", "needs": ["Photo"], "urgent": True, "stamp_fee": 5_050, "seen": "2026-11-21"},
    {"village": "ozar", "office": "Pune", "needs": ["Photo", "Stamp"], "urgent": False, "stamp_fee": 100},
    {"village": "100% Sinnar", "needs": []},
    {},
]  # fmt: skip


def own_fields(by: Member) -> None:
    for label, details in FIELDS.items():
        custom_fields.add(workspace=by.workspace, by=by, at=NOW, draft=FieldDraft(label=label, on="service", **details))


def with_own(by: Member) -> list[ServiceRecord]:
    own_fields(by)
    contact = make_contact(by)
    made = [
        ServiceRecord(
            id=ids.new(), workspace_id=by.workspace_id, number=number + 1, contact=contact, title=str(number), custom=custom, created_at=NOW, updated_at=NOW
        )
        for number, custom in enumerate(ROWS)
    ]  # fmt: skip
    return ServiceRecord.objects.bulk_create(made)


CASES: list[tuple[str, list[str], str]] = [
    ("village", ["ozar"], "01"), ("village", ["OZAR"], "01"), ("village", ["sinnar"], "2"), ("village", ["%"], "2"), ("village", ["_"], ""),
    ("village", ["nashik"], ""), ("village", ["ozar", "sinnar"], "012"), ("village", ["(new)"], "0"), ("village", ["\\"], ""),
    ("office", ["Nashik"], "0"), ("office", ["Pune"], "1"), ("office", ["Nashik", "Pune"], "01"),
    ("needs", ["Photo"], "01"), ("needs", ["Stamp"], "1"), ("needs", ["Photo", "Stamp"], "01"),
    ("urgent", ["yes"], "0"), ("urgent", ["no"], "1"), ("urgent", ["yes", "no"], "01"),
    ("stamp_fee", ["50.50"], "0"), ("stamp_fee.from", ["2"], "0"), ("stamp_fee.to", ["2"], "1"), ("seen.to", ["2026-11-21"], "0"), ("seen.to", ["2026-11-20"], ""), ("seen", ["2026-11"], "0"), ("seen", ["2027"], ""),
]  # fmt: skip


@pytest.mark.parametrize(("key", "values", "found"), CASES)
def test_own_fields_filter_as_they_do_on_contacts(rekha: Member, key: str, values: list[str], found: str) -> None:
    with tenancy.inside(rekha.workspace):
        with_own(rekha)
        filters = Filters(view="all", custom={f"custom.{key}": values})
        condition = listing.custom(rekha, filters, vocabulary.of(rekha.workspace))
        rows = listing.rows(rekha, filters, today=TODAY).filter(condition)
        assert "".join(sorted(rows.values_list("title", flat=True))) == found


def test_two_own_fields_must_both_fit(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        with_own(rekha)
        filters = Filters(view="all", custom={"custom.village": ["ozar"], "custom.urgent": ["yes"]})
        condition = listing.custom(rekha, filters, vocabulary.of(rekha.workspace))
        assert [each.title for each in listing.rows(rekha, filters, today=TODAY).filter(condition)] == ["0"]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("custom.nothing", ["x"]),
        ("custom.office", ["Mumbai"]),
        ("custom.urgent", ["maybe"]),
        ("custom.needs", ["Glue"]),
        ("custom.stamp_fee.from", ["much"]),
        ("custom.village.to", ["a"]),
    ],
)
def test_the_rule_refuses_fields_and_values_that_cannot_be(rekha: Member, name: str, values: list[str]) -> None:
    with tenancy.inside(rekha.workspace):
        own_fields(rekha)
        with pytest.raises(Refused):
            listing.custom(rekha, Filters(custom={name: values}), vocabulary.of(rekha.workspace))


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("custom.village=Ozar", {"custom.village": ["Ozar"]}),
        ("custom.village=", {}),
        ("custom.village=%00", {}),
        ("custom.village=+a+&custom.village=a", {"custom.village": ["a"]}),
        ("custom.office=Nashik&custom.office=Mumbai", {"custom.office": ["Nashik"]}),
        ("custom.urgent=yes&custom.urgent=perhaps", {"custom.urgent": ["yes"]}),
        ("custom.nothing=1", {}),
        ("custom.stamp_fee.from=9&custom.stamp_fee.to=much", {"custom.stamp_fee.from": ["9"]}),
        ("custom.needs=Stamp", {"custom.needs": ["Stamp"]}),
    ],
)
def test_an_address_asks_only_for_what_can_be(rekha: Member, address: str, kept: dict[str, list[str]]) -> None:
    with tenancy.inside(rekha.workspace):
        own_fields(rekha)
        words = vocabulary.of(rekha.workspace)
    assert dict(Filters.read(QueryDict(address), words).custom) == kept
    assert dict(Filters.read(QueryDict(address)).custom) == {}


def test_a_value_is_cut_and_too_many_are_left_out(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        own_fields(rekha)
        words = vocabulary.of(rekha.workspace)
    query = QueryDict(mutable=True)
    query.setlist("custom.village", ["x" * 999, *(str(number) for number in range(lists.MOST_VALUES + 20))])
    kept = Filters.read(query, words).custom["custom.village"]
    assert len(kept) == lists.MOST_VALUES and kept[0] == "x" * 200


def test_fields_of_contacts_filter_no_services(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        draft = FieldDraft(label="Caste note", kind="text", on="contact")
        custom_fields.add(workspace=rekha.workspace, by=rekha, at=NOW, draft=draft)
        words = vocabulary.of(rekha.workspace)
        assert Filters.read(QueryDict("custom.caste_note=x"), words).custom == {}


# --- who sees what ---------------------------------------------------------------------------------------------------


def test_need_to_know_holds_in_every_view_and_filter(rekha: Member) -> None:
    agent = make_member(rekha.workspace, Role.AGENT, name="Narrow", sees="own")
    with tenancy.inside(rekha.workspace):
        records = many(rekha, 11)
        theirs = [record.pk for record in records[::3]]
        ServiceRecord.objects.of(rekha.workspace).filter(pk__in=theirs).update(owner=agent)
        fresh = list(ServiceRecord.objects.of(rekha.workspace).filter(pk__in=theirs))
        for view in listing.VIEWS:
            assert walked(agent, Filters(view=view), 4)[0] == expected(fresh, Filters(view=view)), view


def test_another_workspaces_records_are_in_no_list(rekha: Member, other: Workspace) -> None:
    om = owner_of(other)
    with tenancy.inside(other):
        many(om, 12)
    with tenancy.inside(rekha.workspace):
        for view in listing.VIEWS:
            assert walked(rekha, Filters(view=view), 10)[0] == []
