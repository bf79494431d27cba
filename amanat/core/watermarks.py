"""Text across a picture or a PDF. typst sets it, for it shapes Indian scripts as they must be; Pillow cannot."""

import io

import typst
from django.utils.translation import gettext
from PIL import Image
from pypdf import PdfReader, PdfWriter, Transformation
from pypdf.errors import PyPdfError

from amanat.core import pictures
from amanat.core.filetypes import PICTURES, FileRefused, FileType

_MOST_CHARACTERS = 200
#: Width and height come in points, the text as a value, never as source, so it cannot be typst code.
_SHEET = """
#let width = float(sys.inputs.width) * 1pt
#let height = float(sys.inputs.height) * 1pt
#set page(width: width, height: height, margin: 0pt, fill: none)
#set text(
  size: calc.max(6pt, calc.min(width, height) / 22),
  fill: rgb(90, 90, 90, 90),
  font: ("Noto Sans", "Noto Sans Devanagari", "Noto Serif Devanagari", "Libertinus Serif"),
)
#let line = sys.inputs.text
#for step in range(5) {
  place(top + left, dy: height * (step + 0.3) / 5, box(width: width, align(center, rotate(-20deg, line))))
}
"""


def across(content: bytes, found: FileType, text: str) -> bytes:
    """`content` of type `found` with `text` across it, in the same type. Raises FileRefused for other types."""
    shown = " ".join(text.split())[:_MOST_CHARACTERS]
    if found in PICTURES:
        return _across_picture(content, found, shown)
    if found is FileType.PDF:
        return _across_pdf(content, shown)
    raise FileRefused(gettext("Only pictures and PDFs can carry a watermark."))


def _across_picture(content: bytes, found: FileType, text: str) -> bytes:
    picture = Image.open(io.BytesIO(content)).convert("RGBA")
    # One point a pixel at 72 ppi; drawn at most 2,000 wide and enlarged, for the text needs no more.
    shrunk = min(1.0, 2000 / max(picture.size))
    sheet = _sheet(picture.width * shrunk, picture.height * shrunk, text, "png")
    overlay = Image.open(io.BytesIO(sheet)).convert("RGBA").resize(picture.size)
    return pictures.encoded(Image.alpha_composite(picture, overlay), found)


def _across_pdf(content: bytes, text: str) -> bytes:
    target = io.BytesIO()
    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted:
            reader.decrypt("")
        writer = PdfWriter()
        sheets: dict[tuple[int, int], bytes] = {}
        for source in reader.pages:
            page = writer.add_page(source)
            page.transfer_rotation_to_content()
            box = page.mediabox
            size = (round(box.width), round(box.height))
            if size not in sheets:
                sheets[size] = _sheet(*size, text, "pdf")
            overlay = PdfReader(io.BytesIO(sheets[size])).pages[0]
            moved = Transformation().translate(float(box.left), float(box.bottom))
            page.merge_transformed_page(overlay, moved)
        writer.write(target)
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError):
        raise FileRefused(gettext("This PDF cannot carry a watermark.")) from None
    return target.getvalue()


def _sheet(width: float, height: float, text: str, kind: str) -> bytes:
    inputs = {"width": f"{max(width, 20):.2f}", "height": f"{max(height, 20):.2f}", "text": text}
    if kind == "png":
        made = typst.compile(_SHEET.encode(), format="png", ppi=72.0, sys_inputs=inputs)
    else:
        made = typst.compile(_SHEET.encode(), format="pdf", sys_inputs=inputs)
    assert isinstance(made, bytes)
    return made
