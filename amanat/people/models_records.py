"""Tables of contacts and companies. The phone in E.164 is the first identity; how to reach them lies in `models_reach`."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member, Team
from amanat.core import clock
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceQuerySet, WorkspaceRow
from amanat.people.models_words import Stage

#: Stand-ins for "never", so that lists ordered by these columns can be paged by key: nobody yet, nothing planned.
NEVER = datetime(1, 1, 2, tzinfo=UTC)
NO_DAY = date(9999, 12, 31)
#: How long a deleted row waits in the bin.
BIN_DAYS = 30
BIN = timedelta(days=BIN_DAYS)
_ALIVE = Q(deleted_at__isnull=True)


class Source(models.TextChoices):
    """Where a record or a value came from."""

    FORM = "form", _("Form")
    FILE = "file", _("File")
    API = "api", _("API")
    PERSON = "person", _("The person")
    WHATSAPP = "whatsapp", _("WhatsApp")
    SMS = "sms", _("SMS")
    EMAIL = "email", _("E-mail")
    DEMO = "demo", _("Demo data")


class RecordQuerySet[Row: models.Model](WorkspaceQuerySet[Row]):
    """Reads of contacts and companies: `Contact.objects.of(workspace).visible_to(member).alive()`."""

    def visible_to(self, member: Member) -> Self:
        """Those the member may see: all, or those of her teams and her own when she is limited to them."""
        if member.sees_all:
            return self
        return self.filter(Q(owner_id=member.pk) | Q(team_id__in=member.team_ids))

    def alive(self) -> Self:
        """Those that are not in the bin."""
        return self.filter(deleted_at__isnull=True)


RecordManager = models.Manager.from_queryset(RecordQuerySet)


class Record(WorkspaceRow):
    """What contacts and companies share."""

    name = models.CharField(_("name"), max_length=200)
    #: `name` as lists sort it: lower-case, without leading honorifics, Indic scripts in Latin letters
    sort_name = models.CharField(max_length=200, db_default="", default="")
    owner = WorkspaceForeignKey(Member, null=True, blank=True, related_name="+", verbose_name=_("owner"))
    team = WorkspaceForeignKey(Team, null=True, blank=True, related_name="+", verbose_name=_("team"))
    tag_ids = ArrayField(
        models.UUIDField(), default=list, blank=True, db_default=models.Value([], ArrayField(models.UUIDField()))
    )
    source = models.CharField(_("source"), max_length=10, choices=Source.choices, default=Source.FORM)
    #: e.g. the file's name, the API token's name
    source_detail = models.CharField(max_length=200, blank=True, db_default="", default="")
    external_id = models.CharField(_("external id"), max_length=100, blank=True, db_default="", default="")
    notes = models.TextField(_("notes"), max_length=10_000, blank=True, db_default="", default="")
    follow_up_on = models.DateField(_("next follow-up"), null=True, blank=True)
    custom = models.JSONField(default=dict, blank=True, db_default={})
    created_at = models.DateTimeField(default=clock.now)
    created_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    updated_at = models.DateTimeField(default=clock.now)
    last_contact_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    #: the import that made this row, for undoing it as a whole
    import_run = WorkspaceForeignKey("people.ImportRun", null=True, related_name="+")

    objects = RecordManager()  # type: ignore[misc]

    class Meta:
        abstract = True
        indexes = [
            models.Index(fields=["workspace_id", "-id"], condition=_ALIVE, name="%(class)s_newest"),
            models.Index(fields=["workspace_id", "sort_name", "id"], condition=_ALIVE, name="%(class)s_by_name"),
            models.Index(
                fields=["workspace_id", "follow_up_on"],
                condition=Q(follow_up_on__isnull=False),
                name="%(class)s_follow_up",
            ),
            models.Index(
                fields=["workspace_id", "deleted_at"], condition=Q(deleted_at__isnull=False), name="%(class)s_bin"
            ),
            models.Index(
                fields=["workspace_id", "import_run"], condition=Q(import_run__isnull=False), name="%(class)s_by_import"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "external_id"],
                condition=_ALIVE & ~Q(external_id=""),
                name="%(class)s_external_id_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None


class Company(Record):
    """A customer's firm."""

    gstin = models.CharField(_("GSTIN"), max_length=15, blank=True, db_default="", default="")
    website = models.CharField(_("website"), max_length=200, blank=True, db_default="", default="")
    industry = models.CharField(_("industry"), max_length=80, blank=True, db_default="", default="")

    class Meta(Record.Meta):
        verbose_name = _("company")
        verbose_name_plural = _("companies")


class Contact(Record):
    """A person the workspace knows."""

    company = WorkspaceForeignKey(Company, null=True, blank=True, related_name="contacts", verbose_name=_("company"))
    job_title = models.CharField(_("job title"), max_length=120, blank=True, db_default="", default="")
    stage = WorkspaceForeignKey(Stage, null=True, blank=True, related_name="+", verbose_name=_("stage"))
    language = models.CharField(_("language"), max_length=10, blank=True, db_default="", default="")
    birthday = models.DateField(_("birthday"), null=True, blank=True)
    #: the first phone and e-mail again, so that a list needs no second query
    main_phone = models.CharField(max_length=20, blank=True, db_default="", default="")
    main_email = models.CharField(max_length=254, blank=True, db_default="", default="")

    class Meta(Record.Meta):
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        indexes = [
            *Record.Meta.indexes,
            models.Index(
                F("workspace_id"),
                Coalesce("last_contact_at", Value(NEVER)).desc(),
                F("id").desc(),
                condition=_ALIVE,
                name="contact_by_last_contact",
            ),
            models.Index(fields=["workspace_id", "stage", "-id"], condition=_ALIVE, name="contact_by_stage"),
            models.Index(fields=["workspace_id", "owner", "-id"], condition=_ALIVE, name="contact_by_owner"),
            models.Index(
                fields=["workspace_id", "team", "-id"], condition=Q(team__isnull=False), name="contact_by_team"
            ),
            models.Index(
                fields=["workspace_id", "company", "-id"], condition=Q(company__isnull=False), name="contact_by_company"
            ),
            models.Index(
                F("workspace_id"),
                Coalesce("follow_up_on", Value(NO_DAY)),
                F("id"),
                condition=_ALIVE,
                name="contact_by_follow_up",
            ),
        ]
