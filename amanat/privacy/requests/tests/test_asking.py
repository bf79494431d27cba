"""Requests taken down, identified, given more time, refused, taken back; two at once; what stays after an erasure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import ProgrammingError, connection, transaction

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import make_member
from amanat.core import files, outbox, tally
from amanat.core.models import LedgerEntry, LocalMessage, StoredFile
from amanat.core.tests import texts
from amanat.people import bin as deleted
from amanat.people.models import Contact
from amanat.privacy.requests import asking, details, telling
from amanat.privacy.requests.asking import AlreadyAnswered, RequestRefused
from amanat.privacy.requests.details import Asker, Details
from amanat.privacy.requests.models import Kind, RequestStep, RightsRequest
from amanat.privacy.requests.tests.people import AT, EMAIL, PHONE, How, Who, ask, make_person

DAY = timedelta(days=1)


def steps(request: RightsRequest) -> list[str]:
    return list(
        RequestStep.objects.of(request.workspace_id)
        .filter(request=request)
        .order_by("id")
        .values_list("what", flat=True)
    )


def again(request: RightsRequest) -> RightsRequest:
    return RightsRequest.objects.of(request.workspace_id).get(pk=request.pk)


def test_a_request_is_confirmed_with_day_link_and_code(inside: Workspace, asha: Contact) -> None:
    request = ask(inside, asha)
    assert (request.state, request.due_at, request.regimes) == ("open", AT + 30 * DAY, ["in-dpdp"])
    message = LocalMessage.objects.get()
    assert message.to == PHONE and str(request.pk) in message.body
    assert "31 December 2026" in message.body and asking.shown_code(request.secret) in message.body
    assert steps(request) == ["received", "identified", "confirmed"]
    assert "Asha" not in message.body


def test_a_request_stands_though_no_provider_takes_its_text(inside: Workspace, asha: Contact, settings: Any) -> None:
    settings.TEXT_SENDER = texts.REFUSING
    assert steps(ask(inside, asha)) == ["received", "identified"]
    settings.TEXT_SENDER = texts.DOWN
    with pytest.raises(outbox.NotSent):  # another try may reach her: the page says so and keeps nothing
        ask(inside, asha)
    assert RightsRequest.objects.of(inside).count() == 1


def test_the_receipt_goes_to_the_address_she_used_when_it_is_hers(inside: Workspace, asha: Contact) -> None:
    ask(inside, asha, reply_to=EMAIL)
    ask(inside, asha, reply_to="stranger@example.com")
    assert mail.outbox[0].to == [EMAIL] and len(mail.outbox) == 1
    assert [message.to for message in LocalMessage.objects.all()] == [PHONE]


def test_a_stranger_is_sent_nothing_and_has_the_strictest_clock(inside: Workspace) -> None:
    request = ask(inside, None, about_name="Asha", about_address=PHONE, reply_to="stranger@example.com")
    assert request.state == "unclear" and request.regimes == ["in-dpdp", "eu-gdpr", "us-ccpa"]
    assert steps(request) == ["received"] and not mail.outbox and not LocalMessage.objects.exists()


def test_words_and_values_cannot_be_read_from_the_table(inside: Workspace, asha: Contact) -> None:
    request = ask(inside, asha, Kind.CORRECT, text="My secret words", values={"name": "Asha Kulkarni"})
    kept = str(list(RightsRequest.objects.of(inside).values())) + str(list(RequestStep.objects.of(inside).values()))
    assert "secret words" not in kept and "Kulkarni" not in kept and request.secret not in kept
    assert details.of(again(request)) == Details(text="My secret words", values={"name": "Asha Kulkarni"})


def test_hostile_words_are_cut_and_freed_of_control_characters(inside: Workspace, asha: Contact) -> None:
    request = ask(
        inside, asha, text="a\x00b\x07" + "c" * 9000, reply_to="x" * 900, values={"name": "n" * 900, "role": "owner"}
    )
    said = details.of(again(request))
    assert said.text.startswith("abc") and len(said.text) <= details.TEXT and len(said.reply_to) == details.SHORT
    assert set(said.values) == {"name"} and len(said.values["name"]) == details.SHORT


@pytest.mark.parametrize("country", ["Germany", "US", ""])
def test_the_law_of_the_place_decides_the_clock(inside: Workspace, country: str) -> None:
    person = make_person(inside, "Jan Vermeer", phone="+4915112345678", country=country)
    wanted = {"Germany": ["in-dpdp", "eu-gdpr"], "US": ["in-dpdp", "us-ccpa"], "": ["in-dpdp", "eu-gdpr"]}
    assert ask(inside, person).regimes == wanted[country]


def test_a_right_that_the_policy_does_not_offer_is_refused(
    inside: Workspace, asha: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = asking.versions.in_force(inside).policy
    less = policy.model_copy(update={"rights": policy.rights.model_copy(update={"kinds": ("access",)})})
    held = asking.versions.in_force(inside)
    monkeypatch.setattr(asking.versions, "in_force", lambda *_args: type(held)(less, 0, AT, AT, ""))
    with pytest.raises(RequestRefused):
        ask(inside, asha, Kind.ERASE)
    assert ask(inside, asha, Kind.ACCESS).kind == Kind.ACCESS


@pytest.mark.parametrize("who", [Who.GUARDIAN, Who.AGENT])
def test_a_guardian_or_agent_gives_a_name_and_an_address(inside: Workspace, who: str) -> None:
    with pytest.raises(RequestRefused):
        ask(inside, None, who=who, name="Meera")
    request = ask(inside, None, who=who, name="Meera", reply_to="meera@example.in")
    assert request.state == "unclear" and not mail.outbox


def test_a_guardian_is_told_only_after_the_desk_looked(inside: Workspace, asha: Contact, owner: Member) -> None:
    request = ask(inside, None, who=Who.GUARDIAN, name="Meera", reply_to="meera@example.in")
    assert telling.address_of(request) == ""
    request = asking.identify(request=request, contact=asha, by=owner, at=AT + DAY)
    assert (request.state, telling.address_of(request)) == ("open", "meera@example.in")
    assert request.identified_by == owner and steps(request) == ["received", "identified"]


def test_a_typed_address_never_gets_what_belongs_to_the_person(inside: Workspace, asha: Contact, owner: Member) -> None:
    request = ask(inside, None, about_name="Asha", reply_to="stranger@example.com")
    assert telling.address_of(asking.identify(request=request, contact=asha, by=owner, at=AT)) == PHONE


def test_identifying_never_makes_the_clock_longer(inside: Workspace, asha: Contact, owner: Member) -> None:
    january = AT.replace(year=2027, month=1, day=31)
    request = ask(inside, None, at=january)
    assert request.due_at == january.replace(month=2, day=28)
    found = asking.identify(request=request, contact=asha, by=owner, at=january + DAY)
    assert found.due_at == january.replace(month=2, day=28) and found.regimes == ["in-dpdp"]


def test_more_time_is_taken_once_with_a_reason_and_told(inside: Workspace, owner: Member) -> None:
    person = make_person(inside, "Jan Vermeer", country="Netherlands")
    request = ask(inside, person)
    with pytest.raises(RequestRefused):
        asking.extend(request=request, reason="  ", by=owner, at=AT + DAY)
    longer = asking.extend(request=request, reason="Old paper files", by=owner, at=AT + 29 * DAY)
    assert longer.due_at == AT + 90 * DAY and longer.promised_at == AT + 30 * DAY
    assert "Old paper files" in LocalMessage.objects.order_by("-id")[0].body and steps(longer)[-1] == "extended"
    with pytest.raises(RequestRefused):
        asking.extend(request=longer, reason="Again", by=owner, at=AT + 30 * DAY)


@pytest.mark.parametrize(("country", "days", "is_allowed"), [
    ("India", 1, False), ("Germany", 30, True), ("Germany", 31, False), ("US", 44, True), ("US", 45, False),
])  # fmt: skip
def test_more_time_must_be_told_inside_the_first_period_of_a_law_that_knows_it(
    inside: Workspace, owner: Member, country: str, days: int, is_allowed: bool
) -> None:
    request = ask(inside, make_person(inside, country=country))
    if is_allowed:
        assert asking.extend(request=request, reason="Hard", by=owner, at=AT + days * DAY).extended_at
    else:
        with pytest.raises(RequestRefused):
            asking.extend(request=request, reason="Hard", by=owner, at=AT + days * DAY)
        assert again(request).extended_at is None


def test_a_refusal_has_reason_answer_and_route(inside: Workspace, owner: Member) -> None:
    request = ask(inside, make_person(inside, "Jan Vermeer", country="DE"))
    for reason, answer in (("", "No"), ("because", "No"), ("law", "  ")):
        with pytest.raises(RequestRefused):
            asking.refuse(request=request, reason=reason, answer=answer, by=owner, at=AT)
    assert again(request).state == "open"
    refused = asking.refuse(request=request, reason="law", answer="Tax law asks for it.", by=owner, at=AT + DAY)
    told = LocalMessage.objects.order_by("-id")[0].body
    assert (refused.state, refused.outcome, refused.reason) == ("answered", "refused", "law")
    assert (
        "Data Protection Board of India" in told and "edpb.europa.eu" in told and "A law orders us to keep it" in told
    )
    assert details.answer_of(again(request)) == "Tax law asks for it." and steps(refused)[-2:] == ["refused", "told"]


def test_who_comes_second_is_told_who_was_first(inside: Workspace, asha: Contact, owner: Member) -> None:
    request, second = ask(inside, asha), make_member(inside, "manager", name="Prakash Jadhav")
    asking.refuse(request=request, reason="law", answer="No", by=owner, at=AT)
    with pytest.raises(AlreadyAnswered, match=owner.name):
        asking.refuse(request=request, reason="law", answer="No", by=second, at=AT)
    with pytest.raises(AlreadyAnswered):
        asking.extend(request=request, reason="x", by=second, at=AT)
    assert steps(request).count("refused") == 1


def test_a_request_taken_back_is_over(inside: Workspace, asha: Contact, owner: Member) -> None:
    request = ask(inside, asha)
    assert asking.revoke(request=request, at=AT).state == "revoked"
    with pytest.raises(AlreadyAnswered):
        asking.refuse(request=request, reason="law", answer="No", by=owner, at=AT)


def test_the_count_of_open_ones_follows(inside: Workspace, asha: Contact, owner: Member) -> None:
    first, second, third = ask(inside, asha), ask(inside, None), ask(inside, asha)
    assert tally.count(asking.OPEN_COUNT, workspace=inside) == 3
    asking.refuse(request=first, reason="law", answer="No", by=owner, at=AT)
    asking.revoke(request=second, at=AT)
    assert tally.count(asking.OPEN_COUNT, workspace=inside) == 1 and again(third).is_open


def test_the_code_opens_however_it_is_typed_and_no_other_does(inside: Workspace, asha: Contact) -> None:
    request, other = ask(inside, asha), ask(inside, asha)
    shown = asking.shown_code(request.secret)
    for typed in (shown, shown.lower(), f" {shown.replace('-', ' ')} "):
        assert asking.opens_with(request, typed)
    for typed in ("", "AAAAA-AAAAA", other.secret, shown[:-1]):
        assert not asking.opens_with(request, typed)


def test_a_purge_keeps_the_proof_without_the_person(inside: Workspace, asha: Contact, owner: Member) -> None:
    stored = files.store(b"A letter", workspace_id=inside.pk, name="letter.txt", by=None, kind="attachment")
    request = asking.open_request(
        workspace=inside, contact=asha, kind=Kind.GRIEVANCE, how=How.COUNTER, by=owner, at=AT,
        details=Details(text="Words", name="Meera", reply_to="m@example.in"), asker=Asker(who=Who.GUARDIAN, proof=stored),
    )  # fmt: skip
    asking.refuse(request=request, reason="law", answer="An answer", by=owner, at=AT)
    deleted.purge(model=Contact, workspace=inside, by=None, at=AT, ids=[asha.pk], also_alive=True)
    left = again(request)
    assert (left.contact_id, left.details, left.answer, left.proof_id) == (None, None, None, None)
    assert left.principal is not None and left.outcome == "refused" and steps(left)[0] == "received"
    assert not StoredFile.objects.of(inside).filter(pk=stored.pk).exists()
    assert details.of(left) == Details() and details.answer_of(left) == ""


def test_every_step_is_in_the_ledger_without_a_value(inside: Workspace, asha: Contact, owner: Member) -> None:
    request = ask(inside, asha, text="Private words")
    asking.refuse(request=request, reason="law", answer="Private answer", by=owner, at=AT)
    entries = list(LedgerEntry.objects.of(inside).filter(event__startswith="privacy.request.").order_by("id"))
    assert [entry.event.rpartition(".")[2] for entry in entries] == steps(request)
    assert all(entry.about == request.pk for entry in entries) and "Private" not in str(
        [entry.facts for entry in entries]
    )


def test_the_log_of_a_request_cannot_be_changed(inside: Workspace, asha: Contact) -> None:
    request = ask(inside, asha)
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE privacy_requeststep SET what = 'told' WHERE request_id = %s", [request.pk])
