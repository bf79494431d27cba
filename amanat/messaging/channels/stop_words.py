"""How a text message says that such messages end: by a short link, or by the words an operator registered.

The link's code is its own for every message, so a template holds the address as it stands and one variable behind it, `stop_code`, which is
short enough for the register. Until a message leaves, a word of the same length stands there: who reads along in the inbox, or opens a link
there by mistake, ends nothing for anybody.
"""

from __future__ import annotations

import re
from urllib.parse import urljoin

from django.conf import settings
from django.urls import reverse

#: Name of the variable, and what stands for it until the message leaves.
VARIABLE = "stop_code"
CODE = "CODE-THAT-ENDS-MESSAGES-0000"
#: Words by which an operator lets people end what a header sends.
_WORDS = re.compile(r"(?i)\b(?:stop|unsub(?:scribe)?|opt[ -]?out)\b|बंद कर|बन्द कर|रोक|थांब")


def address() -> str:
    """What stands before the code."""
    return urljoin(str(settings.BASE_URL), reverse("messaging:unsubscribe_short", args=["-"]))[:-1]


def are_in(text: str) -> bool:
    """Whether a text says how such messages end."""
    return address() in text or _WORDS.search(text) is not None


def stands_in(body: str, number: int) -> bool:
    """Whether the address stands directly before the variable of this number."""
    return re.search(re.escape(address()) + rf"\{{\{{\s*{number}\s*\}}\}}", body) is not None


def sentence(number: int) -> str:
    """The usual end of an offer, whose variable has this number."""
    return f"Stop: {address()}{{{{{number}}}}}"
