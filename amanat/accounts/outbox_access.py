"""Who may look into the outbox: somebody at this very machine, while no mail server is set."""

from __future__ import annotations

import ipaddress

from django.http import HttpRequest

from amanat.core import outbox

#: Behind a proxy every caller's address would be the proxy's.
_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_X_FORWARDED_HOST")


def is_open_to(request: HttpRequest) -> bool:
    if not outbox.is_shown() or any(header in request.META for header in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
