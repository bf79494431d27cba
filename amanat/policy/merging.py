"""One policy that keeps every promise of several: the strictest wins, and each conflict has its resolution in words.

What is promised is made as strict as the strictest (`strictness` says which that is); what is only told (kinds of data, purposes,
recipients) is told together. Who the operator is, is nobody's to merge: all of it comes from one of them, or from the caller.
The result depends neither on the sequence nor on repetition of the policies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from amanat.policy import loading, strictness, telling
from amanat.policy.durations import Duration
from amanat.policy.format import PARTS, Clause, Policy
from amanat.policy.strictness import canonical
from amanat.policy.telling import Told, _, told


@dataclass(frozen=True)
class Resolution:
    """Where policies disagreed, what stands now, and by which rule; `conflict` is the code of the seeds' conflict."""

    path: str
    sentence: str
    conflict: str = ""


@dataclass(frozen=True)
class Merged:
    policy: Policy
    resolutions: tuple[Resolution, ...]


def merge(policies: Sequence[Policy], *, operator: Policy | None = None) -> Merged:
    """`operator` gives name, addresses and court (default: always the same one of `policies`). Raises ValueError for none."""
    if not policies:
        raise ValueError("merging needs a policy")
    resolutions: list[Resolution] = []
    rules = _rules(policies, resolutions)
    tree = _tree(rules)
    own = operator or min(policies, key=_identity)
    tree["policy"] = {**tree["policy"], "id": own.head.id}
    tree["parties"] = _parties(policies, own, rules["parties.venue.saving"], resolutions)
    tree["never"] = _never(policies, tree["never"], resolutions)
    dropped = _drop_forbidden(tree, resolutions)
    tree["clauses"] = tuple(_clauses(policies, dropped, resolutions))
    tree["labels"] = _labels(policies, own)
    tree["translations"] = _translations(policies, own, tree)
    return Merged(loading.from_document(_as_json(tree)), tuple(resolutions))


def _parties(
    policies: Sequence[Policy], own: Policy, saving: str, resolutions: list[Resolution]
) -> dict[str, dict[str, Any]]:
    """The operator of one policy; what is promised about complaints is that of all."""
    if len({_identity(policy) for policy in policies}) > 1:
        alone = _("Who answers, at which address and before which court, is said by “{policy}” alone.")
        kept = _(
            "Who answers, at which address and before which court, is said by “{policy}” alone. "
            "A complaint to an authority stays possible."
        )
        sentence = told(kept if saving == "statutory" else alone, policy=own.head.id)
        resolutions.append(Resolution("parties", sentence, "X20"))
    parties: dict[str, dict[str, Any]] = own.tree["parties"]
    return {**parties, "venue": {**parties["venue"], "saving": saving}}


def _identity(policy: Policy) -> str:
    """Who the operator is, without what is promised about the courts: that is merged."""
    venue = {name: value for name, value in policy.tree["parties"]["venue"].items() if name != "saving"}
    return canonical([{**policy.tree["parties"], "venue": venue}, policy.head.id, _of_parties(policy)])


def _of_parties(policy: Policy) -> dict[str, dict[str, str]]:
    """What a policy says about its operator in each language."""
    said: dict[str, dict[str, str]] = {"en": dict(policy.labels), **policy.translations}
    return {
        language: {path: words for path, words in held.items() if path.startswith("parties.")}
        for language, held in said.items()
        if language in policy.head.langs
    }


def _rules(policies: Sequence[Policy], resolutions: list[Resolution]) -> dict[str, Any]:
    """The strictest value of every rule that any of the policies has."""
    held = [(policy.head.id, dict(strictness.rules_of(policy.tree))) for policy in policies]
    merged: dict[str, Any] = {}
    for path in dict.fromkeys(path for _name, rules in held for path in rules):
        rule = strictness.rule_for(path)
        if rule is None:
            continue
        values = [rules[path] for _name, rules in held if path in rules]
        merged[path] = rule.order.strictest(values)
        if len({canonical(value) for value in values}) > 1 and rule.material and not path.startswith("parties."):
            said = tuple(
                told(_("{policy} says {value}"), policy=name, value=strictness.value_in_words(rules[path]))
                for name, rules in held
                if path in rules
            )
            what, stands = strictness.in_words(rule, path), strictness.value_in_words(merged[path])
            sentence = told(
                _("{what}: {said}. It is now {stands} ({order})."),
                what=telling.capital(what),
                said=said,
                stands=stands,
                order=rule.order.name if isinstance(rule.order.name, Told) else told(rule.order.name),
            )
            resolutions.append(Resolution(path, sentence, strictness.conflict_at(rule, path)))
    return merged


def _tree(rules: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path in sorted(rules):
        *blocks, name = path.split(".")
        here = tree
        for block in blocks:
            here = here.setdefault(block, {})
        here[name] = rules[path]
    # Blocks that may be empty have no rule that would bring them along.
    for block in ("recipients", "keep"):
        tree.setdefault(block, {})
    tree["storage"].setdefault("keys", {})
    return tree


def _never(policies: Sequence[Policy], never: tuple[str, ...], resolutions: list[Resolution]) -> tuple[str, ...]:
    """A promise nobody can keep beside processors, payments and authorities is replaced by the one that was meant."""
    if "identifiable_without_consent" not in never:
        return never
    sentence = told(
        _(
            "“Never share what identifies you without consent” contradicts every policy's own processors and authorities. "
            "It is now: never without consent, contract or law."
        )
    )
    resolutions.append(Resolution("never", sentence, "X9"))
    kept = {word for word in never if word != "identifiable_without_consent"}
    return tuple(sorted({*kept, "identifiable_without_basis"}))


def _drop_forbidden(tree: dict[str, Any], resolutions: list[Resolution]) -> list[str]:
    """Purposes of one policy that another says never to pursue."""
    forbidden = [name for name, purpose in tree["purposes"].items() if purpose["is"] in tree["never"]]
    for name in forbidden:
        del tree["purposes"][name]
        sentence = told(
            _("The purpose “{name}” is dropped: one of the policies promises never to do it."),
            name=telling.a_name(name),
        )
        resolutions.append(Resolution(f"purposes.{name}", sentence, "X9"))
    return [f"purposes.{name}" for name in forbidden]


def _clauses(policies: Sequence[Policy], dropped: list[str], resolutions: list[Resolution]) -> Iterator[dict[str, Any]]:
    """Each clause once, resting on all that any policy rests it on."""
    sequences = {tuple(clause.id for clause in policy.clauses) for policy in policies}
    together = [clause for policy in policies for clause in policy.clauses]
    ids = dict.fromkeys(clause.id for clause in together)
    chosen = {name: _chosen(together, name) for name in ids}
    gone = tuple(f"{path}." for path in dropped)
    order = list(ids) if len(sequences) == 1 else sorted(ids, key=lambda name: (PARTS.index(chosen[name].part), name))
    for name in order:
        said = [clause for clause in together if clause.id == name]
        if len({clause.say for clause in said}) > 1:
            sentence = told(
                _("“{name}” is worded differently. It is now: “{say}” Read it again."), name=name, say=chosen[name].say
            )
            resolutions.append(Resolution(f"clauses.{name}", sentence))
        rests = _strictest_lists(clause.rests for clause in said)
        yield {
            "id": name,
            "in": chosen[name].part,
            "say": chosen[name].say,
            "kind": chosen[name].kind,
            "rests": tuple(path for path in rests if not f"{path}.".startswith(gone)),
            "probe": _strictest_lists(clause.probe for clause in said),
        }


def _strictest_lists(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    found: tuple[str, ...] = strictness.ALL.strictest(list(lists))
    return found


def _chosen(clauses: Iterable[Clause], name: str) -> Clause:
    """Of several wordings always the same one."""
    return min(
        (clause for clause in clauses if clause.id == name), key=lambda clause: (clause.say, clause.part, clause.kind)
    )


def _labels(policies: Sequence[Policy], own: Policy) -> dict[str, str]:
    said = [
        (path, words) for policy in policies for path, words in policy.labels.items() if not path.startswith("parties.")
    ]
    return {**_first_of_each(said), **_of_parties(own).get("en", {})}


def _translations(policies: Sequence[Policy], own: Policy, tree: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Of each sentence the translation that was made for it, in the languages all policies have."""
    sentences = {clause["id"]: clause["say"] for clause in tree["clauses"]}
    merged: dict[str, dict[str, str]] = {}
    for language in (language for language in tree["policy"]["langs"] if language != "en"):
        said = [
            (name, words)
            for policy in policies
            for name, words in policy.translations.get(language, {}).items()
            if not name.startswith("parties.") and (name not in sentences or _says(policy, name) == sentences[name])
        ]
        merged[language] = {**_first_of_each(said), **_of_parties(own).get(language, {})}
    return merged


def _says(policy: Policy, name: str) -> str | None:
    return next((clause.say for clause in policy.clauses if clause.id == name), None)


def _first_of_each(said: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, words in said:
        found[name] = min(words, found.get(name, words))
    return found


def _as_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _as_json(below) for name, below in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_as_json, value))
    if isinstance(value, Duration):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value
