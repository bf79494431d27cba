"""Lists of versions, recipients, rights and seals as the public pages say them: rules of plain values, without a database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amanat.core import ids
from amanat.policy import rendering
from amanat.policy.format import Policy
from amanat.publishing import beginning, pages
from amanat.publishing.models import PolicyVersion
from amanat.publishing.seals import Seal, State
from amanat.publishing.tests.samples import DETAILS, NOW
from amanat.publishing.versions import InForce

HERE = ids.new()
POLICY = beginning.policy(DETAILS)
DAY = timedelta(days=1)


def held(number: int = 1, *, time_zone: str = "Asia/Kolkata", digest: str = "ab" * 32) -> InForce:
    return InForce(POLICY, number, NOW, NOW, digest, name="Shree", time_zone=time_zone)


def row(number: int, *, after: float = 0, replaces: int | None = None, is_material: bool = False) -> PolicyVersion:
    """A version that holds so many days after NOW."""
    return PolicyVersion(
        number=number,
        effective_at=NOW + after * DAY,
        published_at=NOW,
        replaces=number - 1 if replaces is None else replaces,
        is_material=is_material,
    )


def lines(rows: Sequence[PolicyVersion], *, number: int = 1, at: datetime = NOW) -> list[pages.Line]:
    return pages.lines(rows, held(number), workspace_id=HERE, language="en", at=at)


# --- versions -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "replaces", "is_material", "said"),
    [
        (1, 0, False, "The first version"),
        (1, 0, True, "The first version"),
        (2, 0, True, "Changes that matter"),
        (2, 0, False, "Wording, or stricter rules"),
        (2, 1, True, "Changes that matter"),
        (2, 1, False, "Wording, or stricter rules"),
    ],
)
def test_a_version_says_why_it_came(number: int, replaces: int, is_material: bool, said: str) -> None:
    (line,) = lines([row(number, replaces=replaces, is_material=is_material)])
    assert line.said == said


@pytest.mark.parametrize(
    ("second", "third", "withdrawn"),
    [
        (30, 40, []),
        (30, 31, []),
        (30, 30, [2]),  # of two for one moment the higher number holds
        (30, 5, [2]),
        (0, 0, [2, 1]),
        (1, -1, [2, 1]),
    ],
)
def test_a_version_is_withdrawn_by_a_later_one_that_holds_no_later(
    second: float, third: float, withdrawn: list[int]
) -> None:
    found = lines([row(3, after=third), row(2, after=second), row(1)], at=NOW - 9 * DAY)
    assert [one.number for one in found if "withdrawn" in one.said] == withdrawn
    assert [one.number for one in found if one.is_ahead] == [n for n in (3, 2, 1) if n not in withdrawn]


@pytest.mark.parametrize(("microseconds", "is_ahead"), [(-1, True), (0, False), (1, False)])
def test_a_version_is_ahead_until_its_moment(microseconds: int, is_ahead: bool) -> None:
    at = NOW + 30 * DAY + timedelta(microseconds=microseconds)
    assert lines([row(2, after=30)], at=at)[0].is_ahead == is_ahead


def test_only_the_one_that_holds_is_the_current_one_and_each_line_leads_to_its_own_page() -> None:
    found = lines([row(3, after=30), row(2), row(1, after=-9)], number=2)
    assert [one.is_current for one in found] == [False, True, False]
    assert [one.url for one in found] == [f"/w/{HERE}/privacy/versions/{number}/" for number in (3, 2, 1)]


@settings(max_examples=15)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=6))
def test_who_is_not_withdrawn_holds_at_its_own_moment(after: list[int]) -> None:
    """Against the rule itself: at a moment the highest number that has taken effect holds."""
    rows = [row(number, after=days) for number, days in enumerate(after, 1)]
    said = lines(rows[::-1])
    for one, line in zip(rows[::-1], said, strict=True):
        holds = max(other.number for other in rows if other.effective_at <= one.effective_at)
        assert ("withdrawn" in line.said) == (holds != one.number)


@pytest.mark.parametrize(
    ("time_zone", "hour", "day"),
    [
        ("Asia/Kolkata", 18, "20 November 2026"),
        ("Asia/Kolkata", 19, "21 November 2026"),
        ("America/New_York", 4, "19 November 2026"),
        ("America/New_York", 5, "20 November 2026"),
        ("UTC", 23, "20 November 2026"),
    ],
)
def test_a_day_is_the_workspaces_own(time_zone: str, hour: int, day: str) -> None:
    at = datetime(2026, 11, 20, hour, 0, tzinfo=UTC)
    assert pages.day_of(at, held(time_zone=time_zone), "en") == day


@pytest.mark.parametrize(("language", "piece"), [("en", "November"), ("hi", "नवंबर"), ("mr", "नोव्हेंबर")])
def test_a_day_is_said_in_the_language_of_the_page(language: str, piece: str) -> None:
    assert piece in pages.day_of(NOW, held(), language)


# --- sentences and seals ------------------------------------------------------------------------------------------------------


def sentences(found: dict[str, Seal] | None) -> dict[str, pages.Sentence]:
    page = rendering.render(POLICY, "en", on=NOW.date())
    return {one.id: one for part in pages.parts(page, found) for one in part.sentences}


def test_parts_are_numbered_from_one_and_hold_every_sentence_of_the_page() -> None:
    page = rendering.render(POLICY, "en", on=NOW.date())
    shown = pages.parts(page, {})
    assert [one.number for one in shown] == list(range(1, len(page.parts) + 1))
    assert [one.id for part in shown for one in part.sentences] == [
        one.id for part in page.parts for one in part.clauses
    ]
    assert [one.heading for one in shown] == [one.heading for one in page.parts]


@pytest.mark.parametrize("state", list(State))
def test_a_sentence_carries_the_state_that_was_found(state: State) -> None:
    words = {"kept": "Kept", "due": "Due", "broken": "Broken", "statement": "Statement", "unknown": "Unchecked"}
    seal = Seal(state, NOW, "cd" * 32, "Found.", 3, 2, 1)
    one = sentences({"never": seal})["never"]
    assert (one.state, one.word, one.seal) == (state.value, words[state.value], seal)


def test_without_a_check_a_disclaimer_is_a_statement_and_a_promise_is_unchecked() -> None:
    found = sentences({})
    kinds = {clause.id: clause.kind for clause in POLICY.clauses}
    assert {"disclaimer"} < set(kinds.values())
    for name, one in found.items():
        assert one.state == ("statement" if kinds[name] == "disclaimer" else "unknown"), name


def test_sentences_of_an_earlier_version_stand_without_a_seal() -> None:
    assert {(one.state, one.word) for one in sentences(None).values()} == {("", "")}


def test_the_last_check_is_the_newest_of_all() -> None:
    found = {
        "a": Seal(State.KEPT, NOW - DAY),
        "b": Seal(State.DUE, NOW),
        "c": Seal(State.KEPT, NOW - 2 * DAY),
        "d": Seal(State.STATEMENT),
    }
    assert pages.checked_at(found) == NOW
    assert pages.checked_at({"d": Seal(State.STATEMENT)}) is None
    assert pages.checked_at({}) is None


@pytest.mark.parametrize(
    ("promises", "checked", "is_partly"),
    [(0, 0, False), (3, 0, False), (3, 1, True), (3, 2, True), (3, 3, False), (1, 1, False)],
)
def test_a_seal_says_when_only_a_part_was_checked(promises: int, checked: int, is_partly: bool) -> None:
    assert Seal(State.KEPT, NOW, promises=promises, checked=checked).is_partly_checked == is_partly


def test_a_page_is_drawn_once_for_a_version_a_language_a_day_and_what_is_attested() -> None:
    pages._rendered.cache_clear()
    name = next(clause.id for clause in POLICY.clauses if clause.kind == "attested")
    first = pages.rendered(held(), "en", NOW.date())
    assert pages.rendered(held(), "en", NOW.date()) is first
    assert pages.rendered(held(), "en", NOW.date(), {name: Seal(State.KEPT)}) is first, "a seal that nobody attests"
    others = [
        pages.rendered(held(), "hi", NOW.date()),
        pages.rendered(held(), "en", NOW.date() + DAY),
        pages.rendered(held(digest="cd" * 32), "en", NOW.date()),
        pages.rendered(held(), "en", NOW.date(), {name: Seal(State.KEPT, is_attested=True)}),
    ]
    assert all(other is not first for other in others)
    assert pages._rendered.cache_info().misses == 5


def test_what_is_attested_today_brings_its_words_back() -> None:
    name = next(clause.id for clause in POLICY.clauses if clause.kind == "attested")
    without = pages.rendered(held(), "en", NOW.date(), {name: Seal(State.DUE)})
    attested = pages.rendered(held(), "en", NOW.date(), {name: Seal(State.KEPT, is_attested=True)})
    said, again = ({c.id: c.text for part in page.parts for c in part.clauses} for page in (without, attested))
    assert name in again and said.get(name) != again[name]


# --- recipients ---------------------------------------------------------------------------------------------------------------


def with_recipient(**changes: object) -> Policy:
    """The sample with one recipient only: the first of its own, changed."""
    first = next(iter(POLICY.recipients.values()))
    return POLICY.model_copy(update={"recipients": {"one": first.model_copy(update=changes)}})


def recipient(language: str = "en", **changes: object) -> dict[str, object]:
    (found,) = pages.recipients(with_recipient(**changes), language)
    return found


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("always", "For the work it does for us"),
        ("law", "Only when a law orders it"),
        ("consent", "Only when you agreed to it by name"),
    ],
)
def test_a_recipient_says_on_which_condition(when: str, said: str) -> None:
    assert str(recipient(when=when)["when"]) == said


@pytest.mark.parametrize(("contract", "has_contract"), [("required", True), ("none", False)])
def test_a_recipient_is_bound_by_a_contract_or_says_that_it_is_not(contract: str, has_contract: bool) -> None:
    assert recipient(contract=contract)["has_contract"] is has_contract


def test_a_recipient_has_its_own_name_before_that_of_its_role() -> None:
    assert recipient(name="Sahyadri Post")["name"] == "Sahyadri Post"
    assert recipient(name="")["name"] == "one", "a role the vocabulary does not know stands as the file names it"
    known = {one["id"]: one["name"] for one in pages.recipients(POLICY, "hi") if not POLICY.recipients[one["id"]].name}
    assert known and all(name not in ("", role) for role, name in known.items()), known


def test_a_recipient_lists_its_data_once_each_and_its_countries_by_name() -> None:
    kinds = ("identity", "identity")
    twice, once = recipient(gets=kinds), recipient(gets=kinds[:1])
    assert twice["data"] == once["data"] and once["data"]
    assert recipient(countries=("IN", "US"))["countries"] == "India and United States"
    assert recipient(countries=())["countries"] == ""
    assert "भारत" in str(recipient("hi", countries=("IN",))["countries"])


def test_a_recipient_names_its_host_and_its_safeguard_in_words() -> None:
    assert recipient(host="mail.sahyadri.test")["host"] == "mail.sahyadri.test"
    assert recipient(host=None)["host"] == ""
    assert recipient(safeguard="scc")["safeguard"] == "standard contractual clauses"


def test_every_recipient_of_the_policy_is_listed_in_its_order() -> None:
    assert [one["id"] for one in pages.recipients(POLICY, "en")] == list(POLICY.recipients)


# --- rights -------------------------------------------------------------------------------------------------------------------


def rights(*kinds: str) -> list[str]:
    given = POLICY.rights.model_copy(update={"kinds": kinds})
    return [one["words"] for one in pages.rights(POLICY.model_copy(update={"rights": given}), HERE)]


@pytest.mark.parametrize(
    ("kinds", "shown"),
    [
        (
            ("access", "correct", "erase", "port", "grievance"),
            ["See my data", "Correct it", "Erase it", "Take it with me", "Stop messages", "Complain"],
        ),
        (("access", "grievance"), ["See my data", "Stop messages", "Complain"]),
        (("grievance", "access"), ["See my data", "Stop messages", "Complain"]),
        (("grievance",), ["Stop messages", "Complain"]),
        ((), ["Stop messages"]),
    ],
)
def test_the_card_offers_the_rights_that_the_policy_gives(kinds: tuple[str, ...], shown: list[str]) -> None:
    assert rights(*kinds) == shown


def test_each_right_leads_to_its_own_question_and_stopping_to_the_choices() -> None:
    found = {one["words"]: one["url"] for one in pages.rights(POLICY, HERE)}
    kinds = {"See my data": "access", "Correct it": "correct", "Erase it": "erase", "Take it with me": "port"}
    for words, kind in {**kinds, "Complain": "grievance"}.items():
        assert found[words].endswith(f"?kind={kind}") and str(HERE) in found[words], words
    assert str(HERE) in found["Stop messages"] and "kind=" not in found["Stop messages"]
