"""Asking at the counter: the code goes to the person, works once and for a while, and is her yes."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core import mail
from django.db import connections

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.basis import asking, consent, gate
from amanat.basis.models import Asking, ConsentRecord
from amanat.basis.rules import UnknownChannel, UnknownPurpose
from amanat.basis.tests.people import make_contact
from amanat.core import tenancy
from amanat.core.models import LedgerEntry, LocalMessage
from amanat.people.models import Contact

AT = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
PHONE = "+919822041736"
WANTED = [("marketing", "sms"), ("reminders", "whatsapp")]


@pytest.fixture
def rekha(db: None, shree: Workspace) -> Iterator[Member]:
    member = owner_of(shree)
    with tenancy.inside(shree):
        yield member


@pytest.fixture
def asha(rekha: Member, shree: Workspace) -> Contact:
    return make_contact(shree, "Asha Menon", phone=PHONE, email="asha@example.in")


def put(contact: Contact, by: Member, *, at: datetime = AT, language: str = "en", wanted: object = WANTED) -> Asking:
    return asking.ask(contact=contact, workspace=by.workspace, wanted=wanted, language=language, by=by, at=at)


def sent(number: int = 0) -> str:
    """The code in the newest message but `number`."""
    codes = LocalMessage.objects.exclude(body__contains="/receipts/").order_by("-id")
    found = re.search(r"\b\d{6}\b", codes[number].body)
    assert found
    return found[0]


def may(contact: Contact, purpose: str, channel: str, at: datetime) -> bool:
    return gate.decide(
        contact, workspace=contact.workspace_id, purpose=purpose, channel=channel, at=at, today=date(2026, 12, 1)
    ).is_allowed


def test_the_code_told_back_is_the_yes_for_all_that_was_asked(asha: Contact, rekha: Member) -> None:
    question = put(asha, rekha)
    records = asking.confirm(asking=question, code=sent(), by=rekha, at=AT + timedelta(minutes=2))
    assert [(record.purpose, record.channel, record.what, record.method) for record in records] == [
        ("marketing", "sms", "given", "counter"),
        ("reminders", "whatsapp", "given", "counter"),
    ]
    assert all(record.notice_id == question.notice_id and record.by == rekha for record in records)
    assert records[0].evidence == {"question": str(question.pk)}
    assert may(asha, "marketing", "sms", AT + timedelta(minutes=2))
    assert not may(asha, "marketing", "email", AT + timedelta(minutes=2))


def test_the_message_names_who_asks_and_what_in_the_persons_language(asha: Contact, rekha: Member) -> None:
    put(asha, rekha, wanted=[("marketing", "sms")], language="mr")
    message = LocalMessage.objects.get()
    assert (message.channel, message.to) == ("sms", PHONE)
    assert rekha.workspace.name in message.body
    assert "संमती" in message.body or "मान्य" in message.body


def test_without_a_phone_the_code_goes_by_mail(rekha: Member, shree: Workspace) -> None:
    om = make_contact(shree, "Om", email="om@example.in")
    question = put(om, rekha)
    (message,) = mail.outbox
    assert message.to == ["om@example.in"] and question.sent_to == "••e.in"
    (code,) = re.findall(r"\b\d{6}\b", str(message.body))
    assert asking.confirm(asking=question, code=code, by=rekha, at=AT)


def test_who_has_no_address_cannot_be_asked(rekha: Member, shree: Workspace) -> None:
    with pytest.raises(asking.NoAddress):
        put(make_contact(shree, "Om"), rekha)
    assert not Asking.objects.of(shree).exists() and not LocalMessage.objects.exists()


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ([], asking.NothingAsked),
        ([("selling", "sms")], UnknownPurpose),
        ([("marketing", "pigeon")], UnknownChannel),
        ([("marketing", "sms"), ("marketing", "")], UnknownChannel),
    ],
)
def test_what_the_policy_does_not_know_is_not_asked(
    asha: Contact, rekha: Member, wanted: list[tuple[str, str]], problem: type[Exception]
) -> None:
    with pytest.raises(problem):
        put(asha, rekha, wanted=wanted)
    assert not Asking.objects.of(rekha.workspace).exists() and not LocalMessage.objects.exists()


@pytest.mark.parametrize("typed", ["{code}", " {code} ", "{spaced}", "code {code}."])
def test_the_code_is_read_however_it_is_typed(asha: Contact, rekha: Member, typed: str) -> None:
    question = put(asha, rekha)
    code = sent()
    assert asking.confirm(
        asking=question, code=typed.format(code=code, spaced=f"{code[:3]} {code[3:]}"), by=rekha, at=AT
    )


def test_a_wrong_code_writes_nothing_and_five_end_it(asha: Contact, rekha: Member, shree: Workspace) -> None:
    question = put(asha, rekha)
    wrong = f"{(int(sent()) + 1) % 1_000_000:06}"
    for _try in range(5):
        with pytest.raises(asking.WrongCode):
            asking.confirm(asking=question, code=wrong, by=rekha, at=AT)
    with pytest.raises(asking.TooMany):
        asking.confirm(asking=question, code=sent(), by=rekha, at=AT)
    assert not ConsentRecord.objects.of(shree).exists()


def test_the_code_of_one_question_does_not_open_another(asha: Contact, rekha: Member) -> None:
    first = put(asha, rekha)
    put(asha, rekha)
    if sent(0) == sent(1):  # one in a million
        return
    with pytest.raises(asking.WrongCode):
        asking.confirm(asking=first, code=sent(0), by=rekha, at=AT)
    assert asking.confirm(asking=first, code=sent(1), by=rekha, at=AT)


def test_a_code_works_once(asha: Contact, rekha: Member, shree: Workspace) -> None:
    question = put(asha, rekha)
    asking.confirm(asking=question, code=sent(), by=rekha, at=AT)
    for again in (question, Asking.objects.of(shree).get()):
        with pytest.raises(asking.Over):
            asking.confirm(asking=again, code=sent(), by=rekha, at=AT)
    assert ConsentRecord.objects.of(shree).count() == 2


@pytest.mark.parametrize(("minutes", "is_over"), [(14, False), (15, True), (60, True)])
def test_a_code_works_for_fifteen_minutes(asha: Contact, rekha: Member, minutes: int, is_over: bool) -> None:
    question = put(asha, rekha)
    at = AT + timedelta(minutes=minutes)
    if is_over:
        with pytest.raises(asking.Over):
            asking.confirm(asking=question, code=sent(), by=rekha, at=at)
    else:
        assert asking.confirm(asking=question, code=sent(), by=rekha, at=at)


def test_a_no_is_written_down_without_a_code_and_ends_the_question(asha: Contact, rekha: Member) -> None:
    question = put(asha, rekha)
    records = asking.decline(asking=question, by=rekha, at=AT)
    assert [(record.purpose, record.what) for record in records] == [("marketing", "refused"), ("reminders", "refused")]
    with pytest.raises(asking.Over):
        asking.confirm(asking=Asking.objects.of(rekha.workspace).get(), code=sent(), by=rekha, at=AT)
    with pytest.raises(asking.Over):
        asking.decline(asking=question, by=rekha, at=AT)


def test_one_number_is_sent_five_codes_an_hour(asha: Contact, rekha: Member, shree: Workspace) -> None:
    twin = make_contact(shree, "A. Menon", phone=PHONE)
    for _again in range(5):
        put(asha, rekha)
    for person in (asha, twin):
        with pytest.raises(asking.TooMany):
            put(person, rekha)
    assert LocalMessage.objects.count() == 5


def test_neither_the_code_nor_the_number_is_kept(asha: Contact, rekha: Member, shree: Workspace) -> None:
    question = put(asha, rekha)
    kept = str(list(Asking.objects.of(shree).values())) + str([one.facts for one in LedgerEntry.objects.of(shree)])
    assert sent() not in kept and PHONE not in kept
    assert question.sent_to == "••1736"


def test_of_two_answers_at_once_one_counts(committed_db: None, shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        asha = make_contact(shree, "Asha", phone=PHONE)
        put(asha, rekha)
    code, together, outcomes = sent(), threading.Barrier(4), []

    def answer(yes: bool) -> None:
        try:
            with tenancy.inside(shree):
                mine = Asking.objects.of(shree).select_related("contact", "notice").get()
                together.wait(10)
                if yes:
                    asking.confirm(asking=mine, code=code, by=rekha, at=AT)
                else:
                    asking.decline(asking=mine, by=rekha, at=AT)
            outcomes.append("yes" if yes else "no")
        except asking.Over:
            outcomes.append("over")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=answer, args=(number % 2 == 0,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("over") == 3
    with tenancy.inside(shree):
        assert len(set(consent.standing(asha, at=AT))) == 2
        assert ConsentRecord.objects.of(shree).count() == 2
