"""`amanat canary`: plant the made-up person, look for its marks in everything this installation has, erase it; and look into a backup.

What lies in a backup is sealed, so a search of the data folder passes it by. `in_backup` opens one and reads the rows as text, without
writing them anywhere. A backup that is older than an erasure still holds what was erased until its keys are destroyed; after a restore
it is erased again.
"""
# ruff: noqa: S603 (programs of ours, given as lists: no shell takes part)

import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from uuid import UUID

from amanat.core import clock
from amanat.core.configuration import Configuration
from amanat.operations import Refused, backup, dumps, postgres, sealing, services


def plant(configuration: Configuration, workspace: UUID) -> str:
    """A new canary; a sentence. Raises Refused when a table takes no mark."""
    with postgres.using(configuration):
        canary = _canary(workspace)
        try:
            planted = canary.plant(workspace, at=clock.now())
        except canary.NotPlanted as reason:
            raise Refused(f"No canary was planted, and nothing changed. {reason}") from None
    return (
        f"Planted in {len(planted.places)} tables, {len(planted.columns)} columns of text and {len(planted.kinds)} kinds of files. "
        "Now `amanat canary search` finds it."
    )


def erase(configuration: Configuration, workspace: UUID) -> tuple[bool, str]:
    """Whether there was one and each erasure ended with its certificate, and a sentence."""
    with postgres.using(configuration):
        done = _canary(workspace).erase(workspace, at=clock.now())
    certified = sum(one.state == "done" for one in done)
    is_so = bool(done) and certified == len(done)
    told = f"{len(done)} people erased, {certified} with a certificate that nothing is left of them."
    if is_so:
        return True, f"{told} Now `amanat canary search` finds nothing."
    return (
        False,
        f"{told} What was found of the others stands at Privacy, Erasures." if done else "There is no canary here.",
    )


def search(configuration: Configuration, workspace: UUID) -> tuple[bool, str]:
    """Whether no mark was found, and where one was."""
    with postgres.using(configuration):
        seen = _canary(workspace).search(workspace, configuration.data)
    lines = [f"{place}: {count}" for place, count in sorted(seen.places.items())] + seen.files
    lines.append(
        f"{seen.read} files read, {len(seen.files)} with a mark, {len(seen.places)} places in tables and stored files."
    )
    return seen.is_clean, "\n".join(lines)


def in_backup(configuration: Configuration, source: Path) -> tuple[bool, str]:
    """Whether no mark stands in the rows of a backup, and in which tables one does. Raises Refused when it cannot be opened."""
    with postgres.using(configuration):
        services.set_up_django()
        from amanat.privacy.erasure.planting import STEM  # needs Django, set up above

        found = _tables_with(STEM.encode(), configuration, source)
    lines = [f"{table}: {count}" for table, count in sorted(found.items())]
    return not found, "\n".join([*lines, f"{len(found)} tables of {source.name} hold a mark."])


def _canary(workspace: UUID):  # type: ignore[no-untyped-def]  # the module, which needs Django
    services.set_up_django()
    from amanat.accounts.models import Workspace
    from amanat.core import tenancy
    from amanat.privacy.erasure import canary

    with tenancy.inside(workspace):
        if not Workspace.objects.of(workspace).filter(pk=workspace).exists():
            raise Refused(f"There is no workspace {workspace} here.")
    return canary


def _tables_with(word: bytes, configuration: Configuration, source: Path) -> Counter[str]:
    """Rows that hold a word, by table."""
    opened = backup.opened(configuration, source)
    with dumps.connect(configuration) as connection:
        program = dumps.tools(configuration, connection).path("pg_restore")
    found: Counter[str] = Counter()
    with tempfile.TemporaryFile() as dump, source.open("rb") as file:
        for name, data in sealing.Reader(file).entries(opened.secret):
            if name == backup.DATABASE:
                dump.write(data)
        dump.seek(0)
        command = [str(program), "--data-only", "--file=-"]
        with subprocess.Popen(command, cwd="/", stdin=dump, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            table = ""
            for line in process.stdout:
                if line.startswith(b"COPY "):
                    table = line.split()[1].decode().removeprefix("public.")
                found[table] += word in line
        if process.returncode:
            raise Refused(f"The rows of {source} could not be read.")
    return +found
