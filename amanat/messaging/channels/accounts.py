"""Accounts of channels: made, changed, paused, and opened for an adapter.

Secrets are sealed JSON; only `access` opens them, and what it gives never leaves the process. Whatever changes an account locks its row and
reads it anew first: members, jobs and providers change it at the same time, and a member's pause is never lost.
"""

from __future__ import annotations

import json
import secrets as randomness
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings as site
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.core import ids, ledger, tenancy, vault
from amanat.core.tenancy import HasId
from amanat.messaging.channels import adapters
from amanat.messaging.channels.contract import Access, AccountNews
from amanat.messaging.channels.models import ChannelAccount

SECRETS_COLUMN = "messaging.ChannelAccount.secrets"
#: Settings that say where secrets are sent, and which; () for all but `_OURS`.
_SENT_TO: Mapping[str, tuple[str, ...]] = {
    "smtp_host": ("smtp_password",),
    "imap_host": ("imap_password", "smtp_password"),
    "url": (),
    "base_url": (),
    "region": (),
}
#: Secrets with which others prove to us who they are: they are sent nowhere.
_OURS = frozenset({"verify_token", "webhook_secret"})
_State = ChannelAccount.State
#: Setting of a WhatsApp account: "no" where people are not told that their messages were read.
READ_RECEIPTS = "read_receipts"


class AccountRefused(ValueError):
    """The account cannot be made or changed so; the text says why."""


def secrets_context(account: ChannelAccount) -> str:
    return vault.context(SECRETS_COLUMN, account.pk)


def access(account: ChannelAccount) -> Access:
    """The account with its secrets opened. Raises VaultRefused when they are not as they were sealed."""
    opened: dict[str, str] = {}
    if account.secrets:
        opened = json.loads(
            vault.open(account.secrets, workspace_id=account.workspace_id, context=secrets_context(account))
        )
    return Access(
        account_id=account.pk,
        workspace_id=account.workspace_id,
        address=account.address,
        settings=account.settings,
        secrets=opened,
        is_sandbox=account.is_sandbox,
        provider=account.provider,
    )


def default(workspace_id: UUID, channel: str) -> ChannelAccount | None:
    """The account of a channel from which messages leave where nobody chose one; paused and broken ones too."""
    found = ChannelAccount.objects.of(workspace_id).filter(channel=channel)
    return found.order_by("-is_default", "created_at", "id").first()


def connect(
    *,
    workspace: HasId | UUID,
    by: Member | None,
    at: datetime,
    provider: str,
    name: str,
    address: str,
    settings: Mapping[str, Any],
    secrets: Mapping[str, str],
    is_sandbox: bool = False,
) -> ChannelAccount:
    """A new account; the first real one of its channel becomes the default, before any sandbox.

    Every account gets a `verify_token` among its secrets, with which a provider proves who set up its calls.
    Raises AccountRefused when the address is connected already, UnknownProvider for a provider nobody knows.
    """
    channel, workspace_id = adapters.named(provider).channel, tenancy.workspace_id_of(workspace)
    account = ChannelAccount(
        id=ids.new(),
        workspace_id=workspace_id,
        channel=channel,
        provider=provider,
        name=name,
        address=address,
        settings=dict(settings),
        is_sandbox=is_sandbox,
        made_by=by,
        created_at=at,
    )
    _seal(account, {"verify_token": randomness.token_urlsafe(24), **secrets})
    before = default(workspace_id, channel)
    try:
        with transaction.atomic():
            if before is None or not before.is_default or (before.is_sandbox and not is_sandbox):
                ChannelAccount.objects.of(workspace_id).filter(channel=channel).update(is_default=False)
                account.is_default = True
            account.save(force_insert=True)
    except IntegrityError:
        raise AccountRefused(_("This number or address is connected already.")) from None
    ledger.write(
        "channel.account.connected",
        workspace=workspace_id,
        by=by,
        about=account,
        at=at,
        channel=channel,
        provider=provider,
        is_sandbox=is_sandbox,
    )
    return account


def change(
    *,
    account: ChannelAccount,
    by: Member,
    at: datetime,
    name: str,
    settings: Mapping[str, Any],
    secrets: Mapping[str, str],
) -> None:
    """New details; a secret that is left empty stays as it was, and trouble is forgotten until the next check.

    Raises AccountRefused where a secret that is there would go to another server than it was entered for.
    """
    _lock(account)
    if to_enter_again(account, settings, secrets):
        raise AccountRefused(_("Enter the secret again: it would go to another server."))
    opened = dict(access(account).secrets)
    opened.update({key: value for key, value in secrets.items() if value})
    account.name, account.settings = name, {**account.settings, **settings}
    _seal(account, opened)
    if account.state == _State.BROKEN:
        account.state, account.trouble = _State.READY, ""
    account.save(update_fields=["name", "settings", "secrets", "state", "trouble"])
    ledger.write("channel.account.changed", workspace=account.workspace_id, by=by, about=account, at=at)


def keep_secrets(*, account: ChannelAccount, secrets: Mapping[str, str]) -> None:
    """Seal what a provider gave us beside the secrets that are there; no word of it is a member's doing."""
    _lock(account)
    _seal(account, {**access(account).secrets, **secrets})
    account.save(update_fields=["secrets"])


def renew_address(*, account: ChannelAccount, by: Member, at: datetime) -> None:
    """Another secret for who calls without a signature: the address with the old one is refused from now on."""
    keep_secrets(account=account, secrets={"verify_token": randomness.token_urlsafe(24)})
    ledger.write("channel.account.address_renewed", workspace=account.workspace_id, by=by, about=account, at=at)


def pause(*, account: ChannelAccount, by: Member, at: datetime) -> None:
    """Nothing leaves from the account until it is resumed; what arrives is still taken in."""
    _lock(account)
    account.state = _State.PAUSED
    account.save(update_fields=["state"])
    ledger.write("channel.account.paused", workspace=account.workspace_id, by=by, about=account, at=at)


def resume(*, account: ChannelAccount, by: Member, at: datetime) -> None:
    """Send again, after a pause or after trouble was mended."""
    _lock(account)
    account.state, account.trouble, account.resumes_at = _State.READY, "", None
    account.save(update_fields=["state", "trouble", "resumes_at"])
    ledger.write("channel.account.resumed", workspace=account.workspace_id, by=by, about=account, at=at)


def make_default(*, account: ChannelAccount, by: Member, at: datetime) -> None:
    """Where nobody chose an account, this one sends for its channel from now on."""
    others = ChannelAccount.objects.of(account.workspace_id).filter(channel=account.channel, is_default=True)
    others.exclude(pk=account.pk).update(is_default=False)
    account.is_default = True
    account.save(update_fields=["is_default"])
    ledger.write("channel.account.made_default", workspace=account.workspace_id, by=by, about=account, at=at)


def stop(*, account: ChannelAccount, code: str, at: datetime, until: datetime | None = None) -> None:
    """The provider refuses the whole account: until a moment it named, or until a person mends it.

    The words for `code` are the adapter's; a member's pause stays.
    """
    if until is not None:
        account.resumes_at = until
        account.save(update_fields=["resumes_at"])
        return
    meaning, advice = adapters.adapter_of(account).explain(code)
    broken(account=account, trouble=f"{meaning} {advice}", code=code, at=at)


def broken(*, account: ChannelAccount, trouble: str, at: datetime, code: str = "") -> None:
    """The account does not work, for reasons only a person can mend."""
    _lock(account)
    was = account.state
    account.trouble, account.checked_at = trouble[:300], at
    if was != _State.PAUSED:
        account.state = _State.BROKEN
    account.save(update_fields=["trouble", "checked_at", "state"])
    if was != account.state:
        ledger.write("channel.account.broke", workspace=account.workspace_id, about=account, at=at, code=code)


def apply(*, account: ChannelAccount, news: AccountNews, at: datetime) -> None:
    """What the provider says of the account, by a check or unasked; or of another number, at the address of this one."""
    if news.address and news.address != account.address:
        same = ChannelAccount.objects.of(account.workspace_id).filter(channel=account.channel, address=news.address)
        other = same.filter(is_sandbox=account.is_sandbox).first()
        if other is None:
            return
        account = other
    _lock(account)
    if news.trouble:
        broken(account=account, trouble=news.trouble, at=at)
    elif account.state == _State.BROKEN or account.trouble:
        account.state = _State.READY if account.state == _State.BROKEN else account.state
        account.trouble = ""
    account.quality = news.quality or account.quality
    account.daily_limit = news.daily_limit or account.daily_limit
    account.checked_at = at
    account.save(update_fields=["state", "trouble", "quality", "daily_limit", "checked_at"])


def unreached(*, account: ChannelAccount, trouble: str, at: datetime) -> None:
    """A check got no answer: it is said, and nothing is stopped for it."""
    account.trouble, account.checked_at = trouble[:300], at
    account.save(update_fields=["trouble", "checked_at"])


def webhook_url(account: ChannelAccount) -> str:
    """Where the provider of this account calls us."""
    return str(site.BASE_URL) + reverse("messaging:channel_hook", args=[account.workspace_id, account.pk])


def to_enter_again(account: ChannelAccount, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> list[str]:
    """Names of the secrets that new `settings` would send to another server than before, and that `secrets` does not bring anew."""
    held = access(account).secrets
    found: list[str] = []
    for setting, names in _SENT_TO.items():
        if setting not in settings or _server(settings[setting]) == _server(account.settings.get(setting)):
            continue
        going = names or sorted(held.keys() - _OURS)
        there = [name for name in going if held.get(name)]
        if setting == "imap_host":
            there = there[:1]  # the second stands in for the first
        found += [name for name in there if not secrets.get(name) and name not in found]
    return found


def _server(said: Any) -> str:
    """The server that a setting names: a host, or an address with one."""
    text = str(said or "").strip().lower()
    parts = urlsplit(text)
    return f"{parts.scheme}://{parts.netloc}" if "://" in text else text


def _lock(account: ChannelAccount) -> None:
    """Hold the row until the transaction ends, and see it as it is now."""
    account.refresh_from_db(from_queryset=ChannelAccount.objects.of(account.workspace_id).select_for_update())


def _seal(account: ChannelAccount, opened: Mapping[str, str]) -> None:
    plain = json.dumps(dict(opened), ensure_ascii=False).encode()
    account.secrets = vault.seal(plain, workspace_id=account.workspace_id, context=secrets_context(account))
