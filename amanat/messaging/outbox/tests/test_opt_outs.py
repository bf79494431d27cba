"""Opting out while a batch leaves, by every way there is: what was not claimed yet stays here, and says why; others get theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from amanat.accounts.models import Workspace
from amanat.accounts.tests.api_client import owners_program
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.basis.models import Decision
from amanat.basis.tests.test_public import entered
from amanat.core import clock, tenancy
from amanat.messaging.channels import unsubscribing
from amanat.messaging.channels.contract import Arrived, Preference
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.channels.unsubscribing import Wish
from amanat.messaging.outbox import claiming, events, sending
from amanat.messaging.outbox.claiming import Claimed
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.outbox.tests import post as provider
from amanat.messaging.outbox.tests.post import NOON, PHONE, Post
from amanat.people.models import Contact

State = Dispatch.State


@dataclass
class Batch:
    """What leaves while she opts out."""

    workspace: Workspace
    asha: Contact
    account: ChannelAccount
    post: Post
    purpose: str = "reminders"


def by_the_link_in_the_message(batch: Batch) -> None:
    wish = Wish(batch.workspace.pk, batch.purpose, "whatsapp", PHONE)
    with tenancy.inside(batch.workspace):
        page = "/" + unsubscribing.link(wish).partition("//")[2].partition("/")[2]
    answer = Client(enforce_csrf_checks=True).post(page, {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200


def on_her_own_page(batch: Batch) -> None:
    start = f"/w/{batch.workspace.pk}/choices/"
    answer = entered(start, PHONE).post(f"{start}mine/", {"wanted": f"{batch.purpose}.whatsapp", "act": "withdraw"})
    assert answer.status_code == 303


def _by_message(batch: Batch, channel: str, **said: str) -> None:
    account = batch.account
    with tenancy.inside(batch.workspace) as here:
        if channel == "sms":
            account = ChannelAccount.objects.create(
                workspace_id=here, channel="sms", provider="post", name="Short", address="SHREEC"
            )
        batch.post.news = lambda _payload: [Arrived("in.1", PHONE, NOON, **said)]
        events.keep(account, [(b"in.1", {})], clock.now())
    events.work_off(batch.workspace.pk, account.pk)


def by_stop_on_whatsapp(batch: Batch) -> None:
    _by_message(batch, "whatsapp", text="STOP")


def by_stop_in_hindi(batch: Batch) -> None:
    _by_message(batch, "whatsapp", text="बंद करो")


def by_the_button_under_the_message(batch: Batch) -> None:
    _by_message(batch, "whatsapp", text="No more", choice="stop")


def by_stop_as_sms(batch: Batch) -> None:
    _by_message(batch, "sms", text="stop")


def by_words_that_sound_like_a_stop(batch: Batch) -> None:
    _by_message(batch, "whatsapp", text="please mat bhejo")


def by_the_settings_of_whatsapp(batch: Batch) -> None:
    with tenancy.inside(batch.workspace):
        batch.post.news = lambda _payload: [Preference(PHONE, wants=False, at=NOON)]
        events.keep(batch.account, [(b"preference", {})], clock.now())
    events.work_off(batch.workspace.pk, batch.account.pk)


def by_the_api(batch: Batch) -> None:
    said = {"purpose": batch.purpose, "channel": "whatsapp"}
    answer = owners_program(batch.workspace).post(f"/contacts/{batch.asha.pk}/withdrawals", said)
    assert answer.status_code == 201, answer.content


def at_the_desk(batch: Batch) -> None:
    said = {"wanted": f"{batch.purpose}.whatsapp", "method": "phone"}
    with tenancy.inside(batch.workspace):
        owner = owner_of(batch.workspace)
    answer = signed_in(owner).post(reverse("basis:withdraw", args=[batch.asha.pk]), said)
    assert answer.status_code == 303


def at_the_desk_by_her_number(batch: Batch) -> None:
    with tenancy.inside(batch.workspace):
        owner = owner_of(batch.workspace)
    answer = signed_in(owner).post(reverse("basis:suppressed"), {"address": PHONE, "act": "add"})
    assert answer.status_code == 303


WAYS: list[tuple[Callable[[Batch], None], str, str]] = [
    (by_the_link_in_the_message, "reminders", "suppressed"),
    (on_her_own_page, "reminders", "suppressed"),
    (by_stop_on_whatsapp, "reminders", "suppressed"),
    (by_stop_in_hindi, "marketing", "suppressed"),
    (by_the_button_under_the_message, "reminders", "suppressed"),
    (by_stop_as_sms, "reminders", "suppressed"),
    (by_words_that_sound_like_a_stop, "reminders", "objection"),
    (by_the_settings_of_whatsapp, "marketing", "suppressed"),
    (by_the_api, "reminders", "suppressed"),
    (at_the_desk, "reminders", "suppressed"),
    (at_the_desk_by_her_number, "reminders", "suppressed"),
]


@pytest.mark.slow
@pytest.mark.parametrize("case", WAYS, ids=[way.__name__ for way, _purpose, _reason in WAYS])
def test_who_opts_out_while_a_batch_leaves_gets_nothing_more_of_it(
    post: Post,
    account: ChannelAccount,
    asha: Contact,
    monkeypatch: pytest.MonkeyPatch,
    case: tuple[Callable[[Batch], None], str, str],
) -> None:
    way, purpose, reason = case
    with tenancy.inside(account.workspace_id) as here:
        shree = Workspace.objects.of(here).get()
    with tenancy.inside(shree):
        ravi = provider.make_person(shree, "Ravi Pawar", "+919822000001")
        for person in (asha, ravi):
            provider.agree(person, "marketing")
        hers, his = set[UUID](), set[UUID]()
        for _ in range(12):
            hers.add(provider.order(asha, account, purpose=purpose).pk)
            his.add(provider.order(ravi, account, purpose=purpose).pk)
    claims: list[set[UUID]] = []
    claim = claiming.claim

    def between_two_claims(*given: object, **more: object) -> Claimed:
        if len(claims) == 1:
            way(Batch(shree, asha, account, post, purpose))
        claimed = claim(*given, **more)  # type: ignore[arg-type]
        claims.append({each.claim[0] for each in claimed.tries})
        return claimed

    monkeypatch.setattr(claiming, "claim", between_two_claims)
    sending.send_waiting(shree.pk, account.pk)
    sent = {taken.reference for taken in post.taken}
    assert sent & hers == claims[0] & hers, "what was judged before she said so begins within three seconds"
    assert 0 < len(sent & hers) < len(hers) and his <= sent
    with tenancy.inside(shree):
        rows = {row.pk: row for row in Dispatch.objects.of(shree).filter(pk__in=hers | his)}
        decided = Decision.objects.of(shree).filter(what="message", purpose=purpose)
        assert decided.filter(is_allowed=True).count() == len(sent & (hers | his))
        assert decided.filter(is_allowed=False).count() == len(hers - sent)
    assert {(rows[key].state, rows[key].reason) for key in hers - sent} == {(State.REFUSED, reason)}
    assert all(rows[key].rule == f"purposes.{purpose}" and rows[key].decided_at for key in sent & (hers | his))


def test_what_was_judged_before_and_could_not_begin_is_judged_anew(
    post: Post, account: ChannelAccount, asha: Contact, shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenancy.inside(shree):
        row = provider.order(asha, account)
    begin_before, claim = claiming.moment, claiming.claim
    opted_out: list[bool] = []

    def late(*given: object, **more: object) -> Claimed:
        claimed = claim(*given, **more)  # type: ignore[arg-type]
        if claimed.tries and not opted_out:
            opted_out.append(True)
            at_the_desk(Batch(shree, asha, account, post))
            # The process is busy with something else for longer than a claim is fresh.
            monkeypatch.setattr(claiming, "moment", lambda: begin_before() + claiming.FRESH)
        return claimed

    monkeypatch.setattr(claiming, "claim", late)
    sending.send_waiting(shree.pk, account.pk)
    with tenancy.inside(shree):
        row.refresh_from_db()
    assert opted_out and post.taken == [] and (row.state, row.reason) == (State.REFUSED, "suppressed")
