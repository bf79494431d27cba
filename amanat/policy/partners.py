"""Partners by name: whoever receives data for ends of their own gets a person's data only after her yes to that very partner.

The policy names such a partner among the recipients (`is: dpv:ThirdParty, when: consent, named: true, name: …`). For everything that asks people,
each is a purpose of its own, `to_` and the recipient's name: so the notice says who it is and what goes there, the yes is to this one alone, it
is taken back like any other, and the gate knows it. Nothing of that stands in the file twice.
"""

from __future__ import annotations

from typing import Any, cast

from amanat.policy import references
from amanat.policy.format import Policy, Purpose, Recipient

PREFIX = "to_"
#: The kind of purpose: to be given to somebody else, whatever that one does with it.
TERM = "dpv:ThirdParty"
_LONGEST = 40  # of the name of a purpose, where consents are written down


def of(policy: Policy) -> dict[str, Recipient]:
    """The partners that people can be asked about, by the purpose they are asked for."""
    return {purpose_of(name): one for name, one in policy.recipients.items() if is_partner(one) and one.name.strip()}


def is_partner(recipient: Recipient) -> bool:
    """Whether it has ends of its own, and so needs a yes."""
    return recipient.term == "dpv:ThirdParty" and recipient.when == "consent" and recipient.named


def purpose_of(recipient: str) -> str:
    """The name of the purpose by which people are asked about a recipient."""
    return f"{PREFIX}{recipient}"[:_LONGEST]


def with_purposes(policy: Policy) -> Policy:
    """The policy as people are asked: each partner is one more purpose. The same object for a policy without any."""
    found = of(policy)
    if not found:
        return policy
    known = policy.__dict__.get("_with_partners")
    if known is None:  # made once, like its `tree`: a policy never changes
        known = policy.__dict__["_with_partners"] = _with(policy, found)
    return cast(Policy, known)


def _with(policy: Policy, found: dict[str, Recipient]) -> Policy:
    fresh = {name: _purpose(one) for name, one in found.items() if name not in policy.purposes}
    translations = {
        language: {**policy.translations.get(language, {}), **_words(found, language)}
        for language in policy.head.langs
        if language != "en"
    }
    held: dict[str, Any] = {name: getattr(policy, name) for name in Policy.model_fields}
    held["purposes"] = {**policy.purposes, **fresh}
    held["labels"] = {**policy.labels, **_words(found, "en")}
    held["translations"] = {**policy.translations, **translations}
    return Policy.model_construct(policy.model_fields_set, **held)


def _purpose(recipient: Recipient) -> Purpose:
    return Purpose.model_construct(term=TERM, uses=recipient.gets, basis="consent")


def _words(found: dict[str, Recipient], language: str) -> dict[str, str]:
    said = references.vocabulary(language)["given_to"]
    return {f"purposes.{name}": said.format(one.name.strip()) for name, one in found.items()}


__all__ = ["PREFIX", "TERM", "is_partner", "of", "purpose_of", "with_purposes"]
