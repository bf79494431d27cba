"""The table of strictness: it knows every rule of the format, and its orders do not mind sequence, grouping or repetition."""

from __future__ import annotations

import typing
from datetime import date
from itertools import permutations, product
from types import UnionType
from typing import Any

import pytest
from pydantic import BaseModel

from amanat.policy import strictness
from amanat.policy.durations import Duration
from amanat.policy.format import Policy
from amanat.policy.strictness import TABLE, Direction
from amanat.policy.tests.samples import policy

#: Not rules: sentences and words.
NO_RULES = ("clauses", "labels", "translations")


def leaves(model: type[BaseModel], below: str = "") -> list[str]:
    """Every rule the format can hold, with `x` for a name of the author's own."""
    found = []
    for name, field in model.model_fields.items():
        path = f"{below}{field.alias or name}"
        if path not in NO_RULES:
            found += inside(field.annotation, path)
    return found


def inside(annotation: Any, path: str) -> list[str]:
    if isinstance(annotation, UnionType) and type(None) in typing.get_args(annotation):
        annotation = next(one for one in typing.get_args(annotation) if one is not type(None))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return leaves(annotation, f"{path}.")
    if typing.get_origin(annotation) is dict:
        return inside(typing.get_args(annotation)[1], f"{path}.x")
    return [path]


@pytest.mark.parametrize("path", leaves(Policy))
def test_each_rule_of_the_format_stands_in_the_table(path: str) -> None:
    assert strictness.rule_for(path) is not None


@pytest.mark.parametrize("rule", TABLE, ids=lambda rule: rule.path)
def test_each_line_of_the_table_is_a_rule_of_the_format(rule: strictness.Rule) -> None:
    assert rule in {strictness.rule_for(path) for path in leaves(Policy)}
    assert rule.words
    assert rule.reason


def test_every_rule_of_the_default_policy_is_walked() -> None:
    walked = dict(strictness.rules_of(policy().tree))
    assert walked["keep.account.until.last_login"] == Duration.parse("P3Y")
    assert walked["purposes.marketing.basis"] == "consent"
    assert walked["products.crm"] == ("crm.business.example",)
    assert not [path for path in walked if path.startswith(NO_RULES)]


def duration(text: str) -> Duration:
    return Duration.parse(text)


@pytest.mark.parametrize(
    ("path", "before", "after", "direction"),
    [
        ("keep.account.until.closure", duration("P30D"), duration("P30D"), Direction.SAME),
        ("keep.account.until.closure", duration("P30D"), duration("P29D"), Direction.STRICTER),
        ("keep.account.until.closure", duration("P30D"), duration("P31D"), Direction.LOOSER),
        ("keep.account.until.closure", duration("P30D"), duration("P1M"), Direction.OTHER),
        ("keep.account.until.closure", duration("P30D"), None, Direction.LOOSER),
        ("keep.account.until.closure", None, duration("P30D"), Direction.STRICTER),
        ("keep.account.until.closure", duration("P7D"), duration("P1W"), Direction.SAME),
        ("keep.account.warn", duration("PT48H"), duration("PT24H"), Direction.LOOSER),
        ("keep.account.warn", duration("PT48H"), duration("PT72H"), Direction.STRICTER),
        ("keep.content.override", "none", "client_contract", Direction.LOOSER),
        ("keep.marketing.leave", "suppression_hmac", "nothing", Direction.STRICTER),
        ("children.min_age", 18, 16, Direction.LOOSER),
        ("children.erase", duration("PT24H"), duration("PT1H"), Direction.STRICTER),
        ("changes.lead", duration("P30D"), duration("P10D"), Direction.LOOSER),
        ("changes.email_if", "material", "never", Direction.LOOSER),
        ("changes.email_if", "material", "any", Direction.STRICTER),
        ("changes.silence_is", "no", "yes", Direction.LOOSER),
        ("changes.post", True, False, Direction.LOOSER),
        ("data.x.anonymous", False, True, Direction.LOOSER),
        ("data.x.off_by_default", True, False, Direction.LOOSER),
        ("data.x.is", ("pd:Name",), ("pd:Name", "pd:City"), Direction.LOOSER),
        ("data.x.is", ("pd:Name", "pd:City"), ("pd:Name",), Direction.STRICTER),
        ("data.x.is", ("pd:Name", "pd:City"), ("pd:City", "pd:Name"), Direction.SAME),
        ("data.x.is", ("pd:Name",), ("pd:City",), Direction.OTHER),
        ("never", ("rent", "trade"), ("rent",), Direction.LOOSER),
        ("never", ("rent",), ("rent", "trade"), Direction.STRICTER),
        ("never", ("rent",), ("trade",), Direction.OTHER),
        ("policy.langs", ("en", "hi"), ("en",), Direction.LOOSER),
        ("policy.langs", ("en",), ("en", "hi"), Direction.STRICTER),
        ("purposes.x.basis", "consent", {"eu-gdpr": "A6-1-f"}, Direction.LOOSER),
        ("purposes.x.basis", {"eu-gdpr": "A6-1-f"}, "consent", Direction.STRICTER),
        ("purposes.x.basis", {"eu-gdpr": "A6-1-f"}, {"eu-gdpr": "A6-1-a"}, Direction.STRICTER),
        ("purposes.x.basis", {"us-ccpa": "opt_in"}, {"us-ccpa": "notice"}, Direction.LOOSER),
        ("purposes.x.basis", {"eu-gdpr": "A6-1-b"}, "implied", Direction.LOOSER),
        ("purposes.x.per", ("email", "sms"), ("email",), Direction.LOOSER),
        ("recipients.x.safeguard", "scc", "privacy_shield", Direction.LOOSER),
        ("recipients.x.safeguard", "", "scc", Direction.STRICTER),
        ("recipients.x.when", "consent", "always", Direction.LOOSER),
        ("recipients.x.in", ("IN",), ("IN", "US"), Direction.LOOSER),
        ("recipients.x.name", "One", "Two", Direction.OTHER),
        ("rights.due", duration("P30D"), duration("P45D"), Direction.LOOSER),
        ("rights.regimes.eu-gdpr", duration("P1M+P2M"), duration("P1M"), Direction.STRICTER),
        ("rights.kinds", ("access", "erase"), ("access",), Direction.LOOSER),
        ("security.tls", "1.2", "1.3", Direction.STRICTER),
        ("security.at_rest", "envelope_per_tenant", "tls", Direction.LOOSER),
        ("security.backup_every", duration("P1D"), duration("P7D"), Direction.LOOSER),
        ("storage.keys.x.kind", "analytics", "essential", Direction.LOOSER),
        ("vault.subjects", ("IN",), ("DE", "IN"), Direction.LOOSER),
        ("vault.shred", duration("P1Y"), duration("P2Y"), Direction.LOOSER),
        ("parties.venue.court", "Kolkata", "Delhi", Direction.OTHER),
        ("parties.venue.saving", "statutory", "none", Direction.LOOSER),
        ("breach.certin", duration("PT6H"), None, Direction.LOOSER),
    ],
)
def test_direction(path: str, before: Any, after: Any, direction: Direction) -> None:
    rule = strictness.rule_for(path)
    assert rule is not None
    assert rule.order.direction(before, after) is direction


#: For each kind of order values that meet in every way.
VALUES: dict[str, list[Any]] = {
    "keep.x.until.y": [duration(text) for text in ("P1M", "P30D", "P28D", "P1W", "P7D", "P2M", "P60D", "PT0S")],
    "keep.x.warn": [duration(text) for text in ("P1M", "P30D", "P31D", "P2M", "P60D", "PT0S")],
    "rights.regimes.x": [duration(text) for text in ("P1M+P2M", "P45D+P45D", "P90D", "P1M", "P30D+P1M")],
    "children.min_age": [13, 16, 18],
    "policy.effective": [date(2026, 1, 1), date(2027, 1, 1)],
    "security.attest.x.until": [date(2026, 1, 1), date(2027, 1, 1)],
    "never": [("b", "a"), ("a",), ("c", "b"), ("a", "b"), ()],
    "vault.subjects": [("IN",), ("IN", "DE"), ("DE",), ()],
    "policy.langs": [("en",), ("en", "hi"), ("hi", "en")],
    "data.x.is": [("pd:Name",), ("pd:City", "pd:Name"), ("pd:Name", "pd:City")],
    "changes.post": [True, False],
    "data.x.anonymous": [True, False],
    "recipients.x.safeguard": ["", "scc", "dpf", "privacy_shield", "promise"],
    "changes.archive": ["public", "on_request", "none"],
    "parties.venue.court": ["Kolkata", "Delhi", "दिल्ली"],
    "purposes.x.basis": [
        "consent",
        "implied",
        "because",
        {},
        {"eu-gdpr": "A6-1-f"},
        {"eu-gdpr": "A6-1-a", "in-dpdp": "s7a"},
        {"in-dpdp": "s6", "us-ccpa": "notice"},
        {"us-ccpa": "opt_in"},
    ],
}


@pytest.mark.parametrize("path", VALUES)
def test_strictest_minds_neither_sequence_nor_grouping_nor_repetition(path: str) -> None:
    rule = strictness.rule_for(path)
    assert rule is not None
    strictest = rule.order.strictest
    for three in product(VALUES[path], repeat=3):
        expected = strictest(three)
        assert all(strictest(turned) == expected for turned in permutations(three))
        assert strictest([strictest(three[:2]), three[2]]) == strictest([three[0], strictest(three[1:])]) == expected
        assert strictest([expected, *three]) == expected


@pytest.mark.parametrize("path", VALUES)
def test_strictest_is_never_looser(path: str) -> None:
    rule = strictness.rule_for(path)
    assert rule is not None
    if rule.order.more or not rule.order.ordered:
        return  # told together, or a fact
    for two in product(VALUES[path], repeat=2):
        for one in two:
            assert rule.order.direction(one, rule.order.strictest(two)) in {Direction.SAME, Direction.STRICTER}


def test_every_kind_of_order_is_tried() -> None:
    tried = {rule.order.name for path in VALUES if (rule := strictness.rule_for(path))}
    used = {rule.order.name for rule in TABLE if not rule.order.name.startswith("the strictest of")}
    assert used - tried == set()


def test_words_of_a_rule() -> None:
    def said(path: str) -> str:
        rule = strictness.rule_for(path)
        assert rule is not None
        return strictness.in_words(rule, path)

    assert said("keep.account.until.last_login") == "how long account is kept after last login"
    assert said("security.backup_every") == "how often: backup"
    assert said("breach.board_detail") == "how soon board detail hears of a leak"
    assert said("never") == "what is never done"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (duration("P3Y"), "3 years"),
        (True, "yes"),
        (False, "no"),
        (("a", "b"), "a, b"),
        ((), "none"),
        ({"eu-gdpr": "A6-1-f"}, "eu-gdpr: A6-1-f"),
        (date(2026, 12, 1), "2026-12-01"),
        (None, "nothing"),
        ("", "nothing"),
        (18, "18"),
    ],
)
def test_words_of_a_value(value: Any, words: str) -> None:
    assert strictness.value_in_words(value) == words
