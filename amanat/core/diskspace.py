"""A reserve on the data's disk: below it the site takes no changes, so that the database never meets a full disk.

A database without space stops for everybody; a site that says "not now" can still be read, and goes on by itself when there
is space again. Asked for each change: one system call, a few microseconds.
"""

from __future__ import annotations

import shutil

from django.conf import settings

MOST_RESERVE = 500_000_000
PART_RESERVE = 20  # a twentieth, on disks so small that this is less


def is_short() -> bool:
    """Whether less is free than the smaller of 500 MB and a twentieth of the disk. False where the disk cannot be asked."""
    try:
        disk = shutil.disk_usage(settings.CONFIGURATION.data)
    except OSError:
        return False
    return disk.free < min(MOST_RESERVE, disk.total // PART_RESERVE)
