"""What several tests of the core stand on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from amanat.core.tests import outside
from amanat.core.tests.outside import Internet, Server


@pytest.fixture
def canary() -> Iterator[Server]:
    with outside.serving() as server:
        yield server


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Internet:
    return Internet(monkeypatch)
