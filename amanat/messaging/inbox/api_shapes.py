"""What the API of conversations takes and gives."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from amanat.accounts.api_shapes import LISTED, After, Limit, Listed, Moment, Strict

VIEWS = Literal["mine", "unassigned", "all", "mentions", "snoozed", "closed", "unclear", "failed"]
CHANNELS = Literal["whatsapp", "sms", "email"]


class ThreadOut(BaseModel):
    id: UUID
    contact_id: UUID
    assigned_to_id: UUID | None
    unread: int
    last_at: Moment
    waiting_since: Moment | None = Field(description="Since when the person waits for an answer.")
    snoozed_until: Moment | None
    closed_at: Moment | None
    window_until: Moment | None = Field(description="Until then WhatsApp lets you answer freely; later only templates.")


class ThreadPage(Listed[ThreadOut]):
    """One page of conversations."""


class FileOut(BaseModel):
    name: str
    trouble: str = Field(description="Why it was not kept; empty when it was.")


class OptionOut(BaseModel):
    title: str
    description: str = Field(description="Of what stands in a list; empty elsewhere.")


class ChoicesOut(BaseModel):
    label: str = Field(description="What opens the list; empty for buttons.")
    options: list[OptionOut]


class MessageOut(BaseModel):
    id: UUID
    thread_id: UUID
    contact_id: UUID
    direction: Literal["in", "out", "note"]
    kind: str
    channel: str = Field(description="Empty for a note.")
    text: str
    subject: str
    language: str
    by_id: UUID | None = Field(description="The member who wrote it; none for the person and for the program.")
    answers_id: UUID | None = Field(
        description="The message it answers; a tapped choice (kind `choice`) has the choice's title as its text."
    )
    choices: ChoicesOut | None = Field(description="Buttons or a list below the text.")
    happened_at: Moment
    state: str | None = Field(
        description="How far a message of yours got: todo, sending, unknown, done, dead, refused, dropped, held."
    )
    delivery: str | None = Field(
        description="What the provider reported: sent, delivered, read, failed, or nothing yet."
    )
    reason: str | None = Field(description="Why it was refused.")
    files: list[FileOut]


class MessagePage(Listed[MessageOut]):
    """One page of messages, newest first."""


class Paged(Strict):
    after: After = ""
    limit: Limit = LISTED


class ThreadFilters(Paged):
    view: VIEWS = "all"
    contact_id: UUID | None = None


class MessageFilters(Paged):
    pass


class Wanted(Strict):
    q: str = Field(min_length=1, max_length=200, description="Words; a message has every one of them.")
    limit: Limit = LISTED


class OptionIn(Strict):
    title: str = Field(
        max_length=200, description="At most 20 characters on a button, 24 in a list; no two may be the same."
    )
    description: str = Field(default="", max_length=200, description="At most 72 characters; in a list only.")


class ReactionIn(Strict):
    emoji: Literal["👍", "❤️", "😂", "😮", "😢", "🙏"]


class ChoicesIn(Strict):
    """What the person can tap below the text: up to three buttons, or with a `label` a list of up to ten."""

    label: str = Field(default="", max_length=200, description="What opens the list, at most 20 characters.")
    options: list[OptionIn] = Field(min_length=1, max_length=20)


class MessageIn(Strict):
    """A free text, or a template that is filled for the person."""

    contact_id: UUID
    channel: CHANNELS = "whatsapp"
    text: str = Field(
        default="",
        max_length=50_000,
        description="Not by SMS to an Indian number, nor on WhatsApp once its window is shut: there a template.",
    )
    subject: str = Field(default="", max_length=300, description="Of an e-mail.")
    template_text_id: UUID | None = None
    choices: ChoicesIn | None = Field(default=None, description="On WhatsApp, while its window is open.")


class NoteIn(Strict):
    text: str = Field(min_length=1, max_length=10_000)


class AssignIn(Strict):
    member_id: UUID | None = Field(description="None gives it to nobody.")


class ThreadChange(Strict):
    is_closed: bool | None = None
    snoozed_until: Moment | None = None
