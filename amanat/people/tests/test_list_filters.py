"""Each filter of each list, with exactly the rows it keeps, what it refuses, and how the page says it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from amanat.accounts.models import Member, Team, Workspace
from amanat.accounts.tests.factories import make_member, signed_in
from amanat.core import clock, tenancy
from amanat.people import bin as deleted
from amanat.people import companies, contacts, custom_fields, lists, timeline, vocabulary
from amanat.people.custom_fields import FieldDraft
from amanat.people.drafts import AddressDraft, CompanyDraft, ContactDraft
from amanat.people.lists import Context, Refused
from amanat.people.models import Company, Contact, Source, Stage
from amanat.people.tests.factories import make_company, make_contact, make_stage, make_team, narrow_member, owner

EVERYBODY = {"Asha", "Balu", "Chitra", "Deepa", "Eknath"}


@dataclass
class Town:
    """Five contacts and five companies of the same names, each different from the others in every field."""

    workspace: Workspace
    rekha: Member
    asha: Member
    lead: Stage
    customer: Stage
    counter: Team
    office: Team
    dairy: Company
    traders: Company
    tags: dict[str, UUID]
    today: Any

    def keeps(self, filters: dict[str, Any], *, on: str = "contact", member: Member | None = None) -> set[str]:
        given = {
            name: [str(one) for one in (value if isinstance(value, list) else [value])]
            for name, value in filters.items()
        }
        with tenancy.inside(self.workspace):
            words = vocabulary.of(self.workspace)
            definition = lists.parse(given, on=on, words=words)
            rows = lists.rows_of(definition, member=member or self.rekha, words=words)
            return set(rows.values_list("name", flat=True))


def _said(town: dict[str, Any], today: Any, *, on: str) -> dict[str, dict[str, Any]]:
    """What differs. The shared fields are the same for contacts and companies."""
    shared: dict[str, dict[str, Any]] = {
        "Asha": {"owner": town["rekha"], "team": town["counter"], "tags": ["Farmer"], "city": "Sinnar", "follow_up_on": today},
        "Balu": {"owner": town["asha"], "team": town["office"], "tags": ["Farmer", "VIP"], "city": "NASHIK",
                 "follow_up_on": today - timedelta(days=30)},
        "Chitra": {"owner": town["asha"], "tags": ["VIP"], "city": "nashik", "follow_up_on": today + timedelta(days=1)},
        "Deepa": {"team": town["counter"], "city": "Nashik Road", "follow_up_on": today + timedelta(days=8)},
        "Eknath": {},
    }  # fmt: skip
    if on == "contact":
        shared["Asha"] |= {"stage": town["lead"], "company_id": town["dairy"], "phones": [("9822041736", "")]}
        shared["Balu"] |= {"stage": town["customer"], "company_id": town["traders"], "emails": [("b@example.in", "")]}
        shared["Chitra"] |= {"stage": town["lead"], "phones": [("9822041737", "")], "emails": [("c@example.in", "")]}
    for fields in shared.values():
        city = fields.pop("city", "")
        fields["addresses"] = [AddressDraft(city=city)] if city else []
    return shared


@pytest.fixture
def town(shree: Workspace) -> Town:
    rekha, asha = owner(shree), make_member(shree, name="Asha Menon")
    lead, customer = make_stage(shree, "Lead"), make_stage(shree, "Customer", position=1)
    counter, office = make_team(shree, "Counter"), make_team(shree, "Office")
    ids: dict[str, Any] = {
        "rekha": rekha.pk, "asha": asha.pk, "lead": lead.pk, "customer": customer.pk, "counter": counter.pk, "office": office.pk,
    }  # fmt: skip
    today = clock.today(shree.time_zone)
    with tenancy.inside(shree):
        words = vocabulary.of(shree)
        firms = {}
        for name, fields in _said(ids, today, on="company").items():
            firms[name] = companies.create(
                workspace=shree, by=rekha, at=clock.now(), draft=CompanyDraft(name=name, **fields), words=words
            )
        ids |= {"dairy": firms["Asha"].pk, "traders": firms["Balu"].pk}
        for number, (name, fields) in enumerate(_said(ids, today, on="contact").items()):
            contacts.create(
                workspace=shree, by=rekha, at=clock.now(), draft=ContactDraft(name=name, **fields), words=words,
                source=(Source.FORM, Source.FILE, Source.API, Source.PERSON, Source.DEMO)[number],
            )  # fmt: skip
        tags = {tag.name: tag.id for tag in vocabulary.of(shree).tags.values()}
        for model in (Contact, Company):
            for days, name in enumerate(("Asha", "Balu", "Chitra")):
                moment = clock.now() - timedelta(days=days * 10)
                model.objects.of(shree).filter(name=name).update(last_contact_at=moment, created_at=moment)
    return Town(
        shree, rekha, asha, lead, customer, counter, office, firms["Asha"], firms["Balu"], tags, today
    )  # fmt: skip


type Ask = Callable[[Town], dict[str, Any]]

#: Filters that both lists have: what is asked, and the names that are kept.
SHARED: list[tuple[str, Ask, Sequence[str]]] = [
    ("nothing", lambda town: {}, sorted(EVERYBODY)),
    ("owner", lambda town: {"owner": town.asha.pk}, ["Balu", "Chitra"]),
    ("owner me", lambda town: {"owner": "me"}, ["Asha"]),
    ("owner none", lambda town: {"owner": "none"}, ["Deepa", "Eknath"]),
    ("owner me or none", lambda town: {"owner": ["me", "none"]}, ["Asha", "Deepa", "Eknath"]),
    ("owner of two", lambda town: {"owner": [town.rekha.pk, town.asha.pk]}, ["Asha", "Balu", "Chitra"]),
    ("team", lambda town: {"team": town.counter.pk}, ["Asha", "Deepa"]),
    ("team none", lambda town: {"team": "none"}, ["Chitra", "Eknath"]),
    ("team of two", lambda town: {"team": [town.counter.pk, town.office.pk]}, ["Asha", "Balu", "Deepa"]),
    ("team or none", lambda town: {"team": [town.office.pk, "none"]}, ["Balu", "Chitra", "Eknath"]),
    ("tag", lambda town: {"tag": town.tags["Farmer"]}, ["Asha", "Balu"]),
    ("tag of two", lambda town: {"tag": [town.tags["Farmer"], town.tags["VIP"]]}, ["Asha", "Balu", "Chitra"]),
    ("tag none", lambda town: {"tag": "none"}, ["Deepa", "Eknath"]),
    ("town as written", lambda town: {"city": "Sinnar"}, ["Asha"]),
    ("town in small letters", lambda town: {"city": "sinnar"}, ["Asha"]),
    ("town in whatever letters", lambda town: {"city": " nashik "}, ["Balu", "Chitra"]),
    ("town is a whole one", lambda town: {"city": "nashik road"}, ["Deepa"]),
    ("towns", lambda town: {"city": ["SINNAR", "Nashik Road"]}, ["Asha", "Deepa"]),
    ("town nobody lives in", lambda town: {"city": "Pune"}, []),
    ("due", lambda town: {"follow_up": "due"}, ["Asha", "Balu"]),
    ("in a week", lambda town: {"follow_up": "week"}, ["Chitra"]),
    ("later", lambda town: {"follow_up": "later"}, ["Deepa"]),
    ("not planned", lambda town: {"follow_up": "none"}, ["Eknath"]),
    ("due or not planned", lambda town: {"follow_up": ["due", "none"]}, ["Asha", "Balu", "Eknath"]),
    ("contact from", lambda town: {"last_contact_after": town.today - timedelta(days=10)}, ["Asha", "Balu"]),
    ("contact from today", lambda town: {"last_contact_after": town.today}, ["Asha"]),
    ("contact before", lambda town: {"last_contact_before": town.today - timedelta(days=10)}, ["Chitra"]),
    ("contact between", lambda town: {"last_contact_after": town.today - timedelta(days=15),
                                      "last_contact_before": town.today - timedelta(days=5)}, ["Balu"]),
    ("added from", lambda town: {"created_after": town.today}, ["Asha", "Deepa", "Eknath"]),
    ("added before", lambda town: {"created_before": town.today}, ["Balu", "Chitra"]),
    ("the last of two days", lambda town: {"created_before": [town.today - timedelta(days=99), town.today]}, ["Balu", "Chitra"]),
    ("two filters", lambda town: {"owner": town.asha.pk, "tag": town.tags["Farmer"]}, ["Balu"]),
    ("filters that exclude each other", lambda town: {"owner": "none", "tag": town.tags["VIP"]}, []),
    ("an empty value is no filter", lambda town: {"owner": "", "city": "  "}, sorted(EVERYBODY)),
]  # fmt: skip


@pytest.mark.sampled
@pytest.mark.parametrize("on", ["contact", "company"])
def test_each_shared_filter_keeps_exactly_its_rows(town: Town, on: str) -> None:
    found = {name: sorted(town.keeps(ask(town), on=on)) for name, ask, _kept in SHARED}
    assert found == {name: list(kept) for name, _ask, kept in SHARED}


CONTACTS: list[tuple[str, Ask, Sequence[str]]] = [
    ("stage", lambda town: {"stage": town.lead.pk}, ["Asha", "Chitra"]),
    ("stage none", lambda town: {"stage": "none"}, ["Deepa", "Eknath"]),
    ("stages", lambda town: {"stage": [town.customer.pk, "none"]}, ["Balu", "Deepa", "Eknath"]),
    ("source", lambda town: {"source": "file"}, ["Balu"]),
    ("sources", lambda town: {"source": ["api", "demo"]}, ["Chitra", "Eknath"]),
    ("company by id", lambda town: {"company": town.dairy.pk}, ["Asha"]),
    ("company by name", lambda town: {"company": "ASHA"}, ["Asha"]),
    ("company by name with a title", lambda town: {"company": "Smt. Asha"}, ["Asha"]),
    ("companies", lambda town: {"company": ["asha", town.traders.pk]}, ["Asha", "Balu"]),
    ("company that nobody is in", lambda town: {"company": "Chitra"}, []),
    ("company that is none", lambda town: {"company": str(UUID(int=5))}, []),
    ("has a phone", lambda town: {"has_phone": "yes"}, ["Asha", "Chitra"]),
    ("has none", lambda town: {"has_phone": "no"}, ["Balu", "Deepa", "Eknath"]),
    ("has or has none", lambda town: {"has_phone": ["yes", "no"]}, sorted(EVERYBODY)),
    ("has an e-mail", lambda town: {"has_email": "yes"}, ["Balu", "Chitra"]),
    ("has no e-mail", lambda town: {"has_email": "no"}, ["Asha", "Deepa", "Eknath"]),
    ("both", lambda town: {"has_email": "yes", "has_phone": "yes"}, ["Chitra"]),
]


def test_each_filter_of_contacts_keeps_exactly_its_rows(town: Town) -> None:
    found = {name: sorted(town.keeps(ask(town))) for name, ask, _kept in CONTACTS}
    assert found == {name: list(kept) for name, _ask, kept in CONTACTS}


def test_what_is_in_the_bin_is_in_no_list(town: Town) -> None:
    with tenancy.inside(town.workspace):
        gone = Contact.objects.of(town.workspace).get(name="Asha")
        deleted.delete(model=Contact, workspace=town.workspace, by=town.rekha, at=clock.now(), ids=[gone.pk])
    assert town.keeps({}) == EVERYBODY - {"Asha"}
    assert town.keeps({"company": str(town.dairy.pk)}) == set()
    assert town.keeps({}, on="company") == EVERYBODY


@pytest.mark.slow
def test_filters_narrow_what_a_limited_member_sees_and_never_widen_it(town: Town) -> None:
    narrow = narrow_member(town.workspace, "Prakash Jadhav", town.counter)
    with tenancy.inside(town.workspace):
        Contact.objects.of(town.workspace).filter(name="Eknath").update(owner=narrow)
    sees = {"Asha", "Deepa", "Eknath"}
    for name, ask, kept in [*SHARED, *CONTACTS]:
        if "me" in name or name.startswith("owner"):
            continue
        assert town.keeps(ask(town), member=narrow) == set(kept) & sees, name
    assert town.keeps({"owner": "me"}, member=narrow) == {"Eknath"}
    assert town.keeps({"owner": town.asha.pk}, member=narrow) == set()


REFUSED: list[tuple[str, str]] = [
    ("stage", "x"), ("stage", str(UUID(int=1))), ("stage", "me"), ("owner", "you"), ("owner", str(UUID(int=1))), ("team", "me"),
    ("team", "counter"), ("tag", "Farmer"), ("tag", str(UUID(int=1))), ("source", "File"), ("source", "none"), ("follow_up", "today"),
    ("has_phone", "1"), ("has_email", "true"), ("last_contact_after", "tomorrow"), ("last_contact_before", "2026-02-30"),
    ("created_after", "1899-12-31"), ("created_before", "2201-01-01"), ("created_after", "21.11.2026"), ("custom.none", "x"),
    ("Stage", "none"), ("deleted_at", "x"), ("owner__name", "x"), ("custom", "x"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_a_value_that_is_none_is_refused_with_its_own_words(shree: Workspace, name: str, value: str) -> None:
    with tenancy.inside(shree):
        words = vocabulary.of(shree)
        with pytest.raises(Refused) as refused:
            lists.filtered(lists.parse({name: [value]}, on="contact", words=words), member=owner(shree), words=words)
    assert (value in str(refused.value)) or (name in str(refused.value))


@pytest.mark.parametrize("name", ["stage", "company", "has_phone", "has_email"])
def test_companies_have_no_filters_of_contacts(shree: Workspace, name: str) -> None:
    with tenancy.inside(shree), pytest.raises(Refused, match=name):
        lists.parse({name: ["none"]}, on="company", words=vocabulary.of(shree))


def test_too_many_and_too_long_values_are_refused(shree: Workspace) -> None:
    with tenancy.inside(shree):
        words = vocabulary.of(shree)
        assert (
            len(lists.parse({"city": [f"Town {n}" for n in range(50)]}, on="contact", words=words).filters["city"])
            == 50
        )
        for given in ({"city": [f"Town {n}" for n in range(51)]}, {"city": ["x" * 201]}, {"city": {"a": 1}}, {"filters": "x"},
                      {"filters": {}, "columns": "name"}, {"filters": {}, "sort": ["name"]}):  # fmt: skip
            with pytest.raises(Refused):
                lists.parse(given, on="contact", words=words)


def test_values_are_tidied_and_each_counts_once(shree: Workspace) -> None:
    with tenancy.inside(shree):
        words = vocabulary.of(shree)
        one = lists.parse({"city": [" Sinnar", "Sinnar ", "", "Sin\x00nar"], "owner": []}, on="contact", words=words)
        assert one.filters == {"city": ["Sinnar"]}
        columns = lists.parse({"columns": ["tags", "phone", "tags"]}, on="contact", words=words).columns
        assert list(columns) == ["tags", "phone"]


# --- custom fields ---------------------------------------------------------------------------------------------------

FIELDS: dict[str, tuple[str, dict[str, Any]]] = {
    "village": ("text", {"Asha": "Pimpalgaon Baswant", "Balu": "pimpalgaon", "Chitra": "Dindori 100%"}),
    "story": ("long_text", {"Asha": "Came by\nin June", "Balu": "Called in June", "Chitra": "_"}),
    "acres": ("number", {"Asha": "2.5", "Balu": "12", "Chitra": "125"}),
    "income": ("money", {"Asha": "1,250.50", "Balu": "99", "Chitra": "0"}),
    "sown": ("date", {"Asha": "2026-06-15", "Balu": "2026-07-01", "Chitra": "2025-06-15"}),
    "seen": ("time", {"Asha": "2026-06-15T10:30", "Balu": "2026-06-16T10:30"}),
    "insured": ("yes_no", {"Asha": "yes", "Balu": "no"}),
    "crop": ("choice", {"Asha": "Onion", "Balu": "Grape"}),
    "schemes": ("choices", {"Asha": ["PMFBY"], "Balu": ["PMFBY", "PMKISAN"]}),
    "nominee": ("phone", {"Asha": "9822041736", "Balu": "9822041737"}),
    "mail": ("email", {"Asha": "asha@example.in", "Balu": "balu@example.in"}),
    "site": ("link", {"Asha": "asha.in", "Balu": "https://balu.in/onion"}),
}
CUSTOM: list[tuple[str, Any, set[str]]] = [
    ("village", "pimpal", {"Asha", "Balu"}), ("village", "BASWANT", {"Asha"}), ("village", "100%", {"Chitra"}), ("village", "%", {"Chitra"}),
    ("story", "in june", {"Asha", "Balu"}), ("story", "_", {"Chitra"}), ("acres", "12", {"Balu"}), ("acres", "2.5", {"Asha"}),
    ("income", "₹ 1,250.50", {"Asha"}), ("sown", "2026", {"Asha", "Balu"}), ("sown", "06-15", {"Asha", "Chitra"}), ("seen", "2026-06-15", {"Asha"}),
    ("insured", "yes", {"Asha"}), ("insured", "no", {"Balu"}), ("insured", ["yes", "no"], {"Asha", "Balu"}),
    ("crop", "Onion", {"Asha"}), ("crop", ["Onion", "Grape"], {"Asha", "Balu"}), ("crop", "Rice", set()),
    ("schemes", "PMFBY", {"Asha", "Balu"}), ("schemes", "PMKISAN", {"Balu"}), ("nominee", "41737", {"Balu"}), ("nominee", "098220 41736", {"Asha"}),
    ("acres.from", "2.5", {"Asha", "Balu", "Chitra"}), ("acres.from", "12.1", {"Chitra"}), ("acres.to", "12", {"Asha", "Balu"}),
    ("income.from", "99", {"Asha", "Balu"}), ("income.to", "1,250", {"Balu", "Chitra"}), ("sown.from", "2026-06-15", {"Asha", "Balu"}),
    ("sown.to", "2026-06-14", {"Chitra"}), ("seen.from", "2026-06-16", {"Balu"}), ("seen.to", "2026-06-15", {"Asha"}), ("seen.from", "2026-06-17", set()),
    ("mail", "example.in", {"Asha", "Balu"}), ("mail", "BALU@", {"Balu"}), ("site", "onion", {"Balu"}), ("site", "ftp", set()),
]  # fmt: skip


@pytest.mark.parametrize("on", ["contact", "company"])
def test_custom_fields_of_all_twelve_kinds_are_filtered(shree: Workspace, on: str) -> None:
    with tenancy.inside(shree):
        for label, (kind, _values) in FIELDS.items():
            choices = {"choice": ["Onion", "Grape", "Rice"], "choices": ["PMFBY", "PMKISAN"]}.get(kind, [])
            draft = FieldDraft(label.title(), kind=kind, on=on, choices=choices)
            custom_fields.add(workspace=shree, by=owner(shree), at=clock.now(), draft=draft)
    make: Any = make_contact if on == "contact" else make_company
    for name in ("Asha", "Balu", "Chitra", "Deepa"):
        make(shree, name, custom={key: values[name] for key, (_kind, values) in FIELDS.items() if name in values})
    with tenancy.inside(shree):
        words, member = vocabulary.of(shree), owner(shree)
        found = []
        for key, value, _kept in CUSTOM:
            given = {f"custom.{key}": value if isinstance(value, list) else [value]}
            rows = lists.filtered(lists.parse(given, on=on, words=words), member=member, words=words)
            found.append((key, value, set(rows.values_list("name", flat=True))))
        assert found == CUSTOM
        for key, value in (
            ("insured", "maybe"),
            ("crop", "onion"),
            ("schemes", "PM"),
            ("nothing", "x"),
            ("acres", "many"),
            ("income.to", "x"),
            ("sown.from", "15.6."),
            ("village.from", "a"),
        ):
            with pytest.raises(Refused):
                given = {f"custom.{key}": [value]}
                lists.filtered(lists.parse(given, on=on, words=words), member=member, words=words)


#: What another hand may have written where a moment belongs, or an address ask for.
ODD = (
    "2026-02-31T10:00", "2026-02-29T10:00", "2026-04-31T10:00", "2026-13-01T10:00", "0000-01-01T10:00", "2026-06-15T24:61", "2026-06-15T10:00:61",
    "2026-06-15T10:00+99:00", "2026-06-15T10:00 or so", "२०२६-०६-१५T१०:००", "9999-12-31", "0001-01-01", "2026-02-31", "-1", "1e400", "NaN", "Infinity",
    "9" * 190, "½", "٣", "none", "me", "yes", "'", '"', "\\", "%", "_", "{}", "[]", "null", "(", "\u0000", "\ud800".encode("utf-8", "replace").decode(), "🙂",
    "00000000-0000-0000-0000-000000000000", "२", "+", "2026-W01-1", "20260615", "10:00", "..", "\n", "\u202e",
)  # fmt: skip


def test_a_moment_that_is_none_is_passed_over(shree: Workspace) -> None:
    kept = {"Asha": "2026-06-15T10:30:00+05:30", "Balu": "2024-02-29T10:00:00.000001Z", "Chitra": "2000-02-29T23:59"}
    with tenancy.inside(shree):
        custom_fields.add(workspace=shree, by=owner(shree), at=clock.now(), draft=FieldDraft("Seen", kind="time"))
    for name in kept:
        make_contact(shree, name)
    for odd in ODD[:10]:
        make_contact(shree, odd)
    with tenancy.inside(shree):
        for name in (*kept, *ODD[:10]):
            Contact.objects.of(shree).filter(name=name).update(custom={"seen": kept.get(name, name)})
        words = vocabulary.of(shree)
        asked = lists.parse({"custom.seen.from": ["1950-01-01"]}, on="contact", words=words)
        rows = lists.rows_of(asked, member=owner(shree), words=words)
        assert set(rows.values_list("name", flat=True)) == set(kept)


@pytest.mark.slow  # two thousand lists
@pytest.mark.parametrize("on", ["contact", "company"])
def test_no_odd_value_of_any_filter_is_an_error_of_ours(shree: Workspace, on: str) -> None:
    """Each filter and each custom field, at both ends, with each odd value: rows or a refusal, never anything else.

    Companies have the filters of contacts, through the same code: of the values each of theirs meets every third, one after another.
    """
    with tenancy.inside(shree):
        for label, (kind, _values) in FIELDS.items():
            choices = ["Onion", "Grape"] if kind in {"choice", "choices"} else []
            draft = FieldDraft(label.title(), kind=kind, on=on, choices=choices)
            custom_fields.add(workspace=shree, by=owner(shree), at=clock.now(), draft=draft)
        words, member = vocabulary.of(shree), owner(shree)
        names = [name for name, one in lists.FILTERS.items() if on in one.on] + [
            *lists.custom_names(words.fields_on(on))
        ]
        refused = 0
        for place, name in enumerate(names):
            for value in ODD if on == "contact" else ODD[place % 3 :: 3]:
                try:
                    definition = lists.parse({name: [value]}, on=on, words=words)
                    list(lists.rows_of(definition, member=member, words=words)[:1])
                    lists.in_words(Context(member, words, on), name, definition.filters.get(name, []))
                except Refused:
                    refused += 1
    assert len(names) > 20 and refused > len(ODD)
    page = "/contacts/" if on == "contact" else "/companies/"
    assert {signed_in(member).get(page, {"custom.seen.from": odd}).status_code for odd in ODD[:4]} == {400}


def test_a_retired_field_is_no_filter_any_more(shree: Workspace) -> None:
    with tenancy.inside(shree):
        field = custom_fields.add(workspace=shree, by=owner(shree), at=clock.now(), draft=FieldDraft("Village"))
        custom_fields.retire(field=field, by=owner(shree), at=clock.now())
        with pytest.raises(Refused):
            lists.parse({"custom.village": ["x"]}, on="contact", words=vocabulary.of(shree))
        custom_fields.bring_back(field=field, by=owner(shree), at=clock.now())
        assert lists.parse({"custom.village": ["x"]}, on="contact", words=vocabulary.of(shree)).filters


# --- in words --------------------------------------------------------------------------------------------------------


def test_chips_say_the_values_in_words(town: Town) -> None:
    with tenancy.inside(town.workspace):
        context = Context(town.rekha, vocabulary.of(town.workspace), "contact")
    said = {
        name: lists.in_words(context, name, [str(value) for value in values])
        for name, values in {
            "stage": [town.lead.pk, "none"], "owner": ["me", town.asha.pk], "team": [town.counter.pk], "tag": [town.tags["VIP"]],
            "source": ["file", "api"], "follow_up": ["due", "week", "later"], "created_after": ["2026-11-21"], "has_phone": ["no"],
            "city": ["Sinnar"], "company": [town.dairy.pk, "Dairy"],
        }.items()
    }  # fmt: skip
    assert said == {
        "stage": "Lead, none", "owner": "me, Asha Menon", "team": "Counter", "tag": "VIP", "source": "File, API",
        "follow_up": "due, in 7 days, later", "created_after": "21 Nov 2026", "has_phone": "no", "city": "Sinnar", "company": "chosen, Dairy",
    }  # fmt: skip


@pytest.mark.parametrize("path", ["/contacts/", "/companies/"])
def test_the_page_shows_chips_that_take_one_filter_away(town: Town, path: str) -> None:
    browser = signed_in(town.rekha)
    page = browser.get(path, {"owner": "me", "follow_up": ["due", "week"], "sort": "name"})
    chips = {chip["label"]: chip for chip in page.context["chips"]}
    assert {str(label): (chip["relation"], chip["value"]) for label, chip in chips.items()} == {
        "Owner": ("is", "me"), "Follow-up": ("is any of", "due, in 7 days"),
    }  # fmt: skip
    without = browser.get(next(iter(chips.values()))["remove_url"])
    assert [str(chip["label"]) for chip in without.context["chips"]] == ["Follow-up"]
    assert without.context["definition"].sort == "name"


def test_an_empty_search_is_the_plain_list_and_words_go_to_the_search(town: Town) -> None:
    browser = signed_in(town.rekha)
    for path in ("/contacts/", "/companies/"):
        plain = browser.get(f"{path}?q=")
        assert (plain.status_code, plain.context["chips"]) == (200, [])
        assert browser.get(f"{path}?q=+").status_code == 200
        asked = browser.get(f"{path}?q=asha+menon&sort=name")
        assert (asked.status_code, asked["Location"]) == (302, "/search/?q=asha+menon")


@pytest.mark.parametrize(
    ("role", "offers"),
    [("owner", {"new", "import"}), ("manager", {"new", "import"}), ("agent", {"new"}), ("auditor", set())],
)
def test_the_first_visit_offers_only_what_the_member_may_do(shree: Workspace, role: str, offers: set[str]) -> None:
    browser: Client = signed_in(make_member(shree, role, name="Asha Menon"))
    for path, new in (("/contacts/", "/contacts/new/"), ("/companies/", "/companies/new/")):
        text = browser.get(path).text.partition('<div class="empty">')[2]
        assert text
        empty = text.partition("</section>")[0]
        assert (f'href="{new}"' in empty) == ("new" in offers)
        assert ("/imports/" in empty) == ("import" in offers and path == "/contacts/")


def test_last_contact_is_that_of_calls_and_notes(shree: Workspace) -> None:
    contact = make_contact(shree)
    with tenancy.inside(shree):
        words, member = vocabulary.of(shree), owner(shree)
        today = clock.today(shree.time_zone).isoformat()
        definition = lists.parse({"last_contact_after": [today]}, on="contact", words=words)
        assert not lists.filtered(definition, member=member, words=words).exists()
        timeline.record(workspace=shree, kind="change", summary="x", happened_at=clock.now(), contact=contact)
        assert not lists.filtered(definition, member=member, words=words).exists()
        timeline.record(workspace=shree, kind="call", summary="x", happened_at=clock.now(), contact=contact)
        assert lists.filtered(definition, member=member, words=words).get() == contact
