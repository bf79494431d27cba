"""What the person gets in hand after she agreed: a message with a number, a way back, and a page with the record (ISO/IEC TS 27560)."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urljoin
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from amanat.accounts.models import Workspace
from amanat.basis import rules
from amanat.basis.models import ConsentRecord
from amanat.basis.wording import phrase
from amanat.core import codes, ledger, outbox

_SIGNER = Signer(salt="amanat.basis.receipt")


def send(records: Sequence[ConsentRecord], *, to: str, workspace: Workspace, language: str) -> None:
    """Tell the person what she agreed to, how to take it back and where the record stands. Part of the transaction of her yes.

    Where the provider takes no such text at all, her yes counts without a receipt. Raises NotSent where another try may help.
    """
    if not records or not to:
        return
    policy = rules.of(workspace.pk).policy
    with translation.override(language):
        what = "; ".join(phrase(policy, (one.purpose, one.channel), language) for one in records)
        body = _("You agreed at %(who)s to: %(what)s. Take it back at any time: %(back)s Your receipt: %(receipt)s") % {
            "who": workspace.name,
            "what": what,
            "back": urljoin(settings.BASE_URL, reverse("basis:public_start", args=[workspace.pk])),
            "receipt": urljoin(settings.BASE_URL, address_of(records[0])),
        }
        try:
            codes.deliver(to, subject=_("Your receipt"), body=body)
        except outbox.NotSent as refused:
            if refused.is_final:
                return
            raise
    ledger.write(
        "basis.receipt.sent",
        workspace=workspace,
        about=records[0].contact,
        at=records[0].at,
        records=[str(one.pk) for one in records],
    )


def address_of(record: ConsentRecord) -> str:
    """The path of the record's page. Who has it may read it: it names nobody."""
    return reverse("basis:consent_receipt", args=[record.workspace_id, _SIGNER.sign(str(record.pk))])


def find(workspace_id: UUID, token: str) -> ConsentRecord | None:
    """The record of a receipt's address, inside its workspace."""
    try:
        record_id = UUID(_SIGNER.unsign(token))
    except (BadSignature, ValueError):
        return None
    return ConsentRecord.objects.of(workspace_id).select_related("notice").filter(pk=record_id).first()
