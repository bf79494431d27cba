import hashlib
import io
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import obstore
import pytest
from django.db import connection, transaction
from django.test import TestCase
from django.test.utils import CaptureQueriesContext
from PIL import Image
from pypdf import PdfReader

from amanat.core import clock, files, keyring, pictures, rootkeys, sealedobjects, tenancy, vault
from amanat.core.files import FileDamaged, FileRefused
from amanat.core.models_files import StoredFile
from amanat.core.tests import samples

HERE = UUID(int=0xA)
MEMBER = UUID(int=0xFACE)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Iterator[Path]:
    settings.ROOT_KEY_FILE = tmp_path / "root-key"
    settings.FILES_ROOT = tmp_path / "store"
    settings.S3_URL = ""
    rootkeys.create(settings.ROOT_KEY_FILE)
    keyring.forget_all()
    yield settings.FILES_ROOT
    keyring.forget_all()


@pytest.fixture(autouse=True)
def _here(db: None) -> Iterator[None]:
    with tenancy.inside(HERE):
        yield


def kept(content: bytes = b"a,b\n1,2\n", name: str = "a.csv", kind: str = "paper", **options: Any) -> files.StoredFile:
    return files.store(content, workspace_id=HERE, name=name, by=MEMBER, kind=kind, **options)


def on_disk(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_file_comes_back_as_it_was(folder: Path) -> None:
    content = "नाम,x\nआशा,1\n".encode()
    file = kept(io.BytesIO(content), "../लिस्ट.csv")  # type: ignore[arg-type]
    fresh = StoredFile.objects.of(HERE).get(pk=file.pk)
    assert files.read_all(fresh) == content
    assert (fresh.name, fresh.content_type, fresh.size) == ("लिस्ट.csv", "text/csv", len(content))
    assert (fresh.sha256, fresh.made_by) == (hashlib.sha256(content).hexdigest(), MEMBER)


def test_the_object_has_our_name_and_shows_nothing(folder: Path) -> None:
    file = kept(b"CANARY-NAME,1\n" * 100, "CANARY-FILE.csv")
    assert [path.relative_to(folder).as_posix() for path in on_disk(folder)] == [file.object_name]
    assert file.object_name.startswith(str(HERE) + "/")
    assert "CANARY" not in file.object_name
    assert b"CANARY" not in on_disk(folder)[0].read_bytes()


@pytest.mark.parametrize("extra", [-1, 0, 1])
@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_sizes_around_the_edge_of_a_piece(pieces: int, extra: int) -> None:
    content = b"ab,\n" * (pieces * sealedobjects.PIECE // 4) + b"x" * extra if extra > 0 else b""
    content = content or (b"ab,\n" * (pieces * sealedobjects.PIECE // 4))[: extra or None]
    assert len(content) == pieces * sealedobjects.PIECE + extra
    assert files.read_all(kept(content)) == content


PIECE_ON_DISK = sealedobjects.PIECE + 16
HEAD = 4


def _swapped(body: bytes) -> bytes:
    first, second = body[HEAD : HEAD + PIECE_ON_DISK], body[HEAD + PIECE_ON_DISK : HEAD + 2 * PIECE_ON_DISK]
    return body[:HEAD] + second + first + body[HEAD + 2 * PIECE_ON_DISK :]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "one bit": lambda body: body[:5000] + bytes([body[5000] ^ 1]) + body[5001:],
    "last byte": lambda body: body[:-1] + bytes([body[-1] ^ 1]),
    "cut at a piece": lambda body: body[: HEAD + 2 * PIECE_ON_DISK],
    "cut in a piece": lambda body: body[: HEAD + PIECE_ON_DISK + 77],
    "cut to nothing": lambda body: b"",
    "only the head": lambda body: body[:HEAD],
    "longer": lambda body: body + b"x",
    "last piece twice": lambda body: body + body[HEAD + 2 * PIECE_ON_DISK :],
    "pieces swapped": _swapped,
    "piece missing": lambda body: body[:HEAD] + body[HEAD + PIECE_ON_DISK :],
    "other head": lambda body: b"AMF2" + body[HEAD:],
}


@pytest.mark.sampled
@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found(damage: str, folder: Path) -> None:
    content = bytes(ord("a") + n % 26 for n in range(2 * sealedobjects.PIECE + 1000))
    file = kept(content, "a.txt")
    path = on_disk(folder)[0]
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.raises(FileDamaged):
        files.read_all(file)


def test_another_files_object_does_not_open(folder: Path) -> None:
    first, second = kept(b"one\n", "a.txt"), kept(b"two\n", "a.txt")
    (folder / first.object_name).write_bytes((folder / second.object_name).read_bytes())
    with pytest.raises(FileDamaged):
        files.read_all(first)


def test_an_object_is_bound_to_its_name_and_workspace_even_under_the_same_key(folder: Path) -> None:
    key = sealedobjects.new_key()
    sealedobjects.write("w/one", [b"1"], key=key, workspace_id=HERE)
    (folder / "w/two").write_bytes((folder / "w/one").read_bytes())
    assert b"".join(sealedobjects.read("w/one", key=key, workspace_id=HERE, size=1)) == b"1"
    for name, workspace_id in [("w/two", HERE), ("w/one", UUID(int=0xB))]:
        with pytest.raises(FileDamaged):
            list(sealedobjects.read(name, key=key, workspace_id=workspace_id, size=1))


def test_a_lost_object_is_damage(folder: Path) -> None:
    file = kept()
    (folder / file.object_name).unlink()
    with pytest.raises(FileDamaged):
        files.read_all(file)


def test_a_key_of_another_row_does_not_open() -> None:
    first, second = kept(), kept()
    first.wrapped_key = second.wrapped_key
    with pytest.raises(vault.VaultRefused):
        files.read_all(first)


# --- What is refused ----------------------------------------------------------------------------------------------


def refusal(content: bytes, name: str = "a.pdf", kind: str = "paper", **options: Any) -> str:
    with pytest.raises(FileRefused) as caught:
        kept(content, name, kind, **options)
    assert not StoredFile.objects.of(HERE).exists()
    return str(caught.value)


def test_the_limit_is_exact_and_stops_the_reading() -> None:
    class Endless:
        taken = 0

        def read(self, size: int = -1, /) -> bytes:
            self.taken += size
            return b"a" * size

    endless = Endless()
    with pytest.raises(FileRefused, match="at most 2 MB"):
        files.store(endless, workspace_id=HERE, name="a.txt", by=None, kind="paper", most_bytes=2_000_000)
    assert endless.taken < 3_000_000
    assert kept(b"a" * 1000, "a.txt", most_bytes=1000).size == 1000
    with pytest.raises(FileRefused):
        kept(b"a" * 1001, "a.txt", most_bytes=1000)


def test_empty_and_wrong_kinds_are_refused() -> None:
    assert "empty" in refusal(b"")
    assert "not allowed" in refusal(samples.pdf(), kind="picture")
    assert "not allowed" in refusal(samples.archive({"a": b"1"}), "a.zip")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (samples.pdf_with_script(), "program"),
        (samples.pdf_with_action("/JavaScript"), "program"),
        (samples.pdf_with_action("/Launch"), "program"),
        (samples.pdf_with_action("/SubmitForm"), "program"),
        (samples.pdf_with_action("/ImportData"), "program"),
        (samples.pdf_with_action("/GoToR"), "program"),
        (samples.pdf_with_hidden_name(), "program"),
        (samples.pdf_with_packed_action(), "program"),
        (samples.pdf_with_stray_script(), "program"),
        (samples.pdf_with_attachment(), "file inside"),
        (samples.pdf_locked("secret"), "password"),
        (b"%PDF-1.7\nnothing", "damaged"),
        (samples.pdf()[:200], "damaged"),
        (samples.pdf(pages=0), "no pages"),
    ],
)
def test_pdfs_that_act_or_cannot_be_checked_are_refused(content: bytes, word: str) -> None:
    assert word in refusal(content)


def test_harmless_pdfs_are_kept_byte_for_byte() -> None:
    for content in (samples.pdf(pages=3), samples.pdf_locked("")):  # locked against printing, say, but open to all
        assert files.read_all(kept(content, "a.pdf")) == content


# --- Pictures -----------------------------------------------------------------------------------------------------


def test_a_photo_loses_place_owner_and_comment_and_stands_upright() -> None:
    original = samples.photo_with_place()
    assert b"CANARY" in original
    assert Image.open(io.BytesIO(original)).getexif().get_ifd(samples.GPS)
    content = files.read_all(kept(original, "IMG_1.jpg"))
    made = Image.open(io.BytesIO(content))
    assert b"CANARY" not in content
    assert b"Exif" not in content
    assert not made.getexif()
    assert made.size == (20, 40)  # turned by 90 degrees
    red, _, blue = made.getpixel((10, 2))  # type: ignore[misc]
    assert (red > 200, blue < 60) == (True, True)


@pytest.mark.parametrize("form", ["PNG", "WEBP", "JPEG"])
def test_what_is_hidden_in_or_behind_a_picture_goes(form: str) -> None:
    content = samples.picture(form) + b"<script>CANARY</script>"
    assert b"CANARY" not in files.read_all(kept(content, "a"))


def test_a_moving_picture_keeps_its_first_frame() -> None:
    file = kept(samples.moving_gif(), "a.gif")
    made = Image.open(io.BytesIO(files.read_all(file)))
    assert (file.content_type, file.name, getattr(made, "n_frames", 1)) == ("image/png", "a.png", 1)
    assert made.convert("RGB").getpixel((5, 5)) == (255, 0, 0)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK"])
def test_pictures_of_every_mode(mode: str) -> None:
    form = "JPEG" if mode == "CMYK" else "PNG"
    content = samples.picture(form, mode=mode)
    made = Image.open(io.BytesIO(files.read_all(kept(content, "a"))))
    assert made.size == (40, 20)


def test_sixteen_bits_become_eight() -> None:
    target = io.BytesIO()
    Image.new("I;16", (4, 4), 30_000).save(target, "PNG")
    made = Image.open(io.BytesIO(files.read_all(kept(target.getvalue(), "a.png"))))
    assert (made.mode, made.getpixel((1, 1))) == ("L", 30_000 // 256)


def test_transparency_stays() -> None:
    target = io.BytesIO()
    Image.new("RGBA", (4, 4), (0, 255, 0, 0)).save(target, "PNG")
    made = Image.open(io.BytesIO(files.read_all(kept(target.getvalue(), "a.png"))))
    assert made.getpixel((1, 1)) == (0, 255, 0, 0)


@pytest.mark.parametrize("size", [(65_000, 65_000), (60_000, 1), (8_000, 8_000)])
def test_pixel_bombs_are_refused_before_decoding(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    assert "pixels" in refusal(samples.png_claiming(*size), "a.png")


@pytest.mark.parametrize(
    "content", [samples.picture("PNG")[:60], b"\xff\xd8\xff\xe0broken", b"GIF89a", b"RIFF\x00\x00\x00\x00WEBP"]
)
def test_broken_pictures_are_refused(content: bytes) -> None:
    assert "damaged" in refusal(content, "a.png")


# --- Crashes and sweeping -----------------------------------------------------------------------------------------


def test_a_failed_write_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(obstore, "open_writer", full)
    with pytest.raises(OSError, match="No space"):
        kept()
    assert not StoredFile.objects.of(HERE).exists()


def test_a_failed_flush_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output"):
        kept()
    assert not StoredFile.objects.of(HERE).exists()
    with clock.standing_at(clock.now() + timedelta(hours=7)):
        assert files.sweep(HERE) == 1


def test_an_object_whose_row_was_rolled_back_is_swept_and_no_sooner_than_six_hours_later(folder: Path) -> None:
    with pytest.raises(ValueError, match="something else"), transaction.atomic():
        kept()
        raise ValueError("something else went wrong")
    assert not StoredFile.objects.of(HERE).exists()
    assert len(on_disk(folder)) == 1
    for hours, removed, left in ((5, 0, 1), (7, 1, 0)):
        with clock.standing_at(clock.now() + timedelta(hours=hours)), TestCase.captureOnCommitCallbacks(execute=True):
            assert files.sweep(HERE) == removed
        assert len(on_disk(folder)) == left


def test_keeping_a_file_writes_one_row_once() -> None:
    kept()  # makes the key of the workspace
    with CaptureQueriesContext(connection) as asked:
        kept()
    assert [query["sql"].split()[0] for query in asked if not query["sql"].startswith("SELECT")] == ["INSERT"]


def test_the_sweep_removes_objects_no_row_knows_and_no_others(folder: Path) -> None:
    file = kept()
    orphan = folder / str(HERE) / "0123456789abcdef"
    foreign = folder / str(UUID(int=0xB)) / "0123456789abcdef"
    foreign.parent.mkdir()
    for path in (orphan, foreign):
        path.write_bytes(b"left by a crash")
        os.utime(path, (1_000_000_000, 1_000_000_000))
    os.utime(folder / file.object_name, (1_000_000_000, 1_000_000_000))
    with TestCase.captureOnCommitCallbacks(execute=True):
        assert files.sweep(HERE) == 1
    assert on_disk(folder) == sorted([foreign, folder / file.object_name])
    assert files.read_all(file) == b"a,b\n1,2\n"


def test_deleting_takes_the_row_now_and_the_object_after_the_commit(folder: Path) -> None:
    file, stays = kept(), kept()
    with TestCase.captureOnCommitCallbacks(execute=True):
        files.delete(file)
        assert len(on_disk(folder)) == 2
    assert [path.name for path in on_disk(folder)] == [Path(stays.object_name).name]
    assert [row.pk for row in StoredFile.objects.of(HERE)] == [stays.pk]
    with TestCase.captureOnCommitCallbacks(execute=True):
        files.delete(file)  # once more does no harm


def test_file_keys_follow_a_rotation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "_sealed", {})
    files.declare_sealed()
    file = kept()
    vault.rotate(HERE)
    assert vault.reseal(HERE) == vault.Progress(resealed=1, refused=0, left=0)
    with clock.standing_at(clock.now() + timedelta(minutes=11)):
        vault.retire(HERE, 1)
    assert files.read_all(StoredFile.objects.of(HERE).get(pk=file.pk)) == b"a,b\n1,2\n"


# --- Giving out ---------------------------------------------------------------------------------------------------


def test_a_download_runs_nowhere_and_stays_nowhere() -> None:
    response = files.serve(kept(b"x\n", "आशा.txt"))
    assert response["Content-Disposition"] == "attachment; filename*=utf-8''%E0%A4%86%E0%A4%B6%E0%A4%BE.txt"
    assert response["Content-Type"] == "text/plain"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert response["Cache-Control"] == "no-store, private"
    assert response["Content-Length"] == "2"
    assert response.getvalue() == b"x\n"


@pytest.mark.parametrize(
    ("wanted", "status", "content", "told"),
    [
        (None, 200, b"0123456789", ""),
        ("", 200, b"0123456789", ""),
        ("bytes=0-", 200, b"0123456789", ""),
        ("bytes=0-99", 200, b"0123456789", ""),
        ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
        ("bytes=2-3", 206, b"23", "bytes 2-3/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-99", 200, b"0123456789", ""),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
        ("bytes=99999999999999999-", 416, b"", "bytes */10"),
        ("bytes=5-2", 200, b"0123456789", ""),
        ("bytes=0-1,4-5", 200, b"0123456789", ""),
        ("bytes=-", 200, b"0123456789", ""),
        ("bytes=٢-٣", 200, b"0123456789", ""),
        ("items=0-1", 200, b"0123456789", ""),
    ],
)
def test_a_player_is_given_the_part_it_asks_for(wanted: str | None, status: int, content: bytes, told: str) -> None:
    response = files.serve(kept(b"0123456789", "a.txt"), wanted=wanted)
    assert (response.status_code, response.getvalue()) == (status, content)
    assert response.get("Content-Range", "") == told
    assert response["Content-Length"] == str(len(content))
    assert response.get("Accept-Ranges") == (None if wanted is None else "bytes")
    assert response["Content-Security-Policy"].startswith("sandbox")


def test_a_given_name_is_made_safe() -> None:
    response = files.serve(kept(), name='..\\a"\r\nX: y.csv')
    assert response["Content-Disposition"] == 'attachment; filename="a_ X_ y.csv"'


def test_nothing_is_asked_of_the_database_while_streaming(django_assert_num_queries: Any) -> None:
    response = files.serve(kept())
    with django_assert_num_queries(0):
        assert response.getvalue() == b"a,b\n1,2\n"


def differs(first: Image.Image, second: Image.Image) -> int:
    """How many of the pixels are not the same."""
    pairs = zip(first.convert("RGB").get_flattened_data(), second.convert("RGB").get_flattened_data(), strict=True)
    return sum(a != b for a, b in pairs)


@pytest.mark.parametrize("text", ["Only for a passport application", 'क्षमा करें #panic("x") \\ $x$'])
def test_a_picture_with_a_watermark_shows_it(text: str) -> None:
    target = io.BytesIO()
    Image.new("RGB", (600, 400), "white").save(target, "PNG")
    file = kept(target.getvalue(), "a.png")
    marked = Image.open(io.BytesIO(files.watermarked(file, text)))
    assert (marked.size, marked.format) == ((600, 400), "PNG")
    assert differs(marked, Image.open(io.BytesIO(files.read_all(file)))) > 500


def test_different_texts_make_different_marks() -> None:
    file = kept(samples.picture("PNG", (300, 300)), "a.png")
    first, second = (Image.open(io.BytesIO(files.watermarked(file, text))) for text in ("आशा", "रेखा"))
    assert differs(first, second) > 50


@pytest.mark.parametrize(
    "content", [samples.pdf(pages=2), samples.pdf(size=(300, 200)), samples.pdf_turned(), samples.pdf_locked("")]
)
def test_a_pdf_with_a_watermark_shows_it_on_every_page(content: bytes) -> None:
    marked = PdfReader(io.BytesIO(files.watermarked(kept(content, "a.pdf"), "Copy for KYC")))
    assert all("Copy for KYC" in page.extract_text() for page in marked.pages)


def test_other_types_carry_no_watermark() -> None:
    with pytest.raises(FileRefused):
        files.watermarked(kept(), "x")


def test_an_object_store_elsewhere_is_asked_when_set(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(
        sealedobjects.S3Store, "from_url", lambda url: opened.append(url) or obstore.store.MemoryStore()
    )
    settings.S3_URL = "s3://bucket/prefix"
    sealedobjects._opened_store.cache_clear()
    file = kept()
    assert files.read_all(file) == b"a,b\n1,2\n"
    assert opened == ["s3://bucket/prefix"]
    sealedobjects._opened_store.cache_clear()


def test_the_row_holds_no_key_in_the_open() -> None:
    file = kept()
    key = vault.open(file.wrapped_key, workspace_id=HERE, context=files.key_context(file))
    with connection.cursor() as cursor:
        cursor.execute("SELECT encode(wrapped_key, 'hex') FROM core_storedfile WHERE id = %s", [file.pk])
        assert key.hex() not in cursor.fetchone()[0]


def test_most_pixels_fit_a_telephone() -> None:
    assert pictures.MOST_PIXELS >= 48_000_000
