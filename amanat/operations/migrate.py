"""Bringing the database to this version's tables, and the protection of every table with it."""

import contextlib
import json
import sys
from typing import TYPE_CHECKING

from amanat.core import clock
from amanat.core import configuration as settings
from amanat.core.configuration import Configuration
from amanat.operations import Refused, roles, services, static, swapping

if TYPE_CHECKING:
    from amanat.operations.replay import Replayed


def run(*, verbosity: int = 0) -> None:
    """Roles, migrations as the owner, then the database's own protection. Quick and harmless when nothing is to do."""
    roles.set_up(settings.current())
    services.set_up_django()
    from django.core.management import call_command

    from amanat.core import schema

    call_command("migrate", database="owner", interactive=False, verbosity=verbosity)
    schema.protect(using="owner")


def finish_restore(configuration: Configuration) -> "Replayed":
    """End again what was ended since the backup; the schema is up to date."""
    from amanat.operations import replay  # needs Django, set up by `run`

    return replay.finish(configuration)


def refuse_elsewhere() -> None:
    """Raises Refused when rows lie here of a workspace that is bound to another region, as after a restore abroad."""
    from amanat.privacy.registers import residency  # needs Django, set up by `run`

    found = [f"{workspace} to {region}" for workspace, region in residency.elsewhere()]
    if found:
        raise Refused(
            f"This machine stands in {residency.here()} (AMANAT_REGION), and workspaces are bound to another region: "
            f"{', '.join(found[:5])}. Run them there, or set AMANAT_REGION if it is wrong."
        )


def prepare() -> None:
    """What the supervisor runs in a process of its own before the children: migrate, then say how to become the owner."""
    run()
    if swapping.restored_mark(settings.current()).exists():  # a restore was killed near its end
        finish_restore(settings.current())
    refuse_elsewhere()
    from amanat.operations import nightly
    from amanat.operations.archive import keeping

    with contextlib.suppress(OSError):  # a folder that cannot be reached now
        nightly.prune(settings.current(), clock.now())
        keeping.tidy(settings.current())
    static.collect()
    from amanat.accounts import setup

    print(json.dumps({"owner_link": setup.owner_link(settings.current().base_url)}))


if __name__ == "__main__":
    try:
        prepare()
    except (settings.ConfigurationError, Refused) as error:
        sys.exit(str(error))
