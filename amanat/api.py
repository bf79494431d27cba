"""The REST API under /api/v1: routers of the packages, errors after RFC 9457, every path in the route table."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError as FormInvalid
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.operation import Operation

from amanat import __version__
from amanat.accounts import api_document, api_shapes, members
from amanat.accounts.api import router as accounts_router
from amanat.accounts.api_access import LIMITS, ApiTokens, Needs, problem
from amanat.accounts.api_shapes import JsonParser, JsonRenderer
from amanat.basis.api import router as basis_router
from amanat.core import files
from amanat.core.routes import anyone, route
from amanat.desk.api import router as desk_router
from amanat.desk.cases.handling import CaseRefused
from amanat.desk.payments import PaymentRefused
from amanat.desk.services import ServiceRefused
from amanat.desk.todo import TaskRefused
from amanat.messaging.inbox.api import router as inbox_router
from amanat.people import bin as people_bin
from amanat.people import lists, records
from amanat.people.api import router as people_router
from amanat.people.exporting import ExportRefused
from amanat.people.importing.runs import ImportRefused
from amanat.people.importing.tables import FileRefused as UnreadableFile
from amanat.people.merging import MergeRefused
from amanat.privacy.requests.api import router as requests_router
from amanat.privacy.requests.asking import RequestRefused

log = logging.getLogger(__name__)

PREFIX = "api/v1/"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

api = NinjaAPI(
    title="Amanat",
    version=__version__,
    urls_namespace="api",
    docs_url=None,  # the documentation page would load scripts from another host
    openapi_url=None,  # served below, completed and as a declared route
    parser=JsonParser(),
    renderer=JsonRenderer(),
    description=(
        "Send a token as `Authorization: Bearer amt_...`; tokens are made on the page API tokens of a workspace. "
        "A POST with an Idempotency-Key acts once. Errors are problems after RFC 9457. Times are UTC, money is in paise, "
        "phones are E.164."
    ),
    openapi_extra={"info": {"license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}}},
)
for _router in (accounts_router, people_router, basis_router, desk_router, inbox_router, requests_router):
    api.add_router("", _router)


# --- refusals ------------------------------------------------------------------------------------------------------

#: Our words for a field where the API's differ.
_NAMES = {"owner": "owner_id", "team": "team_id", "stage": "stage_id"}


def _pointer(*parts: Any) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


@api.exception_handler(ValidationError)
def _invalid_shape(request: HttpRequest, error: ValidationError) -> HttpResponse:
    return problem(422, _("The request is not well formed"), errors=[_shape_error(found) for found in error.errors])


def _shape_error(found: dict[str, Any]) -> dict[str, str]:
    place, detail = tuple(found.get("loc", ())), str(found.get("msg", ""))
    if place[:1] == ("body",):
        return {
            "pointer": _pointer(*place[2:]),
            "detail": detail,
        }  # ninja puts "body" and the parameter's name in front
    if place[:1] in (("file",), ("form",)):
        return {"pointer": _pointer(*place[1:]), "detail": detail}
    return {"parameter": str(place[-1]) if len(place) > 1 else "", "detail": detail}


@api.exception_handler(FormInvalid)
def _invalid_values(request: HttpRequest, error: FormInvalid) -> HttpResponse:
    by_field = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    errors = [_value_error(name, message) for name, messages in by_field.items() for message in messages]
    return problem(422, _("The request was refused"), errors=errors)


def _value_error(name: str, message: str) -> dict[str, str]:
    """Rules name the second phone "phones-1", a custom field "custom-caste", a part of a part "choices.label"; "?name" is a parameter."""
    if name.startswith("?"):
        return {"parameter": name[1:], "detail": message}
    first, dash, rest = name.partition("-")
    parts = [*_NAMES.get(first, first).split("."), *([rest] if dash else [])]
    return {"pointer": _pointer(*parts) if name not in ("", "__all__") else "", "detail": message}


@api.exception_handler(Http404)
def _not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return problem(404, _("Not found"))


@api.exception_handler(HttpError)
def _refused(request: HttpRequest, error: HttpError) -> HttpResponse:
    if error.status_code == 400:
        return problem(400, _("The request cannot be read"), detail=_("The body must be one JSON value in UTF-8."))
    return problem(error.status_code, error.message)


@api.exception_handler(lists.Refused)
def _list_refused(request: HttpRequest, error: lists.Refused) -> HttpResponse:
    return problem(422, _("The request was refused"), detail=str(error))


@api.exception_handler(records.Stale)
def _record_stale(request: HttpRequest, error: records.Stale) -> HttpResponse:
    return _stale(api_shapes.stale_status(request))


@api.exception_handler(api_shapes.Stale)
def _row_stale(request: HttpRequest, error: api_shapes.Stale) -> HttpResponse:
    return _stale(error.status)


def _stale(status: int) -> HttpResponse:
    return problem(status, _("Somebody changed this meanwhile"), detail=_("Read it again, then change it."))


@api.exception_handler(people_bin.MayNotDelete)
def _may_not(request: HttpRequest, error: Exception) -> HttpResponse:
    return problem(403, _("The member may not do this"))


@api.exception_handler(members.LastOwner)
def _last_owner(request: HttpRequest, error: Exception) -> HttpResponse:
    return problem(409, _("This is the only owner"), detail=_("Make somebody else an owner first."))


def _say_why(status: int) -> Callable[[HttpRequest, Any], HttpResponse]:
    """The refusals of rules carry words for the person."""

    def handle(request: HttpRequest, error: Exception) -> HttpResponse:
        return problem(status, _("The request was refused"), detail=str(error))

    return handle


#: The refusals of rules whose words are for the person, and what they answer.
_REFUSALS: dict[type[Exception], int] = {
    ServiceRefused: 409,
    CaseRefused: 409,
    PaymentRefused: 409,
    TaskRefused: 409,
    ImportRefused: 409,
    ExportRefused: 409,
    MergeRefused: 409,
    RequestRefused: 409,
    files.FileRefused: 422,
    UnreadableFile: 422,
}
for _refusal, _status in _REFUSALS.items():
    api.add_exception_handler(_refusal, _say_why(_status))


@api.exception_handler(Exception)
def _ours(request: HttpRequest, error: Exception) -> HttpResponse:
    """A mistake of ours, for the log; the answer rolls the transaction back like any other refusal."""
    log.error("a request of the API failed", exc_info=error)
    return problem(500, _("Something went wrong on our side"))


# --- routes --------------------------------------------------------------------------------------------------------


def _strict(callback: Callable[..., HttpResponseBase], by_method: dict[str, Operation]) -> Any:
    """The callback behind a check of what no shape sees: parameters and bodies that nobody reads are mistakes, and said so."""
    parameters = {method: _parameters(operation) for method, operation in by_method.items()}
    bodiless = {method for method, operation in by_method.items() if not _takes_body(operation)}

    @functools.wraps(callback)
    def check(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        is_head = request.method == "HEAD"
        if is_head:
            request.method = "GET"
        known = parameters[str(request.method)]
        errors = [
            {"parameter": name, "detail": _("There is no such parameter.")}
            for name in request.GET
            if name not in known and not (name.startswith("custom.") and known & {"sort", "view"})
        ]
        errors += [
            {"parameter": name, "detail": _("It holds a character that cannot be kept.")}
            for name, values in request.GET.lists()
            if any("\x00" in value for value in values)
        ]
        if request.method in bodiless and request.body.strip() not in (b"", b"{}", b"null"):
            errors.append({"pointer": "", "detail": _("Nothing is read from the body here.")})
        if errors:
            return problem(422, _("The request is not well formed"), errors=errors)
        response = callback(request, *args, **kwargs)
        if is_head and isinstance(response, HttpResponse):
            response["Content-Length"] = str(len(response.content))
            response.content = b""
        return response

    return csrf_exempt(check)  # a token is no cookie: no other site can make a browser send it


def _parameters(operation: Operation) -> frozenset[str]:
    """Names of the parameters an operation reads from the address."""
    models: list[Any] = [model for model in operation.models if model.__ninja_param_source__ == "query"]
    return frozenset(name for model in models for name in model.__ninja_flatten_map__)


def _takes_body(operation: Operation) -> bool:
    models: list[Any] = list(operation.models)
    return any(model.__ninja_param_source__ in ("body", "form", "file") for model in models)


def _mark(operation: Operation) -> Needs:
    mark: Needs = operation.view_func.needs  # type: ignore[attr-defined]
    return mark


def _patterns() -> list[URLPattern]:
    """Each path once as a declared route, its rule made from the marks on its operations."""
    declared: dict[str, URLPattern] = {}
    for bound in api._get_bound_routers():
        views = [view for view in bound.path_operations.values() for _operation in view.operations]
        for view, pattern in zip(views, bound.urls_paths(bound.prefix), strict=True):
            template = str(pattern.pattern)
            if template in declared:
                continue
            by_method = {method: operation for operation in view.operations for method in operation.methods}
            declared[template] = route(
                PREFIX + template,
                _strict(pattern.callback, by_method),
                name=f"api:{template}",
                rule=ApiTokens({method: _mark(each) for method, each in by_method.items()}),
                methods=tuple(by_method),
                limits=LIMITS,
            )
    return list(declared.values())


@functools.cache
def document() -> bytes:
    """The description of every API route (OpenAPI 3.1), as JSON."""
    written = dict(api.get_openapi_schema(path_prefix=f"/{PREFIX}"))
    written["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    marks = {
        (path, method.upper()): _mark(operation)
        for path, by_method in _by_path().items()
        for method, operation in by_method.items()
    }
    complete = api_document.complete(written, marks)
    complete["paths"][f"/{PREFIX}openapi.json"] = {
        "get": {
            "operationId": "openapi", "summary": "This description", "tags": ["Token"], "security": [],
            "responses": {"200": {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}}},
        }
    }  # fmt: skip
    return JsonRenderer().render(HttpRequest(), complete, response_status=200)


def _by_path() -> dict[str, dict[str, Operation]]:
    """Operations by the path and method under which the document lists them."""
    found: dict[str, dict[str, Operation]] = {}
    for bound in api._get_bound_routers():
        for path, view in bound.path_operations.items():
            shown = "/" + PREFIX + re.sub(r"\{[^}:]+:", "{", path).lstrip("/")
            for operation in view.operations:
                found.setdefault(shown, {}).update(dict.fromkeys(operation.methods, operation))
    return found


def openapi(request: HttpRequest) -> HttpResponse:
    """The description of every API route."""
    return HttpResponse(document(), content_type="application/json; charset=utf-8")


urlpatterns = [
    route(PREFIX + "openapi.json", openapi, name="api:openapi", rule=anyone),
    *_patterns(),
]
