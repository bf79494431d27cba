"""YAML from people we do not know, read into plain values, each with the line it stands on.

Built on the parser's events alone, so nothing in a file can make an object, call code, or grow: no tags, no anchors, no aliases, bounded
length, depth and number of values. Plain words stay words: YAML 1.1 would read Norway's `NO` as false, `1.10` as 1.1 and `22:30` as 1350.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from amanat.policy.telling import _, told

#: Where a value stands: the keys and list positions that lead to it.
Place = tuple[str | int, ...]
#: What a file can hold: dicts, tuples, strings, whole numbers, truth values and nothing.
Value = Any

LONGEST_FILE = 256 * 1024  #: bytes; the longest ready policy has a tenth of it
MOST_VALUES = 20_000
DEEPEST = 12
_WHOLE_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
# The C parser is seven times as fast; wheels of every platform we support carry it.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class NotReadable(ValueError):
    """The text is no file of ours: `line` (from 1), what is `wrong`, what to write `instead`."""

    def __init__(self, line: int, wrong: str, instead: str) -> None:
        super().__init__(f"line {line}: {wrong} {instead}")
        self.line, self.wrong, self.instead = line, wrong, instead


@dataclass(frozen=True)
class Document:
    """What a file holds, and where."""

    value: Value
    lines: Mapping[Place, int]

    def line(self, place: Place) -> int:
        """The line of `place`, or of the nearest thing around it that is written down."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read(text: str) -> Document:
    """The values of `text`. Raises NotReadable, naming the line and what to write instead."""
    if len(text.encode()) > LONGEST_FILE:
        raise NotReadable(
            1, told(_("The file is too long.")), told(_("Write at most {number} kB."), number=LONGEST_FILE // 1024)
        )
    try:
        return _Reader(iter(yaml.parse(text, Loader=LOADER))).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        wrong = told(_("This is not YAML: {reason}."), reason=str(error.problem or error.context))
        raise NotReadable(
            mark.line + 1 if mark else 1, wrong, told(_("Look for a missing quote, bracket or colon."))
        ) from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise NotReadable(
            1, told(_("This is not text: {reason}."), reason=str(error)), told(_("Save the file as UTF-8 text."))
        ) from None


def read_file(path: Path) -> Document:
    """As `read`; a file that is not UTF-8 is not readable either."""
    if path.stat().st_size > LONGEST_FILE:
        raise NotReadable(
            1, told(_("The file is too long.")), told(_("Write at most {number} kB."), number=LONGEST_FILE // 1024)
        )
    try:
        return read(path.read_text("utf-8"))
    except UnicodeDecodeError:
        raise NotReadable(1, told(_("This is not text.")), told(_("Save the file as UTF-8 text."))) from None


class _Reader:
    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._lines: dict[Place, int] = {}

    def document(self) -> Document:
        next(self._events)  # the stream begins
        first = next(self._events)
        if isinstance(first, yaml.StreamEndEvent):
            raise NotReadable(1, told(_("The file is empty.")), told(_("Begin with `amanat: 1`.")))
        value = self._value(next(self._events), ())
        next(self._events)  # the document ends
        if not isinstance(after := next(self._events), yaml.StreamEndEvent):
            line = after.start_mark.line + 1
            raise NotReadable(
                line, told(_("A second document begins here.")), told(_("Write one document in one file."))
            )
        return Document(value, self._lines)

    def _value(self, event: Any, place: Place) -> Value:
        line = event.start_mark.line + 1
        self._lines.setdefault(place, line)
        if len(self._lines) > MOST_VALUES or len(place) > DEEPEST:
            raise NotReadable(
                line, told(_("The file holds too much.")), told(_("Nest at most {number} levels."), number=DEEPEST)
            )
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            raise NotReadable(
                line, told(_("Anchors (&) and aliases (*) are not read.")), told(_("Write the value out."))
            )
        if event.tag is not None:
            raise NotReadable(
                line,
                told(_("The tag {tag} is not read."), tag=str(event.tag)),
                told(_("Leave out the word that begins with “!”.")),
            )
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return tuple(self._items(place))
        return self._mapping(place)

    def _items(self, place: Place) -> Iterator[Value]:
        number = 0
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._value(event, (*place, number))
            number += 1

    def _mapping(self, place: Place) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
                raise NotReadable(
                    line, told(_("The name of a value must be one word.")), told(_("Write `name: value`."))
                )
            if event.value in found:
                raise NotReadable(
                    line, told(_("“{name}” stands here twice."), name=str(event.value)), told(_("Keep one of the two."))
                )
            self._lines[*place, event.value] = line  # the name's line, not that of a value below it
            found[event.value] = self._value(next(self._events), (*place, event.value))
        return found


def _scalar(event: Any) -> Value:
    text: str = event.value
    if event.style:  # quoted, or a block of text
        return text
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else text
