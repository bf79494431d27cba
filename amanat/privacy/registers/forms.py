"""Forms of the registers."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext as _

from amanat.core import phones
from amanat.policy.format import Policy
from amanat.privacy.registers.models import AuthorityDisclosure, Contract

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SAFEGUARDS = ("", "scc", "adequacy", "dpf", "derogation")


class ContractForm(forms.ModelForm):  # type: ignore[type-arg]  # Django takes no argument here when it runs
    """A contract with a recipient, and its paper."""

    paper = forms.FileField(required=False)

    class Meta:
        model = Contract
        fields = ("recipient", "party", "country", "safeguard", "signed_on", "until")
        widgets = {
            "signed_on": forms.DateInput(attrs={"type": "date"}),
            "until": forms.DateInput(attrs={"type": "date"}),
        }

    def __init__(self, *args: Any, choices: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["recipient"] = forms.ChoiceField(choices=choices, label=_("Recipient"))
        safeguards = [
            (
                one,
                {
                    "": "—",
                    "scc": _("standard contractual clauses"),
                    "adequacy": _("a decision of adequacy"),
                    "dpf": _("Data Privacy Framework"),
                    "derogation": _("consent to the transfer"),
                }[one],
            )
            for one in SAFEGUARDS
        ]
        self.fields["safeguard"] = forms.ChoiceField(choices=safeguards, required=False, label=_("Safeguard"))
        # Longer than it may be: a browser that cuts "Germany" short writes GE, which is Georgia.
        self.fields["country"] = forms.CharField(
            label=self.fields["country"].label, help_text=_("Two letters, such as IN."), max_length=80
        )
        self.fields["paper"].label = _("The paper")

    def clean_country(self) -> str:
        country = str(self.cleaned_data["country"]).upper()
        if not phones.is_region(country):
            raise forms.ValidationError(_("Write the two letters of the country, such as IN."))
        return country

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        until, signed = found.get("until"), found.get("signed_on")
        if until and signed and until <= signed:
            self.add_error("until", _("It ends before it begins."))
        return found


class DemandForm(forms.ModelForm):  # type: ignore[type-arg]
    """What an authority demands, and by which law. `contact_id` is the id of the person, if it is about one, or her page's address."""

    contact_id = forms.CharField(required=False, max_length=300)

    class Meta:
        model = AuthorityDisclosure
        fields = ("authority", "law", "reference", "wanted")
        widgets = {"wanted": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["contact_id"].label = _("About whom")
        self.fields["contact_id"].help_text = _(
            "Copy the address of the contact's page here; leave it empty when it is about nobody in particular."
        )

    def clean_contact_id(self) -> UUID | None:
        written = str(self.cleaned_data["contact_id"])
        found = _ID.search(written.lower())
        if written and found is None:
            raise forms.ValidationError(
                _("Copy the whole address of the contact's page, from its first letter to its last.")
            )
        return UUID(found[0]) if found else None


class GivenForm(forms.Form):
    given = forms.CharField(max_length=2_000, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["given"].label = _("What was given")


class RefusalForm(forms.Form):
    because = forms.CharField(max_length=300)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["because"].label = _("Why it is refused")


class TrainingForm(forms.Form):
    """Who was trained in what, on which day."""

    members = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)
    topic = forms.CharField(max_length=160)
    done_on = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, choices: list[tuple[str, str]], today: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.today = today
        chosen = self.fields["members"]
        assert isinstance(chosen, forms.MultipleChoiceField)
        chosen.choices, chosen.label = choices, _("Who")
        self.fields["topic"].label, self.fields["done_on"].label = _("What was taught"), _("On")

    def clean_done_on(self) -> Any:
        day = self.cleaned_data["done_on"]
        if day > self.today:
            raise forms.ValidationError(_("That day has not come yet."))
        return day


def recipients(policy: Policy, language: str) -> list[tuple[str, str]]:
    """Recipients of the policy as choices."""
    from amanat.policy import references

    return [
        (name, references.listed(references.in_words(policy, f"recipients.{name}", language), language))
        for name in policy.recipients
    ]
