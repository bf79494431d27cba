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
    """What one table holds. `whose` is "contact", "member", "user" or "nobody"; `via` names the entry points.

    `clause` is a block of the policy's `keep`, such as "keep.content". `counted_from` says for its triggers which column of the table
    holds the moment or day from which the time runs: {"seen": "last_seen_at"}; "lifted_at or until" is the first that is not empty. What
    ends from elsewhere (a closure, a request) is not named.
    """

    model: str
    whose: str
    clause: str
    personal: Mapping[str, Personal] = field(default_factory=dict)
    not_personal: frozenset[str] = frozenset()
    via: tuple[str, ...] = ()
    counted_from: Mapping[str, str] = field(default_factory=dict)


def of_nobody(model: str, clause: str, *fields: str) -> Held:
    """A table that says nothing about a person in any of its `fields`."""
    return Held(model=model, whose="nobody", clause=clause, not_personal=frozenset(fields))


_KEY = ("id", "use", "version", "root_id", "wrapped", "created_at", "retired_at")

HELD = [
    # Names tables, columns and ids, never a value: erasing what an id stood for leaves no person in the chain.
    of_nobody(
        "core.LedgerEntry",
        "keep.evidence",
        *("id", "workspace_id", "at", "event", "actor", "about", "facts", "number", "previous", "hash"),
    ),
    of_nobody("core.LedgerHead", "keep.evidence", "id", "workspace_id", "number", "hash", "sealed_at"),
    of_nobody("core.Tally", "keep.content", "id", "workspace_id", "what", "change"),
    # The key holds a hash of who tried; a window lasts a day at most.
    of_nobody("core.LimitCount", "keep.security", "key", "tries", "window_ends_at"),
    # Keyed hashes of ids, for the moment until they are in the file outside the database.
    of_nobody("core.TombstoneDue", "keep.evidence", "id", "lines", "created_at"),
    of_nobody("core.UsedLink", "keep.security", "nonce", "expires_at"),
    of_nobody("core.WorkspaceKey", "keep.content", "workspace_id", *_KEY),
    of_nobody("core.SystemKey", "keep.security", *_KEY),
    Held(
        model="core.IdempotentAnswer",
        whose="contact",
        clause="keep.working",
        counted_from={"made": "created_at"},
        personal={"body": Personal("dpv:PersonalData")},
        not_personal=frozenset(
            ["id", "workspace_id", "member_id", "route", "key", "request_digest", "status", "created_at"]
        ),
        via=("API",),
    ),
    Held(
        model="core.LocalMessage",
        whose="user",
        clause="keep.working",
        counted_from={"made": "created_at"},
        personal={
            "to": Personal("pd:Contact"),
            "title": Personal("pd:Communication"),
            "body": Personal("pd:Communication"),
        },
        not_personal=frozenset(["id", "channel", "created_at"]),
        via=("mails and texts while no provider is set",),
    ),
    Held(
        model="core.StoredFile",
        whose="contact",
        clause="keep.content",
        # The bytes lie sealed in the object store; deleting the row destroys their key.
        personal={
            "name": Personal("pd:Identifying"),
            "wrapped_key": Personal("pd:Identifying", sealed=True),
            "made_by": Personal("pd:Identifying", OnErasure.KEEP),
        },
        not_personal=frozenset(
            ["id", "workspace_id", "kind", "object_name", "content_type", "size", "sha256", "created_at"]
        ),
        via=("uploads",),
    ),
]
