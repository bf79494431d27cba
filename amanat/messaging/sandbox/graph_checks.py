"""What the Cloud API checks of a message and of a template before it takes them, as far as a double needs it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_VARIABLE = re.compile(r"\{\{(\d+)\}\}")
_TYPES = frozenset({
    "text", "template", "interactive", "reaction", "image", "document", "audio", "video", "sticker", "location", "contacts",
})  # fmt: skip
_MEDIA = frozenset({"image", "document", "audio", "video", "sticker"})


class Wrong(Exception):
    """The request is refused with this code."""

    def __init__(self, code: int, message: str, *, status: int = 400, subcode: int | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.subcode = code, message, status, subcode


def check_message(
    message: Mapping[str, Any],
    templates: Mapping[str, Mapping[str, Any]],
    media: Mapping[str, Any],
    *,
    any_template: bool,
) -> None:
    """Raises Wrong."""
    kind = message.get("type", "text")
    if message.get("messaging_product") != "whatsapp":
        raise Wrong(100, "The parameter messaging_product is required.")
    if not str(message.get("to", "")).isdigit():
        raise Wrong(131009, "Parameter value is not valid: to")
    if kind not in _TYPES:
        raise Wrong(131051, "Unsupported message type")
    content: Any = message.get(kind)
    if not isinstance(content, dict) and kind != "contacts":
        raise Wrong(131008, f"Required parameter is missing: {kind}")
    if kind == "text" and not 1 <= len(str(content.get("body", ""))) <= 4096:
        raise Wrong(131009, "Param text['body'] must be between 1 and 4096 characters long")
    if kind in _MEDIA and not (content.get("link") or content.get("id") in media):
        raise Wrong(131053, "Media upload error: the media id is not known")
    if kind == "interactive":
        _check_interactive(content)
    if kind == "template" and not any_template:
        _check_template_of(content, templates)


def _check_interactive(content: Mapping[str, Any]) -> None:
    buttons = content.get("action", {}).get("buttons", [])
    rows = [row for section in content.get("action", {}).get("sections", []) for row in section.get("rows", [])]
    titles = [*(button["reply"]["title"] for button in buttons), *(row["title"] for row in rows)]
    if not titles or len(buttons) > 3 or len(rows) > 10:
        raise Wrong(131009, "Interactive: 1 to 3 buttons or 1 to 10 rows")
    if any(not 1 <= len(title) <= 24 for title in titles):
        raise Wrong(131009, "Interactive: a title is too long or empty")


def _check_template_of(content: Mapping[str, Any], templates: Mapping[str, Mapping[str, Any]]) -> None:
    wanted = (content.get("name"), content.get("language", {}).get("code"))
    known = next((one for one in templates.values() if (one["name"], one["language"]) == wanted), None)
    if known is None or known["status"] not in {"APPROVED", "PAUSED"}:
        raise Wrong(132001, "Template name does not exist in the translation", status=404)
    if known["status"] == "PAUSED":
        raise Wrong(132015, "Template is paused")
    body: dict[str, Any] = next((one for one in known["components"] if one["type"] == "BODY"), {})
    expected = len(set(_VARIABLE.findall(body.get("text", ""))))
    given: list[Any] = next((one["parameters"] for one in content.get("components", []) if one["type"] == "body"), [])
    if "text" in body and len(given) != expected:
        raise Wrong(132000, "Number of parameters does not match the expected number of params")
    if any("\n" in str(one.get("text", "")) or "\t" in str(one.get("text", "")) for one in given):
        raise Wrong(132018, "Param text cannot have new-line or tab characters")


def check_template(wanted: Mapping[str, Any], templates: Mapping[str, Mapping[str, Any]]) -> None:
    """Raises Wrong."""
    if not re.fullmatch(r"[a-z0-9_]{1,512}", str(wanted.get("name", ""))):
        raise Wrong(100, "Invalid parameter: name")
    if wanted.get("category") not in {"UTILITY", "MARKETING", "AUTHENTICATION"}:
        raise Wrong(100, "Invalid parameter: category")
    same = [
        one for one in templates.values() if (one["name"], one["language"]) == (wanted["name"], wanted.get("language"))
    ]
    if same:
        raise Wrong(100, "Invalid parameter: the template exists in this language already", subcode=2388024)
    for component in wanted.get("components", ()):
        text = str(component.get("text", ""))
        if component.get("type") != "BODY" or "text" not in component:
            continue
        numbers = sorted({int(number) for number in _VARIABLE.findall(text)})
        examples = component.get("example", {}).get("body_text", [[]])[0]
        if len(text) > 1024 or numbers != list(range(1, len(numbers) + 1)) or len(examples) != len(numbers):
            raise Wrong(100, "Invalid parameter: body", subcode=2388043)
        if text.strip().startswith("{{") or text.strip().endswith("}}"):
            raise Wrong(100, "Variables can't be at the start or end of the template.", subcode=2388299)
        if len(text.split()) < 2 * len(numbers) + 1:
            raise Wrong(100, "This template has too many variables for its length.", subcode=2388293)
