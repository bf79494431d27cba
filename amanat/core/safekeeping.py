"""How the copies of the installation are faring: the nightly backup and the continuous archive say so in two small files
beside what they keep. Read by the supervisor, by `doctor`, and by the site, which tells the owners.
"""

import json
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from amanat.core.configuration import Configuration

BACKUP_STALE = timedelta(hours=26)
ARCHIVE_STALE = timedelta(minutes=15)


@dataclass(slots=True)
class Nightly:
    """Moments in UTC, ISO format; empty when it has not happened."""

    since: str = ""  #: when nightly backups began
    tried_at: str = ""
    made_at: str = ""
    file: str = ""
    trial_at: str = ""  #: when one was last restored for a trial
    problem: str = ""  #: why the last try failed


@dataclass(slots=True)
class Archive:
    """Likewise."""

    since: str = ""  #: when the archive began
    newest: str = ""  #: the newest moment that can be restored, once there is a copy
    copied_at: str = ""  #: when the last copy of the cluster was made
    problem: str = ""  #: why the log cannot be kept
    copy_problem: str = ""  #: why the last copy failed


class Trouble(StrEnum):
    """What an owner should hear of."""

    BACKUP_FAILED = "backup failed"
    BACKUP_STALE = "backup stale"
    ARCHIVE_FAILED = "archive failed"
    ARCHIVE_STALE = "archive stale"


def nightly(configuration: Configuration) -> Nightly:
    return Nightly(**_read(nightly_file(configuration), Nightly))


def archive(configuration: Configuration) -> Archive:
    return Archive(**_read(archive_file(configuration), Archive))


def nightly_file(configuration: Configuration) -> Path:
    return configuration.backup_folder / "state.json"


def archive_file(configuration: Configuration) -> Path:
    return configuration.backup_folder / "archive" / "state.json"


def archive_is_on(configuration: Configuration) -> bool:
    return configuration.is_embedded and configuration.backup and configuration.archive_days > 0


def as_text(state: Nightly | Archive) -> str:
    return json.dumps(asdict(state))


def troubles(configuration: Configuration, at: datetime) -> list[Trouble]:
    """What went wrong with the copies or has not been done for too long. Nothing where they are switched off or were never
    begun: another machine may make them."""
    found = []
    if configuration.backup and (known := nightly(configuration)).since:
        if known.problem:
            found.append(Trouble.BACKUP_FAILED)
        elif at - moment(known.made_at or known.since) > BACKUP_STALE:
            found.append(Trouble.BACKUP_STALE)
    if archive_is_on(configuration) and (kept := archive(configuration)).since:
        if kept.problem or kept.copy_problem:
            found.append(Trouble.ARCHIVE_FAILED)
        elif at - moment(kept.newest or kept.since) > ARCHIVE_STALE:
            found.append(Trouble.ARCHIVE_STALE)
    return found


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _read(path: Path, kind: type[Nightly | Archive]) -> dict[str, Any]:
    """Empty where there is no file or it cannot be understood."""
    try:
        known = json.loads(path.read_text())
        return {field.name: str(known.get(field.name, "")) for field in fields(kind)}
    except (OSError, ValueError, AttributeError):
        return {}
