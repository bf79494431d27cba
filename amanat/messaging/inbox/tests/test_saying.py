"""What the workspace says: only as the channel allows, to where the person last wrote from, and through the outbox."""

from __future__ import annotations

from datetime import timedelta

import pytest

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import make_member
from amanat.accounts.tests.parallel import at_once
from amanat.core import clock, tenancy
from amanat.messaging.channels.models import ChannelAccount, MessageTemplate, TemplateText
from amanat.messaging.inbox import bodies, listing, saying, threads
from amanat.messaging.inbox.models import Message, MessageFile, ReplyDraft, Thread
from amanat.messaging.inbox.saying import AnsweredMeanwhile, Errand, SayRefused, Words
from amanat.messaging.inbox.tests.factories import SUNITA, came, make_account
from amanat.messaging.outbox.models import Dispatch
from amanat.people.models import Contact, Interaction, Phone
from amanat.people.tests.factories import make_contact


@pytest.fixture
def sunita(shree: Workspace) -> Contact:
    return make_contact(shree, "Sunita Deshmukh", phone=SUNITA, language="mr")


def make_text(
    workspace: Workspace, body: str = "नमस्कार {{1}} जी", *, channel: str = "whatsapp", **fields: object
) -> TemplateText:
    with tenancy.inside(workspace):
        template = MessageTemplate.objects.create(
            workspace_id=workspace.pk,
            name="renewal_due",
            title="Renewal due",
            channel=channel,
            purpose="reminders",
            category="utility",
        )
        fields.setdefault("state", TemplateText.State.APPROVED)
        return TemplateText.objects.create(
            workspace_id=workspace.pk, template=template, language="mr", body=body, variables=["first_name"], **fields
        )


def say(
    contact: Contact, text: str = "11:30?", *, by: Member | None, channel: str = "whatsapp", **said: object
) -> Message:
    with tenancy.inside(contact.workspace_id):
        words = said.pop("words", None) or Words(text=text)
        return saying.say(contact=contact, channel=channel, words=words, by=by, at=clock.now(), **said)  # type: ignore[arg-type]


def test_a_reply_is_sealed_ordered_and_ends_the_waiting(
    shree: Workspace, rekha: Member, account: ChannelAccount, sunita: Contact
) -> None:
    came(shree, account)
    message = say(sunita, "Monday 11:30?", by=rekha)
    with tenancy.inside(shree):
        dispatch = Dispatch.objects.of(shree).get()
        assert (dispatch.message_id, dispatch.address, dispatch.account_id) == (message.pk, SUNITA, account.pk)
        assert (dispatch.purpose, dispatch.source, dispatch.urgency) == ("service", "reply", 0)
        assert bodies.open(message) == "Monday 11:30?"
        thread = Thread.objects.of(shree).get()
        assert (thread.unread, thread.waiting_since, thread.assigned_to_id) == (0, None, rekha.pk)
        assert thread.last_message_id == message.pk


@pytest.mark.slow  # two connections, and everything is committed
def test_of_two_who_press_at_once_the_second_is_asked(
    committed_db: None, shree: Workspace, rekha: Member, account: ChannelAccount, sunita: Contact
) -> None:
    first = came(shree, account)

    def press(by: Member) -> str:
        try:
            say(sunita, "Monday 11:30", by=by, seen=first.pk)
        except AnsweredMeanwhile as other:
            return str(other)
        return ""

    both = [rekha, make_member(shree, name="Prakash Jadhav")]
    assert sorted(at_once(press, both)) in [["", one.name] for one in both]
    with tenancy.inside(shree):
        assert Dispatch.objects.of(shree).count() == 1


def test_outside_the_window_only_templates_go(
    shree: Workspace, rekha: Member, account: ChannelAccount, sunita: Contact
) -> None:
    came(shree, account, at=clock.now() - timedelta(hours=25))
    with pytest.raises(SayRefused, match="24 hours"):
        say(sunita, by=rekha)
    message = say(sunita, by=rekha, words=Words(template=make_text(shree), values=["Sunita"]))
    with tenancy.inside(shree):
        assert bodies.open(message) == "नमस्कार Sunita जी"
        assert (message.kind, message.language) == (Message.Kind.TEMPLATE, "mr")
        assert Dispatch.objects.of(shree).count() == 1


@pytest.mark.parametrize(
    ("fields", "values", "match"),
    [
        ({"state": TemplateText.State.SUBMITTED}, ["Sunita"], "approved"),
        ({}, [], "not known"),
        ({}, [" "], "not known"),
        ({"channel": "sms"}, ["Sunita"], "another channel"),
    ],
)
def test_a_template_that_cannot_go_says_why(  # noqa: PLR0917
    shree: Workspace, rekha: Member, account: ChannelAccount, sunita: Contact, fields: dict[str, object], values: list[str], match: str
) -> None:  # fmt: skip
    text = make_text(shree, **fields)  # type: ignore[arg-type]
    with pytest.raises(SayRefused, match=match):
        say(sunita, by=rekha, words=Words(template=text, values=values))
    with tenancy.inside(shree):
        assert not Message.objects.of(shree).exists()


def test_what_a_channel_does_not_take_is_refused_in_words(shree: Workspace, rekha: Member, sunita: Contact) -> None:
    with pytest.raises(SayRefused, match="not connected"):
        say(sunita, by=rekha, channel="sms")
    sms = make_account(shree, "sms")
    for words, match in (
        (Words(text="x" * 2000), "characters"),
        (Words(text=" "), "Write something"),
        (Words(files=[("a.txt", b"a")]), "cannot go by SMS"),
    ):
        with pytest.raises(SayRefused, match=match):
            say(sunita, by=rekha, channel="sms", words=words)
    with tenancy.inside(shree):
        ChannelAccount.objects.of(shree).filter(pk=sms.pk).update(state="broken", trouble="The token is over.")
    with pytest.raises(SayRefused, match="token is over"):
        say(sunita, by=rekha, channel="sms")
    make_account(shree, "email")
    with pytest.raises(SayRefused, match="e-mail address"):
        say(sunita, by=rekha, channel="email")


def test_it_goes_to_the_number_last_written_from_while_it_is_hers(
    shree: Workspace, rekha: Member, account: ChannelAccount
) -> None:
    second = "+919822041737"
    sunita = make_contact(shree, phones=[(SUNITA, ""), (second, "")])
    came(shree, account, sender=second)
    say(sunita, by=rekha)
    with tenancy.inside(shree):
        assert Dispatch.objects.of(shree).get().address == second
        Phone.objects.of(shree).filter(number=second).delete()
        Dispatch.objects.of(shree).all().delete()
    say(sunita, by=rekha)
    with tenancy.inside(shree):
        assert Dispatch.objects.of(shree).get().address == SUNITA


def test_what_the_program_sends_is_no_contact_and_takes_no_conversation(
    shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    came(shree, account)
    with tenancy.inside(shree):
        before = Contact.objects.of(shree).get().last_contact_at
    errand = Errand(purpose="reminders", source="reminder", due_at=clock.now() + timedelta(hours=1), urgency=5)
    say(sunita, by=None, errand=errand)
    with tenancy.inside(shree):
        thread = Thread.objects.of(shree).get()
        assert (thread.unread, thread.assigned_to_id, thread.waiting_since is not None) == (1, None, True)
        assert Contact.objects.of(shree).get().last_contact_at == before
        assert Interaction.objects.of(shree).filter(kind="sent").count() == 1
        assert Dispatch.objects.of(shree).get().due_at == errand.due_at


def test_a_conversation_that_the_program_begins_is_closed_until_somebody_writes(
    shree: Workspace, rekha: Member, account: ChannelAccount, sunita: Contact
) -> None:
    """Else a message to many would fill "Unassigned" with people who asked nothing."""
    many = {"words": Words(template=make_text(shree), values=("Sunita",)), "errand": Errand(source="batch", urgency=9)}

    def seen(view: str) -> int:
        with tenancy.inside(shree):
            return listing.of_view(view, member=rekha, at=clock.now()).count()

    say(sunita, by=None, **many)
    assert (seen("unassigned"), seen("closed")) == (0, 1)
    came(shree, account)
    assert (seen("unassigned"), seen("closed")) == (1, 0), "she wrote"
    say(sunita, by=None, **many)
    assert seen("unassigned") == 1, "what she wrote still waits"
    with tenancy.inside(shree):
        threads.close(thread=Thread.objects.of(shree).get(), by=rekha, at=clock.now())
    say(sunita, by=None, **many)
    assert seen("closed") == 1
    say(sunita, by=rekha)
    assert (seen("mine"), seen("closed")) == (1, 0), "who writes takes it up again"


def test_files_go_along_and_a_bad_one_stops_the_message(
    shree: Workspace, rekha: Member, account: ChannelAccount, sunita: Contact
) -> None:
    came(shree, account)
    say(sunita, by=rekha, words=Words(files=[("list.txt", b"ration card")]))
    with tenancy.inside(shree):
        assert MessageFile.objects.of(shree).get().file is not None
    with pytest.raises(Exception, match="Programs"):
        say(sunita, by=rekha, words=Words(files=[("a.exe", b"MZ" + b"\0" * 60)]))
    with tenancy.inside(shree):
        assert Message.objects.of(shree).filter(direction="out").count() == 1


def test_sending_forgets_the_draft(shree: Workspace, rekha: Member, account: ChannelAccount, sunita: Contact) -> None:
    thread_id = came(shree, account).thread_id
    with tenancy.inside(shree):
        thread = Thread.objects.of(shree).get(pk=thread_id)
        threads.keep_draft(thread=thread, by=rekha, text="11:3", at=clock.now())
    say(sunita, by=rekha)
    with tenancy.inside(shree):
        assert not ReplyDraft.objects.of(shree).exists()


def test_a_link_that_was_opened_is_noted_and_not_sent(shree: Workspace, rekha: Member, sunita: Contact) -> None:
    with tenancy.inside(shree):
        message = saying.intend(contact=sunita, channel="whatsapp", text="Hello", by=rekha, at=clock.now())
        assert message.kind == Message.Kind.INTENDED
        assert not Dispatch.objects.of(shree).exists()
        assert Interaction.objects.of(shree).filter(kind="message").count() == 1


def test_a_template_brings_its_own_purpose_whoever_picks_it(
    shree: Workspace, rekha: Member, account: ChannelAccount, sunita: Contact
) -> None:
    """If this fails, an offer picked as a reply goes past a withdrawn consent."""
    text = make_text(shree)
    with tenancy.inside(shree):
        MessageTemplate.objects.of(shree).update(purpose="marketing")
        text = TemplateText.objects.of(shree).select_related("template").get()
    came(shree, account)
    message = say(sunita, by=rekha, words=Words(template=text, values=["Sunita"]))
    with tenancy.inside(shree):
        row = Dispatch.objects.of(shree).get(message=message.pk)
        assert (row.purpose, row.source) == ("marketing", "reply")
    with pytest.raises(SayRefused, match="another purpose"):
        say(sunita, by=rekha, words=Words(template=text, values=["Sunita"]), errand=Errand(purpose="service"))
    free = say(sunita, "11:30", by=rekha)
    with tenancy.inside(shree):
        assert Dispatch.objects.of(shree).get(message=free.pk).purpose == "service"


def test_with_two_numbers_an_answer_leaves_from_the_one_written_to_and_a_template_from_its_own(
    shree: Workspace, rekha: Member, account: ChannelAccount, sunita: Contact
) -> None:
    with tenancy.inside(shree):
        second = ChannelAccount.objects.create(
            workspace_id=shree.pk, channel="whatsapp", provider="nobody", name="Shop", address="+912532500099"
        )
    text = make_text(shree)
    say(sunita, words=Words(template=text, values=["सुनीता"]), by=rekha)
    came(shree, second)
    say(sunita, by=rekha)
    say(sunita, words=Words(template=text, values=["सुनीता"]), by=rekha)
    with tenancy.inside(shree):
        text.template.account = account
        text.template.save()
    say(sunita, words=Words(template=text, values=["सुनीता"]), by=rekha)
    with tenancy.inside(shree):
        left = list(Dispatch.objects.of(shree).order_by("id").values_list("account_id", flat=True))
    assert left == [account.pk, second.pk, second.pk, account.pk]
