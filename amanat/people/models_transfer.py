"""Tables of imports and exports."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.core import clock
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow


class ImportRun(WorkspaceRow):
    """One import: its file, mapping, progress and result. Rows refer to it, so that it can be undone as a whole."""

    class State(models.TextChoices):
        UPLOADED = "uploaded", _("Waiting for your check")
        QUEUED = "queued", _("Waiting to start")
        RUNNING = "running", _("Running")
        STOPPED = "stopped", _("Stopped")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        UNDOING = "undoing", _("Being undone")
        UNDONE = "undone", _("Undone")

    file = WorkspaceForeignKey("core.StoredFile", null=True, related_name="+")
    file_name = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=State.choices, default=State.UPLOADED)
    mapping = models.JSONField(default=dict)
    options = models.JSONField(default=dict)
    total = models.IntegerField(null=True)
    position = models.IntegerField(default=0)  #: rows of the source that are done
    created = models.IntegerField(default=0)
    updated = models.IntegerField(default=0)
    unchanged = models.IntegerField(default=0, db_default=0)  #: brought nothing that was not here
    skipped = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True)
    stop_requested_at = models.DateTimeField(null=True)
    created_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "-created_at"], name="import_newest_first")]


class ImportProblem(WorkspaceRow):
    """A row of the source that was not taken, or taken with a value left out, and why."""

    watched = False

    run = WorkspaceForeignKey(ImportRun, related_name="problems")
    row_number = models.IntegerField()
    values = models.JSONField(default=dict)
    reasons = models.JSONField(default=list)
    is_failure = models.BooleanField(default=True)

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "run", "row_number"], name="import_problem_in_order")]


class ImportChange(WorkspaceRow):
    """What an import changed on a record that was there before, for undoing it."""

    watched = False

    run = WorkspaceForeignKey(ImportRun, related_name="changes")
    record_kind = models.CharField(max_length=10)
    record_id = models.UUIDField()
    before = models.JSONField()
    after = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "run"], name="import_change_by_run")]


class ExportRun(WorkspaceRow):
    """One export: what was asked for, its file, who took it."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting to start")
        RUNNING = "running", _("Running")
        DONE = "done", _("Ready")
        FAILED = "failed", _("Failed")
        EXPIRED = "expired", _("Expired")

    scope = models.CharField(max_length=20)  #: "contacts", "companies", "workspace"
    format = models.CharField(max_length=5)  #: csv, xlsx, vcf, json
    definition = models.JSONField(default=dict)  #: the view's filters and columns
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    total = models.IntegerField(null=True)
    position = models.IntegerField(default=0)
    file = WorkspaceForeignKey("core.StoredFile", null=True, related_name="+")
    problem = models.CharField(max_length=300, blank=True)
    created_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True)
    taken_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "-created_at"], name="export_newest_first")]
