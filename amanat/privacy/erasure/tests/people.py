"""A person with something in every corner, for the tests of this part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from amanat.accounts.models import Member, Workspace
from amanat.core import clock, files, tenancy
from amanat.core.models import IdempotentAnswer, LocalMessage
from amanat.core.models_files import StoredFile
from amanat.desk.models import Paper, Payment, ServiceRecord, Task
from amanat.people import timeline
from amanat.people.models import Attachment, Contact, ExportRun, ImportProblem, ImportRun
from amanat.people.tests import factories
from amanat.privacy.erasure import erasing
from amanat.privacy.erasure.models import Erasure

NAME, NUMBER, ADDRESS = "Zarathustra Quillfeather", "+919822041736", "zarathustra.q@example.in"


@dataclass
class Scene:
    """A workspace in which she has left something everywhere."""

    workspace: Workspace
    her: Contact
    owner: Member
    record: ServiceRecord
    paper: Paper
    file: StoredFile
    note: StoredFile


def make_her(workspace: Workspace, **fields: Any) -> Contact:
    fields = {"phone": NUMBER, "emails": [(ADDRESS, "")], "notes": "Likes tea"} | fields
    return factories.make_contact(workspace, NAME, **fields)


def scene(workspace: Workspace) -> Scene:
    """Services with and without money, a task, papers, attachments, timeline, exports, imports, answers, messages."""
    her, owner, here = make_her(workspace), factories.owner(workspace), workspace.pk
    with tenancy.inside(workspace):
        record = ServiceRecord.objects.create(
            workspace_id=here, number=1, contact=her, title=f"PAN of {NAME}", fee_paise=10_000, paid_paise=10_000,
            acknowledgement="ACK998877", status="delivered",
        )  # fmt: skip
        ServiceRecord.objects.create(workspace_id=here, number=2, contact=her, title="Asked about Aadhaar")
        Payment.objects.create(
            workspace_id=here,
            record=record,
            amount_paise=10_000,
            method="upi",
            reference=f"upi {NUMBER}",
            paid_on=date(2026, 11, 1),
        )
        Task.objects.create(workspace_id=here, record=record, title=f"Call {NAME}", due_on=date(2026, 12, 1))
        file, note = (_file(here, text) for text in (f"paper of {NAME}", f"note about {NUMBER}"))
        paper = Paper.objects.create(workspace_id=here, contact=her, kind="pan", file=file)
        Attachment.objects.create(workspace_id=here, contact=her, file=note, name=f"{NAME}.txt")
        timeline.record(
            workspace=workspace,
            happened_at=clock.now(),
            kind="note",
            summary=f"{NAME} came",
            contact=her,
            reference=record,
        )
        _around(here, her, owner)
    return Scene(workspace, her, owner, record, paper, file, note)


def _file(here: Any, text: str) -> StoredFile:
    return files.store(text.encode(), workspace_id=here, name="a.txt", by=None, kind="attachment")


def _around(here: Any, her: Contact, owner: Member) -> None:
    ExportRun.objects.create(
        workspace_id=here,
        scope="contacts",
        format="csv",
        state="done",
        file=_file(here, f"name\n{NAME}"),
        ended_at=clock.now(),
    )
    run = ImportRun.objects.create(
        workspace_id=here, file=_file(here, f"name,phone\n{NAME},{NUMBER}"), file_name="a.csv", state="done"
    )
    ImportProblem.objects.create(workspace_id=here, run=run, row_number=7, values={"phone": "98220 41736"})
    IdempotentAnswer.objects.create(
        workspace_id=here, member_id=owner.pk, route="contacts", key="k", request_digest="d", status=201,
        body=f'{{"id": "{her.pk}", "name": "{NAME}"}}'.encode(),
    )  # fmt: skip
    LocalMessage.objects.create(channel="sms", to=NUMBER, body=f"Dear {NAME}")


def erase(workspace: Workspace, *people: Contact, because: str = "request", by: Member | None = None) -> Erasure:
    with tenancy.inside(workspace):
        ordered = erasing.order(
            workspace=workspace,
            contact_ids=[one.pk for one in people],
            because=because,
            by=by,
            at=clock.now(),
            at_once=True,
        )
        return erasing.carry_out(ordered.pk, workspace_id=workspace.pk)
