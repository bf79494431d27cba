"""The owner of the shop and her browser, its WhatsApp number and a customer.

Models are imported inside: this file is read before the site is set up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from django.test import Client

    from amanat.accounts.models import Member, Workspace
    from amanat.messaging.channels.models import ChannelAccount
    from amanat.people.models import Contact


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    from amanat.accounts.tests.factories import owner_of

    return owner_of(shree)


@pytest.fixture
def browser(rekha: Member) -> Client:
    from amanat.accounts.tests.factories import signed_in

    return signed_in(rekha)


@pytest.fixture
def account(shree: Workspace) -> ChannelAccount:
    from amanat.messaging.inbox.tests.factories import make_account

    return make_account(shree)


@pytest.fixture
def sunita(shree: Workspace) -> Contact:
    from amanat.messaging.inbox.tests.factories import SUNITA
    from amanat.people.tests.factories import make_contact

    return make_contact(shree, "Sunita Deshmukh", phone=SUNITA)
