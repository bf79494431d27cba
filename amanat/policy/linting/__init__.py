"""Find what is wrong with a policy before it is published: untrue, unlawful, contradictory, incomplete, or not what the code does.

Each check is one small function in the module of its subject, with an id in one table. What it finds names the line and says what to
write instead. The file's own shape is checked before, by `loading`; those problems are findings too.
"""

from __future__ import annotations

from amanat.policy import loading
from amanat.policy.format import Policy
from amanat.policy.inventory import Inventory
from amanat.policy.linting import code, consent, data, lawful, sentences, sharing, whole, wording
from amanat.policy.linting.findings import CHECKS, Case, Check, Finding, Severity
from amanat.policy.reading import Document

__all__ = ["CHECKS", "Case", "Check", "Finding", "Severity", "lint", "lint_text"]
_SUBJECTS = (whole, data, consent, sharing, lawful, sentences, wording, code)  # importing them fills the table


def lint(policy: Policy, *, document: Document | None = None, inventory: Inventory | None = None) -> list[Finding]:
    """All findings in the order of the lines; without an `inventory` nothing is compared with the running code."""
    case = Case(policy, document, inventory)
    found = [finding for check in CHECKS.values() for finding in check.findings(case)]
    return sorted(found, key=lambda finding: (finding.line, finding.path, finding.check))


def lint_text(text: str, *, inventory: Inventory | None = None) -> list[Finding]:
    """As `lint`, for a file's text; a file that has not the shape of a policy gets findings of the check "format" alone."""
    try:
        loaded = loading.load(text)
    except loading.FormatInvalid as invalid:
        return [
            Finding("format", Severity.ERROR, problem.path, problem.line, problem.wrong, problem.instead)
            for problem in invalid.problems
        ]
    return lint(loaded.policy, document=loaded.document, inventory=inventory)
