"""What a test adds to the providers that are known is forgotten after it."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _providers(monkeypatch: pytest.MonkeyPatch) -> None:
    from amanat.messaging.channels import adapters  # this file is read before the site is set up

    monkeypatch.setattr(adapters, "_adapters", dict(adapters._adapters))
