"""Bringing the database to this version's tables, and the protection of every table with it."""

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import psycopg

from amanat.core import configuration as settings
from amanat.core import database
from amanat.core.configuration import Configuration
from amanat.operations import roles, services

if TYPE_CHECKING:
    from amanat.operations.replay import Replayed


@contextlib.contextmanager
def one_at_a_time(configuration: Configuration, what: str) -> Iterator[None]:
    """Wait until no other process does this on the same database, on whatever machine. A killed one lets go."""
    with roles.connect(meeting_place(configuration)) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('amanat.operations'), hashtext(%s))", [what])
        yield


def meeting_place(configuration: Configuration) -> str:
    """The address of a database that is there before our roles and tables are."""
    return database.address(configuration, *(("superuser", "postgres") if configuration.is_embedded else ("setup",)))


def run(*, verbosity: int = 0) -> None:
    """Roles, migrations as the owner, then the database's own protection. Quick and harmless when nothing is to do."""
    with one_at_a_time(settings.current(), "migrate"):
        roles.set_up(settings.current())
        services.set_up_django()
        from django.core.management import call_command

        from amanat.core import schema

        call_command("migrate", database="owner", interactive=False, verbosity=verbosity)
        again_after_deadlock(lambda: schema.protect(using="owner"))


def again_after_deadlock(work: Callable[[], None], *, tries: int = 3) -> None:
    """Do it once more where the database ended it for another's sake: who still reads tables while they are protected holds some of them."""
    from django.db import OperationalError

    for left in reversed(range(tries)):
        try:
            work()
        except OperationalError as error:
            if left == 0 or not isinstance(error.__cause__, psycopg.errors.DeadlockDetected):
                raise
        else:
            return


def finish_restore(configuration: Configuration) -> "Replayed":
    """End again what was ended since the backup; the schema is up to date."""
    from amanat.operations import replay  # needs Django, set up by `run`

    settle_tombstones()
    return replay.finish(configuration)


def settle_tombstones() -> None:
    """Write down outside the database what a killed process had ended for good and not written down; the schema is up to date."""
    from amanat.core import tombstones

    while tombstones.settle():
        pass
