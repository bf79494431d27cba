"""One of our messages in the words of the Cloud API: its type and the object of that type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from amanat.messaging.channels.contract import Attached, Choice, Choices, Outgoing
from amanat.messaging.channels.models import MessageTemplate, TemplateText

#: Gives the id under which the provider keeps a file.
Upload = Callable[[Attached], str]
_CAPTIONED = frozenset({"image", "video", "document"})
#: What the API takes of each kind (Cloud API reference, "Supported media types", November 2026).
MOST_BYTES = {"image": 5_000_000, "sticker": 500_000, "audio": 16_000_000, "video": 16_000_000, "document": 100_000_000}
#: What it takes of choices below a text: Cloud API, "Interactive reply buttons messages" and "Interactive list messages" (read November
#: 2026), of which pywa's `Button` and `SectionList` say the same. Titles of buttons must differ; of a list only ids, which no reader sees.
MOST_BUTTONS, MOST_ROWS = 3, 10
LONGEST_BUTTON, LONGEST_ROW, LONGEST_DESCRIPTION, LONGEST_LABEL = 20, 24, 72, 20
LONGEST_ABOVE_BUTTONS, LONGEST_ABOVE_LIST = 1_024, 4_096
#: Languages that Meta calls by more than their code.
_LANGUAGES = {"pt": "pt_BR", "zh": "zh_CN"}
_AUTHENTICATION = MessageTemplate.Category.AUTHENTICATION


def language(code: str) -> str:
    """Our code ("en", "hi", "pt-BR") in Meta's spelling."""
    return _LANGUAGES.get(code, code.replace("-", "_"))


def media_kind(content_type: str) -> str:
    """What the API calls a file: pictures and sounds it knows by themselves, everything else is a document."""
    if content_type in {"image/jpeg", "image/png"}:
        return "image"
    if content_type == "image/webp":
        return "sticker"
    if content_type in {"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}:
        return "audio"
    return "video" if content_type in {"video/mp4", "video/3gpp"} else "document"


def takes_words(content_type: str) -> bool:
    """Whether a text can go along with such a file; with a sound or a sticker it would be lost."""
    return media_kind(content_type) in _CAPTIONED


def of(message: Outgoing, upload: Upload) -> tuple[str, dict[str, Any]]:
    """The type and its object. Raises ValueError for what one message of WhatsApp cannot carry."""
    if message.reaction is not None:
        return "reaction", {"message_id": message.answers, "emoji": message.reaction}
    if len(message.files) > 1:
        raise ValueError("one_file")
    if message.template:
        return "template", _template(message, upload)
    if message.choices:
        return "interactive", _interactive(message, message.choices)
    if message.files:
        return _media(message.files[0], upload, message.text)
    return "text", {"body": message.text, "preview_url": "https://" in message.text}


def _media(file: Attached, upload: Upload, caption: str) -> tuple[str, dict[str, Any]]:
    kind = media_kind(file.content_type)
    media: dict[str, Any] = {"id": file.provider_id or upload(file)}
    if caption and kind in _CAPTIONED:
        media["caption"] = caption
    if kind == "document":
        media["filename"] = file.name
    return kind, media


def _template(message: Outgoing, upload: Upload) -> dict[str, Any]:
    components: list[dict[str, Any]] = []
    if message.files:
        kind, media = _media(message.files[0], upload, "")
        components.append({"type": "header", "parameters": [{"type": kind, kind: media}]})
    if message.values:
        components.append({"type": "body", "parameters": [_text(value) for value in message.values]})
    if message.category == _AUTHENTICATION and message.values:
        code = {"type": "button", "sub_type": "url", "index": "0", "parameters": [_text(message.values[0])]}
        components.append(code)
    for place, (payload, _words) in enumerate(message.buttons):
        parameters = [{"type": "payload", "payload": payload}]
        components.append({"type": "button", "sub_type": "quick_reply", "index": str(place), "parameters": parameters})
    return {
        "name": message.template,
        "language": {"code": language(message.language), "policy": "deterministic"},
        **({"components": components} if components else {}),
    }


def _text(value: str) -> dict[str, str]:
    """A value of a variable; the API takes no line breaks, tabs or rows of spaces there."""
    return {"type": "text", "text": " ".join(value.split())}


def _interactive(message: Outgoing, choices: Choices) -> dict[str, Any]:
    """Quick replies, or a list of one section, which needs no title then. What fits is `inbox.choices`' matter."""
    if message.files:
        raise ValueError("file_with_choices")
    body = {"text": message.text}
    if not choices.label:
        buttons = [{"type": "reply", "reply": {"id": one.id, "title": one.title}} for one in choices.offered]
        return {"type": "button", "body": body, "action": {"buttons": buttons}}
    rows = [_row(one) for one in choices.offered]
    return {"type": "list", "body": body, "action": {"button": choices.label, "sections": [{"rows": rows}]}}


def _row(one: Choice) -> dict[str, str]:
    row = {"id": one.id, "title": one.title}
    return {**row, "description": one.description} if one.description else row


def template(one: MessageTemplate, text: TemplateText) -> dict[str, Any]:
    """A text as it is submitted for approval."""
    if one.category == _AUTHENTICATION:
        components: list[dict[str, Any]] = [
            {"type": "BODY", "add_security_recommendation": True},
            {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE"}]},
        ]
    else:
        components = _components(text)
    return {
        "name": one.name,
        "language": language(text.language),
        "category": one.category.upper(),
        "parameter_format": "POSITIONAL",
        "components": components,
    }


def _components(text: TemplateText) -> list[dict[str, Any]]:
    components: list[dict[str, Any]] = []
    if text.header:
        components.append({"type": "HEADER", "format": "TEXT", "text": text.header})
    body: dict[str, Any] = {"type": "BODY", "text": text.body}
    if text.examples:
        body["example"] = {"body_text": [list(text.examples)]}
    components.append(body)
    if text.footer:
        components.append({"type": "FOOTER", "text": text.footer})
    if text.buttons:
        components.append({"type": "BUTTONS", "buttons": _buttons(text.buttons)})
    return components


def _buttons(buttons: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for button in buttons:
        if button["type"] == "url":
            made.append({"type": "URL", "text": button["text"], "url": button["url"]})
        elif button["type"] == "phone":
            made.append({"type": "PHONE_NUMBER", "text": button["text"], "phone_number": button["phone"]})
        else:
            made.append({"type": "QUICK_REPLY", "text": button["text"]})
    return made
