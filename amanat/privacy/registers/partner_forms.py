"""The form of a handover to a partner."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from amanat.privacy.registers.models import Handover

#: Everybody who said yes to the partner.
AGREED = "agreed"


class HandoverForm(forms.Form):
    """About whom, which of the fields that the clause names, and what for. Nothing is ticked beforehand."""

    whom = forms.ChoiceField(label=_("About whom"))
    fields_given = forms.MultipleChoiceField(label=_("What is handed over"), widget=forms.CheckboxSelectMultiple)
    why = forms.CharField(label=_("What the partner gets it for"), max_length=300)
    format = forms.ChoiceField(label=_("Kind of file"), choices=Handover.Format.choices)

    def __init__(
        self, *args: Any, people: list[tuple[str, str]], offered: list[tuple[str, str]], **options: Any
    ) -> None:
        super().__init__(*args, **options)
        for name, choices in (("whom", people), ("fields_given", offered)):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices
        self.fields["why"].help_text = _("A sentence. It stands in the copy that a person asks for.")


class ToldForm(forms.Form):
    """How a partner was told that a yes is over, and what it answered."""

    answer = forms.CharField(label=_("What was done"), max_length=300)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["answer"].help_text = _("When and how the partner was told, and what it answered.")


__all__ = ["AGREED", "HandoverForm", "ToldForm"]
