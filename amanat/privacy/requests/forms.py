"""Forms of the rights desk and of its public page. They say what is well formed; the rules say what may happen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.basis import wording
from amanat.basis.rules import Rules
from amanat.people.forms import LANGUAGES
from amanat.privacy.requests import carrying
from amanat.privacy.requests import details as asked
from amanat.privacy.requests.details import Asker, Details
from amanat.privacy.requests.models import Kind, RightsRequest

Who, How = RightsRequest.Who, RightsRequest.How
_LINES = forms.Textarea(attrs={"rows": 4})
_NEEDS_TEXT = frozenset({Kind.GRIEVANCE, Kind.HUMAN_REVIEW})


class AddressForm(forms.Form):
    """Where a code can go."""

    address = forms.CharField(max_length=254)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["address"].label = _("Your phone number or e-mail address")
        self.fields["address"].help_text = _("One that you gave us. A code comes to it.")


class AskForm(forms.Form):
    """What the person wants, beyond the kind: only what this kind needs."""

    def __init__(self, *args: Any, kind: Kind, in_force: Rules, language: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.kind = kind
        if kind in carrying.CORRECTIONS:
            for name in asked.VALUES:
                self.fields[name] = _value_field(name)
        if kind == Kind.OBJECT:
            choices = [
                (name, wording.purpose(in_force.policy, name, language).capitalize())
                for name, purpose in in_force.policy.purposes.items()
                if purpose.grain == "person"
            ]
            self.fields["purposes"] = forms.MultipleChoiceField(
                label=_("To which uses"), choices=choices, required=False, widget=forms.CheckboxSelectMultiple,
                help_text=_("Nothing ticked means all."),
            )  # fmt: skip
        if kind == Kind.NOMINATE:
            self.fields["nominee_name"] = forms.CharField(label=_("Their name"), max_length=asked.SHORT)
            self.fields["nominee_address"] = forms.CharField(label=_("Their phone or e-mail"), max_length=asked.SHORT)
            self.fields["nominee_relation"] = forms.CharField(
                label=_("Who they are to you"), max_length=asked.SHORT, required=False
            )
        self.fields["text"] = forms.CharField(
            label=_("What happened, and what should be done") if kind in _NEEDS_TEXT else _("Anything else we should know"),
            max_length=asked.TEXT, required=kind in _NEEDS_TEXT, widget=_LINES,
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        is_empty = not any(cleaned.get(name) for name in (*asked.VALUES, "text"))
        if self.kind in carrying.CORRECTIONS and is_empty and not self.errors:
            raise forms.ValidationError(_("Write what should be set right."))
        return cleaned

    def details(self, **more: str) -> Details:
        said = self.cleaned_data
        values = {name: str(said[name]) for name in asked.VALUES if said.get(name)}
        nominee = {
            name: said[name] for name in ("nominee_name", "nominee_address", "nominee_relation") if said.get(name)
        }
        return Details(
            text=said.get("text", ""), values=values, purposes=tuple(said.get("purposes") or ()), **nominee, **more
        )


def _value_field(name: str) -> forms.Field:
    label = carrying.LABELS[name]
    if name == "birthday":
        day = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        return forms.DateField(label=label, required=False, widget=day)
    if name == "language":
        return forms.ChoiceField(label=label, required=False, choices=LANGUAGES)
    if name == "email":
        return forms.EmailField(label=label, required=False, max_length=asked.SHORT)
    return forms.CharField(label=label, required=False, max_length=asked.SHORT)


class WhoseForm(forms.Form):
    """When several people have the address: which of them she is, by what a stranger would not know."""

    name = forms.CharField(max_length=asked.SHORT)
    last_month = forms.RegexField(
        r"^20\d\d-(0[1-9]|1[0-2])$", required=False, widget=forms.TextInput(attrs={"type": "month"})
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["name"].label = _("Your name")
        self.fields["last_month"].label = _("Month of your last visit")
        self.fields["last_month"].help_text = _("More people use this address. This shows which of them you are.")
        self.fields["last_month"].error_messages["invalid"] = _("Write it like 2026-10.")


class UnprovedForm(forms.Form):
    """For who cannot use a code: a guardian, an agent, or somebody whose number has changed. The desk looks at it."""

    who = forms.ChoiceField(choices=Who.choices, initial=Who.PERSON, widget=forms.RadioSelect)
    about_name = forms.CharField(max_length=asked.SHORT)
    about_address = forms.CharField(max_length=asked.SHORT, required=False)
    last_month = forms.RegexField(
        r"^20\d\d-(0[1-9]|1[0-2])$", required=False, widget=forms.TextInput(attrs={"type": "month"})
    )
    name = forms.CharField(max_length=asked.SHORT, required=False)
    reply_to = forms.CharField(max_length=asked.SHORT, required=False)
    proof = forms.FileField(required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        words = {
            "who": (_("I ask as"), ""),
            "about_name": (_("Name of the person whose data it is"), ""),
            "about_address": (_("A phone number or e-mail address they gave us"), ""),
            "last_month": (_("Month of the last visit"), _("It helps us to find the right person.")),
            "name": (_("Your own name"), _("If you ask for somebody else.")),
            "reply_to": (_("Your phone number or e-mail address"), _("If you ask for somebody else: the answer goes there.")),
            "proof": (
                _("A paper that shows you may ask"),
                _("For a guardian, agent or nominee, such as a birth certificate, a signed letter or a death certificate. PDF or picture. You can also show it at the counter."),
            ),
        }  # fmt: skip
        for name, (label, help_text) in words.items():
            self.fields[name].label, self.fields[name].help_text = label, help_text
        self.fields["last_month"].error_messages["invalid"] = _("Write it like 2026-10.")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("who") in {Who.GUARDIAN, Who.AGENT, Who.NOMINEE}:
            for name in ("name", "reply_to"):
                if not cleaned.get(name):
                    self.add_error(name, _("This is needed when you ask for somebody else."))
        return cleaned


class StatusForm(forms.Form):
    code = forms.CharField(max_length=40, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["code"].label = _("Code of the request")
        self.fields["code"].help_text = _("Ten letters and digits that you got when you asked.")


class TakeDownForm(forms.Form):
    """A request that reached the desk at the counter, by phone, by post, by e-mail."""

    person = forms.CharField(max_length=200, required=False, label=gettext_lazy("Person"))
    contact = forms.UUIDField(required=False, widget=forms.HiddenInput)
    company = forms.UUIDField(
        required=False, widget=forms.HiddenInput
    )  # the picker of people knows both; a firm has no such rights
    kind = forms.ChoiceField(label=gettext_lazy("What is asked"), choices=Kind.choices)
    how = forms.ChoiceField(
        label=gettext_lazy("How it came"),
        choices=[(one.value, one.label) for one in (How.COUNTER, How.PHONE, How.EMAIL, How.POST)],
    )
    who = forms.ChoiceField(label=gettext_lazy("Who asks"), choices=Who.choices, initial=Who.PERSON)
    is_sure = forms.BooleanField(
        label=gettext_lazy("I know the person, or saw a paper that shows who they are"),
        required=False,
        help_text=gettext_lazy(
            "If somebody else asks for the person: I also saw what allows them to, such as a birth certificate or a signed letter."
        ),
    )
    name = forms.CharField(label=gettext_lazy("Name of who asks"), max_length=asked.SHORT, required=False)
    reply_to = forms.CharField(
        label=gettext_lazy("Phone number or e-mail address for the answer"), max_length=asked.SHORT, required=False,
        help_text=gettext_lazy("Needed when somebody asks for another person."),
    )  # fmt: skip
    language = forms.ChoiceField(label=gettext_lazy("Language of the answer"))
    text = forms.CharField(
        label=gettext_lazy("In the person's words"), required=False, max_length=asked.TEXT, widget=_LINES
    )
    proof = forms.FileField(label=gettext_lazy("Paper shown"), required=False)

    def __init__(self, *args: Any, kinds: Sequence[str], **options: Any) -> None:
        super().__init__(*args, **options)
        kind, language = self.fields["kind"], self.fields["language"]
        assert isinstance(kind, forms.ChoiceField) and isinstance(language, forms.ChoiceField)
        kind.choices = [(one.value, one.label) for one in Kind if one in kinds]
        language.choices = settings.LANGUAGES
        for name in asked.VALUES:
            self.fields[f"value_{name}"] = _value_field(name)
        for name, label in (
            ("nominee_name", _("Name of the nominee")),
            ("nominee_address", _("Phone or e-mail of the nominee")),
            ("nominee_relation", _("Who the nominee is to the person")),
        ):
            self.fields[name] = forms.CharField(label=label, required=False, max_length=asked.SHORT)

    def details(self) -> Details:
        said = self.cleaned_data
        values = {name: str(said[f"value_{name}"]) for name in asked.VALUES if said.get(f"value_{name}")}
        given = {
            name: said[name]
            for name in ("text", "name", "reply_to", "nominee_name", "nominee_address", "nominee_relation")
            if said.get(name)
        }
        return Details(values=values, about_name=said.get("person", "") if not said.get("contact") else "", **given)

    def asker(self, proof: Any) -> Asker:
        return Asker(who=Who(self.cleaned_data["who"]), language=self.cleaned_data["language"], proof=proof)


class AnswerForm(forms.Form):
    """The words that go with what is done."""

    answer = forms.CharField(required=False, max_length=asked.TEXT, widget=_LINES)
    accepted = forms.MultipleChoiceField(required=False, choices=[(name, name) for name in asked.VALUES])

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["answer"].label = _("Words for the person")


class RefuseForm(forms.Form):
    reason = forms.ChoiceField(choices=[("", "—"), *RightsRequest.Reason.choices])
    answer = forms.CharField(max_length=asked.TEXT, widget=_LINES)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["reason"].label, self.fields["answer"].label = _("Reason"), _("Explain it to the person")


class ExtendForm(forms.Form):
    reason = forms.CharField(max_length=500)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["reason"].label = _("Why it takes longer")
        self.fields["reason"].help_text = _("The person is told at once, with this reason.")


class LiftForm(forms.Form):
    why = forms.CharField(max_length=300)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["why"].label = _("Why it is lifted")
        self.fields["why"].help_text = _("The person reads this before her data is used again.")


class IdentifyForm(forms.Form):
    person = forms.CharField(max_length=200, required=False, label=gettext_lazy("Person"))
    contact = forms.UUIDField(required=False, widget=forms.HiddenInput)
    company = forms.UUIDField(required=False, widget=forms.HiddenInput)


class AgentForm(forms.Form):
    """An agent of the Data Rights Protocol, as its directory lists it."""

    agent_id = forms.RegexField(r"^[A-Za-z0-9_-]{2,80}$", label=gettext_lazy("Agent id"))
    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    verify_key = forms.CharField(label=gettext_lazy("Public key (base64)"), max_length=60)
    web_url = forms.URLField(label=gettext_lazy("Web page"), required=False, max_length=200)
