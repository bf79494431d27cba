"""Forms of channels and message templates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.core import phones
from amanat.core.phones import PhoneInvalid
from amanat.messaging.channels import accounts, sms_inbound, stop_words, templates
from amanat.messaging.channels.contract import Adapter
from amanat.messaging.channels.models import Channel, ChannelAccount, MessageTemplate, TemplateText
from amanat.messaging.channels.words_field import WordsField

_HEADER = re.compile(r"[A-Za-z0-9]{3,11}")


@dataclass(frozen=True, slots=True)
class Need:
    """A detail that a provider asks for. Secrets are never shown again. `kind`: "text", "number", "json", or choices."""

    label: str | Promise
    is_secret: bool = False
    kind: str = "text"
    choices: Sequence[tuple[str, str | Promise]] = ()
    is_optional: bool = False
    help: str | Promise = ""


_TLS = (("starttls", "STARTTLS"), ("tls", "TLS"))
_CLASSES = (
    ("service", gettext_lazy("Service")),
    ("transactional", gettext_lazy("Transactional")),
    ("promotional", gettext_lazy("Promotional")),
)
NEEDS: Mapping[str, Need] = {
    "phone_number_id": Need(
        gettext_lazy("Phone number id"), help=gettext_lazy("In WhatsApp Manager, under API setup.")
    ),
    "waba_id": Need(gettext_lazy("WhatsApp business account id"), help=gettext_lazy("Beside the phone number id.")),
    "token": Need(
        gettext_lazy("Access token"), is_secret=True, help=gettext_lazy("Of a system user, without an end date.")
    ),
    "app_secret": Need(gettext_lazy("App secret"), is_secret=True, help=gettext_lazy("In the app's basic settings.")),
    accounts.READ_RECEIPTS: Need(
        gettext_lazy("Tell customers that their message was read"),
        kind="choice",
        choices=(("yes", gettext_lazy("Yes")), ("no", gettext_lazy("No"))),
        is_optional=True,
        help=gettext_lazy("With two blue ticks, as soon as somebody here opened the conversation."),
    ),
    "entity_id": Need(gettext_lazy("Entity id (DLT)"), help=gettext_lazy("Of your firm in the operator's register.")),
    "header_class": Need(gettext_lazy("Class of the header"), kind="choice", choices=_CLASSES),
    "authkey": Need(gettext_lazy("Auth key"), is_secret=True),
    "url": Need(gettext_lazy("Address of the gateway")),
    "method": Need(gettext_lazy("Method"), kind="choice", choices=(("POST", "POST"), ("GET", "GET"))),
    "body": Need(
        gettext_lazy("Form of the request"),
        kind="choice",
        choices=(("json", "JSON"), ("form", gettext_lazy("Form")), ("query", gettext_lazy("In the address"))),
    ),
    "fields": Need(gettext_lazy("Fields of the request (JSON)"), kind="json"),
    "success": Need(gettext_lazy("How success looks (JSON)"), kind="json"),
    "id_path": Need(gettext_lazy("Where the message's id stands")),
    "part_price": Need(
        gettext_lazy("Price of one part in ₹"),
        kind="price",
        is_optional=True,
        help=gettext_lazy("Such as 0.18. Your templates then say what they cost."),
    ),
    "key": Need(gettext_lazy("Key of the gateway"), is_secret=True, is_optional=True),
    "inbound": Need(
        gettext_lazy("How incoming messages look (JSON)"),
        kind="json",
        is_optional=True,
        help=gettext_lazy(
            'Where number and words stand in the provider\'s calls, such as {"from": "msisdn", "text": "content", "id": "msgid", "at": "time"}. '
            "MSG91 needs it only where its calls look otherwise."
        ),
    ),
    "extra": Need(gettext_lazy("Further settings (JSON)"), kind="json", is_optional=True),
    "smtp_host": Need(gettext_lazy("Mail server (SMTP)")),
    "smtp_port": Need(gettext_lazy("Port"), kind="number"),
    "smtp_tls": Need(gettext_lazy("Encryption"), kind="choice", choices=_TLS),
    "smtp_user": Need(gettext_lazy("User name")),
    "smtp_password": Need(gettext_lazy("Password"), is_secret=True),
    "from_name": Need(gettext_lazy("Name of the sender")),
    "imap_host": Need(gettext_lazy("Server for incoming mail (IMAP)"), is_optional=True),
    "imap_port": Need(gettext_lazy("Port for incoming mail"), kind="number", is_optional=True),
    "imap_user": Need(gettext_lazy("User name for incoming mail"), is_optional=True),
    "imap_password": Need(gettext_lazy("Password for incoming mail"), is_secret=True, is_optional=True),
    "client_id": Need(
        gettext_lazy("Client id"), help=gettext_lazy("Of the app you made at the provider for this site.")
    ),
    "client_secret": Need(gettext_lazy("Client secret"), is_secret=True),
    "tenant": Need(
        gettext_lazy("Directory (tenant) id"), is_optional=True, help=gettext_lazy("Empty: any firm's directory.")
    ),
    "account_token": Need(
        gettext_lazy("Account token"),
        is_secret=True,
        is_optional=True,
        help=gettext_lazy("With it, this site has Postmark forget the people you erase."),
    ),
    "api_key": Need(gettext_lazy("API key"), is_secret=True),
    "webhook_secret": Need(gettext_lazy("Secret of its calls"), is_secret=True, is_optional=True),
}
#: Asked for beside what an adapter says it needs.
_BESIDE = {
    "whatsapp_cloud": (accounts.READ_RECEIPTS,),
    "sms_http": ("key", "part_price", "inbound", "extra"),
    "msg91": ("part_price", "inbound"),
    "postmark": ("account_token",),
}


def needs_of(adapter: Adapter) -> dict[str, Need]:
    """The details to fill in for an adapter; one that is not described here is a plain text."""
    names = [*adapter.needs, *_BESIDE.get(adapter.name, ())]
    return {
        name: NEEDS.get(name, Need(name.replace("_", " ").capitalize(), "secret" in name or "key" in name))
        for name in names
    }


class JsonField(forms.JSONField):
    """Names with values; empty where nothing is set, instead of a word of JSON."""

    def prepare_value(self, value: Any) -> Any:
        return "" if value in (None, "") else super().prepare_value(value)

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value is not None and not isinstance(value, dict):
            raise ValidationError(_('Write names and values in braces, such as {"to": "{number}"}.'))


class AccountForm(forms.Form):
    """An account of one adapter. Of an account that exists, secrets may stay empty: they are kept."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80, help_text=gettext_lazy("As your team calls it."))
    address = forms.CharField(label=gettext_lazy("Number or address"), max_length=254)

    def __init__(self, *args: Any, adapter: Adapter, account: ChannelAccount | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.adapter, self.account, self.needs = adapter, account, needs_of(adapter)
        labels = {
            Channel.WHATSAPP: _("Phone number"),
            Channel.SMS: _("Header (sender)"),
            Channel.EMAIL: _("E-mail address"),
        }
        self.fields["address"].label = labels[Channel(adapter.channel)]
        for name, need in self.needs.items():
            self.fields[name] = self._field(need)
        if account is not None:
            del self.fields["address"]
            shown = {name: account.settings.get(name, "") for name, need in self.needs.items() if not need.is_secret}
            self.initial = {"name": account.name, **shown, **self.initial}

    def _field(self, need: Need) -> forms.Field:
        is_required = not need.is_optional and not (need.is_secret and self.account is not None)
        options: dict[str, Any] = {"label": need.label, "required": is_required, "help_text": need.help}
        if need.is_secret and self.account is not None:
            options["help_text"] = _("Leave it empty to keep the one that is there.")
        if need.choices:
            return forms.ChoiceField(choices=need.choices, **options)
        if need.kind == "number":
            return forms.IntegerField(min_value=1, max_value=65_535, **options)
        if need.kind == "price":
            return forms.DecimalField(min_value=0, max_value=100, max_digits=6, decimal_places=4, **options)
        if need.kind == "json":
            return JsonField(widget=forms.Textarea(attrs={"rows": 4}), **options)
        widget = forms.PasswordInput(attrs={"autocomplete": "off"}) if need.is_secret else forms.TextInput()
        return forms.CharField(max_length=1_000, widget=widget, **options)

    def clean_address(self) -> str:
        written = str(self.cleaned_data["address"]).strip()
        if self.adapter.channel == Channel.WHATSAPP:
            try:
                return phones.parse_or_raise(written)
            except PhoneInvalid as problem:
                raise ValidationError(problem.reason) from None
        if self.adapter.channel == Channel.EMAIL:
            return str(forms.EmailField().clean(written))
        if not _HEADER.fullmatch(written):
            raise ValidationError(_("A header has 3 to 11 letters and digits."))
        return written.upper()

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for said in (data.get("inbound"), (data.get("extra") or {}).get("inbound")):
            if said is not None and not sms_inbound.is_mapping(said):
                self.add_error(
                    "inbound", _("Say at least where “from” and “text” stand, each as a path or a list of paths.")
                )
        if self.account is not None and not self.errors:
            for name in accounts.to_enter_again(self.account, *self.details()):
                self.add_error(
                    name if name in self.fields else None, _("Enter the secret again: it would go to another server.")
                )
        return data

    def details(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Settings and secrets, as `accounts.connect` takes them."""
        values = {name: self.cleaned_data.get(name) for name in self.needs}
        extra = values.pop("extra", None)
        kept = {
            name: str(value) if isinstance(value, Decimal) else value
            for name, value in values.items()
            if not self.needs[name].is_secret and value not in (None, "")
        }
        hidden = {name: str(value) for name, value in values.items() if self.needs[name].is_secret and value}
        fixed = getattr(self.adapter, "fixed", {})
        return {**(extra if isinstance(extra, dict) else {}), **fixed, **kept}, hidden


class TemplateForm(forms.Form):
    """A new template: what it is for, over which channel."""

    title = forms.CharField(
        label=gettext_lazy("Title"), max_length=120, help_text=gettext_lazy("As your team calls it.")
    )
    name = forms.CharField(
        label=gettext_lazy("Name for the provider"),
        max_length=60,
        help_text=gettext_lazy("Small letters, digits and underscores, such as pan_card_ready."),
    )
    channel = forms.ChoiceField(label=gettext_lazy("Channel"), choices=Channel.choices)
    category = forms.ChoiceField(label=gettext_lazy("Kind"), choices=MessageTemplate.Category.choices)
    purpose = forms.ChoiceField(label=gettext_lazy("Purpose of your policy"))

    def __init__(
        self, *args: Any, purposes: Sequence[tuple[str, str]], accounts: Sequence[ChannelAccount] = (), **options: Any
    ) -> None:  # fmt: skip
        super().__init__(*args, **options)
        self.fields["purpose"] = forms.ChoiceField(label=_("Purpose of your policy"), choices=purposes)
        self.accounts = {str(one.pk): one for one in accounts}
        if len({one.channel for one in accounts}) < len(accounts):  # one channel has several
            named = [(key, f"{one.name} · {one.address}") for key, one in self.accounts.items()]
            self.fields["account"] = forms.ChoiceField(
                label=_("It leaves from"), required=False, choices=[("", _("the number that fits")), *named],
                help_text=_("An answer leaves from the number that was written to, everything else from the usual one. Choose one, and this text always leaves from it."),
            )  # fmt: skip

    def clean_account(self) -> ChannelAccount | None:
        return self.accounts.get(self.cleaned_data["account"])


def _named(found: Iterable[Any]) -> str:
    """Variables as they are written, with what each is."""
    return ", ".join(f"{value.name} ({value.label})" for value in found)


class TextForm(forms.Form):
    """The words of a template in one language."""

    subject = forms.CharField(label=gettext_lazy("Subject"), max_length=200, required=False)
    header = forms.CharField(label=gettext_lazy("Heading"), max_length=60, required=False)
    body = WordsField(
        label=gettext_lazy("Text"),
        max_length=4_096,
        widget=forms.Textarea(attrs={"rows": 7}),
        help_text=gettext_lazy("Write {{1}}, {{2}} where a name or a date is to stand."),
    )
    footer = forms.CharField(label=gettext_lazy("Last line"), max_length=60, required=False)
    variables = forms.CharField(
        label=gettext_lazy("What each variable is, one a line"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    examples = forms.CharField(
        label=gettext_lazy("An example for each, one a line"), required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    buttons = forms.CharField(
        label=gettext_lazy("Buttons, one a line"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("“Yes” answers; “Our page | https://…” opens a page; “Call us | +91…” calls."),
    )
    provider_id = forms.CharField(label=gettext_lazy("Template id (DLT)"), max_length=64, required=False)
    registered = WordsField(
        label=gettext_lazy("As it is registered (DLT)"),
        max_length=2_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy(
            "Paste it from the operator's site, with {#var#} in it: both texts are compared letter by letter."
        ),
    )

    def __init__(self, *args: Any, template: MessageTemplate, text: TemplateText | None, **options: Any) -> None:
        super().__init__(*args, **options)
        from amanat.messaging.reminders import values  # it stands above the channels

        is_sms = template.channel == Channel.SMS
        names = [name for name in values.ALL if is_sms or name != stop_words.VARIABLE]
        told = {
            is_of: _named(values.ALL[name] for name in names if values.ALL[name].is_of_service is is_of)
            for is_of in (False, True)
        }
        self.fields["variables"].help_text = _(
            "In every text: %(everywhere)s. Only in a text about a service, not for a birthday or another date of the person: %(of_service)s."
        ) % {"everywhere": told[False], "of_service": told[True]}
        unused = {
            Channel.WHATSAPP: ("subject", "provider_id", "registered"),
            Channel.SMS: ("subject", "header", "footer", "buttons"),
            Channel.EMAIL: ("header", "footer", "buttons", "provider_id", "registered"),
        }
        for name in unused[Channel(template.channel)]:
            del self.fields[name]
        self.known = frozenset(names)
        if template.channel == Channel.SMS:
            self._measured(template)
        if text is not None:
            kept = ("subject", "header", "body", "footer", "provider_id", "registered")
            shown = {name: getattr(text, name) for name in kept}
            lines = {"variables": "\n".join(text.variables), "examples": "\n".join(text.examples)}
            self.initial = {**shown, **lines, "buttons": "\n".join(map(_button_line, text.buttons)), **self.initial}

    def _measured(self, template: MessageTemplate) -> None:
        """While it is written, the page says how long it gets; an offer begins with the line that ends offers."""
        where = reverse("messaging:template_measure", args=[template.pk])
        including = "[name=body],[name=examples],[name=registered]"
        for name in ("body", "examples", "registered"):
            told = {
                "hx-get": where,
                "hx-trigger": "input changed delay:400ms",
                "hx-target": "#measure",
                "hx-include": including,
            }
            self.fields[name].widget.attrs.update(told)
        if template.category == MessageTemplate.Category.MARKETING:
            first = {
                "body": f"\n{stop_words.sentence(1)}",
                "variables": stop_words.VARIABLE,
                "examples": stop_words.CODE,
            }
            self.initial = {**first, **self.initial}

    def clean_variables(self) -> list[str]:
        names = _lines(self.cleaned_data["variables"])
        unknown = [name for name in names if name not in self.known]
        if unknown:
            raise ValidationError(_("Nobody knows %(name)s.") % {"name": unknown[0]})
        return names

    def clean_examples(self) -> list[str]:
        return _lines(self.cleaned_data["examples"])

    def clean_buttons(self) -> list[dict[str, str]]:
        return [_button(line) for line in _lines(self.cleaned_data["buttons"])]

    def take(self, refused: templates.TemplateRefused) -> None:
        """Show what is wrong at its fields."""
        for name, sentences in refused.problems.items():
            for sentence in sentences:
                self.add_error(name if name in self.fields else None, sentence)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _button(line: str) -> dict[str, str]:
    words, _bar, target = (part.strip() for part in line.partition("|"))
    if target.startswith("+"):
        return {"type": "phone", "text": words, "phone": target}
    return {"type": "url", "text": words, "url": target} if target else {"type": "quick_reply", "text": words}


def _button_line(button: Mapping[str, Any]) -> str:
    target = button.get("url") or button.get("phone")
    return f"{button['text']} | {target}" if target else str(button["text"])
