"""The daily rounds of people: each does its work in every workspace and leaves the others' rows alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from amanat.accounts.models import Workspace
from amanat.core import clock, tenancy
from amanat.people import bin as deleted
from amanat.people import duplicates, merging, tasks
from amanat.people.models import Contact, LikelyDuplicate, Merge
from amanat.people.tests.factories import make_contact, owner

PHONE = "9822041736"


def _pairs(workspace: Workspace) -> int:
    with tenancy.inside(workspace):
        return LikelyDuplicate.objects.of(workspace).count()


def test_the_night_writes_pairs_down_where_the_page_does_not_ask_at_once(
    shree: Workspace, other: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for workspace, amount in ((shree, 3), (other, 2)):
        for number in range(amount):
            make_contact(workspace, f"Asha {number} Menon", phone=PHONE)
    monkeypatch.setattr(duplicates, "AT_ONCE", 2)
    tasks.look_everywhere()
    assert (_pairs(shree), _pairs(other)) == (2, 0)


def test_somebody_who_asks_gets_the_pairs_of_the_own_workspace(shree: Workspace, other: Workspace) -> None:
    for workspace in (shree, other):
        for _twice in range(2):
            make_contact(workspace, "Asha Menon", phone=PHONE)
    tasks.look_for_duplicates(shree.pk)
    assert (_pairs(shree), _pairs(other)) == (1, 0)


@pytest.mark.slow
def test_the_bins_of_all_are_emptied(shree: Workspace, other: Workspace) -> None:
    for workspace in (shree, other):
        old, young = make_contact(workspace, "Old"), make_contact(workspace, "Young")
        with tenancy.inside(workspace):
            for contact, days in ((old, 31), (young, 29)):
                at = clock.now() - timedelta(days=days)
                deleted.delete(model=Contact, workspace=workspace, by=owner(workspace), at=at, ids=[contact.pk])
    tasks.empty_bins()
    for workspace in (shree, other):
        with tenancy.inside(workspace):
            assert Contact.objects.of(workspace).get().name == "Young"


@pytest.mark.slow
def test_what_old_merges_keep_is_forgotten_and_younger_ones_can_be_undone(shree: Workspace, other: Workspace) -> None:
    made = {}
    for workspace, days in ((shree, 31), (other, 29)):
        keep, gone = make_contact(workspace, "Asha"), make_contact(workspace, "Asha M")
        with tenancy.inside(workspace):
            at = clock.now() - timedelta(days=days)
            made[workspace.pk] = merging.merge(keep=keep, gone=gone, choices={}, by=owner(workspace), at=at)
    tasks.forget_leftovers()
    with tenancy.inside(shree):
        assert Merge.objects.of(shree).get().before == {}
    with tenancy.inside(other):
        assert merging.undo(merge=made[other.pk], by=owner(other), at=clock.now()) == []
