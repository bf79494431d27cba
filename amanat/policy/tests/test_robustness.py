"""Whatever is done to a file: findings, never an accident; and what has no finding can be shown, compared and merged."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amanat.policy import differences, documents, linting, loading, merging, rendering
from amanat.policy.linting import Severity
from amanat.policy.linting.findings import CHECKS, check
from amanat.policy.strictness import Direction
from amanat.policy.terms import LANGUAGES
from amanat.policy.tests.samples import DEFAULT, changed, policy
from amanat.policy.tests.test_merging import POLICIES

LINES = DEFAULT.splitlines()
#: Words, numbers and signs of the file, each of which may become something else.
PIECES = [
    (found.start(), found.end()) for found in re.finditer(r"[\w.-]+|[\[\]{}:,]", DEFAULT.split("translations:")[0])
]
OTHERS = [
    "",
    "x",
    "0",
    "-1",
    "P1D",
    "P1M+P1M",
    "[]",
    "{}",
    "null",
    "true",
    "{x}",
    "consent",
    "pd:Name",
    "en",
    "*",
    "&a b",
    "!!x",
    "'",
    "वर्ष",
    "1e400",
]
MANY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
DIRECTIONS = {
    Direction.STRICTER: Direction.LOOSER,
    Direction.LOOSER: Direction.STRICTER,
    Direction.OTHER: Direction.OTHER,
}


def shown(text: str) -> None:
    """Lint the text; when nothing is wrong, everything else must work too."""
    found = linting.lint_text(text)
    assert all(finding.line >= 1 and finding.wrong and finding.instead for finding in found)
    if any(finding.severity is Severity.ERROR for finding in found):
        return
    loaded = loading.load(text).policy
    for language in loaded.head.langs:
        assert rendering.render(loaded, language).as_text()
    assert loading.from_document(loaded.as_document()) == loaded
    assert differences.between(loaded, loaded) == []
    assert documents.content_hash(merging.merge([loaded]).policy) == documents.content_hash(loaded)


@pytest.mark.slow
@MANY
@given(st.sampled_from(PIECES), st.sampled_from(OTHERS))
def test_one_piece_becomes_another(piece: tuple[int, int], other: str) -> None:
    shown(DEFAULT[: piece[0]] + other + DEFAULT[piece[1] :])


@MANY
@given(st.sampled_from(PIECES), st.sampled_from(PIECES))
def test_two_pieces_change_places(one: tuple[int, int], other: tuple[int, int]) -> None:
    (a, b), (c, d) = sorted([one, other])
    if b <= c:
        shown(DEFAULT[:a] + DEFAULT[c:d] + DEFAULT[b:c] + DEFAULT[a:b] + DEFAULT[d:])


@pytest.mark.slow
@MANY
@given(st.lists(st.integers(0, len(LINES) - 1), min_size=1, max_size=3))
def test_lines_are_lost(lost: list[int]) -> None:
    shown("\n".join(line for number, line in enumerate(LINES) if number not in lost))


@MANY
@given(st.integers(0, len(DEFAULT)))
def test_the_file_is_cut_off(length: int) -> None:
    shown(DEFAULT[:length])


@pytest.mark.slow
@MANY
@given(st.text(max_size=40), st.integers(0, len(DEFAULT)))
def test_something_is_written_between(text: str, at: int) -> None:
    shown(DEFAULT[:at] + text + DEFAULT[at:])


@pytest.mark.slow
@MANY
@given(POLICIES, POLICIES)
def test_differences_turn_round(one: object, other: object) -> None:
    there = {change.path: change for change in differences.between(one, other)}  # type: ignore[arg-type]
    back = {change.path: change for change in differences.between(other, one)}  # type: ignore[arg-type]
    assert set(there) == set(back)
    for path, change in there.items():
        # A whole entry that comes and goes is judged by what its coming or going means.
        if "was added" not in change.sentence and "was removed" not in change.sentence:
            assert back[path].direction is DIRECTIONS[change.direction], path
        assert change.is_material <= (change.direction is not Direction.STRICTER), path


@pytest.mark.slow
@MANY
@given(POLICIES)
def test_no_difference_from_itself(one: object) -> None:
    assert differences.between(one, one) == []  # type: ignore[arg-type]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_is_never_read_as_code(language: str) -> None:
    """What stands in a name or an address is shown as it is, braces and all."""
    odd = policy(('post: "Business Park, ', 'post: "{policy.id} <b>&amp; {0} %s '))
    text = rendering.render(odd, language).as_text()
    assert "{policy.id} <b>&amp; {0} %s Sector 142" in text


def test_two_checks_cannot_share_a_name() -> None:
    with pytest.raises(ValueError, match=r"children\.age"):
        check("children.age")(lambda case: [])
    assert CHECKS["children.age"].run(linting.Case(policy())) is not None


@pytest.mark.parametrize("identity", sorted(CHECKS))
def test_each_check_says_nothing_of_the_default_unless_it_warns(identity: str) -> None:
    found = list(CHECKS[identity].findings(linting.Case(policy())))
    assert found == [] or CHECKS[identity].severity is Severity.WARNING


def test_a_clause_is_found_by_its_name() -> None:
    loaded = loading.load(changed())
    case = linting.Case(loaded.policy, loaded.document)
    for clause in loaded.policy.clauses:
        line = LINES[case.line(("clauses", clause.id, "say")) - 1]
        assert line.startswith(f"  - {{id: {clause.id}, ")
    assert LINES[case.line(("translations", "hi", "never")) - 1].startswith("    never: ")
    assert case.line(("clauses", "nothing")) == case.line(("clauses", loaded.policy.clauses[0].id))
