from __future__ import annotations

import pytest
from django.apps import apps

from amanat.accounts import personal_data as accounts_data
from amanat.core import personal_data as core_data
from amanat.core.personal_data import Held

HELD: list[Held] = [*accounts_data.HELD, *core_data.HELD]


@pytest.mark.parametrize("label", ["accounts", "core", "account", "mfa"])
def test_every_field_is_declared_once(label: str) -> None:
    declared = {held.model: set(held.personal) | held.not_personal for held in HELD}
    assert len(declared) == len(HELD)
    for model in apps.get_app_config(label).get_models():
        assert declared[model._meta.label] == {field.name for field in model._meta.local_concrete_fields}


@pytest.mark.parametrize("held", HELD, ids=lambda held: held.model)
def test_a_field_is_personal_or_not(held: Held) -> None:
    assert not set(held.personal) & held.not_personal
    assert held.clause.startswith("keep.")
    assert bool(held.personal) or held.whose == "nobody"
