"""Whose going leaves nobody in charge, how long each grace is, and what a closing that was taken back leaves behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from amanat.accounts.models import Member, User, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.browsers import sign_in
from amanat.accounts.tests.factories import PASSWORD, make_member, make_user, make_workspace, owner_of
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry
from amanat.privacy.closing import users, workspaces
from amanat.privacy.closing.models import AccountClosure, WorkspaceClosure
from amanat.publishing.tests import samples

NOW = datetime(2026, 12, 1, 10, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def order(workspace: Workspace, *, at: datetime = NOW, books_taken: bool = False) -> WorkspaceClosure:
    owner = owner_of(workspace)
    with tenancy.inside(workspace):
        return workspaces.order(workspace=owner.workspace, by=owner, at=at, books_taken=books_taken)


def events(workspace: Workspace, prefix: str) -> list[str]:
    with tenancy.inside(workspace):
        found = LedgerEntry.objects.of(workspace).filter(event__startswith=prefix).order_by("at", "id")
        return list(found.values_list("event", flat=True))


def fresh(user: User) -> User:
    return User.objects.get(pk=user.pk)


def owned_alone(user: User) -> list[str]:
    return [seat.name for seat in users.only_owner_of(user)]


# --- who is in charge -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("second", "is_alone"),
    [
        ({"role": Role.OWNER}, False),
        ({"role": Role.MANAGER}, True),
        ({"role": Role.AUDITOR}, True),
        ({"role": Role.OWNER, "ended_at": NOW}, True),
        (None, True),
    ],
)
def test_an_owner_is_the_only_one_unless_another_is_there(
    shree: Workspace, second: dict[str, object] | None, is_alone: bool
) -> None:
    if second is not None:
        make_member(shree, **second)  # type: ignore[arg-type]
    assert owned_alone(owner_of_first(shree).user) == (["Shree CSC Kendra"] if is_alone else [])


def test_an_owner_whose_account_is_closed_counts_for_nobody(shree: Workspace) -> None:
    second = make_member(shree, Role.OWNER)
    User.objects.filter(pk=second.user_id).update(is_active=False)
    assert owned_alone(owner_of_first(shree).user) == ["Shree CSC Kendra"]


def owner_of_first(workspace: Workspace) -> Member:
    with tenancy.inside(workspace):
        first = Member.objects.of(workspace).select_related("user", "workspace").order_by("joined_at", "id").first()
    assert first is not None
    return first


def test_a_member_who_owns_nothing_is_the_only_owner_of_nothing(shree: Workspace) -> None:
    assert owned_alone(make_member(shree, Role.MANAGER).user) == []
    assert owned_alone(make_user("Nobody Here")) == []


def test_each_workspace_of_a_user_is_looked_at_by_itself(shree: Workspace) -> None:
    rekha = owner_of(shree).user
    make_workspace("Second Shop", owner=rekha)
    make_member(shree, Role.OWNER)
    assert owned_alone(rekha) == ["Second Shop"]
    with pytest.raises(users.OnlyOwner, match="the only owner of Second Shop") as only:
        users.close(user=rekha, at=NOW)
    assert [seat.name for seat in only.value.seats] == ["Second Shop"]
    assert not AccountClosure.objects.filter(user=rekha).exists()


def test_a_workspace_that_is_closing_needs_no_owner(shree: Workspace) -> None:
    order(shree)
    assert owned_alone(owner_of(shree).user) == []


# --- how long ---------------------------------------------------------------------------------------------------------------------


def test_a_user_without_a_seat_has_the_grace_of_the_ready_policy(db: None) -> None:
    assert str(users.grace(make_user("Nobody Here"), at=NOW)) == "P30D"


def test_of_several_workspaces_the_shortest_grace_counts(shree: Workspace, other: Workspace) -> None:
    account = "account:   {of: [identity, secret, proof], until: {last_login: P3Y, closure: P30D,"
    shorter = (account, account.replace("closure: P30D", "closure: P10D"))
    samples.published(shree, shorter, at=NOW - DAY)
    user = make_member(shree).user
    assert str(users.grace(user, at=NOW)) == "P10D"
    with tenancy.inside(other):
        Member.objects.create(workspace_id=other.pk, user=user, role=Role.AGENT, name=user.name)
    assert str(users.grace(user, at=NOW)) == "P10D"
    with tenancy.inside(shree):
        Member.objects.of(shree).filter(user=user).update(ended_at=NOW)
    assert str(users.grace(user, at=NOW)) == "P30D", "a seat that ended promises nothing"


def test_an_account_goes_on_its_day_and_not_before(shree: Workspace) -> None:
    user = make_member(shree).user
    closure = users.close(user=user, at=NOW)
    assert closure.due_at == NOW + 30 * DAY
    assert users.close_due(at=closure.due_at - SECOND) == 0
    assert fresh(user).is_active
    assert users.close_due(at=closure.due_at) == 1
    gone = fresh(user)
    assert (gone.is_active, gone.name, gone.email) == (False, "", f"{user.pk}@{users.GONE}")
    assert users.close_due(at=closure.due_at + DAY) == 0
    assert events(shree, "accounts.user.erased") == ["accounts.user.erased"]


@pytest.mark.parametrize(("after", "is_closing"), [(-SECOND, True), (timedelta(0), True), (SECOND, False)])
def test_only_a_sign_in_after_it_was_asked_takes_it_back(shree: Workspace, after: timedelta, is_closing: bool) -> None:
    user = make_member(shree).user
    users.close(user=user, at=NOW)
    User.objects.filter(pk=user.pk).update(last_login=NOW + after)
    assert (users.closing(fresh(user)) is not None) == is_closing
    assert users.close_due(at=NOW + 30 * DAY) == int(is_closing)
    assert not AccountClosure.objects.filter(user=user).exists(), "gone with the account, or taken back and forgotten"


def test_asking_again_counts_from_the_second_time(shree: Workspace) -> None:
    user = make_member(shree).user
    users.close(user=user, at=NOW)
    again = users.close(user=user, at=NOW + 5 * DAY)
    assert (again.asked_at, again.due_at) == (NOW + 5 * DAY, NOW + 35 * DAY)
    assert AccountClosure.objects.filter(user=user).count() == 1


def test_of_two_accounts_only_the_one_that_is_due_goes(shree: Workspace) -> None:
    first, second = make_member(shree).user, make_member(shree, name="Meera Joshi").user
    users.close(user=first, at=NOW)
    users.close(user=second, at=NOW + DAY)
    assert users.close_due(at=NOW + 30 * DAY) == 1
    assert (fresh(first).is_active, fresh(second).is_active) == (False, True)
    assert fresh(second).name == "Meera Joshi"


# --- workspaces -------------------------------------------------------------------------------------------------------------------


def test_a_closing_that_was_taken_back_leaves_a_record_and_may_be_asked_again(shree: Workspace) -> None:
    first = order(shree)
    owner = owner_of(shree)
    assert owner.workspace.closing_at == first.due_at == NOW + 30 * DAY
    with tenancy.inside(shree):
        current = workspaces.current(shree.pk)
        assert current is not None and current.asked_by == owner
        workspaces.cancel(workspace=owner.workspace, by=owner, at=NOW + DAY)
        workspaces.cancel(workspace=owner.workspace, by=owner, at=NOW + 2 * DAY)
        held = WorkspaceClosure.objects.of(shree).get()
        assert (held.cancelled_at, held.cancelled_by_id) == (NOW + DAY, owner.pk)
        assert workspaces.current(shree.pk) is None
    assert owner_of(shree).workspace.closing_at is None
    again = order(shree, at=NOW + 3 * DAY)
    assert again.due_at == NOW + 33 * DAY
    assert workspaces.close_due(at=NOW + 30 * DAY) == 0, "the first day counts no more"
    assert events(shree, "workspaces.workspace.") == [
        *[event for event in events(shree, "workspaces.workspace.") if not event.endswith(("closing", "kept"))],
        "workspaces.workspace.closing",
        "workspaces.workspace.kept",
        "workspaces.workspace.closing",
    ]


def test_a_closing_that_was_refused_changes_nothing(shree: Workspace) -> None:
    order(shree)
    with pytest.raises(workspaces.AlreadyClosing):
        order(shree, at=NOW + DAY)
    with tenancy.inside(shree):
        assert WorkspaceClosure.objects.of(shree).get().due_at == NOW + 30 * DAY
    assert events(shree, "workspaces.workspace.closing") == ["workspaces.workspace.closing"]


def test_the_grace_is_that_of_the_policy_in_force(shree: Workspace) -> None:
    samples.published(shree, samples.SHORTER, at=NOW - DAY)
    assert order(shree).due_at == NOW + 20 * DAY


def test_who_signs_in_again_reads_once_that_the_account_stays(shree: Workspace) -> None:
    user = make_member(shree, Role.AGENT).user
    user.set_password(PASSWORD)
    user.save()
    said = "Your account is not closed: you signed in again"
    seen = []
    for closes in (False, True, False):
        if closes:
            users.close(user=user, at=clock.now())
        client = Client()
        assert sign_in(client, user.email, PASSWORD).status_code == 302
        seen.append(said in client.get("/", follow=True).content.decode())
    assert seen == [False, True, False]
    assert users.closing(fresh(user)) is None
