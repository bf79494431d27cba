"""The form that names one more recipient."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext as say
from django.utils.translation import gettext_lazy as _

from amanat.policy import references
from amanat.policy.format import Policy
from amanat.policy.linting.sharing import SAFEGUARDS
from amanat.policy.reading import Value
from amanat.publishing import editing_words


class RecipientForm(forms.Form):
    """Who, what and where."""

    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("As people know it."))
    role = forms.ChoiceField(
        label=_("What it is"),
        choices=[
            ("dpv:DataProcessor", _("Handles data for us, under a contract")),
            ("dpv:ThirdParty", _("Has ends of its own; named first, and only with consent")),
        ],
    )
    gets = forms.MultipleChoiceField(label=_("What it receives"), widget=forms.CheckboxSelectMultiple)
    countries = forms.MultipleChoiceField(label=_("Countries"), widget=forms.CheckboxSelectMultiple)
    safeguard = forms.ChoiceField(
        label=_("Safeguard abroad"), required=False, help_text=_("Needed when data leaves your country.")
    )
    host = forms.RegexField(
        regex=r"^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,8}$",
        label=_("Host"),
        required=False,
        max_length=200,
        help_text=_("The address our program calls, such as api.supplier.in. Leave it empty when it calls none."),
    )

    def __init__(self, data: Any = None, *, policy: Policy) -> None:
        super().__init__(data)
        self.policy = policy
        words = references.vocabulary(editing_words.language())["countries"]
        self._choose("gets", [(name, editing_words.data_kind(policy, name)) for name in policy.data])
        self._choose("countries", list(words.items()))
        self._choose(
            "safeguard", [("", editing_words.CHOICES[""]), *((one, editing_words.CHOICES[one]) for one in SAFEGUARDS)]
        )

    def _choose(self, name: str, choices: list[tuple[str, Any]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if self._key(name) in self.policy.recipients:
            raise forms.ValidationError(say("There is a recipient of this name."))
        return name

    def entry(self) -> tuple[str, Value]:
        """Its name in the file, and what stands there."""
        cleaned = self.cleaned_data
        value: dict[str, Value] = {
            "is": cleaned["role"],
            "gets": tuple(cleaned["gets"]),
            "in": tuple(cleaned["countries"]),
            "name": cleaned["name"],
        }
        if cleaned["safeguard"]:
            value["safeguard"] = cleaned["safeguard"]
        if cleaned["role"] == "dpv:DataProcessor":
            value["contract"] = "required"
        else:
            value |= {"when": "consent", "named": True}
        if cleaned["host"]:
            value["host"] = cleaned["host"]
        return self._key(cleaned["name"]), value

    @staticmethod
    def _key(name: str) -> str:
        letters = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:38]
        return letters if letters[:1].isalpha() else f"r_{letters}".rstrip("_")
