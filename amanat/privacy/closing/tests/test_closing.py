"""Whoever closes an account or a workspace is gone on the promised day, and not a second before."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime, timedelta

import pytest
from allauth.account.models import EmailAddress
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from amanat.accounts import access
from amanat.accounts.models import Member, Session, SignIn, User, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, make_user, make_workspace, owner_of, signed_in
from amanat.core import clock, files, tenancy, tombstones
from amanat.core.models import LedgerEntry, StoredFile
from amanat.core.schema import workspace_models
from amanat.desk.models import Paper, Payment, ServiceRecord
from amanat.policy import ready
from amanat.policy.probing import Asked
from amanat.privacy.closing import probes, taking, users, workspaces
from amanat.privacy.closing.models import AccountClosure, ClosedWorkspace, WorkspaceClosure
from amanat.privacy.retention import holds
from amanat.privacy.retention.tests.factories import contact

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 12, 1, 10, tzinfo=UTC)
MONTH = timedelta(days=30)
SECOND = timedelta(seconds=1)


def ordered(workspace: Workspace, *, books_taken: bool = False) -> WorkspaceClosure:
    owner = owner_of(workspace)
    with tenancy.inside(workspace):
        return workspaces.order(workspace=owner.workspace, by=owner, at=NOW, books_taken=books_taken)


def rows_left(workspace_id: object) -> dict[str, int]:
    found: dict[str, int] = {}
    with tenancy.inside(workspace_id), connection.cursor() as cursor:  # type: ignore[arg-type]
        for model in workspace_models():
            cursor.execute(f"SELECT count(*) FROM {model._meta.db_table} WHERE workspace_id = %s", [workspace_id])
            if count := cursor.fetchone()[0]:
                found[model._meta.label] = count
    return found


# --- the workspace -------------------------------------------------------------------------------------------------


def test_a_closed_workspace_goes_after_its_grace(shree: Workspace, other: Workspace) -> None:
    contact(shree)
    contact(other)
    before = rows_left(other.pk)
    closure = ordered(shree)
    assert closure.due_at == NOW + MONTH
    assert workspaces.close_due(at=NOW + MONTH - SECOND) == 0
    assert rows_left(shree.pk)["people.Contact"] == 1
    assert workspaces.close_due(at=NOW + MONTH) == 1
    assert rows_left(shree.pk) == {}
    assert rows_left(other.pk) == before
    assert shree.pk not in access.workspace_ids()
    note = ClosedWorkspace.objects.get(was=shree.pk)
    assert (note.counts["people_contact"], note.files_gone_at is not None) == (1, True)


def test_the_database_refuses_to_delete_a_workspace_that_is_not_due(shree: Workspace, other: Workspace) -> None:
    ordered(shree)
    for workspace_id, moment in ((shree.pk, NOW), (other.pk, NOW + MONTH)):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT close_workspace(%s, %s)", [workspace_id, moment])
    with tenancy.inside(other), pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT close_workspace(%s, %s)", [shree.pk, NOW + MONTH])


def test_papers_and_files_can_be_taken_along_also_while_it_closes(shree: Workspace, other: Workspace) -> None:
    asha, owner = contact(shree), owner_of(shree)
    for here, text in ((shree, b"passport of hers"), (other, b"of strangers")):
        with tenancy.inside(here):
            files.store(text, workspace_id=here.pk, name="passport.txt", by=None, kind="paper")
    with tenancy.inside(shree):
        paper = files.store(b"card of hers", workspace_id=shree.pk, name="card.txt", by=None, kind="paper")
        Paper.objects.create(workspace_id=shree.pk, contact=asha, kind="pan", file=paper)
        files.store(b"name\n", workspace_id=shree.pk, name="list.csv", by=None, kind="export")
    ordered(shree)
    client = signed_in(owner)
    text = client.get(reverse("privacy:workspace_close")).content.decode()
    assert "Take all papers and files" in text
    answer = client.post(reverse("privacy:workspace_files"))
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:  # type: ignore[attr-defined]
        read = {name: archive.read(name) for name in archive.namelist() if name != taking.LIST}
        told = archive.read(taking.LIST).decode()
    assert read == {"files/000001-passport.txt": b"passport of hers", "files/000002-card.txt": b"card of hers"}
    assert f"{asha.pk},{asha.name}" in told and "damaged" not in told
    with tenancy.inside(shree):
        assert LedgerEntry.objects.of(shree).get(event="workspaces.files.taken").facts["count"] == 2
    for role in (Role.MANAGER, Role.AUDITOR):
        assert signed_in(make_member(shree, role=role)).post(reverse("privacy:workspace_files")).status_code == 403


def test_a_damaged_file_is_told_and_the_others_come(shree: Workspace) -> None:
    with tenancy.inside(shree):
        for text in (b"first", b"second"):
            kept = files.store(text, workspace_id=shree.pk, name="a.txt", by=None, kind="paper")
        StoredFile.objects.of(shree).filter(pk=kept.pk).update(object_name="nowhere/at-all")
        pieces = b"".join(taking.all_files(by=owner_of(shree), at=NOW))
    with zipfile.ZipFile(io.BytesIO(pieces)) as archive:
        assert archive.read("files/000001-a.txt") == b"first"
        assert archive.read(taking.LIST).decode().count("damaged") == 1


def test_closing_can_be_taken_back(shree: Workspace) -> None:
    ordered(shree)
    owner = owner_of(shree)
    with tenancy.inside(shree):
        workspaces.cancel(workspace=owner.workspace, by=owner, at=NOW + timedelta(days=3))
        workspaces.cancel(workspace=owner.workspace, by=owner, at=NOW + timedelta(days=3))
        events = (
            LedgerEntry.objects.of(shree)
            .filter(event__startswith="workspaces.workspace.")
            .values_list("event", flat=True)
        )
        assert sorted(events)[-2:] == ["workspaces.workspace.created", "workspaces.workspace.kept"] or len(events) >= 2
    assert workspaces.close_due(at=NOW + MONTH) == 0
    assert ordered(shree).due_at == NOW + MONTH


def test_it_cannot_be_closed_twice_at_once(shree: Workspace) -> None:
    ordered(shree)
    with pytest.raises(workspaces.AlreadyClosing):
        ordered(shree)


def test_the_books_are_taken_along(shree: Workspace) -> None:
    asha = contact(shree)
    with tenancy.inside(shree):
        record = ServiceRecord.objects.create(
            workspace_id=shree.pk, number=1, contact=asha, title="Pan card", fee_paise=100, paid_paise=100
        )
        Payment.objects.create(
            workspace_id=shree.pk, record=record, amount_paise=100, method="cash", paid_on=date(2026, 1, 1)
        )
    with pytest.raises(workspaces.BooksNotTaken):
        ordered(shree)
    assert ordered(shree, books_taken=True).books_taken


def test_a_hold_makes_it_wait(shree: Workspace) -> None:
    ordered(shree)
    with tenancy.inside(shree):
        holds.add(
            workspace=shree,
            contact=None,
            keep="content",
            basis="Court",
            until=date(2027, 6, 1),
            by=owner_of(shree),
            at=NOW,
        )
    assert workspaces.close_due(at=NOW + MONTH) == 0
    assert workspaces.close_due(at=datetime(2027, 6, 2, tzinfo=UTC)) == 1


def test_what_a_law_makes_us_keep_outlives_it(shree: Workspace) -> None:
    contact(shree, main_phone="+919876543210")
    ordered(shree)
    at = datetime(2027, 6, 1, tzinfo=UTC)
    workspaces.close_due(at=at)
    assert rows_left(shree.pk) == {"core.WorkspaceKey": 1, "privacy.SealedRecord": 1}
    workspaces.close_due(at=datetime(2028, 6, 1, tzinfo=UTC))
    assert rows_left(shree.pk)["privacy.SealedRecord"] == 1
    workspaces.close_due(at=datetime(2028, 6, 2, tzinfo=UTC))
    assert rows_left(shree.pk) == {}


def test_a_closing_workspace_can_only_be_read(shree: Workspace) -> None:
    owner = owner_of(shree)
    client = signed_in(owner)
    contacts = reverse("people:contacts")
    assert client.get(contacts).status_code == 200
    with clock.standing_at(NOW):
        ordered(shree)
    new = reverse("people:contact_new")
    assert client.get(contacts).status_code == 200
    assert client.post(new, {"name": "Late"}).status_code == 423
    assert client.post(reverse("privacy:workspace_keep")).status_code == 303
    assert client.post(new, {"name": "Late"}).status_code != 423


def test_the_page_closes_it(shree: Workspace) -> None:
    client = signed_in(owner_of(shree))
    url = reverse("privacy:workspace_close")
    assert client.get(url).status_code == 200
    assert client.post(url, {"name": "wrong"}).status_code == 422
    assert client.post(url, {"name": shree.name}).status_code == 303
    assert b"Keep the workspace" in client.get(url).content
    assert signed_in(make_member(shree, Role.MANAGER)).get(url).status_code == 403


# --- the account ---------------------------------------------------------------------------------------------------


@pytest.fixture
def prakash(shree: Workspace) -> Member:
    return make_member(shree, Role.AGENT)


def test_a_closed_account_goes_after_its_grace(shree: Workspace, prakash: Member) -> None:
    user = prakash.user
    SignIn.objects.create(user=user, outcome="signed in", address="203.0.113.7")
    users.close(user=user, at=NOW)
    assert users.close_due(at=NOW + MONTH - SECOND) == 0
    assert users.close_due(at=NOW + MONTH) == 1
    left = User.objects.get(pk=user.pk)
    assert (left.name, left.phone, left.is_active, left.email) == ("", None, False, f"{user.pk}@{users.GONE}")
    assert not left.has_usable_password()
    assert not EmailAddress.objects.filter(user=user).exists()
    assert not SignIn.objects.filter(user=user).exists()
    with tenancy.inside(shree):
        seat = Member.objects.of(shree).get(pk=prakash.pk)
        assert (seat.name, seat.ended_at) == ("Prakash Jadhav", NOW + MONTH)


def test_closing_signs_out_everywhere(prakash: Member) -> None:
    signed_in(prakash)
    users.close(user=prakash.user, at=NOW)
    assert not Session.objects.filter(user=prakash.user).exists()


def test_signing_in_takes_it_back(prakash: Member) -> None:
    users.close(user=prakash.user, at=NOW)
    assert users.closing(prakash.user) is not None
    User.objects.filter(pk=prakash.user_id).update(last_login=NOW + timedelta(days=3))
    assert users.closing(User.objects.get(pk=prakash.user_id)) is None
    assert users.close_due(at=NOW + MONTH) == 0
    assert not AccountClosure.objects.exists()
    assert User.objects.get(pk=prakash.user_id).is_active


def test_the_only_owner_hands_over_first(shree: Workspace) -> None:
    owner = owner_of(shree)
    with pytest.raises(users.OnlyOwner) as refused:
        users.close(user=owner.user, at=NOW)
    assert [seat.workspace_id for seat in refused.value.seats] == [shree.pk]
    assert shree.name in str(refused.value)
    make_member(shree, Role.OWNER, name="Second")
    assert users.close(user=owner.user, at=NOW).due_at == NOW + MONTH


def test_who_owns_a_workspace_that_is_closing_may_go(shree: Workspace) -> None:
    user = owner_of(shree).user
    ordered(shree)
    users.close(user=user, at=NOW)
    assert users.close_due(at=NOW + MONTH) == 1


def test_an_only_owner_is_not_emptied_under_others(shree: Workspace, prakash: Member) -> None:
    user = owner_of(shree).user
    assert users.erase(user, at=NOW, because="idle") == 0
    assert User.objects.get(pk=user.pk).name


def test_an_only_member_who_stays_away_closes_her_workspace(shree: Workspace) -> None:
    user = owner_of(shree).user
    assert users.erase(user, at=NOW, because="idle") == 1
    with tenancy.inside(shree):
        assert Workspace.objects.of(shree).get().closing_at == NOW + MONTH


def test_the_page_closes_the_account(prakash: Member) -> None:
    client = signed_in(prakash)
    url = reverse("privacy:account_close")
    assert client.post(url, {"email": "other@example.in"}).status_code == 422
    assert client.post(url, {"email": prakash.user.email}).status_code == 303
    assert AccountClosure.objects.filter(user=prakash.user).exists()


def test_the_only_owner_reads_what_to_do_first(shree: Workspace) -> None:
    owner = owner_of(shree)
    client = signed_in(owner)
    answer = client.post(reverse("privacy:account_close"), {"email": owner.user.email})
    assert answer.status_code == 422
    assert shree.name.encode() in answer.content
    assert not AccountClosure.objects.exists()


# --- probes --------------------------------------------------------------------------------------------------------


def test_the_probe_of_accounts_sees_one_that_is_late(shree: Workspace, prakash: Member) -> None:
    asked = Asked(shree.pk, ready.policy("default"), NOW + MONTH + timedelta(days=2))
    assert probes.accounts(asked).is_kept
    users.close(user=prakash.user, at=NOW)
    assert not probes.accounts(asked).is_kept
    users.close_due(at=asked.at)
    assert probes.accounts(asked).is_kept


def test_the_probe_of_workspaces_sees_one_that_is_late(shree: Workspace) -> None:
    ordered(shree)
    with tenancy.inside(shree):
        assert probes.workspace(Asked(shree.pk, ready.policy("default"), NOW + MONTH)).is_kept
        assert not probes.workspace(Asked(shree.pk, ready.policy("default"), NOW + MONTH + timedelta(days=2))).is_kept


def test_a_tombstone_is_written(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[str, object]] = []
    monkeypatch.setattr(
        tombstones, "record", lambda kind, subjects, **more: written.extend((kind.value, one) for one in subjects)
    )
    ordered(shree)
    workspaces.close_due(at=NOW + MONTH)
    user = make_user("Leaving")
    users.erase(user, at=NOW, because="closed")
    assert written == [("workspace closed", shree.pk), ("user erased", user.pk)]


def test_a_workspace_made_later_is_not_touched() -> None:
    made = make_workspace("Later")
    assert workspaces.close_due(at=NOW + MONTH) == 0
    assert rows_left(made.pk)
