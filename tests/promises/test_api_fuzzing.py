"""Requests made up from the API's own description: none makes an error of ours, and every answer is as described."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import schemathesis
from django.core import signals
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from amanat import api
from amanat.accounts.models import Workspace
from amanat.accounts.tests.api_client import owners_program
from amanat.core import routes
from amanat.people.tests.factories import make_contact

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def _operations() -> list[tuple[str, str]]:
    paths = json.loads(api.document())["paths"]
    return [(path, method) for path, by_method in paths.items() for method in by_method]


@pytest.fixture
def requests_inside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Requests are part of the test's transaction, as with Django's own test client; limits are out of the way."""
    monkeypatch.setattr(routes, "_over_limit", lambda request, declared: None)
    for signal in (signals.request_started, signals.request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(close_old_connections)


@pytest.mark.slow
@pytest.mark.parametrize("path, method", _operations())
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_made_up_requests_are_answered_as_described(
    mode: GenerationMode, path: str, method: str, shree: Workspace, requests_inside: None
) -> None:
    make_contact(shree)
    token = owners_program(shree).token
    described = schemathesis.openapi.from_dict(json.loads(api.document()))
    described.app = get_wsgi_application()
    operation = described[path][method.upper()]
    statuses = set()

    @settings(
        max_examples=12, deadline=None, database=None, derandomize=True,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: schemathesis.Case) -> None:
        response = case.call(headers={"Authorization": f"Bearer {token}", "Host": "localhost"})
        statuses.add(response.status_code)
        case.validate_response(response, checks=CHECKS)

    try:
        send()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # nothing of this operation can be wrong
        return
    print("STAT", mode, method, path, statuses); assert 401 not in statuses and statuses
