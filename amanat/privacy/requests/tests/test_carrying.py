"""Each kind of request is really carried out, by the rule that does it in life; copies and erasures come to their end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import make_member
from amanat.basis import consent, gate, notices, objections, suppression
from amanat.basis.consent import How as SaidHow
from amanat.basis.models import Method, Suppression
from amanat.core import clock, tenancy
from amanat.core.models import LocalMessage
from amanat.desk.models import Task
from amanat.people.models import Contact, Email, Interaction, Phone
from amanat.privacy.copies import making
from amanat.privacy.copies.models import PersonCopy
from amanat.privacy.erasure import erasing
from amanat.privacy.erasure.models import Erasure, ErasureCertificate
from amanat.privacy.requests import asking, carrying, details, following, nominees
from amanat.privacy.requests.asking import AlreadyAnswered, NotIdentified, RequestRefused
from amanat.privacy.requests.models import Kind, Nomination, RequestStep, RightsRequest
from amanat.privacy.requests.tests.people import AT, How, Who, ask

TODAY = date(2026, 12, 1)


@pytest.fixture
def inside(db: None, shree: Workspace) -> Iterator[Workspace]:
    with clock.standing_at(AT), tenancy.inside(shree):
        yield shree


def agree(workspace: Workspace, person: Contact, channel: str) -> None:
    notice = notices.show(workspace=workspace, purposes=["marketing"], language="en", at=AT)
    consent.give(
        contact=person, purpose="marketing", channels=[channel], notice=notice, how=SaidHow(Method.LINK), at=AT
    )


def allowed(person: Contact, purpose: str, channel: str = "") -> str:
    answer = gate.decide(
        person, workspace=person.workspace_id, purpose=purpose, channel=channel, at=AT + timedelta(hours=1), today=TODAY
    )
    return str(answer.reason) if not answer.is_allowed else "yes"


def last_step(request: RightsRequest) -> RequestStep:
    return RequestStep.objects.of(request.workspace_id).filter(request=request, what="fulfilled").get()


def test_withdrawal_takes_every_consent_back_on_every_channel(inside: Workspace, asha: Contact) -> None:
    for channel in ("sms", "email"):
        agree(inside, asha, channel)
    assert allowed(asha, "marketing", "sms") == allowed(asha, "marketing", "email") == "yes"
    done = carrying.fulfil(request=ask(inside, asha, Kind.WITHDRAW), by=None, at=AT)
    assert (done.state, done.outcome) == ("answered", "granted")
    assert allowed(asha, "marketing", "sms") != "yes" and allowed(asha, "marketing", "email") != "yes"
    given = [one for one in consent.standing(asha, at=AT).values() if one.what == "given"]
    assert given == [] and last_step(done).facts["records"] >= 2


def test_restriction_is_what_the_gate_reads(inside: Workspace, asha: Contact) -> None:
    assert allowed(asha, "service") == "yes"
    carrying.fulfil(request=ask(inside, asha, Kind.RESTRICT), by=None, at=AT)
    assert allowed(asha, "service") == "restricted"


def test_objection_to_one_use_stops_that_use_and_to_none_stops_all(inside: Workspace, asha: Contact) -> None:
    purposes = [name for name, one in carrying.rules.of(inside.pk).policy.purposes.items() if one.grain == "person"]
    named = purposes[0]
    carrying.fulfil(request=ask(inside, asha, Kind.OBJECT, purposes=(named, "invented")), by=None, at=AT)
    assert objections.standing(asha, at=AT) == {named}
    carrying.fulfil(request=ask(inside, asha, Kind.OBJECT), by=None, at=AT)
    assert "" in objections.standing(asha, at=AT)


def test_no_sale_is_kept_with_the_person_and_by_her_addresses(inside: Workspace, asha: Contact) -> None:
    carrying.fulfil(request=ask(inside, asha, Kind.OPT_OUT_SALE), by=None, at=AT)
    assert objections.SALE in objections.standing(asha, at=AT)
    kept = Suppression.objects.of(inside).filter(purpose=objections.SALE)
    assert {bytes(one.digest) for one in kept} == {
        suppression.digest(address, workspace_id=inside.pk) for address in ("+919822041736", "asha@example.in")
    }


def test_a_nomination_is_sealed_and_ends_the_one_before(inside: Workspace, asha: Contact) -> None:
    for name in ("Meera", "Ravi"):
        request = ask(
            inside, asha, Kind.NOMINATE, nominee_name=name, nominee_address="+919822041799", nominee_relation="child"
        )
        carrying.fulfil(request=request, by=None, at=AT)
    open_one = Nomination.objects.of(inside).get(ended_at__isnull=True)
    assert details.nominee_of(open_one) == {"name": "Ravi", "address": "+919822041799", "relation": "child"}
    assert Nomination.objects.of(inside).count() == 2 and b"Ravi" not in bytes(open_one.nominee or b"")


def test_a_nominee_acts_for_who_named_one_and_for_nobody_else(inside: Workspace, asha: Contact, owner: Member) -> None:
    asked = {"name": "meera  menon", "reply_to": "98220 41799"}
    request = ask(inside, asha, Kind.RESTRICT, who=Who.NOMINEE, **asked)
    assert not carrying.may_carry_itself_out(request)
    with pytest.raises(RequestRefused, match="no nominee"):
        carrying.fulfil(request=request, by=owner, at=AT)
    named = {"nominee_name": "Meera Menon", "nominee_address": "+919822041799"}
    carrying.fulfil(request=ask(inside, asha, Kind.NOMINATE, **named), by=None, at=AT)
    found = nominees.compared(asha.pk, details.of(request), workspace_id=inside.pk)
    assert found is not None and found.fits
    other = details.Details(name="Ravi Menon", reply_to="98220 41799")
    found = nominees.compared(asha.pk, other, workspace_id=inside.pk)
    assert found is not None and (found.has_name, found.has_address, found.fits) == (False, True, False)
    nobody = nominees.compared(asha.pk, details.Details(), workspace_id=inside.pk)
    assert nobody is not None and not nobody.fits
    assert carrying.fulfil(request=request, by=owner, at=AT).outcome == "granted"


def test_a_nomination_of_nobody_is_refused_and_changes_nothing(inside: Workspace, asha: Contact) -> None:
    request = ask(inside, asha, Kind.NOMINATE)
    with pytest.raises(RequestRefused):
        carrying.fulfil(request=request, by=None, at=AT)
    assert RightsRequest.objects.of(inside).get().state == "open" and not Nomination.objects.of(inside).exists()


def test_the_desk_sees_what_is_asked_beside_what_stands_there(inside: Workspace, asha: Contact) -> None:
    request = ask(inside, asha, Kind.CORRECT, values={"name": "Asha Kulkarni", "birthday": "1990-12-31"})
    shown = {one.name: (one.present, one.wanted) for one in carrying.compared(request)}
    assert shown == {"name": ("Asha Menon", "Asha Kulkarni"), "birthday": ("", "1990-12-31")}


def test_a_correction_becomes_what_is_on_file_by_the_rules_that_change_contacts(
    inside: Workspace, asha: Contact, owner: Member
) -> None:
    values = {
        "name": "Asha Kulkarni",
        "phone": "98220 41799",
        "email": "NEW@example.in",
        "address": "12 Main Road",
        "birthday": "1990-12-31",
    }
    done = carrying.fulfil(request=ask(inside, asha, Kind.CORRECT, values=values), by=owner, at=AT)
    fresh = Contact.objects.of(inside).get(pk=asha.pk)
    assert (fresh.name, fresh.main_phone, fresh.main_email) == ("Asha Kulkarni", "+919822041799", "new@example.in")
    assert fresh.birthday == date(1990, 12, 31) and fresh.addresses.get().street == "12 Main Road"
    assert done.outcome == "granted" and last_step(done).facts["fields"] == sorted(values)
    assert Interaction.objects.of(inside).filter(contact=asha, kind="change").exists()


def test_other_numbers_stay_when_the_first_is_set_right(inside: Workspace, asha: Contact, owner: Member) -> None:
    Phone.objects.create(workspace_id=inside.pk, contact=asha, number="+919822041700", position=1)
    carrying.fulfil(request=ask(inside, asha, Kind.UPDATE, values={"phone": "9822041799"}), by=owner, at=AT)
    numbers = Phone.objects.of(inside).filter(contact=asha).order_by("position")
    assert [one.number for one in numbers] == ["+919822041799", "+919822041700"]
    assert Email.objects.of(inside).filter(contact=asha).count() == 1


def test_a_value_left_out_needs_words_and_makes_it_partly(inside: Workspace, asha: Contact, owner: Member) -> None:
    request = ask(inside, asha, Kind.CORRECT, values={"name": "Asha Kulkarni", "birthday": "1990-12-31"})
    with pytest.raises(RequestRefused):
        carrying.fulfil(request=request, by=owner, at=AT, accepted=["name"])
    done = carrying.fulfil(request=request, by=owner, at=AT, accepted=["name"], answer="Your paper says another day.")
    assert done.outcome == "partly" and Contact.objects.of(inside).get(pk=asha.pk).birthday is None


@pytest.mark.parametrize("values", [{"phone": "12"}, {"birthday": "yesterday"}, {"email": "nobody"}])
def test_a_value_that_no_record_may_have_is_refused_in_words(
    inside: Workspace, asha: Contact, owner: Member, values: dict[str, str]
) -> None:
    request = ask(inside, asha, Kind.CORRECT, values=values)
    with pytest.raises(RequestRefused):
        carrying.fulfil(request=request, by=owner, at=AT)
    assert RightsRequest.objects.of(inside).get().state == "open"


@pytest.mark.parametrize("kind", [Kind.CORRECT, Kind.GRIEVANCE, Kind.HUMAN_REVIEW])
def test_no_machine_does_what_needs_a_human(inside: Workspace, asha: Contact, kind: str) -> None:
    request = ask(inside, asha, kind, text="Words", values={"name": "Another"})
    assert not carrying.may_carry_itself_out(request)
    with pytest.raises(RequestRefused):
        carrying.fulfil(request=request, by=None, at=AT, answer="Done")


def test_a_complaint_is_answered_in_words(inside: Workspace, asha: Contact, owner: Member) -> None:
    request = ask(inside, asha, Kind.GRIEVANCE, text="You called at night")
    with pytest.raises(RequestRefused):
        carrying.fulfil(request=request, by=owner, at=AT)
    done = carrying.fulfil(request=request, by=owner, at=AT, answer="It will not happen again.")
    assert details.answer_of(done) == "It will not happen again." and done.answered_by == owner


def test_a_review_becomes_a_task_and_its_answer_finishes_it(inside: Workspace, asha: Contact, owner: Member) -> None:
    begun = carrying.fulfil(request=ask(inside, asha, Kind.HUMAN_REVIEW, text="Look again"), by=owner, at=AT)
    task = Task.objects.of(inside).get()
    assert (begun.state, begun.result_id, task.assignee, task.contact) == ("doing", task.pk, owner, asha)
    with pytest.raises(RequestRefused):
        carrying.fulfil(request=begun, by=owner, at=AT)
    done = carrying.fulfil(request=begun, by=owner, at=AT, answer="A human looked: it was wrong.")
    assert done.outcome == "granted" and Task.objects.of(inside).get().done_at == AT


def test_nothing_is_done_about_somebody_who_is_not_clear(inside: Workspace, owner: Member) -> None:
    for kind in (Kind.ERASE, Kind.ACCESS, Kind.RESTRICT):
        with pytest.raises(NotIdentified):
            carrying.fulfil(request=ask(inside, None, kind), by=owner, at=AT)
    done = carrying.fulfil(request=ask(inside, None, Kind.GRIEVANCE, text="Noise"), by=owner, at=AT, answer="Sorry.")
    assert done.outcome == "granted"


@pytest.mark.parametrize(
    ("kind", "how", "who", "at_once"),
    [
        (Kind.WITHDRAW, How.SELF_SERVICE, Who.PERSON, True),
        (Kind.ACCESS, How.SELF_SERVICE, Who.PERSON, True),
        (Kind.ERASE, How.SELF_SERVICE, Who.PERSON, False),
        (Kind.WITHDRAW, How.PHONE, Who.PERSON, False),
        (Kind.ACCESS, How.SELF_SERVICE, Who.GUARDIAN, False),
    ],
)
def test_only_what_harms_nobody_is_done_at_once_for_who_showed_a_code(
    asha: Contact, kind: str, how: str, who: str, at_once: bool
) -> None:
    here = Workspace.objects.of(asha.workspace_id).get()
    request = ask(here, asha, kind, how=how, who=who, name="M", reply_to="m@example.in")
    assert carrying.may_carry_itself_out(request) is at_once


def test_a_copy_ends_its_request_when_it_is_made(inside: Workspace, asha: Contact, owner: Member) -> None:
    begun = carrying.fulfil(request=ask(inside, asha, Kind.ACCESS), by=owner, at=AT)
    assert begun.state == "doing" and begun.result_id is not None
    assert following.follow(inside.pk, at=AT) == 0
    making.make(begun.result_id, workspace_id=inside.pk)
    assert following.follow(inside.pk, at=AT) == 1
    done = RightsRequest.objects.of(inside).get()
    assert (done.state, done.outcome, done.answered_by) == ("answered", "granted", owner)
    assert PersonCopy.objects.of(inside).get().request_id == done.pk
    assert str(done.pk) in LocalMessage.objects.order_by("-id")[0].body


def test_a_copy_that_fails_opens_the_request_again(inside: Workspace, asha: Contact, owner: Member) -> None:
    begun = carrying.fulfil(request=ask(inside, asha, Kind.PORT), by=owner, at=AT)
    PersonCopy.objects.of(inside).filter(pk=begun.result_id).update(state="failed", problem="disk")
    assert following.follow(inside.pk, at=AT) == 0
    assert RightsRequest.objects.of(inside).get().state == "open"


@pytest.mark.slow
def test_an_erasure_takes_the_person_tells_first_and_ends_with_the_certificate(
    inside: Workspace, asha: Contact, owner: Member
) -> None:
    request = ask(inside, asha, Kind.ERASE, text="Please erase Asha Menon")
    begun = carrying.fulfil(request=request, by=owner, at=AT)
    assert "certificate" in LocalMessage.objects.order_by("-id")[0].body and begun.result_id is not None
    with pytest.raises(RequestRefused):
        carrying.fulfil(request=begun, by=owner, at=AT)
    erasure = erasing.carry_out(begun.result_id, workspace_id=inside.pk)
    assert erasure.request_id == request.pk and erasure.is_over
    assert following.follow(inside.pk, at=AT) == 1
    done = RightsRequest.objects.of(inside).get()
    assert done.state == "answered" and done.outcome in {"granted", "partly"} and done.answered_by == owner
    assert done.contact_id is None and done.details is None and not Contact.objects.of(inside).exists()
    assert ErasureCertificate.objects.of(inside).filter(erasure=erasure).exists()
    assert asking.opens_with(done, request.secret)


def test_an_erasure_that_the_law_holds_back_stays_open(inside: Workspace, asha: Contact, owner: Member) -> None:
    begun = carrying.fulfil(request=ask(inside, asha, Kind.ERASE), by=owner, at=AT)
    Erasure.objects.of(inside).filter(pk=begun.result_id).update(state="held")
    assert following.follow(inside.pk, at=AT) == 0 and RightsRequest.objects.of(inside).get().state == "doing"


def test_two_who_carry_out_the_same_request_do_it_once(inside: Workspace, asha: Contact, owner: Member) -> None:
    request, second = ask(inside, asha, Kind.RESTRICT), make_member(inside, "manager")
    carrying.fulfil(request=request, by=owner, at=AT)
    with pytest.raises(AlreadyAnswered, match=owner.name):
        carrying.fulfil(request=request, by=second, at=datetime(2026, 12, 2, tzinfo=UTC))
    assert carrying.Restriction.objects.of(inside).count() == 1
