"""Forms of this part."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from amanat.privacy.erasure.models import Erasure

Because = Erasure.Because


class EraseForm(forms.Form):
    """Why a person is erased, and that it is meant."""

    because = forms.ChoiceField(
        label=_("Why"),
        choices=[(one.value, one.label) for one in (Because.REQUEST, Because.CHILD, Because.DECISION)],
        widget=forms.RadioSelect,
    )
    is_sure = forms.BooleanField(
        label=_("I know that nobody can bring this back"),
        error_messages={"required": _("Tick this: an erasure cannot be undone.")},
    )


class AnswerForm(forms.Form):
    """What was done about an open item."""

    answer = forms.CharField(label=_("What was done"), max_length=300, strip=True)
