"""Kept parts of pages: drawn once for each way they differ, with each visitor's own token."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.middleware.csrf import get_token
from django.template import Context, engines
from django.test import RequestFactory
from django.utils import translation

from amanat.web import frame


class Part:
    """A template that counts how often it is drawn."""

    def __init__(self, source: str) -> None:
        self.drawn = 0
        self._compiled = engines["django"].from_string(source)

    @property
    def template(self) -> Part:
        return self

    def render(self, context: Context) -> str:
        self.drawn += 1
        return str(self._compiled.template.render(context))  # type: ignore[attr-defined]


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Part:
    made = Part('{% csrf_token %}<a href="{{ here }}">{{ word }}</a>')
    monkeypatch.setattr(frame, "get_template", lambda name: made)
    monkeypatch.setattr(frame, "_kept", type(frame._kept)())
    return made


def _context(path: str = "/contacts/?a=1&b=2", **more: Any) -> Context:
    return Context({"request": RequestFactory().get(path), "navigation": {}, "word": "<b>", "theme": "light", **more})


def test_the_same_is_drawn_once_and_each_answer_has_its_own_token_and_address(part: Part) -> None:
    one, other = _context(), _context("/tasks/")
    first, second = frame.draw("part", one, "key"), frame.draw("part", other, "key")
    assert part.drawn == 1
    assert "&lt;b&gt;" in first and 'href="/contacts/?a=1&amp;b=2"' in first and 'href="/tasks/"' in second
    assert frame.TOKEN not in first + second
    assert first.split('value="')[1][:64] != second.split('value="')[1][:64]


def test_parts_of_one_page_share_one_token(part: Part) -> None:
    context = _context()
    assert frame.draw("part", context, "key") == frame.draw("part", context, "key")
    assert len(get_token(context["request"])) == 64


@pytest.mark.parametrize(
    "more",
    [
        {"member": SimpleNamespace(pk=1, role="agent")},
        {"member": SimpleNamespace(pk=1, role="owner")},
        {"theme": "dark"},
    ],
)
def test_another_reader_is_drawn_for_anew(part: Part, more: dict[str, Any]) -> None:
    frame.draw("part", _context(), "key")
    frame.draw("part", _context(**more), "key")
    assert part.drawn == 2


def test_another_language_and_other_words_are_drawn_anew(part: Part) -> None:
    frame.draw("part", _context(), "key")
    frame.draw("part", _context(), "other words")
    with translation.override("hi"):
        frame.draw("part", _context(), "key")
    assert part.drawn == 3


def test_no_more_is_kept_than_said(part: Part, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "MOST", 3)
    for number in range(10):
        frame.draw("part", _context(), number)
    assert len(frame._kept) == 3


def test_a_page_of_an_error_is_drawn_without_a_request_and_not_kept(part: Part) -> None:
    for _time in range(2):
        assert "&lt;b&gt;" in frame.draw("part", Context({"word": "<b>"}), "key")
    assert part.drawn == 2
    assert len(frame._kept) == 0


def test_what_a_page_shows_of_its_address_is_escaped(part: Part) -> None:
    drawn = frame.draw("part", _context('/contacts/?q="><script>alert(1)</script>'), "key")
    assert "<script" not in drawn
