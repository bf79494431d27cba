"""Policies to begin with: `default`, and for several trades what differs from it.

`NAME.yaml` beside this module says `put` (what is added or replaced) and `without` (what this trade does not do). A kind of data that is
left out is left out wherever it was used. `NAME.clauses.yaml` says for each promise of a published policy of that trade which clause and
rules keep it, or why it was changed or rejected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from amanat.policy import loading, reading
from amanat.policy.format import Policy

_FOLDER = Path(__file__).parent
_BASE = "default"
#: Lists of kinds of data.
_LISTS = ("uses", "gets", "of")


def names() -> list[str]:
    """The ready policies, the default one first."""
    there = sorted(path.stem for path in _FOLDER.glob("*.yaml") if not path.stem.endswith(".clauses"))
    return sorted(there, key=lambda name: (name != _BASE, name))


def is_one(file: Path) -> bool:
    """Whether the name of a ready policy is meant, or the file of one, which says only what differs from the default."""
    return file.stem in names() and (
        (file.parent == Path() and not file.suffix and not file.exists()) or file.resolve().parent == _FOLDER
    )


@cache
def policy(name: str) -> Policy:
    """Raises KeyError for a name that is not among `names`."""
    return loading.from_document(document(name))


def document(name: str) -> dict[str, Any]:
    """The whole policy, ready to be edited."""
    if name not in names():
        raise KeyError(name)
    base: dict[str, Any] = reading.read_file(_FOLDER / f"{_BASE}.yaml").value
    if name == _BASE:
        return base
    changes = reading.read_file(_FOLDER / f"{name}.yaml").value
    whole = _put(base, changes["put"])
    for path in changes.get("without", ()):
        _leave_out(whole, path)
    _mend(whole, tuple(changes.get("without", ())))
    return whole


def _put(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the changes: blocks are gone into, clauses found by their id, all else is replaced."""
    whole = dict(base)
    for name, value in changes.items():
        if name == "clauses":
            whole[name] = _put_clauses(base[name], value)
        elif isinstance(value, Mapping) and isinstance(base.get(name), Mapping) and name not in {"until", "basis"}:
            whole[name] = _put(base[name], value)
        else:
            whole[name] = value
    return whole


def _put_clauses(base: Iterable[Mapping[str, Any]], changes: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    whole = {clause["id"]: dict(clause) for clause in base}
    for clause in changes:
        whole[clause["id"]] = {**whole.get(clause["id"], {}), **clause}
    return tuple(whole.values())


def _leave_out(whole: dict[str, Any], path: str) -> None:
    """Take one entry out. Raises KeyError when it is not there, so that no file goes on naming what the default lost."""
    *blocks, name = path.split(".")
    if blocks == ["clauses"]:
        if name not in {clause["id"] for clause in whole["clauses"]}:
            raise KeyError(path)
        whole["clauses"] = tuple(clause for clause in whole["clauses"] if clause["id"] != name)
        for said in whole["translations"].values():
            said.pop(name, None)
        return
    here = whole
    for block in blocks:
        here[block] = dict(here[block])
        here = here[block]
    del here[name]


def _mend(whole: dict[str, Any], without: tuple[str, ...]) -> None:
    """Nothing names what was left out."""
    for block in ("purposes", "recipients", "keep"):
        for entry in whole[block].values():
            for key in _LISTS:
                if key in entry:
                    entry[key] = tuple(name for name in entry[key] if name in whole["data"])
    gone = tuple(f"{path}." for path in without)
    for clause in whole["clauses"]:
        if "rests" in clause:
            clause["rests"] = tuple(path for path in clause["rests"] if not f"{path}.".startswith(gone))
