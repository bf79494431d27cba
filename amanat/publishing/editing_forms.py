"""Forms of the editor: who answers, which trade to begin with, the whole text."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from amanat.policy import ready, references
from amanat.policy.editing import Put, Remove, Step
from amanat.policy.format import Policy
from amanat.policy.reading import LONGEST_FILE
from amanat.publishing import editing_words


class DetailsForm(forms.Form):
    """Who answers for the data and where people reach them: what a policy calls its parties."""

    name = forms.CharField(label=_("Name of your firm"), max_length=200, help_text=_("As on your papers."))
    office = forms.CharField(label=_("Office"), max_length=200, help_text=_("Town and country."))
    company = forms.BooleanField(
        label=_("It is a company under the Companies Act"),
        required=False,
        help_text=_("Companies keep their books for eight years, others for six."),
    )
    email = forms.EmailField(label=_("E-mail for questions about privacy"), max_length=200)
    phone = forms.CharField(label=_("Telephone"), max_length=40)
    post = forms.CharField(label=_("Postal address"), max_length=300)
    officer = forms.CharField(
        label=_("Who answers complaints"),
        max_length=200,
        initial=_("Data Protection and Grievance Officer"),
        help_text=_("A title, not a person's name."),
    )
    officer_email = forms.EmailField(label=_("Their e-mail"), max_length=200)
    law = forms.ChoiceField(label=_("Country whose law applies"))
    court = forms.CharField(label=_("Courts of"), max_length=200, help_text=_("The town whose courts decide."))

    #: Field and the place it stands at.
    PLACES = {
        "name": ("parties", "operator", "name"),
        "office": ("parties", "operator", "office"),
        "company": ("parties", "operator", "company"),
        "email": ("parties", "contact", "email"),
        "phone": ("parties", "contact", "phone"),
        "post": ("parties", "contact", "post"),
        "officer": ("parties", "officer", "title"),
        "officer_email": ("parties", "officer", "email"),
        "law": ("parties", "venue", "law"),
        "court": ("parties", "venue", "court"),
    }

    def __init__(self, data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        words = references.vocabulary(editing_words.language())["countries"]
        law = self.fields["law"]
        assert isinstance(law, forms.ChoiceField)
        law.choices = [(code, words[code]) for code in words if code != "EU"]

    @classmethod
    def values_of(cls, policy: Policy) -> dict[str, Any]:
        parties = policy.parties
        return {
            "name": parties.operator.name,
            "office": parties.operator.office,
            "company": parties.operator.company,
            "email": parties.contact.email,
            "phone": parties.contact.phone,
            "post": parties.contact.post,
            "officer": parties.officer.title,
            "officer_email": parties.officer.email,
            "law": parties.venue.law,
            "court": parties.venue.court,
        }

    def steps(self, policy: Policy) -> list[Step]:
        """What differs from the policy. A translation of words that changed is taken out, for it says the old ones."""
        now, steps = self.values_of(policy), list[Step]()
        for field, place in self.PLACES.items():
            if self.cleaned_data[field] == now[field]:
                continue
            steps.append(Put(place, self.cleaned_data[field]))
            path = ".".join(place)
            for language, said in policy.translations.items():
                if path in said:
                    steps.append(Remove(("translations", language, path)))
            if path in policy.labels:
                steps.append(Remove(("labels", path)))
        return steps


class StartForm(forms.Form):
    """Which ready policy to begin with, or the one in force."""

    begin = forms.ChoiceField(label=_("What do you do?"), widget=forms.RadioSelect)

    def __init__(self, data: Any = None, *, number: int = 0, **options: Any) -> None:
        super().__init__(data, **options)
        begin = self.fields["begin"]
        assert isinstance(begin, forms.ChoiceField)
        begin.choices = [*((name, name) for name in ready.names()), *([("version", "version")] if number else [])]


class SourceForm(forms.Form):
    """The file as a text."""

    source = forms.CharField(
        label=_("Policy file"),
        max_length=LONGEST_FILE,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 30, "spellcheck": "false"}),
    )
    revision = forms.IntegerField(widget=forms.HiddenInput)

    def clean_source(self) -> str:
        source: str = self.cleaned_data["source"]
        return source.replace("\r\n", "\n")
