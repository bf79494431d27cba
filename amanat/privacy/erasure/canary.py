"""The canary: a made-up person with marks in every table, field and file that can hold one, to prove that an erasure reaches everything.

`plant` (`planting`) puts it into a workspace, made from the declarations: one row of each table of people, each text a mark of its own,
sealed where the column is sealed, and a file of each kind. `search` looks for the marks with the search of erasures, whole; opens every
sealed column and every stored file of the workspace; and reads every file of the data folder byte by byte: dumps, logs, unsealed
leftovers. `erase` is an erasure like any other. While it is held the marks are found; after the erasure, and after a restore of an older
backup, they are not.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from amanat.core import files, tenancy, vault
from amanat.core.models_files import StoredFile
from amanat.core.tenancy import WorkspaceRow
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.reminders.models import ReminderRule
from amanat.people import bin as deleted
from amanat.people.models import Contact, ExportRun, ImportRun
from amanat.privacy.erasure import erasing, traces
from amanat.privacy.erasure.models import Erasure
from amanat.privacy.erasure.planting import PROP, STEM, NotPlanted, Planted, mark, plant
from amanat.privacy.erasure.wanted import Wanted
from amanat.privacy.incidents.models import AffectedPerson, Incident
from amanat.privacy.registers.models import Handover, HandoverPerson

_SOURCE = "canary"
_PIECE = 1 << 20
#: Where rows that were made for a canary stand, and the column that says so; those that hang on another come before it.
_PROPS: tuple[tuple[Any, str], ...] = (
    (AffectedPerson, "incident__lessons"),
    (Incident, "lessons"),
    (HandoverPerson, "handover__why"),
    (Handover, "why"),
    (ExportRun, "problem"),
    (ImportRun, "problem"),
    (ReminderRule, "name"),
    (ChannelAccount, "name"),
)


@dataclass(slots=True)
class Seen:
    """Places in the database and files of the data folder in which a mark stands."""

    places: dict[str, int] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    read: int = 0  #: files of the data folder that were read

    @property
    def is_clean(self) -> bool:
        return not self.places and not self.files

    def add(self, place: str, count: int = 1) -> None:
        self.places[place] = self.places.get(place, 0) + count


def search(workspace_id: UUID, folder: Path) -> Seen:
    """Every row of every table, sealed ones opened, every stored file of the workspace, and every byte of every file below the data
    folder but the database's own."""
    seen = Seen()
    looked_for = Wanted(names=[STEM], ids=[_SOURCE])
    with tenancy.inside(workspace_id):
        for one in traces.search(looked_for, workspace_id=workspace_id, is_whole=True).findings:
            if not one.is_file:  # they are all read below
                seen.add(one.place, one.count)
        for place in _sealed(workspace_id):
            seen.add(place)
        for file in StoredFile.objects.of(workspace_id).order_by("id").iterator(chunk_size=500):
            if _is_in_file(file):
                seen.add(file.kind)
    for path in _readable(folder):
        seen.read += 1
        if _holds(path):
            seen.files.append(str(path.relative_to(folder)))
    return seen


def _sealed(here: UUID) -> Iterator[str]:
    """Columns that hold a mark once they are opened, once for each row."""
    for column in vault.sealed_columns():
        if column.is_system or not issubclass(column.model, WorkspaceRow):
            continue
        held = column.model.objects.of(here).exclude(**{f"{column.field}__isnull": True})
        for row in held.exclude(**{column.field: b""}).iterator(chunk_size=500):
            try:
                said = vault.open(getattr(row, column.field), workspace_id=here, context=column.context_of(row))
            except vault.VaultRefused:
                continue  # its key is gone: nobody opens it
            if STEM.encode() in said:
                yield f"{column.model._meta.label}.{column.field}"


def _is_in_file(file: StoredFile) -> bool:
    """What is packed is unpacked."""
    try:
        content = files.read_all(file)
    except files.FileDamaged:
        return False  # the probe of files says so
    if STEM.encode() in content:
        return True
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return False
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return any(STEM.encode() in archive.read(name) for name in archive.namelist() if not _is_locked(archive, name))


def _is_locked(archive: zipfile.ZipFile, name: str) -> bool:
    return bool(archive.getinfo(name).flag_bits & 1)


def _readable(folder: Path) -> Iterator[Path]:
    """Not the files of a running database: its rows are read above, and what it has freed is its own to overwrite."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_file() and not path.is_symlink() and "postgres" not in path.relative_to(folder).parts[0]:
            yield path


def _holds(path: Path) -> bool:
    needle, kept = STEM.encode(), b""
    try:
        with path.open("rb") as file:
            while part := file.read(_PIECE):
                if needle in kept + part:
                    return True
                kept = part[-len(needle) :]
    except OSError:
        return False  # it went while we looked
    return False


def erase(workspace_id: UUID, *, at: datetime) -> list[Erasure]:
    """Erase every canary of a workspace, each with its whole search and certificate, and take away what was made for it.

    Orders that wait for their search are searched for too: what an earlier one found may be gone, and it knows, sealed, whom it looks for.
    """
    with tenancy.inside(workspace_id):
        known = Contact.objects.of(workspace_id).filter(sort_name__startswith=STEM).order_by("id")
        people = list(known.values_list("pk", flat=True))
        orders = [
            erasing.order(workspace=workspace_id, contact_ids=[pk], because="decision", by=None, at=at, at_once=True)
            for pk in people
        ]
    for one in orders:
        erasing.carry_out(one.pk, workspace_id=workspace_id)
    done = [erasing.confirm(one.pk, workspace_id=workspace_id) for one in orders]  # not only tonight
    with tenancy.inside(workspace_id):
        for model, column in _PROPS:
            made = model.objects.of(workspace_id).filter(**{column: PROP}).values_list("pk", flat=True)
            deleted.remove({model: set(made)}, workspace_id=workspace_id)
    erasing.settle(workspace_id)
    return done


__all__ = ["NotPlanted", "Planted", "Seen", "erase", "mark", "plant", "search"]
