"""Push devices of a member: switched on by her in that browser, set, taken away."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.core import ids, ledger, vault
from amanat.messaging.push import services
from amanat.messaging.push.encryption import Keys, decoded, read_keys
from amanat.messaging.push.models import PushDevice

#: Of one member; the one that heard nothing for longest makes room.
MOST = 10
_PURPOSE = "messaging.push"


class DeviceRefused(Exception):
    """The browser gave something that is no subscription; the text says so."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a browser says where and how it can be reached."""

    endpoint: str
    public: str
    secret: str


def switch_on(
    *, by: Member, subscription: Subscription, session_key: str, name: str, wants: str, at: datetime
) -> PushDevice:  # fmt: skip
    """Tell this browser from now on; the same browser again, or of another member who sat here before, is the same row.

    `session_key` is the hash of the sign-in it belongs to. Raises DeviceRefused.
    """
    here = by.workspace_id
    service = services.service_of(subscription.endpoint)
    if not service or not services.is_named(here):
        raise DeviceRefused(_("This browser's push service is not one that is known here."))
    try:
        read_keys(subscription.public, subscription.secret)
    except ValueError:
        raise DeviceRefused(_("The browser gave something that cannot be used. Try again.")) from None
    digest = vault.fingerprint(subscription.endpoint, workspace_id=here, purpose=_PURPOSE)
    with transaction.atomic():
        PushDevice.objects.of(here).filter(digest=digest).delete()
        device = PushDevice(
            id=ids.new(), workspace_id=here, member=by, session_key=session_key, digest=digest, service=service,
            name=name[:100], wants=wants, created_at=at, used_at=at,
        )  # fmt: skip
        said = json.dumps([subscription.endpoint, subscription.public, subscription.secret])
        device.endpoint = vault.seal_text(said, workspace_id=here, context=context(device))
        device.save(force_insert=True)
        extra = PushDevice.objects.of(here).filter(member=by.pk).order_by("-used_at", "-id")[MOST:]
        PushDevice.objects.of(here).filter(pk__in=[one.pk for one in extra]).delete()
        ledger.write("messaging.push.switched_on", workspace=here, by=by, about=by, at=at, service=service)
    return device


def change(*, device: PushDevice, wants: str, by: Member, at: datetime) -> None:
    with transaction.atomic():
        PushDevice.objects.of(by.workspace_id).filter(pk=device.pk).update(wants=wants)
        ledger.write("messaging.push.changed", workspace=by.workspace_id, by=by, about=by, at=at, wants=wants)


def remove(*, device: PushDevice, by: Member, at: datetime) -> None:
    with transaction.atomic():
        PushDevice.objects.of(by.workspace_id).filter(pk=device.pk).delete()
        ledger.write("messaging.push.switched_off", workspace=by.workspace_id, by=by, about=by, at=at)


def of(member: Member) -> list[PushDevice]:
    """Her devices, the newest first."""
    return list(PushDevice.objects.of(member.workspace_id).filter(member=member.pk).order_by("-created_at", "-id"))


def one_of(member: Member, device_id: UUID) -> PushDevice | None:
    found: PushDevice | None = PushDevice.objects.of(member.workspace_id).filter(member=member.pk, pk=device_id).first()
    return found


def address(device: PushDevice) -> tuple[str, Keys]:
    """Where it is reached, and with which keys. Raises vault.VaultRefused."""
    said = vault.open_text(device.endpoint, workspace_id=device.workspace_id, context=context(device))
    endpoint, public, secret = json.loads(said)
    return endpoint, Keys(decoded(public), decoded(secret))


def context(device: PushDevice) -> str:
    return vault.context("messaging.PushDevice.endpoint", device.pk)
