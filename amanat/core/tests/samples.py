"""Small files of every kind, good and bad, made on the spot."""

import io
import struct
import zipfile
import zlib

from PIL import Image
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject, TextStringObject

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
GPS = 0x8825
ORIENTATION = 0x0112


def picture(form: str = "JPEG", size: tuple[int, int] = (40, 20), mode: str = "RGB", **options: object) -> bytes:
    """Left half red, right half blue."""
    made = Image.new("RGB", size, "blue")
    made.paste("red", (0, 0, size[0] // 2, size[1]))
    target = io.BytesIO()
    made.convert(mode).save(target, form, **options)
    return target.getvalue()


def photo_with_place() -> bytes:
    """A JPEG as a telephone writes it: turned by EXIF, with the place, the owner, a comment and a thumbnail of text."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[0x010F] = "CANARYPHONE"
    exif[0x8298] = "CANARY-OWNER"
    exif.get_ifd(GPS).update({1: "N", 2: (18.0, 31.0, 12.5), 3: "E", 4: (73.0, 51.0, 1.5)})
    return picture(exif=exif, comment=b"CANARY-COMMENT")


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header promises `width` x `height`."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND", b"")
    )


def moving_gif() -> bytes:
    frames = [Image.new("RGB", (10, 10), color) for color in ("red", "green", "blue")]
    target = io.BytesIO()
    frames[0].save(target, "GIF", save_all=True, append_images=frames[1:], comment=b"CANARY-COMMENT")
    return target.getvalue()


def pdf(*, pages: int = 1, size: tuple[int, int] = (595, 842)) -> bytes:
    return _written(_pages(pages, size))


def _pages(pages: int, size: tuple[int, int] = (595, 842)) -> PdfWriter:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(*size)
    return writer


def _written(writer: PdfWriter) -> bytes:
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def pdf_with_script() -> bytes:
    """The script is in the document's name tree, run by the reader when it opens."""
    writer = _pages(1)
    script = DictionaryObject(
        {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert(1)")}
    )
    tree = DictionaryObject({NameObject("/Names"): ArrayObject([TextStringObject("a"), writer._add_object(script)])})
    writer.root_object[NameObject("/Names")] = DictionaryObject({NameObject("/JavaScript"): tree})
    return _written(writer)


def pdf_with_action(kind: str) -> bytes:
    """A PDF that does `kind` when opened."""
    writer = _pages(1)
    action = DictionaryObject({NameObject("/S"): NameObject(kind), NameObject("/F"): TextStringObject("cmd.exe")})
    writer.root_object[NameObject("/OpenAction")] = writer._add_object(action)
    return _written(writer)


def pdf_with_hidden_name() -> bytes:
    """The name of the action written with an escape, as /J#61vaScript."""
    return pdf_with_action("/QQQQQQQQQQQQ").replace(b"/QQQQQQQQQQQQ", b"/J#61vaScript")


def pdf_with_packed_action() -> bytes:
    """The action inside a compressed object stream, where no search of the bytes finds it."""
    inner = b"<< /S /JavaScript /JS (app.alert\\(1\\)) >>"
    packed = zlib.compress(b"9 0 " + inner)
    parts = [
        b"1 0 obj << /Type /Catalog /Pages 2 0 R /OpenAction 9 0 R >> endobj\n",
        b"2 0 obj << /Type /Pages /Kids [3 0 R] /Count 1 >> endobj\n",
        b"3 0 obj << /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] >> endobj\n",
        b"4 0 obj << /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length %d >> stream\n" % len(packed)
        + packed
        + b"\nendstream endobj\n",
    ]
    body, places = b"%PDF-1.7\n", []
    for part in parts:
        places.append(len(body))
        body += part
    rows = b"".join(
        [struct.pack(">BHB", 0, 0, 255)]
        + [struct.pack(">BHB", 1, place, 0) for place in places]
        + [struct.pack(">BHB", 1, len(body), 0)]
        + [struct.pack(">BHB", 0, 0, 0)] * 3
        + [struct.pack(">BHB", 2, 4, 0)]
    )
    start = len(body)
    body += b"5 0 obj << /Type /XRef /Size 10 /W [1 2 1] /Root 1 0 R /Length %d >> stream\n" % len(rows)
    return body + rows + b"\nendstream endobj\nstartxref\n%d\n%%%%EOF\n" % start


def pdf_with_stray_script() -> bytes:
    """The script is in an object that no table lists; readers that repair the file would find it."""
    body, mark, end = pdf().rpartition(b"startxref")
    return body + b"99 0 obj << /S /JavaScript /JS (app.alert\\(1\\)) >> endobj\n" + mark + end


def pdf_with_attachment() -> bytes:
    writer = _pages(1)
    writer.add_attachment("inside.exe", b"MZ")
    return _written(writer)


def pdf_locked(user_password: str) -> bytes:
    writer = _pages(1)
    writer.encrypt(user_password, "owner", algorithm="AES-256")
    return _written(writer)


def pdf_turned() -> bytes:
    writer = _pages(1, (595, 842))
    writer.pages[0].rotate(90)
    writer.pages[0][NameObject("/CropBox")] = ArrayObject([NumberObject(n) for n in (0, 0, 595, 842)])
    return _written(writer)


def archive(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return target.getvalue()


def office(main: str, **more: bytes) -> bytes:
    return archive({"[Content_Types].xml": b"<Types/>", main: b"<x/>", **more})
