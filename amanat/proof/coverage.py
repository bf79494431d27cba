"""What keeps each promise of the published policies that Amanat was built after: a check that runs, a person, or nothing yet.

The promises stand beside the ready policies (`policy/ready/*.clauses.yaml`), with the clause and rules that say them. Nothing counts as
checked without a registered probe; what waits for a later part, and why, stands in `later.yaml`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from amanat.policy import probing, reading, ready
from amanat.policy.probing import Words
from amanat.policy.ready import reasons
from amanat.proof import attesting, evidence

_LATER = Path(__file__).with_name("later.yaml")
_MAPS = Path(ready.__file__).parent

#: What promises wait for, and why words are only words: those of `later.yaml`, held to it by a test.
WORDS = (
    _("a box for feedback"),
    _("a clock of the first answer in the inbox"),
    _("a payment gateway"),
    _("an app for phones"),
    _("campaigns"),
    _("deals"),
    _("handing a business over, with a data room that names nobody"),
    _("integrations"),
    _("newsletters"),
    _("several brands on one installation"),
    _("subscriptions"),
    _("surveys and forms"),
    _("suspending a workspace with reason and appeal"),
    _("telephone calls"),
    _("usage analytics"),
    _("says for whom the service is meant"),
    _("says that other sites have their own policy"),
)
#: How a promise is kept, in the order of the page.
KINDS: Mapping[str, Words] = {
    "checked": _("Checked by the running program"),
    "attested": _("Attested by a person"),
    "rejected": _("Not promised: false, void or unlawful"),
    "statement": _("A plain statement"),
    "later": _("Waits for a later part"),
    "open": _("Not checked yet"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One promise of one published policy. `detail`: the probes, the subject attested, why it was rejected, what it waits for."""

    policy: str
    section: str
    key: str
    promise: str
    clause: str
    rules: tuple[str, ...]
    by: str
    detail: str
    changed: str = ""


@cache
def _document(path: Path) -> Any:
    return reading.read_file(path).value


def later() -> dict[str, str]:
    """Promises that wait for a part which is not built, and for which."""
    needs: dict[str, str] = _document(_LATER)["needs"]
    return needs


def statements() -> dict[str, str]:
    """Promises that are plain words, and why."""
    found: dict[str, str] = _document(_LATER)["statements"]
    return found


def lines() -> list[Line]:
    """All promises, in the order of the published policies."""
    return [
        _line(document["policy"], section["section"], promise)
        for document in map(_document, sorted(_MAPS.glob("*.clauses.yaml")))
        for section in document["sections"]
        for promise in section["promises"]
    ]


def _line(policy: str, section: str, promise: Mapping[str, Any]) -> Line:
    by, detail = _kept_by(promise["key"], promise.get("rejected", ""))
    return Line(
        policy=policy, section=section, key=promise["key"], promise=promise["promise"], clause=promise.get("clause", ""),
        rules=tuple(promise.get("rules", ())), by=by, detail=detail, changed=promise.get("changed", ""),
    )  # fmt: skip


def told(line: Line) -> str:
    """The detail of a line in the language of the reader; `Line.detail` is English, for the document."""
    match line.by:
        case "checked":
            return "; ".join(sorted(str(one.title) for one in probing.proving(line.key)))
        case "attested":
            return gettext("a member, with a paper, until it lapses")
        case "later":
            return gettext("needs %(what)s") % {"what": gettext(later()[line.key])}
        case "rejected":
            return reasons.told(line.detail)
        case _:
            return gettext(line.detail) if line.detail else ""


def _kept_by(key: str, rejected: str) -> tuple[str, str]:
    if rejected:
        return "rejected", rejected
    probes = probing.proving(key)
    if probes:
        return "checked", "; ".join(sorted(evidence.message(one.title) for one in probes))
    if key in attesting.attested_keys():
        return "attested", "a member, with a paper, until it lapses"
    if key in statements():
        return "statement", statements()[key]
    if key in later():
        return "later", f"needs {later()[key]}"
    return "open", ""


@cache
def _sayings() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for line in lines():
        if line.by != "rejected" and line.promise not in found.setdefault(line.key, []):
            found[line.key].append(line.promise)
    return {key: tuple(said) for key, said in found.items()}


def sayings(key: str) -> tuple[str, ...]:
    """How published policies word a promise, in English; not in the words that are not promised here."""
    return _sayings().get(key, ())


def not_promised(key: str) -> tuple[str, ...]:
    """What published policies say of it that is false, void or unlawful."""
    return tuple(dict.fromkeys(line.promise for line in lines() if line.key == key and line.by == "rejected"))


@cache
def names() -> frozenset[str]:
    """Every id that a clause may name in `probe`: what is probed, attested, or promised by a published policy."""
    probed = {key for one in probing.registered().values() for key in one.keys}
    return frozenset({*probed, *attesting.attested_keys(), *(line.key for line in lines())})


def kinds_of_data() -> list[str]:
    """The kinds of data that published policies promise something of: "pd:Name"."""
    return sorted({line.key.removeprefix("DATA ") for line in lines() if line.key.startswith("DATA ")})


def counts(found: Iterable[Line]) -> dict[str, int]:
    """How many promises are kept in which way, every way named."""
    counted = Counter(line.by for line in found)
    return {by: counted[by] for by in KINDS}


def by_policy(found: Iterable[Line]) -> dict[str, list[Line]]:
    policies: dict[str, list[Line]] = {}
    for line in found:
        policies.setdefault(line.policy, []).append(line)
    return policies


def as_json() -> dict[str, Any]:
    found = lines()
    return {
        "promises": len(found),
        "counts": counts(found),
        "lines": [
            {"policy": line.policy, "section": line.section, "key": line.key, "promise": line.promise, "clause": line.clause,
             "rules": list(line.rules), "by": line.by, "detail": line.detail, "changed": line.changed}
            for line in found
        ],
    }  # fmt: skip


def as_text() -> str:
    found = lines()
    told = [f"{count:5} {evidence.message(KINDS[by])}" for by, count in counts(found).items()]
    return "\n".join([f"{len(found)} promises:", *told, "", *_open(found)])


def _open(found: Iterable[Line]) -> list[str]:
    missing = sorted({line.key for line in found if line.by == "open"})
    return [f"Not checked yet: {', '.join(missing)}"] if missing else []


def as_markdown() -> str:
    """docs/promises.md."""
    found = lines()
    told = [f"| {evidence.message(KINDS[by])} | {count} |" for by, count in counts(found).items()]
    text = [
        "# Promises and what keeps them",
        "",
        "Made by `./run policy coverage --format markdown`; a test fails when it is out of date. Each promise of the published policies that",
        "Amanat was built after: the clause and rules of the ready policy that say it, and the check of the running program that shows it.",
        "",
        "| kept by | promises |",
        "|---|---|",
        *told,
        f"| **all** | **{len(found)}** |",
    ]
    for name, promised in by_policy(found).items():
        text += ["", f"## {name}", "", "| promise | key | clause | rules | kept by |", "|---|---|---|---|---|"]
        text += [_row(line) for line in promised]
    return "\n".join(text) + "\n"


def _row(line: Line) -> str:
    by = evidence.message(KINDS[line.by]) + (f": {line.detail}" if line.detail else "")
    cells = (line.promise, line.key, line.clause or "–", ", ".join(line.rules) or "–", by)
    return "| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |"
