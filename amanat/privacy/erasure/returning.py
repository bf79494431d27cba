"""Whoever was erased does not come back through a file; she may come herself, to the counter or a form, and is then welcome."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.utils.translation import gettext

from amanat.basis import suppression
from amanat.basis.models import Suppression
from amanat.core import clock


def refused(addresses: Collection[str], workspace_id: UUID) -> dict[str, str]:
    """The addresses of people who were erased and have not come again since, with the sentence for the import's report."""
    known = suppression.among(addresses, workspace=workspace_id, at=clock.now())
    reason = gettext("This person was erased here and has not come back on their own. Nothing of this row was kept.")
    return {address: reason for address, why in known.items() if why == Suppression.Reason.ERASED}
