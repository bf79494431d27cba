"""People hear before everything of theirs goes: a warning, handed over first, by e-mail or else as a text message.

The erasure waits for the warning, not the other way round: a mail server that refuses delays it, and the page says so. It leaves by the
mailbox or the text account of the workspace, where there is one: then it counts from the moment when it was taken, and one that comes back
is taken as never said (`hear`): the erasure waits again, and another address of the person is tried. Without such an account it leaves as
the site's own mail, whose bounces reach no program. Who left no address cannot be told and is not kept for ever because of that.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from amanat.accounts import stages, workspaces
from amanat.accounts.models import User, Workspace
from amanat.basis import suppression
from amanat.basis.models import Suppression
from amanat.core import clock, outbox, vault
from amanat.messaging.channels import accounts
from amanat.messaging.channels.models import Channel, ChannelAccount
from amanat.messaging.inbox import saying
from amanat.messaging.outbox.changes import Change
from amanat.messaging.outbox.models import Dispatch
from amanat.people.models import Contact, Email, Phone
from amanat.privacy.retention.models import RetentionDue

log = logging.getLogger(__name__)

#: What a message is sent from, in the outbox.
SOURCE = "retention"
_State, _Delivery = Dispatch.State, Dispatch.Delivery
_NEVER_LEFT = frozenset({_State.DEAD, _State.REFUSED, _State.DROPPED})


@dataclass(frozen=True, slots=True)
class _Way:
    """An address of the person, over an account of the workspace or, without one, from the site itself."""

    kind: str  #: "email" or "phone"
    address: str
    account: ChannelAccount | None = None

    def mark(self, workspace_id: UUID) -> str:
        """What is kept of a way that led nowhere; it names nobody."""
        by = "account" if self.account else "site"
        keyed = vault.fingerprint(f"{by}:{self.address}", workspace_id=workspace_id, purpose="warning")
        return keyed.hex()[:16]


def hand_over(due: RetentionDue, contact: Contact, *, at: datetime, not_before: datetime) -> bool:
    """Tell one person, and write down when and how. False when it could not be handed over: it is tried again at the next run.

    `not_before` is the first moment at which she is erased when she hears of it now: a warning that is late names that day.
    """
    if due.warning_id is not None:  # it waits among the messages; `hear` is told when it has left
        return True
    workspace = workspaces.by_id(due.workspace_id)
    try:
        way = next(_ways(contact, due.came_back.split(), at), None)
        if way is None and (contact.main_email or contact.main_phone):
            raise LookupError("no way to the person is left")
        with translation.override(_language(contact.language, workspace.language)):
            text = _to_a_person(workspace, max(due.due_at, not_before))
            subject = _("Your data at %(name)s will be deleted") % {"name": workspace.name}
            if way is not None and way.account is not None:
                due.warning_id = _by_account(due, contact, way, saying.Words(text, subject), at=at)
                due.save(update_fields=["warning_id"])
                return True
            if way is not None:
                _by_site(way, subject, text)
    except Exception:
        # Whatever a mail server or a provider says: she was not told, so nothing is erased.
        log.exception("a warning could not be handed over", extra={"due": str(due.pk)})
        due.tries += 1
        due.save(update_fields=["tries"])
        return False
    due.told_at, due.by_way_of = at, way.kind if way else "nothing"
    due.save(update_fields=["told_at", "by_way_of"])
    return True


def hear(workspace_id: UUID, changed: Sequence[Change]) -> None:
    """How far warnings got among the messages of the workspace: taken by the provider, she is told; come back, she never was."""
    about = {one.message_id: one for one in changed if one.source == SOURCE}
    if not about:
        return
    rows = RetentionDue.objects.of(workspace_id).filter(warning_id__in=list(about), state=RetentionDue.State.WAITING)
    for due in rows.select_for_update(of=("self",)).order_by("id"):
        change = about[due.warning_id] if due.warning_id else None
        if change is None:
            continue
        sent = Dispatch.objects.of(workspace_id).get(pk=change.dispatch_id)
        if change.state in _NEVER_LEFT or change.delivery == _Delivery.FAILED:
            _came_back(due, sent)
        elif change.state == _State.DONE and due.told_at is None:
            due.told_at, due.by_way_of = clock.now(), "email" if sent.channel == Channel.EMAIL else "phone"
            due.save(update_fields=["told_at", "by_way_of"])


def _came_back(due: RetentionDue, sent: Dispatch) -> None:
    """The next run begins anew, another way; the time to answer begins with the warning that arrives."""
    kind = "email" if sent.channel == Channel.EMAIL else "phone"
    ways = [_Way(kind, sent.address, sent.account)]
    if sent.delivery == _Delivery.FAILED or sent.state == _State.DEAD:
        ways.append(_Way(kind, sent.address))  # the address itself is dead, whoever writes
    marks = dict.fromkeys([*due.came_back.split(), *(way.mark(due.workspace_id) for way in ways)])
    due.came_back, due.warning_id, due.told_at, due.by_way_of = " ".join(list(marks)[-_MOST_MARKS:]), None, None, ""
    due.tries += 1
    due.save(update_fields=["came_back", "warning_id", "told_at", "by_way_of", "tries"])


_MOST_MARKS = 40


def _ways(contact: Contact, came_back: Sequence[str], at: datetime) -> Iterator[_Way]:
    """Ways to the person that did not lead nowhere yet, the best first: e-mail before text, an account before the site."""
    here = contact.workspace_id
    emails, phones = _addresses(contact, all_of_them=bool(came_back))
    dead = suppression.against(emails, workspace=here, purpose="", channel="email", at=at) if emails else {}
    emails = [one for one in emails if dead.get(one) != Suppression.Reason.UNREACHABLE]
    found: list[_Way] = []
    for kind, channel, addresses in (("email", Channel.EMAIL, emails), ("phone", Channel.SMS, phones)):
        account = _account(here, channel) if addresses else None
        for address in addresses:
            if account is not None:
                found.append(_Way(kind, address, account))
            if kind == "email" or stages.texts_arrive():
                found.append(_Way(kind, address))
    yield from (way for way in found if way.mark(here) not in came_back)


def _addresses(contact: Contact, *, all_of_them: bool) -> tuple[list[str], list[str]]:
    emails, phones = [contact.main_email], [contact.main_phone]
    if all_of_them:
        emails += Email.objects.of(contact.workspace_id).filter(contact=contact).values_list("address", flat=True)
        phones += Phone.objects.of(contact.workspace_id).filter(contact=contact).values_list("number", flat=True)
    return list(dict.fromkeys(filter(None, emails))), list(dict.fromkeys(filter(None, phones)))


def _account(workspace_id: UUID, channel: str) -> ChannelAccount | None:
    """The account that reaches people: one of the sandbox reaches nobody, and counts only where nothing leaves this machine anyway."""
    found = accounts.default(workspace_id, channel)
    if found is None or found.state != ChannelAccount.State.READY or (found.is_sandbox and not outbox.is_shown()):
        return None
    return found


def _by_account(due: RetentionDue, contact: Contact, way: _Way, words: saying.Words, *, at: datetime) -> UUID:
    channel = Channel.EMAIL if way.kind == "email" else Channel.SMS
    errand = saying.Errand(source=SOURCE, source_id=due.pk, due_at=at, urgency=5)
    message = saying.say(
        contact=contact, channel=channel, words=words, by=None, at=at, errand=errand, account=way.account, address=way.address
    )  # fmt: skip
    return message.pk


def _by_site(way: _Way, subject: str, text: str) -> None:
    if way.kind == "email":
        _mail(way.address, subject, text)
    else:
        outbox.send_text(way.address, text)


def tell_user(user: User, due_at: datetime) -> None:
    """Warn a user who has not signed in for long. Whatever the mail server raises goes through."""
    with translation.override(_language(user.language)):
        text = _(
            "You have not signed in for a long time. Your account at Amanat, with your name, e-mail and sign-in history, is deleted on "
            "%(day)s.\n\nTo keep it, sign in before that day. If you do not need it any more, do nothing."
        ) % {"day": date_format(timezone.localtime(due_at), "j F Y")}
        _mail(user.email, _("Your account at Amanat will be deleted"), text)


def _to_a_person(workspace: Workspace, due_at: datetime) -> str:
    reach = workspace.email or workspace.phone
    said = _("%(name)s deletes your data on %(day)s, because nothing has happened between you for a long time.") % {
        "name": workspace.name,
        "day": date_format(timezone.localtime(due_at), "j F Y"),
    }
    ask = (
        _("If you want it kept, get in touch: %(reach)s") % {"reach": reach}
        if reach
        else _("If you want it kept, get in touch.")
    )
    return f"{said} {ask}"


def _language(*wanted: str) -> str:
    known = {code for code, _name in settings.LANGUAGES}
    return next((one for one in wanted if one in known), "en")


def _mail(to: str, subject: str, body: str) -> None:
    EmailMessage(subject, body, to=[to]).send()
