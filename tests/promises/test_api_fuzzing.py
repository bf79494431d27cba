"""Requests made up from the API's own description: none makes an error of ours, and every answer is as described."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from django.core import signals
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

from amanat import api
from amanat.accounts.models import Workspace
from amanat.accounts.tests.api_client import owners_program
from amanat.core.tenancy import WorkspaceRow
from tests.promises.test_api import ROWS, rows

__all__ = ["rows"]  # the fixture

# schemathesis is imported where it is used: every process of a run loads this file, and its import takes as long as many tests.


def _checks() -> list[Any]:
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    return [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
    ]


def _operations() -> list[tuple[str, str]]:
    paths = json.loads(api.document())["paths"]
    return [(path, method) for path, by_method in paths.items() for method in by_method]


@cache
def _described() -> Any:
    """The whole description, read once: it says the same to every test, and to read it takes longer than most of them."""
    import schemathesis

    described = schemathesis.openapi.from_dict(json.loads(api.document()))
    described.app = get_wsgi_application()
    return described


@pytest.fixture
def requests_inside() -> Iterator[None]:
    """Requests are part of the test's transaction, as with Django's own test client."""
    for signal in (signals.request_started, signals.request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(close_old_connections)


@pytest.mark.slow
@pytest.mark.parametrize("place", _operations(), ids=lambda place: f"{place[1]} {place[0]}")
@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_made_up_requests_are_answered_as_described(
    mode: str, place: tuple[str, str], shree: Workspace, rows: dict[str, WorkspaceRow], requests_inside: None
) -> None:
    """Ids in the address are those of rows that are there, unless it is the ids that are made up wrong."""
    from schemathesis.generation import GenerationMode

    token, checks = owners_program(shree).token, _checks()
    operation = _described()[place[0]][place[1].upper()]
    statuses = set()

    @settings(
        max_examples=12, deadline=None, database=None, derandomize=True,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=GenerationMode(mode)))
    def send(case: Any) -> None:
        if mode == "positive":
            case.path_parameters = {name: str(rows[ROWS[name]].pk) for name in case.path_parameters}
        response = case.call(
            headers={"Authorization": f"Bearer {token}", "Host": "localhost", "Accept-Encoding": "identity"}
        )
        statuses.add(response.status_code)
        case.validate_response(response, checks=checks)

    try:
        send()
    except Unsatisfiable:
        assert mode == "negative"  # nothing of this operation can be wrong
        return
    assert statuses and not (mode == "positive" and 401 in statuses)
