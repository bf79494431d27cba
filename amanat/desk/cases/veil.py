"""What a reader of cases sees of the person: cases are read for the purpose `support`, and the words of a case are communication."""

from __future__ import annotations

from collections.abc import Mapping

from amanat.accounts.models import Member
from amanat.people import masking
from amanat.people.masking import Guard
from amanat.people.vocabulary import Vocabulary

#: For which of the policy's purposes cases are read.
PURPOSE = "support"
_FIELDS: Mapping[str, str] = {"phones": "pd:TelephoneNumber", "words": "pd:Communication"}


def guard(member: Member, words: Vocabulary) -> Guard:
    """The guard of a member who reads cases; costs no statement."""
    return masking.guard_of(member, words, PURPOSE, _FIELDS)


def tells(held: Guard, contact_id: object) -> bool:
    """Whether the subject and texts of a case of this person may be shown: of a restricted one they are closed."""
    return not held.hides("words") and contact_id not in held.restricted
