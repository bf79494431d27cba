"""Tables of the rights desk: what people asked, what was done about it, who may act for whom, which agents may ask by program."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.core.models import StoredFile
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow
from amanat.people.models import Contact

__all__ = ["Kind", "Nomination", "RequestStep", "RightsAgent", "RightsRequest", "SeenMessage"]


class Kind(models.TextChoices):
    """What can be asked; the names are those of a policy's `rights.kinds`."""

    ACCESS = "access", _("A copy of the data")
    CORRECT = "correct", _("Correction or completion")
    UPDATE = "update", _("Bringing up to date")
    ERASE = "erase", _("Erasure")
    RESTRICT = "restrict", _("Store only, do not use")
    OBJECT = "object", _("Objection")
    PORT = "port", _("Data to take along")
    WITHDRAW = "withdraw", _("Withdrawal of all consent")
    NOMINATE = "nominate", _("Nomination")
    GRIEVANCE = "grievance", _("Complaint")
    OPT_OUT_SALE = "opt_out_sale", _("No sale of the data")
    HUMAN_REVIEW = "human_review", _("Review by a human")


class RightsRequest(WorkspaceRow):
    """One thing that one person asked for. Whose data it is about may be unknown at first: then there is no contact.

    `details` and `answer` are sealed: what strangers type stays closed in the table. An erasure takes both, and the contact, off the row;
    that something was asked and answered, and when, stays as proof.
    """

    class Who(models.TextChoices):
        PERSON = "person", _("The person")
        GUARDIAN = "guardian", _("A parent or guardian")
        AGENT = "agent", _("Somebody the person authorised")
        NOMINEE = "nominee", _("A nominee, after death or in incapacity")

    class How(models.TextChoices):
        SELF_SERVICE = "self_service", _("On the public page")
        EMAIL = "email", _("By e-mail")
        PHONE = "phone", _("By phone")
        POST = "post", _("By post")
        COUNTER = "counter", _("At the counter")
        PROTOCOL = "protocol", _("By an agent's program")

    class State(models.TextChoices):
        UNCLEAR = "unclear", _("Who it is is not clear")
        OPEN = "open", _("To be answered")
        DOING = "doing", _("Being carried out")
        ANSWERED = "answered", _("Answered")
        REVOKED = "revoked", _("Taken back by the person")

    class Outcome(models.TextChoices):
        GRANTED = "granted", _("Done as asked")
        PARTLY = "partly", _("Done in part")
        REFUSED = "refused", _("Refused")

    class Reason(models.TextChoices):
        """Why a request is refused, wholly or in part."""

        NOT_IDENTIFIED = "not_identified", _("We could not make sure who you are")
        NO_DATA = "no_data", _("We hold nothing about you")
        LAW = "law", _("A law orders us to keep it")
        OTHERS = "others", _("It would harm the rights of others")
        UNFOUNDED = "unfounded", _("It repeats what was answered, or has no ground")
        NOT_APPLICABLE = "not_applicable", _("The law gives no such right in this case")

    OPEN = ("unclear", "open", "doing")

    kind = models.CharField(max_length=12, choices=Kind.choices)
    contact = WorkspaceForeignKey(Contact, null=True, related_name="+")
    principal = models.BinaryField(max_length=32, null=True)  #: keyed hash of the contact, which outlives it
    who = models.CharField(max_length=10, choices=Who.choices, default=Who.PERSON)
    how = models.CharField(max_length=12, choices=How.choices)
    state = models.CharField(max_length=10, choices=State.choices)
    regimes = ArrayField(models.CharField(max_length=20), default=list)  #: the laws that protect the person
    language = models.CharField(max_length=10, default="en")
    details = models.BinaryField(max_length=60_000, null=True)  #: sealed JSON: asking.Details
    proof = WorkspaceForeignKey(StoredFile, null=True, related_name="+")  #: what a guardian or agent showed
    code = models.BinaryField(max_length=32)  #: keyed hash of the code that opens the status page
    received_at = models.DateTimeField()
    written_by = WorkspaceForeignKey(
        Member, null=True, related_name="+"
    )  #: null: the person herself, or an agent's program
    identified_at = models.DateTimeField(null=True)
    identified_by = WorkspaceForeignKey(Member, null=True, related_name="+")  #: null: a code to the address on file
    promised_at = (
        models.DateTimeField()
    )  #: the promise of the policy, or the law's first limit if that is earlier; never moves
    due_at = models.DateTimeField()  #: the same, later after an extension
    extended_at = models.DateTimeField(null=True)
    extension_reason = models.CharField(max_length=500, blank=True, db_default="", default="")
    warned = models.PositiveSmallIntegerField(default=0)  #: how many of clocks.WARNINGS were sent
    begun_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)  #: when the person took it back
    answered_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    outcome = models.CharField(max_length=10, choices=Outcome.choices, blank=True, db_default="", default="")
    reason = models.CharField(max_length=16, choices=Reason.choices, blank=True, db_default="", default="")
    answer = models.BinaryField(max_length=20_000, null=True)  #: sealed: the words of the answer
    result_id = models.UUIDField(null=True)  #: of the copy or the erasure that was ordered
    agent = WorkspaceForeignKey("privacy.RightsAgent", null=True, related_name="+")  #: by whose program it came
    #: where that program hears how it stands; kept when the person's own words are gone, or it would not hear of an erasure's end
    callback = models.CharField(max_length=300, blank=True, db_default="", default="")

    class Meta:
        indexes = [
            models.Index(
                fields=["workspace_id", "due_at", "id"],
                condition=Q(state__in=("unclear", "open", "doing")),
                name="request_open_by_day",
            ),
            models.Index(fields=["workspace_id", "-id"], name="request_newest"),
            models.Index(fields=["workspace_id", "contact", "-id"], name="request_of_contact"),
            models.Index(
                fields=["workspace_id", "answered_at"], condition=Q(answered_at__isnull=False), name="request_by_answer"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(due_at__gte=F("promised_at")), name="request_due_when_promised_or_later"
            ),
            models.CheckConstraint(
                condition=~Q(outcome="refused") | ~Q(reason=""), name="request_refused_with_a_reason"
            ),
            models.CheckConstraint(
                condition=Q(state="answered", answered_at__isnull=False) & ~Q(outcome="")
                | ~Q(state="answered") & Q(answered_at__isnull=True, outcome=""),
                name="request_answered_with_an_outcome",
            ),
        ]

    #: the code itself, known only to the rule that made the row and told the person
    secret: str = ""

    if TYPE_CHECKING:
        contact_id: UUID | None
        agent_id: UUID | None
        proof_id: UUID | None

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN

    @property
    def short(self) -> str:
        """What people call it on the phone: the last characters of its number, which say nothing."""
        return self.id.hex[-6:].upper()


class RequestStep(WorkspaceRow):
    """What happened to a request, in order. Never changed."""

    append_only = True

    class What(models.TextChoices):
        RECEIVED = "received", _("Received")
        CONFIRMED = "confirmed", _("Receipt confirmed to the person")
        IDENTIFIED = "identified", _("Person identified")
        EXTENDED = "extended", _("Time extended, person told")
        WARNED = "warned", _("Owner reminded")
        LATE = "late", _("Not answered in time")
        BEGUN = "begun", _("Begun to carry out")
        FULFILLED = "fulfilled", _("Carried out")
        REFUSED = "refused", _("Refused, with reason and route")
        TOLD = "told", _("Person told")
        REVOKED = "revoked", _("Taken back by the person")
        OPENED = "opened", _("Status page opened")
        LIFT_TOLD = "lift_told", _("Person told that the restriction will be lifted")
        LIFTED = "lifted", _("Restriction lifted")
        BACK_ASKED = "back_asked", _("Code sent to take the objection back")
        BACK = "back", _("Objection taken back")

    request = WorkspaceForeignKey(RightsRequest, related_name="steps")
    what = models.CharField(max_length=10, choices=What.choices)
    at = models.DateTimeField()
    by = WorkspaceForeignKey(Member, null=True, related_name="+")
    facts = models.JSONField(default=dict, db_default={})  #: counts, days, ids, names of fields; never a value

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "request", "id"], name="request_steps_in_order")]


class Nomination(WorkspaceRow):
    """Who may use a person's rights after death or in incapacity (DPDP Act s.14). A new one ends the one before."""

    contact = WorkspaceForeignKey(Contact, null=True, related_name="+")
    request = WorkspaceForeignKey(RightsRequest, null=True, related_name="+")
    nominee = models.BinaryField(max_length=2_000, null=True)  #: sealed JSON: name, address, relation
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "contact"], condition=Q(ended_at__isnull=True), name="nomination_one_a_person"
            )
        ]


class RightsAgent(WorkspaceRow):
    """A program that may ask for people by the Data Rights Protocol 1.0, known by its public key."""

    agent_id = models.CharField(_("agent id"), max_length=80)
    name = models.CharField(_("name"), max_length=120)
    verify_key = models.CharField(_("public key"), max_length=60)  #: Ed25519, base64
    web_url = models.CharField(_("web page"), max_length=200, blank=True, db_default="", default="")
    added_at = models.DateTimeField()
    added_by = WorkspaceForeignKey(Member, related_name="+")
    ended_at = models.DateTimeField(null=True)
    token = models.BinaryField(max_length=32, null=True)  #: SHA-256 of the token the agent holds

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "agent_id"], condition=Q(ended_at__isnull=True), name="rights_agent_once"
            )
        ]


class SeenMessage(WorkspaceRow):
    """A signed message that came, until it could not be used any more: a second one like it is a replay."""

    watched = False  #: of no consequence by itself; what the message asked for is a request

    digest = models.BinaryField(max_length=32)  #: SHA-256 of the message
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace_id", "digest"], name="message_seen_once")]
        indexes = [models.Index(fields=["workspace_id", "expires_at"], name="message_by_age")]
