import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amanat.core import filetypes
from amanat.core.filetypes import FileRefused, FileType
from amanat.core.tests import samples

GOOD = [
    (samples.pdf(), "a.pdf", FileType.PDF),
    (samples.picture("JPEG"), "a.png", FileType.JPEG),  # the bytes count, not the name
    (samples.picture("PNG"), "a", FileType.PNG),
    (samples.picture("WEBP"), "a.webp", FileType.WEBP),
    (samples.picture("GIF"), "a.gif", FileType.GIF),
    (b"name,phone\nAsha,+919876543210\n", "a.CSV", FileType.CSV),
    ("नाम,फ़ोन\nआशा,1\n".encode("utf-16"), "a.csv", FileType.CSV),
    (b"caf\xe9;1\n", "a.csv", FileType.CSV),
    (b"5 < 6 and a<b\n", "a.txt", FileType.TXT),
    (b"\xef\xbb\xbfBEGIN:VCARD\nVERSION:3.0\nEND:VCARD\n", "a.vcf", FileType.VCF),
    (samples.archive({"a.csv": b"1"}), "a.zip", FileType.ZIP),
    (samples.office("word/document.xml"), "a.docx", FileType.DOCX),
    (samples.office("xl/workbook.xml"), "a.xlsx", FileType.XLSX),
]
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
BAD = {
    "svg": (SVG, "a.svg"),
    "svg named jpg": (SVG, "a.jpg"),
    "svg named csv": (b"\xef\xbb\xbf <?xml version='1.0'?>" + SVG, "a.csv"),
    "html named jpg": (b"<html><script>alert(1)</script>", "a.jpg"),
    "html named txt": (b"\n\n  <!DOCTYPE html><p>", "a.txt"),
    "html later in txt": (b"hello\n<ScRiPt>alert(1)</script>", "a.txt"),
    "html in utf-16": ("\ufeff<script>alert(1)</script>".encode("utf-16-le"), "a.txt"),
    "html in vcf": (b"BEGIN:VCARD\nNOTE:<iframe src=x>\n", "a.vcf"),
    "php": (b"<?php system($_GET[0]);", "a.txt"),
    "xml": (b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>", "a.txt"),
    "shell script": (b"#!/bin/sh\nrm -rf /\n", "a.txt"),
    "windows program": (b"MZ\x90\x00", "a.pdf"),
    "windows program named .pHaR": (b"MZ\x90\x00", "a.pHaR"),
    "linux program": (b"\x7fELF\x02", "a.jpg"),
    "mac program": (b"\xcf\xfa\xed\xfe", "a.jpg"),
    "old office": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.xls"),
    "malware": (samples.EICAR, "a.txt"),
    "malware within": (b"x" * 5000 + samples.EICAR, "a.csv"),
    "malware in a pdf": (samples.pdf() + samples.EICAR, "a.pdf"),
    "archive behind a jpeg": (samples.picture() + samples.archive({"a.class": b"x"}), "a.jpg"),
    "archive behind a pdf": (samples.pdf() + samples.archive({"a.js": b"x"}), "a.pdf"),
    "archive behind a text": (b"hello\n" + samples.archive({"a.js": b"x"}).replace(b"\x00", b" "), "a.exe"),
    "zip bomb": (samples.archive({"a": bytes(50_000_000)}), "a.zip"),
    "zip with a path": (samples.archive({"../../etc/cron.d/x": b"1"}), "a.zip"),
    "zip with a windows path": (samples.archive({"..\\x": b"1"}), "a.zip"),
    "zip with a root path": (samples.archive({"/etc/passwd": b"1"}), "a.zip"),
    "broken zip": (samples.archive({"a": b"1"})[:-10], "a.zip"),
    "macros": (samples.office("word/document.xml", **{"word/vbaProject.bin": b"x"}), "a.docx"),
    "presentation": (samples.office("ppt/presentation.xml"), "a.pptx"),
    "binary named csv": (bytes(range(256)), "a.csv"),
    "half utf-16": (b"\xff\xfeabc", "a.txt"),
    "vcf without a card": (b"hello", "a.vcf"),
    "heic": (b"\x00\x00\x00\x18ftypheic", "a.heic"),
    "javascript": (b"alert(1)", "a.js"),
    "no ending": (b"hello", "hello"),
    "pdf not at the start": (b"\n%PDF-1.7", "a.pdf"),
    "tar": (b"a" * 257 + b"ustar", "a.tar"),
}


@pytest.mark.parametrize(("content", "name", "expected"), GOOD)
def test_types_are_told_by_their_bytes(content: bytes, name: str, expected: FileType) -> None:
    assert filetypes.sniff(content, name) == expected


@pytest.mark.parametrize("case", BAD)
def test_dangerous_files_are_refused_in_words(case: str) -> None:
    with pytest.raises(FileRefused) as caught:
        filetypes.sniff(*BAD[case])
    assert len(str(caught.value).split()) >= 4


@given(st.binary(max_size=300), st.sampled_from(["a.pdf", "a.csv", "a.txt", "a.vcf", "a.zip", "a"]))
def test_any_bytes_have_a_type_or_are_refused(content: bytes, name: str) -> None:
    with contextlib.suppress(FileRefused):
        assert filetypes.sniff(content, name) in FileType


NAMES = [
    ("Passport Asha.pdf", "Passport Asha.pdf"),
    ("../../etc/passwd", "passwd.pdf"),
    ("C:\\Users\\x\\scan.PDF", "scan.pdf"),
    ("..", "file.pdf"),
    ("", "file.pdf"),
    (".pdf", "file.pdf"),
    ("a.pdf.exe", "a.pdf.exe.pdf"),
    ("invoice\u202efdp.exe", "invoicefdp.exe.pdf"),
    ("a\r\nSet-Cookie: x=1.pdf", "a Set-Cookie_ x=1.pdf"),
    ("a\x00b\x1f.pdf", "a b.pdf"),
    ('a"b;c<d>.pdf', "a_b_c_d_.pdf"),
    ("आधार कार्ड.pdf", "आधार कार्ड.pdf"),
    ("क्\u200dष.pdf", "क्\u200dष.pdf"),  # the joiner shapes the letter
    ("e\u0301.pdf", "é.pdf"),
]


@pytest.mark.parametrize(("given_name", "kept"), NAMES)
def test_names_are_made_safe(given_name: str, kept: str) -> None:
    assert filetypes.safe_name(given_name, FileType.PDF) == kept


def test_the_ending_is_that_of_the_type() -> None:
    assert filetypes.safe_name("photo.jpeg", FileType.JPEG) == "photo.jpg"
    assert filetypes.safe_name("photo.gif", FileType.PNG) == "photo.png"
    assert filetypes.safe_name("x" * 114 + ".pdf", FileType.PDF) == "x" * 114 + ".pdf"


@given(st.text(max_size=400))
def test_no_name_is_dangerous(name: str) -> None:
    kept = filetypes.safe_name(name, FileType.PDF)
    assert len(kept) <= 120
    assert kept.endswith(".pdf")
    assert not set(kept) & set('/\\\x00\r\n"<>|:*?;\u202e\u202d\u2066')
    assert not kept.startswith((".", " "))
    assert filetypes.safe_name(kept, FileType.PDF) == kept


def test_kinds_are_declared() -> None:
    assert FileType.ZIP not in filetypes.kind("paper").allowed
    assert filetypes.kind("paper").most_bytes == 25_000_000
    with pytest.raises(KeyError):
        filetypes.kind("unknown")
