from __future__ import annotations

from django.apps import apps

from amanat.desk.personal_data import HELD


def test_every_field_is_declared_once() -> None:
    declared = {held.model: (set(held.personal), set(held.not_personal)) for held in HELD}
    models = {model._meta.label: model for model in apps.get_app_config("desk").get_models()}
    assert set(declared) == set(models)
    for label, model in models.items():
        personal, plain = declared[label]
        assert personal | plain == {field.name for field in model._meta.local_concrete_fields}, label
        assert not personal & plain, label


def test_the_number_of_a_paper_is_declared_as_sealed() -> None:
    paper = next(held for held in HELD if held.model == "desk.Paper")
    assert paper.personal["number_sealed"].sealed and paper.personal["file"].sealed
