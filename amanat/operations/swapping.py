"""A cluster that was built beside takes the place of the one in use, and is never seen half way.

The note `ready.json` is the moment from which on there is no way back: whoever starts the server next finishes the swap.
"""

import json
import shutil
from pathlib import Path

from amanat.core import wholefiles
from amanat.core.configuration import Configuration


def beside(base: Path) -> Path:
    """The folder in which another cluster is built, under the name of every cluster."""
    return base / "rewind"


def begin(base: Path, *, made_at: str) -> None:
    """The cluster beside is whole and on the disk. What it holds ends at `made_at`."""
    shutil.rmtree(_former(base), ignore_errors=True)
    wholefiles.write(_ready(base), json.dumps({"made_at": made_at}))


def finish(configuration: Configuration, base: Path) -> None:
    """Swap when one is ready; harmless otherwise, and at any point of a swap that was broken off."""
    if not _ready(base).exists():
        for left in (_former(base), beside(base)):  # by a restore that was killed while it built, or while it tidied up
            shutil.rmtree(left, ignore_errors=True)
        return
    built, cluster, former = beside(base) / "postgres", base / "postgres", _former(base)
    wholefiles.write(restored_mark(configuration), _ready(base).read_text())  # the site stays closed from here on
    if built.exists():
        if cluster.exists():
            cluster.rename(former)
        built.rename(cluster)
    _ready(base).unlink()
    shutil.rmtree(former, ignore_errors=True)
    shutil.rmtree(beside(base), ignore_errors=True)


def restored_mark(configuration: Configuration) -> Path:
    """A file that is there from the moment restored data takes its place until `replay.finish` is done with it."""
    return configuration.data / "restored.json"


def _ready(base: Path) -> Path:
    return base / "rewind-ready.json"


def _former(base: Path) -> Path:
    return base / "postgres.former"
