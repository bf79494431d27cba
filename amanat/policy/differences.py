"""What changed between two policies, rule by rule and in words; and which changes people must hear of before they hold.

Material is what makes a promise weaker or data travel further: the table in `strictness` says it, and why. A sentence that says the
same rules in other words changes nothing that is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from amanat.policy import strictness, telling
from amanat.policy.format import Policy
from amanat.policy.strictness import ENTRIES, Direction
from amanat.policy.telling import _, told

#: By whether it came, and whether it has a name.
_ENTRY = {
    (True, True): _("The {kind} “{name}” was added."),
    (False, True): _("The {kind} “{name}” was removed."),
    (True, False): _("The {kind} was added."),
    (False, False): _("The {kind} was removed."),
}


@dataclass(frozen=True)
class Change:
    """One rule that differs. `reason` says why it is material, and is empty where it is not."""

    path: str
    direction: Direction
    sentence: str
    reason: str = ""

    @property
    def is_material(self) -> bool:
        return bool(self.reason)

    def __str__(self) -> str:
        return f"{self.sentence} Material: {self.reason}." if self.reason else self.sentence


def between(before: Policy, after: Policy) -> list[Change]:
    """The changes of rules, then of wording."""
    old, new = before.tree, after.tree
    entries = list(_entries(old, new))
    inside = tuple(f"{change.path}." for change in entries)
    rules = (change for change in _rules(old, new) if not change.path.startswith(inside))
    return [*entries, *rules, *_wording(before, after)]


def is_material(changes: list[Change]) -> bool:
    return any(change.is_material for change in changes)


def _entries(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Whole entries that came or went: a purpose, a recipient, a rule of keeping."""
    for group, (word, if_added, if_removed) in ENTRIES.items():
        held_before, held_after = _at(old, group), _at(new, group)
        if group == "vault":
            held_before, held_after = ({"": held} if held else {} for held in (held_before, held_after))
        for name in sorted({*held_before} ^ {*held_after}):
            path, added = f"{group}.{name}".rstrip("."), name in held_after
            reason = if_added if added else if_removed
            direction = Direction.LOOSER if reason else Direction.STRICTER
            places = {"kind": told(word), "name": telling.a_name(name)}
            yield Change(path, direction, told(_ENTRY[added, bool(name)], **places), told(reason))


def _at(tree: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    for step in path.split("."):
        tree = tree.get(step, {})
    return tree


def _rules(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    before, after = dict(strictness.rules_of(old)), dict(strictness.rules_of(new))
    for path in dict.fromkeys([*before, *after]):
        rule = strictness.rule_for(path)
        direction = rule.order.direction(before.get(path), after.get(path)) if rule else Direction.SAME
        if rule is None or direction is Direction.SAME:
            continue
        what = strictness.in_words(rule, path)
        was, is_now = (strictness.value_in_words(held.get(path)) for held in (before, after))
        sentence = told(_("{what}: {was} became {now}."), what=telling.capital(what), was=was, now=is_now)
        material = rule.material and (direction is Direction.LOOSER or direction is Direction.OTHER)
        yield Change(path, direction, sentence, told(rule.reason) if material else "")


def _wording(before: Policy, after: Policy) -> Iterator[Change]:
    old, new = ({clause.id: clause for clause in policy.clauses} for policy in (before, after))
    for name in sorted({*old} | {*new}):
        path = f"clauses.{name}"
        if name not in new or name not in old:
            yield Change(path, Direction.OTHER, told(_ENTRY[name in new, True], kind=told(_("clause")), name=name))
        elif old[name] != new[name]:
            yield Change(path, Direction.OTHER, told(_("The wording of “{name}” changed."), name=name))
    said_before, said_after = ({"en": policy.labels, **policy.translations} for policy in (before, after))
    for language in sorted({*said_before} | {*said_after}):
        if said_before.get(language) != said_after.get(language):
            sentence = told(_("The words in “{language}” changed."), language=language)
            yield Change(f"translations.{language}", Direction.OTHER, sentence)
