"""Tables of the words that a workspace uses for its records, and of the lists that its members keep."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.core import clock
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow


class Stage(WorkspaceRow):
    """A stage a contact can be in. Each workspace has its own; the first ones come with the ready pack."""

    key = models.CharField(max_length=30)
    name = models.CharField(_("name"), max_length=60)
    position = models.SmallIntegerField(default=0)
    is_closed = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace_id", "key"], name="stage_key_once")]

    def __str__(self) -> str:
        return self.name


class Tag(WorkspaceRow):
    name = models.CharField(_("name"), max_length=60)
    #: lower-case, for look-ups
    key = models.CharField(max_length=60)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace_id", "key"], name="tag_once_a_workspace")]

    def __str__(self) -> str:
        return self.name


class CustomField(WorkspaceRow):
    """A field that a workspace added. Its values lie in `custom` of the record under `key`."""

    class On(models.TextChoices):
        CONTACT = "contact", _("Contacts")
        COMPANY = "company", _("Companies")
        SERVICE = "service", _("Services")

    class Kind(models.TextChoices):
        TEXT = "text", _("Short text")
        LONG_TEXT = "long_text", _("Long text")
        NUMBER = "number", _("Number")
        MONEY = "money", _("Amount")
        DATE = "date", _("Date")
        TIME = "time", _("Date and time")
        YES_NO = "yes_no", _("Yes or no")
        CHOICE = "choice", _("One of a list")
        CHOICES = "choices", _("Several of a list")
        PHONE = "phone", _("Phone number")
        EMAIL = "email", _("E-mail")
        LINK = "link", _("Link")

    on = models.CharField(max_length=10, choices=On.choices, default=On.CONTACT)
    key = models.CharField(max_length=60)
    label = models.CharField(_("label"), max_length=80)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    choices = models.JSONField(_("choices"), default=list, blank=True)
    help_text = models.CharField(_("help"), max_length=200, blank=True)
    is_required = models.BooleanField(_("required"), default=False)
    #: W3C DPV term of what the value says about a person; empty when it says nothing
    personal_kind = models.CharField(max_length=60, blank=True)
    position = models.SmallIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace_id", "on", "key"], name="custom_field_key_once")]


class SavedView(WorkspaceRow):
    """A list with its filters, order and columns, kept by a member, shared if she wants."""

    on = models.CharField(max_length=10, default="contact")
    name = models.CharField(_("name"), max_length=60)
    member = WorkspaceForeignKey(Member, related_name="saved_views")
    is_shared = models.BooleanField(_("shared with everyone"), default=False)
    #: {"filters": [...], "sort": "...", "columns": [...]}
    definition = models.JSONField(default=dict)
    position = models.SmallIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "member", "on", "name"], name="saved_view_name_once"),
        ]
