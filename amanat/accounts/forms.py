"""Forms of workspaces, members, teams, tokens, one's own account."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from amanat.accounts import api_tokens, second_factors, workspaces
from amanat.accounts.api_tokens import Scope
from amanat.accounts.models import Member, Team, User, Workspace
from amanat.accounts.permissions import Role
from amanat.core import phones

if TYPE_CHECKING:
    _WorkspaceModelForm = forms.ModelForm[Workspace]
else:
    _WorkspaceModelForm = forms.ModelForm


def _languages() -> list[tuple[str, str]]:
    return list(settings.LANGUAGES)


def _one_line(text: str) -> str:
    return " ".join(text.split())


class SignUpExtras(forms.Form):
    """What sign-up asks beside e-mail, mobile number and password (the sign-in library's form inherits from this)."""

    name = forms.CharField(label=_("Your name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    field_order = ("name", "email", "phone", "password1")

    def signup(self, request: HttpRequest, user: User) -> None:
        """Called by the library when the user row exists; everything is saved by the adapter."""

    def clean_name(self) -> str:
        return _one_line(str(self.cleaned_data["name"]))


class NewWorkspaceForm(_WorkspaceModelForm):
    """The few things a new workspace needs; all of them can be changed later."""

    language = forms.ChoiceField(label=_("Language"), choices=_languages)

    class Meta:
        model = Workspace
        fields = ("name", "kind", "place", "language")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs.update({"autocomplete": "organization", "autofocus": True})
        self.fields["place"].widget.attrs["autocomplete"] = "address-level2"
        self.fields["kind"].initial = Workspace.Kind.CSC

    def clean_name(self) -> str:
        return _one_line(self.cleaned_data["name"])


class WorkspaceForm(_WorkspaceModelForm):
    """All details of a workspace. Those of a CSC centre are asked of a CSC centre only, and kept when it becomes another kind."""

    time_zone = forms.ChoiceField(label=_("Time zone"))
    language = forms.ChoiceField(label=_("Language"), choices=_languages)

    class Meta:
        model = Workspace
        fields = tuple(name for name in workspaces.DETAILS if name != "requires_mfa")
        widgets = {"address": forms.Textarea(attrs={"rows": 3, "autocomplete": "street-address"})}

    CSC_FIELDS = ("csc_id", "registration_number", "vle_name")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ChoiceField, self.fields["time_zone"]).choices = workspaces.time_zones()
        self.fields["gstin"].help_text = _("15 characters. The last one checks the others.")
        kind = self.data.get("kind") if self.is_bound else self.instance.kind
        if kind != Workspace.Kind.CSC:
            for name in self.CSC_FIELDS:
                del self.fields[name]

    def clean_name(self) -> str:
        return _one_line(self.cleaned_data["name"])

    def clean_gstin(self) -> str:
        return workspaces.clean_gstin(self.cleaned_data["gstin"])

    def clean_phone(self) -> str:
        typed = self.cleaned_data["phone"].strip()
        number = phones.parse(typed) if typed else ""
        if number is None:
            raise ValidationError(gettext("This is not a phone number."))
        return number

    def details(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.fields}


class SecurityForm(forms.Form):
    """Rules of signing in to one workspace."""

    requires_mfa = forms.BooleanField(
        label=_("Members need a second factor"),
        required=False,
        help_text=_("An authenticator app or a passkey. Who has none is asked to set one up at the next page."),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_requires_mfa(self) -> bool:
        wanted = bool(self.cleaned_data["requires_mfa"])
        if wanted and not second_factors.has_one(self.user.pk):
            raise ValidationError(gettext("Set up a second factor for yourself first, or you would shut yourself out."))
        return wanted


class _TeamChoices(forms.Form):
    """Fields that choose among the workspace's teams; `teams` are those it has."""

    def __init__(self, *args: Any, teams: list[Team], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.teams = {str(team.pk): team for team in teams}


class InvitationForm(_TeamChoices):
    email = forms.EmailField(label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    name = forms.CharField(label=_("Name"), max_length=120, required=False)
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.AGENT)
    sees = forms.ChoiceField(label=_("Sees"), choices=Member.Sees.choices, initial=Member.Sees.ALL)
    team = forms.ChoiceField(label=_("Team"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ChoiceField, self.fields["team"]).choices = [
            ("", "—"),
            *((key, t.name) for key, t in self.teams.items()),
        ]

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()

    def clean_team(self) -> Team | None:
        return self.teams.get(self.cleaned_data["team"])


class MemberForm(_TeamChoices):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    sees = forms.ChoiceField(
        label=_("Sees"),
        choices=Member.Sees.choices,
        help_text=_("The limit holds for agents. Owners, managers and auditors see everything."),
    )
    teams = forms.MultipleChoiceField(label=_("Teams"), required=False, widget=forms.CheckboxSelectMultiple)  # type: ignore[assignment]

    def __init__(self, *args: Any, teams: list[Team], **kwargs: Any) -> None:
        super().__init__(*args, teams=teams, **kwargs)
        field = cast(forms.MultipleChoiceField, self.fields["teams"])
        field.choices = [(str(team.pk), team.name) for team in teams]

    def clean_teams(self) -> set[UUID]:
        return {UUID(key) for key in self.cleaned_data["teams"]}


class TeamForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=80)

    def clean_name(self) -> str:
        return _one_line(self.cleaned_data["name"])


class TeamMembersForm(TeamForm):
    members = forms.MultipleChoiceField(label=_("Members"), required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, present: list[Member], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast(forms.MultipleChoiceField, self.fields["members"])
        field.choices = [(str(member.pk), member.name) for member in present]

    def clean_members(self) -> set[UUID]:
        return {UUID(key) for key in self.cleaned_data["members"]}


class TokenForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("What uses it, such as “Tally sync”."))
    scopes = forms.MultipleChoiceField(
        label=pgettext_lazy("permission", "May"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple
    )
    days = forms.TypedChoiceField(
        label=_("Works for"),
        coerce=int,
        initial=90,
        choices=[(30, _("30 days")), (90, _("90 days")), (180, _("180 days")), (365, _("1 year"))],
    )

    def clean_days(self) -> timedelta:
        wanted, most = (
            timedelta(days=self.cleaned_data["days"]),
            api_tokens.longest(self.cleaned_data.get("scopes", [])),
        )
        if wanted > most:
            said = gettext("A token that may invite and change members works for %(count)d days at most.")
            raise ValidationError(said % {"count": most.days})
        return wanted


class ProfileForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    language = forms.ChoiceField(label=_("Language"), choices=_languages)
    theme = forms.ChoiceField(
        label=_("Appearance"),
        required=False,
        choices=[("", _("As this device")), ("light", _("Light")), ("dark", _("Dark"))],
    )

    def clean_name(self) -> str:
        return _one_line(self.cleaned_data["name"])
