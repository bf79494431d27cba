"""The tokens' colours can be read: 4.5 to 1 for text, 3 to 1 for the edges of controls, in both themes (WCAG 2.2, 1.4.3 and 1.4.11)."""

import re
from pathlib import Path

import pytest

TOKENS = (Path(__file__).parents[1] / "static" / "web" / "css" / "tokens.css").read_text()
BOTH = {
    name: {"light": light, "dark": dark}
    for name, light, dark in re.findall(r"--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", TOKENS)
}
TONES = dict(re.findall(r"--(tone-[0-7](?:-ink)?): (#[0-9a-f]{6})", TOKENS))

TEXT = [
    *((ink, ground) for ink in ("ink", "muted") for ground in ("bg", "panel", "soft", "side")),
    *(("primary", ground) for ground in ("bg", "panel", "soft")),
    *(("primary-strong", ground) for ground in ("primary-soft", "panel")),
    ("ink", "primary-soft"),
    ("muted", "primary-soft"),
    ("on-primary", "primary"),
    ("on-primary", "primary-strong"),
    ("on-red", "red"),
    *((tone, ground) for tone in ("red", "green", "blue", "violet") for ground in ("panel", "bg", f"{tone}-soft")),
    *(("marigold-ink", ground) for ground in ("panel", "bg", "marigold-soft")),
    *(("ink", f"{tone}-soft") for tone in ("marigold", "red", "green", "blue")),
]
EDGES = [
    *(("edge", ground) for ground in ("panel", "bg")),
    *(("primary", ground) for ground in ("panel", "bg", "primary-soft")),
    ("bar", "panel"),
]


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_measure_knows_its_ends() -> None:
    assert round(contrast("#000000", "#ffffff"), 2) == 21
    assert contrast("#6b7080", "#f1efe8") < 4.5  # the muted of the first drawing, too pale on the quiet fill


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXT, ids=str)
def test_text_can_be_read(ink: str, ground: str, theme: str) -> None:
    assert contrast(BOTH[ink][theme], BOTH[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("edge", "ground"), EDGES, ids=str)
def test_controls_can_be_seen(edge: str, ground: str, theme: str) -> None:
    assert contrast(BOTH[edge][theme], BOTH[ground][theme]) >= 3


@pytest.mark.parametrize("tone", range(8))
def test_initials_can_be_read(tone: int) -> None:
    assert contrast(TONES[f"tone-{tone}"], TONES[f"tone-{tone}-ink"]) >= 4.5
