"""The table of push devices: browsers in which members switched notifications on."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.core import clock
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow

__all__ = ["PushDevice"]


class PushDevice(WorkspaceRow):
    """One browser of a member, told of what waits for her. It lives as long as its sign-in: the database takes it away with that.

    `endpoint` is sealed: the address at the push service with the browser's keys, as JSON. `digest` finds the same browser again.
    """

    watched = False  # the database removes rows outside of any workspace; what a member does is written by the rules

    class Wants(models.TextChoices):
        MINE = "mine", _("Only what is mine")
        ALL = "all", _("Mine, and what nobody has yet")
        OFF = "off", _("Nothing")

    member = WorkspaceForeignKey(Member, related_name="+")
    session_key = models.CharField(max_length=40)  #: the hash of the sign-in's key, as `accounts.Session` has it
    endpoint = models.BinaryField(max_length=3_000)
    digest = models.BinaryField(max_length=32)
    service = models.CharField(max_length=20)  #: whose push service it is
    name = models.CharField(max_length=100)  #: "Chrome on Android"
    wants = models.CharField(max_length=4, choices=Wants.choices, default=Wants.ALL)
    created_at = models.DateTimeField(default=clock.now)
    used_at = models.DateTimeField(default=clock.now)  #: when it was switched on, or last took a notification

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace_id", "digest"], name="push_device_one_per_browser")]
        indexes = [
            models.Index(fields=["workspace_id", "member"], name="push_device_of_member"),
            models.Index(fields=["session_key"], name="push_device_of_session"),
        ]

    if TYPE_CHECKING:
        member_id: UUID
