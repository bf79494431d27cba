"""The canary: a made-up person with marks in every table, field and file that can hold one, to prove that an erasure reaches everything.

`plant` puts it into a workspace, made from the declarations: one row of each table that points at contacts and can be made without a
rule of its own, each text a mark of its own, and a file. `search` looks for the marks with the search of erasures, whole, and in every
file of the data folder byte by byte: dumps, logs, unsealed leftovers. `erase` is an erasure like any other. While it is held the
marks are found; after the erasure, and after a restore of an older backup, they are not.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.db import DataError, IntegrityError, models, transaction

from amanat.core import files, ids, tenancy
from amanat.core.personal_data import OnErasure
from amanat.people import contacts, pointing
from amanat.people.drafts import ContactDraft
from amanat.people.models import Attachment, Contact
from amanat.privacy.erasure import belongings, erasing, traces
from amanat.privacy.erasure.belongings import Model
from amanat.privacy.erasure.models import Erasure
from amanat.privacy.erasure.wanted import Wanted

STEM = "zzcanary"
_SOURCE = "canary"
_PIECE = 1 << 20
#: Rows that a job of the running site acts on at once: the person would be erased before anybody has looked for her.
_ACTED_ON = {"privacy.ChildFound"}
#: What a row says that the checks of promises count: they shall find this person's like anybody else's, before her erasure and after.
_SAYS: dict[str, dict[str, object]] = {
    "privacy.PersonCopy": {"state": "expired"},
    "privacy.RightsRequest": {"kind": "access", "state": "revoked", "regimes": ["in-dpdp"]},
}


@dataclass(slots=True)
class Planted:
    """Where marks stand, and what could not be planted because its table asks for more than a mark."""

    contact_id: UUID
    places: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Seen:
    """Places in the database and files of the data folder in which a mark stands."""

    places: dict[str, int] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    read: int = 0  #: files of the data folder that were read

    @property
    def is_clean(self) -> bool:
        return not self.places and not self.files


def mark() -> str:
    """A word that stands nowhere else."""
    return f"{STEM}{secrets.token_hex(5)}"


def plant(workspace_id: UUID, *, at: datetime) -> Planted:
    """A new canary in a workspace."""
    with tenancy.inside(workspace_id) as here:
        from amanat.accounts.models import Workspace  # the rule wants the row

        word = mark()
        draft = ContactDraft(
            name=f"{word} {mark()}", emails=[(f"{mark()}@example.in", "")], phones=[(_number(), "")], notes=mark(),
            job_title=mark(), external_id=f"{mark()}-1",
        )  # fmt: skip
        her = contacts.create(workspace=Workspace.objects.of(here).get(pk=here), by=None, at=at, draft=draft)
        planted = Planted(her.pk, ["people.Contact"])
        file = files.store(
            f"{mark()} in a file".encode(), workspace_id=here, name=f"{mark()}.txt", by=None, kind="attachment"
        )
        Attachment.objects.create(workspace_id=here, contact=her, file=file, name=mark())
        planted.places.append("people.Attachment")
        for model, column in pointing.at(Contact):
            declared = belongings.held(model)
            if declared is None or declared.whose != "contact" or getattr(model, "append_only", False):
                continue
            if model._meta.label in _ACTED_ON:
                planted.refused.append(model._meta.label)
            elif model._meta.label not in planted.places:
                _row(planted, model, column, her, at)
    return planted


def _number() -> str:
    return f"+9198{secrets.randbelow(10**8):08d}"


def _row(planted: Planted, model: Model, column: str, her: Contact, at: datetime) -> None:
    declared = belongings.held(model)
    assert declared is not None  # the caller looked
    leaves = {name for name, said in declared.personal.items() if said.on_erasure != OnErasure.KEEP}
    values: dict[str, object] = {column: her.pk, **_SAYS.get(model._meta.label, {})}
    for each in model._meta.local_concrete_fields:
        if (
            each.column in values
            or each.primary_key
            or each.name == "workspace_id"
            or getattr(each, "generated", False)
        ):
            continue
        if isinstance(each, models.CharField | models.TextField) and not each.choices:
            longest = each.max_length or 200
            values[each.attname] = mark()[:longest] if each.name in leaves and longest >= len(STEM) else ""
        elif isinstance(each, models.DateTimeField) and not each.null:
            values[each.attname] = at
        elif isinstance(each, models.DateField) and not each.null:
            values[each.attname] = at.date()
        elif isinstance(each, models.BinaryField) and not each.null:
            values[each.attname] = mark().encode() if each.name in leaves else b""
        elif isinstance(each, models.IntegerField) and not each.null and not each.has_default():
            values[each.attname] = 900_000_000 + secrets.randbelow(10**6)
    try:
        with transaction.atomic():
            model(id=ids.new(), workspace_id=her.workspace_id, **values).save(force_insert=True)
        planted.places.append(model._meta.label)
    except (IntegrityError, DataError, ValueError):
        planted.refused.append(model._meta.label)


def search(workspace_id: UUID, folder: Path) -> Seen:
    """Every row of every table, every text file of the workspace, every byte of every file below the data folder but the database's own."""
    seen = Seen()
    looked_for = Wanted(names=[STEM], ids=[_SOURCE])
    with tenancy.inside(workspace_id):
        for one in traces.search(looked_for, workspace_id=workspace_id, is_whole=True).findings:
            seen.places[one.place] = seen.places.get(one.place, 0) + one.count
    for path in _readable(folder):
        seen.read += 1
        if _holds(path):
            seen.files.append(str(path.relative_to(folder)))
    return seen


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
    """Erase every canary of a workspace, each with its search and certificate."""
    with tenancy.inside(workspace_id):
        known = Contact.objects.of(workspace_id).filter(sort_name__startswith=STEM).order_by("id")
        people = list(known.values_list("pk", flat=True))
        orders = [
            erasing.order(workspace=workspace_id, contact_ids=[pk], because="decision", by=None, at=at, at_once=True)
            for pk in people
        ]
    return [erasing.carry_out(one.pk, workspace_id=workspace_id) for one in orders]
