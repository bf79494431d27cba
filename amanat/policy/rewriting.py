"""Change what a policy file says and leave the rest of its text as it is: comments, layout and quotes stay where nothing changed.

`rewrite` compares the values a text holds with those it shall hold and replaces only the pieces that differ, found by the marks of the
parser. The new text is read again; should it not say exactly what was asked for (odd layouts there are many), it is written anew
from its values instead, so a change is never half made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

import yaml

from amanat.policy import reading
from amanat.policy.reading import Value

#: Words that need no quotes anywhere in a file, and that no reader of YAML takes for something else.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./+-]*(:[A-Za-z0-9_./+-]+)*|[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NOT_WORDS = frozenset(["true", "false", "null", "yes", "no", "on", "off", "y", "n"])
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")
_MOST_PASSES = 60
#: From, to, what stands there instead.
Edit = tuple[int, int, str]
_Node = Any


def rewrite(text: str, wanted: Value) -> str:
    """`text` changed to hold `wanted` (dicts, tuples, strings, whole numbers, truth values, None). Raises NotReadable for a bad `text`."""
    held = reading.read(text).value
    for _ in range(_MOST_PASSES):
        if same(held, wanted):
            return text
        edits = _fitting(_changes(text, yaml.compose(text, Loader=reading.LOADER), held, wanted))
        changed = _with(text, edits)
        try:
            held = reading.read(changed).value
        except reading.NotReadable:
            break
        if changed == text:
            break
        text = changed
    return write(wanted)


def write(value: Value) -> str:
    """A file that holds `value`, one entry of a block on each line."""
    lines: list[str] = []
    for name, block in value.items():
        if isinstance(block, tuple) and any(isinstance(item, Mapping) for item in block):
            lines += [f"{_name(name)}:", *(f"  - {in_flow(item)}" for item in block), ""]
        elif isinstance(block, Mapping) and any(isinstance(below, Mapping) for below in block.values()):
            lines += [f"{_name(name)}:", *(f"  {_name(key)}: {in_flow(below)}" for key, below in block.items()), ""]
        else:
            lines.append(f"{_name(name)}: {in_flow(block)}")
    return "\n".join(lines).rstrip("\n") + "\n"


def in_flow(value: Value) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_name(name)}: {in_flow(below)}" for name, below in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(in_flow, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    return str(value) if isinstance(value, int) else _quoted(value)


def same(one: Value, other: Value) -> bool:
    """Whether two values say the same; 1 is not true, and the sequence of names says nothing."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def _name(name: str) -> str:
    return _quoted(name)


def _quoted(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_WORDS and len(text) < 200:
        return text
    written = json.dumps(text, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", written)


# --- which pieces of the text change ------------------------------------------------------------------------------------------


def _changes(text: str, node: _Node, held: Value, wanted: Value) -> Iterator[Edit]:
    if same(held, wanted):
        return
    if isinstance(held, dict) and isinstance(wanted, Mapping) and held and wanted:
        yield from _in_mapping(text, node, held, wanted)
    elif _are_entries(held) and _are_entries(wanted):
        yield from _in_entries(text, node, held, cast(tuple[dict[str, Value], ...], wanted))
    else:
        yield _replaced(text, node, wanted)


def _are_entries(value: Value) -> bool:
    """Whether this is a list of things told apart by their id, such as clauses."""
    if not isinstance(value, tuple) or not value:
        return False
    ids = [item.get("id") if isinstance(item, Mapping) else None for item in value]
    return all(isinstance(one, str) for one in ids) and len({*ids}) == len(ids)


def _in_mapping(text: str, node: _Node, held: dict[str, Value], wanted: Mapping[str, Value]) -> Iterator[Edit]:
    pairs = {key.value: (key, value) for key, value in node.value}
    kept = [name for name in held if name in wanted]
    new = [name for name in wanted if name not in held]
    if not kept:
        yield _replaced(text, node, wanted)
        return
    for name in kept:
        yield from _changes(text, pairs[name][1], held[name], wanted[name])
    spans = [(key.start_mark.index, _end(text, value)) for key, value in node.value]
    for number, name in enumerate(held):
        if name not in wanted:
            yield _removed(text, node, spans, number)
    if new:
        written = [f"{_name(name)}: {in_flow(wanted[name])}" for name in new]
        yield _added(text, node, spans, list(held).index(kept[-1]), written)


def _in_entries(
    text: str, node: _Node, held: tuple[dict[str, Value], ...], wanted: tuple[dict[str, Value], ...]
) -> Iterator[Edit]:
    before, after = [item["id"] for item in held], [item["id"] for item in wanted]
    if [name for name in before if name in after] != [name for name in after if name in before]:
        yield _rewritten(text, node, wanted)  # the sequence changed
        return
    if not {*before} & {*after}:
        yield _rewritten(text, node, wanted)
        return
    spans = [(_item_start(text, node, item), _end(text, item)) for item in node.value]
    for number, name in enumerate(before):
        if name in after:
            yield from _changes(text, node.value[number], held[number], wanted[after.index(name)])
        else:
            yield _removed(text, node, spans, number)
    for number, name in enumerate(after):
        if name in before:
            continue
        earlier = [before.index(one) for one in after[:number] if one in before]
        if not earlier:  # before the first: it is added behind it, and the next pass finds another sequence
            yield _rewritten(text, node, wanted)
            return
        behind = after[number - 1]
        if behind in before:
            yield _added(text, node, spans, earlier[-1], [in_flow(wanted[number])])


# --- pieces -------------------------------------------------------------------------------------------------------------------


def _replaced(text: str, node: _Node, wanted: Value) -> Edit:
    start, end = node.start_mark.index, _end(text, node)
    before = "" if not start or text[start - 1] in " \t\n[{,(-" else " "
    after = "\n" if end > start and text[end - 1] == "\n" else ""
    return start, end, f"{before}{in_flow(wanted)}{after}"


def _rewritten(text: str, node: _Node, wanted: tuple[dict[str, Value], ...]) -> Edit:
    """A whole list of entries, one on each line where each had its own."""
    if node.flow_style:
        return _replaced(text, node, wanted)
    indent = " " * node.start_mark.column
    written = f"\n{indent}".join(f"- {in_flow(item)}" for item in wanted)
    return node.start_mark.index, _end(text, node), written


def _removed(text: str, node: _Node, spans: list[tuple[int, int]], number: int) -> Edit:
    start, end = spans[number]
    if node.flow_style:
        if number + 1 < len(spans):
            return start, spans[number + 1][0], ""
        return spans[number - 1][1], end, ""
    return _line_start(text, start), _line_end(text, end), ""


def _added(text: str, node: _Node, spans: list[tuple[int, int]], behind: int, written: list[str]) -> Edit:
    """Behind an entry that stays."""
    end = spans[behind][1]
    if node.flow_style:
        return end, end, "".join(f", {one}" for one in written)
    first = spans[0][0]
    indent = " " * (first - _line_start(text, first)) if _is_blank(text, first) else " " * node.start_mark.column
    mark = "- " if isinstance(node, yaml.SequenceNode) else ""
    end = _line_end(text, end)
    glue = "" if end and text[end - 1] == "\n" else "\n"
    return end, end, glue + "".join(f"{indent}{mark}{one}\n" for one in written)


def _end(text: str, node: _Node) -> int:
    """Where a node's own text ends; a block's mark stands behind the comments and blank lines that follow it."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(text, last[1] if isinstance(last, tuple) else last)


def _item_start(text: str, node: _Node, item: _Node) -> int:
    """Where an entry of a list begins, with its dash."""
    if node.flow_style:
        return int(item.start_mark.index)
    return text.rindex("-", 0, item.start_mark.index)


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _line_end(text: str, at: int) -> int:
    """Behind the line break of the line on which something ends."""
    if at and text[at - 1] == "\n":
        return at
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def _is_blank(text: str, at: int) -> bool:
    return not text[_line_start(text, at) : at].strip()


def _fitting(edits: Iterator[Edit]) -> list[Edit]:
    """Those that can be made at once: none touches the piece of another; the rest waits for the next pass."""
    chosen: list[Edit] = []
    for edit in sorted(edits, key=lambda edit: edit[:2]):
        if not chosen or edit[0] > chosen[-1][1]:
            chosen.append(edit)
    return chosen


def _with(text: str, edits: list[Edit]) -> str:
    for start, end, written in reversed(edits):
        text = text[:start] + written + text[end:]
    return text
