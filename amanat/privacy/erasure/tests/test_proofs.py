"""Records of rights outlive the person without her; nothing that points at a contact is in the way of an erasure."""

from __future__ import annotations

import pytest

from amanat.accounts.models import Workspace
from amanat.core import files, tenancy
from amanat.core.models_files import StoredFile
from amanat.core.tenancy import WorkspaceRow
from amanat.people.models import Contact
from amanat.privacy.erasure import proofs
from amanat.privacy.erasure.models import ChildFound
from amanat.privacy.erasure.tests import people
from tests.promises import cast


def _one_of_all(shree: Workspace) -> dict[str, WorkspaceRow]:
    """The cast, whose rows share one file, each with a file of its own."""
    rows = cast.fill(shree)
    with tenancy.inside(shree):
        for row in rows.values():
            for each in row._meta.local_fields:
                if each.related_model is StoredFile and not getattr(row, "append_only", False):
                    own = files.store(b"a text", workspace_id=shree.pk, name="a.txt", by=None, kind="attachment")
                    type(row).objects.of(shree).filter(pk=row.pk).update(**{str(each.column): own.pk})
                    setattr(row, each.attname, own.pk)
    return rows


@pytest.mark.slow
def test_one_row_of_every_table_is_no_obstacle(shree: Workspace) -> None:
    rows = _one_of_all(shree)
    her = rows["people.Contact"]
    assert isinstance(her, Contact)
    with tenancy.inside(shree):
        type(rows["privacy.LegalHold"]).objects.of(shree).update(lifted_at="2026-01-01T00:00Z")
    done = people.erase(shree, her)
    assert done.is_over
    with tenancy.inside(shree):
        assert not Contact.objects.of(shree).exists()
        for model, column in proofs.staying():
            kept = model.objects.of(shree).get(pk=rows[model._meta.label].pk)
            assert getattr(kept, column) is None, model
    assert {"privacy.ChildFound", "privacy.LegalHold"} <= set(done.stayed)


def test_the_declarations_decide_what_stays() -> None:
    labels = {model._meta.label for model, _column in proofs.staying()}
    assert "privacy.ChildFound" in labels
    assert "privacy.Sighting" not in labels
    assert not any(label.startswith(("people.", "desk.")) for label in labels)


@pytest.mark.slow
def test_files_of_such_rows_go(shree: Workspace) -> None:
    rows = _one_of_all(shree)
    with tenancy.inside(shree):
        proofs.let_go(Contact, shree.pk, [rows["people.Contact"].pk], None)  # type: ignore[arg-type]
        assert ChildFound.objects.of(shree).get().contact_id is None
        assert not StoredFile.objects.of(shree).filter(pk=getattr(rows["privacy.PersonCopy"], "file_id", None)).exists()
