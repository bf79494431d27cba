"""A file is changed where it says something else now, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from amanat.policy import reading, ready, rewriting
from amanat.policy.reading import Value
from amanat.policy.tests.samples import DEFAULT

#: Layouts somebody could write by hand.
BLOCKS = """\
# What we promise
amanat: 1   # the format
parties:
  # who answers
  operator:
    name: "A: B"        # as registered
    office: |
      First line
      Second line
  contact: {email: a@shop.test, phone: '+91 1'}

never: [rent, trade]  # for ever
langs:
- en
- hi   # Hindi
clauses:
  - id: one
    say: >-
      folded
      words
    rests: [a,
            b]
  # a remark on the second
  - {id: two, say: "x"}
empty:
last: {a: 1}
"""


def value_of(text: str) -> Any:
    return reading.read(text).value


@pytest.mark.parametrize(
    ("path", "value", "old_line", "new_line"),
    [
        (("amanat",), 2, "amanat: 1   # the format", "amanat: 2   # the format"),
        (
            ("parties", "operator", "name"),
            "C",
            '    name: "A: B"        # as registered',
            "    name: C        # as registered",
        ),
        (("parties", "contact", "email"), "", "email: a@shop.test,", 'email: "",'),
        (("never",), ("rent",), "never: [rent, trade]  # for ever", "never: [rent]  # for ever"),
        (("last", "a"), "no", "last: {a: 1}", 'last: {a: "no"}'),
    ],
)
def test_only_the_piece_that_differs_is_written(
    path: tuple[str, ...], value: Value, old_line: str, new_line: str
) -> None:
    wanted = with_value(value_of(BLOCKS), path, value)
    assert rewriting.rewrite(BLOCKS, wanted) == BLOCKS.replace(old_line, new_line)


def test_an_entry_is_added_behind_the_last_in_its_own_line() -> None:
    wanted = value_of(BLOCKS)
    wanted = {**wanted, "clauses": (*wanted["clauses"], {"id": "three", "say": "y: {z}"})}
    assert rewriting.rewrite(BLOCKS, wanted) == BLOCKS.replace(
        '  - {id: two, say: "x"}\n', '  - {id: two, say: "x"}\n  - {id: three, say: "y: {z}"}\n'
    )


def test_an_entry_between_two_stands_between_them() -> None:
    one, two = value_of(BLOCKS)["clauses"]
    wanted = {**value_of(BLOCKS), "clauses": (one, {"id": "between"}, two)}
    assert [clause["id"] for clause in value_of(rewriting.rewrite(BLOCKS, wanted))["clauses"]] == [
        "one",
        "between",
        "two",
    ]
    assert "  # a remark on the second\n" in rewriting.rewrite(BLOCKS, wanted)


def test_an_entry_is_taken_out_with_its_lines() -> None:
    wanted = {name: value for name, value in value_of(BLOCKS).items() if name != "parties"}
    text = rewriting.rewrite(BLOCKS, wanted)
    assert text.splitlines()[:4] == [
        "# What we promise",
        "amanat: 1   # the format",
        "",
        "never: [rent, trade]  # for ever",
    ]
    assert value_of(text) == wanted


def test_a_block_text_can_be_replaced() -> None:
    wanted = with_value(value_of(BLOCKS), ("parties", "operator", "office"), "Pune")
    text = rewriting.rewrite(BLOCKS, wanted)
    assert value_of(text) == wanted
    assert "    office: Pune\n  contact:" in text


def test_an_empty_place_gets_a_value() -> None:
    assert "empty: {b: true}\n" in rewriting.rewrite(BLOCKS, {**value_of(BLOCKS), "empty": {"b": True}})


def test_what_says_the_same_is_left_alone() -> None:
    assert rewriting.rewrite(BLOCKS, value_of(BLOCKS)) == BLOCKS


def test_clauses_in_another_sequence_keep_all_other_lines() -> None:
    wanted = value_of(DEFAULT)
    wanted = {**wanted, "clauses": tuple(reversed(wanted["clauses"]))}
    text = rewriting.rewrite(DEFAULT, wanted)
    assert value_of(text) == wanted
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        line for line in DEFAULT.splitlines() if line.startswith("#")
    ]


@pytest.mark.parametrize("name", ready.names())
def test_a_ready_policy_becomes_a_file_with_the_comments_of_the_default(name: str) -> None:
    text = rewriting.rewrite(DEFAULT, ready.document(name))
    assert rewriting.same(value_of(text), ready.document(name))
    assert text.splitlines()[0] == DEFAULT.splitlines()[0]
    assert "# whichever trigger comes first ends it" in text


def test_one_and_true_are_two_values() -> None:
    assert not rewriting.same({"a": 1}, {"a": True})
    assert "a: true" in rewriting.rewrite("a: 1\n", {"a": True})


def test_a_flow_file_is_changed_too() -> None:
    assert rewriting.rewrite('{"a": 1, "b": [1, 2]}', {"a": 1, "b": (1,), "c": None}) == '{"a": 1, "b": [1], c: null}'


def test_a_bad_text_is_not_touched() -> None:
    with pytest.raises(reading.NotReadable):
        rewriting.rewrite("a: [", {"a": 1})


# --- any value, anywhere --------------------------------------------------------------------------------------------------------

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30)
names = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
scalars = texts | st.integers(-999, 99_999) | st.booleans() | st.none()
values = st.recursive(
    scalars,
    lambda below: st.lists(below, max_size=3).map(tuple) | st.dictionaries(names, below, max_size=3),
    max_leaves=6,
)
LAYOUTS = [BLOCKS, DEFAULT, yaml.safe_dump(yaml.safe_load(DEFAULT), sort_keys=False, allow_unicode=True)]


def places_of(value: Value, here: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, tuple) else ()
    return [*([here] if here else []), *(place for name, one in below for place in places_of(one, (*here, name)))]


def with_value(around: Value, path: tuple[str | int, ...], value: Value) -> Value:
    if not path:
        return value
    step, *rest = path
    new = with_value(around[step], tuple(rest), value)
    if isinstance(around, dict):
        return {**around, str(step): new}
    return tuple(new if number == step else one for number, one in enumerate(around))


def without(around: Value, path: tuple[str | int, ...]) -> Value:
    step, *rest = path
    if rest:
        return with_value(around, (step,), without(around[step], tuple(rest)))
    if isinstance(around, dict):
        return {name: one for name, one in around.items() if name != step}
    return tuple(one for number, one in enumerate(around) if number != step)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_changed_place_holds_exactly_the_value_and_nothing_else_changes(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(LAYOUTS))
    held = value_of(text)
    place = data.draw(st.sampled_from(places_of(held)))
    wanted = with_value(held, place, data.draw(values))
    assert rewriting.same(value_of(rewriting.rewrite(text, wanted)), wanted)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_place_taken_out_is_gone_and_nothing_else(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(LAYOUTS))
    held = value_of(text)
    wanted = without(held, data.draw(st.sampled_from(places_of(held))))
    assert rewriting.same(value_of(rewriting.rewrite(text, wanted)), wanted)


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(names, values, min_size=1, max_size=4))
def test_what_is_written_anew_reads_the_same(value: dict[str, Value]) -> None:
    assert rewriting.same(value_of(rewriting.write(value)), value)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.sampled_from(places_of(value_of(DEFAULT))), st.text("abc ,:#{}[]\"'-é\n", max_size=12))
def test_a_changed_word_costs_no_comment(place: tuple[str | int, ...], words: str) -> None:
    """Not written anew: every comment and every other line of the file is still there."""
    text = rewriting.rewrite(DEFAULT, with_value(value_of(DEFAULT), place, words))
    if len(place) > 1:
        assert [line for line in DEFAULT.splitlines() if line.startswith("#")] == [
            line for line in text.splitlines() if line.startswith("#")
        ]
