"""What a reader of services sees of the person: by the same rules as on the pages of contacts (`people.masking`).

Whoever may write services types the number of the office herself and sees it; an auditor sees its end. Own fields of a sensitive kind are
masked for both. A filter on what is hidden is refused, or its answer would tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amanat.accounts.models import Member
from amanat.accounts.permissions import May
from amanat.people import masking
from amanat.people.masking import Guard
from amanat.people.vocabulary import Vocabulary
from amanat.web import formatting

_OF_THE_PERSON: Mapping[str, str] = {"phones": "pd:TelephoneNumber", "acknowledgement": "pd:OfficialID"}


def guard(member: Member, words: Vocabulary, purpose: str = "service") -> Guard:
    """The guard of a member who reads services for a purpose; costs no statement."""
    own = {f"custom-{one.key}": one.personal_kind for one in words.fields_on("service") if one.personal_kind}
    kinds = {**_OF_THE_PERSON, **own}
    if member.may(May.WRITE_SERVICES):
        del kinds["acknowledgement"]
    return masking.guard_of(member, words, purpose, kinds)


def shown(held: Guard, name: str, value: str) -> str:
    """The text of a field for this reader: whole, masked or nothing."""
    if name in held.withheld:
        return ""
    return masking.mask(value) if name in held.masked else value


def custom(held: Guard, values: Mapping[str, Any]) -> dict[str, Any]:
    """Own fields for this reader: masked ones as their end, withheld ones left out."""
    return {
        key: masking.mask(str(value)) if f"custom-{key}" in held.masked and value else value
        for key, value in values.items()
        if f"custom-{key}" not in held.withheld
    }


def phone(held: Guard, number: str) -> str:
    """A telephone number as people write it, or its end; nothing of a restricted person (`held.about`)."""
    return formatting.phone(number) if number and not held.hides("phones") else shown(held, "phones", number)
