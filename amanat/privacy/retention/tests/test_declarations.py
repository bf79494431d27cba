"""Every table of every package falls under a rule of every ready policy, and each way in which a rule ends can be computed."""

from __future__ import annotations

import pytest
from django.apps import apps

from amanat.core.personal_data import Held
from amanat.people import pointing
from amanat.policy import ready
from amanat.privacy.retention import proofs, tables

PERSONAL = [held for held in tables.declarations() if held.whose != "nobody"]


@pytest.mark.parametrize("name", ready.names())
def test_every_table_falls_under_a_rule(name: str) -> None:
    keep = ready.policy(name).keep
    clauses = {held.model: held.clause for held in tables.declarations()}
    assert {model: clause for model, clause in clauses.items() if clause.removeprefix("keep.") not in keep} == {}
    assert all(clause.startswith("keep.") for clause in clauses.values())


def hangs_on_one_that_ends(held: Held, trigger: str) -> bool:
    """Whether its rows cannot be without a row that goes by this trigger."""
    model = apps.get_model(held.model)
    ending = [
        apps.get_model(one.model) for one in PERSONAL if one.clause == held.clause and trigger in one.counted_from
    ]
    return any(other is model for target in ending for other, _column in pointing.at(target))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ready.names())
def test_every_end_of_a_rule_is_computed(name: str) -> None:
    unknown = []
    for rule, keep in ready.policy(name).keep.items():
        for trigger in keep.until:
            if trigger in tables.OF_OTHER_TABLES:
                continue
            for held in PERSONAL:
                if (
                    held.clause == f"keep.{rule}"
                    and trigger not in held.counted_from
                    and held.model not in proofs.LABELS
                ):
                    unknown += [] if hangs_on_one_that_ends(held, trigger) else [f"{held.model}: {trigger}"]
    assert unknown == []


@pytest.mark.parametrize(
    "held", [held for held in tables.declarations() if held.counted_from], ids=lambda held: held.model
)
def test_a_trigger_is_one_the_rule_has_and_its_column_is_there(held: Held) -> None:
    rule = ready.policy("default").keep[held.clause.removeprefix("keep.")]
    if held.model != "people.Contact":  # falls under two rules: see `due`
        assert set(held.counted_from) <= set(rule.until)
    for column in [one for columns in held.counted_from.values() for one in columns.split(" or ")]:
        model = apps.get_model(held.model)
        *links, last = column.split("__")
        for link in links:
            model = model._meta.get_field(link).related_model  # type: ignore[assignment]
        assert model._meta.get_field(last)


def test_every_trigger_of_another_table_names_one() -> None:
    for places in tables.OF_OTHER_TABLES.values():
        for place in places.split(", "):
            app, model, column = place.split(".")
            assert apps.get_model(app, model)._meta.get_field(column)


def test_what_goes_by_rules_of_its_own_is_declared() -> None:
    assert set(tables.ELSEWHERE) <= {held.model for held in tables.declarations()}
    assert not {one.label for one in tables.counted()} & set(tables.ELSEWHERE)
