"""Tables of what people said: notices shown, consents, objections, restrictions, guardians, suppressed addresses, decisions."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow
from amanat.people.models import Contact


class Method(models.TextChoices):
    """How an act reached us."""

    COUNTER = "counter", _("At the counter, confirmed by a code")
    LINK = "link", _("By a personal link")
    FORM = "form", _("By a form")
    MESSAGE = "message", _("By a message")
    PHONE = "phone", _("By phone")
    POST = "post", _("On paper")
    FILE = "file", _("From an imported file")
    API = "api", _("By a connected program")
    SIGNAL = "signal", _("By a signal of the browser")


class Notice(WorkspaceRow):
    """What people are shown before they are asked: one row for one text in one language."""

    append_only = True

    purposes = ArrayField(models.CharField(max_length=40))
    policy_version = models.PositiveIntegerField()
    language = models.CharField(max_length=10)
    text = models.TextField()
    digest = models.CharField(max_length=64)  #: SHA-256 of the text, hex
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "digest", "policy_version"], name="notice_once_a_text"),
            models.CheckConstraint(condition=~Q(text=""), name="notice_says_something"),
        ]


class Act(WorkspaceRow):
    """One thing a person said, or was said for her, at one moment."""

    append_only = True
    may_be_filled_later: tuple[str, ...] = (
        "contact_id",
    )  #: a merge moves it to the contact that stays, an erasure takes it off

    contact = WorkspaceForeignKey(Contact, null=True, related_name="+")
    principal = models.BinaryField(max_length=32)  #: keyed hash of the contact's id at the time of the act
    at = models.DateTimeField()
    method = models.CharField(max_length=10, choices=Method.choices)
    by = WorkspaceForeignKey(Member, null=True, related_name="+")  #: who wrote it down; null: the person herself

    class Meta:
        abstract = True


class Guardianship(Act):
    """Somebody answers for a child, and how that was checked (DPDP Act s.9, Rule 10); or answers no longer."""

    may_be_filled_later = ("contact_id", "guardian_id")

    class What(models.TextChoices):
        NAMED = "named", _("Answers for the child")
        ENDED = "ended", _("Answers no longer")

    class Check(models.TextChoices):
        HELD = "held", _("Age and identity were known here already")
        GIVEN = "given", _("Shown on paper, and looked at")
        TOKEN = "token", _("By a token of a digital locker")

    guardian = WorkspaceForeignKey(Contact, null=True, related_name="+")
    guardian_principal = models.BinaryField(max_length=32)  #: keyed hash of the guardian's id at the time of the act
    what = models.CharField(max_length=10, choices=What.choices)
    verified_by = models.CharField(max_length=10, choices=Check.choices)
    #: what leads to the proof: kind of paper, issuer and number of a token's check. Never the guardian's own data.
    evidence = models.JSONField(default=dict, db_default={})

    class Meta:
        indexes = [
            models.Index(fields=["workspace_id", "contact", "-at", "-id"], name="guardianship_latest_first"),
            models.Index(fields=["workspace_id", "guardian"], name="guardianship_by_guardian"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(contact=models.F("guardian")),
                name="guardianship_between_two",
            ),
        ]


class ConsentRecord(Act):
    """A consent given, refused or withdrawn, for one purpose and one channel (ISO/IEC TS 27560)."""

    class What(models.TextChoices):
        GIVEN = "given", _("Agreed")
        REFUSED = "refused", _("Refused")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    purpose = models.CharField(max_length=40)
    channel = models.CharField(max_length=40, blank=True, db_default="", default="")  #: "" where the purpose has none
    what = models.CharField(max_length=10, choices=What.choices)
    notice = WorkspaceForeignKey(Notice, null=True, related_name="+")
    #: who agreed for a child; null: the person herself
    guardianship = WorkspaceForeignKey(Guardianship, null=True, related_name="+")
    until = models.DateTimeField(null=True)  #: excluded; null: as long as the purpose lasts
    #: how we know: number of the code sent, name of the file, id of the form. Never the person's own data.
    evidence = models.JSONField(default=dict, db_default={})

    class Meta:
        indexes = [
            models.Index(
                fields=["workspace_id", "contact", "purpose", "channel", "-at", "-id"], name="consent_latest_first"
            ),
            models.Index(fields=["workspace_id", "principal", "-at"], name="consent_by_principal"),
            models.Index(fields=["workspace_id", "-at", "-id"], name="consent_by_time"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(what="given") | Q(notice__isnull=False) | Q(method="file"),
                name="consent_given_after_a_notice",
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gt=models.F("at")), name="consent_ends_later"
            ),
        ]

    @property
    def is_declared(self) -> bool:
        """Whether a file says so of the person; then the day is known and no hour."""
        return self.method == Method.FILE

    @property
    def declared_source(self) -> str:
        """Where and how she agreed, as whoever brought the file in has said."""
        return str(self.evidence.get("source", ""))


class Objection(Act):
    """The person objects to a purpose, or takes that back. Purpose "" is every purpose that may be objected to."""

    class What(models.TextChoices):
        MADE = "made", _("Objected")
        WITHDRAWN = "withdrawn", _("Objection taken back")

    purpose = models.CharField(max_length=40, blank=True, db_default="", default="")
    what = models.CharField(max_length=10, choices=What.choices)
    #: she wants none of it: each yes that she gives herself afterwards opens it again, for the channel it is given for.
    #: An objection proper holds against a later yes too, until she takes it back.
    until_yes = models.BooleanField(_("until a new yes"), default=False, db_default=False)
    #: what leads to the proof of how she said so: number of a request, of a code. Never her own data.
    evidence = models.JSONField(default=dict, db_default={})

    class Meta:
        indexes = [
            models.Index(fields=["workspace_id", "contact", "purpose", "-at", "-id"], name="objection_latest_first"),
        ]

    @property
    def said(self) -> str:
        """What she said, in a word or two."""
        is_wish = self.until_yes and self.what == self.What.MADE
        return str(_("Wants none") if is_wish else self.get_what_display())


class Restriction(Act):
    """Her data may be stored and nothing else, until it is lifted (GDPR article 18)."""

    class What(models.TextChoices):
        IMPOSED = "imposed", _("Restricted")
        LIFTED = "lifted", _("Restriction lifted")

    class Ground(models.TextChoices):
        ACCURACY = "accuracy", _("Its accuracy is contested")
        UNLAWFUL = "unlawful", _("It is used without a right")
        CLAIMS = "claims", _("The person needs it for a claim")
        OBJECTION = "objection", _("An objection is being looked at")
        CHILD = "child", _("It may be a child's")
        REQUEST = "request", _("The person asked for it")

    what = models.CharField(max_length=10, choices=What.choices)
    ground = models.CharField(max_length=10, choices=Ground.choices)

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "contact", "-at", "-id"], name="restriction_latest_first")]


class Suppression(WorkspaceRow):
    """An address that must not be written to, as a keyed hash: it names nobody, survives an erasure and stops a second import."""

    append_only = True

    class What(models.TextChoices):
        ADDED = "added", _("Suppressed")
        LIFTED = "lifted", _("Allowed again")

    class Reason(models.TextChoices):
        OPT_OUT = "opt_out", _("Opted out")
        ERASED = "erased", _("Erased at the person's request")
        COMPLAINT = "complaint", _("Complained")
        UNREACHABLE = "unreachable", _("Cannot be reached")
        CARRIER = "carrier", _("Refused by the carrier")
        CONSENT = "consent", _("Agreed again")

    digest = models.BinaryField(max_length=32)  #: HMAC-SHA256 of the number in E.164 or the address in lower case
    purpose = models.CharField(max_length=40, blank=True, db_default="", default="")  #: "": all
    channel = models.CharField(max_length=40, blank=True, db_default="", default="")  #: "": all
    what = models.CharField(max_length=10, choices=What.choices)
    reason = models.CharField(max_length=12, choices=Reason.choices)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(
                fields=["workspace_id", "digest", "purpose", "channel", "-at", "-id"], name="suppression_latest_first"
            ),
            models.Index(fields=["workspace_id", "-at", "-id"], name="suppression_by_time"),
        ]


class Asking(WorkspaceRow):
    """A question put to a person at the counter: what was asked, and the code sent to her that confirms her yes."""

    append_only = True
    may_be_filled_later = ("contact_id", "answered_at")

    contact = WorkspaceForeignKey(Contact, null=True, related_name="+")
    notice = WorkspaceForeignKey(Notice, related_name="+")
    wanted = models.JSONField()  #: [[purpose, channel], ...]
    sent_to = models.CharField(max_length=40)  #: masked: the kind of address and its last characters
    code = models.BinaryField(max_length=32)  #: keyed hash of the code and the id of this row
    asked_at = models.DateTimeField()
    asked_by = WorkspaceForeignKey(Member, related_name="+")
    ends_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "contact", "-asked_at"], name="asking_newest_first")]


class Passcode(WorkspaceRow):
    """A code by which somebody shows that an address is hers, for the public pages. Kept for a day at most."""

    watched = False  #: of no consequence by itself; what is done with it is an act

    address = models.BinaryField(max_length=400)  #: sealed
    code = models.BinaryField(max_length=32, null=True)  #: keyed hash; null: nobody here has the address, no code fits
    sent_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True)  #: when the right code came

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "sent_at"], name="passcode_by_age")]


class Decision(WorkspaceRow):
    """What the gate answered when it was asked in earnest: refusals are written down like permissions."""

    append_only = True
    may_be_filled_later = ("contact_id",)
    watched = False  #: it is itself a record of what happened; its rows would only be counted twice

    contact = WorkspaceForeignKey(Contact, null=True, related_name="+")
    purpose = models.CharField(max_length=40)
    channel = models.CharField(max_length=40, blank=True, db_default="", default="")
    at = models.DateTimeField()
    is_allowed = models.BooleanField()
    reason = models.CharField(max_length=30)
    rule = models.CharField(max_length=120)  #: path of the rule in the policy
    policy_version = models.PositiveIntegerField()
    what = models.CharField(max_length=60, blank=True, db_default="", default="")  #: what asked: "message", "export"

    class Meta:
        indexes = [
            models.Index(fields=["workspace_id", "contact", "-at", "-id"], name="decision_newest_first"),
            models.Index(fields=["workspace_id", "-at", "-id"], name="decision_by_time"),
            models.Index(fields=["workspace_id", "reason", "-at", "-id"], name="decision_by_reason"),
        ]
