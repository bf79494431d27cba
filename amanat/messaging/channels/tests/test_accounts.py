from __future__ import annotations

from datetime import timedelta

import pytest

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import tenancy
from amanat.core.models import LedgerEntry
from amanat.core.vault import VaultRefused
from amanat.messaging.channels import accounts
from amanat.messaging.channels.accounts import AccountRefused
from amanat.messaging.channels.adapters import UnknownProvider
from amanat.messaging.channels.contract import AccountNews
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.channels.tests.calls import AT

pytestmark = pytest.mark.usefixtures("db")


def connect(shree: Workspace, address: str = "+919822000001", *, is_sandbox: bool = False) -> ChannelAccount:
    return accounts.connect(
        workspace=shree,
        by=None,
        at=AT,
        provider="whatsapp_cloud",
        name="Counter",
        address=address,
        settings={"phone_number_id": "1", "waba_id": "2"},
        secrets={"token": "t0ken", "app_secret": "s3cret"},
        is_sandbox=is_sandbox,
    )


def test_secrets_are_sealed_for_this_account_alone(shree: Workspace) -> None:
    with tenancy.inside(shree):
        one, two = connect(shree), connect(shree, "+919822000002")
        opened = accounts.access(one)
        assert (opened.secrets["token"], opened.settings["waba_id"], opened.address) == ("t0ken", "2", "+919822000001")
        assert len(opened.secrets["verify_token"]) >= 24
        assert b"t0ken" not in bytes(one.secrets or b"")
        two.secrets = one.secrets
        with pytest.raises(VaultRefused):
            accounts.access(two)


def test_an_address_is_connected_once(shree: Workspace) -> None:
    with tenancy.inside(shree):
        connect(shree)
        with pytest.raises(AccountRefused):
            connect(shree)
        with pytest.raises(UnknownProvider):
            accounts.connect(
                workspace=shree, by=None, at=AT, provider="pigeon", name="", address="", settings={}, secrets={}
            )
        assert ChannelAccount.objects.of(shree).count() == 1


def test_the_first_real_account_is_the_usual_one_before_any_sandbox(shree: Workspace) -> None:
    with tenancy.inside(shree):
        assert accounts.default(shree.pk, "whatsapp") is None
        sandbox = connect(shree, "+919900000001", is_sandbox=True)
        assert accounts.default(shree.pk, "whatsapp") == sandbox
        real = connect(shree)
        assert accounts.default(shree.pk, "whatsapp") == real
        connect(shree, "+919900000002", is_sandbox=True)
        connect(shree, "+919822000003")
        assert accounts.default(shree.pk, "whatsapp") == real
        accounts.make_default(account=sandbox, by=owner_of(shree), at=AT)
        assert accounts.default(shree.pk, "whatsapp") == sandbox
        assert accounts.default(shree.pk, "sms") is None


def test_a_change_keeps_secrets_that_were_left_empty(shree: Workspace) -> None:
    with tenancy.inside(shree):
        account = connect(shree)
        before = accounts.access(account).secrets
        accounts.broken(account=account, trouble="It broke.", at=AT)
        accounts.change(
            account=account, by=owner_of(shree), at=AT, name="New", settings={"waba_id": "3"}, secrets={"token": "new"}
        )
        account.refresh_from_db()
        after = accounts.access(account)
        assert (account.name, account.state, account.trouble) == ("New", "ready", "")
        assert after.secrets == before | {"token": "new"}
        assert after.settings == {"phone_number_id": "1", "waba_id": "3"}


def test_what_was_read_before_a_pause_does_not_undo_it(shree: Workspace) -> None:
    """A run of the outbox holds the row it began with. If this fails, a member's pause ends by itself."""
    with tenancy.inside(shree):
        account, owner = connect(shree), owner_of(shree)
        read_before = ChannelAccount.objects.of(shree).get(pk=account.pk)
        accounts.pause(account=account, by=owner, at=AT)
        accounts.broken(account=read_before, trouble="It broke.", at=AT)
        accounts.apply(account=read_before, news=AccountNews(quality="green"), at=AT)
        now = ChannelAccount.objects.of(shree).get(pk=account.pk)
        assert (now.state, now.trouble, now.quality) == ("paused", "", "green")


def test_two_who_read_the_same_row_both_keep_what_they_changed(shree: Workspace) -> None:
    with tenancy.inside(shree):
        account, owner = connect(shree), owner_of(shree)
        one, two = (ChannelAccount.objects.of(shree).get(pk=account.pk) for _ in range(2))
        accounts.keep_secrets(account=one, secrets={"refresh": "r1"})
        accounts.change(account=two, by=owner, at=AT, name="New", settings={"waba_id": "3"}, secrets={"token": "new"})
        accounts.keep_secrets(account=one, secrets={"code": ""})
        now = ChannelAccount.objects.of(shree).get(pk=account.pk)
        held = accounts.access(now).secrets
        assert (now.name, now.settings["waba_id"], held["token"], held["refresh"]) == ("New", "3", "new", "r1")


@pytest.mark.parametrize(
    ("details", "secrets", "again"),
    [
        ({"smtp_host": "mail.evil.example"}, {}, ["smtp_password"]),
        ({"smtp_host": "MAIL.shree.example "}, {}, []),
        ({"smtp_host": "mail.evil.example"}, {"smtp_password": "new"}, []),
        ({"imap_host": "imap.evil.example"}, {"smtp_password": "new"}, ["imap_password"]),
        ({"smtp_host": "a.example", "imap_host": "a.example"}, {}, ["smtp_password", "imap_password"]),
        ({"url": "https://sms.example/other/path"}, {}, []),
        ({"url": "http://sms.example/send"}, {}, ["imap_password", "key", "smtp_password"]),
        ({"from_name": "Shree"}, {}, []),
    ],
)
def test_a_secret_is_entered_again_before_it_goes_to_another_server(
    shree: Workspace, details: dict[str, str], secrets: dict[str, str], again: list[str]
) -> None:
    """If this fails, whoever sits down at an open browser has the passwords sent to a server of his own."""
    with tenancy.inside(shree):
        account = connect(shree)
        account.settings = {
            "smtp_host": "mail.shree.example", "imap_host": "imap.shree.example", "url": "https://sms.example/send"
        }  # fmt: skip
        account.secrets = None
        account.save()
        accounts.keep_secrets(
            account=account, secrets={"smtp_password": "a", "imap_password": "b", "key": "c", "verify_token": "d"}
        )
        assert accounts.to_enter_again(account, details, secrets) == again
        if again:
            with pytest.raises(AccountRefused, match="another server"):
                accounts.change(account=account, by=owner_of(shree), at=AT, name="x", settings=details, secrets=secrets)


def test_an_imap_server_gets_no_password_of_the_other_one_unasked(shree: Workspace) -> None:
    with tenancy.inside(shree):
        account = connect(shree)
        accounts.keep_secrets(account=account, secrets={"smtp_password": "a"})
        assert accounts.to_enter_again(account, {"imap_host": "imap.evil.example"}, {}) == ["smtp_password"]


def test_pause_outlives_trouble_and_trouble_ends_with_a_good_check(shree: Workspace) -> None:
    with tenancy.inside(shree):
        account, owner = connect(shree), owner_of(shree)
        accounts.stop(account=account, code="190", at=AT)
        assert account.state == "broken"
        assert "access token" in account.trouble
        accounts.apply(account=account, news=AccountNews(quality="green", daily_limit=250), at=AT)
        assert (account.state, account.trouble, account.quality, account.daily_limit) == ("ready", "", "green", 250)
        accounts.pause(account=account, by=owner, at=AT)
        accounts.stop(account=account, code="190", at=AT)
        accounts.apply(account=account, news=AccountNews(), at=AT)
        assert account.state == "paused"
        accounts.stop(account=account, code="130429", at=AT, until=AT + timedelta(seconds=5))
        assert account.resumes_at == AT + timedelta(seconds=5)
        accounts.resume(account=account, by=owner, at=AT)
        account.refresh_from_db()
        assert (account.state, account.resumes_at) == ("ready", None)
        events = LedgerEntry.objects.of(shree).filter(about=account.pk).exclude(event__startswith="row.")
        assert list(events.order_by("id").values_list("event", flat=True)) == [
            "channel.account.connected",
            "channel.account.broke",
            "channel.account.paused",
            "channel.account.resumed",
        ]


def test_news_of_another_number_is_about_that_one(shree: Workspace) -> None:
    with tenancy.inside(shree):
        first, second = connect(shree), connect(shree, "+919822000002")
        accounts.apply(account=first, news=AccountNews(quality="red", address="+919822000002"), at=AT)
        accounts.apply(account=first, news=AccountNews(quality="yellow", address="+919822000003"), at=AT)
        first.refresh_from_db()
        second.refresh_from_db()
    assert (first.quality, second.quality) == ("", "red")
