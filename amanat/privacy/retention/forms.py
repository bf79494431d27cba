"""Forms of retention: a legal hold."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.policy.format import Policy


class HoldForm(forms.Form):
    """What may not be deleted, why, and until when. Without a rule it is about the person whose page it was opened from."""

    keep = forms.ChoiceField(label=gettext_lazy("What may not be deleted"), required=False)
    basis = forms.CharField(
        label=gettext_lazy("Legal reason"),
        max_length=300,
        help_text=gettext_lazy(
            "For instance the court and number of a case. Everybody who may see this page reads it."
        ),
    )
    until = forms.DateField(
        label=gettext_lazy("Until"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("The last day. Set a new hold when it must last longer."),
    )

    def __init__(self, *args: Any, policy: Policy, is_about_a_person: bool, today: date, **options: Any) -> None:
        super().__init__(*args, **options)
        self._today = today
        field = self.fields["keep"]
        assert isinstance(field, forms.ChoiceField)
        if is_about_a_person:
            del self.fields["keep"]
        else:
            field.choices = [("", _("Choose a rule")), *((name, f"keep.{name}") for name in policy.keep)]
            field.required = True

    def clean_until(self) -> date:
        until: date = self.cleaned_data["until"]
        if until < self._today:
            raise forms.ValidationError(_("This day is over."))
        return until
