"""What providers say, read from JSON: as text that a database takes and that can be written out again.

JSON may hold half of a pair of code units ("\\ud83d" alone, of an emoji cut in two) and the zero character. Neither can be kept, so
an event with one would be refused with an error, and the provider would bring it again for days.
"""

from __future__ import annotations

import json
import re
from typing import Any

#: Cheap to ask: nearly no call holds any of these.
_SUSPECT = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")
_BAD = re.compile("[\x00\ud800-\udfff]")


def loads(text: str | bytes) -> Any:
    """The JSON with a sign of replacement in place of what no text may hold. Raises ValueError, RecursionError."""
    text = text.decode() if isinstance(text, bytes) else text
    found = json.loads(text)
    return _cleaned(found) if _SUSPECT.search(text) else found


def at_path(data: Any, path: str) -> Any:
    """What stands at "data.0.id", or None. The empty path is the whole."""
    for step in path.split(".") if path else ():
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and step.isdigit() and int(step) < len(data):
            data = data[int(step)]
        else:
            return None
    return data


def listed(value: Any) -> list[Any]:
    """A setting that holds one or several; nothing where it is not set."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def cleaned(text: str) -> str:
    """With a sign of replacement in place of what no text may hold."""
    return _BAD.sub("\N{REPLACEMENT CHARACTER}", text)


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return cleaned(value)
        case list():
            return [_cleaned(each) for each in value]
        case dict():
            return {_cleaned(name): _cleaned(each) for name, each in value.items()}
    return value
