"""The canary is found while it is held and nowhere after the erasure."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from amanat.accounts.models import Workspace
from amanat.core import clock, tenancy
from amanat.people import pointing
from amanat.people.models import Contact
from amanat.privacy.copies.models import PersonCopy
from amanat.privacy.erasure import canary, children, erasing
from amanat.privacy.erasure.models import Erasure
from amanat.privacy.requests.models import RightsRequest


def test_found_while_held_and_nowhere_after(shree: Workspace, tmp_path: Path) -> None:
    planted = canary.plant(shree.pk, at=clock.now())
    seen = canary.search(shree.pk, tmp_path)
    labels = {place.rpartition(".")[0] for place in seen.places}
    assert {"people.Contact", "people.Attachment", "people.SearchEntry", "people.Email", "core.StoredFile"} <= labels
    assert "attachment" in seen.places
    assert {"desk.Task", "desk.ServiceRecord", "people.Interaction", "people.Address", "desk.Paper"} <= set(
        planted.places
    )
    done = canary.erase(shree.pk, at=clock.now())
    assert [one.state for one in done] == [Erasure.State.DONE]
    assert canary.search(shree.pk, tmp_path).is_clean


def test_the_running_site_leaves_it_until_it_is_erased(shree: Workspace, tmp_path: Path) -> None:
    canary.plant(shree.pk, at=clock.now())
    assert children.sweep(shree.pk, at=clock.now() + timedelta(days=30)) == (0, 0)
    assert not canary.search(shree.pk, tmp_path).is_clean


def test_what_she_leaves_breaks_no_promise(shree: Workspace) -> None:
    """A request without a law, or a copy that failed, would turn the seals of the workspace red for good."""
    canary.plant(shree.pk, at=clock.now())
    for erased in (False, True):
        if erased:
            canary.erase(shree.pk, at=clock.now())
        with tenancy.inside(shree):
            assert list(RightsRequest.objects.of(shree.pk).values_list("regimes", "state")) == [
                (["in-dpdp"], "revoked")
            ]
            assert list(PersonCopy.objects.of(shree.pk).values_list("state", flat=True)) == ["expired"]


def test_files_of_the_data_folder_are_read_to_their_last_byte(shree: Workspace, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "web.log").write_bytes(b"x" * (canary._PIECE - 3) + canary.mark().encode())
    (tmp_path / "clean.log").write_bytes(b"nothing here")
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "16384").write_bytes(canary.mark().encode())
    seen = canary.search(shree.pk, tmp_path)
    assert (seen.files, seen.read) == (["logs/web.log"], 2)
    assert not seen.is_clean


def test_it_goes_again_after_a_restore(shree: Workspace, tmp_path: Path) -> None:
    planted = canary.plant(shree.pk, at=clock.now())
    with tenancy.inside(shree):
        assert erasing.again({planted.contact_id: clock.now()}, workspace_id=shree.pk, at=clock.now()) == 1
    assert canary.search(shree.pk, tmp_path).is_clean


def test_nothing_that_points_at_contacts_is_forgotten_in_silence(shree: Workspace) -> None:
    planted = canary.plant(shree.pk, at=clock.now())
    tables = {model._meta.label for model, _column in pointing.at(Contact) if not getattr(model, "append_only", False)}
    assert tables <= {*planted.places, *planted.refused}
