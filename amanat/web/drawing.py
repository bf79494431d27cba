"""Draws the application's own icons: a deep-green square with a shield and a tick, as PNG and SVG.

`python -m amanat.web.drawing` writes them into `static/web/icons/`. Everything is drawn here, so no picture file needs an editor.
"""

from pathlib import Path

from PIL import Image, ImageDraw

ICONS = Path(__file__).parent / "static" / "web" / "icons"
GREEN = "#0f5c55"
WHITE = "#ffffff"
OVERSAMPLING = 4  # drawn larger, then reduced: Pillow's lines have no smooth edges of their own
#: The outline of the shield on a 24-unit square, and its tick.
SHIELD = "M20 13c0 5-3.5 7.5-7.66 8.95a1 1 0 0 1-.67-.01C7.5 20.5 4 18 4 13V6a1 1 0 0 1 1-1c2 0 4.5-1.2 6.24-2.72a1.17 1.17 0 0 1 1.52 0C14.51 3.81 17 5 19 5a1 1 0 0 1 1 1z"
TICK = ((9.0, 12.0), (11.0, 14.0), (15.0, 10.0))
Point = tuple[float, float]


def curve(start: Point, first: Point, second: Point, end: Point, steps: int = 24) -> list[Point]:
    """Points along a cubic Bézier curve, without its start."""
    points = []
    for step in range(1, steps + 1):
        t = step / steps
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
        corners = (start, first, second, end)
        points.append(
            (
                sum(w * p[0] for w, p in zip(weights, corners, strict=True)),
                sum(w * p[1] for w, p in zip(weights, corners, strict=True)),
            )
        )
    return points


def shield() -> list[Point]:
    """The outline as points; the corners of `SHIELD`, its tiny arcs taken as straight lines."""
    left = [(11.67, 21.94), *curve((11.67, 21.94), (7.5, 20.5), (4, 18), (4, 13)), (4, 6), (4.29, 5.29), (5, 5)]
    left += [*curve((5, 5), (7, 5), (9.5, 3.8), (11.24, 2.28)), (11.6, 2.06), (12, 2)]
    right = [(24 - x, y) for x, y in reversed(left)]
    return [*left, *right, left[0]]


def draw(side: int, *, margin: float, corner: float) -> Image.Image:
    """A square icon of `side` pixels; `margin` and `corner` are parts of the side. Maskable icons need corner 0 and a wide margin."""
    size = side * OVERSAMPLING
    picture = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    pen = ImageDraw.Draw(picture)
    pen.rounded_rectangle((0, 0, size - 1, size - 1), radius=size * corner, fill=GREEN)
    unit = size * (1 - 2 * margin) / 24
    width = max(1, round(unit * 1.9))

    def stroke(points: list[Point]) -> None:
        placed = [(size * margin + x * unit, size * margin + y * unit) for x, y in points]
        pen.line(placed, fill=WHITE, width=width, joint="curve")
        for x, y in (placed[0], placed[-1]):
            pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=WHITE)

    stroke(shield())
    stroke(list(TICK))
    return picture.resize((side, side), Image.Resampling.LANCZOS)


def vector() -> str:
    """The favicon as SVG."""
    tick = " ".join(f"{x:g},{y:g}" for x, y in TICK)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40">'
        f'<rect width="40" height="40" rx="10" fill="{GREEN}"/>'
        f'<g transform="translate(8 8)" fill="none" stroke="{WHITE}" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">'
        f'<path d="{SHIELD}"/><polyline points="{tick}"/></g></svg>\n'
    )


def write() -> None:
    ICONS.mkdir(parents=True, exist_ok=True)
    (ICONS / "icon.svg").write_text(vector(), encoding="utf-8")
    for name, side, margin, corner in (
        ("icon-192.png", 192, 0.2, 0.22),
        ("icon-512.png", 512, 0.2, 0.22),
        ("maskable-192.png", 192, 0.28, 0.0),
        ("maskable-512.png", 512, 0.28, 0.0),
        ("apple-touch-icon.png", 180, 0.22, 0.0),
    ):
        picture = draw(side, margin=margin, corner=corner)
        picture.quantize(colors=32, method=Image.Quantize.FASTOCTREE).save(ICONS / name, optimize=True)


if __name__ == "__main__":
    write()
