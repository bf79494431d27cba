"""The browser that tests use: Chromium as this machine has it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Page

#: The first is made to run without a window: what a page does is the same, and the tests take less than half of the time.
NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--in-process-gpu",  # a process less: a page costs a quarter less
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CHECKER = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
LOOKING = (Path(__file__).parent / "looking.js").read_text()
#: For `context.add_init_script`: past the page's own policy, and the browser keeps what it made of it from one page to the next.
BEFORE_ALL = f"{CHECKER};\n{LOOKING}"
#: Rules of the checker whose answer depends on the theme.
COLOURS = ("color-contrast", "link-in-text-block")


def findings(page: Page, rules: Sequence[str], read: set[str]) -> list[tuple[str, str]]:
    """Impact and place of what the accessibility checker finds. `read` holds what it found to be readable anywhere, and grows."""
    if not page.evaluate("typeof axe === 'object' && typeof looking === 'object'"):
        page.evaluate(f"{BEFORE_ALL}; 0")
    judged = page.evaluate("([rules, read]) => looking.judge(rules, read)", [list(rules), list(read)])
    read.update(judged["read"])
    return [(impact, place) for impact, place in judged["faults"]]


def program() -> str | None:
    """Where it is; CHROMIUM names another. None: the one that Playwright fetched for itself."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
