"""Steps on the text of a policy, and what they would mean."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amanat.policy import editing, linting, loading, questions, reading, ready, references
from amanat.policy.editing import LeaveOut, Put, Remove
from amanat.policy.linting import Severity
from amanat.policy.strictness import Direction
from amanat.policy.tests.samples import DEFAULT


def lines_that_differ(one: str, other: str) -> list[str]:
    return [line for line in other.splitlines() if line not in one.splitlines()]


def test_a_written_path_is_a_place() -> None:
    assert editing.place("keep.content.until.request") == ("keep", "content", "until", "request")
    assert editing.place("translations.hi.parties.operator.name") == ("translations", "hi", "parties.operator.name")
    assert editing.place("labels.recipients.mail") == ("labels", "recipients.mail")
    assert editing.place("never") == ("never",)


def test_a_period_is_changed_in_its_line_alone() -> None:
    text = editing.edit(DEFAULT, [Put(editing.place("keep.content.until.request"), "P60D")])
    assert lines_that_differ(DEFAULT, text) == [
        line.replace("request: P30D", "request: P60D")
        for line in DEFAULT.splitlines()
        if line.startswith("  content:   {of: [content, talk]")
    ]
    assert str(loading.load(text).policy.keep["content"].until["request"]) == "P60D"


def test_a_recipient_and_a_channel_and_a_clause_come_and_go() -> None:
    mail = {"is": "dpv:DataProcessor", "gets": ("identity",), "in": ("IN",), "contract": "required", "name": "Courier"}
    clause = {
        "id": "more",
        "in": "share",
        "say": "Parcels: {recipients.courier}.",
        "rests": ("recipients.courier",),
        "probe": ("D-SP",),
    }
    steps = [
        Put(("recipients", "courier"), mail),
        Put(("clauses", ""), clause),
        Put(("purposes", "marketing", "per"), ("email",)),
        Put(("clauses", "people", "say"), "Trained: {security.training_every}."),
    ]
    policy = loading.load(editing.edit(DEFAULT, steps)).policy
    assert policy.recipients["courier"].name == "Courier"
    assert policy.clauses[-1].id == "more"
    assert policy.purposes["marketing"].per == ("email",)
    assert editing.clause_text(policy, "people", "en") == "Trained: 1 year."
    again = loading.load(
        editing.edit(editing.edit(DEFAULT, steps), [Remove(("clauses", "more")), Remove(("recipients", "courier"))])
    ).policy
    assert "courier" not in again.recipients and again.clauses[-1].id != "more"


def test_a_way_that_leads_nowhere_is_named() -> None:
    with pytest.raises(editing.PlaceMissing, match="nothing"):
        editing.edit(DEFAULT, [Put(("keep", "nothing", "until"), "P1D")])
    with pytest.raises(editing.PlaceMissing):
        editing.edit(DEFAULT, [Remove(("clauses", "nothing"))])


@pytest.mark.slow
def test_what_is_left_out_is_named_nowhere_any_more() -> None:
    for place in (("data", "voice"), ("purposes", "reminders"), ("recipients", "whatsapp"), ("keep", "voice")):
        policy = loading.load(editing.edit(DEFAULT, [LeaveOut(place)])).policy
        path = ".".join(place)
        named = [rest for clause in policy.clauses for rest in (*clause.rests, *references.paths_in(clause.say))]
        assert not [one for one in named if f"{one}.".startswith(f"{path}.")]
        assert all(
            {*said} <= {clause.id for clause in policy.clauses} | {one for one in said if "." in one}
            for said in policy.translations.values()
        )
        if place[0] == "data":
            assert all(place[1] not in purpose.uses for purpose in policy.purposes.values())


@pytest.mark.parametrize("name", ready.names())
def test_a_ready_policy_as_a_text_is_that_policy(name: str) -> None:
    text = editing.source_of(name)
    assert loading.load(text).policy == ready.policy(name)
    assert text.startswith("#")


def test_a_policy_without_a_text_gets_one() -> None:
    policy = ready.policy("calling")
    assert loading.load(editing.source_from(policy)).policy.as_document() == policy.as_document()


# --- what a change means ----------------------------------------------------------------------------------------------------------


def effect_of(*steps: editing.Step, language: str = "en") -> editing.Effect:
    return editing.effect(DEFAULT, editing.edit(DEFAULT, steps), language=language)


def test_the_sentence_before_and_after() -> None:
    found = effect_of(Put(("keep", "support", "until", "case_closed"), "P18M"))
    assert found.sentences == (
        editing.Sentence(
            "keep-support",
            "Support cases: 2 years after they are closed.",
            "Support cases: 18 months after they are closed.",
        ),
    )
    assert [(change.path, change.direction, change.is_material) for change in found.changes] == [
        ("keep.support.until.case_closed", Direction.STRICTER, False)
    ]
    assert found.refused == ()


def test_the_sentence_in_another_language() -> None:
    [sentence] = effect_of(Put(("keep", "support", "until", "case_closed"), "P18M"), language="mr").sentences
    assert "18 महिने" in sentence.after and "2 वर्षे" in sentence.before


def test_a_looser_rule_is_material() -> None:
    [change] = effect_of(Put(("keep", "support", "until", "case_closed"), "P5Y")).changes
    assert (change.direction, change.is_material) == (Direction.LOOSER, True)


def test_what_the_law_refuses_is_told_from_what_was_wrong_before() -> None:
    found = effect_of(Put(("children", "min_age"), 16))
    assert [one.check for one in found.refused] == ["children.age"]
    before = editing.edit(DEFAULT, [Put(("children", "min_age"), 16)])
    later = editing.effect(before, editing.edit(before, [Put(("rights", "due"), "P20D")]))
    assert later.refused == ()
    assert "children.age" in {one.check for one in later.errors}


def test_a_text_that_is_no_policy_any_more_says_where() -> None:
    found = effect_of(Remove(("keep", "support", "until")))
    assert found.policy is None
    assert [one.check for one in found.refused] == ["format"]


def test_a_sentence_that_is_gone_has_nothing_after() -> None:
    found = effect_of(LeaveOut(("purposes", "reminders")))
    assert editing.Sentence("reminders", found.sentences[-1].before, "") in found.sentences


def test_an_unfinished_sentence_keeps_its_braces() -> None:
    text = editing.edit(DEFAULT, [Put(("clauses", "people", "say"), "Trained {security.never_every}.")])
    assert editing.clause_text(loading.load(text).policy, "people", "en") == "Trained {security.never_every}."


# --- every rule that is asked for -----------------------------------------------------------------------------------------------------

POLICY = ready.policy("default")
_ENTRIES = [
    f"{block}.{name}" for block in ("data", "purposes", "recipients", "keep") for name in getattr(POLICY, block)
]
_ALL = [
    *questions.about(POLICY, [path for clause in POLICY.clauses for path in clause.rests]),
    *(one for path in _ENTRIES for one in questions.of_entry(POLICY, path)),
]
ASKED = list({one.path: one for one in _ALL}.values())


def answers(question: questions.Question) -> st.SearchStrategy[tuple[list[str], str]]:
    units = st.sampled_from(list(questions.UNITS))
    match question.kind:
        case questions.Kind.DURATION:
            given: Any = st.integers(0, 90).map(lambda number: [str(number)])
            return st.tuples(given, units)
        case questions.Kind.NUMBER:
            given = st.integers(0, 9).map(lambda number: [str(number)])
        case questions.Kind.YES:
            given = st.sampled_from([["yes"], ["no"]])
        case questions.Kind.CHOICE | questions.Kind.BASIS:
            given = st.sampled_from(question.choices).map(lambda one: [one])
        case questions.Kind.CHOICES:
            given = st.lists(st.sampled_from(question.choices), min_size=1, unique=True)
        case questions.Kind.PERIOD:
            given = st.sampled_from([["P1M+P1M"], ["P30D"]])
        case _:
            given = st.lists(
                st.text("abc: #'\"{}-é", min_size=1, max_size=8).filter(lambda text: bool(text.strip())),
                min_size=1,
                max_size=1,
            )
    return st.tuples(given, st.just(""))


@pytest.mark.slow
@settings(max_examples=35, deadline=None)
@given(st.data())
def test_an_answer_is_exactly_what_the_policy_says_then_and_nothing_else_changed(data: st.DataObject) -> None:
    question = data.draw(st.sampled_from(ASKED))
    given_words, unit = data.draw(answers(question))
    try:
        answer = questions.read(question, given_words, unit)
    except questions.AnswerInvalid:
        return  # such as 90 years of years
    place, written = editing.place(question.path), questions.to_write(POLICY, question, answer)
    text = (
        editing.edit(DEFAULT, [Remove(place) if written is None else Put(place, written)])
        if written is not None or question.value is not None
        else DEFAULT
    )
    held = reading.read(text).value
    if written is not None:
        assert value_at(held, place) == written
    held_before = editing.edit(text, [Put(place, question_value(place))]) if question_value(place) is not None else text
    restored = reading.read(held_before if question_value(place) is not None else without(text, place)).value
    assert restored == reading.read(DEFAULT).value


def value_at(held: Any, place: tuple[str | int, ...]) -> Any:
    """What stands at a place of a file's values. Raises PlaceMissing."""
    for number, step in enumerate(place):
        held = held[editing._key(held, step, place[: number + 1])]
    return held


def question_value(place: tuple[str | int, ...]) -> Any:
    """What the file itself says at a place; None where it leaves the default."""
    try:
        return value_at(reading.read(DEFAULT).value, place)
    except editing.PlaceMissing:
        return None


def without(text: str, place: tuple[str | int, ...]) -> str:
    try:
        return editing.edit(text, [Remove(place)])
    except editing.PlaceMissing:
        return text


@pytest.mark.parametrize("question", ASKED, ids=lambda question: question.path)
def test_no_answer_is_no_change(question: questions.Question) -> None:
    """What a form shows, sent back, says the same."""
    now = question.value
    if question.kind in {questions.Kind.CHOICES, questions.Kind.WORDS}:
        given_words = [str(one) for one in now]
    elif question.kind is questions.Kind.YES:
        given_words = ["yes" if now else "no"]
    elif question.kind is questions.Kind.BASIS:
        given_words = ["consent" if now == "consent" else "grounds"]
    else:
        given_words = ["" if now is None else str(question.number if question.kind is questions.Kind.DURATION else now)]
    assert not questions.differs(question, questions.read(question, given_words, question.unit))


@pytest.mark.parametrize(
    ("path", "given_words", "unit", "code"),
    [
        ("rights.due", ["soon"], "D", "number"),
        ("rights.due", ["-3"], "D", "number"),
        ("rights.due", ["3"], "fortnights", "choice"),
        ("rights.due", [""], "D", "empty"),
        ("rights.due", ["99999"], "Y", "period"),
        ("rights.regimes.eu-gdpr", ["one month"], "", "period"),
        ("children.min_age", ["eighteen"], "", "number"),
        ("changes.email_if", ["perhaps"], "", "choice"),
        ("rights.kinds", ["access", "dance"], "", "choice"),
    ],
)
def test_what_does_not_fit_is_refused(path: str, given_words: list[str], unit: str, code: str) -> None:
    with pytest.raises(questions.AnswerInvalid, match=code):
        questions.read(questions.at(POLICY, path), given_words, unit)


def test_nobody_is_asked_what_is_computed_or_fixed() -> None:
    asked = {one.path for one in questions.about(POLICY, ["policy", "parties", "data", "vault", "security", "changes"])}
    assert not {path for path in asked if path.startswith(("policy", "parties")) or path.endswith((".at", ".via"))}
    assert not asked & {"changes.silence_is", "vault.key", "security.access", "security.password"}
    with pytest.raises(LookupError):
        questions.at(POLICY, "policy.version")


def test_what_is_not_promised_yet_can_be_promised() -> None:
    asked = {one.path: one for one in questions.about(POLICY, ["keep.content"])}
    assert asked["keep.content.warn"].value is None and asked["keep.content.warn"].is_optional


def test_consent_can_give_way_to_a_ground_of_each_law() -> None:
    question = questions.at(POLICY, "purposes.improve.basis")
    written = questions.to_write(POLICY, question, questions.GROUNDS)
    assert set(written) == set(POLICY.head.regimes)
    found = editing.effect(DEFAULT, editing.edit(DEFAULT, [Put(("purposes", "improve", "basis"), written)]))
    assert found.policy is not None
    assert [one.path for one in questions.about(found.policy, ["purposes.improve.basis"])] == [
        "purposes.improve.basis", *(f"purposes.improve.basis.{law}" for law in POLICY.head.regimes),
    ]  # fmt: skip


def test_findings_of_the_default_are_warnings_alone() -> None:
    assert [one for one in linting.lint_text(DEFAULT) if one.severity is Severity.ERROR] == []
