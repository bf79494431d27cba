"""The policy against the running code, both ways, with an inventory handed in."""

from __future__ import annotations

import pytest

from amanat.core.personal_data import Held, Personal
from amanat.policy import linting, loading
from amanat.policy.inventory import Inventory
from amanat.policy.tests.samples import DEFAULT, changed, checks

HONEST = Inventory(
    columns={"contact.name": "pd:Name", "email.address": "pd:EmailAddress", "sign_in.address": "pd:IPAddress"},
    fields={"sign-up": frozenset({"pd:Name", "pd:EmailAddress"}), "request": frozenset({"pd:IPAddress"})},
    cookies=frozenset({"session", "csrf", "language", "theme", "choices", "storage_choice", "usage", "promo"}),
    hosts={"api.razorpay.com": "gateway", "graph.facebook.com": "whatsapp"},
)


def without(**changes: object) -> Inventory:
    return Inventory(**{**vars(HONEST), **changes})  # type: ignore[arg-type]


def told(text: str, inventory: Inventory) -> list[tuple[str, str]]:
    return [
        (finding.check, finding.wrong)
        for finding in linting.lint_text(text, inventory=inventory)
        if "code." in finding.check
    ]


def test_honest_code_is_let_through() -> None:
    assert told(DEFAULT, HONEST) == []


def test_without_an_inventory_nothing_is_compared() -> None:
    assert not [finding for finding in linting.lint_text(DEFAULT) if finding.check.startswith("code.")]


@pytest.mark.parametrize(
    ("inventory", "check", "piece"),
    [
        (
            without(columns={**HONEST.columns, "contact.blood": "pd:BloodType"}),
            "code.column-undeclared",
            "contact.blood",
        ),
        (
            without(fields={**HONEST.fields, "survey": frozenset({"pd:Religion"})}),
            "code.field-undeclared",
            "survey takes in pd:Religion",
        ),
        (without(cookies=HONEST.cookies | {"_tracker"}), "code.cookie-undeclared", "“_tracker”"),
        (without(hosts={**HONEST.hosts, "ads.invalid": "ads"}), "code.host-undeclared", "ads.invalid"),
        (without(cookies=HONEST.cookies - {"promo"}), "code.cookie-gone", "nothing of this"),
        (without(hosts={"api.razorpay.com": "gateway"}), "code.host-gone", "graph.facebook.com"),
    ],
)
def test_what_the_code_does_and_the_policy_does_not_say(inventory: Inventory, check: str, piece: str) -> None:
    [(found, wrong)] = told(DEFAULT, inventory)
    assert found == check
    assert piece in wrong


@pytest.mark.parametrize(
    ("declared", "check"),
    [
        ("at: [contact.name]", None),
        ("at: [contact.name, email.address]", None),
        ("at: [contact.nickname]", "code.column-gone"),
        ("at: [sign_in.address]", "code.column-gone"),
        ("via: [sign-up]", None),
        ("via: [import]", "code.entry-gone"),
        ("via: [request]", "code.entry-gone"),
    ],
)
def test_what_the_policy_says_and_the_code_does_not(declared: str, check: str | None) -> None:
    text = changed(("identity: {is:", f"identity: {{{declared}, is:"))
    assert checks(text, HONEST) == ({check} if check else set())


def test_a_recipient_the_program_asks_about_first_may_be_left_out() -> None:
    called = without(hosts={**HONEST.hosts, "push.example": "push"})
    unnamed = changed(("  push:      {is", "  bell:      {is"))
    assert [check for check, _ in told(unnamed, called)] == ["code.host-undeclared"]
    assert told(unnamed, without(hosts=called.hosts, asked=frozenset({"push"}))) == []


def test_a_recipient_is_called_where_the_policy_says() -> None:
    elsewhere = changed(("host: graph.facebook.com", "host: graph.example.com"))
    [(check, wrong)] = told(elsewhere, HONEST)
    assert check == "code.host-undeclared"
    assert wrong == "The code calls “whatsapp” at graph.facebook.com, not here."


def test_only_what_is_looked_at_may_be_named_as_what_shows_a_clause() -> None:
    from_file = {name for clause in loading.load(DEFAULT).policy.clauses for name in clause.probe}
    known = without(promises=frozenset(from_file))
    mistyped = changed(("probe: [S-TRAIN]", "probe: [S-TRAIN, S-TRIAN, QWERTY]"))
    assert checks(DEFAULT, known) == set()
    assert checks(mistyped, HONEST) == set()  # nobody said what there is
    found = [one for one in linting.lint_text(mistyped, inventory=known) if one.check == "clause.probe-unknown"]
    assert [one.wrong for one in found] == [
        "Nothing here is checked under the name “S-TRIAN”.",
        "Nothing here is checked under the name “QWERTY”.",
    ]
    assert [one.instead for one in found] == [
        "Write `S-TRAIN`.",
        "Write a key that `amanat policy coverage --format json` lists, or leave it out.",
    ]
    assert {one.path for one in found} == {"clauses.people.probe"}


def test_a_cookie_may_have_another_name_than_its_rule() -> None:
    renamed = without(cookies=HONEST.cookies - {"session"} | {"__Host-session"})
    assert told(DEFAULT, renamed) == []
    found = told(changed((", at: [session, __Host-session]", "")), renamed)
    assert [check for check, _ in found] == ["code.cookie-undeclared", "code.cookie-gone"]


def test_an_inventory_comes_from_the_declarations() -> None:
    held = [
        Held(
            "people.Contact",
            "contact",
            "keep.content",
            {"name": Personal("pd:Name")},
            frozenset({"id"}),
            ("form", "import"),
        ),
        Held("people.Phone", "contact", "keep.content", {"number": Personal("pd:TelephoneNumber")}, via=("form",)),
        Held("core.Tally", "nobody", "keep.content", not_personal=frozenset({"id"}), via=("form",)),
    ]
    inventory = Inventory.of(held, cookies=["session"], hosts={"api.razorpay.com": "gateway"}, promises=["PAGE"])
    assert inventory.columns == {"people.Contact.name": "pd:Name", "people.Phone.number": "pd:TelephoneNumber"}
    assert inventory.fields == {"form": {"pd:Name", "pd:TelephoneNumber"}, "import": {"pd:Name"}}
    assert (inventory.cookies, inventory.hosts) == ({"session"}, {"api.razorpay.com": "gateway"})
    assert inventory.promises == {"PAGE"}
    assert Inventory.of([]) == Inventory()
