"""Folders for real servers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from amanat.operations.tests import places


@pytest.fixture
def place() -> Iterator[Path]:
    with places.folder() as folder:
        yield folder
