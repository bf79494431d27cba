"""The languages of the pages: one file `amanat/locale/<code>.po` each, compiled for Django when it changed.

Adding a language is adding its file (docs/translating.md). English stands in the code and has none. Compiled catalogs are
made in the data folder, never kept with the source. The settings call `ensure`, so nothing here may need Django's settings.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import polib
from django.utils.translation import to_locale

from amanat.core import configuration

SOURCE = Path(__file__).resolve().parents[1] / "locale"
ENGLISH = ("en", "English")
#: Changing it compiles every catalog again.
_FORM = b"1"
_NAME = re.compile(r'^"X-Language-Name: (?P<name>.+?)\\n"$', re.MULTILINE)
_CODE = re.compile(r"[a-z]{2,3}(-[a-z0-9]+)*")


class CatalogInvalid(ValueError):
    """A language's file cannot be used; the text names the file and says why."""


@dataclass(frozen=True, slots=True)
class Language:
    """`code` as in the file's name and in HTML (`mr`, `zh-hans`); `name` as its speakers write it."""

    code: str
    name: str
    file: Path


def found(source: Path = SOURCE) -> list[Language]:
    """The languages that have a file, by their codes. Raises CatalogInvalid when a file does not name its language."""
    return [_read_head(file) for file in sorted(source.glob("*.po"))]


def offered(source: Path = SOURCE) -> list[tuple[str, str]]:
    """(code, name) of every language that can be chosen, English first: the setting LANGUAGES."""
    return [ENGLISH, *((language.code, language.name) for language in found(source))]


def ensure(folder: Path, *, source: Path = SOURCE) -> list[str]:
    """Bring `<folder>/<locale>/LC_MESSAGES/django.mo` up to date for every file; returns the codes found.

    Compares contents by their hash, so it costs a millisecond when nothing changed. Several processes may do it at once:
    each writes under a name of its own and renames. Raises CatalogInvalid.
    """
    languages = found(source)
    for language in languages:
        _compile(language, folder / to_locale(language.code) / "LC_MESSAGES")
    return [language.code for language in languages]


def is_code(text: str) -> bool:
    """Whether a language's file may be called so. English has none: it stands in the code."""
    return bool(_CODE.fullmatch(text)) and text != ENGLISH[0]


def _read_head(file: Path) -> Language:
    if not is_code(file.stem):
        raise CatalogInvalid(f"{file}: name the file by a language code in small letters, such as gu.po.")
    with file.open(encoding="utf-8") as lines:
        head = "".join(line for line, _ in zip(lines, range(60), strict=False))
    name = _NAME.search(head)
    if name is None:
        raise CatalogInvalid(
            f'{file}: its header lacks the language\'s own name, such as "X-Language-Name: ગુજરાતી\\n".'
        )
    return Language(file.stem, name["name"], file)


def _compile(language: Language, folder: Path) -> None:
    content = language.file.read_bytes()
    digest = hashlib.sha256(_FORM + content).hexdigest()
    compiled, mark = folder / "django.mo", folder / "made-from"
    if compiled.exists() and mark.exists() and mark.read_text() == digest:
        return
    try:
        catalog = polib.pofile(content.decode(), encoding="utf-8", check_for_duplicates=True)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise CatalogInvalid(f"{language.file}: {error}") from None
    configuration.make_enterable(folder)
    _put(compiled, catalog.to_binary())
    _put(mark, digest.encode())  # last, so a broken-off compilation is done again


def _put(path: Path, content: bytes) -> None:
    """Write whole or not at all: a reader beside us finds the old file or the new one."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as temporary:
        temporary.write(content)
    Path(temporary.name).replace(path)
