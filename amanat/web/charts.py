"""Geometry of the small charts that the server draws as SVG. `web/parts/_bars.html` shows a `BarChart`."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 520
HEIGHT = 160
GAP = 0.22  #: the part of a bar's share of the width that stays empty
LABELS = 6  #: more labels than this would run into each other on a phone
TALLEST = 0.94  #: of the height, so that the tallest bar does not touch the title


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    text: str  #: the value as people read it
    x: float
    y: float
    width: float
    height: float
    is_now: bool
    is_labelled: bool


@dataclass(frozen=True, slots=True)
class BarChart:
    bars: tuple[Bar, ...]
    width: int = WIDTH
    height: int = HEIGHT


def bars(values: Sequence[tuple[str, float, str]]) -> BarChart:
    """A chart of (label, value, value as text), the last one marked as now. Negative values are drawn as none."""
    if not values:
        return BarChart(())
    highest = max(0.0, *(value for _label, value, _text in values))
    share = WIDTH / len(values)
    width = share * (1 - GAP)
    step = -(-len(values) // LABELS)
    last = len(values) - 1
    drawn = []
    for place, (label, value, text) in enumerate(values):
        height = round(HEIGHT * TALLEST * max(value, 0) / highest, 1) if highest else 0.0
        x = round(place * share + (share - width) * place / max(last, 1), 1)
        drawn.append(
            Bar(
                label,
                text,
                x,
                round(HEIGHT - height, 1),
                round(width, 1),
                height,
                place == last,
                (last - place) % step == 0,
            )
        )
    return BarChart(tuple(drawn))
