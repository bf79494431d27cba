"""What the probes' reader finds in a page: each thing it looks for, and the same page without it."""

from __future__ import annotations

import pytest
from django.http import HttpResponse

from amanat.publishing.visiting import Visited, read


def seen(page: str, status: int = 200) -> Visited:
    return Visited(HttpResponse(page, status=status))


@pytest.mark.parametrize(
    ("page", "fetched"),
    [
        ('<script src="https://cdn.test/a.js"></script>', ["https://cdn.test/a.js"]),
        ('<img src="https://cdn.test/a.png" alt="">', ["https://cdn.test/a.png"]),
        ('<iframe src="https://cdn.test/"></iframe>', ["https://cdn.test/"]),
        ('<video src="https://cdn.test/a.mp4"></video>', ["https://cdn.test/a.mp4"]),
        ('<audio src="https://cdn.test/a.mp3"></audio>', ["https://cdn.test/a.mp3"]),
        ('<source src="https://cdn.test/a.mp3">', ["https://cdn.test/a.mp3"]),
        ('<img src="//cdn.test/a.png" alt="">', ["//cdn.test/a.png"]),
        ('<link rel="stylesheet" href="https://cdn.test/a.css">', ["https://cdn.test/a.css"]),
        ('<link rel="icon" href="https://cdn.test/a.ico">', ["https://cdn.test/a.ico"]),
        ('<link rel="preload" href="https://cdn.test/a.woff">', ["https://cdn.test/a.woff"]),
        ('<link rel="modulepreload" href="https://cdn.test/a.js">', ["https://cdn.test/a.js"]),
        ('<link rel="manifest" href="https://cdn.test/m.json">', ["https://cdn.test/m.json"]),
        ('<link rel="apple-touch-icon" href="https://cdn.test/a.png">', ["https://cdn.test/a.png"]),
        ('<link rel="shortcut icon" href="https://cdn.test/a.ico">', ["https://cdn.test/a.ico"]),
        ('<link rel="alternate" href="https://cdn.test/feed.xml">', []),
        ('<link rel="canonical" href="https://cdn.test/">', []),
        ('<link href="https://cdn.test/">', []),
        ('<a href="https://elsewhere.test/">a link is followed by people only</a>', []),
        ('<img src="/static/a.png" alt="">', []),
        ('<img src="data:image/png;base64,AA" alt="">', []),
        ('<p data-src="https://cdn.test/a.png">', []),
        ('<img src="/a.png" alt=""><img src="https://b.test/" alt=""><script src="https://a.test/"></script>',
         ["https://b.test/", "https://a.test/"]),
    ],
)  # fmt: skip
def test_what_a_browser_would_fetch_elsewhere_is_found(page: str, fetched: list[str]) -> None:
    assert list(seen(page).elsewhere) == fetched


@pytest.mark.parametrize(
    ("page", "scripts"),
    [("<p>script</p>", 0), ("<script>1</script>", 1), ('<script src="/a.js"></script><script>2</script>', 2)],
)
def test_scripts_are_counted_wherever_they_come_from(page: str, scripts: int) -> None:
    assert seen(page).scripts == scripts


@pytest.mark.parametrize(
    ("page", "wordless"),
    [
        ('<img src="/a.png">', 1),
        ('<img src="/a.png" alt="">', 0),
        ('<img src="/a.png" alt="A seal"><img src="/b.png">', 1),
        ("<svg></svg>", 0),
    ],
)
def test_a_picture_without_words_is_found(page: str, wordless: int) -> None:
    assert seen(page).wordless == wordless


@pytest.mark.parametrize(
    ("page", "headings"),
    [
        ("<h1>a</h1><h2>b</h2><h2>c</h2><h3>d</h3>", (1, 2, 2, 3)),
        ("<h2>b</h2><h1>a</h1>", (2, 1)),
        ("<h6>x</h6><header>no</header><hr>", (6,)),
        ("", ()),
    ],
)
def test_headings_are_told_in_their_order(page: str, headings: tuple[int, ...]) -> None:
    assert seen(page).headings == headings


@pytest.mark.parametrize(
    ("page", "language"), [('<html lang="hi">', "hi"), ("<html>", ""), ('<html><p lang="hi">', ""), ("<p>", "")]
)
def test_the_language_is_the_pages_own(page: str, language: str) -> None:
    assert seen(page).language == language


def test_anchors_links_and_what_the_head_says_are_found() -> None:
    page = seen(
        '<meta name="policy-hash" content="sha256:ab"><meta charset="utf-8"><meta name="robots">'
        '<p id="one"><b id="two"></b></p><a href="/next/">next</a><a>none</a>'
    )
    assert page.ids == {"one", "two"}
    assert page.meta == {"policy-hash": "sha256:ab", "robots": ""}
    assert page.links == ["/next/", ""]


def test_what_is_said_is_one_line_without_marks() -> None:
    assert seen("<p>We  keep\n<b>it</b> &amp; erase</p>").said == "We keep it & erase"


@pytest.mark.parametrize("status", [304, 404, 500])
def test_an_answer_that_is_no_page_says_nothing(status: int) -> None:
    page = seen('<p id="one">Not found</p><script></script>', status)
    assert (page.status, page.text, page.ids, page.scripts) == (status, "", set(), 0)


@pytest.mark.parametrize(
    ("cookies", "names", "is_bound"),
    [
        ([], (), True),
        ([("a", True)], ("a",), True),
        ([("a", False)], ("a",), False),
        ([("a", True), ("b", False)], ("a", "b"), False),
    ],
)
def test_every_cookie_is_seen_and_whether_all_are_bound_to_encryption(
    cookies: list[tuple[str, bool]], names: tuple[str, ...], is_bound: bool
) -> None:
    answer = HttpResponse("")
    for name, is_secure in cookies:
        answer.set_cookie(name, "x", secure=is_secure)
    page = Visited(answer)
    assert (page.cookies, page.is_bound) == (names, is_bound)


def test_the_same_answer_with_another_page_leaves_the_first_as_it_was() -> None:
    first = seen('<h1 id="one">One</h1>')
    again = read(first, '<h2 id="two">Two</h2>')
    assert (first.ids, first.headings, first.said) == ({"one"}, (1,), "One")
    assert (again.ids, again.headings, again.said, again.status) == ({"two"}, (2,), "Two", 200)
