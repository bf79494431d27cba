"""Consent, withdrawal, objection, restriction, merge, erasure and coming back, in any order, against a small model of what must hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.basis import consent, gate, notices, objections, restrictions, suppression
from amanat.basis.consent import How
from amanat.basis.models import Method, Restriction, Suppression
from amanat.basis.tests.people import make_contact
from amanat.core import tenancy
from amanat.people import bin as bins
from amanat.people import merging
from amanat.people.models import Contact

START, TODAY = datetime(2026, 12, 1, 6, tzinfo=UTC), date(2026, 12, 1)
HERSELF = How(Method.LINK)
ACTS = (
    "give",
    "give by file",
    "withdraw",
    "object",
    "object no more",
    "restrict",
    "lift",
    "merge",
    "bin",
    "restore",
    "erase",
    "come back",
)


class Town:
    """The system: one person with one address, and whichever contact stands for her now."""

    def __init__(self, workspace: Workspace, owner: Member) -> None:
        self.workspace, self.owner, self.at = workspace, owner, START
        self.mail = f"{uuid4().hex}@example.in"
        self.contact = self.new()
        self.notice = notices.show(workspace=workspace, purposes=["marketing"], language="en", at=START)

    def new(self) -> Contact:
        return make_contact(self.workspace, "Asha Menon", email=self.mail)

    def act(self, what: str) -> None:  # noqa: C901 (one branch an act)
        self.at += timedelta(minutes=1)
        at, here, asha = self.at, self.workspace, self.contact
        match what:
            case "give":
                consent.give(
                    contact=asha, purpose="marketing", channels=["email"], notice=self.notice, how=HERSELF, at=at
                )
            case "give by file":
                consent.give(
                    contact=asha, purpose="marketing", channels=["email"], notice=None, how=How(Method.FILE), at=at
                )
            case "withdraw":
                consent.withdraw(contact=asha, purpose="marketing", channels=["email"], how=HERSELF, at=at)
            case "object":
                objections.make(contact=asha, how=HERSELF, at=at)
            case "object no more":
                objections.withdraw(contact=asha, how=HERSELF, at=at)
            case "restrict":
                restrictions.impose(contact=asha, ground=Restriction.Ground.REQUEST, how=HERSELF, at=at)
            case "lift":
                restrictions.lift(contact=asha, ground=Restriction.Ground.REQUEST, how=HERSELF, at=at)
            case "merge":
                kept = self.new()
                merging.merge(keep=kept, gone=asha, choices={}, by=self.owner, at=at)
                self.contact = Contact.objects.of(here).get(pk=kept.pk)
            case "bin":
                bins.delete(model=Contact, workspace=here, ids=[asha.pk], by=self.owner, at=at)
            case "restore":
                bins.restore(model=Contact, workspace=here, ids=[asha.pk], by=self.owner, at=at)
            case "erase":
                suppression.add([self.mail], workspace=here, reason=Suppression.Reason.ERASED, at=at)
                bins.delete(model=Contact, workspace=here, ids=[asha.pk], by=self.owner, at=at)
                bins.purge(model=Contact, workspace=here, ids=[asha.pk], by=self.owner, at=at)
            case "come back":
                self.contact = self.new()

    def allows(self) -> bool:
        self.at += timedelta(seconds=1)
        answer = gate.decide(
            self.contact, workspace=self.workspace, purpose="marketing", channel="email", at=self.at, today=TODAY
        )
        return answer.is_allowed


class Clerk:
    """What must hold, kept by hand: the last word on each question, and what stands against the address itself."""

    def __init__(self) -> None:
        self.said = self.objects = self.restricted = self.in_bin = self.gone = False
        self.stopped: set[str] = set()  #: against the address: survives merge and erasure

    def may(self, act: str) -> bool:
        """Whether the act makes sense now."""
        if self.gone:
            return act == "come back"
        if self.in_bin:
            return act in {"restore", "withdraw", "object", "erase"}
        return act not in {"restore", "come back"}

    def take(self, act: str) -> None:
        match act:
            case "give":
                self.said, self.stopped = True, set()
            case "give by file":
                self.said = True
            case "withdraw":
                self.said = False
                self.stopped.add("marketing")
            case "object" | "object no more":
                self.objects = act == "object"
            case "restrict" | "lift":
                self.restricted = act == "restrict"
            case "bin" | "restore":
                self.in_bin = act == "bin"
            case "erase":
                self.gone, self.stopped = True, {"everything"}
            case "come back":
                self.gone = self.said = self.objects = self.restricted = self.in_bin = False

    def allows(self) -> bool:
        return self.said and not (self.objects or self.restricted or self.in_bin or self.gone or self.stopped)


@pytest.fixture
def place(shree: Workspace) -> Iterator[tuple[Workspace, Member]]:
    owner = owner_of(shree)
    with tenancy.inside(shree, actor=owner.pk):
        yield shree, owner


@pytest.mark.slow
@given(acts=st.lists(st.sampled_from(ACTS), max_size=14))
@settings(max_examples=25, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_in_whatever_order_the_gate_agrees_with_the_clerk(
    place: tuple[Workspace, Member], acts: list[str]
) -> None:
    town, clerk = Town(*place), Clerk()
    told = []
    for act in acts:
        if clerk.may(act):
            town.act(act)
            clerk.take(act)
            told.append((act, town.allows(), clerk.allows()))
    assert [(act, real) for act, real, _wanted in told] == [(act, wanted) for act, _real, wanted in told]


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("acts", "is_allowed"),
    [
        (["give", "erase", "come back"], False),
        (["give", "erase", "come back", "give by file"], False),
        (["give", "erase", "come back", "give"], True),
        (["give", "merge"], True),
        (["withdraw", "merge", "give by file"], False),
        (["give", "restrict", "merge"], False),
        (["give", "bin", "restore"], True),
        (["give", "object", "give"], False),
    ],
)
def test_the_orders_that_matter_most(place: tuple[Workspace, Member], acts: list[str], is_allowed: bool) -> None:
    town, clerk = Town(*place), Clerk()
    for act in acts:
        assert clerk.may(act)
        town.act(act)
        clerk.take(act)
    assert (town.allows(), clerk.allows()) == (is_allowed, is_allowed)
