"""Purposes and channels of a policy in words."""

from __future__ import annotations

from amanat.policy import references
from amanat.policy.format import Policy


def purpose(policy: Policy, name: str, language: str) -> str:
    return references.listed(references.in_words(policy, f"purposes.{name}", language), language)


def channel(policy: Policy, purpose_name: str, name: str, language: str) -> str:
    """ "" for a purpose without channels."""
    per = policy.purposes[purpose_name].per
    return references.in_words(policy, f"purposes.{purpose_name}.per", language)[per.index(name)] if name in per else ""


def phrase(policy: Policy, wanted: tuple[str, str], language: str) -> str:
    """ "direct marketing (SMS)"."""
    name, over = wanted
    said = channel(policy, name, over, language)
    return f"{purpose(policy, name, language)} ({said})" if said else purpose(policy, name, language)
