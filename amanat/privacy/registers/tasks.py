"""Jobs of the registers."""

from __future__ import annotations

from amanat.core import clock, jobs
from amanat.privacy.registers import residency


@jobs.periodic("privacy.residency", "37 * * * *", purpose="Bind workspaces to the region that their policy promises")
def bind_to_regions() -> None:
    residency.pin_promised(at=clock.now())
