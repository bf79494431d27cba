"""Who is asking: as little as shows it, and more only on doubt.

A code to an address on file is enough where one person has it. Where several have it, which is common with the phone of a family, she
says her name, and the month of her last visit where that is not enough. What stays in doubt a member decides.
"""

from __future__ import annotations

from collections.abc import Sequence

from amanat.desk.models import ServiceRecord
from amanat.people import script
from amanat.people.models import Contact


def among(people: Sequence[Contact], *, name: str, last_month: str = "") -> Contact | None:
    """The one of `people` who is meant; None in doubt. `last_month` is "2026-10" or empty."""
    if len(people) == 1:
        return people[0]
    fitting = [person for person in people if _is_same(person.name, name)]
    if len(fitting) > 1 and last_month:
        fitting = [person for person in fitting if was_here_in(person, last_month)]
    return fitting[0] if len(fitting) == 1 else None


def was_here_in(person: Contact, month: str) -> bool:
    """Whether the month is that of her last visit: the newest service record, or the last contact."""
    last = (
        ServiceRecord.objects.of(person.workspace_id)
        .filter(contact=person)
        .order_by("-id")
        .values_list("created_at", flat=True)
        .first()
    )
    moments = [moment for moment in (last, person.last_contact_at) if moment is not None]
    return any(f"{moment:%Y-%m}" == month for moment in moments)


def _words(name: str) -> set[str]:
    """In Latin letters, small: "श्री रमेश" is found by "Ramesh"."""
    return set(script.latin(name).lower().replace(".", " ").split())


def _is_same(known: str, typed: str) -> bool:
    """Every word typed is one of the known name, or its initial; one at least is a whole word."""
    have, words = _words(known), _words(typed)
    initials = {word[0] for word in have}
    return bool(words & have) and all(word in have or word in initials for word in words)
