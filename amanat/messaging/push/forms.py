"""Forms of notifications."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from amanat.messaging.push.models import PushDevice
from amanat.messaging.push.services import LONGEST


class WantsForm(forms.Form):
    wants = forms.ChoiceField(choices=PushDevice.Wants.choices, label=_("Tell me of"))


class SwitchOnForm(WantsForm):
    """What the page's script took from the browser."""

    endpoint = forms.CharField(max_length=LONGEST)
    public = forms.CharField(max_length=120)
    secret = forms.CharField(max_length=40)
