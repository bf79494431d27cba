"""Short news for open pages: "this changed, look again". Carries ids, never values.

Sent with PostgreSQL's NOTIFY, so it arrives only if the transaction commits; the process `amanat.live` passes it on to
the browsers of the same workspace as server-sent events.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from uuid import UUID

from django.db import connection

from amanat.core import tenancy
from amanat.core.tenancy import HasId

CHANNEL = "amanat_live"


@dataclass(frozen=True)
class Announcement:
    """`topic` is "subject.thing", e.g. "people.import"; `id` the row to look at."""

    workspace: str
    topic: str
    id: str

    def to_json(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))


def announce(topic: str, *, workspace: HasId | UUID, about: HasId | UUID) -> None:
    """Tell the open pages of a workspace, once the transaction commits."""
    news = Announcement(str(tenancy.workspace_id_of(workspace)), topic, str(tenancy.workspace_id_of(about)))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, news.to_json()])
