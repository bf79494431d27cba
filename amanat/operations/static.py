"""Pictures, styles and scripts, put together under names with their hash. Done again only when one of them changed."""

import hashlib
import sys
from pathlib import Path

from amanat.core.configuration import ConfigurationError

MARK = ".made-from"


def collect() -> bool:
    """Bring STATIC_ROOT up to date; whether there was something to do. Django must be set up."""
    from django.conf import settings
    from django.contrib.staticfiles.finders import get_finders
    from django.core.management import call_command

    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            at = Path(storage.path(path)).stat()
            digest.update(f"{path}\0{at.st_size}\0{at.st_mtime_ns}\n".encode())
    mark = Path(settings.STATIC_ROOT) / MARK
    if mark.exists() and mark.read_text() == digest.hexdigest():
        return False
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    mark.write_text(digest.hexdigest())
    return True


def main() -> None:
    """Ends with a sentence where it cannot be done."""
    from amanat.operations import services

    try:
        services.set_up_django()
        collect()
    except ConfigurationError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"Styles and scripts could not be put together in {error.filename}: {error.strerror}.")


if __name__ == "__main__":
    main()
