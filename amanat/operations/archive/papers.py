"""Stored files beside the archive, as sealed as the store has them, until they have been gone from the store long enough.

Their keys are in the database, so a copy opens only together with a moment of the database that still knows it.
"""

import json
import os
import shutil
import time
from datetime import datetime, timedelta
from pathlib import Path

from amanat.core import wholefiles
from amanat.core.configuration import Configuration
from amanat.operations import dumps

_SETTLED = 2_000_000_000  # nanoseconds


class Mirror:
    """Follows the store. Only folders that changed since the last look are read."""

    def __init__(self, configuration: Configuration) -> None:
        self._store = dumps.files_folder(configuration)
        self._folder = folder(configuration)
        self._gone_file = self._folder.with_name("papers.json")
        self._kept_for = timedelta(days=configuration.archive_days)
        self._seen: dict[str, int] = {}

    def follow(self, at: datetime) -> int:
        """Copy what is new, note what is gone, delete what has been gone for the days of the archive; how many were copied."""
        copied, gone, before_looking = 0, self._gone(), time.time_ns()
        before = dict(gone)
        for name in sorted(_folders(self._store) | _folders(self._folder)):
            source, target = self._store / name, self._folder / name
            changed = source.stat().st_mtime_ns if source.is_dir() else 0
            if self._seen.get(name) == changed:
                continue
            here, there = _files(source), _files(target)
            for file in sorted(here - there):
                copied += _copy(source / file, target / file)
            for file in here | there:
                if file in here:
                    gone.pop(f"{name}/{file}", None)
                else:
                    gone.setdefault(f"{name}/{file}", at.isoformat())
            if before_looking - changed > _SETTLED:  # else another file may have come within the same tick of its clock
                self._seen[name] = changed
        for path, since in list(gone.items()):
            if at - datetime.fromisoformat(since) >= self._kept_for:
                (self._folder / path).unlink(missing_ok=True)
                del gone[path]
        if gone != before:
            self._folder.mkdir(parents=True, exist_ok=True)
            wholefiles.write(self._gone_file, json.dumps(gone))
        return copied

    def _gone(self) -> dict[str, str]:
        try:
            known = json.loads(self._gone_file.read_text())
        except (OSError, ValueError):
            return {}
        return {str(name): str(since) for name, since in known.items()} if isinstance(known, dict) else {}


def folder(configuration: Configuration) -> Path:
    return configuration.backup_folder / "archive" / "papers"


def forget_all(configuration: Configuration) -> None:
    shutil.rmtree(folder(configuration), ignore_errors=True)
    folder(configuration).with_name("papers.json").unlink(missing_ok=True)


def bring_back(configuration: Configuration, names: list[str]) -> tuple[int, list[str]]:
    """Put back what the store lacks of `names`; how many were, and which are nowhere."""
    store, kept = dumps.files_folder(configuration).resolve(), folder(configuration).resolve()
    back, missing = 0, []
    for name in names:
        target, source = (store / name).resolve(), (kept / name).resolve()
        if store not in target.parents or kept not in source.parents:
            missing.append(name)
        elif not target.exists():
            if source.is_file() and _copy(source, target):
                back += 1
            else:
                missing.append(name)
    return back, missing


def _folders(within: Path) -> set[str]:
    """Folders that hold files, relative to `within`."""
    found = set()
    for path, folders, files in os.walk(within):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if files or path != str(within):
            found.add(os.path.relpath(path, within))
    return found


def _files(within: Path) -> set[str]:
    """Whole files: what the store is writing has a # in its name until it is finished."""
    if not within.is_dir():
        return set()
    with os.scandir(within) as entries:
        return {
            entry.name
            for entry in entries
            if entry.is_file(follow_symlinks=False) and "#" not in entry.name and not entry.name.startswith(".")
        }


def _copy(source: Path, target: Path) -> bool:
    """Copy whole or not at all; False when it was erased meanwhile."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.new")
    try:
        shutil.copyfile(source, temporary)
        temporary.chmod(0o600)
        temporary.replace(target)
    except FileNotFoundError:
        temporary.unlink(missing_ok=True)
        return False
    return True
