"""Geometry of the bar chart."""

from hypothesis import given
from hypothesis import strategies as st

from amanat.web import charts

VALUES = st.lists(st.floats(min_value=-1000, max_value=1e9, allow_nan=False), min_size=1, max_size=31)


@given(VALUES)
def test_bars_stay_inside_the_picture_and_stand_on_its_floor(values: list[float]) -> None:
    chart = charts.bars([(str(place), value, "") for place, value in enumerate(values)])
    assert len(chart.bars) == len(values)
    for bar in chart.bars:
        assert bar.x >= -0.1 and bar.x + bar.width <= charts.WIDTH + 0.2
        assert 0 <= bar.height <= charts.HEIGHT
        assert abs(bar.y + bar.height - charts.HEIGHT) < 0.11
    ordered = sorted(zip(values, (bar.height for bar in chart.bars), strict=True))
    assert [height for _value, height in ordered] == sorted(height for _value, height in ordered)


def test_the_last_bar_is_now_and_has_a_label() -> None:
    chart = charts.bars([(month, 1, "") for month in ("Nov", "Dec", "Jan", "Feb", "Mar", "Apr", "May")])
    assert [bar.label for bar in chart.bars if bar.is_now] == ["May"]
    assert [bar.label for bar in chart.bars if bar.is_labelled] == ["Nov", "Jan", "Mar", "May"]


def test_no_values_and_only_zeros() -> None:
    assert charts.bars([]).bars == ()
    assert [bar.height for bar in charts.bars([("a", 0, "0"), ("b", 0, "0")]).bars] == [0, 0]
