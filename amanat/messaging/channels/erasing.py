"""What the carriers of messages are told when a person is erased, and what only a member can do there.

Meta and the SMS providers keep what they carried by their own contracts and take no order to erase a single person. Of the mail providers,
Brevo deletes its log of an address and the contact, and Postmark what it keeps about an address, where the account has the token for it
(read in November 2026). Where any mailbox or provider of the workspace takes no such order, the item stays open for a member.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from urllib.parse import quote
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from amanat.core import onward, outgoing, tenancy
from amanat.core.onward import Order, Receiver
from amanat.messaging.channels import accounts, mail, mail_anymail, sms, whatsapp
from amanat.messaging.channels.contract import Access
from amanat.messaging.channels.models import Channel, ChannelAccount
from amanat.messaging.outbox.models import Dispatch

_TIMEOUT = 15.0
#: States of a message after which its carrier may have it.
_LEFT = ("sending", "unknown", "done")
#: Enough to show what went; more are counted, not named.
_MOST = 2_000


def register() -> None:
    """Called once, when the site starts."""
    onward.register(Receiver(whatsapp.RECIPIENT, _went(Channel.WHATSAPP), how=_(
        "Meta takes no order to erase one person. What it keeps of messages it deletes by its own terms. Delete the chat in the "
        "WhatsApp Business app, if you use it for this number, and write down that you did."
    )))  # fmt: skip
    onward.register(Receiver(sms.RECIPIENT, _went(Channel.SMS), how=_(
        "Ask your SMS provider to delete this number from its logs, or write down for how long it keeps them and why the law asks it to."
    )))  # fmt: skip
    onward.register(Receiver(mail.RECIPIENT, _went(Channel.EMAIL), tell, how=_(
        "Delete the mails of this person in the mailbox itself, in sent mail and in the trash too. Postmark and Brevo are told by this site "
        "where they are the only way your mail leaves; at Mailgun and Amazon SES, look at their lists of suppressed addresses."
    )))  # fmt: skip


def _went(channel: Channel) -> Callable[[UUID, Collection[UUID]], Sequence[UUID]]:
    def went(workspace_id: UUID, contacts: Collection[UUID]) -> Sequence[UUID]:
        rows = Dispatch.objects.of(workspace_id).filter(contact__in=contacts, channel=channel, state__in=_LEFT)
        return list(rows.filter(account__is_sandbox=False).order_by("id").values_list("id", flat=True)[:_MOST])

    return went


def tell(order: Order) -> str:
    """Have every mail account of the workspace forget these addresses; the proof, or "" where one of them takes no such order.

    Raises Unreachable or Refused: the order stays open. Asked twice, it is told twice, which changes nothing there.
    """
    with tenancy.inside(order.workspace_id):
        rows = list(ChannelAccount.objects.of(order.workspace_id).filter(channel=Channel.EMAIL).order_by("id"))
        opened = [(row, accounts.access(row)) for row in rows]
    addresses = [one for one in order.addresses if "@" in one]
    told = [_told(access, addresses) for _row, access in opened]
    if not opened or not all(told):
        return ""
    return "; ".join(dict.fromkeys(told))


def _told(access: Access, addresses: Sequence[str]) -> str:
    """The provider's name and what it answered, or ""."""
    ask = _ASKED.get(access.provider)
    if ask is None or not addresses:
        return ""
    answers = [ask(access, address) for address in addresses]
    return f"{access.provider}: {', '.join(answers)}" if all(answers) else ""


def _brevo(access: Access, address: str) -> str:
    """Its log is deleted by a job there; the contact at once. Neither is there for who never got a mail (404)."""
    base, name = _base(access, "https://api.brevo.com/v3"), quote(address, safe="")
    headers = {"api-key": access.secrets.get("api_key", ""), "accept": "application/json"}
    log = _sent("DELETE", f"{base}/smtp/log/{name}", access, headers)
    contact = _sent("DELETE", f"{base}/contacts/{name}?identifierType=email_id", access, headers)
    is_gone = all(one.is_success or one.status == 404 for one in (log, contact))
    return f"{log.status}/{contact.status}" if is_gone else ""


def _postmark(access: Access, address: str) -> str:
    """Only the account's own token may ask for this, not that of a server."""
    token = access.secrets.get("account_token", "")
    if not token:
        return ""
    wanted = {"RequestedBy": access.address, "RequestedFor": address, "NotifyWhenCompleted": False}
    headers = {"x-postmark-account-token": token, "accept": "application/json"}
    answer = _sent("POST", f"{_base(access, 'https://api.postmarkapp.com')}/data-removals", access, headers, wanted)
    found = answer.json() if answer.is_success else {}
    return f"no. {found['ID']}" if isinstance(found, dict) and found.get("ID") else ""


def _sent(
    method: str, url: str, access: Access, headers: Mapping[str, str], wanted: Mapping[str, object] | None = None
) -> outgoing.Response:
    recipient = mail.SANDBOX if access.is_sandbox else mail.RECIPIENT
    return outgoing.send(
        method, url, recipient=recipient, headers=headers, json=wanted, timeout=_TIMEOUT, max_bytes=100_000
    )


def _base(access: Access, usual: str) -> str:
    """The provider itself; a double on this machine for an account of the sandbox."""
    return mail_anymail.base_of(access) if access.is_sandbox else usual


_ASKED: Mapping[str, Callable[[Access, str], str]] = {"brevo": _brevo, "postmark": _postmark}
