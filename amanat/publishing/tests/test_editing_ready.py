"""The ready policies against the running code: nothing is held, set or called that they do not name."""

from __future__ import annotations

import pytest

from amanat.policy import editing, linting, ready
from amanat.policy.linting import Severity
from amanat.publishing import inventory


def test_the_inventory_is_that_of_all_packages() -> None:
    models = {one.model.partition(".")[0] for one in inventory.held()}
    assert {"core", "accounts", "people", "desk", "basis", "publishing"} <= models
    assert len(inventory.of_running_code().columns) > 100


@pytest.mark.parametrize("name", ready.names())
def test_a_ready_policy_has_no_error_beside_the_running_code(name: str) -> None:
    """Also run as `amanat policy lint`; its addresses are examples, which is a warning."""
    found = linting.lint_text(editing.source_of(name), inventory=inventory.of_running_code())
    assert [str(one) for one in found if one.severity is Severity.ERROR] == []


@pytest.mark.parametrize("name", ready.names())
def test_every_personal_field_of_the_code_has_a_kind_of_data(name: str) -> None:
    """Column by column: its term stands in a kind of data, that kind has a purpose and a rule of keeping."""
    policy = ready.policy(name)
    for column, term in inventory.of_running_code().columns.items():
        kinds = [kind for kind, data in policy.data.items() if term in data.terms]
        assert kinds, f"{column} holds {term}, which {name} does not name"
        assert any(kind in purpose.uses for kind in kinds for purpose in policy.purposes.values()), (column, term)
        assert any(kind in keep.of for kind in kinds for keep in policy.keep.values()), (column, term)


@pytest.mark.parametrize("name", ready.names())
def test_a_column_of_another_kind_is_found(name: str) -> None:
    honest = inventory.of_running_code()
    grown = type(honest)(
        {**honest.columns, "people.Contact.faith": "pd:Religion"}, honest.fields, honest.cookies, honest.hosts
    )
    found = linting.lint(ready.policy(name), inventory=grown)
    assert [one.wrong for one in found if one.severity is Severity.ERROR] == [
        "The column people.Contact.faith holds pd:Religion, which is not declared."
    ]
