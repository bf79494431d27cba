"""Tables of public forms and of what comes in through them before it is confirmed."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.basis.models_acts import Notice
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow


class PublicForm(WorkspaceRow):
    """A page on which people leave their name and address and tick what they agree to."""

    title = models.CharField(_("title"), max_length=120)
    wanted = models.JSONField()  #: [[purpose, channel], ...]
    made_at = models.DateTimeField()
    made_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "-made_at"], name="public_form_newest")]
        constraints = [models.CheckConstraint(condition=~Q(title=""), name="public_form_has_a_title")]


class Submission(WorkspaceRow):
    """What somebody wrote into a public form, until she confirms it by the code that was sent to her. Kept for a day at most."""

    watched = False  #: of no consequence by itself; what follows from it is an act

    form = WorkspaceForeignKey(PublicForm, related_name="+")
    notice = WorkspaceForeignKey(Notice, null=True, related_name="+")
    given = models.BinaryField(max_length=2000)  #: sealed JSON: name, address, language
    wanted = models.JSONField()  #: what she ticked
    code = models.BinaryField(max_length=32)  #: keyed hash of the code and the id of this row
    sent_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "sent_at"], name="submission_by_age")]
