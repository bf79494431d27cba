"""The canary is found while it is held and nowhere after the erasure."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.db import connection, models, transaction

from amanat.accounts.models import Workspace
from amanat.basis import rules
from amanat.core import clock, files, filetypes, tenancy
from amanat.core.filetypes import FileType
from amanat.core.schema import workspace_models
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.reminders.models import ReminderRule
from amanat.people.models import Contact, ExportRun, ImportRun
from amanat.people.tests import factories
from amanat.policy import probing
from amanat.policy.probing import Asked, Probe, Scope
from amanat.privacy.erasure import canary, children, erasing, planting
from amanat.privacy.erasure.models import Erasure
from amanat.privacy.incidents.models import Incident
from amanat.privacy.registers.models import Handover


@pytest.mark.slow
def test_every_table_and_column_of_people_is_planted_found_while_held_and_nowhere_after(
    shree: Workspace, tmp_path: Path
) -> None:
    planted = canary.plant(shree.pk, at=clock.now())
    tables = {model._meta.label for model in planting.hers()} | {"core.LocalMessage"}
    assert set(planted.places) == tables | {"procrastinate_jobs"}
    own = {"core.LocalMessage.to", "core.LocalMessage.title", "core.LocalMessage.body"}
    columns = {f"{model._meta.label}.{each.name}" for model in planting.hers() for each in planting.words(model)}
    assert planted.columns == columns - set(planting.NO_WORDS) | own
    assert len(columns) > 60
    seen = canary.search(shree.pk, tmp_path)
    assert planted.columns - set(seen.places) == set()
    assert planted.kinds == set(filetypes.kinds()) - planting.FILES_OF_NOBODY
    assert planted.kinds - set(seen.places) == set()
    done = canary.erase(shree.pk, at=clock.now())
    assert [one.state for one in done] == [Erasure.State.DONE] * 2
    assert canary.search(shree.pk, tmp_path).is_clean
    assert _pointing_at(shree, planted.contact_ids) == []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE args::text LIKE %s", [f"%{planted.contact_ids[0]}%"]
        )
        assert cursor.fetchone() == (0,)


def _pointing_at(workspace: Workspace, contact_ids: tuple[UUID, ...]) -> list[str]:
    """Columns of tables of people in which one of their ids still stands, but for what proves the erasure."""
    found = []
    with tenancy.inside(workspace):
        for model in planting.hers():
            for each in model._meta.local_concrete_fields:
                is_id = isinstance(each, models.UUIDField | models.ForeignKey)
                if is_id and model.objects.of(workspace).filter(**{f"{each.attname}__in": contact_ids}).exists():
                    found.append(f"{model._meta.label}.{each.name}")
    return found


@pytest.mark.parametrize("label", [*planting.NOT_PLANTED, *planting.NO_WORDS])
def test_what_is_left_out_is_there_and_has_a_reason(label: str) -> None:
    tables = {model._meta.label: model for model in workspace_models()}
    model = tables[".".join(label.split(".")[:2])]
    if label in planting.NO_WORDS:
        assert label.rpartition(".")[2] in {each.name for each in planting.words(model)}
    assert len((planting.NOT_PLANTED | planting.NO_WORDS)[label].split()) > 1


def test_a_table_that_takes_no_mark_stops_the_planting(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    said = planting._Planter._said

    def without(self: object, label: str) -> object:
        return {} if label == "privacy.LegalHold" else said(self, label)  # type: ignore[arg-type]

    monkeypatch.setattr(planting._Planter, "_said", without)
    with pytest.raises(canary.NotPlanted, match="LegalHold"):
        canary.plant(shree.pk, at=clock.now())
    with tenancy.inside(shree):
        assert not Contact.objects.of(shree).exists()


@pytest.mark.slow
def test_nothing_that_was_made_for_it_is_left(shree: Workspace) -> None:
    made = (Incident, Handover, ImportRun, ExportRun, ReminderRule, ChannelAccount)
    canary.plant(shree.pk, at=clock.now())
    with tenancy.inside(shree):
        assert all(model.objects.of(shree).exists() for model in made)
    canary.erase(shree.pk, at=clock.now())
    with tenancy.inside(shree):
        assert not any(model.objects.of(shree).exists() for model in made)


@pytest.mark.slow
def test_an_order_that_found_something_once_forgets_it_when_the_next_canary_is_erased(
    shree: Workspace, tmp_path: Path
) -> None:
    canary.plant(shree.pk, at=clock.now())
    him = factories.make_contact(shree, "Rajesh Patil", notes=f"Friend of {canary.mark()}")
    with tenancy.inside(shree):
        names = list(
            Contact.objects.of(shree).filter(sort_name__startswith=planting.STEM).values_list("name", flat=True)
        )
        Contact.objects.of(shree).filter(pk=him.pk).update(notes=f"Friends of {', '.join(names)}")
    assert Erasure.State.FAILED in [one.state for one in canary.erase(shree.pk, at=clock.now())]
    with tenancy.inside(shree):
        Contact.objects.of(shree).filter(pk=him.pk).update(notes="")
    assert set(canary.search(shree.pk, tmp_path).places) == {"privacy.Erasure.wanted"}
    canary.erase(shree.pk, at=clock.now())
    assert canary.search(shree.pk, tmp_path).is_clean


def test_packed_files_are_unpacked(shree: Workspace, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("list.csv", canary.mark() * 20)
    packed.seek(0)
    with tenancy.inside(shree):
        files.store_stream(packed, workspace_id=shree.pk, name="x", by=None, kind="export", found=FileType.ZIP)
    assert canary.search(shree.pk, tmp_path).places == {"export": 1}


@pytest.mark.slow
def test_the_running_site_leaves_it_until_it_is_erased(shree: Workspace, tmp_path: Path) -> None:
    canary.plant(shree.pk, at=clock.now())
    assert children.sweep(shree.pk, at=clock.now() + timedelta(days=30)) == (0, 0)
    assert not canary.search(shree.pk, tmp_path).is_clean


@pytest.mark.slow
def test_she_breaks_no_promise_while_she_is_held_and_after(shree: Workspace) -> None:
    """A request without a law, or an archive of no copy, would turn the seals of the workspace red for good."""
    before = _broken(shree)
    canary.plant(shree.pk, at=clock.now())
    assert _broken(shree) == before
    canary.erase(shree.pk, at=clock.now())
    assert _broken(shree) == before


def _broken(workspace: Workspace) -> set[str]:
    """Probes of this package that find their promise broken, or cannot run."""
    return {
        name
        for name, one in probing.registered().items()
        if one.run.__module__.startswith("amanat.privacy")
        and one.scope == Scope.WORKSPACE
        and not _is_kept(one, workspace)
    }


def _is_kept(one: Probe, workspace: Workspace) -> bool:
    with tenancy.inside(workspace):
        asked = Asked(workspace.pk, rules.of(workspace.pk).policy, clock.now())
        with transaction.atomic():
            kept = one.run(asked).is_kept
            transaction.set_rollback(True)
    return kept


def test_files_of_the_data_folder_are_read_to_their_last_byte(shree: Workspace, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "web.log").write_bytes(b"x" * (canary._PIECE - 3) + canary.mark().encode())
    (tmp_path / "clean.log").write_bytes(b"nothing here")
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "16384").write_bytes(canary.mark().encode())
    seen = canary.search(shree.pk, tmp_path)
    assert (seen.files, seen.read) == (["logs/web.log"], 2)
    assert not seen.is_clean


@pytest.mark.slow
def test_it_goes_again_after_a_restore(shree: Workspace, tmp_path: Path) -> None:
    planted = canary.plant(shree.pk, at=clock.now())
    with tenancy.inside(shree):
        assert (
            erasing.again(dict.fromkeys(planted.contact_ids, clock.now()), workspace_id=shree.pk, at=clock.now()) == 2
        )
    assert canary.search(shree.pk, tmp_path).is_clean
