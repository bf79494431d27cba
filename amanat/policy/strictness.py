"""For every rule of the format: which of two values binds the operator more, and why a looser one matters to people.

One table serves `merging` (the stricter of two stands) and `differences` (a looser one is material), so the two cannot disagree.
A test walks the format and fails on a rule that stands in no line of the table.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache, reduce
from typing import Any

from amanat.policy import durations, telling
from amanat.policy.durations import Duration
from amanat.policy.telling import _, told


class Direction(StrEnum):
    SAME = "same"
    STRICTER = "stricter"
    LOOSER = "looser"
    OTHER = "other"  #: neither: stricter in one way and looser in another, or a fact that has no order


@dataclass(frozen=True)
class Order:
    """How two values of a rule compare. `stricter` gives the value that binds at least as much as both; it must not mind their order.

    `more` is what it means that a list grew, where that is not what `stricter` says; an order that is not `ordered` only tells apart.
    """

    name: str
    stricter: Callable[[Any, Any], Any]
    more: Direction | None = None
    ordered: bool = True

    def strictest(self, values: Sequence[Any]) -> Any:
        """Of all values given; the sequence does not matter."""
        return reduce(lambda one, other: one if one == other else self.stricter(one, other), values)

    def direction(self, before: Any, after: Any) -> Direction:
        """From `before` to `after`; None is a promise not made, the loosest of all."""
        if _same(before, after):
            return Direction.SAME
        if not self.ordered:
            return Direction.OTHER
        if self.more:
            return self._by_growth({*(before or ())}, {*(after or ())})
        if before is None or after is None:
            return Direction.STRICTER if before is None else Direction.LOOSER
        strictest = self.stricter(before, after)
        if _same(strictest, after):
            return Direction.STRICTER
        return Direction.LOOSER if _same(strictest, before) else Direction.OTHER

    def _by_growth(self, before: set[Any], after: set[Any]) -> Direction:
        if before < after or after < before:
            less = Direction.STRICTER if self.more is Direction.LOOSER else Direction.LOOSER
            return self.more if before < after and self.more else less
        return Direction.OTHER


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple) and isinstance(other, tuple):
        return sorted(map(str, one)) == sorted(map(str, other))
    return bool(one == other)


def canonical(value: Any) -> str:
    """A text by which two facts without an order can be put in one, the same whichever came first."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def first(one: Any, other: Any) -> Any:
    """Of two facts neither of which is stricter: always the same one."""
    return min(one, other, key=canonical)


def together(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*one, *other}))


def in_both(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*one} & {*other}))


def _ranked(*values: Any) -> Order:
    """From the loosest to the strictest; a value not named, such as a void safeguard, is looser than all."""

    def rank(value: Any) -> tuple[int, str]:
        return values.index(value) if value in values else -1, canonical(value)

    said = told(_("the strictest of {all}"), all=", ".join(map(str, filter(None, values))))
    return Order(said, lambda one, other: max(one, other, key=rank))


#: The grounds of agreement under the laws of the packs.
_AGREEMENT = ("s6", "A6-1-a", "opt_in")


def _stricter_basis(one: Any, other: Any) -> Any:
    """Consent binds most, a ground for each law more than a word that is no ground. A law that only one names stays named."""
    if "consent" in (one, other):
        return "consent"
    if isinstance(one, str) or isinstance(other, str):
        return min(one, other, key=lambda basis: (isinstance(basis, str), canonical(basis)))
    return {
        law: min(
            (grounds[law] for grounds in (one, other) if law in grounds),
            key=lambda ground: (ground not in _AGREEMENT, ground),
        )
        for law in sorted({*one, *other})
    }


SHORTEST = Order(_("the shortest"), durations.shorter)
LONGEST = Order(_("the longest"), durations.longer)
HIGHEST = Order(_("the highest"), max)
LATEST = Order(_("the latest"), max)
EARLIEST = Order(_("the earliest"), min)
ALL = Order(_("all of them"), together)
FEWEST = Order(_("only what both have"), in_both)
READABLE = Order(_("only what both have"), in_both, more=Direction.STRICTER)
YES = Order(_("yes, if one says so"), lambda one, other: one or other)
NO = Order(_("no, if one says so"), lambda one, other: one and other)
CONSENT = Order(_("consent before any other ground"), _stricter_basis)
#: Told to people rather than promised to them: a new item matters, and of two policies both are true.
TOLD = Order(_("all are named"), together, more=Direction.LOOSER)
FACT = Order(_("a fact of the operator's own"), first, ordered=False)


@dataclass(frozen=True)
class Rule:
    """A line of the table: paths (`*` stands for one name), how they compare, what the rule is in words, why a loosening matters.

    `conflict` is the code of the seeds' conflict that it resolves. `material` is false where even a change matters to nobody.
    """

    path: str
    order: Order
    words: str
    reason: str = _("people would be protected less than they were told")
    conflict: str = ""
    material: bool = True


_LONGER = _("data would be kept longer than people were told")
_LATER = _("people would have to wait longer than they were told")
_NEW_USE = _("data would be used in a way people were not told of")
_NEW_HANDS = _("data would reach people or places that were not named")
_LESS_SECURE = _("data would be protected less")

TABLE: tuple[Rule, ...] = (
    Rule("amanat", FACT, _("the format"), material=False),
    Rule("policy.id", FACT, _("the policy's id"), material=False),
    Rule("policy.version", HIGHEST, _("the version"), material=False),
    Rule("policy.effective", LATEST, _("the first day"), material=False),
    Rule("policy.langs", READABLE, _("the languages"), _("some would no longer read it in their language")),
    Rule("policy.regimes", ALL, _("the laws it is under"), _("fewer laws would be kept"), "X7"),
    Rule("policy.law", ALL, _("the law packs"), material=False),
    Rule("policy.vocab", FACT, _("the vocabulary"), material=False),
    Rule("parties.operator.*", FACT, _("the operator's {0}"), _("someone else would answer for the data"), "X21"),
    Rule("parties.contact.*", FACT, _("the {0} of the operator"), material=False),
    Rule("parties.officer.*", FACT, _("the officer's {0}"), material=False),
    Rule("parties.venue.saving", _ranked("none", "statutory"), _("the right to go to an authority"), conflict="X20"),
    Rule("parties.venue.*", FACT, _("the {0} of disputes"), _("another law or court would decide"), "X20"),
    Rule("products.*", TOLD, _("the hosts of {0}"), material=False),
    Rule("data.*.is", TOLD, _("what {0} is"), _("more would be collected")),
    Rule("data.*.at", TOLD, _("the columns of {0}"), material=False),
    Rule("data.*.via", TOLD, _("where {0} enters"), material=False),
    Rule("data.*.of", _ranked("operator", "tenant"), _("whose {0} is"), _("the operator would decide about it"), "X21"),
    Rule("data.*.store", _ranked("plain", "sealed", "argon2id"), _("how {0} is stored"), _LESS_SECURE, "X12"),
    Rule(
        "data.*.off_by_default",
        YES,
        _("whether {0} is off until switched on"),
        _("it would be collected without being asked for"),
    ),
    Rule(
        "data.*.anonymous",
        NO,
        _("whether {0} counts as anonymous"),
        _("personal data would be treated as nobody's"),
        "X8",
    ),
    Rule("purposes.*.is", FACT, _("what {0} is for"), _NEW_USE),
    Rule("purposes.*.uses", TOLD, _("the data used for {0}"), _NEW_USE, "X11"),
    Rule("purposes.*.basis", CONSENT, _("the ground for {0}"), _("a weaker ground would do"), "X10"),
    Rule("purposes.*.per", ALL, _("the channels asked about one by one for {0}"), _("one yes would cover more"), "X15"),
    Rule(
        "purposes.*.grain",
        _ranked("person", "aggregate"),
        _("how closely {0} looks at people"),
        _("single people would be seen"),
        "X11",
    ),
    Rule(
        "purposes.*.set_by",
        _ranked("operator", "tenant"),
        _("who starts {0}"),
        _("the operator would start it by itself"),
    ),
    Rule(
        "purposes.*.asks",
        _ranked("person", "both_parties"),
        _("who is asked for {0}"),
        _("someone would no longer be asked"),
    ),
    Rule("never", ALL, _("what is never done"), _("something that was never done could be done"), "X9"),
    Rule("recipients.*.is", FACT, _("what {0} is"), _NEW_HANDS),
    Rule("recipients.*.gets", TOLD, _("what {0} receives"), _NEW_HANDS),
    Rule("recipients.*.in", TOLD, _("the countries of {0}"), _NEW_HANDS, "X18"),
    Rule(
        "recipients.*.safeguard",
        _ranked("", "derogation", "dpf", "adequacy", "scc"),
        _("the safeguard of {0}"),
        _LESS_SECURE,
        "X18",
    ),
    Rule("recipients.*.contract", _ranked("none", "required"), _("the contract with {0}"), _LESS_SECURE),
    Rule("recipients.*.host", FACT, _("the host of {0}"), material=False),
    Rule(
        "recipients.*.when",
        _ranked("always", "law", "consent"),
        _("when {0} receives data"),
        _("a weaker condition would do"),
        "X9",
    ),
    Rule("recipients.*.named", YES, _("whether {0} is named first"), _("people would not know who it is"), "X9"),
    Rule("recipients.*.approvers", HIGHEST, _("how many people approve a disclosure to {0}"), _LESS_SECURE),
    Rule("recipients.*.name", FACT, _("the name of {0}"), _NEW_HANDS),
    Rule("transfers.region", _ranked("free", "pinned"), _("where data stays"), _NEW_HANDS, "X18"),
    Rule("transfers.log_copy", FACT, _("where a copy of the logs stays"), material=False),
    Rule("transfers.banned", ALL, _("the safeguards that do not count"), _LESS_SECURE, "X18"),
    Rule(
        "transfers.notice_before_sale",
        LONGEST,
        _("the notice before the firm is sold"),
        _("people would hear later"),
        "X16",
    ),
    Rule("keep.*.of", TOLD, _("what {0} keeps"), _LONGER),
    Rule("keep.*.until.*", SHORTEST, _("how long {0} is kept after {1}"), _LONGER, "X3"),
    Rule("keep.*.floor", TOLD, _("the laws that make {0} stay"), _LONGER, "X4, X6"),
    Rule("keep.*.warn", LONGEST, _("the warning before {0} is deleted"), _("people would be warned later"), "X5"),
    Rule("keep.*.leave", _ranked("suppression_hmac", "nothing"), _("what stays when {0} is deleted"), _LONGER, "X2"),
    Rule(
        "keep.*.override",
        _ranked("client_contract", "none"),
        _("whether a contract may keep {0} longer"),
        _LONGER,
        "X5",
    ),
    Rule("keep.*.append_only", YES, _("whether {0} can be altered"), _("proof could be changed")),
    Rule("keep.*.ip_truncate", SHORTEST, _("when addresses in {0} are shortened"), _LONGER, "X8"),
    Rule("vault.when", FACT, _("when the vault is used")),
    Rule("vault.subjects", FEWEST, _("whose data the vault holds"), _LONGER, "X4"),
    Rule("vault.key", FACT, _("the vault's key"), _LESS_SECURE),
    Rule("vault.readers", FACT, _("who may open the vault"), _LESS_SECURE),
    Rule("vault.shred", SHORTEST, _("when the vault is destroyed"), _LONGER, "X4"),
    Rule("rights.due", SHORTEST, _("the time for an answer"), _LATER, "X7"),
    Rule("rights.regimes.*", SHORTEST, _("the time for an answer under {0}"), _LATER, "X7"),
    Rule("rights.kinds", ALL, _("the rights"), _("a right would be gone"), "X7"),
    Rule("rights.by", ALL, _("the ways to ask"), _("a way to ask would be gone"), "X7"),
    Rule("rights.opt_out_effect", SHORTEST, _("the time until an opt-out holds"), _LATER, "X15"),
    Rule("rights.stop_words", ALL, _("the words that stop messages"), _("a word would no longer be understood"), "X15"),
    Rule(
        "storage.keys.*.kind",
        _ranked("essential", "functional", "analytics", "marketing"),
        _("the kind of storage {0}"),
        _("it would be set without asking"),
        "X17",
    ),
    Rule("storage.keys.*.life", SHORTEST, _("how long {0} stays on a device"), _LONGER, "X17"),
    Rule("storage.keys.*.at", TOLD, _("the names of {0} on a device"), material=False),
    Rule("storage.signals", ALL, _("the browser signals that are obeyed"), _("a signal would be ignored"), "X17"),
    Rule("security.tls", HIGHEST, _("the oldest TLS"), _LESS_SECURE, "X12"),
    Rule(
        "security.at_rest",
        _ranked("disk", "envelope_per_tenant"),
        _("the encryption where data lies"),
        _LESS_SECURE,
        "X12",
    ),
    Rule("security.password", FACT, _("how passwords are kept"), _LESS_SECURE),
    Rule("security.mfa", ALL, _("the second proofs of identity"), _LESS_SECURE),
    Rule("security.mfa_required", ALL, _("who must have a second proof"), _LESS_SECURE),
    Rule("security.access", _ranked("allow_by_default", "deny_by_default"), _("how access begins"), _LESS_SECURE),
    Rule("security.egress", _ranked("open", "recipients_only"), _("what may leave"), _LESS_SECURE),
    Rule("security.*_every", SHORTEST, _("how often: {0}"), _("it would be done less often"), "X14"),
    Rule("security.attest.*.evidence", FACT, _("the evidence for {0}"), material=False),
    Rule("security.attest.*.until", EARLIEST, _("until when the evidence for {0} holds"), material=False),
    Rule("breach.*", SHORTEST, _("how soon {0} hears of a leak"), _LATER, "X13"),
    Rule("children.min_age", HIGHEST, _("the lowest age"), _("younger people's data would be used"), "X1"),
    Rule("children.*", SHORTEST, _("how soon a child's data is handled: {0}"), _LATER, "X1"),
    Rule("changes.post", YES, _("whether versions are posted"), _("people would not see the change"), "X19"),
    Rule(
        "changes.email_if",
        _ranked("never", "material", "any"),
        _("which changes are mailed"),
        _("people would hear of less"),
        "X19",
    ),
    Rule("changes.lead", LONGEST, _("the notice before a change"), _("people would hear later"), "X19"),
    Rule(
        "changes.archive",
        _ranked("none", "on_request", "public"),
        _("who sees old versions"),
        _("old versions would be harder to see"),
        "X19",
    ),
    Rule("changes.silence_is", _ranked("no"), _("what silence means"), _("silence would count as a yes"), "X10, X19"),
)
#: Entries that may come and go as a whole: what a new one, or one that is gone, means.
ENTRIES: Mapping[str, tuple[str, str, str]] = {
    "products": (_("product"), "", ""),
    "data": (_("kind of data"), _("more would be collected"), ""),
    "purposes": (_("purpose"), _NEW_USE, ""),
    "recipients": (_("recipient"), _NEW_HANDS, ""),
    "keep": (_("rule of keeping"), "", _LONGER),
    "storage.keys": (_("thing stored on devices"), _("more would be put on people's devices"), ""),
    "security.attest": (_("attestation"), "", _LESS_SECURE),
    "vault": (_("vault"), _LONGER, ""),
}


@lru_cache(maxsize=4_096)  # paths hold names from files of strangers
def rule_for(path: str) -> Rule | None:
    """The first line of the table that fits a path; None for one that is in no line."""
    steps = path.split(".")
    for rule in TABLE:
        pattern = rule.path.split(".")
        if len(pattern) == len(steps) and all(map(fnmatchcase, steps, pattern)):
            return rule
    return None


#: Keeping has a conflict of its own for several of its triggers.
_BY_TRIGGER = {"last_interaction": "X2", "opt_out": "X2", "last_login": "X5", "issued": "X6"}


def conflict_at(rule: Rule, path: str) -> str:
    """The code of the seeds' conflict that `rule` resolves at `path`."""
    return _BY_TRIGGER.get(path.rpartition(".")[2], rule.conflict) if rule.order is SHORTEST else rule.conflict


def rules_of(tree: Mapping[str, Any], below: str = "") -> Iterator[tuple[str, Any]]:
    """Every rule of a policy's tree with its path; what no line of the table knows is left out with its clauses and words."""
    for name, value in tree.items():
        path = f"{below}.{name}" if below else name
        if rule_for(path):
            yield path, value
        elif isinstance(value, Mapping) and path not in {"labels", "translations"}:
            yield from rules_of(value, path)


def in_words(rule: Rule, path: str) -> str:
    """What the rule at `path` is: "how long account is kept after last login"."""
    starred = [step for step, part in zip(path.split("."), rule.path.split("."), strict=True) if "*" in part]
    return told(rule.words, *(telling.a_name(step.removesuffix("_every")) for step in starred))


def value_in_words(value: Any) -> str:
    if isinstance(value, Duration):
        return told("{length}", length=value)
    if isinstance(value, bool):
        return told(_("yes")) if value else told(_("no"))
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or told(_("none"))
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {below}" for name, below in value.items())
    if isinstance(value, date):
        return value.isoformat()
    return told(_("nothing")) if value in (None, "") else str(value)
