"""An invented person for probes: she has a number, paid for a service, and something was noted about her. Probes are taken back."""

from __future__ import annotations

from amanat.accounts.models import Member
from amanat.accounts.permissions import Role
from amanat.desk import services
from amanat.desk.models import Payment
from amanat.desk.payments import NewPayment
from amanat.desk.services import NewService
from amanat.people import contacts, timeline
from amanat.people.drafts import ContactDraft
from amanat.people.models import Contact
from amanat.policy.probing import Asked

NAME, NUMBER = "Xqzprobe Vwkcanary", "+919899000041"
_FEE = 7_131_719  #: paise


def who_paid(asked: Asked) -> Contact | None:
    """None in a workspace without an owner, in whose name it would be written."""
    owners = Member.objects.of(asked.workspace_id).select_related("workspace").filter(role=Role.OWNER)
    by = owners.order_by("id").first()
    if by is None:
        return None
    draft = ContactDraft(name=NAME, phones=[(NUMBER, "")])
    person = contacts.create(workspace=by.workspace, by=by, at=asked.at, draft=draft)
    services.create(
        workspace=by.workspace, wanted=NewService(service=None, title="Vwkcanary", fee_paise=_FEE), by=by, at=asked.at,
        contact=person, payment=NewPayment(_FEE, Payment.Method.UPI),
    )  # fmt: skip
    timeline.record(
        workspace=by.workspace, kind="note", contact=person, happened_at=asked.at, actor=by, summary="Vwkcanary"
    )
    return person
