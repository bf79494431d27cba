"""What people answer by SMS: which part of a provider's call is somebody's message, and what it says.

Nobody can answer a header. People write to a number of the provider (a long code, or virtual mobile number), alone or shared with other firms
and told apart by the first word, and the provider passes it on to the account's webhook. A mapping says what stands where:

    {"list": path, "from": paths, "text": paths, "id": paths, "at": paths, "keyword": paths, "path": path, "is": [...], "unless": paths}

Paths are one or several, of which the first that holds something counts. A part is a message where `from` and `text` hold something and, with
`path`, where what stands there is one of `is`; without it, where nothing stands at `unless`, such as the status of a delivery report.
`keyword` is the word of a shared number: it is taken off the front, so that "SHREE STOP" is a stop.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from amanat.core import phones
from amanat.messaging.channels import unsigned_calls
from amanat.messaging.channels.contract import Access
from amanat.messaging.channels.provider_json import at_path, listed

#: Where the provider gives neither an id nor a time: how long the same words of the same person are taken for the same message.
SAME_WITHIN = timedelta(minutes=10)
NEEDED = ("from", "text")


@dataclass(frozen=True, slots=True)
class Written:
    """A message of somebody, in the provider's own id and time, which may be empty."""

    sender: str  #: E.164, or as it came where it is no number
    text: str
    provider_id: str
    at: str


def own(access: Access) -> Mapping[str, Any]:
    """The mapping that the account itself says."""
    said = access.settings.get("inbound")
    return said if isinstance(said, dict) else {}


def found(mapping: Mapping[str, Any], part: Any) -> Written | None:
    """What a part of a call says as a message; None where it is none."""
    sender, text = (_first(part, mapping.get(name)) for name in NEEDED)
    if not (sender.strip() and text.strip()):
        return None
    if mapping.get("path"):
        said = str(at_path(part, str(mapping["path"])))
        if said.lower() not in {str(one).lower() for one in listed(mapping.get("is"))}:
            return None
    elif _first(part, mapping.get("unless")):
        return None
    told = _without(_first(part, mapping.get("keyword")), text)
    return Written(_number(sender), told, _first(part, mapping.get("id"))[:250], _first(part, mapping.get("at")))


def same(written: Written, at: datetime) -> bytes:
    """What makes it the same message when it comes again, at `at`: the provider's id of it, else the moment it was written."""
    when = written.provider_id or written.at or str(int(at.timestamp() // SAME_WITHIN.total_seconds()))
    return unsigned_calls.canonical(["message", written.sender, written.text, when])


def is_mapping(value: Any) -> bool:
    """Whether it says at least where number and words stand; nothing at all is a mapping too, by which nothing is taken in."""
    if not isinstance(value, dict):
        return False
    needed = [one for name in NEEDED for one in listed(value.get(name))]
    return not value or (
        all(listed(value.get(name)) for name in NEEDED) and all(isinstance(one, str) for one in needed)
    )


def _first(part: Any, paths: Any) -> str:
    """What stands at the first of the paths that hold something, as text."""
    for path in listed(paths):
        said = at_path(part, str(path)) if path else None
        if said not in (None, "", [], {}):
            return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    return ""


def _number(text: str) -> str:
    """Providers write it with and without the plus, those of India without the country code too."""
    text = text.strip()
    return phones.parse(text) or phones.parse(f"+{text}") or text[:40]


def _without(keyword: str, text: str) -> str:
    first, _space, rest = text.strip().partition(" ")
    return rest.strip() if keyword and first.casefold() == keyword.strip().casefold() and rest.strip() else text
