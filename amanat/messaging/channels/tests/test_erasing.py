"""What carriers are told when a person is erased: who takes an order gets one, of everybody else it is said what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.test import override_settings

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import clock, onward, tenancy
from amanat.core.onward import Order
from amanat.core.outgoing import Unreachable
from amanat.messaging.channels import accounts, erasing
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.outbox.tests import post
from amanat.messaging.sandbox.mail_api import MailApis
from amanat.messaging.sandbox.running import Running

pytestmark = pytest.mark.usefixtures("db", "uncounted")
ASHA, PHONE = "asha+x@mail.example", "+919822041736"
KEY = {"api_key": "sandbox-key"}


@pytest.fixture
def double(providers: Running) -> Iterator[MailApis]:
    found = providers.doubles.mail
    found.forgotten.clear()
    with override_settings(SANDBOX_URL=providers.url):
        yield found


def mailbox(shree: Workspace, provider: str, secrets: dict[str, str]) -> None:
    settings: dict[str, Any] = {"smtp_host": "127.0.0.1"} if provider == "smtp" else {}
    with tenancy.inside(shree):
        accounts.connect(
            workspace=shree, by=owner_of(shree), at=clock.now(), provider=provider, name=provider,
            address=f"{provider}@shree.example", settings=settings, secrets=secrets, is_sandbox=True,
        )  # fmt: skip


def tell(shree: Workspace, *addresses: str) -> str:
    return erasing.tell(Order(shree.pk, uuid4(), addresses or (ASHA, PHONE), ()))


def test_providers_that_take_an_order_get_one_for_each_address(shree: Workspace, double: MailApis) -> None:
    mailbox(shree, "brevo", KEY)
    mailbox(shree, "postmark", {**KEY, "account_token": "sandbox-key"})
    assert tell(shree) == "brevo: 200/404; postmark: no. 3"
    assert double.forgotten == [("brevo", ASHA), ("brevo", ASHA), ("postmark", ASHA)]


@pytest.mark.parametrize(
    ("provider", "secrets"), [("smtp", {}), ("mailgun", KEY), ("postmark", KEY), ("brevo", {"api_key": "wrong"})]
)
def test_where_one_takes_no_order_a_member_has_to(
    shree: Workspace, double: MailApis, provider: str, secrets: dict[str, str]
) -> None:
    mailbox(shree, provider, secrets)
    assert tell(shree) == ""
    if provider != "brevo":
        mailbox(shree, "brevo", KEY)
        assert tell(shree) == ""
        assert ("brevo", ASHA) in double.forgotten  # who can be told is


def test_nothing_is_proved_without_an_address_or_an_account(shree: Workspace, double: MailApis) -> None:
    assert tell(shree) == ""
    mailbox(shree, "brevo", KEY)
    assert tell(shree, PHONE) == ""
    assert double.forgotten == []


def test_a_provider_that_does_not_answer_leaves_the_order_open(shree: Workspace, double: MailApis) -> None:
    mailbox(shree, "brevo", KEY)
    with override_settings(SANDBOX_URL="http://127.0.0.1:9"), pytest.raises(Unreachable):
        tell(shree)


def test_each_carrier_says_what_to_do_there() -> None:
    found = onward.receivers()
    assert {"whatsapp", "carrier", "mail"} <= set(found)
    assert found["whatsapp"].tell is None and found["carrier"].tell is None
    assert all(str(found[name].how) for name in ("whatsapp", "carrier", "mail"))


def test_what_went_is_what_left_over_a_channel_that_reaches_people(shree: Workspace) -> None:
    post.open_post()
    with clock.standing_at(post.NOON), tenancy.inside(shree):
        asha, vijay = post.make_person(shree), post.make_person(shree, "Vijay", "+919822041737")
        real = post.make_account(shree)
        left, _waits, _other = [post.order(one, real) for one in (asha, asha, vijay)]
        Dispatch.objects.of(shree).filter(pk=left.pk).update(state="done")
        went = onward.receivers()["whatsapp"].went
        assert list(went(shree.pk, [asha.pk])) == [left.pk]
        assert list(onward.receivers()["carrier"].went(shree.pk, [asha.pk])) == []
        type(real).objects.of(shree).update(is_sandbox=True)
        assert list(went(shree.pk, [asha.pk])) == []
