"""Which adapters there are: one for each provider, registered when the site starts."""

from __future__ import annotations

from typing import cast

from amanat.messaging.channels.contract import Adapter, Hears
from amanat.messaging.channels.models import ChannelAccount

_adapters: dict[str, Adapter] = {}


class UnknownProvider(LookupError):
    """No adapter has this name: it was removed, or its account was made by a newer version."""


def register(adapter: Adapter) -> None:
    """Make `adapter` known by its name; the same name again replaces it."""
    _adapters[adapter.name] = adapter


def all() -> list[Adapter]:
    """Every adapter, by channel and title."""
    return sorted(_adapters.values(), key=lambda adapter: (adapter.channel, adapter.title))


def named(provider: str) -> Adapter:
    """Raises UnknownProvider."""
    try:
        return _adapters[provider]
    except KeyError:
        raise UnknownProvider(provider) from None


def adapter_of(account: ChannelAccount) -> Adapter:
    """The adapter over which messages of `account` travel. Raises UnknownProvider."""
    return named(account.provider)


def hearing(account: ChannelAccount) -> Hears | None:
    """The same adapter where its provider calls us, None where it never does."""
    adapter = adapter_of(account)
    return cast(Hears, adapter) if hasattr(adapter, "events") else None
