"""Consent by a public form: what somebody wrote counts when the code that went to her address came back (double opt-in).

Until then nothing but a sealed row of a day exists; nobody becomes a contact because somebody else typed her number.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from amanat.accounts.models import Member, Workspace
from amanat.basis import asking, consent, passcodes, receipts, rules, suppression
from amanat.basis.asking import Wanted
from amanat.basis.consent import How
from amanat.basis.models import ConsentRecord, Method, Notice, PublicForm, Submission
from amanat.basis.passcodes import Over, TooMany, WrongCode
from amanat.core import codes, ids, ledger, limits, vault
from amanat.people import contacts
from amanat.people.drafts import ContactDraft
from amanat.people.models import Contact, Source

LIFE = passcodes.LIFE
KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody wrote."""

    name: str
    address: str
    language: str


def make_form(*, workspace: Workspace, title: str, wanted: Sequence[Wanted], by: Member, at: datetime) -> PublicForm:
    """A page on which people can agree to `wanted`. Raises UnknownPurpose, UnknownChannel."""
    in_force = rules.of(workspace.pk)
    for purpose, channel in wanted:
        in_force.check_channel(purpose, channel)
    with transaction.atomic():
        form = PublicForm.objects.create(
            workspace_id=workspace.pk, title=title.strip(), wanted=sorted(wanted), made_at=at, made_by=by
        )
        ledger.write("basis.form.made", workspace=workspace, by=by, about=form, at=at, wanted=sorted(wanted))
    return form


def close_form(*, form: PublicForm, by: Member, at: datetime) -> None:
    """Nobody can answer it any more; what was agreed to by it stands."""
    if PublicForm.objects.of(form.workspace_id).filter(pk=form.pk, closed_at__isnull=True).update(closed_at=at):
        ledger.write("basis.form.closed", workspace=form.workspace_id, by=by, about=form, at=at)


def submit(
    *, form: PublicForm, workspace: Workspace, given: Given, wanted: Sequence[Wanted], notice: Notice, at: datetime
) -> Submission:
    """Send a code to the address; `notice` is what the page showed. Raises NoAddress, TooMany; what the form does not ask is left out."""
    to = passcodes.normal(given.address)
    if not limits.spend("public form", f"{workspace.pk} {to}", passcodes.SENDINGS).allowed:
        raise TooMany
    offered = {(purpose, channel) for purpose, channel in form.wanted}
    chosen = sorted(one for one in set(wanted) if one in offered)
    identity, code = ids.new(), codes.new()
    with transaction.atomic():
        sealed = json.dumps({"name": given.name, "address": to, "language": given.language})
        submission = Submission(
            id=identity, workspace_id=workspace.pk, form=form, notice=notice, wanted=chosen, sent_at=at, ends_at=at + LIFE,
            code=codes.digest(code, identity, workspace_id=workspace.pk),
        )  # fmt: skip
        submission.given = vault.seal_text(sealed, workspace_id=workspace.pk, context=place(submission))
        submission.save(force_insert=True)
        with translation.override(given.language):
            body = _(
                "%(code)s is your code for “%(title)s” at %(who)s. It works for 15 minutes. If this was not you, do nothing."
            )
            codes.deliver(
                to, subject=_("Your code"), body=body % {"code": code, "title": form.title, "who": workspace.name}
            )
    return submission


def confirm(*, submission: Submission, workspace: Workspace, code: str, at: datetime) -> list[ConsentRecord]:
    """The code came back: the contact is found by the address or made, and agrees. Raises Over, TooMany, WrongCode.

    A wrong try is counted in the open transaction: the caller must let it commit.
    """
    if submission.answered_at is not None or at >= submission.ends_at:
        raise Over
    if not limits.spend("public form try", str(submission.pk), asking.TRIES).allowed:
        raise TooMany
    if not codes.is_right(code, submission.code, submission.pk, workspace_id=workspace.pk):
        raise WrongCode
    with transaction.atomic():
        unanswered = Submission.objects.of(workspace).filter(pk=submission.pk, answered_at__isnull=True)
        if not unanswered.update(answered_at=at):
            raise Over
        given = read(submission)
        people = list(passcodes.people_with(workspace.pk, given.address)) or [_new(workspace, given, submission, at)]
        how = How(Method.FORM, evidence={"form": str(submission.form_id), "submission": str(submission.pk)})
        records = [
            record
            for person in people
            for purpose, channels in asking.by_purpose(submission.wanted)
            for record in consent.give(
                contact=person, purpose=purpose, channels=channels, notice=submission.notice, how=how, at=at
            )
        ]
        ledger.write("basis.form.submitted", workspace=workspace, about=people[0], at=at, form=str(submission.form_id))
        receipts.send(records, to=given.address, workspace=workspace, language=given.language)
    return records


def read(submission: Submission) -> Given:
    text = vault.open_text(submission.given, workspace_id=submission.workspace_id, context=place(submission))
    return Given(**json.loads(text))


def place(submission: Submission) -> str:
    """Where the sealed answer lies."""
    return vault.context("basis.Submission.given", submission.pk)


def sweep(workspace_id: UUID, *, at: datetime) -> int:
    """Delete answers a day after they were sent, confirmed or not; returns how many."""
    return Submission.objects.of(workspace_id).filter(sent_at__lt=at - KEPT).delete()[0]


def _new(workspace: Workspace, given: Given, submission: Submission, at: datetime) -> Contact:
    """She asked for it herself, so that her address is not suppressed any more in general."""
    lines = [(given.address, "")]
    emails, phones = (lines, []) if "@" in given.address else ([], lines)
    draft = ContactDraft(name=given.name, language=given.language, emails=emails, phones=phones)
    suppression.lift([given.address], workspace=workspace, at=at, purpose="", channel="")
    return contacts.create(
        workspace=workspace, by=None, at=at, draft=draft,
        source=Source.PERSON, source_detail=submission.form.title,
    )  # fmt: skip
