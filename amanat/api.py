"""The REST API under /api/v1: routers of the packages, errors after RFC 9457, every path in the route table."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as FormInvalid
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from amanat import __version__
from amanat.accounts.api import router as accounts_router
from amanat.accounts.api_access import ApiTokens, problem
from amanat.core.routes import anyone, route
from amanat.desk.api import router as desk_router
from amanat.people.api import router as people_router

PREFIX = "api/v1/"

api = NinjaAPI(
    title="Amanat",
    version=__version__,
    urls_namespace="api",
    docs_url=None,  # the documentation page would load scripts from another host
    description=(
        "Send a token as `Authorization: Bearer amt_...`; tokens are made on the page API tokens of a workspace. "
        "A POST with an Idempotency-Key acts once. Errors are problems after RFC 9457."
    ),
    openapi_extra={
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
    },
)
for _router in (people_router, desk_router, accounts_router):
    api.add_router("", _router)


@api.exception_handler(ValidationError)
def _invalid_shape(request: HttpRequest, error: ValidationError) -> HttpResponse:
    errors = [{"pointer": _pointer(found.get("loc", ())), "detail": str(found.get("msg", ""))} for found in error.errors]
    return problem(422, _("The request is not well formed"), errors=errors)


def _pointer(place: tuple[Any, ...]) -> str:
    """A JSON pointer (RFC 6901) into the body; ninja puts "body" and the parameter's name in front."""
    return "/" + "/".join(str(part) for part in place[2 if place[:1] == ("body",) else 1 :])


@api.exception_handler(FormInvalid)
def _invalid_values(request: HttpRequest, error: FormInvalid) -> HttpResponse:
    by_field = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    errors = [{"pointer": f"/{name}", "detail": message} for name, messages in by_field.items() for message in messages]
    return problem(422, _("The request was refused"), errors=errors)


@api.exception_handler(Http404)
def _not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return problem(404, _("Not found"))


@api.exception_handler(HttpError)
def _refused(request: HttpRequest, error: HttpError) -> HttpResponse:
    return problem(error.status_code, error.message)


def _patterns() -> list[URLPattern]:
    """Each path once as a declared route, its rule made from the marks on its operations."""
    declared: dict[str, URLPattern] = {}
    for bound in api._get_bound_routers():
        views = [view for view in bound.path_operations.values() for _operation in view.operations]
        for view, pattern in zip(views, bound.urls_paths(bound.prefix), strict=True):
            template = str(pattern.pattern)
            if template in declared:
                continue
            by_method = {
                method: operation.view_func.needs  # type: ignore[attr-defined]
                for operation in view.operations
                for method in operation.methods
            }
            rule = ApiTokens(by_method)
            declared[template] = route(
                PREFIX + template, pattern.callback, name=f"api:{template}", rule=rule, methods=tuple(by_method)
            )
    return list(declared.values())


def openapi(request: HttpRequest) -> HttpResponse:
    """The description of every API route (OpenAPI 3.1)."""
    return api.create_response(request, api.get_openapi_schema(path_prefix=f"/{PREFIX}"), status=200)


urlpatterns = [route(PREFIX + "openapi.json", openapi, name="api:openapi", rule=anyone), *_patterns()]
