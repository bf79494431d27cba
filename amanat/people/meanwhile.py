"""Two people at one record: what others wrote while somebody was writing, field by field.

The form carries only when its record was read. What each field was then is told by the changes on the timeline since: a field that
only others changed takes their value, one that both changed keeps that of the form, and theirs is shown beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from amanat.people import differences, records
from amanat.people.drafts import RecordDraft
from amanat.people.models import Company, Contact, Interaction
from amanat.people.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Theirs:
    """A value that others wrote, as people read it, and who did, "" where nobody in particular did."""

    value: str
    who: str


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """Names as in `differences`. `taken` are fields that only others changed, `both` those that the form changes too."""

    taken: list[str] = field(default_factory=list)
    both: dict[str, Theirs] = field(default_factory=dict)


def since(
    seen_at: datetime, record: Contact | Company, *, theirs: RecordDraft, mine: RecordDraft, words: Vocabulary
) -> Meanwhile:
    """What became of the fields in which the well-formed drafts `theirs`, of the record as it is now, and `mine` differ."""
    was: dict[str, str] = {}
    who: dict[str, str] = {}
    for name, old, actor in _changes(record, seen_at, words):
        was.setdefault(name, old)
        who[name] = actor
    found = Meanwhile()
    for name, (their_value, my_value) in differences.between(theirs, mine, words).items():
        if name in was and was[name] == my_value:
            found.taken.append(name)
        elif name in was or not was:
            # Some writers (an import, a merge) leave no line for each field: then every difference is shown.
            found.both[name] = Theirs(their_value, who.get(name, ""))
    return found


def _changes(record: Contact | Company, seen_at: datetime, words: Vocabulary) -> Iterator[tuple[str, str, str]]:
    """The name of each field that was changed, its value before and who changed it, in the order of time."""
    lines = Interaction.objects.of(record.workspace_id).filter(
        kind="change", happened_at__gt=seen_at, **{records.holder(record): record}
    )
    for line in lines.order_by("happened_at", "id"):
        for name, old, _new in line.data.get("changes", ()):
            yield name, old, words.member_name(line.actor_id)
