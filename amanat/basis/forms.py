"""Forms of consent: what is asked, the code that comes back, what is taken back, what is to be explained."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _

from amanat.basis import wording
from amanat.basis.asking import Wanted
from amanat.basis.models import Method, Opening
from amanat.basis.rules import Rules


def wanted(in_force: Rules, language: str) -> list[tuple[str, str]]:
    """Every purpose and channel that people can be asked for, as choices: "marketing.sms"."""
    return [
        (f"{purpose}.{channel}", wording.phrase(in_force.policy, (purpose, channel), language))
        for purpose, channels in in_force.asked_of_people()
        for channel in channels
    ]


def as_wanted(value: str) -> Wanted:
    purpose, _dot, channel = value.partition(".")
    return purpose, channel


def read_again() -> str:
    """For who agreed to a text that says something else by now."""
    return _("The text has changed since you opened this page. Please read it once more; what you chose is kept.")


class AskForm(forms.Form):
    """What the person is asked for, and in which language."""

    wanted = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)
    language = forms.ChoiceField()

    def __init__(self, *args: Any, choices: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        chosen, language = self.fields["wanted"], self.fields["language"]
        assert isinstance(chosen, forms.MultipleChoiceField) and isinstance(language, forms.ChoiceField)
        chosen.choices, chosen.label = choices, _("What for")
        chosen.error_messages["required"] = _("Choose at least one.")
        language.choices, language.label = settings.LANGUAGES, _("Language of the notice")


class CodeForm(forms.Form):
    code = forms.CharField(max_length=20, widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["code"].label = _("Code")
        self.fields["code"].help_text = _("The six digits that just came.")


class WithdrawForm(forms.Form):
    """One click; how the person said so is asked, with the usual answer filled in."""

    wanted = forms.ChoiceField()
    method = forms.ChoiceField(
        choices=[(one.value, one.label) for one in (Method.PHONE, Method.MESSAGE, Method.POST, Method.FORM)],
        initial=Method.PHONE,
    )

    def __init__(self, *args: Any, choices: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        chosen = self.fields["wanted"]
        assert isinstance(chosen, forms.ChoiceField)
        chosen.choices = choices


class OpenForm(forms.Form):
    """Why a masked value is opened."""

    reason = forms.ChoiceField(choices=Opening.Reason.choices, widget=forms.RadioSelect)
    words = forms.CharField(max_length=300)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["reason"].label = _("What for")
        self.fields["words"].label = _("In your words")
        self.fields["words"].help_text = _("For instance: “PAN card, the person waits at the counter”.")


class AddressForm(forms.Form):
    address = forms.CharField(max_length=254)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["address"].label = _("Your phone number or e-mail address")


class JoinForm(forms.Form):
    """A public form: who she is, where she is reached, and what she agrees to. Nothing is ticked beforehand."""

    name = forms.CharField(max_length=200)
    address = forms.CharField(max_length=254)
    wanted = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)
    #: the notice on the page (`notices.Offered.mark`)
    shown = forms.CharField(required=False, max_length=100, widget=forms.HiddenInput)
    #: no person fills this in; a program that fills in everything does
    website = forms.CharField(
        required=False, max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off", "tabindex": "-1"})
    )

    def __init__(self, *args: Any, choices: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        chosen = self.fields["wanted"]
        assert isinstance(chosen, forms.MultipleChoiceField)
        chosen.choices, chosen.label = choices, _("I agree to")
        chosen.error_messages["required"] = _("Choose at least one.")
        self.fields["name"].label = _("Your name")
        self.fields["address"].label = _("Your phone number or e-mail address")
        self.fields["website"].label = _("Leave this empty")


class PublicFormForm(forms.Form):
    """A new public form."""

    title = forms.CharField(max_length=120)
    wanted = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, choices: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        chosen = self.fields["wanted"]
        assert isinstance(chosen, forms.MultipleChoiceField)
        chosen.choices, chosen.label = choices, _("What people can agree to")
        chosen.error_messages["required"] = _("Choose at least one.")
        self.fields["title"].label = _("Title")


class ChangeForm(forms.Form):
    """One choice turned by the person herself."""

    wanted = forms.ChoiceField()
    act = forms.ChoiceField(choices=[("give", "give"), ("withdraw", "withdraw")])
    #: the notice on the page (`notices.Offered.mark`); taking back needs none
    shown = forms.CharField(required=False, max_length=100)

    def __init__(self, *args: Any, choices: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        chosen = self.fields["wanted"]
        assert isinstance(chosen, forms.ChoiceField)
        chosen.choices = choices
