"""Time travel: owners are reminded at half, seven, two and one day before the end, late requests are said to be late, once."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member
from amanat.core import clock, tenancy
from amanat.desk.models import Task
from amanat.policy import ready
from amanat.privacy.requests import asking, following
from amanat.privacy.requests.models import Kind, RequestStep, RightsRequest, SeenMessage
from amanat.privacy.requests.tests.people import AT, ask, every_policy, make_person

DAY = timedelta(days=1)


def walk(workspace: Workspace, days: int, *, per_day: int = 1) -> list[tuple[float, str]]:
    """Let the job run for so many days; returns when which step was written."""
    seen: list[tuple[float, str]] = []
    for hour in range(0, days * 24, 24 // per_day):
        before = RequestStep.objects.of(workspace).count()
        following.watch(workspace.pk, at=AT + timedelta(hours=hour))
        new = RequestStep.objects.of(workspace).order_by("-id")[: RequestStep.objects.of(workspace).count() - before]
        seen += [(hour / 24, one.what) for one in new]
    return seen


@pytest.mark.slow
def test_over_40_days_each_reminder_comes_once_and_then_late_once(inside: Workspace, owner: Member) -> None:
    ask(inside, make_person(inside))
    assert walk(inside, 40) == [(15, "warned"), (23, "warned"), (28, "warned"), (29, "warned"), (30, "late")]
    assert len([one for one in mail.outbox if one.to == [owner.user.email]]) == 5


def test_what_an_erased_person_asked_besides_is_closed_and_never_late(inside: Workspace, owner: Member) -> None:
    """Two questions open, then she is erased for a third reason: nothing of hers is left to correct."""
    her, other = make_person(inside), make_person(inside)
    gone, stays = (ask(inside, each, Kind.CORRECT, text="12") for each in (her, other))
    her_id = her.pk
    RightsRequest.objects.of(inside).filter(contact=her_id).update(contact=None)
    assert following.close_of_the_erased(inside.pk, at=AT) == 1
    gone.refresh_from_db()
    stays.refresh_from_db()
    assert (gone.state, gone.outcome, gone.reason, stays.state) == ("answered", "refused", "no_data", "open")
    last = RequestStep.objects.of(inside).filter(request=gone).order_by("-id")[0]
    assert (last.what, last.by_id, last.facts) == ("refused", None, {"reason": "no_data", "because": "erased"})
    assert following.close_of_the_erased(inside.pk, at=AT) == 0


@pytest.mark.sampled
@pytest.mark.parametrize("name", every_policy())
@pytest.mark.parametrize(("country", "longest"), [("IN", 30), ("DE", 90), ("US", 90)])
def test_under_every_policy_and_law_the_clock_is_reached(
    owner: Member, name: str, country: str, longest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = owner.workspace
    held = asking.versions.in_force(inside)
    monkeypatch.setattr(asking.versions, "in_force", lambda *_args: type(held)(ready.policy(name), 1, AT, AT, ""))
    request = ask(inside, make_person(inside, country=country))
    assert following.watch(inside.pk, at=request.due_at - timedelta(seconds=1)) == 1
    if longest > 30:
        request = asking.extend(request=request, reason="Hard", by=owner, at=AT + 29 * DAY)
    assert request.due_at == AT + longest * DAY
    assert following.watch(inside.pk, at=request.due_at) == 1
    assert RequestStep.objects.of(inside).filter(what="late").count() == 1


def test_the_first_reminder_makes_a_task_for_the_owner(inside: Workspace, owner: Member) -> None:
    person = make_person(inside)
    request = ask(inside, person)
    for day in (15, 23, 28):
        following.watch(inside.pk, at=AT + day * DAY)
    task = Task.objects.of(inside).get()
    assert task.assignee == owner and task.contact == person and request.short in task.title
    assert str(task.due_on) == "2026-12-30"


def test_a_mail_names_no_person_and_leads_to_the_request(inside: Workspace, owner: Member) -> None:
    request = ask(inside, make_person(inside), text="Private words")
    following.watch(inside.pk, at=AT + 15 * DAY)
    body = mail.outbox[-1].body
    assert f"/requests/{request.pk}/" in body and "31 December 2026" in body
    assert "Asha" not in body and "Private" not in body


def test_every_owner_is_reminded_and_nobody_else(inside: Workspace, owner: Member) -> None:
    second = make_member(inside, Role.OWNER, name="Second Owner")
    make_member(inside, Role.MANAGER)
    ask(inside, make_person(inside))
    following.watch(inside.pk, at=AT + 15 * DAY)
    assert sorted(one.to[0] for one in mail.outbox) == sorted([owner.user.email, second.user.email])


def test_a_job_that_slept_a_month_says_late_and_not_five_things(inside: Workspace, owner: Member) -> None:
    ask(inside, make_person(inside))
    assert following.watch(inside.pk, at=AT + 45 * DAY) == 1
    assert [one.what for one in RequestStep.objects.of(inside).order_by("-id")[:1]] == ["late"] and len(
        mail.outbox
    ) == 1


def test_answered_ones_are_left_alone(inside: Workspace, owner: Member) -> None:
    asking.refuse(request=ask(inside, make_person(inside)), reason="law", answer="No", by=owner, at=AT)
    asking.revoke(request=ask(inside, None), at=AT)
    assert walk(inside, 40) == []


@pytest.mark.slow
def test_after_an_extension_the_reminders_begin_anew(inside: Workspace, owner: Member) -> None:
    request = ask(inside, make_person(inside, country="DE"))
    following.watch(inside.pk, at=AT + 29 * DAY)
    asking.extend(request=request, reason="Hard", by=owner, at=AT + 29 * DAY)
    assert walk(inside, 95)[-5:] == [(45, "warned"), (83, "warned"), (88, "warned"), (89, "warned"), (90, "late")]


def test_somebody_unclear_runs_out_of_time_all_the_same(inside: Workspace, owner: Member) -> None:
    ask(inside, None)
    following.watch(inside.pk, at=AT + 31 * DAY)
    assert RightsRequest.objects.of(inside).get().warned == 5


def test_the_sweep_asks_the_same_number_of_statements_for_one_and_three(inside: Workspace, owner: Member) -> None:
    counts = []
    for _more in range(2):
        ask(inside, make_person(inside, phone="", email=""))
        with CaptureQueriesContext(connection) as found:
            following.watch(inside.pk, at=AT + DAY)
        counts.append(len(found))
    assert counts[0] == counts[1]


def test_a_mail_server_that_refuses_a_reminder_keeps_no_answer_of_the_others_waiting(
    shree: Workspace, other: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = clock.now()
    for workspace in (shree, other):
        with tenancy.inside(workspace):
            ask(workspace, make_person(workspace), Kind.CORRECT, at=at - 20 * DAY)

    def refuses(*_arguments: object, **_named: object) -> None:
        raise ConnectionRefusedError

    followed = set[UUID]()
    monkeypatch.setattr(following, "_remind", refuses)
    monkeypatch.setattr(following, "follow", lambda workspace_id, at: followed.add(workspace_id))
    with pytest.raises(ConnectionRefusedError):
        following.sweep([shree.pk, other.pk], at=at)
    assert followed == {shree.pk, other.pk}


def test_old_messages_of_agents_are_forgotten(inside: Workspace) -> None:
    SeenMessage.objects.create(workspace_id=inside.pk, digest=b"1" * 32, expires_at=AT)
    SeenMessage.objects.create(workspace_id=inside.pk, digest=b"2" * 32, expires_at=AT + DAY)
    assert following.forget_messages(inside.pk, at=AT + timedelta(hours=1)) == 1
    assert SeenMessage.objects.of(inside).count() == 1
