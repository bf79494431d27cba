from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amanat.accounts import devices

GECKO = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) {}"


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (GECKO.format("Linux; Android 14; SM-A155F", "Chrome/126.0 Mobile Safari/537.36"), "Chrome on Android"),
        (GECKO.format("Linux; Android 13", "SamsungBrowser/25.0 Chrome/121.0 Mobile Safari/537.36"), "Samsung Internet on Android"),
        (GECKO.format("Windows NT 10.0; Win64; x64", "Chrome/126.0 Safari/537.36 Edg/126.0"), "Edge on Windows"),
        (GECKO.format("Windows NT 10.0; Win64; x64", "Chrome/126.0 Safari/537.36 OPR/112.0"), "Opera on Windows"),
        (GECKO.format("Windows NT 10.0; Win64; x64", "Chrome/126.0 Safari/537.36"), "Chrome on Windows"),
        (GECKO.format("Macintosh; Intel Mac OS X 14_5", "Version/17.5 Safari/605.1.15"), "Safari on macOS"),
        (GECKO.format("iPhone; CPU iPhone OS 17_5 like Mac OS X", "Version/17.5 Mobile Safari/604.1"), "Safari on iPhone"),
        (GECKO.format("iPad; CPU OS 17_5 like Mac OS X", "Version/17.5 Safari/604.1"), "Safari on iPad"),
        (GECKO.format("X11; CrOS x86_64 14541.0.0", "Chrome/126.0 Safari/537.36"), "Chrome on ChromeOS"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0", "Firefox on Android"),
        ("curl/8.5.0", "curl"),
        ("python-httpx/0.27", "python-httpx"),
        ("Firefox/127.0", "Firefox"),
        ("Some Linux thing", "Linux"),
        ("", "unknown"),
        ("   ", "unknown"),
        ("/", "unknown"),
    ],
)  # fmt: skip
def test_a_browser_is_named_in_words(header: str, said: str) -> None:
    assert devices.describe(header) == said


@given(st.text(max_size=400))
def test_whatever_a_program_says_fits_the_column(header: str) -> None:
    said = devices.describe(header)
    assert 0 < len(said) <= 60
