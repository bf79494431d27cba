"""`./run messages`: finds every text of the program and brings the languages' files up to date. For developers and translators.

Texts come from our Python files and templates, and from those files of Django and the sign-in library whose words our pages
show (`BORROWED`): their own catalogs miss many of them, and ours win. What is translated stays; what is gone is kept as
obsolete, so that a text that returns finds its words. No guesses ("fuzzy") and no line numbers: a change shows only itself.
"""

from __future__ import annotations

import ast
import importlib.util
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polib
from django.utils.translation.template import templatize

from amanat.core import catalogs
from amanat.core.configuration import CHECKOUT
from amanat.operations import Refused

#: Functions that mark a text, and which of their arguments are texts ("c": the context).
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...]] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), (1,)),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}
BORROWED: dict[str, tuple[str, ...]] = {
    "django": (
        "contrib/auth/password_validation.py",
        "core/validators.py",
        "forms/fields.py",
        "forms/forms.py",
        "forms/models.py",
        "template/defaultfilters.py",
        "utils/dates.py",
    ),
    "allauth": (
        "account/adapter.py",
        "account/forms.py",
        "mfa/adapter.py",
        "mfa/base/forms.py",
        "mfa/totp/forms.py",
        "mfa/webauthn/forms.py",
    ),
}
TEMPLATES = {".html", ".txt"}
#: Folders and files whose words no user sees: tests, migrations, the developers' page of samples.
LEFT_OUT = {"tests", "migrations", "styleguide", "styleguide.py"}
Key = tuple[str | None, str]  #: context, text in English: what names a text


@dataclass
class Message:
    text: str
    plural: str = ""
    context: str | None = None
    files: list[str] = field(default_factory=list)  #: where it stands, relative to the checkout or the library's folder

    @property
    def key(self) -> Key:
        return self.context, self.text


@dataclass(frozen=True)
class Counts:
    code: str
    texts: int
    translated: int
    obsolete: int

    def __str__(self) -> str:
        missing = self.texts - self.translated
        return f"{self.code}: {self.texts} texts, {missing or 'none'} to translate, {self.obsolete} obsolete"


def update(source: Path = catalogs.SOURCE) -> list[Counts]:
    """Rewrite the file of every language with today's texts. Raises Refused without Babel, CatalogInvalid for a bad file."""
    messages = extract()
    return [_merge(language, messages) for language in catalogs.found(source)]


def add(code: str, name: str, source: Path = catalogs.SOURCE) -> Path:
    """Begin the language `code`, which its speakers call `name`: a file with the header and no texts yet."""
    _need_babel()
    file = source / f"{code}.po"
    if not catalogs.is_code(code):
        raise Refused(f"{code} is no language code: give one in small letters, such as gu.")
    if file.exists():
        raise Refused(f"{file} is there already.")
    catalog = polib.POFile(wrapwidth=0)
    catalog.header = f"{name}. How to translate: docs/translating.md"
    catalog.metadata = {
        "Language": code,
        "X-Language-Name": name,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": _usual_plural(code),
    }
    catalog.save(str(file))
    return file


def extract() -> list[Message]:
    """Every text once, in the order of the files that hold it and of its place there. Raises Refused without Babel."""
    _need_babel()
    gathered: dict[Key, Message] = {}
    for place, path in _files():
        for found in texts_of(path):
            message = gathered.setdefault(found.key, found)
            message.plural = message.plural or found.plural
            if place not in message.files:
                message.files.append(place)
    return sorted(gathered.values(), key=lambda message: (_is_borrowed(message.files[0]), message.files[0]))


def texts_of(path: Path) -> Iterator[Message]:
    """The texts of one Python file or template, in their order."""
    from babel.messages.extract import extract as babel_extract

    source = path.read_text(encoding="utf-8")
    if path.suffix in TEMPLATES:
        # Python's tokenizer wants indentation in order, which a page has not.
        source = "\n".join(line.lstrip() for line in templatize(source, origin=str(path)).splitlines())
    for _line, texts, _comments, context in babel_extract("python", io.BytesIO(source.encode()), KEYWORDS):
        one, *more = [texts] if isinstance(texts, str) else texts
        if one:
            yield Message(text=one, plural=more[0] if more else "", context=context)
    if path.name == "tasks.py":
        yield from _purposes(source)


def _purposes(source: str) -> Iterator[Message]:
    """What each job is for, which the page of jobs says: `@jobs.periodic(..., purpose="...")`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("jobs."):
            for word in node.keywords:
                if word.arg == "purpose" and isinstance(word.value, ast.Constant):
                    yield Message(text=str(word.value.value))


def _files() -> Iterator[tuple[str, Path]]:
    """(name, path) of each file that may hold texts: ours sorted, then the borrowed ones."""
    package = CHECKOUT / "amanat"
    for path in sorted(package.rglob("*")):
        inside = path.relative_to(package)
        if not LEFT_OUT.isdisjoint(inside.parts):
            continue
        if path.suffix == ".py" or (path.suffix in TEMPLATES and "templates" in inside.parts):
            yield path.relative_to(CHECKOUT).as_posix(), path
    for library, names in BORROWED.items():
        spec = importlib.util.find_spec(library)
        assert spec is not None and spec.origin is not None
        for name in names:
            yield f"{library}/{name}", Path(spec.origin).parent / name


def _is_borrowed(place: str) -> bool:
    return not place.startswith("amanat/")


def _merge(language: catalogs.Language, messages: Iterable[Message]) -> Counts:
    old = polib.pofile(str(language.file), encoding="utf-8", check_for_duplicates=True)
    known = {(entry.msgctxt, entry.msgid): entry for entry in old}
    new = polib.POFile(wrapwidth=0)
    new.header, new.metadata = old.header, old.metadata
    forms = len(_plural_forms(old))
    for message in messages:
        new.append(_entry(message, known.pop(message.key, None), forms))
    for entry in sorted(known.values(), key=lambda each: each.msgid):
        if entry.msgstr or any(entry.msgstr_plural.values()):
            entry.obsolete, entry.occurrences, entry.flags = True, [], []
            new.append(entry)
    new.save(str(language.file))
    current = [entry for entry in new if not entry.obsolete]
    return Counts(
        code=language.code,
        texts=len(current),
        translated=sum(entry.translated() for entry in current),
        obsolete=len(new) - len(current),
    )


def _entry(message: Message, known: polib.POEntry | None, forms: int) -> polib.POEntry:
    entry = polib.POEntry(msgid=message.text, msgctxt=message.context)
    entry.occurrences = [(file, "") for file in message.files]
    if known is not None:
        entry.tcomment = known.tcomment
    if message.plural:
        entry.msgid_plural = message.plural
        kept = known.msgstr_plural if known is not None else {}
        entry.msgstr_plural = {form: kept.get(form, "") for form in range(forms)}
    elif known is not None:
        entry.msgstr = known.msgstr
    if "%(" in message.text:
        entry.flags = ["python-format"]
    return entry


def _usual_plural(code: str) -> str:
    """What Babel knows of the language; one and many where it knows nothing."""
    from babel.core import UnknownLocaleError
    from babel.messages.plurals import get_plural

    try:
        return str(get_plural(code.replace("-", "_")))
    except UnknownLocaleError:
        return "nplurals=2; plural=(n != 1);"


def _plural_forms(catalog: polib.POFile) -> range:
    """The numbers of the forms that the language has, from the header: two in Hindi and Marathi."""
    declared = catalog.metadata.get("Plural-Forms", "nplurals=2;")
    return range(int(declared.split("nplurals=")[1].split(";")[0]))


def _need_babel() -> None:
    if importlib.util.find_spec("babel") is None:
        raise Refused("This needs Babel, a tool for developers: `./run test --quick` installs it.")
