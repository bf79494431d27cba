"""A workspace entered, its owner, and a person known there. Models are imported inside: this file is read before the site is set up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from amanat.accounts.models import Member, Workspace
    from amanat.people.models import Contact


@pytest.fixture
def inside(db: None, shree: Workspace) -> Iterator[Workspace]:
    from amanat.core import tenancy

    with tenancy.inside(shree):
        yield shree


@pytest.fixture
def owner(inside: Workspace) -> Member:
    from amanat.accounts.tests.factories import owner_of

    return owner_of(inside)


@pytest.fixture
def asha(inside: Workspace) -> Contact:
    from amanat.privacy.requests.tests.people import make_person

    return make_person(inside)
