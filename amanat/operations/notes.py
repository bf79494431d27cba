"""A note that the site leaves in the data folder for commands: where it is served."""

from pathlib import Path

from amanat.core import wholefiles
from amanat.core.configuration import Configuration


def keep_address(configuration: Configuration) -> None:
    """Leave the address of the site that runs here for commands that are not told its port."""
    wholefiles.write(_address(configuration), configuration.base_url)


def address(configuration: Configuration) -> str:
    """Where the site of this data was last served; else where it would be."""
    try:
        return _address(configuration).read_text().strip() or configuration.base_url
    except OSError:
        return configuration.base_url


def _address(configuration: Configuration) -> Path:
    return configuration.data / "address"
