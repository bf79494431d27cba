"""The default policy as text, and ways to change it for a test."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from amanat.policy import linting, loading
from amanat.policy.format import Policy
from amanat.policy.inventory import Inventory
from amanat.policy.linting import Finding, Severity

READY = Path(__file__).parents[1] / "ready"
DEFAULT = (READY / "default.yaml").read_text("utf-8")


def changed(*pairs: tuple[str, str], text: str = DEFAULT) -> str:
    """The text with each first occurrence replaced; a piece that is not there fails the test."""
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


@cache
def policy(*pairs: tuple[str, str]) -> Policy:
    return loading.load(changed(*pairs)).policy


def errors(text: str, inventory: Inventory | None = None) -> list[Finding]:
    found = linting.lint_text(text, inventory=inventory)
    return [finding for finding in found if finding.severity is Severity.ERROR]


def checks(text: str, inventory: Inventory | None = None) -> set[str]:
    """The ids of the checks that find an error."""
    return {finding.check for finding in errors(text, inventory)}


def with_clause(say: str, extra: str = "rests: [security], probe: [X]") -> str:
    """The default policy with one more clause, in its three languages."""
    quoted = say.replace('"', '\\"')
    text = changed(("\ntranslations:", f'\n  - {{id: more, in: protect, say: "{quoted}", {extra}}}\n\ntranslations:'))
    return text.replace("  hi:\n", f'  hi:\n    more: "{quoted}"\n', 1).replace(
        "  mr:\n", f'  mr:\n    more: "{quoted}"\n', 1
    )
