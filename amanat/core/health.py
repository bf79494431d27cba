"""Is the installation well: web, database, workers? For load balancers, the supervisor and outside checks."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

#: A worker says every 10 s that it lives; three silences mean it does not.
WORKER_SILENCE_SECONDS = 30


def state() -> dict[str, bool]:
    """What is well. Measured by the database's clock, so a moved clock of a process does not matter."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => %s)",
                [WORKER_SILENCE_SECONDS],
            )
            workers = cursor.fetchone()[0] > 0
    except DatabaseError:
        return {"web": True, "database": False, "workers": False}
    return {"web": True, "database": True, "workers": workers}


def healthz(request: HttpRequest) -> JsonResponse:
    """200 when all is well, 503 otherwise; the body says which part is not."""
    found = state()
    return JsonResponse(found, status=200 if all(found.values()) else 503)
