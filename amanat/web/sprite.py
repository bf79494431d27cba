"""The icons: which Lucide drawings the project uses, and the one SVG sprite that holds them.

To add an icon, add its Lucide name to `NAMES` and run `python -m amanat.web.sprite FOLDER`, where FOLDER is the unpacked npm package
lucide-static of the version in `static/web/vendor/README.md`; then write the new hash there.
"""

import functools
import re
import sys
from pathlib import Path

VENDOR = Path(__file__).parent / "static" / "web" / "vendor"
SPRITE = VENDOR / "lucide" / "sprite.svg"

NAMES = tuple(
    """
    activity archive arrow-down arrow-left arrow-right arrow-up arrow-up-down badge-check ban banknote bell bell-off bell-plus bell-ring
    bookmark book-open briefcase building-2 cake calendar calendar-check calendar-days camera chart-column chart-line check check-check
    chevron-down chevron-left chevron-right chevron-up chevrons-up-down circle circle-alert circle-check circle-dot
    circle-question-mark circle-user circle-x clipboard-check clipboard-list clock columns-3 copy database download ellipsis
    ellipsis-vertical external-link eye eye-off file file-check file-text fingerprint-pattern folder git-merge globe grip-vertical
    hand-coins hand-heart handshake hard-drive heart history hourglass house id-card image inbox indian-rupee info key-round keyboard
    languages layout-grid life-buoy link list list-checks list-filter loader-circle lock lock-open log-in log-out mail map-pin megaphone
    menu merge message-circle message-square-warning mic minus monitor moon package paperclip pause pencil percent phone phone-call
    phone-incoming phone-missed phone-off phone-outgoing pin play plus presentation printer qr-code receipt-indian-rupee refresh-cw repeat
    rotate-ccw save scale scan-line school scroll-text search send server settings share-2 shield-check siren sliders-horizontal
    smartphone smile-plus square square-kanban star sticky-note store sun sun-moon table tag timer trash-2 triangle-alert undo-2 upload user user-check
    user-plus user-round user-x users users-round wallet wifi-off x zap
    """.split()  # noqa: SIM905 (two hundred quoted words would not be read)
)


@functools.cache
def drawn_names() -> frozenset[str]:
    """The names of the icons that the sprite holds."""
    return frozenset(re.findall(r'<symbol id="([a-z0-9-]+)"', SPRITE.read_text(encoding="utf-8")))


def draw(lucide: Path) -> str:
    """The sprite's text. `lucide` is the unpacked package; a missing icon raises FileNotFoundError."""
    symbols = []
    for name in NAMES:
        source = (lucide / "icons" / f"{name}.svg").read_text(encoding="utf-8")
        inner = re.sub(r"\s+", " ", source.partition("<svg")[2].partition(">")[2].rpartition("</svg>")[0]).strip()
        symbols.append(
            f'<symbol id="{name}" viewBox="0 0 24 24">{inner.replace(" />", "/>").replace("> <", "><")}</symbol>'
        )
    head = '<svg xmlns="http://www.w3.org/2000/svg" fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round">'
    return "\n".join([head, *symbols, "</svg>", ""])


if __name__ == "__main__":
    SPRITE.write_text(draw(Path(sys.argv[1])), encoding="utf-8")
