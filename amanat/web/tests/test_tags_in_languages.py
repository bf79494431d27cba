"""What the tags write in each language: figures the Indian way, days and times in words that its readers use."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.template import Context, Template
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from amanat.core import clock
from amanat.web import formatting
from amanat.web.templatetags.amanat import SEALS

NOW = datetime(2026, 11, 21, 4, 40, tzinfo=UTC)  # 10:10 in India, a Saturday
LANGUAGES = ("en", "hi", "mr")
VALUES = {
    "now": NOW,
    "in_the_night": datetime(2026, 11, 20, 19, 30, tzinfo=UTC),  # 01:00 of the 21st in India
    "before_midnight": datetime(2026, 11, 20, 18, 29, tzinfo=UTC),  # 23:59 of the 20th in India
    "yesterday": NOW - timedelta(days=1),
    "tomorrow": NOW + timedelta(days=1),
    "spring": date(2026, 3, 14),
    "other_year": date(2024, 2, 29),
    "two_minutes": NOW - timedelta(minutes=2),
    "an_hour": NOW - timedelta(hours=1),
    "a_day": NOW - timedelta(days=1),
    "three_days": NOW - timedelta(days=3),
    "in_nine_days": NOW + timedelta(days=9),
    "soon": NOW + timedelta(seconds=20),
    "long_ago": NOW - timedelta(days=400),
    "nothing": None,
}


def rendered(source: str, language: str) -> str:
    with translation.override(language), timezone.override("Asia/Kolkata"), clock.standing_at(NOW):
        return Template("{% load amanat i18n %}" + source).render(Context(VALUES)).replace("\xa0", " ").strip()


#: The tag, and what it writes in English, Hindi and Marathi.
WORDS = [
    ("{{ now|short_time }}", "21 Nov, 10:10", "21 नव, 10:10", "21 नोव्ह, 10:10"),
    ("{{ now|recent }}", "Today, 10:10", "आज, 10:10", "आज, 10:10"),
    ("{{ in_the_night|recent }}", "Today, 01:00", "आज, 01:00", "आज, 01:00"),
    ("{{ before_midnight|recent }}", "Yesterday", "बीता कल", "काल"),
    ("{{ yesterday|recent }}", "Yesterday", "बीता कल", "काल"),
    ("{{ tomorrow|recent }}", "Tomorrow", "कल", "उद्या"),
    ("{{ spring|recent }}", "14 Mar", "14 मार्च", "14 मार्च"),
    ("{{ spring|day }}", "14 Mar 2026", "14 मार्च 2026", "14 मार्च 2026"),
    ("{{ spring|short_day }}", "14 Mar", "14 मार्च", "14 मार्च"),
    ("{{ other_year|short_day }}", "29 Feb 2024", "29 फ़र 2024", "29 फेब 2024"),
    ("{{ in_the_night|day }}", "21 Nov 2026", "21 नव 2026", "21 नोव्ह 2026"),
    ("{{ in_the_night|clock_time }}", "01:00", "01:00", "01:00"),
    ("{{ now|ago }}", "just now", "अभी-अभी", "आत्ताच"),
    ("{{ soon|ago }}", "in a moment", "अभी कुछ देर में", "थोड्याच वेळात"),
    ("{{ two_minutes|ago }}", "2 min ago", "2 मिनट पहले", "2 मिनिटांपूर्वी"),
    ("{{ a_day|ago }}", "1 day ago", "1 दिन पहले", "1 दिवसापूर्वी"),
    ("{{ three_days|ago }}", "3 days ago", "3 दिन पहले", "3 दिवसांपूर्वी"),
    ("{{ in_nine_days|ago }}", "in 9 days", "9 दिन में", "9 दिवसांत"),
    ("{{ long_ago|ago }}", "17 Oct 2025", "17 अक्टू 2025", "17 ऑक्ट 2025"),
    ("{{ nothing|day }}{{ nothing|number }}{{ nothing|money }}", "", "", ""),
]


@pytest.mark.parametrize(("tag", "english", "hindi", "marathi"), WORDS, ids=[tag for tag, *_ in WORDS])
def test_days_and_times_in_each_language(tag: str, english: str, hindi: str, marathi: str) -> None:
    assert [rendered(tag, language) for language in LANGUAGES] == [english, hindi, marathi]


#: Figures are the same in all three: Indian groups, the digits that keyboards and receipts have.
FIGURES = [
    ("{{ 0|money }}", "₹ 0"),
    ("{{ 99|money }}", "₹ 0.99"),
    ("{{ 100|money:'paise' }}", "₹ 1.00"),
    ("{{ 9999900|money }}", "₹ 99,999"),
    ("{{ 10000000|money }}", "₹ 1,00,000"),
    ("{{ 120650000|money }}", "₹ 12,06,500"),
    ("{{ 1000000000|money }}", "₹ 1,00,00,000"),
    ("{{ 123456789012|money }}", "₹ 1,23,45,67,890.12"),
    ("{{ 999|number }}", "999"),
    ("{{ 1000|number }}", "1,000"),
    ("{{ 104218|number }}", "1,04,218"),
    ("{{ 10000000|number }}", "1,00,00,000"),
    ("{{ '+919822041736'|phone }}", "+91 98220 41736"),
    ("{{ '+912532345678'|phone }}", "+91 253 234 5678"),
    ("{{ '+971501234567'|phone }}", "+971 50 123 4567"),
    ("{{ ''|phone }}", ""),
]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("tag", "written"), FIGURES, ids=[tag for tag, _ in FIGURES])
def test_figures_are_the_same_in_every_language(tag: str, written: str, language: str) -> None:
    assert rendered(tag, language) == written


SERVICES = (
    "{% blocktranslate count count=COUNT %}{{ count }} service{% plural %}{{ count }} services{% endblocktranslate %}"
)


@pytest.mark.parametrize(
    ("count", "english", "hindi", "marathi"),
    [
        (0, "0 services", "0 सेवाएँ", "0 सेवा"),
        (1, "1 service", "1 सेवा", "1 सेवा"),
        (2, "2 services", "2 सेवाएँ", "2 सेवा"),
        (100001, "100001 services", "100001 सेवाएँ", "100001 सेवा"),
    ],
)
def test_one_and_many_in_each_language(count: int, english: str, hindi: str, marathi: str) -> None:
    written = [rendered(SERVICES.replace("COUNT", str(count)), language) for language in LANGUAGES]
    assert written == [english, hindi, marathi]


@pytest.mark.parametrize("state", SEALS)
def test_each_seal_has_its_word_in_each_language(state: str) -> None:
    """The icon and tone stay; the word is another in each language."""
    drawn = {language: rendered(f"{{% seal '{state}' %}}", language) for language in LANGUAGES}
    words = {text.rpartition("</svg>")[2] for text in drawn.values()}
    assert len(words) == 3, words
    assert len({text.rpartition("</svg>")[0] for text in drawn.values()}) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_month_has_a_short_name_of_its_own(language: str) -> None:
    with translation.override(language):
        written = [formatting.day(date(2026, month, 5)) for month in range(1, 13)]
    assert len(set(written)) == 12
    assert all(text.startswith("5 ") and text.endswith(" 2026") and len(text) <= 15 for text in written)
    assert any(character.isascii() and character.isalpha() for character in "".join(written)) is (language == "en")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("1E+5"), "1,00,000"),
        (Decimal("1E-7"), "0.0000001"),
        (1e21, "1,00,00,00,00,00,00,00,00,00,000"),
        (-0.5, "−0.5"),
    ],
)
def test_figures_with_exponents_are_written_out(value: float | Decimal, written: str) -> None:
    assert formatting.number(value, "en") == written


@given(st.decimals(min_value=-(10**15), max_value=10**15, allow_nan=False))
def test_any_figure_can_be_read_back(value: Decimal) -> None:
    written = formatting.number(value, "hi").replace(",", "").replace(formatting.MINUS, "-")
    assert Decimal(written) == value


@given(st.integers(min_value=-(10**9), max_value=10**9), st.sampled_from(LANGUAGES))
def test_any_moment_is_told_in_few_words(distance: int, language: str) -> None:
    """Whatever the distance, before or after, the tag fits the corner of a line, and only this year goes without its year."""
    value = NOW + timedelta(seconds=distance)
    with translation.override(language), timezone.override("Asia/Kolkata"):
        told = formatting.ago(value, now=NOW)
        day = formatting.short_day(value, now=NOW)
    assert 0 < len(told) <= 22
    assert day.endswith(str(value.astimezone(timezone.get_fixed_timezone(330)).year)) is (
        value.astimezone(timezone.get_fixed_timezone(330)).year != 2026
    )
