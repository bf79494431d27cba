"""Whoever closes an account or a workspace is gone on the promised day, and not a second before."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.mail import EmailMessage
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from amanat.accounts import access
from amanat.accounts.models import Member, Session, SignIn, User, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, make_user, make_workspace, owner_of, signed_in
from amanat.core import clock, files, ids, tenancy, tombstones
from amanat.core.models import LedgerEntry, StoredFile
from amanat.core.schema import workspace_models
from amanat.desk.models import Paper, Payment, ServiceRecord
from amanat.policy import ready
from amanat.policy.durations import Duration
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
        said = LedgerEntry.objects.of(shree).filter(event="workspaces.workspace.kept").get()
        kept = WorkspaceClosure.objects.of(shree).get()
    assert (said.actor, said.at, said.about) == (owner.pk, NOW + timedelta(days=3), shree.pk)
    assert (kept.cancelled_at, kept.cancelled_by_id) == (NOW + timedelta(days=3), owner.pk)
    assert owner.workspace.closing_at is None
    assert workspaces.close_due(at=NOW + MONTH) == 0
    assert ordered(shree).due_at == NOW + MONTH
    with tenancy.inside(shree):
        workspaces.cancel(workspace=owner.workspace, by=owner, at=NOW + timedelta(days=4))
        taken_back = WorkspaceClosure.objects.of(shree).order_by("cancelled_at").values_list("cancelled_at", flat=True)
        assert list(taken_back) == [NOW + timedelta(days=3), NOW + timedelta(days=4)]


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
    assert workspaces.close_due(at=datetime(2027, 6, 1, 18, 29, 59, tzinfo=UTC)) == 0
    assert workspaces.close_due(at=datetime(2027, 6, 1, 18, 30, tzinfo=UTC)) == 1


def test_a_hold_that_was_lifted_makes_nothing_wait(shree: Workspace) -> None:
    ordered(shree)
    owner = owner_of(shree)
    with tenancy.inside(shree):
        hold = holds.add(
            workspace=shree, contact=None, keep="content", basis="Court", until=date(2027, 6, 1), by=owner, at=NOW
        )
        holds.lift(hold=hold, by=owner, at=NOW)
    assert workspaces.close_due(at=NOW + MONTH) == 1


def test_its_jobs_go_and_who_was_signed_in_there_is_signed_in_nowhere(shree: Workspace, other: Workspace) -> None:
    ordered(shree)
    with connection.cursor() as cursor:
        for here in (shree, other):
            Session.objects.create(session_key=here.name, expire_date=NOW + MONTH, workspace_id=here.pk)
            cursor.execute(
                "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('quick', 'some.task', jsonb_build_object('workspace_id', %s::text))",
                [str(here.pk)],
            )
        workspaces.close_due(at=NOW + MONTH)
        cursor.execute("SELECT args->>'workspace_id' FROM procrastinate_jobs WHERE task_name = 'some.task'")
        assert cursor.fetchall() == [(str(other.pk),)]
    places = Session.objects.filter(session_key__in=[shree.name, other.name]).values_list("session_key", "workspace_id")
    assert dict(places) == {shree.name: None, other.name: other.pk}


def test_files_that_a_killed_run_left_are_removed_by_the_next_and_no_other_note_is_touched(shree: Workspace) -> None:
    left, done = (
        ClosedWorkspace.objects.create(was=ids.new(), asked_at=NOW, gone_at=NOW, files_gone_at=gone)
        for gone in (None, NOW)
    )
    assert workspaces.close_due(at=NOW + MONTH) == 0
    left.refresh_from_db()
    done.refresh_from_db()
    assert left.files_gone_at is not None and left.files_gone_at != NOW
    assert done.files_gone_at == NOW


def test_all_its_people_are_sealed_piece_by_piece(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspaces, "_PIECE", 2)
    for number in range(5):
        contact(shree, f"Person {number}", main_phone=f"+91987654321{number}")
    ordered(shree)
    workspaces.close_due(at=datetime(2027, 6, 1, tzinfo=UTC))
    assert rows_left(shree.pk)["privacy.SealedRecord"] == 5
    assert workspaces.destroy_sealed(at=datetime(2028, 6, 1, tzinfo=UTC)) == 0
    assert workspaces.destroy_sealed(at=datetime(2028, 6, 2, tzinfo=UTC)) == 5


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


def test_signing_in_takes_it_back(prakash: Member, mailoutbox: list[EmailMessage]) -> None:
    users.close(user=prakash.user, at=NOW)
    assert users.closing(prakash.user) is not None
    User.objects.filter(pk=prakash.user_id).update(last_login=NOW + timedelta(days=3))
    assert users.closing(User.objects.get(pk=prakash.user_id)) is None
    assert users.close_due(at=NOW + MONTH) == 0
    assert not AccountClosure.objects.exists()
    assert User.objects.get(pk=prakash.user_id).is_active
    assert [one.subject for one in mailoutbox] == ["Your account at Amanat stays"]


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


def test_who_closes_an_account_is_told_by_mail_until_when_it_can_be_kept(
    prakash: Member, mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        users.close(user=prakash.user, at=NOW)
    [mail] = mailoutbox
    assert (mail.to == [prakash.user.email] and "Dec. 31, 2026" in mail.body) or "31 December 2026" in mail.body


def test_an_account_is_taken_along_without_what_opens_it(prakash: Member) -> None:
    SignIn.objects.create(user=prakash.user, outcome="signed in", address="203.0.113.7", session_key="k" * 32)
    client = signed_in(prakash)
    answer = client.post(reverse("privacy:account_take"))
    file = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    told = json.loads(file)
    assert told["tables"]["accounts.User"][0]["email"] == prakash.user.email
    assert told["tables"]["accounts.SignIn"][0]["address"] == "203.0.113.7"
    assert told["seats"][0]["role"] == "Agent"
    user, sessions = User.objects.get(pk=prakash.user_id), Session.objects.filter(user=prakash.user)
    for secret in ("k" * 32, user.password, *sessions.values_list("session_key", flat=True)):
        assert secret and secret not in file


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


def test_the_probe_of_workspaces_sees_a_grace_that_grew(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, rule = Asked(shree.pk, ready.policy("default"), NOW), workspaces.reckoning.rule
    with tenancy.inside(shree):
        longer = rule(asked.policy, "content").model_copy(update={"until": {"closure": Duration.parse("P90D")}})
        monkeypatch.setattr(workspaces.reckoning, "rule", lambda policy, name: longer)
        assert probes.workspace(asked).facts == {"late": 0, "days": 60}


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
