"""What the archive says of itself (`core.safekeeping` reads it)."""

import threading
from dataclasses import replace

from amanat.core import safekeeping, wholefiles
from amanat.core.configuration import Configuration

_noting = threading.Lock()


def note(configuration: Configuration, **fields: str) -> None:
    """Change these fields of the state."""
    path = safekeeping.archive_file(configuration)
    with _noting:
        path.parent.mkdir(parents=True, exist_ok=True)
        wholefiles.write(path, safekeeping.as_text(replace(safekeeping.archive(configuration), **fields)))
