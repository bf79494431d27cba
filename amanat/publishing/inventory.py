"""What the running code holds, sets and calls, gathered from the packages' own declarations; every policy is compared with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import import_module, util
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings

from amanat.core import configuration, outgoing
from amanat.core.outgoing import ANY_PUBLIC_HOST, Recipient
from amanat.core.personal_data import Held
from amanat.policy.inventory import Inventory

_cookies: set[str] = set()
_asked: set[str] = set()
_promises: list[Callable[[], Iterable[str]]] = []


def sets_cookie(*names: str) -> None:
    """A package says which names it may put on a reader's device, from its AppConfig.ready()."""
    _cookies.update(names)


def asks_first(*recipients: str) -> None:
    """A package says which recipients it writes to only where the policy of the workspace names them."""
    _asked.update(recipients)


def shows(promises: Callable[[], Iterable[str]]) -> None:
    """Who runs the probes (a package above) says which ids a clause may name; called once."""
    _promises[:] = [promises]


def of_running_code() -> Inventory:
    """The other side of every comparison with a policy."""
    return Inventory.of(held(), cookies=cookies(), hosts=hosts(), asked=_asked, promises=promises())


@cache
def held() -> tuple[Held, ...]:
    """What every package declares of its tables."""
    return tuple(_declared())


def cookies() -> frozenset[str]:
    """Names that may be set on a device, as the packages declare them."""
    return frozenset(_cookies)


def hosts() -> dict[str, str]:
    """Hosts that the code itself names and the recipient there. An address that a member typed in is hers to disclose; this very
    machine, doubles of providers on it, and the site's own address receive nothing from us."""
    return {host: one.part_of or one.name for one in outgoing.recipients() for host in _far(one)}


def promises() -> frozenset[str]:
    """Ids that a clause may name in `probe`."""
    return frozenset(name for told in _promises for name in told())


def _far(one: Recipient) -> list[str]:
    """Where a recipient is called; nowhere when something on this machine plays it."""
    entries = one.hosts() if callable(one.hosts) else one.hosts
    names = [urlsplit(f"//{entry}").hostname or "" for entry in entries if entry != ANY_PUBLIC_HOST]
    own = urlsplit(settings.BASE_URL).hostname
    return [] if any(configuration.is_loopback(name) for name in names) else [name for name in names if name != own]


def _declared() -> Iterator[Held]:
    for config in apps.get_app_configs():
        if config.name.startswith("amanat.") and util.find_spec(f"{config.name}.personal_data"):
            yield from import_module(f"{config.name}.personal_data").HELD
