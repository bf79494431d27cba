"""The backup of every night: when it is due, what is kept, and what is told when it fails.

The supervisor asks `is_due` and starts `amanat backup --nightly` as a process of its own. A night on which the machine was
off is made up for after the next start. What happened stands in `state.json` beside the backups, for `doctor`.
Once a week the newest is restored for a trial. Nothing here is kept longer than 30 days, so that what was erased from the
site is then gone from its backups too (docs/decisions/0006).
"""

import contextlib
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from amanat.core import clock, safekeeping, wholefiles
from amanat.core.configuration import Configuration
from amanat.core.safekeeping import Nightly as State
from amanat.operations import Refused

LONGEST = timedelta(days=30)
TRIAL_EVERY = timedelta(days=7)
TRY_AGAIN = timedelta(hours=1)
_NAME = re.compile(r"amanat-(\d{4}-\d\d-\d\dT\d{6})Z\.amanat")


def state(configuration: Configuration) -> State:
    return safekeeping.nightly(configuration)


def begin(configuration: Configuration) -> None:
    """Note that nightly backups are wanted from now on; harmless when they are under way."""
    if configuration.backup and not state(configuration).since:
        _store(configuration, State(since=clock.now().isoformat()))


def is_due(configuration: Configuration, at: datetime) -> bool:
    """Whether the hour has come since the last backup, and no try failed within the last hour."""
    known = state(configuration)
    if not configuration.backup or not known.since:
        return False
    if known.tried_at and at - safekeeping.moment(known.tried_at) < TRY_AGAIN:
        return False
    return safekeeping.moment(known.made_at or known.since) < last_hour(configuration, at)


def run(configuration: Configuration, at: datetime) -> str:
    """Make tonight's backup, delete what is old, try a restore when a week has passed; a sentence. Raises Refused."""
    from amanat.operations import backup  # the supervisor, which imports this, stays small

    known = state(configuration)
    known.since, known.tried_at = known.since or at.isoformat(), at.isoformat()
    folder = configuration.backup_folder
    target = folder / f"amanat-{at.astimezone(UTC):%Y-%m-%dT%H%M%SZ}.amanat"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        told = backup.save(configuration, target, keys=folder / "keys" / (target.name + backup.KEYS))
        known.made_at, known.file = at.isoformat(), target.name
        if not known.trial_at or at - safekeeping.moment(known.trial_at) >= TRIAL_EVERY:
            told += " " + try_out(configuration, target)
            known.trial_at = at.isoformat()
        known.problem = ""
    except (Refused, OSError) as error:
        known.problem = str(error)
        raise Refused(f"The nightly backup failed: {error}") from error
    finally:
        # A failed night must not keep what is too old, and must be told.
        with contextlib.suppress(OSError):
            prune(configuration, at)
            _store(configuration, known)
    return told


def try_out(configuration: Configuration, source: Path) -> str:
    from amanat.operations import restore  # as above

    return restore.check(configuration, source)


def prune(configuration: Configuration, at: datetime) -> list[str]:
    """Delete nightly backups beyond those to keep, with their keys, and whatever is too old; returns the names."""
    from amanat.operations import backup, dumps  # as above

    folder = configuration.backup_folder
    kept = sorted((path for path in folder.glob("amanat-*") if _NAME.fullmatch(path.name)), reverse=True)
    gone = [
        path for number, path in enumerate(kept) if number >= configuration.backup_keep or at - _made(path) >= LONGEST
    ]
    staying = {path.name + backup.KEYS for path in kept if path not in gone}
    gone += [path for path in folder.glob("keys/*" + backup.KEYS) if path.name not in staying]
    former = dumps.former_root_keys(configuration)
    if former.exists() and at.timestamp() - former.stat().st_mtime >= LONGEST.total_seconds():
        gone.append(former)
    for path in gone:
        path.unlink(missing_ok=True)
    for broken_off in folder.glob(".amanat-*"):
        if at.timestamp() - broken_off.stat().st_mtime > 86400:
            shutil.rmtree(broken_off, ignore_errors=True)
    return [path.name for path in gone]


def _made(path: Path) -> datetime:
    found = _NAME.fullmatch(path.name)
    assert found is not None
    return datetime.strptime(found[1], "%Y-%m-%dT%H%M%S").replace(tzinfo=UTC)


def last_hour(configuration: Configuration, at: datetime) -> datetime:
    """The newest moment, not after `at`, at which a backup was to begin, by this machine's clock."""
    local = at.astimezone()
    hour, minute = configuration.backup_at.hour, configuration.backup_at.minute
    today = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return today if today <= local else today - timedelta(days=1)


def _store(configuration: Configuration, known: State) -> None:
    path = safekeeping.nightly_file(configuration)
    path.parent.mkdir(parents=True, exist_ok=True)
    wholefiles.write(path, safekeeping.as_text(known))
