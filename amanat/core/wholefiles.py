"""Small files that others read while we write them."""

import os
import tempfile
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write `path` whole or not at all, readable by its owner alone (`mkstemp` makes it so)."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def clear(folder: Path) -> None:
    """Remove what a writer that was killed left half written; nobody may be writing in the folder itself meanwhile."""
    for half in folder.glob(".?*-????????"):
        half.unlink(missing_ok=True)
