"""Which tab shows which request, pages both ways at equal days, what a clock allows at its edges, and what is cut from words."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member
from amanat.core import ids, tally, tenancy
from amanat.people.models import Contact
from amanat.policy import ready
from amanat.policy.durations import Duration
from amanat.privacy.requests import asking, authorities, clocks, details, following, listing
from amanat.privacy.requests.asking import AlreadyAnswered, RequestRefused
from amanat.privacy.requests.details import Details
from amanat.privacy.requests.models import Kind, RequestStep, RightsRequest, SeenMessage
from amanat.privacy.requests.tests.people import AT, How, Who, ask, make_person

DAY, MOMENT = timedelta(days=1), timedelta(microseconds=1)
RIGHTS = ready.policy("default").rights
State = RightsRequest.State

AN_ID = "01941f29-7c00-7000-8000-000000000001"


def plant(workspace: Workspace, *, due: datetime, state: str = State.OPEN, received: datetime = AT) -> RightsRequest:
    """A row as it stands in the table, whatever made it."""
    return RightsRequest.objects.create(
        id=ids.new(), workspace_id=workspace.pk, kind=Kind.ACCESS, how=How.PHONE, state=state, code=bytes(32),
        received_at=min(received, due), promised_at=due, due_at=due,
        answered_at=due if state == State.ANSWERED else None,
        outcome=RightsRequest.Outcome.GRANTED if state == State.ANSWERED else "",
    )  # fmt: skip


# --- tabs -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("due", "state", "tabs"),
    [
        (8 * DAY, State.OPEN, "open all"),
        (7 * DAY + MOMENT, State.OPEN, "open all"),
        (7 * DAY, State.OPEN, "open soon all"),
        (MOMENT, State.OPEN, "open soon all"),
        (0 * DAY, State.OPEN, "open late all"),
        (-DAY, State.OPEN, "open late all"),
        (DAY, State.UNCLEAR, "open soon all"),
        (-DAY, State.DOING, "open late all"),
        (DAY, State.ANSWERED, "done all"),
        (-DAY, State.ANSWERED, "done all"),
        (DAY, State.REVOKED, "done all"),
    ],
)
def test_each_tab_shows_what_its_name_says_to_the_moment(
    inside: Workspace, due: timedelta, state: str, tabs: str
) -> None:
    plant(inside, due=AT + due, state=state)
    shown = [view for view in listing.VIEWS if listing.rows(inside.pk, view, at=AT).exists()]
    assert shown == tabs.split()


def test_the_tabs_of_another_workspace_are_empty(shree: Workspace, other: Workspace) -> None:
    with tenancy.inside(shree):
        plant(shree, due=AT + DAY)
    with tenancy.inside(other):
        assert not any(listing.rows(other.pk, view, at=AT).exists() for view in listing.VIEWS)


# --- pages ------------------------------------------------------------------------------------------------------------------------


def walk(workspace: Workspace, view: str, limit: int) -> list[list[RightsRequest]]:
    """All pages, forwards; that the way back gives the same pages is checked beside."""
    found, page = [], listing.page(listing.rows(workspace.pk, view, at=AT), view, limit=limit)
    assert page.before is None
    while True:
        found.append(list(page.requests))
        if page.after is None:
            break
        assert listing.is_place(page.after, view)
        page = listing.page(listing.rows(workspace.pk, view, at=AT), view, after=page.after, limit=limit)
        assert page.before is not None
        back = listing.page(listing.rows(workspace.pk, view, at=AT), view, before=page.before, limit=limit)
        assert list(back.requests) == found[-1]
        assert (back.before is None) == (len(found) == 1) and back.after is not None
    return found


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_pages_by_day_show_each_request_once_in_order_also_at_equal_days(inside: Workspace, limit: int) -> None:
    for days in (3, 1, 2, 2, 2, 5, 1):
        plant(inside, due=AT + days * DAY)
    pages = walk(inside, "open", limit)
    shown = [one for page in pages for one in page]
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert len({one.pk for one in shown}) == 7
    assert all((one.due_at, one.pk) < (two.due_at, two.pk) for one, two in pairwise(shown))


@pytest.mark.parametrize("limit", [2, 5])
def test_pages_of_what_is_done_show_the_newest_first(inside: Workspace, limit: int) -> None:
    made = [plant(inside, due=AT + days * DAY, state=State.ANSWERED).pk for days in (3, 1, 2, 9, 4)]
    assert [one.pk for page in walk(inside, "done", limit) for one in page] == made[::-1]


@pytest.mark.parametrize(
    ("key", "by_day", "by_number"),
    [
        (f"2026-12-01T06:00:00+00:00~{AN_ID}", True, False),
        (AN_ID, False, True),
        (f"2026-12-01T06:00:00~{AN_ID}", False, False),  # no zone: no page gave it
        (f"yesterday~{AN_ID}", False, False),
        ("2026-12-01T06:00:00+00:00~7", False, False),
        (f"~{AN_ID}", False, True),
        ("", False, False),
        ("~", False, False),
    ],
)
def test_only_a_key_that_a_page_gave_is_a_place(key: str, by_day: bool, by_number: bool) -> None:
    assert (listing.is_place(key, "open"), listing.is_place(key, "done")) == (by_day, by_number)


def test_a_key_that_no_page_gave_shows_the_first_page(inside: Workspace) -> None:
    plant(inside, due=AT + DAY)
    for after, before in (("x", ""), ("", "x")):
        page = listing.page(listing.rows(inside.pk, "open", at=AT), "open", after=after, before=before)
        assert (len(page.requests), page.after, page.before) == (1, None, None)


# --- clocks -----------------------------------------------------------------------------------------------------------------------


def rights(due: str, **laws: str) -> object:
    regimes = {name.replace("_", "-"): Duration.parse(period) for name, period in laws.items()}
    return RIGHTS.model_copy(update={"due": Duration.parse(due), "regimes": regimes})


@pytest.mark.parametrize(
    ("due", "laws", "days"),
    [
        ("P30D", {}, 30),
        ("P30D", {"a": "P45D"}, 30),
        ("P30D", {"a": "P15D"}, 15),
        ("P30D", {"a": "P15D", "b": "P10D"}, 10),
        ("P30D", {"a": "P15D+P90D"}, 15),
        ("P30D+P30D", {"a": "P45D"}, 30),
    ],
)
def test_the_shortest_first_period_is_the_promise(due: str, laws: dict[str, str], days: int) -> None:
    assert clocks.promised(rights(due, **laws), list(laws), AT) == AT + days * DAY  # type: ignore[arg-type]


def test_a_law_that_does_not_protect_the_person_does_not_count() -> None:
    told = rights("P30D", a="P10D", b="P20D+P20D")
    assert clocks.promised(told, ["b"], AT) == AT + 20 * DAY  # type: ignore[arg-type]
    assert clocks.promised(told, ["unheard"], AT) == AT + 30 * DAY  # type: ignore[arg-type]
    assert clocks.extension(told, ["a"], AT) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("due", "laws", "told_before", "until"),
    [
        ("P30D", {"a": "P45D+P45D"}, 45, 90),
        ("P30D", {"a": "P45D+P45D", "b": "P60D"}, 45, 60),
        ("P30D", {"a": "P45D+P45D", "b": "P30D+P90D"}, 30, 90),
        ("P60D", {"a": "P45D+P15D"}, 45, 60),
        ("P30D", {"a": "P45D+P45D", "b": "P31D"}, 45, 31),
        ("P30D", {"a": "P45D+P45D", "b": "P30D"}, None, None),
        ("P30D", {"a": "P45D"}, None, None),
        ("P30D", {}, None, None),
    ],
)
def test_more_time_ends_with_the_first_law_that_gives_no_more(
    due: str, laws: dict[str, str], told_before: int | None, until: int | None
) -> None:
    found = clocks.extension(rights(due, **laws), list(laws), AT)  # type: ignore[arg-type]
    if told_before is None or until is None:
        assert found is None
    else:
        assert found == clocks.Extension(AT + told_before * DAY, AT + until * DAY)


@pytest.mark.parametrize(
    ("days", "moments"),
    [
        (30, [15, 23, 28, 29]),
        (14, [7, 12, 13]),  # half and a week before fall together
        (13, [6.5, 11, 12]),
        (4, [2, 3]),
        (3, [1.5, 2]),
        (2, [1]),
        (1, [0.5]),
    ],
)
def test_short_times_have_fewer_reminders(days: int, moments: list[float]) -> None:
    assert clocks.reminders(AT, AT + days * DAY) == [AT + moment * DAY for moment in moments]


@settings(max_examples=15)
@given(st.integers(1, 120), st.integers(0, 130))
def test_as_many_reminders_have_passed_as_their_moments(days: int, hours: int) -> None:
    due, at = AT + days * DAY, AT + timedelta(hours=hours * 24)
    passed = clocks.reminders_passed(AT, due, at)
    assert passed == len([moment for moment in clocks.reminders(AT, due) if moment <= at])
    assert clocks.reminders_passed(AT, due, due) == len(clocks.reminders(AT, due))


@pytest.mark.parametrize(
    ("protecting", "laws"),
    [
        (["eu-gdpr", "in-dpdp"], ["in-dpdp", "eu-gdpr"]),
        (["us-ccpa"], ["us-ccpa"]),
        (["unheard"], ["in-dpdp", "eu-gdpr", "us-ccpa"]),
        ([], ["in-dpdp", "eu-gdpr", "us-ccpa"]),
    ],
)
def test_laws_stand_in_the_policys_order_and_in_doubt_all_of_them(protecting: list[str], laws: list[str]) -> None:
    assert clocks.regimes_of(ready.policy("default"), protecting) == laws


# --- what may be done ---------------------------------------------------------------------------------------------------------------


def again(request: RightsRequest) -> RightsRequest:
    return RightsRequest.objects.of(request.workspace_id).get(pk=request.pk)


@pytest.mark.parametrize("who", [Who.GUARDIAN, Who.AGENT, Who.NOMINEE])
@pytest.mark.parametrize(
    ("said", "is_taken"),
    [
        ({"name": "Meera", "reply_to": "meera@example.in"}, True),
        ({"name": "Meera"}, False),
        ({"reply_to": "meera@example.in"}, False),
        ({"name": "  ", "reply_to": "meera@example.in"}, False),
    ],
)
def test_who_asks_for_somebody_else_says_who_and_where(
    inside: Workspace, who: str, said: dict[str, Any], is_taken: bool
) -> None:
    if is_taken:
        assert ask(inside, None, who=who, **said).who == who
    else:
        with pytest.raises(RequestRefused):
            ask(inside, None, who=who, **said)
    assert RightsRequest.objects.of(inside).count() == int(is_taken)


def test_a_refusal_has_a_reason_of_the_list_and_words(inside: Workspace, asha: Contact, owner: Member) -> None:
    request, answer = ask(inside, asha), "The tax law orders us to keep it."
    for reason, said in (("law", "  "), ("", "No."), ("because", "No.")):
        with pytest.raises(RequestRefused):
            asking.refuse(request=request, reason=reason, answer=said, by=owner, at=AT + DAY)
        assert again(request).state == State.OPEN
    held = asking.refuse(request=request, reason="law", answer=answer, by=owner, at=AT + DAY)
    assert (held.state, held.outcome, held.reason) == (State.ANSWERED, "refused", "law")
    assert (held.answered_at, held.answered_by) == (AT + DAY, owner)
    assert details.answer_of(again(request)) == answer


def test_each_end_takes_one_from_the_count_of_open_ones(inside: Workspace, asha: Contact, owner: Member) -> None:
    first, second, third = (ask(inside, asha, kind) for kind in (Kind.ERASE, Kind.ACCESS, Kind.GRIEVANCE))
    assert tally.count(asking.OPEN_COUNT, workspace=inside) == 3
    asking.refuse(request=first, reason="law", answer="No.", by=owner, at=AT)
    asking.revoke(request=second, at=AT)
    assert tally.count(asking.OPEN_COUNT, workspace=inside) == 1
    for over in (first, second):
        with pytest.raises(AlreadyAnswered):
            asking.revoke(request=over, at=AT)
    assert tally.count(asking.OPEN_COUNT, workspace=inside) == 1
    assert again(third).is_open


def test_who_comes_second_hears_what_became_of_it(inside: Workspace, asha: Contact, owner: Member) -> None:
    answered, revoked = ask(inside, asha), ask(inside, asha, Kind.ACCESS)
    asking.refuse(request=answered, reason="law", answer="No.", by=owner, at=AT)
    asking.revoke(request=revoked, at=AT)
    with pytest.raises(AlreadyAnswered, match=f"{owner.name} answered this request meanwhile"):
        asking.extend(request=answered, reason="hard", by=owner, at=AT)
    with pytest.raises(AlreadyAnswered, match="took this request back"):
        asking.refuse(request=revoked, reason="law", answer="No.", by=owner, at=AT)


def test_what_is_being_carried_out_is_not_taken_back(inside: Workspace, asha: Contact) -> None:
    request = ask(inside, asha)
    RightsRequest.objects.of(inside).filter(pk=request.pk).update(state=State.DOING, begun_at=AT)
    with pytest.raises(RequestRefused, match="carried out already"):
        asking.revoke(request=request, at=AT)


def test_more_time_is_allowed_to_the_moment_before_the_first_period_ends(inside: Workspace, owner: Member) -> None:
    person = make_person(inside, country="DE", phone="", email="d@example.de")
    request = ask(inside, person)
    end = Duration.parse("P1M").after(AT)
    assert asking.extension_of(request, end - MOMENT) is not None
    assert asking.extension_of(request, end) is None
    held = asking.extend(request=request, reason=f"  {'long ' * 200}", by=owner, at=AT + DAY)
    assert held.due_at > held.promised_at == request.promised_at and len(held.extension_reason) == 500
    assert held.warned == 0 and held.extended_at == AT + DAY
    assert asking.extension_of(held, AT + 2 * DAY) is None, "once"


def test_identifying_twice_names_the_second_and_opens_nothing_anew(inside: Workspace, owner: Member) -> None:
    first, second = make_person(inside), make_person(inside, "Asha Rao", phone="+919822041799", email="rao@example.in")
    request = ask(inside, None, about_name="Asha")
    assert (request.state, request.contact, request.identified_at) == (State.UNCLEAR, None, None)
    held = asking.identify(request=request, contact=first, by=owner, at=AT + DAY)
    assert (held.state, held.contact, held.identified_by, held.identified_at) == (State.OPEN, first, owner, AT + DAY)
    principal = bytes(held.principal or b"")
    held = asking.identify(request=request, contact=second, by=owner, at=AT + 2 * DAY)
    assert held.contact == second and bytes(held.principal or b"") != principal


@pytest.mark.parametrize("typed", ["{0}-{1}", "{0}{1}", " {0} {1} ", "{0}.{1}", "lower"])
def test_a_code_opens_its_own_request_however_it_is_typed(inside: Workspace, asha: Contact, typed: str) -> None:
    request, another = ask(inside, asha), ask(inside, asha, Kind.ACCESS)
    code = request.secret
    said = asking.shown_code(code).lower() if typed == "lower" else typed.format(code[:5], code[5:])
    assert len(code) == 10 and asking.shown_code(code) == f"{code[:5]}-{code[5:]}"
    assert asking.opens_with(request, said)
    assert not asking.opens_with(another, said) and not asking.opens_with(request, code[:-1])
    assert not asking.opens_with(request, "")


def test_a_purge_of_one_person_leaves_what_others_asked(inside: Workspace, asha: Contact) -> None:
    rahul = make_person(inside, "Rahul Shinde", phone="+919822041700", email="rahul@example.in")
    hers, his = ask(inside, asha, text="My words."), ask(inside, rahul, text="His words.")
    asking.let_go(RightsRequest, inside.pk, [asha.pk], AT)
    assert details.of(again(hers)).text == "My words.", "only a purge of contacts takes anything"
    asking.let_go(Contact, inside.pk, [asha.pk], AT)
    gone, stays = again(hers), again(his)
    assert (gone.contact_id, gone.details, gone.principal is not None) == (None, None, True)
    assert details.of(gone) == Details()
    assert stays.contact == rahul and details.of(stays).text == "His words."


# --- reminders ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "warned", "what"),
    [
        (15 * DAY - MOMENT, 0, None),
        (15 * DAY, 1, "warned"),
        (28 * DAY, 3, "warned"),
        (30 * DAY - MOMENT, 4, "warned"),
        (30 * DAY, 5, "late"),
        (300 * DAY, 5, "late"),
    ],
)
def test_a_reminder_goes_out_at_its_moment_and_says_when_it_is_late(
    inside: Workspace, asha: Contact, after: timedelta, warned: int, what: str | None
) -> None:
    request = ask(inside, asha)
    assert following.watch(inside.pk, at=AT + after) == int(what is not None)
    assert again(request).warned == warned
    written = RequestStep.objects.of(inside).filter(request=request, what__in=["warned", "late"])
    assert [one.what for one in written] == ([what] if what else [])
    assert following.watch(inside.pk, at=AT + after) == 0, "once"


def test_owners_who_left_are_not_reminded(inside: Workspace, asha: Contact, mailoutbox: list[object]) -> None:
    make_member(inside, Role.OWNER, name="Gone Owner", ended_at=AT)
    make_member(inside, Role.AGENT, name="No Owner")
    request = ask(inside, asha)
    mailoutbox.clear()
    following.watch(inside.pk, at=AT + 15 * DAY)
    assert len(mailoutbox) == 1
    assert RequestStep.objects.of(inside).get(request=request, what="warned").facts["owners"] == 1


@pytest.mark.parametrize(("ends", "left"), [(-MOMENT, 0), (0 * MOMENT, 1), (MOMENT, 1)])
def test_a_message_is_forgotten_when_it_can_no_longer_be_used(inside: Workspace, ends: timedelta, left: int) -> None:
    fields = {one.name for one in SeenMessage._meta.get_fields()}
    told = {"workspace_id": inside.pk, "expires_at": AT + ends}
    told |= {name: bytes(32) for name in ("digest",) if name in fields}
    SeenMessage.objects.create(**told)
    assert following.forget_messages(inside.pk, at=AT) == 1 - left
    assert SeenMessage.objects.of(inside).count() == left


# --- words ------------------------------------------------------------------------------------------------------------------------


def test_words_and_values_are_cut_to_their_length_and_to_the_names_known() -> None:
    said = Details(
        text="x" * 4_001,
        values={"name": "y" * 201, "phone": "  ", "caste": "z", "email": " a@x.test "},
        purposes=("b", "a", "b"),
        name="n" * 201,
    ).cleaned()
    assert (len(said.text), len(said.name)) == (4_000, 200)
    assert said.values == {"name": "y" * 200, "email": "a@x.test"}
    assert said.purposes == ("a", "b")


def test_only_text_and_addresses_keep_their_lines() -> None:
    said = Details(text="one\ntwo", name="one\ntwo", values={"address": "one\ntwo", "name": "one\ntwo"}).cleaned()
    assert "\n" in said.text and "\n" in said.values["address"]
    assert "\n" not in said.name and "\n" not in said.values["name"]


def test_what_was_not_said_is_not_stored() -> None:
    assert Details().as_json() == "{}"
    assert Details(text="é").as_json() == '{"text": "é"}'


@pytest.mark.parametrize(
    ("laws", "known"),
    [
        (["in-dpdp", "eu-gdpr", "us-ccpa"], ["in-dpdp", "eu-gdpr", "us-ccpa"]),
        (["eu-gdpr", "in-dpdp"], ["eu-gdpr", "in-dpdp"]),
        (["br-lgpd", "us-ccpa"], ["us-ccpa"]),
        ([], []),
    ],
)
def test_authorities_stand_in_the_order_of_the_laws(laws: list[str], known: list[str]) -> None:
    assert [one.law for one in authorities.of(laws)] == known
    lines = authorities.in_words(laws)
    assert len(lines) == len(known)
    for law, line in zip(known, lines, strict=True):
        assert ("(https://" in line) == (law != "in-dpdp") and ": " in line
