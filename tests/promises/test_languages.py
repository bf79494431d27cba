"""Every word a user sees can be read in every language: nothing stands outside the catalogs, and the catalogs are whole."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.template.base import Lexer, TokenType
from django.test import Client

from amanat.accounts.tests import factories
from amanat.core import catalogs, routes
from amanat.operations import messages
from tests.promises import cast, test_isolation

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = catalogs.found()
CODES = [language.code for language in LANGUAGES]
#: printf's and str.format's places, HTML tags, and line ends at the edges: alike in text and translation.
PLACES = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}|</?\w+[^>]*>")
WORD = re.compile(r"[A-Za-z]{2,}")
HOST = re.compile(r"(?:\*\.)?[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)+|localhost(?::\d+)?")
#: Names and marks that are the same in every language.
NAMES = {
    *(
        "Amanat",
        *("IN", "CGST", "GDPR", "DPDP", "TLS", "CERT", "In", "SHA", "evidence", "until", "name"),
        *("STOP", "UNSUBSCRIBE", "QUIT", "END", "CANCEL"),  # what people write to stop
        *("Brevo", "Mailgun", "Postmark", "WhatsApp", "Meta", "Cloud", "API", "HTTP", "SMS", "SMTP", "IMAP", "Manager"),
        *("Business", "Park", "Sector", "Noida", "India"),  # the address of the example
        "CSV",
        "XLSX",
        "XLS",
        "ODS",
        "VCF",
        "ZIP",
        "JSON",
        "PDF",
        "GSTIN",
        "UPI",
        "VLE",
        "API",
        "PAN",
        "CSC",
        "OK",
    ),
    *(
        "Ctrl",
        "Esc",
        "Enter",
        "Tab",
        "MB",
        "KB",
        "mm",
        "ms",
        "Excel",
        "LibreOffice",
        "Google",
        "Sheets",
        "WhatsApp",
        "vCard",
    ),
    *("Mozilla", "Apple", "Microsoft", "JavaScript", "https"),  # whose push services there are, and what they need
    *("Google", "Gmail", "Workspace"),  # whose mailboxes are signed in to
    *("English", "Tally", "sync", "Aegis", "Authenticator", "Ente", "Auth"),
}


@pytest.fixture(scope="module")
def texts() -> list[messages.Message]:
    return messages.extract()


@cache
def _catalog(code: str) -> dict[messages.Key, polib.POEntry]:
    file = polib.pofile(str(catalogs.SOURCE / f"{code}.po"), encoding="utf-8", check_for_duplicates=True)
    return {(entry.msgctxt, entry.msgid): entry for entry in file if not entry.obsolete}


# --- The catalogs ------------------------------------------------------------------------------------------------
def test_english_hindi_and_marathi_are_offered_by_their_own_names() -> None:
    assert {("en", "English"), ("hi", "हिन्दी"), ("mr", "मराठी")} <= set(settings.LANGUAGES)


@pytest.mark.sampled
@pytest.mark.parametrize("code", CODES)
def test_every_text_is_translated(code: str, texts: list[messages.Message]) -> None:
    catalog = _catalog(code)
    missing = [message.text for message in texts if message.key not in catalog or not catalog[message.key].translated()]
    assert missing == [], f"run ./run messages and translate these in amanat/locale/{code}.po"


@pytest.mark.parametrize("code", CODES)
def test_every_plural_is_translated_in_all_its_forms(code: str, texts: list[messages.Message]) -> None:
    catalog = _catalog(code)
    wrong = [
        message.text for message in texts if message.plural
        and (catalog[message.key].msgid_plural != message.plural or not all(catalog[message.key].msgstr_plural.values()))
    ]  # fmt: skip
    assert wrong == []


@pytest.mark.parametrize("code", CODES)
def test_a_translation_keeps_places_and_tags(code: str) -> None:
    wrong = []
    for entry in _catalog(code).values():
        allowed = [_marks(entry.msgid), *([_marks(entry.msgid_plural)] if entry.msgid_plural else [])]
        for translated in [entry.msgstr, *entry.msgstr_plural.values()]:
            if translated and _marks(translated) not in allowed:
                wrong.append((entry.msgid, translated))
    assert wrong == []


def _marks(text: str) -> tuple[object, ...]:
    """What must stay: named places and tags in any order, nameless ones in theirs; line ends at both edges."""
    found = PLACES.findall(text)
    named = sorted({mark for mark in found if mark not in {"%s", "%d", "{}"}})
    return named, [mark for mark in found if mark in {"%s", "%d", "{}"}], text[:1] == "\n", text[-1:] == "\n"


@pytest.mark.parametrize("code", CODES)
def test_a_sentence_ends_as_a_sentence(code: str) -> None:
    """What ends with a full stop, question mark or colon in English ends so in the language, and a label has none."""
    ends = {".": ".।", "?": "?", ":": ":", "…": "…"}
    wrong = []
    for entry in _catalog(code).values():
        for text, translated in [
            (entry.msgid, entry.msgstr),
            *((entry.msgid, each) for each in entry.msgstr_plural.values()),
        ]:
            last, got = text.rstrip()[-1:], translated.rstrip()[-1:]
            if (
                translated
                and not text.endswith("...")
                and "django/utils/dates.py" not in dict(entry.occurrences)
                and ((last in ends and got not in ends[last]) or (last.isalpha() and got in ".।"))
            ):
                wrong.append((text, translated))
    unexpected = [each for each in wrong if not each[1].endswith((" मि.", " घं.", " ता.", "क्र."))]
    assert unexpected == []


def test_the_comparison_notices_what_is_lost() -> None:
    assert _marks("%(a)s of %(b)d") == _marks("%(b)d में से %(a)s")
    assert _marks("%(a)s") != _marks("%(b)s")
    assert _marks("%s and %d") != _marks("%d और %s")
    assert _marks("plain") != _marks("<b>plain</b>")
    assert _marks("{value}") != _marks("value")
    assert _marks("line\n") != _marks("line")


# --- The templates: no words outside {% translate %} and {% blocktranslate %} -------------------------------------
SEEN = {"title", "alt", "aria-label", "placeholder", "label"}  # attributes that a user reads or hears
UNREAD = {"script", "style", "code", "kbd", "svg"}
#: Tags whose quoted words are names of pages, files and icons, not text.
SILENT = {"translate", "trans", "blocktranslate", "blocktrans", "url", "static", "extends", "load", "block", "if", "elif",
          "frame_part", "query_with"}  # fmt: skip
QUOTED = re.compile(r"""(_\()?("[^"]*"|'[^']*')""")


class _Words(HTMLParser):
    """Collects text and read attributes of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNREAD:
            self.inside.append(tag)
        for name, value in attrs:
            if value and (name in SEEN or name.startswith("data-confirm")):
                self.found.append(value)

    def handle_endtag(self, tag: str) -> None:
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.found.append(data)


def _words(html: str) -> list[str]:
    parser = _Words()
    parser.feed(html)
    parser.close()
    return [text.strip() for text in parser.found]


def _english(texts: list[str]) -> list[str]:
    """Those that hold a word that is neither a name nor a part of a host."""
    return [text for text in texts if set(WORD.findall(HOST.sub("", text))) - NAMES]


def untranslated(source: str) -> list[str]:
    """The English that a template shows without asking the catalogs."""
    kept: list[str] = []
    literal: list[str] = []
    closing = ""
    for token in Lexer(source).tokenize():
        words = token.contents.split()
        if closing:
            closing = "" if token.token_type == TokenType.BLOCK and words[:1] == [closing] else closing
        elif token.token_type == TokenType.TEXT:
            kept.append(token.contents)
        elif token.token_type != TokenType.COMMENT and words:
            kept.append("¤")
            if token.token_type == TokenType.BLOCK and words[0] in {"blocktranslate", "blocktrans", "comment"}:
                closing = f"end{words[0]}"
            elif token.token_type == TokenType.VAR or words[0] not in SILENT:
                literal += [text[1:-1] for marked, text in QUOTED.findall(token.contents) if not marked]
    spoken = [text for text in literal if re.match(r"[A-Z][a-z]+", text) or re.search(r"[a-z] [a-z]", text)]
    spoken = [text for text in spoken if not re.fullmatch(r"[a-z ]+-[a-z -]+", text)]  # names of classes
    return _english([*_words("".join(kept)), *spoken])


def _templates() -> Iterator[Path]:
    for path in sorted((ROOT / "amanat").rglob("templates/**/*")):
        if path.suffix in messages.TEMPLATES and messages.LEFT_OUT.isdisjoint(path.parts):
            yield path


def test_templates_show_no_words_of_their_own() -> None:
    found = {str(path.relative_to(ROOT)): untranslated(path.read_text()) for path in _templates()}
    assert len(found) > 60
    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("<p>Hello there</p>", ["Hello there"]),
        ('<a title="Open it">{{ name }}</a>', ["Open it"]),
        ('{% include "x.html" with title="Nothing here" %}', ["Nothing here"]),
        ('{{ name|default:"Nobody" }}', ["Nobody"]),
        ('<p class="muted">{% translate "Hello" %} · Amanat · {{ count }}</p>', []),
        ("{% blocktranslate count n=n %}One row{% plural %}Rows{% endblocktranslate %}{# a note #}", []),
        (
            '{% include "x.html" with title=_("Fine") tone="red" %}<kbd>Ctrl K</kbd><script src="/a b.js">var x</script>',
            [],
        ),
    ],
)
def test_the_walk_finds_english_and_nothing_else(source: str, words: list[str]) -> None:
    assert untranslated(source) == words


# --- The code: words for users go through gettext, and late -------------------------------------------------------
SHOWN = {"label", "help_text", "empty_label", "verbose_name", "verbose_name_plural"}
LATE = {"gettext_lazy", "ngettext_lazy", "pgettext_lazy", "npgettext_lazy", "gettext_noop"}


@cache
def _code() -> list[tuple[str, ast.Module]]:
    return [
        (str(path.relative_to(ROOT)), ast.parse(path.read_text()))
        for path in sorted((ROOT / "amanat").rglob("*.py"))
        if messages.LEFT_OUT.isdisjoint(path.parts) and not {"operations", "demo"} & set(path.relative_to(ROOT).parts)
    ]


def _is_text(node: ast.AST | None) -> bool:
    return (
        isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(_english([node.value]))
    ) or isinstance(node, ast.JoinedStr)


def bare(tree: ast.Module) -> list[int]:
    """Lines where a label, a message or a refusal is written in plain English."""
    lines = []
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = _dotted(call.func)
        lines += [word.value.lineno for word in call.keywords if word.arg in SHOWN and _is_text(word.value)]
        if (
            re.fullmatch(r"messages\.(success|info|warning|error)", name)
            and len(call.args) > 1
            and _is_text(call.args[1])
        ):
            lines.append(call.lineno)
        if name.endswith("ValidationError") and call.args and _is_text(call.args[0]):
            lines.append(call.lineno)
    return lines


def _dotted(function: ast.expr) -> str:
    """The name that is called, with the name before it; to write out all of the expression takes ten times as long."""
    if isinstance(function, ast.Attribute):
        return f"{_dotted(function.value)}.{function.attr}"
    return function.id if isinstance(function, ast.Name) else "()"


def early(tree: ast.Module) -> list[int]:
    """Lines where a text is translated while the module is read, in whatever language that happens to be."""
    soon = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
        if alias.name.endswith("gettext")
    }
    return [call.lineno for call in _run_at_import(tree) if isinstance(call.func, ast.Name) and call.func.id in soon]


def _run_at_import(node: ast.AST) -> Iterator[ast.Call]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.Call):
            yield child
        yield from _run_at_import(child)


@pytest.mark.slow
def test_code_shows_no_words_without_gettext() -> None:
    assert {name: lines for name, tree in _code() if (lines := bare(tree))} == {}


@pytest.mark.slow
def test_no_text_is_translated_before_somebody_asks() -> None:
    assert {name: lines for name, tree in _code() if (lines := early(tree))} == {}


def test_the_walk_over_code_finds_what_it_should() -> None:
    code = ast.parse(
        "from django.utils.translation import gettext as _\n"
        'label = _("Early")\n'
        'field = CharField(label="Name of it", help_text=_("x"))\n'
        'def view(request):\n    messages.error(request, "No good")\n    raise ValidationError(_("Fine"))\n'
    )
    assert (bare(code), early(code)) == ([3, 5], [2, 3])


def test_scripts_hold_no_sentences() -> None:
    """Scripts get their words from the page's data attributes."""
    sentence = re.compile(r"""(["'`])([A-Z][a-z]+(?: [a-z]+)+[^"'`]*)\1""")
    found = {
        str(path.relative_to(ROOT)): texts
        for path in sorted((ROOT / "amanat").rglob("*.js"))
        if "vendor" not in path.parts and (texts := [text for _quote, text in sentence.findall(path.read_text())])
    }
    assert found == {}


# --- The pages ----------------------------------------------------------------------------------------------------
#: Pages that speak to programs, or show what somebody wrote.
NOT_READ = re.compile(r"^(api/|static/|healthz|manifest|service-worker|styleguide)")
#: Pages that quote, each with what they quote; their own words are translated like any other's.
QUOTES = {
    "policy/ready/<slug:trade>/": "promises of published policies, in the language of those documents",
    "promises/coverage/": "the same",
    "promises/<slug:clause_id>/": "the same",
    "policy/draft/text/": "the file of the policy itself",
    "policy/draft/": "names of clauses",
    "policy/": "the hash of the draft",
    "settings/templates/new/": "the example of a name, which providers want in Latin letters",
    "settings/templates/<uuid:template_id>/<str:language>/": "names of values, as they are typed",
    "registers/": "names of laws and of jobs",
    "incidents/<uuid:incident_id>/": "drafts in the languages of those who get them",
}
#: Left on a page in any language: rows of the cast and their initials, addresses, numbers with letters, time zones, and
#: in the ledger the columns that no form names.
FOREIGN = re.compile(
    r"\b(?:[0-9a-f]{4} ){3}[0-9a-f]{4}\b"  # the key of a proof, in groups that may hold no digit
    r"|^CANARY \w+$|CANARY(?: [A-Z]\w+ \w+| asker| Not\b)?\S*|^[A-Z]{1,2}$|\b[A-Z]\w+/[\w/ -]+|\((?:[a-z_]+(?:, )?)+\)$"
    r"|Data Privacy Framework|Data Protection and Grievance Officer|The operator|\(officer…"
    r"|\S+@\S+|https?://\S+|\b[a-z]+\.[a-z.]+\b|\b(?=\w*\d)\w+\b"
)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.slow
def test_pages_hold_no_english(code: str, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page that opens for the owner of a workspace with one row of everything, and what stands open for a visitor.

    Each page in one of the languages: what is not translated on it is so in all of them, and that a language has all words is read in
    its catalog.
    """
    monkeypatch.setattr(routes, "_over_limit", lambda request, declared: None)
    workspace = factories.make_workspace("श्री सेवा केंद्र", owner="रेखा कुलकर्णी")
    rows = cast.fill(workspace)
    owner, visitor = factories.signed_in(factories.owner_of(workspace)), Client()
    owner.raise_request_exception = False  # a row of the cast can be odder than any in life
    known = {text: entry for (_context, text), entry in _catalog(code).items()}
    english: dict[str, list[str]] = {}
    opened = 0
    pages = [
        (pattern, route)
        for pattern, route in sorted(routes.addresses().items())
        if "GET" in route.methods and not NOT_READ.match(pattern) and pattern not in QUOTES
    ]
    for pattern, route in pages[CODES.index(code) :: len(CODES)]:
        for client in (owner, visitor) if route.rule is routes.anyone else (owner,):
            client.cookies[settings.LANGUAGE_COOKIE_NAME] = code
            url = test_isolation.url_of(pattern, route, rows, workspace)
            response = client.get(url, headers={"Accept-Language": code})  # public policies know no cookie
            if not response.headers.get("Content-Type", "").startswith("text/html") or response.streaming:
                continue
            opened += 1
            assert response.headers["Content-Language"] == code, pattern
            found = [text for text in _words(response.content.decode()) if _is_english(text, known)]
            if found:
                english[pattern] = sorted(set(found))
    assert opened > 60
    assert not english, "\n".join(f"{pattern}: {texts}" for pattern, texts in english.items())


def _is_english(text: str, known: dict[str, polib.POEntry]) -> bool:
    """A text of ours that was left as it is, or a word in Latin letters that is nobody's name."""
    if text in known:
        return text not in {known[text].msgstr, *known[text].msgstr_plural.values()}
    return bool(_english([FOREIGN.sub("", text)]))
