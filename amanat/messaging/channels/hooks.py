"""Where providers call us: `/w/<workspace>/hooks/<account>/`.

Nothing is parsed before the adapter has checked that the call is the provider's; a call that is refused leaves no row.
What is believed is kept as it came and answered at once; a job works it off.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from amanat.core import clock, tenancy
from amanat.core.vault import VaultRefused
from amanat.messaging.channels import accounts, adapters
from amanat.messaging.channels.adapters import UnknownProvider
from amanat.messaging.channels.contract import Access, Hears, WebhookRefused
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.channels.unsigned_calls import QUERY_HEADER

log = logging.getLogger(__name__)
#: Meta sends no more than 3 MB at once.
MOST_BYTES = 3_145_728


#: For how long a process believes what it read of an account; a secret that was changed works as long.
_SECONDS = 5.0
_MOST_DOORS = 1_000


@dataclass(frozen=True, slots=True)
class _Door:
    """An account that is called, opened."""

    account: ChannelAccount
    hears: Hears
    access: Access
    until: float


_doors: dict[tuple[UUID, UUID], _Door] = {}


@csrf_exempt
def hook(request: HttpRequest, workspace_id: UUID, account_id: UUID) -> HttpResponse:
    """GET answers a provider's handshake; POST takes its events, and GET with a query where a provider reports so."""
    body = b"" if request.method == "GET" else _body_of(request)
    if body is None:
        return HttpResponse(status=413)
    door = _door(workspace_id, account_id)
    if door is None:
        return HttpResponse(status=404)
    try:
        if "hub.mode" in request.GET and request.method == "GET":
            return HttpResponse(door.hears.handshake(door.access, request.GET.dict()), content_type="text/plain")
        at = clock.now()
        heard = door.hears.events(door.access, body, _headers_of(request), at=at)
    except WebhookRefused as refused:
        log.warning("a call of a provider was refused", extra={"account": str(account_id), "reason": str(refused)})
        return HttpResponse(status=403)
    from amanat.messaging.outbox import events  # it stands above the channels

    events.keep_at_once(door.account, heard, at)
    return HttpResponse(status=200)


def _door(workspace_id: UUID, account_id: UUID) -> _Door | None:
    """The account a call is for, read once in a while: providers call hundreds of times a second."""
    door = _doors.get((workspace_id, account_id))
    if door is not None and door.until > time.monotonic():
        return door
    with tenancy.inside(workspace_id):
        account = ChannelAccount.objects.of(workspace_id).filter(pk=account_id).first()
        opened = _opened(account)
    if account is None or opened is None:
        _doors.pop((workspace_id, account_id), None)
        return None
    if len(_doors) >= _MOST_DOORS:
        _doors.clear()
    door = _doors[workspace_id, account_id] = _Door(account, *opened, time.monotonic() + _SECONDS)
    return door


def _body_of(request: HttpRequest) -> bytes | None:
    """The body as it came; None when it is larger than any provider's. Django's own limit is for forms."""
    try:
        if int(request.headers.get("content-length") or 0) > MOST_BYTES:
            return None
    except ValueError:
        return None
    body = request.read(MOST_BYTES + 1)
    return body if len(body) <= MOST_BYTES else None


def _headers_of(request: HttpRequest) -> dict[str, str]:
    """Names in lower case, and the query under a name that nobody outside can set."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    return {**headers, QUERY_HEADER: request.META.get("QUERY_STRING", "")}


def _opened(account: ChannelAccount | None) -> tuple[Hears, Access] | None:
    if account is None:
        return None
    try:
        hears = adapters.hearing(account)
        return None if hears is None else (hears, accounts.access(account))
    except (UnknownProvider, VaultRefused):
        return None
