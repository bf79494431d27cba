"""People whom a file may not bring back: packages above say whose addresses are refused, and why.

A refused row keeps nothing of what it said, not even among the rows that were not taken.
"""

from collections.abc import Callable, Collection, Iterable
from uuid import UUID

from amanat.people.importing.drafts import Draft

#: Called with addresses (numbers in E.164, e-mails in lower case) and the workspace; gives the sentence for each that is refused.
type Refuses = Callable[[Collection[str], UUID], dict[str, str]]
_refusals: list[Refuses] = []
register = _refusals.append


def addresses_of(draft: Draft) -> list[str]:
    return [*(phone.number for phone in draft.phones), *(email.address for email in draft.emails)]


def among(drafts: Iterable[Draft], *, workspace_id: UUID) -> dict[str, str]:
    """Every refused address of the drafts, with the sentence; asked once a batch."""
    addresses = {address for draft in drafts for address in addresses_of(draft)}
    found: dict[str, str] = {}
    if addresses:
        for refuses in _refusals:
            found |= refuses(addresses, workspace_id)
    return found
