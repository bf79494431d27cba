"""Contacts and companies, what hangs on them, and the tables of lists, search, import and merge.

A lead is a contact in a stage with a source, not another copy of a person. The phone in E.164 is the first identity.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member, Team
from amanat.core import clock
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceQuerySet, WorkspaceRow

#: Stand-ins for "never", so that lists ordered by these columns can be paged by key: nobody yet, nothing planned.
NEVER = datetime(1, 1, 2, tzinfo=UTC)
NO_DAY = date(9999, 12, 31)
#: How long a deleted row waits in the bin.
BIN_DAYS = 30
BIN = timedelta(days=BIN_DAYS)


class Source(models.TextChoices):
    """Where a record or a value came from."""

    FORM = "form", _("Form")
    FILE = "file", _("File")
    API = "api", _("API")
    PERSON = "person", _("The person")
    DEMO = "demo", _("Demo data")


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

    class Meta:
        verbose_name = _("company")
        verbose_name_plural = _("companies")
        indexes = [
            models.Index(fields=["workspace_id", "-id"], condition=Q(deleted_at__isnull=True), name="company_newest"),
            models.Index(
                fields=["workspace_id", "sort_name", "id"], condition=Q(deleted_at__isnull=True), name="company_by_name"
            ),
            models.Index(
                fields=["workspace_id", "follow_up_on"],
                condition=Q(follow_up_on__isnull=False),
                name="company_follow_up",
            ),
            models.Index(
                fields=["workspace_id", "deleted_at"], condition=Q(deleted_at__isnull=False), name="company_bin"
            ),
            models.Index(
                fields=["workspace_id", "import_run"], condition=Q(import_run__isnull=False), name="company_by_import"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "external_id"],
                condition=Q(deleted_at__isnull=True) & ~Q(external_id=""),
                name="company_external_id_once",
            ),
        ]


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

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        indexes = [
            models.Index(fields=["workspace_id", "-id"], condition=Q(deleted_at__isnull=True), name="contact_newest"),
            models.Index(
                fields=["workspace_id", "sort_name", "id"], condition=Q(deleted_at__isnull=True), name="contact_by_name"
            ),
            models.Index(
                F("workspace_id"),
                Coalesce("last_contact_at", Value(NEVER)).desc(),
                F("id").desc(),
                condition=Q(deleted_at__isnull=True),
                name="contact_by_last_contact",
            ),
            models.Index(
                fields=["workspace_id", "stage", "-id"], condition=Q(deleted_at__isnull=True), name="contact_by_stage"
            ),
            models.Index(
                fields=["workspace_id", "owner", "-id"], condition=Q(deleted_at__isnull=True), name="contact_by_owner"
            ),
            models.Index(
                fields=["workspace_id", "team", "-id"], condition=Q(team__isnull=False), name="contact_by_team"
            ),
            models.Index(
                fields=["workspace_id", "company", "-id"], condition=Q(company__isnull=False), name="contact_by_company"
            ),
            models.Index(
                fields=["workspace_id", "follow_up_on"],
                condition=Q(follow_up_on__isnull=False),
                name="contact_follow_up",
            ),
            models.Index(
                F("workspace_id"),
                Coalesce("follow_up_on", Value(NO_DAY)),
                F("id"),
                condition=Q(deleted_at__isnull=True),
                name="contact_by_follow_up",
            ),
            models.Index(
                fields=["workspace_id", "deleted_at"], condition=Q(deleted_at__isnull=False), name="contact_bin"
            ),
            models.Index(
                fields=["workspace_id", "import_run"], condition=Q(import_run__isnull=False), name="contact_by_import"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "external_id"],
                condition=Q(deleted_at__isnull=True) & ~Q(external_id=""),
                name="contact_external_id_once",
            ),
        ]


class Reach(WorkspaceRow):
    """A way to reach a contact or a company: it belongs to exactly one of them."""

    contact = WorkspaceForeignKey(Contact, null=True, related_name="%(class)ss")
    company = WorkspaceForeignKey(Company, null=True, related_name="%(class)ss")
    label = models.CharField(_("label"), max_length=30, blank=True, db_default="", default="")
    position = models.SmallIntegerField(default=0, db_default=0)
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.FORM)
    verified_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        abstract = True


class Phone(Reach):
    number = models.CharField(_("number"), max_length=20)  #: E.164
    extension = models.CharField(max_length=10, blank=True, db_default="", default="")
    is_whatsapp = models.BooleanField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(contact__isnull=False, company__isnull=True)
                | Q(contact__isnull=True, company__isnull=False),
                name="phone_has_one_holder",
            ),
            models.CheckConstraint(condition=Q(number__startswith="+"), name="phone_is_e164"),
            models.UniqueConstraint(fields=["workspace_id", "contact", "number"], name="phone_once_a_contact"),
            models.UniqueConstraint(fields=["workspace_id", "company", "number"], name="phone_once_a_company"),
        ]
        indexes = [models.Index(fields=["workspace_id", "number"], name="phone_by_number")]


class Email(Reach):
    address = models.CharField(_("address"), max_length=254)  #: lower-case

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(contact__isnull=False, company__isnull=True)
                | Q(contact__isnull=True, company__isnull=False),
                name="email_has_one_holder",
            ),
            models.UniqueConstraint(fields=["workspace_id", "contact", "address"], name="email_once_a_contact"),
            models.UniqueConstraint(fields=["workspace_id", "company", "address"], name="email_once_a_company"),
        ]
        indexes = [models.Index(fields=["workspace_id", "address"], name="email_by_address")]


class Address(Reach):
    contact = WorkspaceForeignKey(Contact, null=True, related_name="addresses")
    company = WorkspaceForeignKey(Company, null=True, related_name="addresses")
    street = models.CharField(_("street"), max_length=300, blank=True, db_default="", default="")
    locality = models.CharField(_("village or area"), max_length=120, blank=True, db_default="", default="")
    city = models.CharField(_("town"), max_length=120, blank=True, db_default="", default="")
    district = models.CharField(_("district"), max_length=120, blank=True, db_default="", default="")
    state = models.CharField(_("state"), max_length=120, blank=True, db_default="", default="")
    postal_code = models.CharField(_("PIN code"), max_length=20, blank=True, db_default="", default="")
    country = models.CharField(_("country"), max_length=60, blank=True, db_default="", default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(contact__isnull=False, company__isnull=True)
                | Q(contact__isnull=True, company__isnull=False),
                name="address_has_one_holder",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace_id", "contact"], name="address_by_contact"),
            models.Index(fields=["workspace_id", "company"], name="address_by_company"),
            models.Index(fields=["workspace_id", "city"], name="address_by_city"),
        ]

    def __str__(self) -> str:
        parts = (self.street, self.locality, self.city, self.district, self.state, self.postal_code, self.country)
        return ", ".join(part for part in parts if part)


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


class Interaction(WorkspaceRow):
    """One line of the timeline of a contact or company. Written by `people.timeline.record` only."""

    watched = False

    contact = WorkspaceForeignKey(Contact, null=True, related_name="interactions")
    company = WorkspaceForeignKey(Company, null=True, related_name="interactions")
    happened_at = models.DateTimeField()
    kind = models.CharField(max_length=30)
    actor = WorkspaceForeignKey(Member, null=True, related_name="+")
    summary = models.CharField(max_length=300)
    body = models.TextField(max_length=10_000, blank=True, db_default="", default="")
    #: the row that owns this line, e.g. "desk.ServiceRecord", and its id
    reference_kind = models.CharField(max_length=40, blank=True, db_default="", default="")
    reference_id = models.UUIDField(null=True)
    data = models.JSONField(default=dict, blank=True, db_default={})

    class Meta:
        indexes = [
            models.Index(fields=["workspace_id", "contact", "-happened_at", "-id"], name="timeline_of_contact"),
            models.Index(fields=["workspace_id", "company", "-happened_at", "-id"], name="timeline_of_company"),
            models.Index(
                fields=["workspace_id", "reference_id"],
                condition=Q(reference_id__isnull=False),
                name="timeline_by_reference",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(contact__isnull=False) | Q(company__isnull=False), name="interaction_is_about_someone"
            ),
        ]


class Attachment(WorkspaceRow):
    """A file on a contact's or company's timeline."""

    contact = WorkspaceForeignKey(Contact, null=True, related_name="attachments")
    company = WorkspaceForeignKey(Company, null=True, related_name="attachments")
    file = WorkspaceForeignKey("core.StoredFile", related_name="+")
    name = models.CharField(max_length=200)
    added_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    added_at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = [
            models.Index(fields=["workspace_id", "contact"], name="attachment_by_contact"),
            models.Index(fields=["workspace_id", "company"], name="attachment_by_company"),
        ]


class SearchEntry(WorkspaceRow):
    """What is found: one row per record, its id the record's own. Written by `people.search.index` only."""

    class Kind(models.TextChoices):
        CONTACT = "contact", _("Contact")
        COMPANY = "company", _("Company")
        SERVICE = "service", _("Service")

    watched = False
    searched = True

    kind = models.CharField(max_length=10, choices=Kind.choices)
    #: words in Latin letters and as phonetic keys (people.script.search_text), a space before, between and after them
    text = models.TextField()
    #: digits of phones and acknowledgement numbers, a space before, between and after them
    digits = models.TextField(db_default="", default="")
    owner_id = models.UUIDField(null=True)
    team_id = models.UUIDField(null=True)

    class Meta:
        indexes = [
            GinIndex(OpClass(F("workspace_id"), "uuid_ops"), OpClass(F("text"), "gin_trgm_ops"), name="search_by_text"),
            GinIndex(
                OpClass(F("workspace_id"), "uuid_ops"), OpClass(F("digits"), "gin_trgm_ops"), name="search_by_digits"
            ),
        ]


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


class Merge(WorkspaceRow):
    """Two records made one; holds what is needed to take it apart again."""

    kind = models.CharField(max_length=10)
    kept_id = models.UUIDField()
    gone_id = models.UUIDField()
    before = models.JSONField()
    merged_at = models.DateTimeField(default=clock.now)
    merged_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    undone_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "kept_id", "-merged_at"], name="merge_of_record")]


class NotDuplicate(WorkspaceRow):
    """Two contacts that someone looked at and found to be different people."""

    first_id = models.UUIDField()
    second_id = models.UUIDField()
    by = WorkspaceForeignKey(Member, null=True, related_name="+")
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "first_id", "second_id"], name="not_duplicate_once"),
            models.CheckConstraint(condition=Q(first_id__lt=F("second_id")), name="not_duplicate_in_order"),
        ]


class LikelyDuplicate(WorkspaceRow):
    """Two contacts that are probably one person. Written by `people.duplicates.refresh` only."""

    watched = False

    first_id = models.UUIDField()
    second_id = models.UUIDField()
    reasons = models.JSONField(default=list)
    score = models.SmallIntegerField()
    found_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "first_id", "second_id"], name="likely_duplicate_once"),
        ]
        indexes = [
            models.Index(fields=["workspace_id", "-score", "id"], name="likely_duplicate_by_score"),
            models.Index(fields=["workspace_id", "second_id"], name="likely_duplicate_by_second"),
        ]


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
