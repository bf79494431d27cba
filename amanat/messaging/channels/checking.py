"""What is asked of a provider about an account or a text, by jobs: no transaction is open while somebody else answers."""

from __future__ import annotations

import secrets as randomness
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _

from amanat.accounts.models import Member, Workspace
from amanat.core import clock, jobs, tenancy
from amanat.core.outgoing import Refused, Unreachable
from amanat.core.tenancy import HasId
from amanat.messaging.channels import accounts, adapters, doubles, imap, mail, sandboxes, sms_http, templates, whatsapp
from amanat.messaging.channels.contract import Access, TemplateNews
from amanat.messaging.channels.models import Channel, ChannelAccount, MessageTemplate, TemplateText
from amanat.messaging.channels.sms_http import SmsHttp
from amanat.messaging.channels.whatsapp import ProviderRefused

LOOK, SUBMIT = "channels.look", "channels.submit"
_OFTEN = timedelta(hours=1)
_State = TemplateText.State


@runtime_checkable
class Listens(Protocol):
    """A provider that can be told where to call us. Raises Refused or Unreachable."""

    def listen(self, access: Access, url: str) -> None: ...


@runtime_checkable
class Approves(Protocol):
    """A provider that looks at texts before they may be sent. Both raise Refused or Unreachable."""

    def submit(self, access: Access, template: MessageTemplate, text: TemplateText) -> TemplateNews: ...

    def texts(self, access: Access) -> list[TemplateNews]: ...


def ask_soon(account: ChannelAccount) -> None:
    """Look at the account once the open transaction is through."""
    jobs.enqueue(LOOK, workspace=account.workspace_id, once=f"{LOOK}:{account.pk}", account=str(account.pk))


def look(workspace_id: UUID, account_id: UUID) -> None:
    """Ask whether the account works, have the provider call us, and learn how its texts stand."""
    with tenancy.inside(workspace_id):
        account = ChannelAccount.objects.of(workspace_id).filter(pk=account_id).first()
        if account is None:
            return
        adapter, access, url = adapters.adapter_of(account), accounts.access(account), accounts.webhook_url(account)
    trouble, heard, texts = "", account.settings.get("calls", ""), list[TemplateNews]()
    try:
        news = adapter.check(access)
        if not news.trouble and isinstance(adapter, Listens) and heard != url and _is_reachable(url, account):
            heard = _listening(adapter, access, url)
        if not news.trouble and isinstance(adapter, Approves):
            texts = adapter.texts(access)
    except (Unreachable, Refused) as problem:
        trouble, news = str(problem), None
    with tenancy.inside(workspace_id):
        at = clock.now()
        account = ChannelAccount.objects.of(workspace_id).select_for_update().get(pk=account_id)
        if news is not None:
            accounts.apply(account=account, news=news, at=at)
        else:
            accounts.unreached(account=account, trouble=trouble, at=at)
        if account.settings.get("calls", "") != heard:
            account.settings = {**account.settings, "calls": heard}
            account.save(update_fields=["settings"])
        for one in texts:
            templates.apply(account=account, news=one, at=at)


def _listening(adapter: Listens, access: Access, url: str) -> str:
    """The address the provider calls from now on; empty where it will not, and the owner has to enter it there."""
    try:
        adapter.listen(access, url)
    except (Unreachable, Refused):
        return ""
    return url


def _is_reachable(url: str, account: ChannelAccount) -> bool:
    """Providers call public addresses with https; the sandbox calls this machine."""
    return account.is_sandbox or url.startswith("https://")


def submit_soon(*, text: TemplateText, by: Member, at: datetime) -> None:
    """Hand the text in once the open transaction is through. Raises TemplateRefused while it has problems, or nowhere to go."""
    wrong = templates.problems(text.template, text)
    if accounts.default(text.workspace_id, text.template.channel) is None:
        wrong.setdefault("account", []).append(_("Connect a WhatsApp number first: texts are handed in with it."))
    if wrong:
        raise templates.TemplateRefused(wrong)
    templates.submitted(text=text, provider_id=text.provider_id, state=_State.SUBMITTED, by=by, at=at)
    jobs.enqueue(SUBMIT, workspace=text.workspace_id, once=f"{SUBMIT}:{text.pk}", text=str(text.pk))


def submit(workspace_id: UUID, text_id: UUID) -> None:
    """Hand a text in with its account, or the usual one of its channel. Raises Unreachable: the job is tried again."""
    with tenancy.inside(workspace_id):
        text = TemplateText.objects.of(workspace_id).select_related("template__account").filter(pk=text_id).first()
        if text is None or text.state != _State.SUBMITTED:
            return
        chosen: ChannelAccount | None = text.template.account
        account = chosen or accounts.default(workspace_id, text.template.channel)
        if account is None:
            return
        adapter = adapters.adapter_of(account)
        if not isinstance(adapter, Approves):
            return
        access = accounts.access(account)
    try:
        news = adapter.submit(access, text.template, text)
    except Refused as refused:
        code = refused.code if isinstance(refused, ProviderRefused) else ""
        reason = str(refused) if str(refused) != code else adapters.adapter_of(account).explain(code)[0]
        news = TemplateNews("", text.template.name, text.language, _State.REJECTED, reason)
    with tenancy.inside(workspace_id):
        at = clock.now()
        templates.apply(account=account, news=news, at=at)


def look_after(workspace_id: UUID, *, at: datetime) -> int:
    """Put accounts into the queue that nobody looked at for an hour; returns how many."""
    with tenancy.inside(workspace_id):
        waits = Q(checked_at__isnull=True) | Q(checked_at__lt=at - _OFTEN)
        due = ChannelAccount.objects.of(workspace_id).exclude(state=ChannelAccount.State.PAUSED).filter(waits)
        found = list(due)
        for account in found:
            ask_soon(account)
        return len(found)


def connect_sandbox(
    *, workspace: HasId | UUID, by: Member | None, at: datetime, channel: str = Channel.WHATSAPP
) -> ChannelAccount:
    """A WhatsApp number, a header for texts or a mailbox of the sandbox, ready to use. It reaches nobody.

    Raises Unreachable while the sandbox is off, AccountRefused where there is such a header already.
    """
    if channel == Channel.SMS:
        return _connect_header(workspace, by, at)
    if channel == Channel.EMAIL:
        return _connect_mailbox(workspace, by, at)
    number = f"+9199{randomness.randbelow(10**8):08}"
    waba_id, keys, count = _sandbox_business(workspace)
    ids = {"phone_number_id": f"9{randomness.randbelow(10**14):014}", "waba_id": waba_id}
    account = accounts.connect(
        workspace=workspace,
        by=by,
        at=at,
        provider=whatsapp.WhatsApp.name,
        name=f"WhatsApp (sandbox) {count + 1}" if count else "WhatsApp (sandbox)",
        address=number,
        settings=ids,
        secrets=keys,
        is_sandbox=True,
    )
    sandboxes.introduce(accounts.access(account), has_past=False)
    account.settings = {**ids, "calls": accounts.webhook_url(account)}
    account.save(update_fields=["settings"])
    return account


def _sandbox_business(workspace: HasId | UUID) -> tuple[str, dict[str, str], int]:
    """The business that a number of the sandbox belongs to, its keys, and how many it has: they share their templates, as at Meta."""
    numbers = ChannelAccount.objects.of(tenancy.workspace_id_of(workspace)).filter(
        channel=Channel.WHATSAPP, is_sandbox=True
    )
    first = numbers.order_by("created_at", "id").first()
    if first is None:
        keys = {"token": randomness.token_urlsafe(32), "app_secret": randomness.token_hex(16)}
        return f"8{randomness.randbelow(10**14):014}", keys, 0
    held = accounts.access(first)
    return held.settings["waba_id"], {name: held.secrets[name] for name in ("token", "app_secret")}, numbers.count()


def _connect_header(workspace: HasId | UUID, by: Member | None, at: datetime) -> ChannelAccount:
    """It speaks to the plain gateway of the sandbox, and may carry every kind but offers."""
    account = accounts.connect(
        workspace=workspace,
        by=by,
        at=at,
        provider=SmsHttp.name,
        name="SMS (sandbox)",
        address="SANDBX",
        settings=sms_http.SANDBOX,
        secrets={"key": randomness.token_urlsafe(24)},
        is_sandbox=True,
    )
    sandboxes.introduce_header(accounts.access(account))
    return account


def _connect_mailbox(workspace: HasId | UUID, by: Member | None, at: datetime) -> ChannelAccount:
    """Everything that is written to it from now on is taken in, also before it is first looked into."""
    name = workspace.name if isinstance(workspace, Workspace) else "Sandbox"
    address = f"shop-{randomness.token_hex(4)}@sandbox.example"
    settings = {"smtp_user": address, "from_name": name, "imap_host": doubles.HOST}
    account = accounts.connect(
        workspace=workspace,
        by=by,
        at=at,
        provider=mail.Smtp.name,
        name="E-mail (sandbox)",
        address=address,
        settings=settings,
        secrets={"smtp_password": randomness.token_urlsafe(24)},
        is_sandbox=True,
    )
    validity = sandboxes.introduce_mailbox(accounts.access(account))
    account.settings = {**settings, imap.PLACE: [validity, 0]}
    account.save(update_fields=["settings"])
    return account
