"""Children are frozen at once and erased in time, unless a guardian agrees or it was a mistake."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from amanat.accounts.models import Workspace
from amanat.basis import guardians
from amanat.basis.models import Restriction
from amanat.core import clock, tenancy
from amanat.people.models import Contact
from amanat.people.tests import factories
from amanat.policy.probing import Asked
from amanat.privacy.erasure import children, erasing, probes
from amanat.privacy.erasure.models import ChildFound, Erasure
from amanat.publishing import versions

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
CHILD, GROWN = date(2012, 5, 1), date(2008, 11, 22)


def _sweep(workspace: Workspace, at: datetime = NOW) -> tuple[int, int]:
    with clock.standing_at(at):
        return children.sweep(workspace.pk, at=at)


def _probe(workspace: Workspace, probe: object, at: datetime = NOW) -> bool:
    with tenancy.inside(workspace):
        asked = Asked(workspace.pk, versions.in_force(workspace.pk, at).policy, at)
        return bool(probe(asked).is_kept)  # type: ignore[operator]


def test_a_birthday_freezes_once(shree: Workspace) -> None:
    child = factories.make_contact(shree, "Little One", birthday=CHILD)
    factories.make_contact(shree, "Just Eighteen", birthday=GROWN)
    assert _sweep(shree) == (1, 0)
    assert _sweep(shree) == (0, 0)
    with tenancy.inside(shree):
        assert list(Restriction.objects.of(shree).values_list("contact_id", "ground", "what")) == [
            (child.pk, "child", "imposed")
        ]
        found = ChildFound.objects.of(shree).get()
    assert found.erase_by == NOW + timedelta(hours=24)


@pytest.mark.slow
def test_the_child_is_erased_before_the_promised_moment(shree: Workspace) -> None:
    child = factories.make_contact(shree, "Little One", birthday=CHILD)
    _sweep(shree)
    assert _sweep(shree, NOW + timedelta(hours=17)) == (0, 0)
    assert _sweep(shree, NOW + timedelta(hours=19)) == (0, 1)
    with tenancy.inside(shree):
        order = Erasure.objects.of(shree).get()
        assert order.because == Erasure.Because.CHILD
        assert erasing.carry_out(order.pk, workspace_id=shree.pk).state == Erasure.State.DONE
        assert not Contact.objects.of(shree).filter(pk=child.pk).exists()
        assert ChildFound.objects.of(shree).get().erasure_id == order.pk


def test_a_corrected_birthday_ends_the_freeze(shree: Workspace) -> None:
    child = factories.make_contact(shree, "Little One", birthday=CHILD)
    _sweep(shree)
    with tenancy.inside(shree):
        Contact.objects.of(shree).filter(pk=child.pk).update(birthday=GROWN)
    _sweep(shree, NOW + timedelta(minutes=1))
    with tenancy.inside(shree):
        assert ChildFound.objects.of(shree).get().state == ChildFound.State.CLEARED
        latest = Restriction.objects.of(shree).order_by("-at", "-id").first()
    assert latest is not None
    assert latest.what == "lifted"


def test_a_guardians_yes_ends_the_freeze(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    child = factories.make_contact(shree, "Little One", birthday=CHILD)
    _sweep(shree)
    monkeypatch.setattr(guardians, "consented", lambda ids, **_: {child.pk})
    assert _sweep(shree, NOW + timedelta(hours=20)) == (0, 0)
    assert _sweep(shree, NOW + timedelta(hours=21)) == (0, 0)
    with tenancy.inside(shree):
        assert ChildFound.objects.of(shree).get().state == ChildFound.State.AGREED


def test_a_report_freezes_in_the_same_moment(shree: Workspace) -> None:
    contact, owner = factories.make_contact(shree), factories.owner(shree)
    with tenancy.inside(shree):
        first = children.report(contact=contact, how=ChildFound.How.REPORT, by=None, at=NOW)
        assert children.report(contact=contact, how=ChildFound.How.MEMBER, by=owner, at=NOW) == first
        assert Restriction.objects.of(shree).get().contact_id == contact.pk
        assert children.clear(found=first, state=ChildFound.State.CLEARED, by=owner, at=NOW)
        assert not children.clear(found=first, state=ChildFound.State.CLEARED, by=owner, at=NOW)


def test_the_probe_is_red_while_a_child_is_not_frozen(shree: Workspace) -> None:
    child = factories.make_contact(shree, "Little One", birthday=CHILD)
    with tenancy.inside(shree):
        Contact.objects.of(shree).filter(pk=child.pk).update(updated_at=NOW - timedelta(hours=1))
    assert not _probe(shree, probes.frozen)
    _sweep(shree)
    assert _probe(shree, probes.frozen)


def test_the_probe_is_red_when_the_promised_time_is_over(shree: Workspace) -> None:
    factories.make_contact(shree, "Little One", birthday=CHILD)
    _sweep(shree)
    assert _probe(shree, probes.erased)
    assert not _probe(shree, probes.erased, NOW + timedelta(hours=25))


def test_the_probe_is_red_when_nobody_is_frozen_any_more(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _probe(shree, probes.frozen)
    monkeypatch.setattr(children, "_freeze_the_young", lambda here, limit, at: 0)
    assert not _probe(shree, probes.frozen)


def test_the_probe_is_red_when_children_would_be_erased_later(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    freeze = children._freeze

    def late(*given: Any, **named: Any) -> list[ChildFound]:
        made = freeze(*given, **named)
        ChildFound.objects.of(shree).filter(pk__in=[one.pk for one in made]).update(erase_by=NOW + timedelta(days=60))
        return made

    monkeypatch.setattr(children, "_freeze", late)
    assert not _probe(shree, probes.frozen)


@pytest.mark.parametrize(
    ("today", "limit"), [(date(2026, 11, 22), date(2008, 11, 22)), (date(2028, 2, 29), date(2010, 3, 1))]
)
def test_the_age_is_the_policys(shree: Workspace, today: date, limit: date) -> None:
    with tenancy.inside(shree):
        assert children.born_after(versions.in_force(shree.pk, NOW).policy, today) == limit
