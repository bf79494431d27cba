"""What the site does by itself, for all workspaces: it seals the ledger, puts back lost jobs, sweeps what has expired."""

from __future__ import annotations

from amanat.accounts import access, api_access, operating, signing_up
from amanat.accounts.session_store import SessionStore
from amanat.core import clock, filelinks, jobs, ledger, limits, outbox, tally, tenancy, tombstones


@jobs.periodic("accounts.rescue_jobs", "* * * * * */10", purpose="Put back jobs whose worker died", is_quick=True)
def rescue_jobs() -> None:
    jobs.rescue()


@jobs.periodic("accounts.seal_ledgers", "* * * * * */5", purpose="Number and chain new entries of every ledger")
def seal_ledgers() -> None:
    """A workspace with more than a batch is sealed until nothing is left, one transaction a batch."""
    for workspace_id in access.workspaces_to_seal():
        while ledger.seal(workspace_id) == ledger.SEAL_BATCH:
            pass


@jobs.periodic(
    "accounts.settle_tombstones", "* * * * *", purpose="Write down outside the database what was ended for good"
)
def settle_tombstones() -> None:
    """What a process left that was killed between its commit and the file."""
    while tombstones.settle():
        pass


@jobs.periodic("accounts.fold_counts", "7 * * * *", purpose="Fold the changes of kept counts into their sums")
def fold_counts() -> None:
    for workspace_id in access.workspace_ids():
        tally.fold(workspace_id)


@jobs.periodic(
    "accounts.sweep_hourly",
    "17 * * * *",
    purpose="Delete ended sessions, counts of tries, used links, ticks of schedules",
)
def sweep_hourly() -> None:
    SessionStore.clear_expired()
    limits.sweep()
    filelinks.forget_used()
    outbox.sweep()
    jobs.sweep_finished()


@jobs.periodic("accounts.tell_of_backups", "30 3 * * *", purpose="Mail the owners when backups fail")
def tell_of_backups() -> None:
    operating.tell()


@jobs.periodic("accounts.sweep_daily", "10 3 * * *", purpose="Delete sign-ups that nobody confirmed within two days")
def sweep_daily() -> None:
    signing_up.sweep(at=clock.now())


@jobs.periodic(
    "accounts.sweep_answers",
    "25 3 * * *",
    purpose="Delete answers kept for repeated requests of the API after seven days",
)
def sweep_answers() -> None:
    for workspace_id in access.workspace_ids():
        with tenancy.inside(workspace_id):
            api_access.sweep_answers(workspace_id, at=clock.now())
