"""A language is a file: found by its name, compiled when it changed, offered under its own name."""

from __future__ import annotations

import gettext
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from amanat.core import catalogs

HEAD = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n'
NAME = '"X-Language-Name: ગુજરાતી\\n"\n'


def entry(text: str, translated: str) -> str:
    return f'\nmsgid "{text}"\nmsgstr "{translated}"\n'


def write(folder: Path, code: str = "gu", *entries: str, head: str = HEAD + NAME) -> Path:
    file = folder / f"{code}.po"
    file.write_text(head + "".join(entries), encoding="utf-8")
    return file


def compiled(folder: Path, locale: str = "gu") -> gettext.NullTranslations:
    return gettext.translation("django", localedir=folder, languages=[locale])


def source_and_folder(tmp_path: Path) -> tuple[Path, Path]:
    source = tmp_path / "source"
    source.mkdir()
    return source, tmp_path / "data" / "locale"


def test_each_file_becomes_a_catalog_under_its_locale(tmp_path: Path) -> None:
    source, folder = source_and_folder(tmp_path)
    write(source, "gu", entry("Saved.", "સાચવ્યું."))
    write(source, "zh-hans", entry("Saved.", "已保存。"))
    assert catalogs.ensure(folder, source=source) == ["gu", "zh-hans"]
    assert compiled(folder).gettext("Saved.") == "સાચવ્યું."
    assert compiled(folder, "zh_Hans").gettext("Saved.") == "已保存。"


def test_what_is_not_translated_is_left_to_english(tmp_path: Path) -> None:
    source, folder = source_and_folder(tmp_path)
    write(source, "gu", entry("Saved.", ""))
    catalogs.ensure(folder, source=source)
    assert compiled(folder).gettext("Saved.") == "Saved."


def test_a_catalog_is_compiled_again_only_when_its_file_changed(tmp_path: Path) -> None:
    source, folder = source_and_folder(tmp_path)
    file = write(source, "gu", entry("Saved.", "એક"))
    catalogs.ensure(folder, source=source)
    made = folder / "gu" / "LC_MESSAGES" / "django.mo"
    os.utime(made, (1, 1))
    os.utime(file, None)  # touched, but the same
    catalogs.ensure(folder, source=source)
    assert made.stat().st_mtime == 1
    write(source, "gu", entry("Saved.", "બે"))
    catalogs.ensure(folder, source=source)
    assert gettext.GNUTranslations(made.open("rb")).gettext("Saved.") == "બે"


def test_a_lost_catalog_is_made_again(tmp_path: Path) -> None:
    source, folder = source_and_folder(tmp_path)
    write(source, "gu", entry("Saved.", "એક"))
    catalogs.ensure(folder, source=source)
    (folder / "gu" / "LC_MESSAGES" / "django.mo").unlink()
    catalogs.ensure(folder, source=source)
    assert compiled(folder).gettext("Saved.") == "એક"


def test_starts_beside_each_other_leave_one_whole_catalog(tmp_path: Path) -> None:
    source, folder = source_and_folder(tmp_path)
    write(source, "gu", *(entry(f"Text {number}", f"લખાણ {number}") for number in range(300)))
    with ThreadPoolExecutor(8) as starts:
        answers = list(starts.map(lambda _: catalogs.ensure(folder, source=source), range(16)))
    assert answers == [["gu"]] * 16
    assert sorted(path.name for path in (folder / "gu" / "LC_MESSAGES").iterdir()) == ["django.mo", "made-from"]
    assert compiled(folder).gettext("Text 299") == "લખાણ 299"


def test_english_comes_first_and_the_others_by_their_own_names(tmp_path: Path) -> None:
    write(tmp_path, "gu")
    write(tmp_path, "bn", head=HEAD + '"X-Language-Name: বাংলা\\n"\n')
    assert catalogs.offered(tmp_path) == [("en", "English"), ("bn", "বাংলা"), ("gu", "ગુજરાતી")]
    assert catalogs.offered(tmp_path / "nothing") == [("en", "English")]


@pytest.mark.parametrize("code", ["en", "GU", "gujarati", "g", "gu_IN"])
def test_a_file_with_another_name_than_a_code_is_refused(tmp_path: Path, code: str) -> None:
    write(tmp_path, code)
    with pytest.raises(catalogs.CatalogInvalid, match="name the file by a language code"):
        catalogs.found(tmp_path)


def test_a_file_that_does_not_name_its_language_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "gu", head=HEAD)
    with pytest.raises(catalogs.CatalogInvalid, match="lacks the language's own name"):
        catalogs.offered(tmp_path)


@pytest.mark.parametrize("broken", ["\nno such line\n", entry("Twice", "એક") + entry("Twice", "બે")])
def test_a_broken_file_is_named_and_writes_nothing(tmp_path: Path, broken: str) -> None:
    source, folder = source_and_folder(tmp_path)
    write(source, "gu", broken)
    with pytest.raises(catalogs.CatalogInvalid, match=r"gu\.po"):
        catalogs.ensure(folder, source=source)
    assert not folder.exists()


def test_one_more_file_is_one_more_language_of_the_pages(tmp_path: Path, settings: Any, db: None) -> None:
    """Gujarati is not among Django's own languages, and still all it needs is its file."""
    source, folder = source_and_folder(tmp_path)
    write(source, "gu", entry("There is no such page", "આવું કોઈ પાનું નથી"))
    catalogs.ensure(folder, source=source)
    settings.LOCALE_PATHS, settings.LANGUAGES = [folder], catalogs.offered(source)
    translation.trans_real._translations.pop("gu", None)  # type: ignore[attr-defined]
    visitor = Client()
    visitor.cookies[settings.LANGUAGE_COOKIE_NAME] = "gu"
    assert ">ગુજરાતી</button>" in visitor.get(reverse(settings.LOGIN_URL)).content.decode()
    page = visitor.get("/no-such-page/")
    assert page.headers["Content-Language"] == "gu"
    assert 'lang="gu"' in page.content.decode()
    assert "આવું કોઈ પાનું નથી" in page.content.decode()
