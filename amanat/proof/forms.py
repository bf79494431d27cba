"""The form with which somebody vouches for what no program can see."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from amanat.proof.attesting import Subject


class AttestForm(forms.Form):
    statement = forms.CharField(max_length=500, widget=forms.Textarea(attrs={"rows": 4}))
    done_on = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    valid_to = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    paper = forms.FileField(required=False)
    is_true = forms.BooleanField()

    def __init__(self, *args: Any, subject: Subject, **options: Any) -> None:
        super().__init__(*args, **options)
        fields = self.fields
        fields["statement"].label, fields["statement"].help_text = _("What was done"), str(subject.asks)
        fields["done_on"].label = _("Done on")
        fields["valid_to"].label = _("Valid to")
        fields["valid_to"].help_text = _("The last day of a certificate, if it has one.")
        fields["paper"].label = _("Report or certificate")
        fields["paper"].required = subject.is_certificate
        fields["paper"].help_text = _(
            "PDF, picture or text, up to 10 MB. It is stored encrypted; only its fingerprint is published."
        )
        fields["is_true"].label = _("I vouch for this with my name.")
