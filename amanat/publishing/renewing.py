"""Whose consent a new version leaves behind: a yes was given to a purpose as it stood, so what is added to it needs a new one.

Nothing is taken from silence, and nothing from a yes to less. A purpose that shrinks keeps its consents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from amanat.policy import partners
from amanat.policy.format import Policy

_CLOSER = {"aggregate": 0, "person": 1}
_STARTED_BY = {"tenant": 0, "operator": 1}
_ASKED = {"both_parties": 0, "person": 1}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a person says yes to, as far as more of it would need a new yes. The numbers grow with how far it goes."""

    term: str
    items: frozenset[str]  #: what is used, as DPV terms
    closeness: int  #: single people are looked at, or sums only
    started_by: int  #: the business that keeps the data, or also its operator
    asked: int  #: both parties are asked, or one

    @classmethod
    def of(cls, policy: Policy, name: str) -> Self:
        purpose = policy.purposes[name]
        items = frozenset(term for kind in purpose.uses if kind in policy.data for term in policy.data[kind].terms)
        if (partner := partners.of(policy).get(name)) is not None:  # a yes was to this one, there
            items |= {f"to {partner.name.strip()}", *(f"in {country}" for country in partner.countries)}
        return cls(purpose.term, items, _CLOSER[purpose.grain], _STARTED_BY[purpose.set_by], _ASKED[purpose.asks])

    def covers(self, other: Meaning) -> bool:
        """Whether a yes to this is a yes to `other` too."""
        return (
            self.term == other.term
            and self.items >= other.items
            and self.closeness >= other.closeness
            and self.started_by >= other.started_by
            and self.asked >= other.asked
        )


def widened(before: Policy, after: Policy) -> set[str]:
    """The purposes of `after` that are new or mean more than in `before`, giving data to a partner among them."""
    before, after = partners.with_purposes(before), partners.with_purposes(after)
    return {
        name
        for name in after.purposes
        if name not in before.purposes or not Meaning.of(before, name).covers(Meaning.of(after, name))
    }


def asks_anew(before: Policy, asked: Mapping[str, int], after: Policy, number: int) -> dict[str, int]:
    """From which version on a consent to each purpose counts, once version `number` holds after `before` with its own `asked`.

    A purpose that is left out keeps its number, so that one which comes back as it never was asks anew all the same.
    """
    return dict(sorted({**asked, **dict.fromkeys(widened(before, after), number)}.items()))
