"""Declarations: what each field is, whose, and what erasure does with it. Kinds are W3C DPV terms (pd:...).

Every package has a `personal_data.py` with `HELD`; a test walks all models and fails on a field nobody declared.
Periods are not here: a declaration names the clause of the policy that holds the number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class OnErasure(StrEnum):
    DELETE_ROW = "delete the row"
    BLANK = "blank the value"
    KEEP = "keep: law or the rights of others require it"


@dataclass(frozen=True)
class Personal:
    """A field that says something about a person. `kind` is a DPV term such as "pd:TelephoneNumber"."""

    kind: str
    on_erasure: OnErasure = OnErasure.DELETE_ROW
    sealed: bool = False  #: encrypted in its column


@dataclass(frozen=True)
class Held:
    """What one table holds. `whose` is "contact", "member", "user" or "nobody"; `via` names the entry points."""

    model: str
    whose: str
    clause: str
    personal: Mapping[str, Personal] = field(default_factory=dict)
    not_personal: frozenset[str] = frozenset()
    via: tuple[str, ...] = ()
