"""What the person is told, in her language, at an address that is hers: receipt, extension, answer. Each message ends with a link.

To an address that a stranger typed nothing is sent: a request from the public page without a code is confirmed on the page alone, and
answered there. A message says which right was used and never what is on file.
"""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from amanat.accounts.models import Workspace
from amanat.core import codes, outbox
from amanat.people.models import Contact, Email, Phone
from amanat.privacy.requests import authorities
from amanat.privacy.requests import details as wording
from amanat.privacy.requests.details import Details
from amanat.privacy.requests.models import RightsRequest


def status_url(request: RightsRequest) -> str:
    path: str = reverse("privacy:public_request_status", args=[request.workspace_id, request.pk])
    return f"{settings.BASE_URL}{path}"


def address_of(request: RightsRequest, said: Details | None = None) -> str:
    """Where the person, or who asks for her, is told; "" where nothing sure is known."""
    if request.how == RightsRequest.How.PROTOCOL:
        return ""  # its program asks for itself
    said = said or wording.of(request)
    if request.who != RightsRequest.Who.PERSON:
        return said.reply_to if request.identified_at else ""
    contact = request.contact
    if contact is None:
        return ""
    if said.reply_to and _is_hers(contact, said.reply_to):
        return said.reply_to
    return str(contact.main_phone or contact.main_email)


def _is_hers(contact: Contact, address: str) -> bool:
    here = contact.workspace_id
    if "@" in address:
        return Email.objects.of(here).filter(contact=contact, address=address).exists()
    return Phone.objects.of(here).filter(contact=contact, number=address).exists()


def confirm_receipt(request: RightsRequest, said: Details, *, workspace: Workspace) -> bool:
    """The receipt with the day and the code, if there is a sure address. Returns whether it was sent."""
    with translation.override(request.language):
        return _send(
            request,
            _("%(who)s has your request: %(what)s. You get an answer by %(day)s. See how it stands: %(link)s Your code: %(code)s")
            % {
                "who": workspace.name,
                "what": request.get_kind_display(),
                "day": day(request),
                "link": status_url(request),
                "code": f"{request.secret[:5]}-{request.secret[5:]}",
            },
            said,
        )  # fmt: skip


def extended(request: RightsRequest) -> bool:
    with translation.override(request.language):
        return _send(
            request,
            _("Your request (%(what)s) takes longer. You get an answer by %(day)s. Why: %(why)s You can see it here: %(link)s")
            % {
                "what": request.get_kind_display(),
                "day": day(request),
                "why": request.extension_reason,
                "link": status_url(request),
            },
        )  # fmt: skip


def answered(request: RightsRequest) -> bool:
    """That there is an answer; after a refusal with the reason and the route to the authority."""
    with translation.override(request.language):
        told = {
            "what": request.get_kind_display(),
            "link": status_url(request),
            "outcome": request.get_outcome_display(),
        }
        if request.outcome == RightsRequest.Outcome.REFUSED:
            told["why"] = request.get_reason_display()
            told["route"] = "; ".join(authorities.in_words(request.regimes))
            body = _(
                "Your request (%(what)s) was refused. Why: %(why)s. The whole answer is here: %(link)s You can complain to: %(route)s"
            )
        else:
            body = _(
                "Your request (%(what)s) is answered: %(outcome)s. Read the answer here, with the code you got: %(link)s"
            )
        return _send(request, body % told)


def begun(request: RightsRequest) -> bool:
    """That an erasure begins: the last message to the address, which goes with the rest."""
    with translation.override(request.language):
        body = _(
            "Your data is being erased now. When it is done, you find the certificate here, with the code you got: %(link)s"
        )
        return _send(request, body % {"link": status_url(request)})


def to_be_lifted(request: RightsRequest, why: str) -> bool:
    """That her data will be used again, before it is (GDPR article 18(3))."""
    with translation.override(request.language):
        body = _(
            "You asked us only to store your data and not to use it. This will be lifted now. Why: %(why)s If you do not agree, "
            "answer us or object here: %(link)s"
        )
        return _send(request, body % {"why": why, "link": status_url(request)})


def day(request: RightsRequest) -> str:
    return date_format(timezone.localtime(request.due_at), "j F Y")


def _send(request: RightsRequest, body: str, said: Details | None = None) -> bool:
    """Whether it left; not where there is no address, or the provider takes no such text at all. Raises NotSent where a try may help."""
    to = address_of(request, said)
    if not to:
        return False
    try:
        codes.deliver(to, subject=_("Your request"), body=body)
    except outbox.NotSent as refused:
        if refused.is_final:
            return False
        raise
    return True
