"""Tables of the counter."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.core import clock
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow
from amanat.desk.cases.models import SupportCase  # noqa: F401 (a table of this package, beside the part that uses it)
from amanat.desk.querysets import CLOSED, IN_HAND, PaperQuerySet, ServiceRecordQuerySet, TaskQuerySet
from amanat.people.models import Company, Contact


class Service(WorkspaceRow):
    """One entry of the catalogue: what the shop does, for which fee, with which papers, how long it holds."""

    key = models.CharField(max_length=60)
    name = models.CharField(_("name"), max_length=120)
    #: the name in the other languages of the ready pack, by language code; the picker finds by these too
    names = models.JSONField(default=dict, blank=True, db_default={})
    category = models.CharField(_("category"), max_length=60, blank=True)
    fee_paise = models.BigIntegerField(_("fee"), default=0)
    documents = ArrayField(
        models.CharField(max_length=80), default=list, blank=True, verbose_name=_("documents needed")
    )
    steps = ArrayField(models.CharField(max_length=120), default=list, blank=True, verbose_name=_("steps"))
    #: days until the work is usually done
    usual_days = models.SmallIntegerField(_("usual days"), null=True, blank=True)
    #: how long the result is valid, in months (passport: 120)
    validity_months = models.SmallIntegerField(_("valid for months"), null=True, blank=True)
    remind_days_before = models.SmallIntegerField(_("remind days before expiry"), default=15)
    papers_vanish = models.BooleanField(_("delete papers when delivered"), default=False, db_default=False)
    is_active = models.BooleanField(default=True)
    position = models.SmallIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "key"], name="service_key_once"),
            models.CheckConstraint(condition=Q(fee_paise__gte=0), name="service_fee_is_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name


#: All that may stand in a service record whose person is erased besides its number, service, money, days and members.
ONLY_THE_BOOKS = Q(
    contact__isnull=True, company__isnull=True, acknowledgement="", notes="", custom={}, steps=[], documents=[],
    steps_done=[], documents_seen=[], papers_vanish=False, repeats__isnull=True, due_on__isnull=True,
    expires_on__isnull=True, follow_up_on__isnull=True, deleted_at__isnull=True, status__in=CLOSED,
)  # fmt: skip


class ServiceRecord(WorkspaceRow):
    """One job done for a contact or company. When they are erased, what the books need of it stays (`books`)."""

    class Status(models.TextChoices):
        OPEN = "open", pgettext_lazy("state of a service", "Open")
        WAITING = "waiting", _("Waiting for papers")
        SUBMITTED = "submitted", _("Submitted")
        READY = "ready", _("Ready to hand over")
        DELIVERED = "delivered", _("Delivered")
        REFUSED = "refused", _("Refused")
        CANCELLED = "cancelled", _("Cancelled")

    CLOSED = CLOSED
    IN_HAND = IN_HAND

    number = models.BigIntegerField()  #: counts up within the workspace: the receipt's number
    contact = WorkspaceForeignKey(Contact, null=True, related_name="services", verbose_name=_("contact"))
    company = WorkspaceForeignKey(Company, null=True, related_name="services", verbose_name=_("company"))
    service = WorkspaceForeignKey(Service, null=True, related_name="records", verbose_name=_("service"))
    #: the service's name as it was, so that a change of the catalogue changes no receipt
    title = models.CharField(_("service"), max_length=120)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.OPEN)
    acknowledgement = models.CharField(
        _("acknowledgement number"), max_length=60, blank=True, db_default="", default=""
    )
    fee_paise = models.BigIntegerField(_("fee"), default=0)
    #: kept sum of payments that count, so that "what is owed" needs no join
    paid_paise = models.BigIntegerField(default=0)
    quantity = models.PositiveSmallIntegerField(_("quantity"), default=1)
    due_on = models.DateField(_("due"), null=True, blank=True)
    expires_on = models.DateField(_("expires"), null=True, blank=True)
    follow_up_on = models.DateField(_("next follow-up"), null=True, blank=True)
    #: the checklist as it was when the record was made
    steps = ArrayField(models.CharField(max_length=120), default=list, blank=True)
    documents = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    steps_done = ArrayField(models.CharField(max_length=120), default=list, blank=True)
    documents_seen = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    notes = models.TextField(_("notes"), max_length=10_000, blank=True, db_default="", default="")
    custom = models.JSONField(default=dict, blank=True, db_default={})
    owner = WorkspaceForeignKey(Member, null=True, related_name="+", verbose_name=_("who does it"))
    #: papers are deleted when the record is delivered
    papers_vanish = models.BooleanField(_("delete papers when delivered"), default=False)
    repeats = WorkspaceForeignKey("self", null=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    created_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    updated_at = models.DateTimeField(default=clock.now)
    delivered_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)
    deleted_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    #: since when only the books are left, because whom it was for is erased
    erased_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(ServiceRecordQuerySet)()  # type: ignore[misc]  # the wall of WorkspaceRow with more words

    if TYPE_CHECKING:
        contact_id: UUID | None
        company_id: UUID | None
        service_id: UUID | None
        owner_id: UUID | None

    #: what is still owed
    balance_paise = models.GeneratedField(
        expression=F("fee_paise") - F("paid_paise"), output_field=models.BigIntegerField(), db_persist=True
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "number"], name="service_record_number_once"),
            models.CheckConstraint(
                condition=Q(contact__isnull=False) | Q(company__isnull=False) | Q(erased_at__isnull=False),
                name="service_record_is_for_someone",
            ),
            models.CheckConstraint(
                condition=Q(erased_at__isnull=True) | ONLY_THE_BOOKS,
                name="service_record_of_an_erased_person_is_books_only",
            ),
            models.CheckConstraint(condition=Q(fee_paise__gte=0), name="service_record_fee_is_not_negative"),
            models.CheckConstraint(
                condition=Q(paid_paise__gte=0) & Q(paid_paise__lte=F("fee_paise")),
                name="service_record_is_never_overpaid",
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace_id", "-id"], condition=Q(deleted_at__isnull=True), name="service_record_newest"
            ),
            models.Index(fields=["workspace_id", "contact", "-id"], name="service_record_of_contact"),
            models.Index(fields=["workspace_id", "company", "-id"], name="service_record_of_company"),
            models.Index(
                fields=["workspace_id", "status", "-id"],
                condition=Q(deleted_at__isnull=True),
                name="service_record_by_status",
            ),
            models.Index(
                fields=["workspace_id", "service", "-id"],
                condition=Q(deleted_at__isnull=True),
                name="service_record_by_service",
            ),
            models.Index(
                fields=["workspace_id", "owner", "-id"],
                condition=Q(deleted_at__isnull=True),
                name="service_record_by_owner",
            ),
            models.Index(
                fields=["workspace_id", "deleted_at"],
                condition=Q(deleted_at__isnull=False),
                name="service_record_bin",
            ),
            models.Index(
                fields=["workspace_id", "due_on"],
                condition=Q(due_on__isnull=False, deleted_at__isnull=True),
                name="service_record_due",
            ),
            models.Index(
                fields=["workspace_id", "expires_on"],
                condition=Q(expires_on__isnull=False, deleted_at__isnull=True),
                name="service_record_expires",
            ),
            models.Index(
                fields=["workspace_id", "follow_up_on"],
                condition=Q(follow_up_on__isnull=False),
                name="service_record_follow_up",
            ),
            models.Index(
                fields=["workspace_id", "-balance_paise"],
                condition=Q(balance_paise__gt=0, deleted_at__isnull=True),
                name="service_record_unpaid",
            ),
            models.Index(
                fields=["workspace_id", "acknowledgement"],
                condition=~Q(acknowledgement=""),
                name="service_record_by_ack",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} #{self.number}"

    @property
    def is_closed(self) -> bool:
        return self.status in self.CLOSED

    @property
    def is_erased(self) -> bool:
        """Whether the person is erased and only the books are left: nothing of it changes any more."""
        return self.erased_at is not None

    @property
    def for_whom(self) -> str:
        """The name of the contact, else of the company; their rows must be at hand."""
        if self.is_erased:
            return gettext("erased person")
        person = self.contact or self.company
        return person.name if person else ""


class Payment(WorkspaceRow):
    """Money taken for a service record. Never changed: a mistake is cancelled, with who and when."""

    class Method(models.TextChoices):
        CASH = "cash", _("Cash")
        UPI = "upi", _("UPI")
        CARD = "card", _("Card")
        BANK = "bank", _("Bank transfer")

    record = WorkspaceForeignKey(ServiceRecord, related_name="payments")
    amount_paise = models.BigIntegerField(_("amount"))
    method = models.CharField(_("method"), max_length=5, choices=Method.choices)
    reference = models.CharField(_("reference"), max_length=60, blank=True)
    paid_on = models.DateField(_("day"))
    taken_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    cancelled_at = models.DateTimeField(null=True)
    cancelled_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    cancel_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(amount_paise__gt=0), name="payment_is_positive")]
        indexes = [
            models.Index(fields=["workspace_id", "record"], name="payment_of_record"),
            models.Index(fields=["workspace_id", "-paid_on"], name="payment_by_day"),
            models.Index(fields=["workspace_id", "taken_by", "-paid_on"], name="payment_by_member"),
        ]


class Counter(WorkspaceRow):
    """The next number of something that counts without gaps within a workspace, such as receipts."""

    watched = False

    what = models.CharField(max_length=30)
    next_number = models.BigIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace_id", "what"], name="counter_once")]


class Task(WorkspaceRow):
    """Something to do on a day, perhaps at a time, perhaps again and again. Each occurrence is a row."""

    class Kind(models.TextChoices):
        CALL = "call", _("Call")
        VISIT = "visit", _("Visit")
        MEETING = "meeting", _("Meeting")
        REMINDER = "reminder", _("Reminder")
        TODO = "todo", _("To do")

    title = models.CharField(_("what"), max_length=200)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.TODO)
    notes = models.TextField(_("notes"), max_length=5000, blank=True)
    contact = WorkspaceForeignKey(Contact, null=True, blank=True, related_name="tasks")
    company = WorkspaceForeignKey(Company, null=True, blank=True, related_name="tasks")
    record = WorkspaceForeignKey(ServiceRecord, null=True, blank=True, related_name="tasks")
    assignee = WorkspaceForeignKey(Member, null=True, blank=True, related_name="+", verbose_name=_("for"))
    due_on = models.DateField(_("day"))
    due_time = models.TimeField(_("time"), null=True, blank=True)
    #: where it came from before it was snoozed
    first_due_on = models.DateField(null=True)
    #: core.recurrence.Repeat as JSON; null: once
    repeat = models.JSONField(null=True, blank=True)
    series_id = models.UUIDField(null=True)
    #: the day the series began: the rule of repetition counts from it
    series_start_on = models.DateField(null=True)
    occurrence = models.IntegerField(default=1)
    created_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    done_at = models.DateTimeField(null=True)
    done_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    cancelled_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(TaskQuerySet)()  # type: ignore[misc]  # the wall of WorkspaceRow with more words

    if TYPE_CHECKING:
        contact_id: UUID | None
        company_id: UUID | None
        record_id: UUID | None
        assignee_id: UUID | None
        created_by_id: UUID | None

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "series_id", "occurrence"],
                condition=Q(series_id__isnull=False),
                name="task_occurrence_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace_id", "due_on", "due_time"],
                condition=Q(done_at__isnull=True, cancelled_at__isnull=True),
                name="task_open_by_day",
            ),
            models.Index(
                fields=["workspace_id", "assignee", "due_on"],
                condition=Q(done_at__isnull=True, cancelled_at__isnull=True),
                name="task_open_by_member",
            ),
            models.Index(
                fields=["workspace_id", "contact", "-due_on"],
                condition=Q(contact__isnull=False),
                name="task_of_contact",
            ),
            models.Index(fields=["workspace_id", "record"], condition=Q(record__isnull=False), name="task_of_record"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        return self.done_at is None and self.cancelled_at is None


class Paper(WorkspaceRow):
    """A paper of a person (Aadhaar, PAN, passbook): encrypted, opened only through a logged view."""

    class Kind(models.TextChoices):
        AADHAAR = "aadhaar", _("Aadhaar")
        PAN = "pan", _("PAN card")
        PASSBOOK = "passbook", _("Bank passbook")
        PHOTO = "photo", _("Photograph")
        RATION = "ration", _("Ration card")
        VOTER = "voter", _("Voter card")
        LICENCE = "licence", _("Driving licence")
        PASSPORT = "passport", _("Passport")
        FORM = "form", _("Form")
        OTHER = "other", _("Other paper")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    contact = WorkspaceForeignKey(Contact, null=True, related_name="papers")
    record = WorkspaceForeignKey(ServiceRecord, null=True, related_name="papers")
    file = WorkspaceForeignKey("core.StoredFile", null=True, related_name="+")
    #: number on the paper, sealed by core.vault
    number_sealed = models.BinaryField(null=True)
    #: the last characters, for lists: "···· ···· 4821"
    number_tail = models.CharField(max_length=6, blank=True)
    note = models.CharField(_("note"), max_length=200, blank=True)
    vanishes_on_delivery = models.BooleanField(_("delete when delivered"), default=False)
    added_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    added_at = models.DateTimeField(default=clock.now)
    gone_at = models.DateTimeField(null=True)
    gone_because = models.CharField(max_length=60, blank=True)

    objects = models.Manager.from_queryset(PaperQuerySet)()  # type: ignore[misc]  # the wall of WorkspaceRow with more words

    if TYPE_CHECKING:
        contact_id: UUID | None
        record_id: UUID | None
        file_id: UUID | None

    class Meta:
        indexes = [
            models.Index(fields=["workspace_id", "contact"], name="paper_of_contact"),
            models.Index(fields=["workspace_id", "record"], name="paper_of_record"),
        ]

    @property
    def masked_number(self) -> str:
        """What lists show of the number: "···· ···· 4821"."""
        return f"···· ···· {self.number_tail}" if self.number_tail else ""


class PaperOpening(WorkspaceRow):
    """Who opened which paper, when and why. No foreign key: the proof outlives the paper."""

    append_only = True

    paper_id = models.UUIDField()
    member = WorkspaceForeignKey(Member, related_name="+")
    at = models.DateTimeField(default=clock.now)
    reason = models.CharField(max_length=120)
    what = models.CharField(max_length=20, default="file")  #: file, number

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "paper_id", "-at"], name="paper_opening_newest")]
