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


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return _BAD.sub("\N{REPLACEMENT CHARACTER}", value)
        case list():
            return [_cleaned(each) for each in value]
        case dict():
            return {_cleaned(name): _cleaned(each) for name, each in value.items()}
    return value
