"""An installation whose clock is moved: its database stays, a new web process and a new worker run at each moment.

python -m tests.faults.travelling web | worker [--without-checks]    (started by the drill)
"""

from __future__ import annotations

import argparse
import calendar
import contextlib
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin

from tests.faults.plan import ROOT

#: Seconds in which a moment's jobs must be done.
PATIENCE = 600.0
#: Jobs that are never all done: they come again within seconds.
_ALWAYS = ("accounts.rescue_jobs", "accounts.seal_ledgers", "messages.sweep")
_CHECKS = ("proof.look", "proof.run_due", "proof.run_all")
_PERIOD = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


def later(moment: datetime, period: str) -> datetime:
    """`moment` and an ISO 8601 period after it, on the calendar. Reckoned here, not by the program that is judged."""
    found = _PERIOD.fullmatch(period)
    assert found and period != "P", period
    years, months, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    number = moment.month - 1 + months + 12 * years
    year, month = moment.year + number // 12, number % 12 + 1
    day = min(moment.day, calendar.monthrange(year, month)[1])
    return moment.replace(year=year, month=month, day=day) + timedelta(
        days=days, hours=hours, minutes=minutes, seconds=seconds
    )


class Site:
    """The pages at a moment."""

    def __init__(self, port: int) -> None:
        self.address = f"http://localhost:{port}"

    def get(self, path: str, **cookies: str) -> tuple[int, str]:
        """Status and text; a redirect is not followed."""
        asked = urllib.request.Request(self.address + path, headers={"Accept-Language": "en"})
        if cookies:
            asked.add_header("Cookie", "; ".join(f"{name}={value}" for name, value in cookies.items()))
        try:
            with _opener.open(asked, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


class Browser:
    """One that keeps its cookies and fills in forms."""

    def __init__(self) -> None:
        cookies = urllib.request.HTTPCookieProcessor()
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay, cookies)

    def ask(self, address: str, /, **fields: str) -> tuple[int, str, str]:
        """Status, text and where it leads to; with fields, the form of the page is filled in and sent."""
        status, text, leads = self._send(address)
        if fields:
            guard = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', text)
            assert guard, f"there is no form at {address}: {status}"
            return self._send(address, urlencode({**fields, "csrfmiddlewaretoken": guard[1]}).encode())
        return status, text, leads

    def _send(self, address: str, form: bytes | None = None) -> tuple[int, str, str]:
        asked = urllib.request.Request(address, form, headers={"Accept-Language": "en"})
        try:
            answer = self._opener.open(asked, timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return answer.status, answer.read().decode(), urljoin(address, answer.headers.get("Location", ""))


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_given: Any, **_more: Any) -> None:
        return None


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)


class Installation:
    """A data folder whose database runs; call `at` for each moment, in order."""

    def __init__(self, data: Path, log: Path) -> None:
        self._data, self._log = data, log

    @contextlib.contextmanager
    def at(self, moment: datetime, *, works: bool = True, checks: bool = False) -> Iterator[Site]:
        """The site at a moment, with all that its schedules let run then done. `checks` lets the promises be checked too; without
        `works` nobody works."""
        from amanat.core import clock
        from amanat.operations.tests import places

        offset = moment - datetime.now(moment.tzinfo)
        clock.shift(offset)
        port = places.free_port()
        environment = places.environment(
            self._data, AMANAT_TIME_OFFSET=str(round(offset.total_seconds())), AMANAT_PORT=str(port),
            AMANAT_BASE_URL=f"http://localhost:{port}", AMANAT_WEB_PROCESSES="1", AMANAT_LOG_LEVEL="error",
        )  # fmt: skip
        commands = [[sys.executable, "-m", __name__, "web", *(["--again"] if self._log.exists() else [])]]
        if works:
            commands += [[sys.executable, "-m", __name__, "worker", *([] if checks else ["--without-checks"])]]
        with self._log.open("ab") as log:
            running = [
                subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log) for command in commands
            ]
        try:
            site = Site(port)
            _wait(lambda: _answers(site), running)
            if works:
                _wait(lambda: _all_done(moment, checks=checks), running)
            yield site
        finally:
            for process in running:
                process.terminate()
            for process in running:
                try:
                    process.wait(timeout=30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            clock.shift(timedelta(0))


def _wait(fact: Any, running: list[subprocess.Popen[bytes]]) -> None:
    until = time.monotonic() + PATIENCE
    while not fact():
        assert all(one.poll() is None for one in running), "a process of the site ended by itself; see the log"
        assert time.monotonic() < until, "the site did not come to rest; see the log"
        time.sleep(0.2)


def _answers(site: Site) -> bool:
    """It does: without a worker it says that it is not well."""
    with contextlib.suppress(OSError):
        return site.get("/healthz")[0] in (200, 503)
    return False


def _all_done(moment: datetime, *, checks: bool) -> bool:
    """Whether the newest tick of each schedule was worked off, and nothing waits."""
    from amanat.core import jobs

    left_out = [*_ALWAYS, *(() if checks else _CHECKS)]
    wanted = [one.name for one in jobs.registered().values() if one.every and one.name not in left_out]
    begun = rows(
        "SELECT count(DISTINCT task_name) FROM procrastinate_periodic_defers WHERE task_name = ANY(%s) AND defer_timestamp > %s",
        wanted, int((moment - timedelta(days=1)).timestamp()),
    )[0][0]  # fmt: skip
    waiting = rows(
        "SELECT count(*) FROM procrastinate_jobs WHERE (status = 'doing' OR status = 'todo' AND coalesce(scheduled_at <= now(), true)) "
        "AND NOT task_name = ANY(%s)",
        left_out,
    )[0][0]  # fmt: skip
    return bool(begun == len(wanted) and not waiting)


def rows(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """What the owner of the database reads."""
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def main() -> int:
    """`amanat web` and `amanat worker`, but that styles are put together once, and that the worker does not wait before it makes up for
    what was missed: at each moment all of the night was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("service", choices=["web", "worker"])
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--without-checks", action="store_true")
    options = parser.parse_args()
    from amanat.core import configuration
    from amanat.operations import services

    here = configuration.load(dict(os.environ))
    if options.service == "web":
        if options.again:
            services._collect_files = lambda _here: None
        services.web(here)
        return 0
    services.set_up_django()
    from amanat.core import jobs, schedule

    schedule.MAKES_UP_AFTER = 0.0
    if options.without_checks:
        known = jobs.app.periodic_registry.periodic_tasks
        for key in [key for key in known if key[0] in _CHECKS]:
            del known[key]
    jobs.run_worker(concurrency=here.worker_concurrency)
    return 0


if __name__ == "__main__":
    sys.exit(main())
