"""Consent, withdrawal, objection, restriction, merging, erasing and restoring in any order, against a model of a few lines.

The model knows only what was promised: who agreed may be written to until she takes it back, objects, is restricted or erased; an address
that opted out or was erased stays silent, whoever has it; a merge never widens what may be done; a restore brings back no erased person.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.basis import consent, gate, objections, restrictions
from amanat.basis.consent import How
from amanat.basis.models import Method, Restriction
from amanat.core import clock, tenancy
from amanat.people import merging
from amanat.people.models import Contact, Phone
from amanat.people.tests import factories
from amanat.privacy.erasure import erasing

START = datetime(2026, 11, 23, 6, tzinfo=UTC)  # a Monday noon in India, when offers may be sent
HOW = How(Method.FILE)
PURPOSE, CHANNEL = "marketing", "sms"


@dataclass
class Person:
    number: str
    agreed: bool = False
    objected: bool = False
    restricted: bool = False
    erased: bool = False
    merged: bool = False
    numbers: set[str] = field(default_factory=set)


class Promises(RuleBasedStateMachine):
    """One workspace, three people; each step is a rule of the program, each check asks the gate."""

    workspace: Workspace

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0
        self._outer = transaction.atomic()
        self._outer.__enter__()
        self.by = owner_of(self.workspace)
        self.model: dict[UUID, Person] = {}
        self.silent: set[str] = set()  #: numbers for which somebody opted out, or was erased
        for n in range(3):
            number = f"+9198220417{n:02d}"
            made = factories.make_contact(self.workspace, f"Person {n}", phone=number)
            self.model[made.pk] = Person(number, numbers={number})

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self._outer.__exit__(None, None, None)

    @contextmanager
    def _acting(self, n: int) -> Iterator[tuple[Contact, Person, datetime]]:
        """One of those who are there, a second later."""
        there = [pk for pk, one in self.model.items() if not (one.erased or one.merged)]
        pk = there[n % len(there)]
        self.seconds += 1
        at = START + timedelta(seconds=self.seconds)
        with clock.standing_at(at), tenancy.inside(self.workspace):
            yield Contact.objects.of(self.workspace).get(pk=pk), self.model[pk], at

    @property
    def _now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def _there(self) -> int:
        return sum(not (one.erased or one.merged) for one in self.model.values())

    @precondition(lambda self: self._there() > 0)
    @rule(n=st.integers(0, 2))
    def agrees(self, n: int) -> None:
        with self._acting(n) as (contact, person, at):
            consent.give(contact=contact, purpose=PURPOSE, channels=[CHANNEL], notice=None, how=HOW, at=at)
            person.agreed = True  # in a file, so that it lifts nothing that stands against her number

    @precondition(lambda self: self._there() > 0)
    @rule(n=st.integers(0, 2))
    def takes_it_back(self, n: int) -> None:
        with self._acting(n) as (contact, person, at):
            consent.withdraw(contact=contact, purpose=PURPOSE, channels=[CHANNEL], how=HOW, at=at)
            person.agreed = False
            self.silent |= person.numbers

    @precondition(lambda self: self._there() > 0)
    @rule(n=st.integers(0, 2), back=st.booleans())
    def objects(self, n: int, back: bool) -> None:
        with self._acting(n) as (contact, person, at):
            act = objections.withdraw if back else objections.make
            act(contact=contact, how=HOW, at=at, purpose=PURPOSE)
            person.objected = not back

    @precondition(lambda self: self._there() > 0)
    @rule(n=st.integers(0, 2), lifted=st.booleans())
    def is_restricted(self, n: int, lifted: bool) -> None:
        with self._acting(n) as (contact, person, at):
            act = restrictions.lift if lifted else restrictions.impose
            act(contact=contact, ground=Restriction.Ground.REQUEST, how=HOW, at=at)
            person.restricted = not lifted

    @precondition(lambda self: self._there() > 1)
    @rule(n=st.integers(0, 2), m=st.integers(1, 2))
    def are_merged(self, n: int, m: int) -> None:
        with self._acting(n) as (kept, stays, at):
            others = [pk for pk, one in self.model.items() if pk != kept.pk and not (one.erased or one.merged)]
            gone = Contact.objects.of(self.workspace).get(pk=others[m % len(others)])
            goes = self.model[gone.pk]
            merging.merge(keep=kept, gone=gone, choices={}, by=self.by, at=at)
            goes.merged = True
            stays.numbers |= goes.numbers

    @precondition(lambda self: self._there() > 0)
    @rule(n=st.integers(0, 2), restored=st.booleans())
    def is_erased(self, n: int, restored: bool) -> None:
        with self._acting(n) as (contact, person, at):
            if restored:  # the backup had her; what a restore does last takes her again
                erasing.again({contact.pk: at}, workspace_id=self.workspace.pk, at=at)
            else:
                order = erasing.order(
                    workspace=self.workspace, contact_ids=[contact.pk], because="request", by=None, at=at, at_once=True
                )
                erasing.carry_out(order.pk, workspace_id=self.workspace.pk)
            person.erased = True
            self.silent |= {number for number in person.numbers if not self._is_of_another(number, person)}

    def _is_of_another(self, number: str, person: Person) -> bool:
        return any(
            number in one.numbers for one in self.model.values() if one is not person and not (one.erased or one.merged)
        )

    @rule()
    def time_passes(self) -> None:
        self.seconds += 3600

    @invariant()
    def nobody_comes_back(self) -> None:
        with tenancy.inside(self.workspace):
            there = set(Contact.objects.of(self.workspace).values_list("pk", flat=True))
        assert there == {pk for pk, one in self.model.items() if not (one.erased or one.merged)}

    @invariant()
    def nothing_is_done_that_was_not_promised(self) -> None:
        at = self._now
        with tenancy.inside(self.workspace):
            answers = gate.decide_many(
                list(self.model), workspace=self.workspace.pk, purpose=PURPOSE, channel=CHANNEL, at=at, today=at.date()
            )
            main: dict[UUID, Any] = dict(
                Phone.objects.of(self.workspace).order_by("-position", "-id").values_list("contact_id", "number")
            )
        for answer in answers:
            person = self.model[answer.contact_id]
            gone = person.erased or person.merged
            if answer.is_allowed:
                assert not gone and not person.objected and not person.restricted
                assert main[answer.contact_id] not in self.silent, "an address that opted out"
            elif not gone and not any(one.merged for one in self.model.values()):
                # Nobody merged: the answer is exactly the model's.
                assert not person.agreed or person.objected or person.restricted or person.numbers & self.silent, answer


@pytest.mark.slow(reason="hypothesis tries many orders")
def test_in_any_order_nothing_is_done_that_was_not_promised(shree: Workspace) -> None:
    Promises.workspace = shree
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Promises,
        settings=settings(
            max_examples=10,
            stateful_step_count=9,
            deadline=None,
            phases=[Phase.generate],
            derandomize=True,
            suppress_health_check=checks,
        ),
    )
    assert not connection.needs_rollback
