"""What a file really is, by its bytes, and whether it may be kept. Its name only tells one kind of text from another.

Refused whatever the kind: programs, pages and drawings that run scripts, archives posing as something else, known
test malware.
"""

import io
import re
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext

MEGABYTE = 1_000_000


class FileRefused(Exception):
    """The file is not kept; the text tells the person why, in their words."""


class FileType(StrEnum):
    """Types we keep, by their registered media type."""

    PDF = "application/pdf"
    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    GIF = "image/gif"
    CSV = "text/csv"
    TXT = "text/plain"
    VCF = "text/vcard"
    ZIP = "application/zip"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    OGG = "audio/ogg"
    MP3 = "audio/mpeg"
    M4A = "audio/mp4"
    AAC = "audio/aac"
    AMR = "audio/amr"
    MP4 = "video/mp4"
    MOBILE = "video/3gpp"


SOUNDS = frozenset({FileType.OGG, FileType.MP3, FileType.M4A, FileType.AAC, FileType.AMR})
FILMS = frozenset({FileType.MP4, FileType.MOBILE})
PICTURES = frozenset({FileType.JPEG, FileType.PNG, FileType.WEBP, FileType.GIF})
_TEXTS = {"csv": FileType.CSV, "txt": FileType.TXT, "vcf": FileType.VCF}
ENDINGS = {
    FileType.PDF: ".pdf",
    FileType.JPEG: ".jpg",
    FileType.PNG: ".png",
    FileType.WEBP: ".webp",
    FileType.GIF: ".gif",
    FileType.CSV: ".csv",
    FileType.TXT: ".txt",
    FileType.VCF: ".vcf",
    FileType.ZIP: ".zip",
    FileType.XLSX: ".xlsx",
    FileType.DOCX: ".docx",
    FileType.OGG: ".ogg",
    FileType.MP3: ".mp3",
    FileType.M4A: ".m4a",
    FileType.AAC: ".aac",
    FileType.AMR: ".amr",
    FileType.MP4: ".mp4",
    FileType.MOBILE: ".3gp",
}


@dataclass(frozen=True)
class Kind:
    """A use of files, with the types it allows. `most_bytes` holds when the caller gives no limit of its own."""

    name: str
    allowed: frozenset[FileType]
    most_bytes: int


_kinds: dict[str, Kind] = {}


def register_kind(name: str, *, allowed: frozenset[FileType], most_bytes: int = 25 * MEGABYTE) -> Kind:
    """Declare a use of files. Packages above do so for their own; registering the same name again replaces it."""
    _kinds[name] = Kind(name, allowed, most_bytes)
    return _kinds[name]


def kind(name: str) -> Kind:
    return _kinds[name]


def kinds() -> list[str]:
    """The names of all uses of files."""
    return sorted(_kinds)


register_kind("paper", allowed=PICTURES | {FileType.PDF, FileType.DOCX, FileType.XLSX, FileType.TXT, FileType.CSV})
register_kind("picture", allowed=PICTURES, most_bytes=10 * MEGABYTE)
register_kind("import", allowed=frozenset({FileType.CSV, FileType.XLSX, FileType.VCF, FileType.TXT}))
register_kind("export", allowed=frozenset(FileType), most_bytes=500 * MEGABYTE)

#: Built from halves, so that this source is not itself taken for the test virus (https://www.eicar.org).
_EICAR = (rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*").lower()
_PROGRAMS = (
    b"MZ",
    b"\x7fELF",
    b"\xfe\xed\xfa",
    b"\xcf\xfa\xed\xfe",
    b"\xce\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"#!",
    b"\xd0\xcf\x11\xe0",  # old Office files and installers
    b"\x00asm",
    b"dex\n",
)
_AMR = (b"#!AMR\n", b"#!AMR-WB\n")  # sound of old telephones, which begins as scripts do
_MARKUP = re.compile(
    rb"<(!doctype|html|head|body|script|svg|iframe|\?xml|\?php|%|math|object|embed|meta|link|img)\b|<[?%!]", re.I
)
_HEIC_BRANDS = {b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"heim", b"heis", b"avif"}
_SOUND_BRANDS = {b"M4A ", b"M4B "}
_FILM_BRANDS = {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"MSNV", b"dash", b"mmp4"}  # fmt: skip
_MOST_UNPACKED = 300 * MEGABYTE
_MOST_MEMBERS = 5_000
_WORST_RATIO = 200


def sniff(content: bytes, name: str) -> FileType:
    """The type of `content`. Raises FileRefused, in words, for anything that is not clearly one of ours."""
    if _EICAR in content[: 2 * MEGABYTE].lower():
        raise FileRefused(gettext("This file was recognized as malware and was not kept."))
    if content.startswith(_PROGRAMS) and not content.startswith(_AMR):
        raise FileRefused(gettext("Programs cannot be stored. Old Office files: save them as .docx or .xlsx first."))
    for starts, found in _MAGIC:
        if starts(content):
            if found is not FileType.ZIP:
                refuse_hidden_archive(content)
            return found if found is not FileType.ZIP else _zip_type(content)
    if content[4:8] == b"ftyp":
        return _of_boxes(content)
    return _text_type(content, name)


def refuse_hidden_archive(content: bytes) -> None:
    """An archive is read from its end, so it can hide behind any other file and be opened as a program or a page."""
    if b"PK\x05\x06" in content[-70_000:] and zipfile.is_zipfile(io.BytesIO(content)):
        raise FileRefused(gettext("This file hides an archive behind another type and was not kept."))


def safe_name(name: str, found: FileType) -> str:
    """`name` without folders, control and direction characters, at most 120 characters, ending as its type does."""
    base = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    # Cc control, Cf format (bidi marks hide "gpj.exe"), Zl/Zp line ends, Co/Cs/Cn unknown; ZWJ and ZWNJ shape Indian
    # scripts.
    kept = "".join(
        " " if unicodedata.category(character) in {"Zl", "Zp", "Zs", "Cc"} else character
        for character in base
        if character in "\u200c\u200d" or unicodedata.category(character) not in {"Cf", "Co", "Cs", "Cn"}
    )
    kept = re.sub(r'[<>:"|?*%;]', "_", kept)
    shown = re.sub(r"\s+", " ", kept).rstrip(" .")
    stem = _without_ending(_without_ending(shown, found)[: 120 - len(ENDINGS[found])], found)
    return (stem or "file") + ENDINGS[found]


def _without_ending(name: str, found: FileType) -> str:
    """`name` without the ending of its type; of any picture where it is one, for those may change type on the way."""
    endings = r"jpe?g|png|webp|gif" if found in PICTURES else ENDINGS[found][1:]
    return re.sub(rf"(?:[ .]*\.(?:{endings}))+$", "", name, flags=re.IGNORECASE).strip(" .")


def _starts(*magic: bytes) -> Callable[[bytes], bool]:
    return lambda content: content.startswith(magic)


def _is_webp(content: bytes) -> bool:
    return content[:4] == b"RIFF" and content[8:12] == b"WEBP"


def _is_mp3(content: bytes) -> bool:
    """A tag, or the head of a frame: MPEG 1, 2 or 2.5, layer III, with a rate of bits and of samples that exist."""
    if content[:3] == b"ID3":
        return len(content) > 10 and content[3] in {2, 3, 4} and not any(byte & 0x80 for byte in content[6:10])
    return (
        len(content) > 4
        and content[0] == 0xFF
        and content[1] & 0xE6 == 0xE2
        and content[1] & 0x18 != 0x08
        and content[2] & 0xF0 not in {0x00, 0xF0}
        and content[2] & 0x0C != 0x0C
    )


def _is_aac(content: bytes) -> bool:
    """A stream of ADTS frames: the length in the head leads to the next head."""
    if len(content) < 9 or content[0] != 0xFF or content[1] & 0xF6 != 0xF0:
        return False
    length = (content[3] & 0x03) << 11 | content[4] << 3 | content[5] >> 5
    following = content[length : length + 2]
    return length > 7 and (length == len(content) or (following[:1] == b"\xff" and following[1] & 0xF6 == 0xF0))


def _is_ogg(content: bytes) -> bool:
    """Ogg with sound in it: what WhatsApp calls a voice note is Opus; other streams, films among them, are not ours."""
    return content[:5] == b"OggS\x00" and any(mark in content[:200] for mark in (b"OpusHead", b"\x01vorbis"))


_MAGIC: tuple[tuple[Callable[[bytes], bool], FileType], ...] = (
    (_starts(b"%PDF-"), FileType.PDF),
    (_starts(b"\xff\xd8\xff"), FileType.JPEG),
    (_starts(b"\x89PNG\r\n\x1a\n"), FileType.PNG),
    (_starts(b"GIF87a", b"GIF89a"), FileType.GIF),
    (_is_webp, FileType.WEBP),
    (_starts(b"PK\x03\x04", b"PK\x05\x06"), FileType.ZIP),
    (_is_ogg, FileType.OGG),
    (_starts(*_AMR), FileType.AMR),
    (_is_aac, FileType.AAC),
    (_is_mp3, FileType.MP3),
)


def _of_boxes(content: bytes) -> FileType:
    """What begins with a box "ftyp": sound, film, or a picture of iPhones. Told by the brand, then by whether a track is a film."""
    brand = content[8:12]
    if brand in _HEIC_BRANDS:
        raise FileRefused(gettext("HEIC pictures cannot be read here. Save the picture as JPEG and try again."))
    refuse_hidden_archive(content)
    if brand in _SOUND_BRANDS:
        return FileType.M4A
    if brand[:2] == b"3g":
        return FileType.MOBILE
    if brand in _FILM_BRANDS:
        # Recorders of phones call sound by the brand of films too; a track with a picture has a handler "vide".
        return FileType.MP4 if b"vide" in content else FileType.M4A
    raise FileRefused(gettext("This type of file is not supported."))


def _zip_type(content: bytes) -> FileType:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError):
        raise FileRefused(gettext("This file is damaged and cannot be opened.")) from None
    unpacked = sum(member.file_size for member in members)
    if len(members) > _MOST_MEMBERS or unpacked > _MOST_UNPACKED or unpacked > _WORST_RATIO * len(content) + MEGABYTE:
        raise FileRefused(gettext("This file unpacks to far more than its size and was not kept."))
    names = {member.filename for member in members}
    if any(name.startswith("/") or ".." in re.split(r"[/\\]", name) for name in names):
        raise FileRefused(gettext("This archive holds unsafe file names and was not kept."))
    if any(member.flag_bits & 1 for member in members):
        raise FileRefused(
            gettext("This file is protected by a password, so it cannot be checked. Save it without one.")
        )
    if "[Content_Types].xml" not in names:
        return FileType.ZIP
    if any("vbaproject" in name.lower() or "/activex/" in name.lower() for name in names):
        raise FileRefused(gettext("Documents with macros are not stored. Save the document without macros."))
    if "word/document.xml" in names:
        return FileType.DOCX
    if "xl/workbook.xml" in names or "xl/workbook.bin" in names:
        return FileType.XLSX
    raise FileRefused(gettext("This kind of document is not supported."))


def _text_type(content: bytes, name: str) -> FileType:
    """Plain text in UTF-8, UTF-16 with a mark, or an old 8-bit code; never markup, whatever its name says."""
    ending = name.rpartition(".")[2].lower()
    if ending not in _TEXTS:
        raise FileRefused(gettext("This type of file is not supported."))
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            content = content.decode("utf-16").encode()
        except UnicodeDecodeError:
            raise FileRefused(gettext("This file is not readable text.")) from None
    if b"\x00" in content or len(re.findall(rb"[\x01-\x08\x0e-\x1f]", content[:100_000])) > 10:
        raise FileRefused(gettext("This file is not readable text."))
    if _MARKUP.search(content[:4096]):
        raise FileRefused(gettext("Web pages and drawings with code (HTML, SVG, XML) cannot be stored."))
    refuse_hidden_archive(content)
    if ending == "vcf" and not content.removeprefix(b"\xef\xbb\xbf").lstrip()[:11].upper() == b"BEGIN:VCARD":
        raise FileRefused(gettext("This is not a contact card file (vCard)."))
    return _TEXTS[ending]
