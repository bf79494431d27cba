"""A push service of our own in a thread, a key, and a browser of the owner that switched notifications on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from amanat.messaging.sandbox.running import Running


@pytest.fixture
def double(tmp_path: Path, settings: Any) -> Iterator[Running]:
    """The doubles of providers, where this site takes its push service to be."""
    from amanat.messaging.push import services
    from amanat.messaging.sandbox import running

    settings.VAPID_KEY_FILE = tmp_path / "vapid-key"
    settings.VAPID_KEY_FILE.write_text("5a" * 32)
    with running.serving(tmp_path) as found:
        settings.PUSH_URL = found.url
        services.register()
        yield found
    settings.PUSH_URL = ""
    services.register()


@pytest.fixture
def heard(double: Running) -> Any:
    """What the browsers behind the double were told, as they read it."""
    return lambda: [json.loads(one.text or "null") for one in double.doubles.push.received]
