"""Is the installation well? Told by the database's clock, without a sign-in, without a word about anybody."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client, RequestFactory

from amanat.core import clock, health


def worker(seconds_ago: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - make_interval(secs => %s))",
            [seconds_ago],
        )


@pytest.fixture(autouse=True)
def _no_worker(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_workers")


@pytest.mark.parametrize(
    ("silences", "is_well"),
    [([], False), ([0], True), ([29], True), ([31], False), ([31, 3600], False), ([3600, 5], True)],
)
def test_a_worker_that_was_silent_for_half_a_minute_does_not_count(silences: list[float], is_well: bool) -> None:
    for seconds in silences:
        worker(seconds)
    assert health.state() == {"web": True, "database": True, "workers": is_well}


def test_a_moved_clock_of_this_process_makes_nobody_ill() -> None:
    worker(1)
    with clock.standing_at(clock.now() + timedelta(days=365)):
        assert health.state()["workers"]


@pytest.mark.parametrize("is_well", [True, False])
def test_the_answer_is_503_when_anything_is_not_well(is_well: bool) -> None:
    if is_well:
        worker(0)
    response = health.healthz(RequestFactory().get("/healthz"))
    assert response.status_code == (200 if is_well else 503)
    assert json.loads(response.content) == {"web": True, "database": True, "workers": is_well}


def test_a_database_that_does_not_answer_is_told_and_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> Any:
        raise DatabaseError("connection to server at 10.0.0.5 failed for user amanat_app")

    monkeypatch.setattr(health, "connection", SimpleNamespace(cursor=refused))
    assert health.state() == {"web": True, "database": False, "workers": False}
    response = health.healthz(RequestFactory().get("/healthz"))
    assert response.status_code == 503
    assert b"10.0.0.5" not in response.content and b"amanat_app" not in response.content


def test_it_is_asked_without_a_sign_in_and_kept_nowhere() -> None:
    response = Client().get("/healthz")
    assert response.status_code == 503
    assert "no-store" in response.headers["Cache-Control"]
    assert not response.cookies
