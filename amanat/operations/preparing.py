"""What comes before a start: this version's tables, a restore brought to its end, old backups gone, files collected."""

import contextlib
import json
import sys

from amanat.core import clock
from amanat.core import configuration as settings
from amanat.operations import Refused, migrate, nightly, static, swapping
from amanat.operations.archive import keeping


def refuse_elsewhere() -> None:
    """Raises Refused when rows lie here of a workspace that is bound to another region, as after a restore abroad."""
    from amanat.privacy.registers import residency  # needs Django, set up by `migrate.run`

    found = [f"{workspace} to {region}" for workspace, region in residency.elsewhere()]
    if found:
        raise Refused(
            f"This machine stands in {residency.here()} (AMANAT_REGION), and workspaces are bound to another region: "
            f"{', '.join(found[:5])}. Run them there, or set AMANAT_REGION if it is wrong."
        )


def prepare() -> None:
    """What the supervisor runs in a process of its own before the children: migrate, then say how to become the owner."""
    migrate.run()
    migrate.settle_tombstones()
    if swapping.restored_mark(settings.current()).exists():  # a restore was killed near its end
        migrate.finish_restore(settings.current())
    refuse_elsewhere()
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
