"""Probes of what is put on a reader's device, against the register of the policy."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from amanat.policy.probing import Asked, Finding, Scope, probe
from amanat.publishing import inventory

_WITHOUT_CONSENT = ("essential", "functional")


def _kinds(asked: Asked) -> dict[str, str]:
    """The kind of every name that the policy declares for a device."""
    return {name: held.kind for key, held in asked.policy.storage.keys.items() for name in held.at or (key,)}


@probe(
    "storage.register",
    _("Nothing is kept on a device that the policy does not name"),
    keys=("K-REG", "K-PREF"),
    rules=("storage.keys",),
    scope=Scope.INSTALLATION,
)
def in_the_register(asked: Asked) -> Finding:
    """Every name the program may set is declared, and none of the frame's own lives longer than it was declared for."""
    names, kinds = inventory.cookies(), _kinds(asked)
    undeclared = names - kinds.keys()
    lives = {
        settings.SESSION_COOKIE_NAME: settings.SESSION_COOKIE_AGE,
        settings.CSRF_COOKIE_NAME: settings.CSRF_COOKIE_AGE,
        settings.LANGUAGE_COOKIE_NAME: settings.LANGUAGE_COOKIE_AGE,
    }
    promised = {name: held.life for key, held in asked.policy.storage.keys.items() for name in held.at or (key,)}
    # A year of 365 days is promised as twelve months, which may be a leap day longer.
    too_long = [
        name
        for name, seconds in lives.items()
        if seconds and name in promised and asked.at + timedelta(seconds=seconds) > promised[name].after(asked.at)
    ]
    return Finding(
        not undeclared and not too_long,
        _("{names} names may be set, {undeclared} of them undeclared, {too_long} kept longer than promised"),
        {"names": len(names), "undeclared": len(undeclared), "too_long": len(too_long)},
    )


@probe(
    "storage.no_tracking",
    _("Nothing for analytics or marketing is set without a yes"),
    keys=("K-ANALYT", "K-MKT"),
    rules=("storage.keys",),
    scope=Scope.INSTALLATION,
)
def no_tracking(asked: Asked) -> Finding:
    """None of the names that the program sets by itself is of a kind that needs consent, and pages load nothing from other hosts."""
    kinds = _kinds(asked)
    tracking = [name for name in inventory.cookies() if kinds.get(name, "essential") not in _WITHOUT_CONSENT]
    allowed: Any = settings.SECURE_CSP
    elsewhere = [
        source
        for directive, sources in allowed.items()
        for source in sources
        if directive not in ("frame-ancestors", "base-uri") and str(source).startswith(("http", "*"))
    ]
    return Finding(
        not tracking and not elsewhere,
        _("{names} names are set, {tracking} for analytics or marketing; pages may load from {elsewhere} other hosts"),
        {"names": len(inventory.cookies()), "tracking": len(tracking), "elsewhere": len(elsewhere)},
    )


@probe(
    "storage.links",
    _("Links do not tell other sites where the reader comes from"),
    keys=("L-THIRD",),
    rules=("storage.signals", "policy"),
    scope=Scope.INSTALLATION,
)
def links(asked: Asked) -> Finding:
    """The header that every answer carries about what is told to other sites."""
    told = str(settings.SECURE_REFERRER_POLICY)
    return Finding(
        told in {"same-origin", "no-referrer"},
        _("other sites are told: {told}"),
        {"told": "nothing" if told in {"same-origin", "no-referrer"} else told},
    )
