"""Walks through every template, style and script of the project: the strict content security policy must be able to hold."""

import gzip
import re
from collections import Counter
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from amanat.web import sprite

PACKAGE = Path(__file__).parents[2]
WEB = Path(__file__).parents[1]
TEMPLATES = sorted(path for path in PACKAGE.rglob("templates/**/*") if path.suffix in {".html", ".svg"})
STYLES = sorted((WEB / "static" / "web" / "css").glob("*.css"))
SCRIPTS = sorted((WEB / "static" / "web" / "js").glob("*.js"))
ALL_SCRIPTS = sorted(path for path in PACKAGE.rglob("static/**/*.js") if "vendor" not in path.parts)
names = pytest.mark.parametrize


def short(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def test_there_is_something_to_walk() -> None:
    assert len(TEMPLATES) > 30 and len(STYLES) >= 5 and len(SCRIPTS) >= 3


FORBIDDEN = {
    "inline script": re.compile(r"<script(?![^>]*\ssrc=)[^>]*>", re.I),
    "inline style": re.compile(r"<style|\sstyle\s*=", re.I),
    "event handler": re.compile(r"<[^>]*\son[a-z]+\s*=", re.I),
    "handler of htmx": re.compile(r"\shx-on|hx-vals=['\"]js:|hx-trigger=['\"][^'\"]*\[", re.I),
    "script address": re.compile(r"javascript:", re.I),
    "address of another host": re.compile(
        r"""(?:href|src|action|srcset|data|poster|hx-get|hx-post)\s*=\s*["'](?:https?:)?//""", re.I
    ),
    "unescaped text": re.compile(r"\|\s*safe\b|\{%\s*autoescape\s+off"),
}


def _is_a_page(path: Path) -> bool:
    """Mails are none, nor is the file of a copy, which is read without us and brings its own style."""
    is_a_mail = "email" in path.parts or path.name.endswith("_message.html")
    return not is_a_mail and path.name != "copies_copy.html"


_PAST_HTMX = re.compile(r"<form\b[^>]*hx-boost=\"false\"[^>]*>.*?</form>", re.S)


def test_a_button_that_fetches_a_file_works_more_than_once() -> None:
    """No event tells that a file is there: without the mark the button would wait for a new page that never comes."""
    forms = [
        (short(path), form)
        for path in TEMPLATES
        for form in _PAST_HTMX.findall(path.read_text(encoding="utf-8"))
        if 'method="post"' in form and "multipart" not in form
    ]
    assert len(forms) > 8
    assert [name for name, form in forms if "data-download" not in form] == []


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Of every template. Each walk is one test: one for each template would cost a hundred times the walk."""
    return {short(path): path.read_text(encoding="utf-8") for path in TEMPLATES}


def test_templates_keep_to_the_strict_policy(texts: dict[str, str]) -> None:
    found = {}
    for path in filter(_is_a_page, TEMPLATES):
        text = re.sub(r"\{#.*?#\}|\{% comment %\}.*?\{% endcomment %\}", "", texts[short(path)], flags=re.S)
        found |= {(short(path), what): one[0] for what, pattern in FORBIDDEN.items() if (one := pattern.search(text))}
    assert found == {}


@names(
    ("bad", "what"),
    [
        ("<script>alert(1)</script>", "inline script"),
        ('<p style="color:red">', "inline style"),
        ('<a onclick="x()">', "event handler"),
        ("<a hx-on:click='x'>", "handler of htmx"),
        ('<img src="//cdn.example/x.png">', "address of another host"),
        ("{{ text|safe }}", "unescaped text"),
    ],
)
def test_the_walk_would_find_a_fault(bad: str, what: str) -> None:
    assert FORBIDDEN[what].search(bad)


def test_icons_named_in_templates_are_in_the_sprite(texts: dict[str, str]) -> None:
    named = re.compile(r"""\{%\s*icon\s+["']([^"']+)["']|\b(?:icon_name|action_icon|icon)=["']([^"'{]+)["']""")
    used = {(name, one[1] or one[2]) for name, text in texts.items() for one in named.finditer(text)}
    assert len(used) > 100
    assert [(name, icon) for name, icon in sorted(used) if icon not in sprite.drawn_names()] == []


def test_icons_named_in_python_are_in_the_sprite() -> None:
    entry = re.compile(r"""(?:Entry|Offer|Shown)\((?:[^()]|\([^()]*\))*\)""", re.S)
    unknown = {}
    for path in PACKAGE.rglob("*.py"):
        if "tests" in path.parts or path.is_relative_to(WEB):
            continue
        for call in entry.findall(path.read_text(encoding="utf-8")):
            literal = re.search(r"""_?\(["'][^"']+["']\)\s*,\s*["']([a-z0-9-]+)["']""", call)
            if literal and literal.group(1) not in sprite.drawn_names():
                unknown[short(path)] = literal.group(1)
    assert unknown == {}


def test_static_files_named_in_templates_exist(texts: dict[str, str]) -> None:
    named = re.compile(r"""\{%\s*static\s+["']([^"']+)["']""")
    files = {(name, file) for name, text in texts.items() for file in named.findall(text)}
    assert len(files) > 20
    assert [(name, file) for name, file in sorted(files) if not finders.find(file)] == []


def test_ids_that_are_written_out_are_unique(texts: dict[str, str]) -> None:
    ids = {name: Counter(re.findall(r"""\sid=["']([a-z][a-z0-9_-]*)["']""", text)) for name, text in texts.items()}
    assert sum(len(found) for found in ids.values()) > 100
    assert [(name, one) for name, found in ids.items() for one, times in found.items() if times > 1] == []


@names("path", STYLES, ids=short)
def test_styles_ask_no_other_host_and_name_files_that_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "@import" not in text
    for address in re.findall(r"""url\(["']?([^"')]+)""", text):
        assert (path.parent / address).resolve().is_file()


@names("path", [style for style in STYLES if style.name != "tokens.css"], ids=short)
def test_colours_stand_in_the_tokens_only(path: Path) -> None:
    text = re.sub(r"@media print \{.*", "", path.read_text(encoding="utf-8"), flags=re.S)
    colours = set(re.findall(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch)a?\([^)]*\)", text))
    assert colours <= {"#fff"}


@names("path", STYLES, ids=short)
def test_every_custom_property_used_is_a_token(path: Path) -> None:
    tokens = set(re.findall(r"(--[a-z0-9-]+)\s*:", (WEB / "static/web/css/tokens.css").read_text()))
    own = set(re.findall(r"(--[a-z0-9-]+)\s*:", path.read_text(encoding="utf-8")))
    used = set(re.findall(r"var\((--[a-z0-9-]+)", path.read_text(encoding="utf-8")))
    assert used <= tokens | own


@names("path", STYLES, ids=short)
def test_styles_work_in_a_right_to_left_script(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    sided = re.findall(
        r"(?:margin|padding|border)-(?:left|right)\b|(?:^|[;{]\s*)(?:left|right)\s*:|text-align:\s*(?:left|right)|(?<!-)\bfloat:",
        text,
    )
    assert sided == []


@names("path", SCRIPTS, ids=short)
def test_scripts_evaluate_nothing_and_ask_no_other_host(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert (
        re.findall(
            r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write|https?://|^import ",
            text,
            re.M,
        )
        == []
    )


@names("path", ALL_SCRIPTS, ids=short)
def test_scripts_ask_a_form_for_its_attributes_and_not_for_its_fields(path: Path) -> None:
    """`form.method` is the field named "method" where there is one (how a payment was made), and then no longer "post"."""
    read = re.findall(r"\b(?:form|event\.target)\.(?:method|action|target|name|id)\b", path.read_text(encoding="utf-8"))
    assert read == []


def test_crumbs_are_named_lead_back_and_end_at_the_page_itself(texts: dict[str, str]) -> None:
    """On a phone they are the only way back, so there is at least one link."""
    drawn = re.compile(r'<nav class="crumbs".*?</nav>', re.S)
    found = [(name, crumbs) for name, text in texts.items() for crumbs in drawn.findall(text)]
    assert len(found) > 50
    for name, crumbs in found:
        assert 'aria-label="{% translate' in crumbs, name
        assert crumbs.count('aria-current="page"') == 1, name
        assert 0 < crumbs.find("<a ") < crumbs.index('aria-current="page"'), name


def test_a_template_extends_the_shell_once_and_first(texts: dict[str, str]) -> None:
    pages = {name: text for name, text in texts.items() if "{% block crumbs %}" in text}
    assert len(pages) > 50
    for name, text in pages.items():
        assert text.startswith("{% extends ") or name.endswith("/base.html"), name
        assert text.count("{% extends ") <= 1, name


def test_a_list_page_weighs_under_100_kb() -> None:
    """CSS and JS of a page that extends base.html, compressed, fonts aside (the budget of the design)."""
    names_of = re.compile(r"""\{% static ['"](web/(?:css|js|vendor/htmx)/[^'"]+)""")
    linked = {
        name
        for page in ("_head.html", "base.html")
        for name in names_of.findall((WEB / "templates/web" / page).read_text())
    }
    assert len(linked) == 8
    weight = sum(len(gzip.compress((WEB / "static" / name).read_bytes(), 6)) for name in linked)
    assert weight < 60_000


def test_pages_link_few_files() -> None:
    head = (WEB / "templates/web/_head.html").read_text()
    assert head.count('rel="stylesheet"') == 4
