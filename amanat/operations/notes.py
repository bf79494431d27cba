"""Small files that others read while we write them."""

import os
import tempfile
from pathlib import Path

from amanat.core.configuration import Configuration


def write(path: Path, text: str) -> None:
    """Write `path` whole or not at all, readable by its owner alone."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def keep_address(configuration: Configuration) -> None:
    """Leave the address of the site that runs here for commands that are not told its port."""
    write(_address(configuration), configuration.base_url)


def address(configuration: Configuration) -> str:
    """Where the site of this data was last served; else where it would be."""
    try:
        return _address(configuration).read_text().strip() or configuration.base_url
    except OSError:
        return configuration.base_url


def _address(configuration: Configuration) -> Path:
    return configuration.data / "address"


def clear(folder: Path) -> None:
    """Remove what a writer of notes that was killed left half written; nobody may be writing in the folder itself meanwhile."""
    for half in folder.glob(".?*-????????"):
        half.unlink(missing_ok=True)
