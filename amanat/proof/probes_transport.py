"""The probe of what travels: the public address is looked at from outside, mail and requests of ours by how they are made."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from amanat.core import configuration, outgoing
from amanat.policy.probing import Asked, Finding, Scope, Words, probe
from amanat.proof import handshakes, listening
from amanat.proof.handshakes import Door
from amanat.publishing.visiting import visit

HSTS_LEAST = 31_536_000  # seconds: a year, which the browsers' list asks for
#: With fewer days left than that, whatever renews the certificate has stopped.
CERTIFICATE_LEAST = 7


@probe(
    "core.transport",
    _("Everything travels encrypted"),
    keys=("S-TLS",),
    rules=("security.tls",),
    scope=Scope.INSTALLATION,
    minutes=6 * 60,
)
def transport(asked: Asked) -> Finding:
    """A real handshake with the public address: the version promised and none older, a certificate that holds, cookies bound to it,
    browsers told to remember it. Mail and requests of ours are never plain. Without encryption in front, only a site is kept whose ports,
    looked at, nobody but this machine reaches."""
    set_to = settings.CONFIGURATION
    plain = [one.name for one in outgoing.recipients() if one.allow_plain and not one.allow_private]
    is_mail_safe = not set_to.smtp_host or set_to.smtp_tls != "none" or configuration.is_loopback(set_to.smtp_host)
    if urlsplit(settings.BASE_URL).scheme == "https":
        is_safe, said, facts = _behind_tls(asked)
    else:
        is_safe, said, facts = _without_tls()
    if not is_mail_safe and is_safe:
        said = _("mail leaves without encryption")
    return Finding(is_safe and is_mail_safe and not plain, said, {**facts, "plain": len(plain)})


def _behind_tls(asked: Asked) -> tuple[bool, Words, dict[str, int | str | bool]]:
    least = asked.policy.security.tls
    # Certificates end by the machine's own clock, whatever the site's was moved to for a demonstration.
    door = handshakes.look(least=least, at=asked.at - timedelta(seconds=settings.CONFIGURATION.time_offset))
    host, port = handshakes.address()
    facts: dict[str, int | str | bool] = {
        "host": host, "port": port, "least": least, "version": door.version, "left": door.days_left,
        "days": door.remembered_days, "problem": door.problem,
    }  # fmt: skip
    if not door.is_reached:
        return False, _("nobody answered at {host}, port {port}: whether it is encrypted could not be seen"), facts
    if door.problem:
        return False, _("no safe connection to {host}, port {port}: {problem}"), facts
    if door.version < least or door.takes_older:
        return False, _("{host} takes connections older than TLS {least}"), facts
    if door.days_left < CERTIFICATE_LEAST:
        return False, _("the certificate of {host} ends in {left} days"), facts
    if not _is_bound(door):
        return False, _("{host} answers over TLS {version}, but does not keep browsers to it"), facts
    return (
        True,
        _(
            "{host} was called: TLS {version}, nothing older, certificate for {left} days more, remembered by browsers for {days} days; {plain} recipients without encryption"
        ),
        facts,
    )


def _is_bound(door: Door) -> bool:
    """Cookies and browsers are bound to encryption, in the answer seen from outside and in that of this very program."""
    seen = visit(reverse("account_login"))
    told = seen.headers.get("Strict-Transport-Security", "")
    cookies = settings.SESSION_COOKIE_SECURE and settings.CSRF_COOKIE_SECURE
    outside = door.status == 200 and door.remembered_days * 86_400 >= HSTS_LEAST
    return bool(cookies) and settings.SECURE_HSTS_SECONDS >= HSTS_LEAST and outside and seen.is_bound and bool(told)


def _without_tls() -> tuple[bool, Words, dict[str, int | str | bool]]:
    doors = listening.ours()
    is_inside = all(one.is_inside for one in doors) and configuration.is_loopback(settings.CONFIGURATION.host)
    is_named_inside = configuration.is_loopback(urlsplit(settings.BASE_URL).hostname or "")
    facts: dict[str, int | str | bool] = {"doors": len(doors)}
    if is_inside and is_named_inside:
        said = _(
            "no encryption stands in front of this site; its {doors} ports were looked at, and only this machine reaches them, so nothing crosses a network; {plain} recipients without encryption"
        )
        return True, said, facts
    return False, _("no encryption stands in front of this site, and other machines may reach it"), facts


__all__ = ["CERTIFICATE_LEAST", "HSTS_LEAST", "transport"]
