"""The OpenAPI description made complete: what each operation needs, how it refuses, the headers it understands.

django-ninja writes paths, parameters and shapes; this adds what follows from our marks and rules, so that no operation
can forget it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from amanat.accounts.api_access import KEY_LENGTH, Needs
from amanat.accounts.api_shapes import Problem

TAGS = {
    "Token": "Who the token is.",
    "Contacts": "People the workspace knows.",
    "Companies": "Customers' firms.",
    "Search": "One search over everything that has a name or a number.",
    "Words": "Stages, tags and custom fields of the workspace.",
    "Services": "The catalogue, service records and payments.",
    "Papers": "Which papers are kept. Opening one asks for a signed-in browser and a reason.",
    "Tasks": "What is to be done, and when.",
    "Support cases": "What people ask to be put right, until it is settled.",
    "Conversations": "What was said with people over WhatsApp, SMS and e-mail, and writing to them.",
    "Requests": "What people ask about their data, and until when it is answered.",
    "Imports": "Files brought in, and taken back.",
    "Exports": "Lists and the whole workspace as files.",
    "Members": "Who works here.",
}
_REFUSALS = {
    400: "The request cannot be read, for example because it is not JSON.",
    401: "No token, or one that is unknown, expired or revoked.",
    403: "The token lacks the scope, or its member the permission.",
    404: "There is no such row here that the member may see.",
    409: "The row is not in a state that allows this, or was changed meanwhile.",
    412: "The row was changed since the ETag of If-Match was given.",
    413: "The request is too large.",
    422: "The request is well formed JSON but not acceptable; `errors` names each wrong value.",
    429: "Too many requests; Retry-After says when to go on.",
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A key of your making, one per act. A repeat with the same key within seven days gets the first answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH, "pattern": "^[!-~]+$"},
    "example": "order-4711",
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag you read; the change is refused with 412 when the row was changed since.",
    "schema": {"type": "string"},
    "example": '"2026-11-21T09:30:00.123456+00:00"',
}
_LOCATION = {"Location": {"description": "The address of what was made.", "schema": {"type": "string"}}}
_ETAG = {"ETag": {"description": "For If-Match.", "schema": {"type": "string"}}}


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and description of each operation."""
    for path, by_method in document["paths"].items():
        for method, operation in by_method.items():
            yield path, method, operation


def complete(document: dict[str, Any], marks: dict[tuple[str, str], Needs]) -> dict[str, Any]:
    """The document with what every operation shares. `marks` are the needs by (path, METHOD)."""
    for path, method, operation in operations(document):
        mark = marks[path, method.upper()]
        _say_needs(operation, mark)
        _add_headers(operation, method, has_etag="412" in _texts_of(operation.get("responses", {})))
        _add_refusals(operation, method, has_id="{" in path)
    shape = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    document["components"]["schemas"] |= shape.pop("$defs") | {"Problem": shape}
    document["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    return document


def _say_needs(operation: dict[str, Any], mark: Needs) -> None:
    wants = f"Scope `{mark.scope}`" if mark.scope else "Any scope"
    if mark.permission is not None:
        wants += f"; the member needs the permission “{mark.permission.value}”"
    operation["description"] = "\n\n".join(part for part in (operation.get("description", ""), f"{wants}.") if part)
    operation["security"] = [{"token": [mark.scope] if mark.scope else []}]


def _add_headers(operation: dict[str, Any], method: str, *, has_etag: bool) -> None:
    parameters = operation.setdefault("parameters", [])
    if method == "post":
        parameters.append(_KEY)
    if method == "patch" and has_etag:
        parameters.append(_IF_MATCH)
    for status, response in operation["responses"].items():
        if str(status) == "201":
            response["headers"] = dict(_LOCATION)
        if has_etag and str(status) == "200":
            response["headers"] = dict(_ETAG)


def _add_refusals(operation: dict[str, Any], method: str, *, has_id: bool) -> None:
    statuses = {400, 401, 403, 413, 422, 429} | ({404} if has_id else set())
    responses = {str(status): response for status, response in operation["responses"].items()}
    for status in sorted(statuses | {int(status) for status in responses if int(status) >= 400}):
        if status == 413 and method in ("get", "delete"):
            continue
        responses[str(status)] = {
            "description": _REFUSALS[status],
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    operation["responses"] = dict(sorted(responses.items()))


def _texts_of(responses: dict[Any, Any]) -> set[str]:
    return {str(status) for status in responses}
