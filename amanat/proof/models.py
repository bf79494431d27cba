"""Tables of proof: what each probe found, in a chain; what people attested; when a workspace is looked at next."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.core.models import StoredFile
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow


class Outcome(models.TextChoices):
    """What a run of a probe came to. One that could not run is no better than a broken promise."""

    KEPT = "kept", _("Kept")
    DUE = "due", _("To be confirmed")
    BROKEN = "broken", _("Broken")
    COULD_NOT_RUN = "could not run", _("Could not run")


class Evidence(WorkspaceRow):
    """One finding of one probe. `digest` covers all its facts and the digest before it (see `evidence.canonical`)."""

    append_only = True
    watched = False  #: the chain of its own is what the ledger's would be

    number = models.BigIntegerField()
    probe = models.CharField(max_length=80)
    at = models.DateTimeField()
    policy_number = models.PositiveIntegerField()
    outcome = models.CharField(max_length=20, choices=Outcome.choices)
    said = models.TextField()  #: English message with named places, translated when it is shown
    facts = models.JSONField(default=dict)
    took_ms = models.PositiveIntegerField()
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "probe", "-number"], name="evidence_of_a_probe")]
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "number"], name="evidence_numbers_are_unique"),
            models.CheckConstraint(condition=Q(number__gte=1), name="evidence_is_numbered_from_one"),
        ]


class EvidenceGap(WorkspaceRow):
    """Rows of the chain that said what the one before them said, and were taken out when they were old (`thinning`).

    `previous` and `digest` are those of the first and last row taken out, so the chain goes on over the gap.
    """

    append_only = True
    watched = False

    first = models.BigIntegerField()
    last = models.BigIntegerField()
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "first"], name="evidence_gap_begins_once"),
            models.CheckConstraint(condition=Q(last__gte=models.F("first")), name="evidence_gap_ends_after_it_begins"),
        ]


class Round(WorkspaceRow):
    """One row a workspace: the end of its chain of evidence, and when something is to be checked next."""

    watched = False

    due_at = models.DateTimeField()
    number = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64)
    published_at = models.DateTimeField(null=True)  #: when number and digest were last written to the ledger
    thinned_at = models.DateTimeField(null=True)  #: when old evidence was last thinned

    class Meta:
        indexes = [models.Index(fields=["due_at"], name="round_by_due")]
        constraints = [models.UniqueConstraint(fields=["workspace_id"], name="round_one_a_workspace")]


class Attestation(WorkspaceRow):
    """What a person vouched for, with the paper that shows it. Never changed: the next one replaces it."""

    append_only = True

    subject = models.CharField(max_length=80)  #: path of the rule: "security.training_every"
    statement = models.CharField(max_length=500)
    by = WorkspaceForeignKey(Member, related_name="+")
    role = models.CharField(max_length=20)
    file = WorkspaceForeignKey(StoredFile, null=True, related_name="+")
    file_sha256 = models.CharField(max_length=64, blank=True)
    attested_at = models.DateTimeField()
    done_on = models.DateField()  #: the day of what is vouched for; periods count from it
    valid_to = models.DateField(null=True)  #: end of a certificate, where there is one
    policy_number = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "subject", "-attested_at"], name="attested_newest_first")]
        constraints = [
            models.CheckConstraint(condition=~Q(statement=""), name="attestation_says_something"),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=models.F("done_on")),
                name="attestation_ends_after_it_began",
            ),
        ]


class InstallationFinding(models.Model):
    """The newest finding of a probe that is the same for all workspaces whose rules are the same: run once, copied into
    the evidence of each. It says nothing of a workspace, and belongs to none."""

    probe = models.CharField(max_length=80)
    rules_digest = models.CharField(max_length=64)
    at = models.DateTimeField()
    outcome = models.CharField(max_length=20, choices=Outcome.choices)
    said = models.TextField()
    facts = models.JSONField(default=dict)
    took_ms = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["probe", "rules_digest"], name="installation_finding_once")]
