"""A restore of a backup older than what was ended since: all of it is ended again before the site may open."""

import json
from pathlib import Path

import pytest

from amanat.core.configuration import Configuration
from amanat.operations import dumps, postgres, swapping
from amanat.operations.tests import places

pytestmark = pytest.mark.slow

#: Run in the installation: `step(...)` bodies use the rules, as pages do.
PREAMBLE = """
from amanat.core import configuration
from amanat.operations import dumps, postgres, services
with postgres.using(configuration.current()):
    services.set_up_django()
    from datetime import timedelta
    from django.db import connection
    from amanat.accounts import api_tokens, members
    from amanat.accounts.adapters import AccountAdapter
    from amanat.accounts.models import ApiToken, Member, Session, User, Workspace
    from amanat.accounts.tests import factories
    from amanat.basis import consent, objections, suppression
    from amanat.basis.models import Method
    from amanat.core import clock, jobs, ledger, tally, tenancy
    from amanat.people import bin as deleted, contacts, search
    from amanat.people.drafts import ContactDraft
    from amanat.people.models import Contact, Email
    from amanat.messaging.channels.models import ChannelAccount
    from amanat.messaging.inbox.models import Message, Thread
    from amanat.messaging.outbox import ordering
    from amanat.messaging.outbox.models import Dispatch
    from django.contrib.auth import authenticate
    def shop():
        from amanat.accounts import access
        [workspace] = access.workspace_ids()
        with tenancy.inside(workspace):
            return Workspace.objects.of(workspace).get()
"""
FILL = """
    user = factories.make_user("Rekha", email="rekha@example.in", password=factories.PASSWORD)
    here = factories.make_workspace(owner=user)
    rekha = factories.owner_of(here)
    prakash = factories.make_member(here)
    with tenancy.inside(here):
        for name in ("Asha Menon", "Ravi Patil"):
            contacts.create(workspace=here, by=rekha, at=clock.now(), draft=ContactDraft(name=name))
        for name, member in (("till", rekha), ("door", rekha), ("old phone", prakash)):
            api_tokens.make(member=member, name=name, scopes=["contacts:read"], expires_at=clock.now() + timedelta(9), at=clock.now())
        ravi = Contact.objects.of(here).get(name="Ravi Patil")
        Email.objects.create(workspace_id=here.pk, contact=ravi, address="ravi@example.in")
        mailbox = ChannelAccount.objects.create(workspace_id=here.pk, channel="email", provider="smtp", name="Mail", address="a@example.in")
        thread = Thread.objects.create(workspace_id=here.pk, contact=ravi, last_at=clock.now())
        letter = Message.objects.create(workspace_id=here.pk, thread=thread, contact=ravi, channel="email", account=mailbox, direction="out", happened_at=clock.now())
        ordering.order(message=letter, account=mailbox, address="ravi@example.in", purpose="service", source="reply", due_at=clock.now() + timedelta(1))
    Session.objects.create(session_key="k", session_data="", expire_date=clock.now() + timedelta(9), user=user)
    with connection.cursor() as cursor:
        for arguments in ('{"workspace_id": "%s"}' % here.pk, '{"timestamp": 1}'):
            cursor.execute("INSERT INTO procrastinate_jobs (task_name, queue_name, args) VALUES ('t', 'default', %s)", [arguments])
    ledger.seal(here.pk)
"""
END = """
    here = shop()
    rekha = factories.owner_of(here)
    with tenancy.inside(here):
        asha = Contact.objects.of(here).get(name="Asha Menon")
        deleted.delete(model=Contact, workspace=here, by=rekha, at=clock.now(), ids=[asha.pk])
        deleted.purge(model=Contact, workspace=here, by=rekha, at=clock.now(), ids=[asha.pk])
        ravi = Contact.objects.of(here).get(name="Ravi Patil")
        for purpose in ("marketing", "reminders"):
            consent.withdraw(contact=ravi, purpose=purpose, channels=["email"], how=consent.How(Method.LINK), at=clock.now())
        suppression.lift(["ravi@example.in"], workspace=here, at=clock.now(), purpose="reminders", channel="email")
        objections.make(contact=ravi, how=consent.How(Method.PHONE), at=clock.now(), purpose="analytics")
        api_tokens.revoke(token=ApiToken.objects.of(here).get(name="door"), by=rekha, at=clock.now())
        members.end(member=Member.objects.of(here).get(name="Prakash Jadhav"), by=rekha, at=clock.now())
    AccountAdapter().set_password(rekha.user, "a better password, she hopes")
    rekha.user.save()
    ledger.seal(here.pk)
"""
LOOK = """
    import json
    from amanat.core.models import LedgerEntry
    here = shop()
    rekha = factories.owner_of(here)
    with tenancy.inside(here):
        found = {
            "contacts": sorted(Contact.objects.of(here).values_list("name", flat=True)),
            "found": len(search.find("Asha", member=rekha)),
            "counted": tally.count("contacts", workspace=here),
            "tokens": sorted(ApiToken.objects.of(here).filter(revoked_at__isnull=True).values_list("name", flat=True)),
            "members": sorted(Member.objects.of(here).filter(ended_at__isnull=True).values_list("name", flat=True)),
            "messages": list(Dispatch.objects.of(here).values_list("state", flat=True)),
            "stopped": [
                purpose for purpose in ("marketing", "reminders")
                if suppression.against(["ravi@example.in"], workspace=here, purpose=purpose, channel="email", at=clock.now())
            ],
            "objected": sorted(objections.standing(Contact.objects.of(here).get(name="Ravi Patil"), at=clock.now())),
            "notes": [entry.facts["again"] for entry in LedgerEntry.objects.of(here).filter(event="operations.backup.restored")],
        }
    found["old password"] = rekha.user.check_password(factories.PASSWORD)
    found["any password"] = rekha.user.has_usable_password()
    found["sessions"] = Session.objects.count()
    with connection.cursor() as cursor:
        cursor.execute("SELECT status::text FROM procrastinate_jobs ORDER BY id")
        found["jobs"] = [row[0] for row in cursor.fetchall()]
    print("LOOK" + json.dumps(found))
"""
BEFORE = {
    "contacts": ["Asha Menon", "Ravi Patil"],
    "found": 1,
    "counted": 2,
    "tokens": ["door", "old phone", "till"],
    "members": ["Prakash Jadhav", "Rekha"],
    "messages": ["todo"],
    "stopped": [],
    "objected": [],
    "notes": [],
    "old password": True,
    "any password": True,
    "sessions": 1,
    "jobs": ["todo", "todo"],
}
AFTER = {
    "contacts": ["Ravi Patil"],
    "found": 0,
    "counted": 1,
    "tokens": ["till"],
    "members": ["Rekha"],
    "messages": ["held"],
    "stopped": ["marketing"],
    "objected": ["analytics"],
    "notes": [
        {
            "contacts": 1,
            "companies": 0,
            "papers": 0,
            "tokens": 1,
            "seats": 1,
            "owners": 0,
            "rights": 0,
            "opt_outs": 2,
            "messages": 1,
            "reminders": 0,
        }
    ],
    "old password": False,
    "any password": False,
    "sessions": 0,
    "jobs": ["failed", "aborted"],
}

#: A second shop, which will be closed, and a user of both who will leave.
OPEN = """
    user = factories.make_user("Rekha", email="rekha@example.in", password=factories.PASSWORD)
    for name in ("Kendra", "Dukan"):
        here = factories.make_workspace(name, owner=user)
        rekha = factories.owner_of(here)
        with tenancy.inside(here):
            contacts.create(workspace=here, by=rekha, at=clock.now(), draft=ContactDraft(name=f"{name} Menon"))
            if name == "Kendra":
                prakash = factories.make_user("Prakash Jadhav", email="prakash@example.in", password=factories.PASSWORD)
                members.join(workspace_id=here.pk, user=prakash, role="agent", at=clock.now())
        ledger.seal(here.pk)
"""
LEAVE = """
    from amanat.accounts import access
    from amanat.privacy.closing import users, workspaces
    for one in access.workspace_ids():
        with tenancy.inside(one):
            here = Workspace.objects.of(one).get()
            if here.name == "Dukan":
                long_ago = clock.now() - timedelta(999)
                workspaces.order(workspace=here, by=factories.owner_of(here), at=long_ago, books_taken=True)
    assert workspaces.close_due(at=clock.now()) == 1
    assert users.erase(User.objects.get(email="prakash@example.in"), at=clock.now(), because="closed") == 1
"""
WHO_IS_THERE = """
    import json
    from amanat.accounts import access
    from amanat.core.models import WorkspaceKey
    from amanat.privacy.closing.models import ClosedWorkspace
    found = {"workspaces": [], "contacts": [], "seats": [], "keys": 0, "closed": ClosedWorkspace.objects.count()}
    for one in access.workspace_ids():
        with tenancy.inside(one):
            found["workspaces"] += Workspace.objects.of(one).values_list("name", flat=True)
            found["seats"] += Member.objects.of(one).filter(ended_at__isnull=True).values_list("name", flat=True)
    with dumps.connect(configuration.current()) as owner:  # sees the rows of all workspaces
        found["contacts"] = [row[0] for row in owner.execute("SELECT name FROM people_contact ORDER BY name")]
        found["keys"] = owner.execute("SELECT count(DISTINCT workspace_id) FROM core_workspacekey").fetchone()[0]
    for name in ("workspaces", "seats"):
        found[name].sort()
    found["emails"] = sorted(email for email in User.objects.values_list("email", flat=True) if "invalid" not in email)
    found["prakash"] = User.objects.filter(name="Prakash Jadhav", is_active=True).count()
    print("LOOK" + json.dumps(found))
"""


def step(here: Configuration, body: str) -> str:
    process = places.spawn(here.data, code=PREAMBLE + body)
    output = process.communicate(timeout=5 * places.PATIENCE)[0]
    assert process.returncode == 0, output
    return output


def look(here: Configuration, body: str = LOOK) -> dict[str, object]:
    found: dict[str, object] = json.loads(step(here, body).split("LOOK")[1])
    return found


@pytest.fixture
def here(place: Path) -> Configuration:
    """An installation with a backup, after which things were ended for good."""
    return places.made_once("ended", _end_things, place)


def _end_things(folder: Path) -> None:
    found = places.migrated(folder)
    step(found, FILL)
    before = look(found)
    assert before | BEFORE == before
    code, output = places.run(found.data, "backup", str(folder / "b.amanat"))
    assert code == 0, output
    step(found, END)


def test_what_was_ended_since_the_backup_is_ended_again(here: Configuration) -> None:
    backup = here.data.parent / "b.amanat"
    code, output = places.run(here.data, "restore", str(backup), "--replace")
    assert code == 0, output
    for words in ("1 contacts purged", "1 tokens revoked", "1 seats ended", "1 passwords to be set anew"):
        assert words in output
    assert look(here) == AFTER
    assert not swapping.restored_mark(here).exists()

    code, output = places.run(here.data, "ledger", "verify")  # shorter than published, and rightly so
    assert code == 0, output
    assert "from a backup of" in output
    assert "were lost then" in output

    heads = here.secrets / "ledger-heads.jsonl"
    [mark] = [line for line in heads.read_text().splitlines() if "lost_to" in line]
    with heads.open("a") as file:  # one who cut off more, and says it was a restore
        file.write(json.dumps({**json.loads(mark), "number": 1}) + "\n")
    code, output = places.run(here.data, "ledger", "verify")
    assert (code, "without the key for it" in output) == (1, True)


@pytest.fixture
def left(place: Path) -> Configuration:
    """An installation with a backup, after which a workspace was closed and an account deleted."""
    return places.made_once("left", _leave, place)


def _leave(folder: Path) -> None:
    found = places.migrated(folder)
    step(found, OPEN)
    before = look(found, WHO_IS_THERE)
    assert (before["workspaces"], before["keys"], before["prakash"]) == (["Dukan", "Kendra"], 2, 1)
    code, output = places.run(found.data, "backup", str(folder / "b.amanat"))
    assert code == 0, output
    step(found, LEAVE)


GONE = {
    "workspaces": ["Kendra"],
    "contacts": ["Kendra Menon"],
    "seats": ["Rekha"],
    "keys": 1,
    "closed": 1,
    "emails": ["rekha@example.in"],
    "prakash": 0,
}


def test_a_closed_workspace_and_a_deleted_account_do_not_come_back(left: Configuration) -> None:
    assert look(left, WHO_IS_THERE) == GONE
    code, output = places.run(left.data, "restore", str(left.data.parent / "b.amanat"), "--replace")
    assert code == 0, output
    assert "1 closed workspaces deleted" in output
    assert "1 deleted accounts emptied" in output
    assert look(left, WHO_IS_THERE) == GONE
    code, output = places.run(left.data, "ledger", "verify")  # the ledger that went with its workspace is not missed
    assert code == 0, output


def test_without_the_tombstones_they_would_have_come_back(left: Configuration) -> None:
    """What the test above sees goes by the tombstones, not by the backup."""
    (left.secrets / "tombstones.jsonl").unlink()
    code, output = places.run(left.data, "ledger", "verify")  # and without one a vanished ledger is
    assert (code, "was cut off" in output) == (1, True)
    code, output = places.run(left.data, "restore", str(left.data.parent / "b.amanat"), "--replace")
    assert code == 0, output
    back = look(left, WHO_IS_THERE)
    assert (back["workspaces"], back["contacts"], back["prakash"]) == (
        ["Dukan", "Kendra"],
        ["Dukan Menon", "Kendra Menon"],
        1,
    )


def test_killed_between_the_swap_and_the_replay_the_site_does_not_open_before_it_is_done(here: Configuration) -> None:
    backup = here.data.parent / "b.amanat"
    body = (
        "import os\nfrom pathlib import Path\nfrom amanat.core import configuration\n"
        "from amanat.operations import migrate, restore\nmigrate.finish_restore = lambda here: os._exit(137)\n"
        f"restore.bring_back(configuration.current(), Path({str(backup)!r}), replace=True)\n"
    )
    process = places.spawn(here.data, code=body)
    output = process.communicate(timeout=5 * places.PATIENCE)[0]
    assert process.returncode == 137, output
    assert swapping.restored_mark(here).exists()
    for service in ("web", "worker", "live"):
        code, output = places.run(here.data, service)
        assert (code, "broken off near its end" in output) == (3, True)
    body = (
        "from amanat.core import configuration\nfrom amanat.operations import postgres, preparing\n"
        "with postgres.using(configuration.current()):\n    preparing.prepare()\n"
    )
    process = places.spawn(here.data, code=body)  # what every start does first
    output = process.communicate(timeout=5 * places.PATIENCE)[0]
    assert process.returncode == 0, output
    assert look(here) == AFTER


def test_without_the_key_of_the_tombstones_nothing_is_restored(here: Configuration) -> None:
    here.tombstone_key_file.unlink()
    code, output = places.run(here.data, "restore", str(here.data.parent / "b.amanat"), "--replace")
    assert (code, "nobody knows what was erased" in output) == (3, True)
    assert not here.tombstone_key_file.exists()


def test_where_nothing_is_remembered_the_restore_says_so(here: Configuration) -> None:
    (here.secrets / "tombstones.jsonl").unlink()
    code, output = places.run(here.data, "restore", str(here.data.parent / "b.amanat"), "--replace")
    assert code == 0, output
    assert "There is no tombstones.jsonl" in output
    assert look(here)["contacts"] == ["Asha Menon", "Ravi Patil"]
    assert look(here)["sessions"] == 0


def test_only_hashes_lie_outside_the_database(here: Configuration) -> None:
    text = (here.secrets / "tombstones.jsonl").read_text()
    assert [json.loads(line)["kind"] for line in text.splitlines()] == [
        "contact purged",
        "agrees no more",
        "written to no more",
        "agrees no more",
        "written to no more",
        "written to again",
        "objected",
        "token revoked",
        "seat ended",
        "password changed",
    ]
    with postgres.using(here), dumps.connect(here) as connection:
        ids = [
            row[0]
            for row in connection.execute(
                "SELECT id::text FROM accounts_user UNION SELECT id::text FROM accounts_member"
            )
        ]
    assert [one for one in ids if one in text or one.replace("-", "") in text] == []
