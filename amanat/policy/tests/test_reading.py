"""Files from people we do not know: read as written, or refused with a line and advice."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amanat.policy import reading
from amanat.policy.reading import NotReadable


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: NO", {"a": "NO"}),
        ("a: no", {"a": "no"}),
        ("a: off", {"a": "off"}),
        ("a: true", {"a": True}),
        ("a: false", {"a": False}),
        ("a: 'true'", {"a": "true"}),
        ("a: 1.2", {"a": "1.2"}),
        ("a: 18", {"a": 18}),
        ("a: -3", {"a": -3}),
        ("a: '18'", {"a": "18"}),
        ("a: 018", {"a": "018"}),
        ("a: 0x1f", {"a": "0x1f"}),
        ("a: 1_000", {"a": "1_000"}),
        ("a: 22:30", {"a": "22:30"}),
        ("a: 2026-12-01", {"a": "2026-12-01"}),
        ("a: 1e5", {"a": "1e5"}),
        ("a: .inf", {"a": ".inf"}),
        ("a: 9999999999999999999", {"a": "9999999999999999999"}),
        ("a:", {"a": None}),
        ("a: ~", {"a": None}),
        ("a: null", {"a": None}),
        ("a: ''", {"a": ""}),
        ("a: [b, c: d]", {"a": ("b", {"c": "d"})}),
        ("a: {b: [1, 2]}", {"a": {"b": (1, 2)}}),
        ("a: >\n  one\n  two\n", {"a": "one two\n"}),
        ("a: |\n  18\n", {"a": "18\n"}),
        ("- 1\n- 2", (1, 2)),
        ("1: a", {"1": "a"}),
        ("a: वर्ष", {"a": "वर्ष"}),
    ],
)
def test_plain_words_stay_words(text: str, value: object) -> None:
    read = reading.read(text).value
    assert read == value
    assert repr(read) == repr(value)  # True is not 1


@pytest.mark.parametrize(
    ("text", "line", "wrong"),
    [
        ("", 1, "empty"),
        ("# only a comment\n", 1, "empty"),
        ("a: 1\nb: 2\na: 3\n", 3, "“a” stands here twice"),
        ("a:\n  b: 1\n  b: 2\n", 3, "“b” stands here twice"),
        ("a: &x 1\n", 1, "Anchors"),
        ("a: 1\nb: *x\n", 2, "Anchors"),
        ("a: &x [1]\nb: [*x, *x]\n", 1, "Anchors"),
        ("&x a: 1", 1, "one word"),
        ("a: !!python/object/apply:os.system [ls]", 1, "tag"),
        ("a: !!str 1", 1, "tag"),
        ("a: !include b.yaml", 1, "tag"),
        ("!!map {a: 1}", 1, "tag"),
        ("? [a, b]\n: 1\n", 1, "one word"),
        ("{a: 1}: 2", 1, "one word"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("a: [1\nb: 2\n", 2, "not YAML"),
        ("a: 'x\n", 2, "not YAML"),
        ("a:\n\t- 1\n", 2, "not YAML"),
        ("a: 1\n b: 2\n", 2, "not YAML"),
        ("a: \x00", 1, "not text"),
        ("a: " + "[" * 20 + "]" * 20, 1, "too much"),
        ("a: [" + "1," * 20_001 + "]", 1, "too much"),
        ("a: " + "x" * (256 * 1024), 1, "too long"),
    ],
)
def test_refused_with_a_line(text: str, line: int, wrong: str) -> None:
    with pytest.raises(NotReadable) as refused:
        reading.read(text)
    assert (refused.value.line, wrong in refused.value.wrong) == (line, True), str(refused.value)
    assert refused.value.instead


def test_a_bomb_of_aliases_is_refused_before_it_grows() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(20)
    )
    with pytest.raises(NotReadable, match="line 1: Anchors"):
        reading.read(bomb)


def test_lines_are_those_of_the_names() -> None:
    document = reading.read("a:\n  b:\n\n    c: 1\n  list:\n    - x\n    - y: {z: 1}\n")
    places = [("a",), ("a", "b"), ("a", "b", "c"), ("a", "list", 0), ("a", "list", 1), ("a", "list", 1, "y", "z")]
    assert [document.line(place) for place in places] == [1, 2, 4, 6, 7, 7]


def test_line_of_what_is_not_there_is_the_line_around_it() -> None:
    document = reading.read("a: 1\nb:\n  c: 1\n")
    assert document.line(("b", "missing", "deep")) == 2
    assert document.line(("nowhere",)) == 1


def test_read_file_refuses_other_encodings(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_bytes("a: ä".encode("latin-1"))
    with pytest.raises(NotReadable, match="UTF-8"):
        reading.read_file(file)
    file.write_bytes(b"x" * (reading.LONGEST_FILE + 1))
    with pytest.raises(NotReadable, match="too long"):
        reading.read_file(file)
    file.write_text("a: ä", "utf-8")
    assert reading.read_file(file).value == {"a": "ä"}


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        document = reading.read(text)
    except NotReadable as refused:
        assert refused.line >= 1
    else:
        assert document.line(()) >= 1
