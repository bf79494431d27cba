"""The webhook of WhatsApp over the whole site: what is refused leaves no row, what is taken is kept once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Workspace
from amanat.core import clock, tenancy
from amanat.messaging.channels import accounts, hooks
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.channels.tests.calls import AT, call, message, signed, status
from amanat.messaging.inbox import bodies
from amanat.messaging.inbox.models import Message
from amanat.messaging.outbox import events
from amanat.messaging.outbox.models import ProviderEvent
from amanat.messaging.sandbox.tests.doubles import SECRETS, SETTINGS


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(AT):
        yield


def connected(workspace: Workspace, number: str = "+919822000001", **secrets: str) -> ChannelAccount:
    with tenancy.inside(workspace):
        return accounts.connect(
            workspace=workspace,
            by=None,
            at=AT,
            provider="whatsapp_cloud",
            name="Counter",
            address=number,
            settings=SETTINGS,
            secrets={**SECRETS, **secrets},
        )


def url(account: ChannelAccount, workspace: Workspace | None = None) -> str:
    return f"/w/{workspace.pk if workspace else account.workspace_id}/hooks/{account.pk}/"


def post(address: str, body: bytes, headers: dict[str, str] | None = None) -> int:
    sent = signed(body) if headers is None else headers
    return (
        Client(enforce_csrf_checks=True).post(address, body, content_type="application/json", headers=sent).status_code
    )


def rows(workspace: Workspace) -> int:
    with tenancy.inside(workspace):
        return ProviderEvent.objects.of(workspace).count()


def test_a_call_is_kept_whole_and_sealed(shree: Workspace) -> None:
    account = connected(shree)
    assert post(url(account), call(message(), status("sent"), status("read"))) == 200
    assert rows(shree) == 3
    with tenancy.inside(shree):
        kept = [bytes(event.payload or b"") for event in ProviderEvent.objects.of(shree)]
    assert all(b"Namaste" not in payload and b"9822041736" not in payload for payload in kept)


def effects(workspace: Workspace, account: ChannelAccount) -> int:
    """Work off what is kept; returns how many messages of people there are then."""
    while events.work_off(workspace.pk, account.pk):
        pass
    with tenancy.inside(workspace):
        return Message.objects.of(workspace).filter(direction=Message.Direction.IN).count()


@pytest.mark.slow
def test_a_hundred_copies_are_one_event_and_one_message(shree: Workspace) -> None:
    account, body = connected(shree), call(message())
    assert {post(url(account), body) for _ in range(50)} == {200}
    assert effects(shree, account) == 1
    assert {post(url(account), body) for _ in range(50)} == {200}
    assert rows(shree) == 1 and effects(shree, account) == 1


@pytest.mark.slow  # ten connections, and everything is committed
def test_ten_copies_at_once_are_one_event_and_one_message(committed_db: None, shree: Workspace) -> None:
    account, body, ready = connected(shree), call(message()), Barrier(10)

    def calls(_number: int) -> int:
        with clock.standing_at(AT):
            ready.wait(20)
            try:
                return post(url(account), body)
            finally:
                connection.close()

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(calls, range(10))) == {200}
    assert rows(shree) == 1 and effects(shree, account) == 1


@pytest.mark.slow
def test_what_comes_while_no_worker_is_there_is_all_worked_off_later(shree: Workspace) -> None:
    """The same at the promised size: `python -m tests.faults.webhooks`."""
    account = connected(shree)
    for part in range(3):
        said = [message(id=f"wamid.{part}.{number}", content={"body": f"No. {part}.{number}"}) for number in range(20)]
        assert post(url(account), call(*said)) == 200
    assert rows(shree) == 60
    with clock.standing_at(AT + timedelta(hours=9)):
        assert effects(shree, account) == 60
    with tenancy.inside(shree):
        assert not ProviderEvent.objects.of(shree).filter(payload__isnull=False).exists()


@pytest.mark.parametrize("moved", [timedelta(days=-7, seconds=1), timedelta(seconds=-301), timedelta(seconds=299)])
def test_a_late_call_and_a_clock_that_is_a_little_wrong_are_taken(shree: Workspace, moved: timedelta) -> None:
    account, body = connected(shree), call(message(stamp=str(int((AT + moved).timestamp()))))
    assert post(url(account), body) == 200 and rows(shree) == 1


def changed(body: bytes, place: int) -> bytes:
    return body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]


def test_what_is_forged_altered_stale_or_of_the_future_leaves_no_row(shree: Workspace, other: Workspace) -> None:
    account, body = connected(shree), call(message())
    connected(other, app_secret="the secret of another workspace")
    old, future = (
        str(int((AT + moved).timestamp())) for moved in (timedelta(days=-7, seconds=-1), timedelta(seconds=301))
    )
    places = [0, body.index(b"entry"), body.index(b"id"), body.index(b"Namaste"), body.index(b": "), len(body) - 1]
    refused: list[tuple[bytes, dict[str, str]]] = [
        (body, {}),
        (body, {"X-Hub-Signature-256": "sha256=" + "0" * 64}),
        (body, signed(body, "the secret of another workspace")),
        *((changed(body, place), signed(body)) for place in places),
        *((made, signed(made)) for made in (call(message(stamp=old)), call(message(stamp=future)), b"{}", b"")),
    ]
    assert [post(url(account), sent, headers) for sent, headers in refused] == [403] * len(refused)
    assert rows(shree) == rows(other) == 0


def test_an_account_answers_in_its_own_workspace_only(shree: Workspace, other: Workspace) -> None:
    account, body = connected(shree), call(message())
    assert post(url(account, other), body) == 404
    assert rows(other) == rows(shree) == 0


def test_a_body_beyond_what_meta_sends_is_not_read(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    account, body = connected(shree), call(message())
    monkeypatch.setattr(hooks, "MOST_BYTES", len(body))
    assert post(url(account), body) == 200
    assert post(url(account), body + b" ", signed(body + b" ")) == 413
    assert rows(shree) == 1


def test_a_body_larger_than_a_form_may_be_is_taken(shree: Workspace) -> None:
    account = connected(shree)
    body = call(message("text", {"body": "क" * 4096}, id="wamid.long")) + b" " * 2_700_000
    assert post(url(account), body) == 200
    assert rows(shree) == 1


@pytest.mark.parametrize(("query", "answer"), [("verify-of-tests", 200), ("guess", 403)])
def test_the_handshake_comes_back_to_who_knows_the_token(shree: Workspace, query: str, answer: int) -> None:
    asked: dict[str, Any] = {"hub.mode": "subscribe", "hub.verify_token": query, "hub.challenge": "1158201444"}
    response = Client().get(url(connected(shree)), asked)
    assert response.status_code == answer
    assert (response.content == b"1158201444") == (answer == 200)


def test_a_call_costs_few_statements(shree: Workspace) -> None:
    account = connected(shree)
    post(url(account), call(message()))
    body = call(*(status("read", wamid=f"wamid.{number}") for number in range(20)))
    with CaptureQueriesContext(connection) as asked:
        post(url(account), body)
    own = [one["sql"] for one in asked if "core_workspacekey" not in one["sql"]]  # kept in memory once committed
    assert len([sql for sql in own if "SAVEPOINT" not in sql]) <= 6
    assert rows(shree) == 21


def test_half_an_emoji_is_no_reason_to_be_called_for_days(shree: Workspace) -> None:
    """A lone half of a pair, and a zero, in words and names: the event is kept and worked off."""
    with tenancy.inside(shree):
        account = connected(shree)
    body = call(message(content={"body": "HALF"})).replace(b"HALF", rb"Namaste \ud83d \u0000 ji")
    assert post(url(account), body) == 200
    assert effects(shree, account) == 1
    with tenancy.inside(shree):
        assert (
            bodies.open(Message.objects.of(shree).get())
            == "Namaste \N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER} ji"
        )


def test_an_old_event_is_left_out_and_what_came_with_it_is_taken(shree: Workspace) -> None:
    with tenancy.inside(shree):
        account = connected(shree)
    old = str(int((AT - timedelta(days=8)).timestamp()))
    assert post(url(account), call(message(stamp=old, id="wamid.old"), message(id="wamid.new"))) == 200
    assert rows(shree) == 1
    assert post(url(account), call(message(stamp=old, id="wamid.old"))) == 403
