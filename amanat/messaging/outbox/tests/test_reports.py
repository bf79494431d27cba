"""Reports in every order, late, twice, by either name; what people tell the provider; events kept and worked off."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Workspace
from amanat.basis import consent, suppression
from amanat.basis.models import ConsentRecord, Suppression
from amanat.core import clock, ids, tenancy
from amanat.messaging.channels.contract import News, Preference, Progress, Report
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.outbox import changes, events, reports, sending
from amanat.messaging.outbox.changes import Change
from amanat.messaging.outbox.models import Dispatch, ProviderEvent
from amanat.messaging.outbox.tests import post as provider
from amanat.messaging.outbox.tests.post import NOON, PHONE, Post
from amanat.people.models import Contact

State = Dispatch.State
ALL = list(permutations(Progress))


@pytest.fixture
def row(post: Post, account: ChannelAccount, asha: Contact) -> Dispatch:
    with tenancy.inside(account.workspace_id):
        return provider.order(asha, account)


def report(row: Dispatch, progress: Progress, **changes: Any) -> Report:
    code = "131026" if progress is Progress.FAILED else ""
    minutes = list(Progress).index(progress)
    values: dict[str, Any] = {"code": code, "reference": row.pk, "pricing": "utility"}
    return Report("wamid.1", progress, NOON + timedelta(minutes=minutes), **{**values, **changes})


def tell(account: ChannelAccount, *news: News) -> int:
    with tenancy.inside(account.workspace_id):
        return reports.take(account.workspace_id, account, news, at=clock.now())


def now_is(row: Dispatch) -> Dispatch:
    with tenancy.inside(row.workspace_id):
        return Dispatch.objects.of(row.workspace_id).get(pk=row.pk)


def facts(row: Dispatch) -> dict[str, Any]:
    with tenancy.inside(row.workspace_id):
        return Dispatch.objects.of(row.workspace_id).values().get(pk=row.pk)


@pytest.mark.sampled
@pytest.mark.parametrize("together", [1, 2, 4])
def test_all_orders_of_reports_end_the_same(row: Dispatch, account: ChannelAccount, together: int) -> None:
    """Whether they come one by one, two by two, or all in one call."""
    ends = []
    with tenancy.inside(account.workspace_id):
        begun = Dispatch.objects.of(account.workspace_id).filter(pk=row.pk)
        for order in ALL:
            begun.update(
                state="unknown", delivery="", error_code="", pricing="", sent_at=None, ended_at=None, provider_id=""
            )
            for first in range(0, 4, together):
                said = [report(row, each) for each in order[first : first + together]]
                reports.take(account.workspace_id, account, said, at=NOON)
            ends.append(begun.values().get())
    assert len(ends) == 24 and all(end == ends[0] for end in ends)
    assert (ends[0]["delivery"], ends[0]["error_code"], ends[0]["state"]) == ("read", "", "done")
    assert ends[0]["sent_at"] == NOON and ends[0]["provider_id"] == "wamid.1"


@pytest.mark.parametrize(
    ("said", "delivery", "code"),
    [
        ([Progress.SENT, Progress.FAILED], "failed", "131026"),
        ([Progress.FAILED, Progress.SENT], "failed", "131026"),
        ([Progress.DELIVERED, Progress.FAILED], "delivered", ""),
        ([Progress.FAILED, Progress.DELIVERED], "delivered", ""),
        ([Progress.READ, Progress.DELIVERED, Progress.SENT], "read", ""),
    ],
)
def test_that_it_arrived_is_worth_more_than_that_it_failed(
    row: Dispatch, account: ChannelAccount, said: list[Progress], delivery: str, code: str
) -> None:
    for each in said:
        tell(account, report(row, each))
    assert (now_is(row).delivery, now_is(row).error_code) == (delivery, code)


@pytest.mark.parametrize("state", ["todo", "sending", "unknown", "dead", "held"])
def test_a_report_proves_that_it_was_taken_and_stops_a_second_try(
    post: Post, row: Dispatch, account: ChannelAccount, state: str
) -> None:
    with tenancy.inside(account.workspace_id):
        Dispatch.objects.of(account.workspace_id).update(state=state, lease_until=NOON)
    assert tell(account, report(row, Progress.SENT)) == 0
    sending.send_waiting(account.workspace_id, account.pk)
    assert now_is(row).state == State.DONE and now_is(row).provider_id == "wamid.1" and post.taken == []


def test_a_report_without_our_reference_is_found_by_the_providers_id(
    post: Post, row: Dispatch, account: ChannelAccount
) -> None:
    strange = Report("post.unknown", Progress.SENT, NOON)
    assert tell(account, strange) == 1
    sending.send_waiting(account.workspace_id, account.pk)
    assert tell(account, Report(f"post.{row.pk}", Progress.DELIVERED, NOON)) == 0
    assert now_is(row).delivery == "delivered"
    assert tell(account, Report(f"post.{row.pk}", Progress.READ, NOON, reference=ids.new())) == 0


def test_a_report_of_another_account_or_workspace_changes_nothing(
    row: Dispatch, account: ChannelAccount, other: Workspace
) -> None:
    with tenancy.inside(account.workspace_id):
        second = ChannelAccount.objects.create(
            workspace_id=account.workspace_id, channel="whatsapp", provider="post", name="2", address="+912048574322"
        )
    assert tell(second, report(row, Progress.READ)) == 1
    with tenancy.inside(other):
        theirs = provider.make_account(other)
        assert reports.take(other.pk, theirs, [report(row, Progress.READ)], at=NOON) == 1
    assert now_is(row).delivery == ""


def test_who_listens_hears_of_every_step(
    post: Post, row: Dispatch, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[str, str]] = []

    def hear(_workspace: object, told: list[Change]) -> None:
        heard.extend((one.state, one.delivery) for one in told)

    monkeypatch.setattr(changes, "_hooks", [hear])
    sending.send_waiting(account.workspace_id, account.pk)
    tell(account, report(row, Progress.DELIVERED))
    assert heard == [("done", ""), ("done", "delivered")]


@pytest.mark.parametrize(
    ("channel", "code", "said"),
    [
        ("whatsapp", "131050", ("opt_out", "reminders")),
        ("email", "bounce-5.1.1", ("unreachable", "")),
        ("email", "complaint", ("complaint", "")),
    ],
)
def test_what_the_provider_says_of_a_person_becomes_a_suppression(
    row: Dispatch, account: ChannelAccount, channel: str, code: str, said: tuple[str, str]
) -> None:
    with tenancy.inside(account.workspace_id):
        Dispatch.objects.of(account.workspace_id).update(channel=channel)
    tell(account, report(row, Progress.FAILED, code=code, opts_out=True))
    tell(account, report(row, Progress.FAILED, code=code, opts_out=True))
    with tenancy.inside(account.workspace_id):
        found = Suppression.objects.of(account.workspace_id).get()
        assert ((found.reason, found.purpose), found.channel) == (said, channel)
        assert bytes(found.digest) == suppression.digest(row.address, workspace_id=row.workspace_id)


# --- wishes told to the provider -----------------------------------------------------------------------------------


def test_stop_told_to_whatsapp_withdraws_offers_and_leaves_reminders(account: ChannelAccount, asha: Contact) -> None:
    with tenancy.inside(account.workspace_id):
        provider.agree(asha, "marketing")
    for _ in range(2):
        tell(account, Preference(PHONE, wants=False, at=NOON))
    with tenancy.inside(account.workspace_id):
        stands = {pair: record.what for pair, record in consent.standing(asha, at=NOON).items()}
        assert stands == {("marketing", "whatsapp"): "withdrawn", ("reminders", "whatsapp"): "given"}
        assert ConsentRecord.objects.of(account.workspace_id).filter(what="withdrawn").count() == 1
    with clock.standing_at(NOON + timedelta(seconds=1)):
        tell(account, Preference(PHONE, wants=True, at=NOON))
    with tenancy.inside(account.workspace_id):
        latest = consent.standing(asha, at=NOON + timedelta(seconds=1))["marketing", "whatsapp"]
        assert latest.what == "given" and latest.notice is not None


def test_stop_of_somebody_we_do_not_know_holds_when_she_comes(account: ChannelAccount, asha: Contact) -> None:
    tell(account, Preference("+919999900000", wants=False, at=NOON))
    with tenancy.inside(account.workspace_id):
        stands = suppression.against(
            ["+919999900000"], workspace=account.workspace_id, purpose="marketing", channel="whatsapp", at=NOON
        )
    assert stands == {"+919999900000": "opt_out"}


# --- events --------------------------------------------------------------------------------------------------------


def keep(account: ChannelAccount, *names: str) -> int:
    with tenancy.inside(account.workspace_id):
        return events.keep(account, [(name.encode(), {"n": name}) for name in names], clock.now())


def kept(account: ChannelAccount) -> list[ProviderEvent]:
    with tenancy.inside(account.workspace_id):
        return list(ProviderEvent.objects.of(account.workspace_id).order_by("id"))


@pytest.fixture
def heard(post: Post, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The payloads that were read, in order."""
    read: list[str] = []
    monkeypatch.setattr(events, "_LINGER", 0.0)
    post.news = lambda payload: (read.append(payload["n"]), [])[1]  # type: ignore[func-returns-value]
    return read


def test_an_event_is_kept_once_sealed_and_worked_off_in_order(account: ChannelAccount, heard: list[str]) -> None:
    assert keep(account, "a", "b", "a") == 2
    assert keep(account, "b", "c") == 1
    assert all(b'"n"' not in bytes(row.payload or b"") for row in kept(account))
    assert events.work_off(account.workspace_id, account.pk) is False
    events.work_off(account.workspace_id, account.pk)
    assert heard == ["a", "b", "c"]
    assert keep(account, "a", "b", "c") == 0
    assert all(row.payload is None and row.done_at == NOON for row in kept(account))


def test_one_and_a_hundred_events_are_kept_by_the_same_few_statements(account: ChannelAccount) -> None:
    counts = []
    for number in (1, 100):
        with tenancy.inside(account.workspace_id), CaptureQueriesContext(connection) as seen:
            events.keep(account, [(f"{number}-{n}".encode(), {}) for n in range(number)], NOON)
        counts.append(sum("messaging_providerevent" in each["sql"] for each in seen))
    assert counts == [1, 1]


def test_an_event_that_fails_is_tried_again_and_parked_and_the_others_go_on(
    post: Post, account: ChannelAccount, heard: list[str]
) -> None:
    read = post.news
    assert read is not None

    def poisoned(payload: Any) -> list[News]:
        if payload["n"] == "poison":
            raise RuntimeError("as it must")
        return read(payload)

    post.news = poisoned
    keep(account, "poison", "good")
    events.work_off(account.workspace_id, account.pk)
    assert heard == ["good"]
    at = NOON
    for _ in range(events.MOST_TRIES + 2):
        at += timedelta(hours=2)
        with clock.standing_at(at):
            events.work_off(account.workspace_id, account.pk)
    parked = kept(account)[0]
    assert parked.tries == events.MOST_TRIES and parked.done_at is not None and parked.payload is not None


def test_a_database_that_goes_away_is_no_fault_of_the_events(
    post: Post, account: ChannelAccount, heard: list[str]
) -> None:
    read = post.news
    assert read is not None

    def away(_payload: Any) -> list[News]:
        raise OperationalError("server closed the connection unexpectedly")

    post.news = away
    keep(account, "a", "b")
    with pytest.raises(OperationalError):
        events.work_off(account.workspace_id, account.pk)
    assert [(row.tries, row.done_at) for row in kept(account)] == [(0, None), (0, None)]
    post.news = read
    events.work_off(account.workspace_id, account.pk)
    assert heard == ["a", "b"]


def test_a_report_that_comes_before_its_message_is_known_waits_for_it(
    post: Post, row: Dispatch, account: ChannelAccount, heard: list[str]
) -> None:
    post.news = lambda payload: [Report(f"post.{row.pk}", Progress.DELIVERED, NOON)]
    keep(account, "early")
    events.work_off(account.workspace_id, account.pk)
    sending.send_waiting(account.workspace_id, account.pk)
    with clock.standing_at(NOON + timedelta(seconds=30)):
        events.work_off(account.workspace_id, account.pk)
    assert now_is(row).delivery == "delivered"
    assert kept(account)[0].done_at is not None


def test_a_report_that_is_nobodys_is_forgotten_after_a_while(
    post: Post, account: ChannelAccount, heard: list[str]
) -> None:
    post.news = lambda payload: [Report("somebody.elses", Progress.DELIVERED, NOON)]
    keep(account, "strange")
    events.work_off(account.workspace_id, account.pk)
    assert kept(account)[0].done_at is None
    with clock.standing_at(NOON + timedelta(minutes=3)):
        events.work_off(account.workspace_id, account.pk)
    assert kept(account)[0].done_at is not None and kept(account)[0].payload is None


def test_a_strange_report_is_looked_at_half_as_often_each_time(
    post: Post, account: ChannelAccount, heard: list[str]
) -> None:
    """Who sends from the same number with another program has all its reports told here: thirty looks at each would keep us busy."""
    looked: list[int] = []
    post.news = lambda payload: [Report("somebody.elses", Progress.DELIVERED, NOON)]
    keep(account, "strange")
    for second in range(180):
        with clock.standing_at(NOON + timedelta(seconds=second)):
            waits_until = kept(account)[0].next_at
            if kept(account)[0].done_at is None and (waits_until is None or waits_until <= clock.now()):
                events.work_off(account.workspace_id, account.pk)
                looked.append(second)
    assert looked == [0, 4, 8, 16, 32, 64, 128]


def test_digests_outlast_the_longest_repetition_and_then_go(account: ChannelAccount, heard: list[str]) -> None:
    keep(account, "a")
    assert events.sweep(account.workspace_id, at=NOON + timedelta(days=30)) == 0, "it was not worked off"
    events.work_off(account.workspace_id, account.pk)
    assert events.sweep(account.workspace_id, at=NOON + timedelta(days=8)) == 0
    with clock.standing_at(NOON + timedelta(days=7, hours=23)):
        assert keep(account, "a") == 0
    assert events.sweep(account.workspace_id, at=NOON + timedelta(days=10)) == 1
