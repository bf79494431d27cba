"""The owner of the shop and her browser.

Models are imported inside: this file is read before the site is set up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from django.test import Client

    from amanat.accounts.models import Member, Workspace


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    from amanat.accounts.tests.factories import owner_of

    return owner_of(shree)


@pytest.fixture
def browser(rekha: Member) -> Client:
    from amanat.accounts.tests.factories import signed_in

    return signed_in(rekha)
