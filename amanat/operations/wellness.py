"""Which part of a site that was started does not answer, in words for whoever started it."""

import http.client
import json

from amanat.core.configuration import Configuration

PATIENCE = 2.0  # seconds for an answer
_WORDS = {"web": "the web server", "database": "the database", "workers": "the worker"}


def missing(configuration: Configuration) -> list[str]:
    """What is not well, each as part of a sentence; empty when all is. Waits a few seconds at most."""
    host, found = reachable(configuration.host), []
    status, body = _ask(host, configuration.port, "/healthz")
    if status != 200:
        parts = _parts(body) if status == 503 else {}
        silent = [f"{words} does not answer" for part, words in _WORDS.items() if parts.get(part) is False]
        found += silent or [f"the web server does not answer on port {configuration.port}{_with(status)}"]
    status, _ = _ask(host, configuration.live_port, "/live/healthz")
    if status != 200:
        found.append(f"the server of live events does not answer on port {configuration.live_port}{_with(status)}")
    return found


def answers(configuration: Configuration) -> bool:
    """Whether a site of ours answers on the port of the web server, well or not."""
    status, body = _ask(reachable(configuration.host), configuration.port, "/healthz")
    return status in {200, 503} and bool(_parts(body))


def reachable(host: str) -> str:
    """The address at which this machine reaches what listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (compared, not bound)


def _ask(host: str, port: int, path: str) -> tuple[int, bytes]:
    """Status and body; status 0 when there was no answer."""
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        answer = connection.getresponse()
        return answer.status, answer.read(10_000)
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def _parts(body: bytes) -> dict[str, object]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _with(status: int) -> str:
    return f" (it says {status})" if status else ""
