"""What bodies and answers of the API are made of: strict shapes, times in UTC, pages by key, conditions, JSON both ways."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from django.core.exceptions import ValidationError as FormInvalid
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja.parser import Parser
from ninja.renderers import BaseRenderer
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    WithJsonSchema,
)
from pydantic_core import from_json, to_json

MOST_LISTED = 200
LISTED = 50
#: No shop takes more at once; far below what the database holds.
MOST_PAISE = 10**13
_EARLIEST, _LATEST = date(1900, 1, 1), date(2200, 12, 31)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"\d{2}:\d{2}(:\d{2})?", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})", re.ASCII)


class Strict(BaseModel):
    """What a body may hold: its fields and nothing else."""

    model_config = ConfigDict(extra="forbid")


def _written(pattern: re.Pattern[str], example: str) -> BeforeValidator:
    """Only the one spelling; pydantic alone would take numbers for days."""

    def check(value: Any) -> Any:
        if isinstance(value, date | time):
            return value
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError(f"write it like {example}")
        return value

    return BeforeValidator(check)


def _in_our_time(day: date) -> date:
    if not _EARLIEST <= day <= _LATEST:
        raise ValueError(f"a day from {_EARLIEST} to {_LATEST}")
    return day


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


Day = Annotated[date, _written(_DAY, "2026-11-21"), AfterValidator(_in_our_time)]
ClockTime = Annotated[
    time, _written(_TIME, "16:30"), WithJsonSchema({"type": "string", "pattern": f"^{_TIME.pattern}$"})
]
#: An instant; in answers always UTC, written with Z.
Moment = Annotated[datetime, _written(_MOMENT, "2026-11-21T09:30:00Z"), AfterValidator(_utc)]
Flag = StrictBool
Paise = Annotated[StrictInt, Field(ge=0, le=MOST_PAISE, examples=[15_000])]
Currency = Literal["INR"]
#: How many lines a page of a list has, and where it goes on.
Limit = Annotated[int, Field(ge=1, le=MOST_LISTED, description=f"Lines a page, at most {MOST_LISTED}.")]
After = Annotated[
    str, Field(max_length=400, description="Where the page begins: taken from the `next` of the page before.")
]


class Problem(BaseModel):
    """A refusal after RFC 9457."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank", "title": "The request is not well formed", "status": 422,
                "errors": [{"pointer": "/phones/0/number", "detail": "Field required"}],
            }
        }
    )  # fmt: skip

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    errors: list[ProblemError] | None = None


class ProblemError(BaseModel):
    """One wrong value: where it stands (a JSON pointer into the body, or a parameter of the address) and what is wrong."""

    pointer: str | None = None
    parameter: str | None = None
    detail: str


class Listed[Line: BaseModel](BaseModel):
    """One page of a list. `next` is the address of the following page, null on the last."""

    items: list[Line]
    next: str | None = None


def next_of(request: HttpRequest, after: str | None) -> str | None:
    """The address of the page that follows, with the filters of this one."""
    if after is None:
        return None
    kept = [(name, value) for name, values in request.GET.lists() for value in values if name != "after"]
    return f"{request.path}?{urlencode([*kept, ('after', after)])}"


def key_of(after: str) -> UUID | None:
    """The id a page goes on from, of lists whose key is the id. Raises ValidationError for anything else."""
    try:
        return UUID(after) if after else None
    except ValueError:
        raise broken_key() from None


def broken_key() -> FormInvalid:
    return FormInvalid({"?after": _("This page is not there any more. Begin at the first page.")})


class Stale(Exception):
    """The row was changed since the caller read it; `status` is what to answer: 409, or 412 where a header said so."""

    def __init__(self, status: int) -> None:
        super().__init__("changed meanwhile")
        self.status = HTTPStatus(status)


def etag_of(updated_at: datetime) -> str:
    return f'"{_utc(updated_at).isoformat()}"'


def seen_at(request: HttpRequest, in_body: datetime | None = None) -> datetime | None:
    """When the caller's copy was changed last, by If-Match or by `updated_at` of the body; None does not ask.

    Raises Stale for an If-Match that no answer of ours carried.
    """
    header = request.headers.get("If-Match", "").strip()
    if header in ("", "*"):
        return in_body
    try:
        found = datetime.fromisoformat(header.removeprefix('"').removesuffix('"'))
    except ValueError:
        raise Stale(412) from None
    if found.tzinfo is None or not header.startswith('"'):
        raise Stale(412)
    return found


def tag_of(shape: BaseModel) -> str:
    """The ETag of an answer about a row that keeps no time of its last change."""
    return f'"{hashlib.sha256(to_json(shape)).hexdigest()[:32]}"'


def require_same(request: HttpRequest, tag: str) -> None:
    """Raises Stale when If-Match names another answer than the present one."""
    header = request.headers.get("If-Match", "").strip()
    if header not in ("", "*", tag):
        raise Stale(412)


def stale_status(request: HttpRequest) -> int:
    return 412 if "If-Match" in request.headers else 409


def answer(
    shape: BaseModel, *, status: int = 200, location: str = "", updated_at: datetime | None = None
) -> HttpResponse:
    """A shape as JSON, with the headers that go with it."""
    response = HttpResponse(to_json(shape), status=status, content_type="application/json; charset=utf-8")
    if location:
        response["Location"] = location
    if updated_at is not None:
        response["ETag"] = etag_of(updated_at)
    return response


class JsonParser(Parser):
    """Bodies by a parser that refuses what json.loads takes: NaN, 10,000 levels, characters no database keeps."""

    def parse_body(self, request: HttpRequest) -> Any:
        body = from_json(request.body, allow_inf_nan=False)
        if b"\\u0000" in request.body and any("\x00" in text for text in _texts(body)):
            raise ValueError("the character U+0000 cannot be kept")
        return body


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


class JsonRenderer(BaseRenderer):
    """Answers with times to the microsecond: Django's encoder would cut them, and `updated_at` must come back as it was."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return to_json(data)


Problem.model_rebuild()
