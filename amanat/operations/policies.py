"""The command `amanat policy`: check, show, compare and merge policy files, which needs no database; only checking asks the program.

Publishing and exporting are in `publications`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from amanat.operations import Refused
from amanat.policy import differences, documents, editing, linting, loading, merging, reading, ready, rendering
from amanat.policy.format import Policy
from amanat.policy.inventory import Inventory
from amanat.policy.linting import Severity

#: Actions on the site's own database; see `publications`.
OF_A_WORKSPACE = frozenset({"publish", "export"})
_WANTED = {"lint": 1, "render": 1, "diff": 2}


class WrongCount(ValueError):
    """More or fewer files than the action takes."""


def run(
    action: str,
    files: Sequence[Path],
    language: str = "en",
    *,
    as_json: bool = False,
    inventory: Callable[[], Inventory] | None = None,
) -> tuple[str, bool]:
    """What to print, and whether all is well; `inventory` gives the running code that a file is compared with.

    Raises WrongCount, and Refused for a file that cannot be read.
    """
    wanted = _WANTED.get(action, len(files))
    if len(files) != wanted:
        raise WrongCount(f"policy {action} takes {wanted} {'file' if wanted == 1 else 'files'}, not {len(files)}.")
    if not files:
        raise WrongCount(f"policy {action} takes one file or more, not 0.")
    if action == "lint":
        return _lint(files[0], inventory() if inventory else None, as_json=as_json)
    policies = [_policy(file) for file in files]
    if action == "render":
        return _render(policies[0], language, as_json=as_json), True
    if action == "diff":
        return _differences(policies[0], policies[1], as_json=as_json), True
    return _merged(merging.merge(policies), as_json=as_json), True


def _lint(file: Path, inventory: Inventory | None, *, as_json: bool) -> tuple[str, bool]:
    findings = linting.lint_text(text_of(file), inventory=inventory)
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    if as_json:
        return _json([asdict(finding) for finding in findings]), not errors
    summary = f"{errors} to mend, {len(findings) - errors} to look at." if findings else "Nothing to mend."
    return "\n".join([*(f"{file}: {finding}" for finding in findings), summary]), not errors


def _render(policy: Policy, language: str, *, as_json: bool) -> str:
    try:
        return _json(documents.as_document(policy)) if as_json else rendering.render(policy, language).as_text()
    except LookupError as missing:
        raise Refused(f"The page cannot be made, for {missing} leads nowhere: run `amanat policy lint`.") from None


def _differences(before: Policy, after: Policy, *, as_json: bool) -> str:
    changes = differences.between(before, after)
    if as_json:
        return _json([asdict(change) for change in changes])
    return "\n".join(map(str, changes)) or "The same rules and words."


def _merged(merged: merging.Merged, *, as_json: bool) -> str:
    """A policy file (YAML reads JSON); how each conflict was resolved stands above it in comments."""
    told = [" ".join(f"# {resolution.sentence}".split()) for resolution in merged.resolutions]
    return "\n".join([*([] if as_json else told), _json(merged.policy.as_document())])


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def text_of(file: Path) -> str:
    """What stands in the file; a ready policy of a trade, by its name or its file, is shown whole, not only where it differs.

    Raises Refused.
    """
    if ready.is_one(file):
        return editing.source_of(file.stem)
    try:
        with file.open("rb") as opened:
            read = opened.read(reading.LONGEST_FILE + 8)  # what is longer is refused, and some files never end
        return read.decode("utf-8", errors="ignore" if len(read) > reading.LONGEST_FILE else "strict")
    except FileNotFoundError:
        raise Refused(f"There is no file {file}. The ready policies are called {', '.join(ready.names())}.") from None
    except IsADirectoryError:
        raise Refused(f"{file} is a folder: name a policy file.") from None
    except UnicodeDecodeError:
        raise Refused(f"{file} is no text in UTF-8: a policy is a text file.") from None
    except OSError as problem:
        raise Refused(f"{file} cannot be read: {problem.strerror}.") from None


def _policy(file: Path) -> Policy:
    """A file that is well formed; whether it is good, `lint` says."""
    try:
        return loading.load(text_of(file)).policy
    except loading.FormatInvalid as invalid:
        raise Refused(f"{file} is no policy:\n{invalid}") from None
