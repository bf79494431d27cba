from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.backends.base import CreateError, UpdateError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from amanat.accounts.models import Session, SignIn, User, Workspace
from amanat.accounts.session_store import SessionStore, hashed
from amanat.accounts.tests import factories
from amanat.accounts.tests.browsers import PASSWORD, sign_in
from amanat.core import clock

pytestmark = pytest.mark.django_db


def made(**data: Any) -> SessionStore:
    store = SessionStore()
    for name, value in data.items():
        store[name] = value
    store.save()
    return store


def row_of(store: SessionStore) -> Session:
    return Session.objects.get(session_key=hashed(str(store.session_key)))


def test_what_is_put_in_comes_out_of_another_process() -> None:
    store = made(color="marigold", numbers=[1, 2])
    again = SessionStore(store.session_key)
    assert (again["color"], again["numbers"], again.get("nothing")) == ("marigold", [1, 2], None)


def test_the_key_is_long_and_never_in_the_table() -> None:
    keys = {made().session_key for _ in range(5)}
    assert len(keys) == 5 and all(key and len(key) == 32 and key.isalnum() for key in keys)
    assert {row.session_key for row in Session.objects.all()} == {hashed(str(key)) for key in keys}


def test_saving_costs_one_statement_and_no_transaction() -> None:
    store = made()
    store["color"] = "green"
    with CaptureQueriesContext(connection) as asked:
        store.save()
    assert len(asked) == 1
    with CaptureQueriesContext(connection) as asked:
        SessionStore().save()
    assert len(asked) == 1


def test_a_taken_key_is_not_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = made(color="marigold")
    fresh = "abcdefghijklmnopqrstuvwxyz012345"
    keys = iter([str(taken.session_key), fresh])
    monkeypatch.setattr(SessionStore, "_get_new_session_key", lambda self: next(keys))
    second = made(color="green")
    assert second.session_key == fresh
    assert SessionStore(taken.session_key)["color"] == "marigold"
    with pytest.raises(CreateError):
        SessionStore(taken.session_key).save(must_create=True)


def test_a_session_that_was_ended_elsewhere_is_not_brought_back() -> None:
    store = made(color="marigold")
    Session.objects.all().delete()
    with pytest.raises(UpdateError):
        store.save()
    assert not Session.objects.exists()


def test_a_failed_save_leaves_the_transaction_usable() -> None:
    store = made()
    Session.objects.all().delete()
    with pytest.raises(UpdateError):
        store.save()
    assert User.objects.count() == 0  # the connection still answers


def test_a_new_key_keeps_what_the_session_holds_and_ends_the_old() -> None:
    store = made(color="marigold")
    old = str(store.session_key)
    store.cycle_key()
    store.save()
    assert store.session_key != old and SessionStore(store.session_key)["color"] == "marigold"
    assert not SessionStore(old).exists(old)


def test_a_description_is_written_with_the_next_save_and_kept_by_later_ones() -> None:
    store, at = made(), clock.now()
    store.describe(address="203.0.113.7", device="Firefox on Linux", signed_in_at=at)
    assert store.modified and row_of(store).device == ""
    store.save()
    assert (row_of(store).address, row_of(store).device, row_of(store).signed_in_at) == (
        "203.0.113.7",
        "Firefox on Linux",
        at,
    )
    later = SessionStore(store.session_key)
    later["color"] = "green"
    later.save()
    assert (row_of(store).device, SessionStore(store.session_key)["color"]) == ("Firefox on Linux", "green")


def test_a_description_survives_a_new_key() -> None:
    store = made()
    store.describe(address=None, device="Edge on Windows", signed_in_at=clock.now())
    store.cycle_key()
    assert (row_of(store).device, row_of(store).address) == ("Edge on Windows", None)


@pytest.mark.parametrize("key", ["", "short", "x" * 32, "' OR 1=1 --", "\N{DEVANAGARI LETTER KA}" * 32])
def test_a_made_up_key_opens_nothing(key: str) -> None:
    store = SessionStore(key)
    assert store.get("color") is None
    assert store.row is None


def test_an_expired_session_opens_nothing_and_saving_it_begins_another() -> None:
    store = made(color="marigold")
    with clock.standing_at(clock.now() + timedelta(days=14, seconds=1)):
        late = SessionStore(store.session_key)
        assert late.get("color") is None and late.session_key is None
        late["color"] = "green"
        late.save()
    assert late.session_key not in (None, store.session_key)


def test_two_weeks_begin_anew_with_each_save() -> None:
    store = made()
    first = row_of(store).expire_date
    with clock.standing_at(clock.now() + timedelta(days=10)):
        store.save()
    assert row_of(store).expire_date - first >= timedelta(days=9, hours=23)


def test_choosing_a_workspace_without_a_session_does_nothing() -> None:
    SessionStore().choose_workspace(uuid4())
    assert not Session.objects.exists()


def test_the_last_sight_of_a_device_is_written_once_a_minute(shree: Workspace) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    page = reverse("accounts:devices")
    row = Session.objects.get()

    def seen_after(seconds: int) -> bool:
        with clock.standing_at(row.last_seen_at + timedelta(seconds=seconds)):
            client.get(page)
        before, row.last_seen_at = row.last_seen_at, Session.objects.get().last_seen_at
        return row.last_seen_at > before

    assert [seen_after(seconds) for seconds in (30, 61, 59, 61)] == [False, True, False, True]


def test_a_changed_password_hash_ends_the_session_at_once(shree: Workspace) -> None:
    owner = factories.owner_of(shree)
    client = factories.signed_in(owner)
    User.objects.filter(pk=owner.user_id).update(password="argon2$another")
    assert client.get(reverse("accounts:devices"))["Location"].startswith(reverse("account_login"))


# --- what a sign-in costs beside its hash -------------------------------------------------------------------------
def test_signing_in_takes_eleven_statements(shree: Workspace) -> None:
    user = factories.make_user(email="asha@example.in", password=PASSWORD)
    assert sign_in(Client(), "asha@example.in").status_code == 302
    for others in (0, 3):
        for _ in range(others):
            SignIn.objects.create(user=user, outcome="signed in", address="127.0.0.1")
            factories.make_workspace(owner=user)
        with CaptureQueriesContext(connection) as asked:
            assert sign_in(Client(), "asha@example.in").status_code == 302
        written = [line["sql"].split()[0] for line in asked if line["sql"].split()[0] not in ("SAVEPOINT", "RELEASE")]
        assert len(written) == 11, written


def test_a_sign_in_is_written_on_the_account_in_the_history_and_on_the_device() -> None:
    factories.make_user(email="asha@example.in", password=PASSWORD)
    client = Client(HTTP_USER_AGENT="Mozilla/5.0 (Windows NT 10.0) Firefox/128.0", REMOTE_ADDR="203.0.113.7")
    with clock.standing_at(clock.now()):
        sign_in(client, "asha@example.in")
        at = clock.now()
    user, line, row = User.objects.get(), SignIn.objects.get(), Session.objects.get()
    assert (user.last_login, line.at, row.signed_in_at, row.user_id) == (at, at, at, user.pk)
    assert (line.address, line.device, line.method) == ("203.0.113.7", "Firefox on Windows", "password")
    assert (row.address, row.device) == (line.address, line.device)
    assert line.session_key == row.session_key and (line.ended_at, line.ended_by) == (None, "")


def test_a_sign_in_that_waits_for_its_second_step_is_not_written_yet() -> None:
    user = factories.make_user(email="asha@example.in", password=PASSWORD)
    user.emailaddress_set.update(verified=False)  # type: ignore[attr-defined]  # the library's relation
    sign_in(Client(), "asha@example.in")
    assert User.objects.get().last_login is None
    assert not SignIn.objects.filter(outcome=SignIn.Outcome.SIGNED_IN).exists()


def test_the_page_of_signing_in_asks_the_database_nothing() -> None:
    client = Client()
    client.get(reverse("account_login"))
    with CaptureQueriesContext(connection) as asked:
        assert client.get(reverse("account_login")).status_code == 200
    assert len(asked) == 0
