"""From a mailbox into the inbox, and from a bounce to a gate that refuses: over real servers on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from amanat.accounts.models import Workspace
from amanat.basis import gate, suppression
from amanat.basis.models import Suppression
from amanat.core import clock, ids, jobs, tenancy
from amanat.messaging.channels import accounts, doubles, imap, mail_arriving, mail_tasks
from amanat.messaging.channels.contract import Arrived, Outcome, Outgoing
from amanat.messaging.channels.imap import Fetched, Place
from amanat.messaging.channels.mail import Smtp
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.channels.tests.test_imap import bounced, complained, letter
from amanat.messaging.inbox import bodies
from amanat.messaging.inbox.models import Message
from amanat.messaging.outbox import ordering, reports
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.outbox.tests.post import agree, write
from amanat.messaging.sandbox.mail import MailSandbox, serve
from amanat.people.models import Contact
from amanat.people.tests.factories import make_contact

HERE, ASHA = "shop@shree.example", "asha@mail.example"


@pytest.fixture(scope="module")
def running() -> Iterator[MailSandbox]:
    with serve(MailSandbox({HERE: "secret"})) as sandbox:
        places = [f"127.0.0.1:{sandbox.smtp_port}", f"127.0.0.1:{sandbox.imap_port}"]
        for place in places:
            doubles.allow(place)
        yield sandbox
        for place in places:
            doubles.forbid(place)


@pytest.fixture
def box(running: MailSandbox) -> MailSandbox:
    running.accepted.clear()
    running.mailboxes[HERE].letters.clear()
    running.deliver(HERE, letter("Lay here before", number=0))
    return running


@pytest.fixture
def account(db: None, shree: Workspace, box: MailSandbox) -> ChannelAccount:
    settings = {
        "smtp_host": "127.0.0.1", "smtp_port": box.smtp_port, "smtp_tls": "none", "smtp_user": HERE,
        "imap_host": "127.0.0.1", "imap_port": box.imap_port, "imap_tls": "none", "imap_user": HERE,
    }  # fmt: skip
    with tenancy.inside(shree):
        made = accounts.connect(
            workspace=shree, by=None, at=clock.now(), provider="smtp", name="Mail", address=HERE,
            settings=settings, secrets={"smtp_password": "secret"}, is_sandbox=True,
        )  # fmt: skip
    assert mail_arriving.fetch(shree.pk, made.pk, at=clock.now()) == 0  # learns where the mailbox ends
    return made


def fetch(account: ChannelAccount) -> int:
    return mail_arriving.fetch(account.workspace_id, account.pk, at=clock.now())


def messages(workspace: Workspace) -> list[tuple[str, UUID]]:
    with tenancy.inside(workspace):
        rows = Message.objects.of(workspace).order_by("created_at", "id")
        return [(bodies.open(row), row.contact_id) for row in rows]


def sent(account: ChannelAccount, contact: Contact, box: MailSandbox, **changes: Any) -> Dispatch:
    """A mail of ours that left, and the row that says so."""
    with tenancy.inside(account.workspace_id):
        row = ordering.order(
            message=write(contact, account), account=account, address=contact.main_email, purpose="reminders",
            source="reminder", due_at=clock.now(),
        )  # fmt: skip
        access = accounts.access(account)
    with Smtp().line(access) as line:
        answer = line.send(Outgoing(row.pk, row.address, "Your insurance ends.", subject="Ends"))
    assert answer.outcome is Outcome.ACCEPTED
    with tenancy.inside(account.workspace_id):
        Dispatch.objects.of(account.workspace_id).filter(pk=row.pk).update(state="done", provider_id=answer.provider_id)
        return Dispatch.objects.of(account.workspace_id).get(pk=row.pk)


@pytest.fixture
def asha(shree: Workspace, db: None) -> Contact:
    contact = make_contact(shree, "Asha Menon", emails=[(ASHA, "")])
    with tenancy.inside(shree):
        agree(contact, "reminders", "email")
    return contact


def test_each_mail_is_taken_in_once(shree: Workspace, account: ChannelAccount, box: MailSandbox, asha: Contact) -> None:
    box.deliver(HERE, letter("Is it ready?", number=1))
    box.deliver(HERE, letter("And the other?", number=2))
    assert (fetch(account), fetch(account)) == (2, 0)
    assert messages(shree) == [("Is it ready?", asha.pk), ("And the other?", asha.pk)]
    with tenancy.inside(shree):
        ChannelAccount.objects.of(shree).update(settings={**account.settings, mail_arriving.PLACE: [1, 1]})
    fetch(account)  # the place was lost: the mails are known all the same
    assert len(messages(shree)) == 2


def test_somebody_unknown_becomes_a_contact(shree: Workspace, account: ChannelAccount, box: MailSandbox) -> None:
    box.deliver(HERE, letter("Hello", sender="Ravi <ravi@mail.example>"))
    fetch(account)
    with tenancy.inside(shree):
        contact = Contact.objects.of(shree).get(emails__address="ravi@mail.example")
        assert (contact.name, contact.source) == ("Ravi", "email")


def test_a_forged_answer_lands_with_its_sender_and_answers_nothing(
    shree: Workspace, other: Workspace, account: ChannelAccount, box: MailSandbox, asha: Contact
) -> None:
    """T25: Ravi names the mail that Asha got; he joins neither her thread nor anybody else's."""
    row = sent(account, asha, box)
    box.deliver(HERE, letter("Tell me more", sender="Ravi <ravi@mail.example>", In_Reply_To=row.provider_id))
    box.deliver(HERE, letter("Thank you", number=2, In_Reply_To=row.provider_id))
    fetch(account)
    with tenancy.inside(shree):
        forged, real = Message.objects.of(shree).filter(direction="in").order_by("created_at", "id")
        assert forged.contact_id != asha.pk and forged.answers_id is None
        assert (real.contact_id, real.answers_id) == (asha.pk, row.message_id)
    with tenancy.inside(other):
        assert not Message.objects.of(other).exists()


def asked(shree: Workspace, contact: Contact) -> gate.Answer:
    return gate.decide(
        contact, workspace=shree, purpose="reminders", channel="email", at=clock.now(), today=date(2026, 11, 22)
    )


def test_a_mail_that_came_back_shuts_the_gate(
    shree: Workspace, account: ChannelAccount, box: MailSandbox, asha: Contact
) -> None:
    row = sent(account, asha, box)
    with tenancy.inside(shree):
        assert asked(shree, asha).is_allowed
    box.deliver(HERE, bounced(row.provider_id, action="delayed", status="4.4.7"))
    fetch(account)
    with tenancy.inside(shree):
        late = Dispatch.objects.of(shree).get()
        assert (late.state, late.delivery, late.error_code) == ("done", "sent", "4.4.7")  # the owner sees that it waits
        assert not Suppression.objects.of(shree).exists()
    box.deliver(HERE, bounced(row.provider_id, status="5.2.2"))
    fetch(account)
    with tenancy.inside(shree):
        assert asked(shree, asha).is_allowed  # a full mailbox may be emptied
    box.deliver(HERE, bounced(row.provider_id))
    fetch(account)
    with tenancy.inside(shree):
        answer = asked(shree, asha)
        assert (answer.is_allowed, answer.reason) == (False, gate.Reason.SUPPRESSED)
        assert Suppression.objects.of(shree).get().reason == Suppression.Reason.UNREACHABLE
        assert Dispatch.objects.of(shree).get().delivery == "failed"


def test_a_complaint_shuts_the_gate(shree: Workspace, account: ChannelAccount, box: MailSandbox, asha: Contact) -> None:
    row = sent(account, asha, box)
    box.deliver(HERE, complained().replace(_ours_in(complained()), row.provider_id.encode()))
    fetch(account)
    with tenancy.inside(shree):
        assert asked(shree, asha).reason == gate.Reason.SUPPRESSED
        assert Suppression.objects.of(shree).get().reason == Suppression.Reason.COMPLAINT


def _ours_in(content: bytes) -> bytes:
    return content.partition(b"Message-ID: <")[2].partition(b"Message-ID: ")[2].partition(b"\r\n")[0]


@pytest.mark.parametrize("change", ["mark", "account", "reference"])
def test_a_forged_bounce_suppresses_nobody(
    shree: Workspace, account: ChannelAccount, box: MailSandbox, asha: Contact, change: str
) -> None:
    row = sent(account, asha, box)
    forged = row.provider_id
    if change == "mark":
        forged = forged.replace(forged[34:54], "0" * 20)
    elif change == "reference":
        forged = forged.replace(forged[1:33], ids.new().hex)
    else:
        with tenancy.inside(shree):
            second = accounts.connect(
                workspace=shree, by=None, at=clock.now(), provider="smtp", name="Second", address="two@shree.example",
                settings={}, secrets={},
            )  # fmt: skip
            Dispatch.objects.of(shree).update(account=second)
    box.deliver(HERE, bounced(forged))
    fetch(account)
    with tenancy.inside(shree):
        assert not Suppression.objects.of(shree).exists()
        assert suppression.among([ASHA], workspace=shree, at=clock.now()) == {}


def test_a_wrong_password_is_told_to_the_owner(shree: Workspace, account: ChannelAccount, box: MailSandbox) -> None:
    box.users[HERE] = "changed"
    assert fetch(account) == 0
    box.users[HERE] = "secret"
    with tenancy.inside(shree):
        found = ChannelAccount.objects.of(shree).get()
        assert (found.state, found.trouble[:38]) == ("broken", "The mail server did not accept user na")


def test_a_mail_that_breaks_the_inbox_does_not_stop_the_others(
    shree: Workspace, account: ChannelAccount, box: MailSandbox, asha: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.deliver(HERE, letter("Poison", number=1))
    box.deliver(HERE, letter("Good", number=2))
    take = reports.take

    def breaking(workspace_id: Any, of: Any, news: Any, **rest: Any) -> int:
        if any(isinstance(one, Arrived) and one.text == "Poison" for one in news):
            raise RuntimeError("cannot")
        return take(workspace_id, of, news, **rest)

    monkeypatch.setattr(reports, "take", breaking)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            fetch(account)
    fetch(account)
    assert [text for text, _contact in messages(shree)] == ["Good"]


def test_what_stood_in_a_mail_and_how_far_we_are_are_kept_together(
    shree: Workspace, account: ChannelAccount, box: MailSandbox, asha: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_arriving, "_keep_place", lambda *given: 1 / 0)
    one = Fetched(Place(1, 9), Arrived("<9@x>", ASHA, clock.now(), "Half"))
    with tenancy.inside(shree):
        access = accounts.access(account)
    with pytest.raises(ZeroDivisionError):
        mail_arriving._take(shree.pk, account.pk, access, one)
    assert messages(shree) == []


def test_mailboxes_are_looked_into_by_a_job(shree: Workspace, account: ChannelAccount, box: MailSandbox) -> None:
    with tenancy.inside(shree):
        assert mail_arriving.waiting(shree) == [account.pk]
        ChannelAccount.objects.of(shree).update(settings={"smtp_host": "x.example"})
        assert mail_arriving.waiting(shree) == []
    assert mail_tasks.FETCH in jobs.registered()
    assert imap.MOST_A_RUN == 50
