"""A PostgreSQL server of a drill's own, which it may end as a crash does."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Iterator

from tests.faults.plan import Cut


@contextlib.contextmanager
def own_database(*, down: float = 1.0) -> Iterator[Cut]:
    """A PostgreSQL server of the drill's own, as an installation has it, with a migrated database; it can be ended at once."""
    import psycopg

    from amanat.core import configuration, database
    from amanat.operations import postgres, roles, testing

    with tempfile.TemporaryDirectory(prefix="amanat-faults-server-") as place:
        programs = os.environ.get("AMANAT_POSTGRES_BIN", "")
        wanted = {"AMANAT_DATA": f"{place}/data", "AMANAT_LOG_LEVEL": "error", "AMANAT_POSTGRES_BIN": programs}
        ours = configuration.load(wanted)
        configuration.make_enterable(ours.data)
        configuration.ensure_secrets(ours)
        servers = [postgres.start(ours, purpose="tests")]
        with psycopg.connect(database.address(ours, "superuser", "template1"), autocommit=True) as connection:
            roles.make_roles(connection, ours)
            connection.execute("ALTER ROLE amanat_owner CREATEDB")
            roles.prepare_database(connection)
        address = testing.ServerAddress(ours)
        address.make_database("faults")

        def cut() -> float:
            began = time.monotonic()
            servers[0].process.send_signal(signal.SIGQUIT)  # no farewell to anybody: as after a crash
            servers[0].process.wait()
            servers.pop().stop()
            time.sleep(down)
            servers.append(postgres.start(ours, purpose="tests", again=True))
            return time.monotonic() - began

        try:
            use(address.environment("faults"))
            yield cut
        finally:
            from django.db import connections

            connections.close_all()
            servers[0].stop()


def use(environment: dict[str, str]) -> None:
    """Set the site up on an empty database."""
    os.environ.update(environment)
    os.environ["DJANGO_SETTINGS_MODULE"] = "amanat.settings"
    import django

    django.setup()
    from django.core.management import call_command

    from amanat.core import schema

    call_command("migrate", database="owner", verbosity=0, interactive=False)
    schema.protect(using="owner")


def analyze() -> None:
    """Let the planner know what was written a moment ago. An installation does so by itself within a minute; a drill is over by then."""
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE")
