"""PDF papers: kept byte for byte, for signatures must stay valid, so one that can act is refused, not changed."""

import io
import re
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext
from pypdf import PdfReader
from pypdf.errors import PyPdfError
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

from amanat.core.filetypes import FileRefused

#: Names of PDF 2.0 (ISO 32000-2, 12.6.4) that make a reader run, start, send or fetch something, or carry another file.
_ACTING = {
    "/JavaScript",
    "/JS",
    "/Launch",
    "/SubmitForm",
    "/ImportData",
    "/RichMedia",
    "/GoToR",
    "/GoToE",
    "/Rendition",
}
_ACTING |= {"/EmbeddedFile", "/EmbeddedFiles", "/XFA", "/Movie", "/Sound", "/3D"}
_RAW = re.compile(rb"/(JavaScript|Launch|EmbeddedFile|RichMedia)\b")
_MOST_OBJECTS = 100_000
_DEEPEST = 60


def check(content: bytes) -> None:
    """Raises FileRefused when the paper is damaged, locked by a password, or can do more than be read and printed."""
    try:
        reader = PdfReader(io.BytesIO(content), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise FileRefused(
                gettext("This PDF is locked by a password, so it cannot be checked. Save it without one.")
            )
        acting = bool(_RAW.search(content)) or any(map(_acts, _objects(reader)))
        if not acting and len(reader.pages) < 1:
            raise FileRefused(gettext("This PDF has no pages."))
    except FileRefused:
        raise
    except (
        PyPdfError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        RecursionError,
        OverflowError,
        OSError,
    ):
        raise FileRefused(gettext("This PDF is damaged and cannot be opened.")) from None
    except NotImplementedError:
        raise FileRefused(gettext("This PDF is locked in a way that cannot be checked.")) from None
    if acting:
        raise FileRefused(
            gettext("This PDF contains a program or another file inside. Print it to a new PDF and store that one.")
        )


def _objects(reader: PdfReader) -> Iterator[Any]:
    """Every object of the newest state, and the trailer."""
    yield reader.trailer
    wanted = {(number, generation) for generation, table in reader.xref.items() for number in table}
    wanted |= {(number, 0) for number in reader.xref_objStm}
    if len(wanted) > _MOST_OBJECTS:
        raise FileRefused(gettext("This PDF is too complex to be checked."))
    for number, generation in wanted:
        yield reader.get_object(IndirectObject(number, generation, reader))


def _acts(value: Any, depth: int = 0) -> bool:
    """Whether the object itself, without what it refers to, names an action."""
    if depth > _DEEPEST:
        return True
    if isinstance(value, DictionaryObject):
        if any(str(key) in _ACTING for key in value):
            return True
        return any(_acts(dict.__getitem__(value, key), depth + 1) for key in value)
    if isinstance(value, ArrayObject):
        return any(_acts(item, depth + 1) for item in list.__iter__(value))
    return isinstance(value, str) and str(value) in _ACTING
