"""What the tests of providers stand on: their doubles on this machine, and no counting where there is no database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from amanat.core.tests import outside

if TYPE_CHECKING:  # this file is read before Django is ready
    from amanat.messaging.sandbox.running import Running


@pytest.fixture
def uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    from amanat.messaging.channels import mail, sms

    outside.uncounted(monkeypatch)
    sms.declare()
    mail.declare()


@pytest.fixture(scope="module")
def providers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """All that speak HTTP, on one port that accounts of the sandbox may reach."""
    from amanat.messaging.channels import doubles
    from amanat.messaging.sandbox import running

    with running.serving(tmp_path_factory.mktemp("sandbox")) as found:
        doubles.allow(f"127.0.0.1:{found.port}")
        yield found
        doubles.forbid(f"127.0.0.1:{found.port}")
