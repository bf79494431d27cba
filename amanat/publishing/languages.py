"""In which language a public page is read: the one asked for by `?lang=`, else the first that the browser wants, else the policy's first.

The list names the languages of the Eighth Schedule to the Constitution and English, in which the DPDP Act wants notices (s.5(3), s.6(3)):
a page offers those in which the policy is written and the program has words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.translation.trans_real import parse_accept_lang_header

#: By code: the language's own name.
NAMES: dict[str, str] = {
    "en": "English", "as": "অসমীয়া", "bn": "বাংলা", "brx": "बर'", "doi": "डोगरी", "gu": "ગુજરાતી", "hi": "हिन्दी", "kn": "ಕನ್ನಡ",
    "ks": "کٲشُر", "kok": "कोंकणी", "mai": "मैथिली", "ml": "മലയാളം", "mni": "ꯃꯤꯇꯩꯂꯣꯟ", "mr": "मराठी", "ne": "नेपाली", "or": "ଓଡ଼ିଆ",
    "pa": "ਪੰਜਾਬੀ", "sa": "संस्कृतम्", "sat": "ᱥᱟᱱᱛᱟᱲᱤ", "sd": "سنڌي", "ta": "தமிழ்", "te": "తెలుగు", "ur": "اردو",
}  # fmt: skip
RIGHT_TO_LEFT = frozenset({"ks", "sd", "ur"})


@dataclass(frozen=True, slots=True)
class Choice:
    code: str
    name: str
    is_current: bool


def chosen(request: HttpRequest, offered: Sequence[str]) -> str:
    """Of `offered` codes; never from a cookie or an account, so that the page is the same for everybody who asks alike."""
    asked = request.GET.get("lang", "")
    if asked in offered:
        return asked
    for wanted, _weight in parse_accept_lang_header(request.headers.get("Accept-Language", "").lower()[:200]):
        if wanted.partition("-")[0] in offered:
            return wanted.partition("-")[0]
    return offered[0]


def choices(offered: Sequence[str], current: str) -> list[Choice]:
    return [Choice(code, NAMES.get(code, code), code == current) for code in offered]
