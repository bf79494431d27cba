"""Demands of authorities, training, regions and traffic at their edges: who counts, from which day, of which workspace."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from amanat.accounts.models import Member, SignIn, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry
from amanat.core.outgoing import Disclosure
from amanat.policy import ready
from amanat.policy.durations import Duration
from amanat.policy.format import Policy
from amanat.privacy.registers import authorities, residency, staff, traffic
from amanat.privacy.registers.models import AuthorityApproval, AuthorityDisclosure, Training

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY, YEAR = timedelta(days=1), Duration.parse("P1Y")
POLICY = ready.policy("default")


def with_recipients(**changes: dict[str, Any]) -> Policy:
    """The ready policy with recipients of these conditions only, each made of its first."""
    first = next(iter(POLICY.recipients.values()))
    return POLICY.model_copy(
        update={"recipients": {name: first.model_copy(update=told) for name, told in changes.items()}}
    )


def facts(workspace: Workspace, event: str) -> list[dict[str, Any]]:
    with tenancy.inside(workspace):
        return [dict(one.facts) for one in LedgerEntry.objects.of(workspace).filter(event=event).order_by("at", "id")]


# --- authorities ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recipients", "needed"),
    [
        ({}, 2),
        ({"a": {"when": "law", "approvers": 1}}, 2),
        ({"a": {"when": "law", "approvers": 3}}, 3),
        ({"a": {"when": "law", "approvers": 3}, "b": {"when": "law", "approvers": 5}}, 5),
        ({"a": {"when": "always", "approvers": 9}}, 2),
        ({"a": {"when": "consent", "approvers": 9}, "b": {"when": "law", "approvers": 2}}, 2),
    ],
)
def test_the_strictest_recipient_by_law_says_how_many_approve_and_two_at_least(
    recipients: dict[str, dict[str, Any]], needed: int
) -> None:
    assert authorities.needed(with_recipients(**recipients)) == needed


@pytest.fixture
def demand(shree: Workspace) -> AuthorityDisclosure:
    with tenancy.inside(shree):
        return authorities.ask(
            authority="Police, Satara", law="Section 94", reference="12/2026", wanted="Calls of May", contact=None,
            by=owner_of(shree), at=NOW,
        )  # fmt: skip


def approve(demand: AuthorityDisclosure, by: Member) -> int:
    with tenancy.inside(demand.workspace_id):
        return authorities.approve(disclosure_id=demand.pk, by=by, at=NOW + DAY)


def give(demand: AuthorityDisclosure, by: Member) -> AuthorityDisclosure:
    with tenancy.inside(demand.workspace_id):
        return authorities.give(disclosure_id=demand.pk, given="A list.", by=by, at=NOW + 2 * DAY)


def test_nobody_counts_twice_and_who_asked_not_at_all(shree: Workspace, demand: AuthorityDisclosure) -> None:
    owner = owner_of(shree)
    first, second = (make_member(shree, Role.MANAGER, name=name) for name in ("First One", "Second One"))
    with pytest.raises(authorities.OwnDemand):
        approve(demand, owner)
    assert [approve(demand, first), approve(demand, first)] == [1, 1]
    with pytest.raises(authorities.NotApproved):
        give(demand, owner)
    assert approve(demand, second) == 2
    given = give(demand, owner)
    assert (given.given, given.given_at, given.given_by) == ("A list.", NOW + 2 * DAY, owner)
    assert facts(shree, "privacy.authority.given") == [{"demand": str(demand.pk), "approvals": 2}]


def test_what_is_settled_is_neither_approved_nor_given_nor_refused_again(
    shree: Workspace, demand: AuthorityDisclosure
) -> None:
    manager = make_member(shree, Role.MANAGER)
    with tenancy.inside(shree):
        refused = authorities.refuse(disclosure_id=demand.pk, because="No law.", by=manager, at=NOW + DAY)
    assert (refused.refused_because, refused.refused_at, refused.refused_by) == ("No law.", NOW + DAY, manager)
    for act in (lambda: approve(demand, manager), lambda: give(demand, manager)):
        with pytest.raises(authorities.Settled):
            act()
    with tenancy.inside(shree):
        with pytest.raises(authorities.Settled):
            authorities.refuse(disclosure_id=demand.pk, because="Again.", by=manager, at=NOW + DAY)
        assert not AuthorityApproval.objects.of(shree).exists()


def test_a_demand_of_another_workspace_does_not_exist(
    shree: Workspace, other: Workspace, demand: AuthorityDisclosure
) -> None:
    stranger = owner_of(other)
    with tenancy.inside(other):
        for act in (
            lambda: authorities.approve(disclosure_id=demand.pk, by=stranger, at=NOW),
            lambda: authorities.give(disclosure_id=demand.pk, given="", by=stranger, at=NOW),
            lambda: authorities.refuse(disclosure_id=demand.pk, because="", by=stranger, at=NOW),
        ):
            with pytest.raises(AuthorityDisclosure.DoesNotExist):
                act()


def test_only_who_may_answer_requests_and_is_there_could_approve(shree: Workspace, demand: AuthorityDisclosure) -> None:
    def others() -> int:
        with tenancy.inside(shree):
            return authorities.others_who_may(demand)

    assert others() == 0, "who asked is no other"
    make_member(shree, Role.AGENT, name="An Agent")
    make_member(shree, Role.AUDITOR, name="An Auditor")
    assert others() == 0
    manager = make_member(shree, Role.MANAGER)
    make_member(shree, Role.MANAGER, name="Gone Manager", ended_at=NOW)
    assert others() == 1
    manager.user.is_active = False
    manager.user.save()
    assert others() == 0


# --- training ---------------------------------------------------------------------------------------------------------------------


def train(by: Member, *members: Member, on: date, topic: str = "Codes") -> int:
    with tenancy.inside(by.workspace_id):
        return staff.record_training(member_ids=[one.pk for one in members], topic=topic, done_on=on, by=by, at=NOW)


def seats(workspace: Workspace, every: Duration = YEAR) -> dict[str, staff.Seat]:
    with tenancy.inside(workspace):
        return {one.name: one for one in staff.seats(workspace.pk, every=every)}


def test_training_is_due_again_on_the_day_its_interval_ends(shree: Workspace) -> None:
    owner = owner_of(shree)
    train(owner, owner, on=date(2026, 3, 1))
    seat = seats(shree)[owner.name]
    assert (seat.trained_on, seat.next_on, seat.topic) == (date(2026, 3, 1), date(2027, 3, 1), "Codes")
    assert [seat.is_due(date(2027, 3, 1) + days * DAY) for days in (-1, 0, 1)] == [False, True, True]


def test_who_was_never_trained_is_due_since_she_joined(shree: Workspace) -> None:
    owner = owner_of(shree)
    with tenancy.inside(shree):  # half past midnight in India
        Member.objects.of(shree).filter(pk=owner.pk).update(joined_at=datetime(2026, 11, 22, 19, tzinfo=UTC))
    seat = seats(shree)[owner.name]
    assert (seat.trained_on, seat.topic, seat.next_on) == (None, "", date(2026, 11, 23))


def test_the_newest_day_counts_whenever_it_was_written_down(shree: Workspace) -> None:
    owner = owner_of(shree)
    train(owner, owner, on=date(2026, 6, 1), topic="Newest")
    train(owner, owner, on=date(2026, 1, 1), topic="Written later")
    assert seats(shree)[owner.name].topic == "Newest"


def test_training_counts_for_those_it_names_of_this_workspace(shree: Workspace, other: Workspace) -> None:
    owner, stranger = owner_of(shree), owner_of(other)
    prakash = make_member(shree)
    assert train(owner, prakash, stranger, on=date(2026, 6, 1)) == 1
    assert train(owner, stranger, on=date(2026, 6, 1)) == 0
    found = seats(shree)
    assert found[prakash.name].trained_on and found[owner.name].trained_on is None
    assert facts(shree, "privacy.training.recorded") == [{"count": 1, "done_on": "2026-06-01"}]
    with tenancy.inside(other):
        assert not Training.objects.of(other).exists()


def test_seats_stand_by_name_without_those_who_left_with_their_last_sign_in(shree: Workspace) -> None:
    zoya, asha = make_member(shree, name="Zoya Khan"), make_member(shree, Role.AUDITOR, name="Asha Menon")
    make_member(shree, name="Gone Member", ended_at=NOW)
    for days, outcome in ((3, SignIn.Outcome.SIGNED_IN), (2, SignIn.Outcome.SIGNED_IN)):
        SignIn.objects.create(user=asha.user, at=NOW - days * DAY, outcome=outcome)
    failed = next(one for one in SignIn.Outcome if one != SignIn.Outcome.SIGNED_IN)
    SignIn.objects.create(user=asha.user, at=NOW, outcome=failed)
    found = seats(shree)
    assert list(found) == ["Asha Menon", "Rekha Kulkarni", "Zoya Khan"]
    assert found["Asha Menon"].last_sign_in_at == NOW - 2 * DAY and found[zoya.name].last_sign_in_at is None
    assert found["Asha Menon"].permissions < found["Rekha Kulkarni"].permissions


# --- regions ----------------------------------------------------------------------------------------------------------------------


def test_a_workspace_is_bound_once_and_only_to_where_it_lies(shree: Workspace) -> None:
    with tenancy.inside(shree):
        assert residency.of(shree.pk) == residency.here()
        with pytest.raises(residency.Elsewhere, match="pinned to ZZ"), transaction.atomic():
            residency.pin(workspace_id=shree.pk, region="ZZ", by=None, at=NOW)
        first = residency.pin(workspace_id=shree.pk, region=residency.here(), by=owner_of(shree), at=NOW)
        again = residency.pin(workspace_id=shree.pk, region=residency.here(), by=None, at=NOW + DAY)
        assert (again.pk, again.pinned_at) == (first.pk, NOW)
    assert facts(shree, "privacy.residency.pinned") == [{"region": residency.here()}]
    assert residency.elsewhere() == []


@pytest.mark.parametrize(
    ("countries", "safeguard", "abroad", "is_safe"),
    [
        (("IN",), "", None, None),
        ((), "", None, None),
        (("IN", "US"), "scc", ("US",), True),
        (("US",), "", ("US",), False),
        (("US",), "privacy_shield", ("US",), False),  # banned by the policy
        (("US", "SG"), "scc", ("US", "SG"), True),
    ],
)
def test_data_abroad_is_listed_with_whether_a_lawful_safeguard_covers_it(
    countries: tuple[str, ...], safeguard: str, abroad: tuple[str, ...] | None, is_safe: bool | None
) -> None:
    found = residency.transfers(with_recipients(one={"countries": countries, "safeguard": safeguard}), region="IN")
    assert [(one.name, one.countries, one.is_safe) for one in found] == ([("one", abroad, is_safe)] if abroad else [])


# --- traffic ----------------------------------------------------------------------------------------------------------------------


def test_traffic_is_summed_by_recipient_host_and_whether_it_was_refused(db: None) -> None:
    def sent(recipient: str, host: str, size: int, days: int, requests: int = 1) -> None:
        with clock.standing_at(NOW + days * DAY):
            traffic.count(Disclosure(recipient, host, "GET", size, None, requests=requests))

    sent("mail", "a.test", 100, 0)
    sent("mail", "a.test", 50, 2, requests=3)
    sent("mail", "b.test", 7, 1)
    sent("mail", "a.test", 999, -1)
    with clock.standing_at(NOW):
        traffic.count_refused("x" * 61, "h" * 256)
        traffic.count_refused("mail", "a.test")
    found = traffic.since(NOW.date())
    today = NOW.date()
    assert [(one.recipient, one.host, one.was_refused, one.requests, one.sent_bytes) for one in found] == [
        ("mail", "a.test", False, 4, 150),
        ("mail", "a.test", True, 1, 0),
        ("mail", "b.test", False, 1, 7),
        ("x" * 60, "h" * 255, True, 1, 0),
    ]
    assert (found[0].first_on, found[0].last_on) == (today, today + 2 * DAY)
    assert len(traffic.since(today - DAY)) == 4 and traffic.since(today + 3 * DAY) == []


def test_approvals_are_kept_for_good(shree: Workspace, demand: AuthorityDisclosure) -> None:
    approve(demand, make_member(shree, Role.MANAGER))
    with tenancy.inside(shree):
        for spoil in (
            lambda: AuthorityApproval.objects.of(shree).update(at=NOW),
            lambda: AuthorityApproval.objects.of(shree).delete(),
        ):
            with pytest.raises(DatabaseError), transaction.atomic():
                spoil()
