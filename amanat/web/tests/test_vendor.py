"""What came from others is what the lists say, and no more than that."""

import hashlib
import re
from pathlib import Path

import pytest
from PIL import Image

from amanat.web import drawing, sprite

WEB = Path(__file__).parents[1]
FOLDERS = [WEB / "static" / "web" / "vendor", Path(__file__).parent / "vendor"]
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \| [^|]+ \| `([0-9a-f]{64})` \|$", re.M)


@pytest.mark.parametrize("folder", FOLDERS, ids=["served", "tests"])
def test_every_vendored_file_is_listed_with_its_hash(folder: Path) -> None:
    listed = {name: digest for name, _package, _licence, digest in ROW.findall((folder / "README.md").read_text())}
    found = {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file() and file.name != "README.md"
    }
    assert listed == found


@pytest.mark.parametrize("folder", FOLDERS, ids=["served", "tests"])
def test_every_vendored_file_names_version_and_licence(folder: Path) -> None:
    for _name, package, licence, _digest in ROW.findall((folder / "README.md").read_text()):
        assert re.search(r" \d+\.\d+\.\d+$", package)
        assert licence in {"0BSD", "OFL-1.1", "ISC and MIT", "MPL-2.0"}


def test_each_folder_keeps_its_licence() -> None:
    assert all((folder / "LICENSE").exists() for folder in FOLDERS[0].iterdir() if folder.is_dir())


def test_sprite_holds_exactly_the_named_icons_in_order() -> None:
    drawn = re.findall(r'<symbol id="([a-z0-9-]+)"', sprite.SPRITE.read_text())
    assert drawn == list(sprite.NAMES)
    assert sprite.drawn_names() == set(sprite.NAMES)
    assert len(sprite.NAMES) == len(set(sprite.NAMES))


def test_sprite_carries_shapes_and_nothing_else() -> None:
    tags = set(re.findall(r"<([a-z]+)", sprite.SPRITE.read_text()))
    assert tags <= {"svg", "symbol", "path", "circle", "rect", "line", "polyline", "polygon", "ellipse"}


def test_sprite_is_drawn_from_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "icons").mkdir()
    (tmp_path / "icons" / "tick.svg").write_text(
        '<svg\n  class="x"\n>\n  <path d="M1 2" />\n  <path d="M3 4" />\n</svg>\n'
    )
    monkeypatch.setattr(sprite, "NAMES", ("tick",))
    text = sprite.draw(tmp_path)
    assert '<symbol id="tick" viewBox="0 0 24 24"><path d="M1 2"/><path d="M3 4"/></symbol>' in text


def test_drawing_a_missing_icon_fails(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sprite.draw(tmp_path)


@pytest.mark.parametrize("name", ["icon-192", "icon-512", "maskable-192", "maskable-512", "apple-touch-icon"])
def test_app_icons_are_square_small_and_green(name: str) -> None:
    file = drawing.ICONS / f"{name}.png"
    assert file.stat().st_size < 20_000
    with Image.open(file) as picture:
        side = int(name.rpartition("-")[2]) if name[-1].isdigit() else 180
        assert picture.size == (side, side)
        pixels = picture.convert("RGBA")
        top = pixels.getpixel((side // 2, 4))
        assert isinstance(top, tuple)
        assert abs(top[0] - 0x0F) < 12 and abs(top[1] - 0x5C) < 12 and abs(top[2] - 0x55) < 12


@pytest.mark.parametrize("side", [192, 512])
def test_maskable_icons_keep_the_shield_inside_the_safe_circle(side: int) -> None:
    with Image.open(drawing.ICONS / f"maskable-{side}.png") as picture:
        pixels = picture.convert("RGBA").convert("RGB")
    light = [
        (x, y)
        for x in range(0, side, 2)
        for y in range(0, side, 2)
        if sum(pixels.getpixel((x, y))) > 600  # type: ignore[arg-type]
    ]
    assert light, "the shield is drawn"
    assert all((x - side / 2) ** 2 + (y - side / 2) ** 2 < (0.4 * side) ** 2 for x, y in light)


@pytest.mark.slow
def test_icons_are_drawn_anew_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {file.name: file.read_bytes() for file in drawing.ICONS.iterdir()}
    monkeypatch.setattr(drawing, "ICONS", tmp_path / "icons")
    drawing.write()
    assert {file.name for file in drawing.ICONS.iterdir()} == set(kept)
    assert (drawing.ICONS / "icon.svg").read_bytes() == kept["icon.svg"]
