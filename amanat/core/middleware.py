"""Who calls, believed from a proxy only when the operator named the proxy; and answers made small for slow lines."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware


def caller(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Set REMOTE_ADDR to the last address that no trusted proxy added; keep answers out of every cache."""
    trusted = settings.CONFIGURATION.trusted_proxies

    def is_trusted(address: str) -> bool:
        try:
            return any(ipaddress.ip_address(address) in network for network in trusted)
        except ValueError:
            return False

    def middleware(request: HttpRequest) -> HttpResponseBase:
        address = request.META.get("REMOTE_ADDR", "")
        forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
        while trusted and forwarded and is_trusted(address):
            address = forwarded.pop()
        request.META["REMOTE_ADDR"] = address
        response = get_response(request)
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "no-store"
        response["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        response["Cross-Origin-Resource-Policy"] = "same-origin"
        return response

    return middleware


class Compression(GZipMiddleware):
    """Pages and API answers leave compressed, with a random length that gives no secret away (the middleware's own measure).

    Files do not: they are compressed already, or streamed with a length that a browser shows as progress.
    """

    kinds = ("text/html", "application/json", "application/problem+json")

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.streaming or not response.get("Content-Type", "").startswith(self.kinds):
            return response
        return super().process_response(request, response)
