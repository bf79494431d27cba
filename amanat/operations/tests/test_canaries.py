"""The canary on a whole installation: found while it is held, also in a backup; gone after the erasure and after that backup came back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from amanat.core.configuration import Configuration
from amanat.operations import dumps, postgres
from amanat.operations.tests import places

pytestmark = pytest.mark.slow(reason="commands, a backup and a restore")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[tuple[Configuration, str]]:
    """An installation with the demo, and the number of one workspace of it."""
    with places.folder() as folder:
        configuration, _state, _told = places.with_demo(folder)
        with postgres.using(configuration), dumps.connect(configuration) as connection:
            row = connection.execute("SELECT id FROM accounts_workspace ORDER BY name LIMIT 1").fetchone()
        assert row is not None
        yield configuration, str(row[0])


def test_it_is_found_while_held_and_nowhere_after_erasure_and_restore(here: tuple[Configuration, str]) -> None:
    configuration, workspace = here
    data, backup = configuration.data, configuration.data.parent / "held.amanat"

    def canary(*words: str) -> tuple[int, str]:
        return places.run(data, "canary", *words, "--workspace", workspace)

    code, told = canary("erase")
    assert (code, told.strip()) == (1, "There is no canary here.")
    code, told = canary("erase", "--backup", "x")
    assert (code, "canary search --backup FILE" in told) == (3, True)
    code, told = places.run(data, "canary", "plant", "--workspace", str(uuid4()))
    assert (code, "There is no workspace" in told) == (3, True)
    code, told = canary("plant")
    assert (code, "Planted in " in told) == (0, True), told
    code, told = canary("search")
    assert (code, "people.Contact.notes: " in told) == (1, True), told
    assert places.run(data, "backup", str(backup))[0] == 0
    code, told = canary("search", "--backup", str(backup))
    assert (code, "people_contact: 2" in told) == (1, True), told
    code, told = canary("erase")
    assert (code, "2 with a certificate" in told) == (0, True), told
    code, told = canary("search")
    assert code == 0, told
    code, told = places.run(data, "restore", str(backup), "--replace")
    assert code == 0, told
    code, told = canary("search")
    assert code == 0, told
