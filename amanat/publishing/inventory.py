"""What the running code holds, sets and calls, gathered from the packages' own declarations; every policy is compared with it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module, util

from django.apps import apps

from amanat.core import outgoing
from amanat.core.outgoing import ANY_PUBLIC_HOST
from amanat.core.personal_data import Held
from amanat.policy.inventory import Inventory

_cookies: set[str] = set()


def sets_cookie(*names: str) -> None:
    """A package says which names it may put on a reader's device, from its AppConfig.ready()."""
    _cookies.update(names)


def of_running_code() -> Inventory:
    """The other side of every comparison with a policy."""
    return Inventory.of(held(), cookies=cookies(), hosts=hosts())


@cache
def held() -> tuple[Held, ...]:
    """What every package declares of its tables."""
    return tuple(_declared())


def cookies() -> frozenset[str]:
    """Names that may be set on a device, as the packages declare them."""
    return frozenset(_cookies)


def hosts() -> frozenset[str]:
    """Hosts that the code itself names as recipients; an address a member typed in is hers to disclose."""
    fixed = (one.hosts for one in outgoing.recipients() if not callable(one.hosts))
    return frozenset(host.partition(":")[0] for named in fixed for host in named if host != ANY_PUBLIC_HOST)


def _declared() -> Iterator[Held]:
    for config in apps.get_app_configs():
        if config.name.startswith("amanat.") and util.find_spec(f"{config.name}.personal_data"):
            yield from import_module(f"{config.name}.personal_data").HELD
