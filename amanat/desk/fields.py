"""Custom fields on services: which there are, their controls on the forms of a service, and how its page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError

from amanat.core.tenancy import HasId, WorkspaceQuerySet
from amanat.people import custom_fields
from amanat.people.models import CustomField

if TYPE_CHECKING:
    _Form = forms.BaseForm
else:
    _Form = object


def rows(workspace: HasId | UUID) -> WorkspaceQuerySet[CustomField]:
    found: WorkspaceQuerySet[CustomField] = CustomField.objects.of(workspace)
    return found.filter(on=CustomField.On.SERVICE, retired_at__isnull=True)


def of(workspace: HasId | UUID) -> list[CustomField]:
    """Those in use, in the order of the forms. One statement."""
    return list(rows(workspace).order_by("position", "created_at", "id"))


class WithFields(_Form):
    """A form with the workspace's own fields. Call `add_own` at the end of `__init__`, `clean_own` at the end of `clean`."""

    own: Sequence[CustomField] = ()
    stored: Mapping[str, Any] = {}

    def add_own(self, own: Sequence[CustomField], stored: Mapping[str, Any]) -> None:
        self.own, self.stored = own, stored
        for one in own:
            name = custom_fields.input_name(one)
            self.fields[name] = custom_fields.form_field(one, required=False)
            self.fields[name].widget.is_required = False
            if not self.is_bound:
                self.initial[name] = custom_fields.entered(one, stored.get(one.key))

    def clean_own(self, data: dict[str, Any]) -> None:
        """Put the values as they are stored under "custom"; those of retired fields stay. A wrong one gets its message."""
        entered = {one.key: data.pop(custom_fields.input_name(one), None) for one in self.own}
        refused = {one.key for one in self.own if custom_fields.input_name(one) in self.errors}
        fresh = {key: value for key, value in entered.items() if key not in refused}
        try:
            data["custom"] = custom_fields.merged(self.own, self.stored, fresh)
        except ValidationError as problem:
            for name, messages in problem.message_dict.items():
                self.add_error(name, messages)

    def own_bound(self) -> list[forms.BoundField]:
        return [self[custom_fields.input_name(one)] for one in self.own]


def lines(own: Sequence[CustomField], custom: Mapping[str, Any]) -> list[dict[str, str]]:
    """What a page shows of the values: label, text, and where a link leads."""
    drawn = []
    for one in own:
        value = custom.get(one.key)
        if value is None or value == "":
            continue
        is_link = one.kind == CustomField.Kind.LINK and str(value).startswith(("https://", "http://"))
        drawn.append(
            {"label": one.label, "text": custom_fields.shown(one, value), "link": str(value) if is_link else ""}
        )
    return drawn
