"""Texts are found where they stand, and a language's file keeps what its translator wrote."""

from __future__ import annotations

from pathlib import Path

import polib
import pytest

from amanat.core.configuration import CHECKOUT
from amanat.operations import Refused, cli, commands, messages
from amanat.operations.messages import Message

PYTHON = """
from django.utils.translation import gettext as _, gettext_lazy, ngettext, pgettext
label = gettext_lazy("Mobile " "number")
def said(count, kind):
    _(kind)
    _("")
    pgettext("seal", "Due")
    return ngettext("%(count)d day", "%(count)d days", count)
"""
PAGE = """
{% load i18n %}{% block title %}{% translate "Contacts" %}{% endblock %}
      <p title="{% translate 'It’s "here"' %}">Namaste (</p>
  {% include "x.html" with title=_("In an include") %}
    {% blocktranslate trimmed count number=rows|length with name=member.name %}
      {{ name }} has
      {{ number }} row
    {% plural %}
      {{ name }} has {{ number }} rows
    {% endblocktranslate %}
{% comment %}{% translate "Not shown" %}{% endcomment %}{% translate "Due" context "seal" %}
"""


def found(path: Path, text: str) -> list[tuple[str | None, str, str]]:
    path.write_text(text, encoding="utf-8")
    return [(message.context, message.text, message.plural) for message in messages.texts_of(path)]


def test_texts_of_a_python_file(tmp_path: Path) -> None:
    assert found(tmp_path / "forms.py", PYTHON) == [
        (None, "Mobile number", ""),
        ("seal", "Due", ""),
        (None, "%(count)d day", "%(count)d days"),
    ]


def test_texts_of_a_page_however_it_is_indented(tmp_path: Path) -> None:
    assert found(tmp_path / "page.html", PAGE) == [
        (None, "Contacts", ""),
        (None, 'It’s "here"', ""),
        (None, "In an include", ""),
        (None, "%(name)s has %(number)s row", "%(name)s has %(number)s rows"),
        ("seal", "Due", ""),
    ]


def test_the_purpose_of_a_job_is_a_text(tmp_path: Path) -> None:
    code = '@jobs.periodic("desk.empty_bin", "20 3 * * *", purpose="Empty the bin")\ndef empty_bin(): start(purpose="test")\n'
    assert found(tmp_path / "tasks.py", code) == [(None, "Empty the bin", "")]
    assert found(tmp_path / "other.py", code) == []


@pytest.fixture(scope="module")
def gathered() -> list[Message]:
    """The texts of the program: to read all of its files takes three seconds."""
    return messages.extract()


@pytest.mark.slow
def test_the_whole_program_is_read_once_and_in_order(gathered: list[Message]) -> None:
    assert len({message.key for message in gathered}) == len(gathered) > 1000
    [saved] = [message for message in gathered if message.text == "Saved."]
    assert saved.files == sorted(saved.files) and len(saved.files) > 1
    borrowed = [not message.files[0].startswith("amanat/") for message in gathered]
    assert borrowed == sorted(borrowed), "ours come first"
    assert {"This field is required.", "Invalid login."} <= {message.text for message in gathered}
    assert not any("/tests/" in file or "styleguide" in file for message in gathered for file in message.files)


@pytest.fixture
def language(tmp_path: Path) -> Path:
    return messages.add("gu", "ગુજરાતી", source=tmp_path)


def merge(file: Path, *found: Message) -> messages.Counts:
    [language] = messages.catalogs.found(file.parent)
    return messages._merge(language, found)


def translate(file: Path, text: str, translated: str) -> None:
    catalog = polib.pofile(str(file), wrapwidth=0)
    catalog.find(text).msgstr = translated
    catalog.save()


def test_a_new_language_has_a_header_and_every_text(language: Path) -> None:
    counts = merge(language, Message("Saved.", files=["a.py"]), Message("Gone.", files=["a.py"]))
    assert (counts.code, counts.texts, counts.translated, counts.obsolete) == ("gu", 2, 0, 0)
    assert str(counts) == "gu: 2 texts, 2 to translate, 0 obsolete"
    assert "nplurals=2" in polib.pofile(str(language)).metadata["Plural-Forms"]


def test_a_language_is_begun_once_and_under_a_code(language: Path) -> None:
    with pytest.raises(Refused, match="is there already"):
        messages.add("gu", "ગુજરાતી", source=language.parent)
    for code in ("Gujarati", "en", "../gu"):
        with pytest.raises(Refused, match="no language code"):
            messages.add(code, "ગુજરાતી", source=language.parent)
    assert [path.name for path in language.parent.iterdir()] == ["gu.po"]


@pytest.mark.parametrize(("code", "forms"), [("ta", 2), ("ar", 6), ("ja", 1), ("gon", 2)])
def test_a_language_gets_the_number_of_plural_forms_it_has(tmp_path: Path, code: str, forms: int) -> None:
    file = messages.add(code, "…", source=tmp_path)
    merge(file, Message("%(count)d row", plural="%(count)d rows", files=["a.py"]))
    assert len(polib.pofile(str(file)).find("%(count)d row").msgstr_plural) == forms


def test_a_translation_stays_is_put_by_and_comes_back(language: Path) -> None:
    saved, other = Message("Saved.", files=["a.py"]), Message("Other", files=["b.py"])
    merge(language, saved, other)
    translate(language, "Saved.", "સાચવ્યું.")
    assert merge(language, saved, other).translated == 1
    assert merge(language, other).obsolete == 1
    assert '#~ msgstr "સાચવ્યું."' in language.read_text()
    back = merge(language, saved, other)
    assert (back.translated, back.obsolete) == (1, 0)
    assert polib.pofile(str(language)).find("Saved.").msgstr == "સાચવ્યું."


def test_a_text_that_was_never_translated_leaves_no_trace(language: Path) -> None:
    merge(language, Message("Saved.", files=["a.py"]))
    assert merge(language, Message("Other", files=["a.py"])).obsolete == 0
    assert "Saved." not in language.read_text()


def test_a_text_that_becomes_plural_is_translated_again(language: Path) -> None:
    merge(language, Message("%(count)d row", files=["a.py"]))
    translate(language, "%(count)d row", "%(count)d હરોળ")
    merge(language, Message("%(count)d row", plural="%(count)d rows", files=["a.py"]))
    entry = polib.pofile(str(language)).find("%(count)d row")
    assert (entry.msgstr_plural, entry.flags, entry.translated()) == ({0: "", 1: ""}, ["python-format"], False)


def test_a_file_says_where_without_line_numbers_and_is_not_wrapped(language: Path) -> None:
    text = "word " * 60 + "end"
    merge(language, Message(text, files=["amanat/a.py", "amanat/b.html"]))
    written = language.read_text()
    assert "#: amanat/a.py amanat/b.html\n" in written
    assert f'msgid "{text}"\n' in written


@pytest.mark.slow
def test_doing_it_again_changes_nothing(
    tmp_path: Path, gathered: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "extract", lambda: gathered)
    for file in (CHECKOUT / "amanat" / "locale").glob("*.po"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    messages.update(tmp_path)
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    messages.update(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first


def test_without_babel_the_command_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(messages.importlib.util, "find_spec", lambda name: None)
    assert cli.main(["messages"]) == commands.CANNOT
    assert "./run test --quick" in capsys.readouterr().err
