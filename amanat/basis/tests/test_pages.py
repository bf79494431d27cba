"""The page of a contact's choices, as its users meet it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.basis import consent, gate, notices, objections, suppression
from amanat.basis.consent import How
from amanat.basis.models import Asking, ConsentRecord, Method, Suppression
from amanat.basis.tests.people import make_contact
from amanat.core import clock, ids, tenancy
from amanat.core.models import LedgerEntry, LocalMessage
from amanat.core.tests import texts
from amanat.people.models import Contact


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    """In Kolkata: late in the evening nobody may be written to."""
    with clock.standing_at(datetime(2026, 12, 1, 6, 30, tzinfo=UTC)):
        yield


@pytest.fixture
def asha(db: None, shree: Workspace) -> Contact:
    with tenancy.inside(shree):
        return make_contact(shree, "Asha Menon", phone="+919822041736", language="hi")


@pytest.fixture
def client(asha: Contact, shree: Workspace) -> Client:
    return signed_in(owner_of(shree))


def page(asha: Contact, rest: str = "") -> str:
    return f"/contacts/{asha.pk}/choices/{rest}"


def count(shree: Workspace) -> int:
    with tenancy.inside(shree):
        return ConsentRecord.objects.of(shree).count()


def ask(client: Client, asha: Contact, *wanted: str, language: str = "en") -> UUID:
    answer = client.post(page(asha, "ask/"), {"wanted": wanted or ("marketing.sms",), "language": language})
    assert answer.status_code == 303
    return UUID(answer["Location"].rstrip("/").rpartition("/")[2])


def code() -> str:
    found = re.search(r"\b\d{6}\b", LocalMessage.objects.order_by("-id")[0].body)
    assert found
    return found[0]


@pytest.mark.slow
def test_from_the_question_to_the_yes_and_back(client: Client, asha: Contact, shree: Workspace) -> None:
    question = ask(client, asha, "marketing.sms", "reminders.whatsapp")
    shown = client.get(page(asha, f"asked/{question}/")).content.decode()
    assert "asks for your agreement" in shown and "••1736" in shown
    done = client.post(page(asha, f"asked/{question}/"), {"code": code()}, follow=True)
    assert done.redirect_chain[-1][0] == page(asha)
    assert "Confirmed and written down." in done.content.decode()
    assert "The person agreed to this." in done.content.decode()
    taken = client.post(page(asha, "withdraw/"), {"wanted": "marketing.sms", "method": "phone"}, follow=True)
    assert "Taken back." in taken.content.decode()
    with tenancy.inside(shree):
        told = ConsentRecord.objects.of(shree).order_by("at", "id").values_list("purpose", "what", "method")
        assert list(told) == [
            ("marketing", "given", "counter"), ("reminders", "given", "counter"), ("marketing", "withdrawn", "phone"),
        ]  # fmt: skip


def test_the_notice_is_read_in_the_persons_language(client: Client, asha: Contact) -> None:
    form = client.get(page(asha)).content.decode()
    assert re.search(r'<option value="hi" selected', form)
    question = ask(client, asha, language="hi")
    assert 'lang="hi"' in client.get(page(asha, f"asked/{question}/")).content.decode()


def test_a_wrong_code_says_so_and_the_right_one_still_works(client: Client, asha: Contact, shree: Workspace) -> None:
    question = ask(client, asha)
    wrong = client.post(page(asha, f"asked/{question}/"), {"code": "not it"}, follow=True)
    assert "This is not the code." in wrong.content.decode() and count(shree) == 0
    client.post(page(asha, f"asked/{question}/"), {"code": code()})
    assert count(shree) == 1


def test_wrong_codes_are_counted_over_requests(client: Client, asha: Contact, shree: Workspace) -> None:
    question = ask(client, asha)
    for _try in range(5):
        client.post(page(asha, f"asked/{question}/"), {"code": "0"})
    over = client.post(page(asha, f"asked/{question}/"), {"code": code()}, follow=True)
    assert "Too many wrong codes." in over.content.decode() and count(shree) == 0


def test_no_code_is_an_error_at_the_field(client: Client, asha: Contact) -> None:
    question = ask(client, asha)
    answer = client.post(page(asha, f"asked/{question}/"), {"code": ""})
    assert answer.status_code == 422 and "field-error" in answer.content.decode()


@pytest.mark.slow
def test_the_no_is_written_down_and_the_question_is_over(client: Client, asha: Contact, shree: Workspace) -> None:
    question = ask(client, asha)
    said = client.post(page(asha, f"asked/{question}/no/"), follow=True)
    assert "the person said no" in said.content.decode() and count(shree) == 1
    again = client.post(page(asha, f"asked/{question}/no/"), follow=True)
    assert "This question is over." in again.content.decode() and count(shree) == 1
    assert "This question is over." in client.get(page(asha, f"asked/{question}/")).content.decode()


@pytest.mark.parametrize(
    "sent",
    [
        {"language": "en"},
        {"wanted": ["marketing.pigeon"], "language": "en"},
        {"wanted": ["service."], "language": "en"},
        {"wanted": ["marketing.sms"], "language": "xx"},
        {"wanted": ["marketing.sms"]},
    ],
)
def test_a_question_that_is_not_well_formed_asks_nobody(
    client: Client, asha: Contact, shree: Workspace, sent: dict[str, object]
) -> None:
    answer = client.post(page(asha, "ask/"), sent)
    assert answer.status_code == 422 and "field-error" in answer.content.decode()
    with tenancy.inside(shree):
        assert not Asking.objects.of(shree).exists()
    assert not LocalMessage.objects.exists()


def test_whoever_has_no_address_is_not_asked_and_the_page_says_why(client: Client, shree: Workspace) -> None:
    with tenancy.inside(shree):
        om = make_contact(shree, "Om")
    answer = client.post(page(om, "ask/"), {"wanted": ["marketing.sms"], "language": "en"})
    assert answer.status_code == 422 and "neither a phone number nor an e-mail" in answer.content.decode()


def test_a_code_that_cannot_be_sent_is_said_and_asks_nothing(
    client: Client, asha: Contact, shree: Workspace, settings: Any
) -> None:
    settings.TEXT_SENDER = texts.DOWN
    answer = client.post(page(asha, "ask/"), {"wanted": ["marketing.sms"], "language": "en"})
    assert answer.status_code == 422 and "The code could not be sent." in answer.content.decode()
    with tenancy.inside(shree):
        assert not Asking.objects.of(shree).exists()


def test_a_receipt_that_cannot_be_sent_leaves_the_code_good(
    client: Client, asha: Contact, shree: Workspace, settings: Any
) -> None:
    question, typed = ask(client, asha), code()
    keeps, settings.TEXT_SENDER = settings.TEXT_SENDER, texts.DOWN
    answer = client.post(page(asha, f"asked/{question}/"), {"code": typed})
    assert answer.status_code == 502 and "Nothing was changed." in answer.content.decode()
    assert count(shree) == 0
    settings.TEXT_SENDER = keeps
    assert client.post(page(asha, f"asked/{question}/"), {"code": typed}).status_code == 303
    assert count(shree) == 1


def test_a_receipt_that_no_provider_takes_stops_no_yes(
    client: Client, asha: Contact, shree: Workspace, settings: Any
) -> None:
    question, typed = ask(client, asha), code()
    settings.TEXT_SENDER = texts.REFUSING
    assert client.post(page(asha, f"asked/{question}/"), {"code": typed}).status_code == 303
    assert count(shree) == 1
    with tenancy.inside(shree):
        assert not LedgerEntry.objects.of(shree).filter(event="basis.receipt.sent").exists()


def test_a_sixth_code_within_the_hour_is_refused_in_words(client: Client, asha: Contact) -> None:
    for _again in range(5):
        ask(client, asha)
    answer = client.post(page(asha, "ask/"), {"wanted": ["marketing.sms"], "language": "en"})
    assert answer.status_code == 422 and "Too many codes" in answer.content.decode()


@pytest.mark.parametrize(
    "sent", [{}, {"wanted": "selling.", "method": "phone"}, {"wanted": "marketing.sms", "method": "x"}]
)
def test_taking_back_what_does_not_exist_changes_nothing(
    client: Client, asha: Contact, shree: Workspace, sent: dict[str, str]
) -> None:
    assert client.post(page(asha, "withdraw/"), sent).status_code == 422
    assert count(shree) == 0


def test_an_auditor_reads_and_may_not_ask_or_take_back(asha: Contact, shree: Workspace) -> None:
    auditor = signed_in(make_member(shree, Role.AUDITOR))
    shown = auditor.get(page(asha))
    assert shown.status_code == 200 and "Send the code" not in shown.content.decode()
    assert auditor.post(page(asha, "ask/"), {"wanted": ["marketing.sms"], "language": "en"}).status_code == 403
    assert auditor.post(page(asha, "withdraw/"), {"wanted": "marketing.sms", "method": "phone"}).status_code == 403


def test_people_one_may_not_see_have_no_page(asha: Contact, shree: Workspace, client: Client) -> None:
    limited = signed_in(make_member(shree, Role.AGENT, sees="team"))
    question = ask(client, asha)
    for rest in ("", f"asked/{question}/"):
        assert limited.get(page(asha, rest)).status_code == 404
    assert limited.post(page(asha, "withdraw/"), {"wanted": "marketing.sms", "method": "phone"}).status_code == 404
    assert client.get(f"/contacts/{ids.new()}/choices/").status_code == 404


def test_a_question_belongs_to_its_person(client: Client, asha: Contact, shree: Workspace) -> None:
    with tenancy.inside(shree):
        om = make_contact(shree, "Om", phone="+919822041799")
    question = ask(client, asha)
    assert client.get(page(om, f"asked/{question}/")).status_code == 404
    assert client.post(page(om, f"asked/{question}/"), {"code": code()}).status_code == 404
    assert count(shree) == 0


def test_the_contacts_page_shows_what_was_agreed(client: Client, asha: Contact, shree: Workspace) -> None:
    before = client.get(f"/contacts/{asha.pk}/").content.decode()
    assert "Not asked yet what may be sent." in before
    agree(shree, asha, "sms")
    after = client.get(f"/contacts/{asha.pk}/").content.decode()
    assert "Not asked yet" not in after and "(SMS)" in after and "Agreed" in after


def test_the_contacts_page_says_which_address_must_not_be_written_to(
    client: Client, asha: Contact, shree: Workspace
) -> None:
    shown = "Phone · Cannot be reached"
    assert shown not in client.get(f"/contacts/{asha.pk}/").content.decode()
    with tenancy.inside(shree):
        suppression.add(
            [asha.main_phone], workspace=shree, reason=Suppression.Reason.UNREACHABLE, at=clock.now(), channel="sms"
        )
    found = client.get(f"/contacts/{asha.pk}/").content.decode()
    assert shown in found and "Not asked yet" not in found
    with tenancy.inside(shree):
        suppression.lift([asha.main_phone], workspace=shree, at=clock.now(), purpose="marketing", channel="sms")
    assert shown not in client.get(f"/contacts/{asha.pk}/").content.decode()


@pytest.mark.slow
def test_the_page_asks_the_database_the_same_for_one_record_and_for_three(
    client: Client, asha: Contact, shree: Workspace
) -> None:
    agree(shree, asha, "sms")
    counts = []
    for more in ((), ("whatsapp", "email")):
        for channel in more:
            agree(shree, asha, channel)
        client.get(page(asha))
        with CaptureQueriesContext(connection) as queries:
            assert client.get(page(asha)).status_code == 200
        counts.append(len([one for one in queries if "SAVEPOINT" not in one["sql"]]))
    assert counts[0] == counts[1] <= 12


def agree(shree: Workspace, asha: Contact, channel: str) -> None:
    with tenancy.inside(shree):
        notice = notices.show(workspace=shree, purposes=["marketing"], language="en", at=clock.now())
        consent.give(
            contact=asha, purpose="marketing", channels=[channel], notice=notice, how=How(Method.LINK), at=clock.now()
        )


@pytest.mark.slow
@pytest.mark.parametrize(("wants", "reason"), [("yes", gate.Reason.CONSENT), ("no", gate.Reason.SUPPRESSED)])
def test_who_was_asked_whether_she_wants_messages_gets_what_she_said(
    client: Client, asha: Contact, shree: Workspace, wants: str, reason: gate.Reason
) -> None:
    with tenancy.inside(shree):
        paused(asha)
        assert may_remind(asha) is gate.Reason.OBJECTION
    assert "wants none" in client.get(page(asha)).content.decode()
    told = client.post(page(asha, "asked-again/"), {"wants": wants}, follow=True).content.decode()
    assert ("Written down." if wants == "yes" else "Written down: the person wants none of this.") in told
    assert "Asked: wants none" not in told
    with tenancy.inside(shree):
        assert may_remind(asha) is reason
        acts = ConsentRecord.objects.of(shree).order_by("id").values_list("channel", "what")
        assert list(acts) == [("sms", "given"), *([("sms", "withdrawn")] if wants == "no" else [])]
        assert objections.standing(asha, at=clock.now()) == ({"reminders"} if wants == "no" else set())
    again = client.post(page(asha, "asked-again/"), {"wants": "yes"}, follow=True).content.decode()
    assert "It was answered meanwhile." in again


def test_a_yes_with_a_code_ends_a_pause_for_what_was_agreed_and_no_objection(
    client: Client, asha: Contact, shree: Workspace
) -> None:
    with tenancy.inside(shree):
        paused(asha)
        objections.make(contact=asha, how=How(Method.LINK), at=clock.now(), purpose="marketing")
    question = ask(client, asha, "reminders.sms", "marketing.sms")
    client.post(page(asha, f"asked/{question}/"), {"code": code()})
    with tenancy.inside(shree):
        assert may_remind(asha) is gate.Reason.CONSENT
        assert objections.standing(asha, at=clock.now()) == frozenset({"marketing"})


def paused(asha: Contact) -> None:
    """She agreed to reminders, and wrote something that sounds like a stop."""
    how, now = How(Method.FILE), clock.now()
    consent.give(contact=asha, purpose="reminders", channels=["sms"], notice=None, how=how, at=now)
    objections.make(contact=asha, how=How(Method.MESSAGE), at=now, purpose="reminders")


def may_remind(asha: Contact) -> gate.Reason:
    now = clock.now()
    return gate.decide(
        asha, workspace=asha.workspace_id, purpose="reminders", channel="sms", at=now, today=clock.today("Asia/Kolkata")
    ).reason
