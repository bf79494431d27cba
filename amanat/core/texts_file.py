"""The operator's file that says through whom the site's own texts leave: codes, links and warnings for people who have no account here.

One JSON file and not a dozen settings: a provider wants a mapping of fields and a key, and the register of India (DLT) an id for each text.
It may hold a key, so it is for its owner's eyes only, and it lies outside of the data folder, whose copies go elsewhere.
"""

import json
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from amanat.core.setting_kinds import is_loopback

PROVIDERS = ("http", "msg91")
#: Where a value stands in a text as it is registered.
VARIABLE = "{#var#}"
_MOST = 200_000  # characters; a file this long is another file
_HEADER = re.compile(r"[A-Za-z0-9]{3,11}(?:-[STG])?")
_NUMBERS = ("{number}", "{plus_number}", "{local_number}")


class WrongFile(ValueError):
    """The file cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True, repr=False)
class TextsFile:
    """What it says. `mapping` has the keys of an account of "any SMS provider with an HTTP interface"."""

    provider: str
    header: str
    mapping: Mapping[str, Any]
    secrets: Mapping[str, str]
    template_id: str
    templates: Sequence[tuple[str, str]]  #: (registered text, its id)

    @property
    def url(self) -> str:
        return str(self.mapping.get("url", ""))

    @property
    def is_here(self) -> bool:
        """Whether the provider stands on this very machine."""
        return is_loopback(urlsplit(self.url).hostname or "")

    def template_of(self, text: str) -> tuple[str, list[str]]:
        """The id of the registered text that `text` was made of, and its values. The general id, without values, where none fits."""
        for registered, identity in self.templates:
            found = re.fullmatch("(.*?)".join(map(re.escape, registered.split(VARIABLE))), text, re.DOTALL)
            if found:
                return identity, list(found.groups())
        return self.template_id, []


def read(path: Path, *, data: Path) -> TextsFile:
    """Read the file. Raises WrongFile."""
    if data == path.parent or data in path.parents:
        raise WrongFile(f"{path} lies in the data folder, so a copy of the data would hold its keys: move it beside.")
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise WrongFile(f"there is no file {path}: make it, or leave the setting empty.") from None
    except (OSError, UnicodeDecodeError):
        raise WrongFile(f"{path} cannot be read as text: give it to the user who runs Amanat.") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise WrongFile(f"{path} can be read by other users: chmod 600 '{path}'.")
    try:
        said = json.loads(text) if len(text) <= _MOST else None
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise WrongFile(f"{path} is not JSON{where}: see docs/operators.md for an example.") from None
    if not isinstance(said, dict):
        raise WrongFile(f"{path} holds no JSON object: see docs/operators.md for an example.")
    return _understood(path, said)


def _understood(path: Path, said: dict[str, Any]) -> TextsFile:
    for name, value in said.items():
        if name not in _KEYS:
            raise WrongFile(f"{path} has a key “{name}” that is not known: these are {', '.join(_KEYS)}.")
        if not _KEYS[name](value):
            raise WrongFile(f"{path}: “{name}” is not understood: {_WANTED[name]}.")
    found = TextsFile(
        said.get("provider", "http"),
        said.get("header", ""),
        {name: value for name, value in said.items() if name in _MAPPING},
        said.get("secrets", {}),
        said.get("template_id", ""),
        [(one["text"], one["template_id"]) for one in said.get("templates", [])],
    )
    missing = _missing(found)
    if missing:
        raise WrongFile(f"{path} lacks {missing}: see docs/operators.md for an example.")
    return found


def _missing(found: TextsFile) -> str:
    if not found.header:
        return "“header”, the sender that people see"
    if found.provider == "msg91":
        return "" if found.secrets.get("authkey") else "“authkey” in “secrets”"
    if not found.url:
        return "“url”, where the provider takes texts"
    places = " ".join([found.url, *found.mapping.get("fields", {}).values()])
    if "{text}" not in places:
        return "the place {text} in “fields”"
    return "" if any(one in places for one in _NUMBERS) else "the place {number} in “fields”"


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


def _is_url(value: Any) -> bool:
    """Readable by nobody on the way: https on its own port, or this machine."""
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        if parts is None or not parts.hostname or parts.username or parts.password:
            return False
        return is_loopback(parts.hostname) or (parts.scheme == "https" and parts.port in {None, 443})
    except ValueError:
        return False


def _is_success(value: Any) -> bool:
    return (
        isinstance(value, dict) and set(value) <= {"status", "path", "is"} and isinstance(value.get("status", []), list)
    )


def _are_templates(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, dict) and set(one) == {"text", "template_id"} and _are_texts(one) and all(one.values())
        for one in value
    )


def _one_of(*choices: str) -> Callable[[Any], bool]:
    return lambda value: value in choices


_KEYS: dict[str, Callable[[Any], bool]] = {
    "provider": _one_of(*PROVIDERS),
    "header": lambda value: isinstance(value, str) and _HEADER.fullmatch(value) is not None,
    "header_class": _one_of("service", "transactional"),
    "entity_id": _is_text,
    "url": _is_url,
    "method": _one_of("POST", "GET"),
    "body": _one_of("json", "form", "query"),
    "fields": _are_texts,
    "headers": _are_texts,
    "success": _is_success,
    "id_path": _is_text,
    "code_path": _is_text,
    "faults": _are_texts,
    "template_id": _is_text,
    "templates": _are_templates,
    "secrets": _are_texts,
}
_OTHERS = {"provider", "header", "template_id", "templates", "secrets"}
_MAPPING = frozenset(_KEYS) - _OTHERS
_WANTED = {
    **dict.fromkeys(("entity_id", "id_path", "code_path", "template_id"), "give a text"),
    **dict.fromkeys(("fields", "headers", "faults", "secrets"), "give names with texts"),
    "provider": f"give one of {', '.join(PROVIDERS)}",
    "header": "give the registered sender, such as SHREEC",
    "header_class": "give service or transactional; codes are no offers",
    "url": "give an https address on port 443; plain http is for a provider on this machine",
    "method": "give POST or GET",
    "body": "give json, form or query",
    "success": "give an object with status (a list), path, is",
    "templates": 'give a list of {"text": ..., "template_id": ...}',
}
