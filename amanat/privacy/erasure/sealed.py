"""What names erased people in sealed texts: messages in the threads of others, notes, drafts, events of providers that were not worked off,
requests and nominations of others, answers to forms and codes that wait.

Messages are asked by the keyed hashes of their words, by which members find them too: a message that has all words of a name, a number or an
address. Drafts and events have no such words; they are few, and are opened.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

from amanat.basis import capturing, passcodes
from amanat.basis.models import Passcode, Submission
from amanat.core import clock, vault
from amanat.messaging.inbox import bodies
from amanat.messaging.inbox.models import ReplyDraft
from amanat.messaging.outbox import events
from amanat.messaging.outbox.models import ProviderEvent
from amanat.people import bin as deleted
from amanat.privacy.erasure.wanted import FEW, Wanted
from amanat.privacy.requests import details
from amanat.privacy.requests.models import Nomination, RightsRequest

#: Messages that are named for one name or number, and texts that are opened at once.
_MOST, _OPENED = 20, 5_000
_GROUPS = ((5, 5), (4, 3, 3), (3, 3, 4))
#: Requests and nominations that are opened at once; older ones at night.
_AT_ONCE = 200


def messages(wanted: Wanted, *, workspace_id: UUID, is_whole: bool) -> list[UUID]:
    """Messages that may name them. Of many people at once only the whole search asks."""
    if len(wanted.ids) > FEW and not is_whole:
        return []
    spaced = (each for number in wanted.numbers for each in _as_written(number))
    phrases = dict.fromkeys((*wanted.names, *wanted.reach, *wanted.numbers, *spaced, *wanted.addresses, *wanted.codes))
    found = {pk for each in phrases for pk in bodies.holding(each, workspace_id=workspace_id, limit=_MOST)}
    return sorted(found)


def _as_written(number: str) -> Iterator[str]:
    """The last ten digits with the gaps that people leave in them: each group is a word of its own."""
    for groups in _GROUPS if len(number) == sum(_GROUPS[0]) else ():
        ends = list(itertools.accumulate(groups))
        yield " ".join(number[end - size : end] for size, end in zip(groups, ends, strict=True))


def drafts(names_one: Callable[[str], bool], *, workspace_id: UUID) -> list[UUID]:
    """Drafts of members that name them."""
    rows = ReplyDraft.objects.of(workspace_id).filter(body__isnull=False).order_by("-id")[:_OPENED]
    return [row.pk for row in rows if names_one(_of_draft(row))]


def requests(
    names_one: Callable[[str], bool], *, workspace_id: UUID, is_whole: bool
) -> tuple[dict[str, list[UUID]], bool]:
    """Requests and nominations of others that name them, by their place; and whether older ones wait for the whole search."""
    found: dict[str, list[UUID]] = {}
    is_more = False
    read_in: tuple[tuple[Any, str, Callable[[Any], str]], ...] = (
        (RightsRequest, "details", details.place),
        (RightsRequest, "answer", details.place_of_answer),
        (Nomination, "nominee", details.place_of_nominee),
    )
    for model, column, place in read_in:
        rows = model.objects.of(workspace_id).exclude(**{f"{column}__isnull": True}).order_by("-id")
        read = list(rows if is_whole else rows[: _AT_ONCE + 1])
        is_more = is_more or (not is_whole and len(read) > _AT_ONCE)
        if named := [row.pk for row in read if names_one(_text(row, column, place))]:
            found[f"{model._meta.label}.{column}"] = named
    return found, is_more


def _text(row: Any, column: str, place: Callable[[Any], str]) -> str:
    """What a sealed text says; nothing when its key is gone and nobody can open it any more."""
    try:
        text = vault.open_text(getattr(row, column), workspace_id=row.workspace_id, context=place(row))
    except vault.VaultRefused:
        return ""
    return text if text.isascii() and "\\u" not in text else _unescaped(text)


def _unescaped(text: str) -> str:
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text


def drop_events(names_one: Callable[[str], bool], *, workspace_id: UUID) -> int:
    """Events that wait or were parked and name them: nobody is there any more to whom they would belong. Returns how many.

    What a person writes after this moment comes in as from somebody new.
    """
    rows = ProviderEvent.objects.of(workspace_id).filter(payload__isnull=False)
    gone = list(_naming(rows.select_for_update(of=("self",)).order_by("-id")[:_OPENED], names_one))
    at = clock.now()
    ProviderEvent.objects.of(workspace_id).filter(pk__in=gone).update(payload=None, done_at=at)
    return len(gone)


def drop_waiting(names_one: Callable[[str], bool], *, workspace_id: UUID) -> dict[str, int]:
    """Answers to public forms that wait for their code, and codes that were sent: of a day, and of whom nobody may hold any more."""
    gone: dict[str, int] = {}
    waiting: tuple[tuple[Any, str, Callable[[Any], str]], ...] = (
        (Submission, "given", capturing.place),
        (Passcode, "address", passcodes.place),
    )
    for model, column, place in waiting:
        rows = model.objects.of(workspace_id).exclude(**{column: b""}).order_by("-id")[:_OPENED]
        going = [row.pk for row in rows if names_one(_text(row, column, place))]
        deleted.remove({model: going}, workspace_id=workspace_id)
        gone[model._meta.label] = len(going)
    return gone


def _naming(rows: Iterable[ProviderEvent], names_one: Callable[[str], bool]) -> Iterator[UUID]:
    for row in rows:
        plain = vault.open_text(row.payload or b"", workspace_id=row.workspace_id, context=events.place_of_payload(row))
        if names_one(json.dumps(json.loads(plain), ensure_ascii=False)):
            yield row.pk


def _of_draft(row: ReplyDraft) -> str:
    text, subject, offer = bodies.open_draft(row.body, workspace_id=row.workspace_id, draft_id=row.pk)
    return "\n".join([text, subject, *offer.values()])


__all__ = ["drafts", "drop_events", "drop_waiting", "messages", "requests"]
