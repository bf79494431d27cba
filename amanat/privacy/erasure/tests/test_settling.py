"""After a restore: orders of erasure that the backup caught before their end come to it."""

from __future__ import annotations

import pytest

from amanat.accounts.models import Workspace
from amanat.core import clock, tenancy
from amanat.people.models import Contact
from amanat.people.tests import factories
from amanat.privacy.erasure import erasing, wanted
from amanat.privacy.erasure.models import Erasure
from amanat.privacy.erasure.tests import people
from amanat.privacy.erasure.tests.people import NAME
from amanat.privacy.erasure.wanted import Wanted


def _naming_her(workspace: Workspace) -> Contact:
    """Somebody else's note that names her: an erasure finds it and is not done."""
    return factories.make_contact(workspace, "Rajesh Patil", notes=f"Brother of {NAME}")


@pytest.mark.slow
def test_an_order_that_a_backup_caught_ends_after_the_restore_and_forgets_whom_it_looked_for(shree: Workspace) -> None:
    her, him = people.make_her(shree), _naming_her(shree)
    failed = people.erase(shree, her)
    assert (failed.state, failed.wanted is not None) == (Erasure.State.FAILED, True)
    assert erasing.settle(shree.pk) == 1
    with tenancy.inside(shree):
        Contact.objects.of(shree).filter(pk=him.pk).update(notes="")
    assert erasing.settle(shree.pk) == 0
    with tenancy.inside(shree):
        done = Erasure.objects.of(shree).get(pk=failed.pk)
        assert (done.state, done.wanted) == (Erasure.State.DONE, None)
        assert done.certificates.filter(search="whole").exists()


def test_an_order_that_was_killed_before_the_backup_goes_on_after_the_restore(shree: Workspace) -> None:
    her = people.make_her(shree)
    with tenancy.inside(shree):
        ordered = erasing.order(
            workspace=shree, contact_ids=[her.pk], because="decision", by=None, at=clock.now(), at_once=True
        )
    erasing._step_done(ordered.pk, shree.pk)
    assert erasing.settle(shree.pk) == 0
    with tenancy.inside(shree):
        done = Erasure.objects.of(shree).get(pk=ordered.pk)
        assert (done.state, done.wanted) == (Erasure.State.DONE, None)
        assert not Contact.objects.of(shree).exists()


@pytest.mark.slow
def test_an_order_that_cannot_end_does_not_keep_the_site_closed(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed, _him = people.erase(shree, people.make_her(shree)), _naming_her(shree)

    def broken(*_arguments: object, **_named: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(erasing.traces, "search", broken)
    with tenancy.inside(shree):
        Erasure.objects.of(shree).filter(pk=failed.pk).update(
            wanted=wanted.seal(Wanted(), workspace_id=shree.pk, erasure_id=failed.pk)
        )
    assert erasing.settle(shree.pk) == 1
