"""Mailboxes that are signed in to: the flow with its proof, tokens sealed and made anew, and what follows when they are withdrawn."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.urls import reverse

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import clock, outgoing, tenancy
from amanat.core.tests import outside
from amanat.messaging.channels import accounts, doubles, imap, mail, mail_sign_in, mail_sign_in_ending
from amanat.messaging.channels.contract import Access, Outcome, Outgoing
from amanat.messaging.channels.imap import CannotFetch, Place
from amanat.messaging.channels.mail_sign_in import SignedOut
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.sandbox.mail import MailSandbox, serve
from amanat.messaging.sandbox.running import Running
from amanat.messaging.sandbox.sign_in import CLIENT, SECRET, SignIn

SHOP, ASHA = "shop@shree.example", "asha@mail.example"
BOTH = pytest.mark.parametrize("provider", ["google_mail", "microsoft_mail"])


@pytest.fixture
def sign_in(providers: Running, uncounted: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[SignIn]:
    found = providers.doubles.sign_in
    found.withdraw()
    found.rotates, found.seconds = False, 3_600
    monkeypatch.setattr(mail_sign_in, "_made", {})
    with override_settings(SANDBOX_URL=providers.url):
        yield found


@pytest.fixture
def servers(sign_in: SignIn) -> Iterator[MailSandbox]:
    with serve(MailSandbox({"nobody": "x"}, takes=sign_in.takes)) as found:
        for port in (found.smtp_port, found.imap_port):
            doubles.allow(f"127.0.0.1:{port}")
        yield found
        for port in (found.smtp_port, found.imap_port):
            doubles.forbid(f"127.0.0.1:{port}")


def settings_of(servers: MailSandbox | None) -> dict[str, Any]:
    ports = {"smtp_port": servers.smtp_port, "imap_port": servers.imap_port} if servers else {}
    hosts = {"smtp_host": "127.0.0.1", "smtp_tls": "none", "imap_host": "127.0.0.1", "imap_tls": "none"}
    return {"client_id": CLIENT, "from_name": "Shree", **hosts, **ports}


def connected(shree: Workspace, provider: str = "google_mail", servers: MailSandbox | None = None) -> ChannelAccount:
    with tenancy.inside(shree):
        return accounts.connect(
            workspace=shree, by=owner_of(shree), at=clock.now(), provider=provider, name="Mail", address=SHOP,
            settings=settings_of(servers), secrets={"client_secret": SECRET}, is_sandbox=True,
        )  # fmt: skip


def opened(account: ChannelAccount) -> Access:
    with tenancy.inside(account.workspace_id):
        account.refresh_from_db()
        return accounts.access(account)


def allowed(url: str) -> str:
    """Look at the provider's page as the owner and follow “Allow”; the address she is sent back to."""
    page = outgoing.send("GET", url, recipient=mail_sign_in.SANDBOX)
    assert page.status == 200, page.text
    return unescape(re.findall(r'href="([^"]+)">Allow', page.text)[0])


def signed(client: Client, account: ChannelAccount) -> Any:
    """The whole way of the owner, and the job that ends it; the last answer."""
    page = client.post(reverse("messaging:mail_sign_in", args=[account.pk])).content.decode()
    back = urlsplit(allowed(unescape(re.findall(r'href="([^"]+/authorize\?[^"]+)"', page)[0])))
    shown = client.get(f"{back.path}?{back.query}")
    assert b"Connect the mailbox" in shown.content
    answer = client.post(back.path, {name: values[0] for name, values in parse_qs(back.query).items()})
    ended(account)
    return answer


def ended(account: ChannelAccount) -> None:
    """What the job does after the answer."""
    with tenancy.inside(account.workspace_id):
        by = Member.objects.of(account.workspace_id).get(role=Role.OWNER)
    mail_sign_in_ending.carry_out(account.workspace_id, account.pk, by=by.pk)


def letter() -> Outgoing:
    return Outgoing(uuid4(), ASHA, "Your passport is ready.", subject="Ready")


def sent(access: Access) -> Any:
    adapter = next(one for one in mail.SIGNED_IN if one.name == access.provider)
    with adapter.line(access) as line:
        return line.send(letter())


@BOTH
@pytest.mark.usefixtures("db")
def test_an_owner_signs_in_and_mail_goes_and_comes(provider: str, shree: Workspace, servers: MailSandbox) -> None:
    account = connected(shree, provider, servers)
    assert sent(opened(account)).code == "signed_out"
    answer = signed(signed_in(owner_of(shree)), account)
    assert (answer.status_code, answer.url) == (303, reverse("messaging:channel", args=[account.pk]))
    access = opened(account)
    assert sent(access).outcome is Outcome.ACCEPTED
    assert [one.recipients for one in servers.accepted] == [(ASHA,)]
    servers.deliver(SHOP, f"From: {ASHA}\r\nTo: {SHOP}\r\nMessage-ID: <1@mail.example>\r\n\r\nThanks".encode())
    [said] = [one.said for one in imap.fetch(access, Place(1, 0), at=clock.now())]
    assert said is not None and "Thanks" in str(said)


@pytest.mark.usefixtures("db")
def test_tokens_lie_sealed(shree: Workspace, sign_in: SignIn) -> None:
    account = connected(shree)
    signed(signed_in(owner_of(shree)), account)
    access = opened(account)
    for name in (mail_sign_in.REFRESH, mail_sign_in.TOKEN):
        assert access.secrets[name].encode() not in bytes(account.secrets or b"")
        assert access.secrets[name] not in str(account.settings)


@pytest.mark.usefixtures("db")
def test_a_token_that_ended_is_made_anew_and_a_new_lasting_one_is_kept(
    shree: Workspace, servers: MailSandbox, sign_in: SignIn
) -> None:
    account = connected(shree, "microsoft_mail", servers)
    sign_in.seconds, sign_in.rotates = 60, True  # ends within two minutes: not used any more
    signed(signed_in(owner_of(shree)), account)
    before = opened(account)
    assert sent(before).outcome is Outcome.ACCEPTED
    after = opened(account)
    assert after.secrets[mail_sign_in.REFRESH] != before.secrets[mail_sign_in.REFRESH]
    assert sent(before).outcome is Outcome.ACCEPTED  # opened before; its own lasting token has ended meanwhile


@pytest.mark.usefixtures("db")
def test_a_token_that_ends_before_its_time_is_made_anew_once(
    shree: Workspace, servers: MailSandbox, sign_in: SignIn
) -> None:
    account = connected(shree, servers=servers)
    signed(signed_in(owner_of(shree)), account)
    sign_in.end_short()
    assert sent(opened(account)).outcome is Outcome.ACCEPTED


@pytest.mark.slow
@pytest.mark.usefixtures("db")
def test_a_permission_that_is_withdrawn_stops_the_account_with_words(
    shree: Workspace, servers: MailSandbox, sign_in: SignIn
) -> None:
    account = connected(shree, servers=servers)
    signed(signed_in(owner_of(shree)), account)
    sign_in.withdraw()
    answer = sent(opened(account))
    assert (answer.outcome, answer.code, answer.stops_account) == (Outcome.LATER, "signed_out", True)
    with pytest.raises(CannotFetch, match="signed_out"):
        list(imap.fetch(opened(account), Place(1, 0), at=clock.now()))
    with tenancy.inside(shree):
        accounts.stop(account=account, code=answer.code, at=clock.now())
        account.refresh_from_db()
    assert account.state == "broken" and "Sign in there again" in account.trouble
    assert signed(signed_in(owner_of(shree)), account).status_code == 303
    with tenancy.inside(shree):
        account.refresh_from_db()
    assert (account.state, account.trouble) == ("ready", "")


@pytest.mark.usefixtures("db")
def test_a_wrong_client_secret_says_so(shree: Workspace, sign_in: SignIn) -> None:
    account = connected(shree)
    with tenancy.inside(shree):
        accounts.keep_secrets(account=account, secrets={"client_secret": "wrong"})
    signed(signed_in(owner_of(shree)), account)
    with tenancy.inside(shree):
        account.refresh_from_db()
    assert account.state == "broken" and "client id or its secret" in account.trouble


@pytest.mark.usefixtures("db")
def test_a_sign_in_that_another_began_or_was_used_is_refused(shree: Workspace, sign_in: SignIn) -> None:
    account, client = connected(shree), signed_in(owner_of(shree))
    back = reverse("messaging:mail_sign_in_back")
    assert client.get(back, {"code": "x", "state": "y"}).status_code == 409
    client.post(reverse("messaging:mail_sign_in", args=[account.pk]))
    state = client.session["mail_sign_in"]["state"]
    assert signed_in(owner_of(shree)).post(back, {"code": "x", "state": state}).status_code == 409
    assert client.post(back, {"code": "x", "state": state}).status_code == 303
    ended(account)  # the provider knows no such code
    assert b"has ended" in client.post(back, {"code": "x", "state": state}).content
    assert mail_sign_in.REFRESH not in opened(account).secrets
    member = signed_in(make_member(shree))
    assert member.post(reverse("messaging:mail_sign_in", args=[account.pk])).status_code == 403


@pytest.mark.usefixtures("db")
def test_no_transaction_is_open_while_the_provider_answers(
    shree: Workspace, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, depth, asked = connected(shree), len(connection.savepoint_ids), list[int]()

    def slow(*_given: object, **_more: object) -> dict[str, str]:
        asked.append(len(connection.savepoint_ids))
        raise outgoing.Unreachable("slow", reason="slow", may_have_arrived=True)

    monkeypatch.setattr(mail_sign_in, "finish", slow)
    answer = signed(signed_in(owner_of(shree)), account)
    assert (answer.status_code, asked) == (303, [depth])
    with tenancy.inside(shree):
        account.refresh_from_db()
    assert account.state == "broken" and "Sign in there once more" in account.trouble


@pytest.mark.usefixtures("db")
def test_a_code_lies_sealed_until_it_was_used_once(
    shree: Workspace, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, client = connected(shree), signed_in(owner_of(shree))
    signed(client, account)
    kept = opened(account).secrets
    assert kept[mail_sign_in.REFRESH] and not kept["sign_in_code"] and not kept["sign_in_verifier"]
    monkeypatch.setattr(mail_sign_in, "finish", lambda *_given, **_more: pytest.fail("asked twice"))
    ended(account)


@pytest.mark.usefixtures("db")
def test_a_sign_in_that_fails_leaves_an_account_at_work_that_was_let_in_before(
    shree: Workspace, sign_in: SignIn
) -> None:
    account, client = connected(shree), signed_in(owner_of(shree))
    signed(client, account)
    before = opened(account).secrets[mail_sign_in.REFRESH]
    with tenancy.inside(shree):
        mail_sign_in_ending.leave(account, code="x", verifier="y", by=owner_of(shree))
    ended(account)
    assert opened(account).secrets[mail_sign_in.REFRESH] == before
    assert account.state == "ready" and account.trouble


@pytest.mark.usefixtures("db")
def test_who_refuses_at_the_provider_changes_nothing(shree: Workspace, sign_in: SignIn) -> None:
    account, client = connected(shree), signed_in(owner_of(shree))
    client.post(reverse("messaging:mail_sign_in", args=[account.pk]))
    state = client.session["mail_sign_in"]["state"]
    answer = client.get(reverse("messaging:mail_sign_in_back"), {"error": "access_denied", "state": state})
    assert b"nobody was let in" in answer.content
    assert "mail_sign_in" not in client.session


def test_a_code_is_worth_nothing_without_its_verifier(sign_in: SignIn) -> None:
    access = Access(uuid4(), uuid4(), SHOP, {"client_id": CLIENT}, {"client_secret": SECRET}, True, "google_mail")
    house = mail_sign_in.house_of(access)
    assert house is not None
    begun = mail_sign_in.begin(house, access)
    code = parse_qs(urlsplit(allowed(begun.url)).query)["code"][0]
    with pytest.raises(SignedOut):
        mail_sign_in.finish(house, access, code=code, verifier="another")
    asked = parse_qs(urlsplit(begun.url).query)
    assert begun.verifier not in begun.url and asked["code_challenge_method"] == ["S256"]


def test_who_is_signed_out_is_not_connected_to(servers: MailSandbox) -> None:
    access = Access(uuid4(), uuid4(), SHOP, settings_of(servers), {}, True, "google_mail")
    found = mail.SIGNED_IN[0].check(access)
    assert "nobody signed in yet" in found.trouble and servers.connections == 0


def test_providers_stand_where_the_operator_says() -> None:
    outside_access = Access(uuid4(), uuid4(), SHOP, {"tenant": "a/b"}, {}, False, "microsoft_mail")
    house = mail_sign_in.house_of(outside_access)
    assert house is not None
    assert house.token == "https://login.microsoftonline.com/a%2Fb/oauth2/v2.0/token"
    google = mail_sign_in.house_of(replace(outside_access, provider="google_mail"))
    assert google is not None and google.token == "https://oauth2.googleapis.com/token"
    with override_settings(GOOGLE_SIGN_IN_URL="http://127.0.0.1:9"):
        google = mail_sign_in.house_of(replace(outside_access, provider="google_mail"))
    assert google is not None and google.token == "http://127.0.0.1:9/token"
    assert mail_sign_in.house_of(replace(outside_access, provider="smtp")) is None


def test_what_the_mail_servers_are_told_ends_no_field_early() -> None:
    said = mail_sign_in.xoauth2("a\x01b@x.example", "t")
    assert said == "user=ab@x.example\x01auth=Bearer t\x01\x01"
    assert base64.b64encode(said.encode())


@pytest.fixture(autouse=True)
def _uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    outside.uncounted(monkeypatch)
