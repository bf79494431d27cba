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
    if kind == "reaction" and not (content.get("message_id") and isinstance(content.get("emoji"), str)):
        raise Wrong(131008, "Required parameter is missing: reaction")
    if kind in _MEDIA and not (content.get("link") or content.get("id") in media):
        raise Wrong(131053, "Media upload error: the media id is not known")
    if kind == "interactive":
        _check_interactive(content)
    if kind == "template" and not any_template:
        _check_template_of(content, templates)


def _check_interactive(content: Mapping[str, Any]) -> None:
    """As Meta's pages "Interactive reply buttons messages" and "Interactive list messages" say, with the details that its answers give."""
    kind, action = content.get("type"), content.get("action", {})
    if kind not in {"button", "list"}:
        raise Wrong(131009, f"Interactive type {kind} is not played by this double")
    _within(content.get("body", {}).get("text"), 1024 if kind == "button" else 4096, "Body text")
    if kind == "button":
        _check_buttons([button["reply"] for button in action.get("buttons", [])])
    else:
        _within(action.get("button"), 20, "Button label")
        _check_sections(action.get("sections", []))


def _check_buttons(replies: list[Mapping[str, Any]]) -> None:
    if not 1 <= len(replies) <= 3:
        raise Wrong(131009, "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3")
    for reply in replies:
        _within(reply.get("title"), 20, "Button title")
        _within(reply.get("id"), 256, "Button id")
    _all_differ([reply["title"] for reply in replies], "button title")
    _all_differ([reply["id"] for reply in replies], "button id")


def _check_sections(sections: list[Mapping[str, Any]]) -> None:
    rows = [row for section in sections for row in section.get("rows", [])]
    if not rows:
        raise Wrong(131009, "Invalid rows count. Min allowed rows: 1, Max allowed rows: 10")
    if len(rows) > 10:
        raise Wrong(131009, "Total row count exceed max allowed count: 10")
    for section in sections:
        if len(sections) > 1 or "title" in section:
            _within(section.get("title"), 24, "Section title")
    for row in rows:
        _within(row.get("title"), 24, "Row title")
        _within(row.get("id"), 200, "Row id")
        if "description" in row:
            _within(row["description"], 72, "Row description")
    _all_differ([row["id"] for row in rows], "row id")


def _within(text: Any, most: int, what: str) -> None:
    if not isinstance(text, str) or not text.strip():
        raise Wrong(131009, f"{what} length invalid. Min length: 1, Max length: {most}")
    if len(text) > most:
        raise Wrong(131009, f"{what} is too long. Max length is {most}")


def _all_differ(texts: list[str], what: str) -> None:
    if len(set(texts)) < len(texts):
        raise Wrong(131009, f"Duplicated {what}")


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
