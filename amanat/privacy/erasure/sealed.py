"""What names erased people in sealed texts: messages in the threads of others, notes, drafts, events of providers that were not worked off.

Messages are asked by the keyed hashes of their words, by which members find them too: a message that has all words of a name, a number or an
address. Drafts and events have no such words; they are few, and are opened.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from uuid import UUID

from amanat.core import clock, vault
from amanat.messaging.inbox import bodies
from amanat.messaging.inbox.models import ReplyDraft
from amanat.messaging.outbox import events
from amanat.messaging.outbox.models import ProviderEvent
from amanat.privacy.erasure.wanted import FEW, Wanted

#: Messages that are named for one name or number, and texts that are opened at once.
_MOST, _OPENED = 20, 5_000


def messages(wanted: Wanted, *, workspace_id: UUID, is_whole: bool) -> list[UUID]:
    """Messages that may name them. Of many people at once only the whole search asks."""
    if len(wanted.ids) > FEW and not is_whole:
        return []
    phrases = dict.fromkeys((*wanted.names, *wanted.reach, *wanted.numbers, *wanted.addresses, *wanted.codes))
    found = {pk for each in phrases for pk in bodies.holding(each, workspace_id=workspace_id, limit=_MOST)}
    return sorted(found)


def drafts(names_one: Callable[[str], bool], *, workspace_id: UUID) -> list[UUID]:
    """Drafts of members that name them."""
    rows = ReplyDraft.objects.of(workspace_id).filter(body__isnull=False).order_by("-id")[:_OPENED]
    return [row.pk for row in rows if names_one(_of_draft(row))]


def drop_events(names_one: Callable[[str], bool], *, workspace_id: UUID) -> int:
    """Events that wait or were parked and name them: nobody is there any more to whom they would belong. Returns how many.

    What a person writes after this moment comes in as from somebody new.
    """
    rows = ProviderEvent.objects.of(workspace_id).filter(payload__isnull=False)
    gone = list(_naming(rows.select_for_update(of=("self",)).order_by("-id")[:_OPENED], names_one))
    at = clock.now()
    ProviderEvent.objects.of(workspace_id).filter(pk__in=gone).update(payload=None, done_at=at)
    return len(gone)


def _naming(rows: Iterable[ProviderEvent], names_one: Callable[[str], bool]) -> Iterator[UUID]:
    for row in rows:
        plain = vault.open_text(row.payload or b"", workspace_id=row.workspace_id, context=events.place_of_payload(row))
        if names_one(json.dumps(json.loads(plain), ensure_ascii=False)):
            yield row.pk


def _of_draft(row: ReplyDraft) -> str:
    return "\n".join(bodies.open_draft(row.body, workspace_id=row.workspace_id, draft_id=row.pk))


__all__ = ["drafts", "drop_events", "messages"]
