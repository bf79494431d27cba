"""Orders to erase before anything goes: who waits for a hold, what is written down, which job looks at them again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from amanat.accounts.models import Member, Workspace
from amanat.core import clock, ids, tenancy
from amanat.core.models import LedgerEntry
from amanat.people.models import Contact
from amanat.people.tests import factories
from amanat.privacy.erasure import erasing
from amanat.privacy.erasure.models import Erasure
from amanat.privacy.retention import holds

State = Erasure.State
HOUR = timedelta(hours=1)
NOON = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
ENDED = {"searched_at": NOON, "ended_at": NOON}


@pytest.fixture
def owner(shree: Workspace) -> Iterator[Member]:
    owner = factories.owner(shree)
    with clock.standing_at(clock.now() + HOUR), tenancy.inside(shree):
        yield owner


def ordered(owner: Member, *people: Contact, at_once: bool = True, **said: Any) -> Erasure:
    values: dict[str, Any] = {"because": "request", "by": owner, "at": clock.now()} | said
    chosen = [one.pk for one in people]
    return erasing.order(workspace=owner.workspace_id, contact_ids=chosen, at_once=at_once, **values)


def hold(owner: Member, person: Contact) -> None:
    until = date(2099, 1, 1)
    holds.add(
        workspace=owner.workspace_id, contact=person, keep="", basis="A court", until=until, by=owner, at=clock.now()
    )


def told(owner: Member, event: str) -> list[tuple[Any, dict[str, Any]]]:
    rows = LedgerEntry.objects.of(owner.workspace_id).filter(event=event).order_by("at", "id")
    return [(row.about, row.facts) for row in rows]


def jobs_of(owner: Member) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT args->>'erasure' FROM procrastinate_jobs WHERE task_name = %s", [erasing.JOB])
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.parametrize("count", [1, 2])
def test_an_order_is_written_down_and_names_one_person_alone(owner: Member, count: int) -> None:
    people = [factories.make_contact(owner.workspace, f"Asha {number}") for number in range(count)]
    factories.make_contact(owner.workspace, "Beside")
    Contact.objects.of(owner.workspace_id).filter(pk=people[0].pk).update(notes="now the last one in the table")
    request, at = ids.new(), clock.now() - HOUR
    made = ordered(owner, *reversed(people), request_id=request, at=at)
    assert made.contact_ids == sorted(one.pk for one in people)
    assert (made.because, made.by, made.ordered_at, made.request_id) == ("request", owner, at, request)
    facts = {"erasure": str(made.pk), "count": count, "because": "request"}
    assert told(owner, "privacy.erasure.ordered") == [(people[0].pk if count == 1 else None, facts)]
    assert jobs_of(owner) == []


def test_who_is_held_waits_in_an_order_of_the_same_cause(owner: Member) -> None:
    her, him = (factories.make_contact(owner.workspace, name) for name in ("Asha", "Ravi"))
    hold(owner, her)
    first = ordered(owner, her, him, because="child", request_id=ids.new(), at=clock.now() - HOUR)
    erasing._step_done(first.pk, owner.workspace_id)
    first.refresh_from_db()
    held = Erasure.objects.of(owner.workspace_id).get(state=State.HELD)
    assert (held.contact_ids, first.contact_ids, first.state) == ([her.pk], [him.pk], State.ERASING)
    assert (held.because, held.by, held.ordered_at, held.request_id) == (
        first.because, first.by, first.ordered_at, first.request_id,
    )  # fmt: skip
    note = {"step": "held", "at": clock.now().isoformat(), "count": 1}
    assert held.steps == [note] and first.steps == [note | {"step": "prepared"}]
    assert (first.started_at, held.started_at) == (clock.now(), None)
    assert told(owner, "privacy.erasure.held") == [(None, {"erasure": str(first.pk), "count": 1})]


def test_an_order_that_is_held_says_so_once_and_takes_nothing(owner: Member) -> None:
    her = factories.make_contact(owner.workspace, "Asha")
    hold(owner, her)
    made = ordered(owner, her)
    for _night in range(2):
        assert erasing.carry_out(made.pk, workspace_id=owner.workspace_id).state == State.HELD
    made.refresh_from_db()
    assert [step["step"] for step in made.steps] == ["held"] and made.wanted is None and made.started_at is None
    assert told(owner, "privacy.erasure.held") == [(None, {"erasure": str(made.pk), "count": 1})]


@pytest.mark.parametrize(
    ("state", "wanted", "is_asked"),
    [("failed", b"x", True), ("failed", None, False), ("done", b"x", False), ("searching", b"x", False)],
)
def test_only_what_found_something_and_knows_whom_is_searched_again(
    owner: Member, state: str, wanted: bytes | None, *, is_asked: bool
) -> None:
    made, other = (ordered(owner, factories.make_contact(owner.workspace, name)) for name in ("Asha", "Ravi"))
    Erasure.objects.of(owner.workspace_id).update(state="failed", wanted=b"x", **ENDED)
    Erasure.objects.of(owner.workspace_id).filter(pk=made.pk).update(state=state, wanted=wanted)
    assert erasing.search_again(erasure=made, by=owner, at=clock.now()) is is_asked
    made.refresh_from_db()
    other.refresh_from_db()
    assert (made.state, other.state) == ("searching" if is_asked else state, "failed")
    facts = {"erasure": str(made.pk)}
    assert told(owner, "privacy.erasure.search_asked") == ([(None, facts)] if is_asked else [])
    asked = LedgerEntry.objects.of(owner.workspace_id).filter(event="privacy.erasure.search_asked")
    assert list(asked.values_list("actor", flat=True)) == ([owner.pk] if is_asked else [])
    assert jobs_of(owner) == ([str(made.pk)] if is_asked else [])


def test_what_is_left_to_do_stands_in_the_order_it_was_ordered(owner: Member) -> None:
    people = [factories.make_contact(owner.workspace, f"Asha {number}") for number in range(len(State))]
    made = {
        state: ordered(owner, person, at=clock.now() - number * HOUR)
        for number, (state, person) in enumerate(zip(State, people, strict=True))
    }
    for state, one in made.items():
        Erasure.objects.of(owner.workspace_id).filter(pk=one.pk).update(state=state, wanted=b"x", **ENDED)
    open_ones = [made[state].pk for state in reversed(State) if state not in {State.DONE, State.FAILED}]
    assert erasing.unfinished(owner.workspace_id) == open_ones
    over = [made[state].pk for state in reversed(State) if state in {State.DONE, State.FAILED}]
    assert erasing.unconfirmed(owner.workspace_id) == over
    Erasure.objects.of(owner.workspace_id).filter(pk=over[0]).update(wanted=None)
    assert erasing.unconfirmed(owner.workspace_id) == over[1:]
