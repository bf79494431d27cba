"""The policy a workspace begins with: a ready one, with the workspace's own details in place of the example's.

What the workspace has not told stays empty, so that the linter goes on naming it: an invented address would be worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Self
from zoneinfo import ZoneInfo

from django.conf import settings

from amanat.accounts.models import Workspace
from amanat.policy import editing, loading, ready, rewriting
from amanat.policy.format import Policy

_HOST = re.compile(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,8}")
#: Words of the example's operator, which a translation would put back in place of the workspace's own.
_OF_THE_EXAMPLE = ("parties.operator.name", "parties.operator.office")


@dataclass(frozen=True, slots=True)
class Details:
    """What a workspace says of itself, as far as a policy names it. `since` is its first day."""

    name: str
    place: str
    address: str
    email: str
    phone: str
    since: date

    @classmethod
    def of(cls, workspace: Workspace) -> Self:
        return cls(
            workspace.legal_name or workspace.name,
            workspace.place,
            " ".join(workspace.address.split()),
            workspace.email,
            workspace.phone,
            workspace.created_at.astimezone(ZoneInfo(workspace.time_zone)).date(),
        )


def filled(document: Mapping[str, Any], details: Details) -> dict[str, Any]:
    """A ready policy's document (`policy.ready.document`) with the workspace's own parties and hosts."""
    parties = document["parties"]
    operator = {**parties["operator"], "name": details.name}
    left_out: tuple[str, ...] = _OF_THE_EXAMPLE[:1]
    if details.place:
        operator["office"], left_out = details.place, _OF_THE_EXAMPLE
    return {
        **document,
        "policy": {**document["policy"], "effective": details.since.isoformat()},
        "parties": {
            **parties,
            "operator": operator,
            "contact": {"email": details.email, "phone": details.phone, "post": details.address},
            "officer": {**parties["officer"], "email": details.email},
        },
        "products": {"crm": (_host(),)},
        "translations": {
            language: {name: words for name, words in said.items() if name not in left_out}
            for language, said in document.get("translations", {}).items()
        },
    }


def _host() -> str:
    """The site's host as the format wants one, with a dot."""
    host = str(settings.CONFIGURATION.host_name)
    return host if _HOST.fullmatch(host) else "localhost.localdomain"


@lru_cache(maxsize=512)
def policy(details: Details) -> Policy:
    """The default policy of a workspace with these details."""
    return loading.from_document(filled(ready.document("default"), details))


def source(details: Details, name: str = "default") -> str:
    """A ready policy of a workspace as a file to edit, comments and all. Raises KeyError for a name that is no ready policy's."""
    return rewriting.rewrite(editing.source_of(name), loading.with_tuples(filled(ready.document(name), details)))
