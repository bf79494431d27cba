"""Forms of cases. They say what is well formed; `handling` says what may happen."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.accounts.models import Member
from amanat.desk.cases.models import SupportCase
from amanat.desk.forms import DayField, MemberChoice, WithPerson

_LONGEST = 10_000


class CaseForm(forms.ModelForm):  # type: ignore[type-arg]
    """What it is about, what happened, who has it and by when it is answered."""

    due_on = DayField(label=gettext_lazy("Answer by"))

    class Meta:
        model = SupportCase
        fields = ("subject", "what", "due_on")
        widgets = {"what": forms.Textarea(attrs={"rows": 5})}

    def __init__(self, *args: Any, members: list[Member], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["owner"] = MemberChoice(members, empty=_("Nobody yet"), label=_("Who has it"))
        if not self.is_bound:
            self.initial.setdefault("owner", str(self.instance.owner_id or ""))


class NewCaseForm(WithPerson, CaseForm):
    """The same, and whose case it is."""


class NoteForm(forms.Form):
    """What was done or said."""

    text = forms.CharField(
        label=gettext_lazy("What was done or said"), max_length=_LONGEST, widget=forms.Textarea(attrs={"rows": 3})
    )


class ClosingForm(forms.Form):
    """How it ended, and how happy the person was with it, where somebody asked."""

    outcome = forms.CharField(
        label=gettext_lazy("How it ended"), max_length=_LONGEST, widget=forms.Textarea(attrs={"rows": 3})
    )
    satisfaction = forms.TypedChoiceField(
        label=gettext_lazy("How happy they are"),
        choices=[("", gettext_lazy("Not asked")), *SupportCase.Satisfaction.choices],
        coerce=int,
        empty_value=None,
        required=False,
    )
