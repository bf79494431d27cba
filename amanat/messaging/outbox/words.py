"""What short answers mean: the words for stop, start and yes in English, Hindi, Marathi and as they are typed in Latin letters.

A stop or a start is a whole message and nothing else: "stop by the shop tomorrow" is none. What somebody says in a sentence ("please mat
bhejo") is no stop either, but a reason to pause and to have a person ask.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from enum import StrEnum

#: Longer texts are conversations.
_MOST_CHARACTERS = 300


class Said(StrEnum):
    """What a message asks for."""

    STOP = "stop"
    START = "start"
    YES = "yes"
    MAYBE_STOP = "maybe_stop"
    NOTHING = ""


_STOP = frozenset(
    """
stop|stop all|stopall|stop it|stop now|stop please|please stop|pls stop|plz stop|stop pls|stop plz|sir stop|unsubscribe|unsub|
unsubscribe me|unsubscribe please|please unsubscribe|opt out|optout|quit|end|cancel|cancel all|stop messages|stop message|stop msg|
stop sms|stop whatsapp|stop promotions|stop promotion|stop reminders|block messages|
stop stop|ok stop|okay stop|stop thanks|stop thank you|thanks stop|stop sir|stop bhai|stop madam|
बंद|बंद करो|बंद करें|बंद करे|बंद कर दो|बंद कीजिए|कृपया बंद करें|स्टॉप|रोको|रोकें|रोक दो|रोकिए|
स्टॉप करो|स्टॉप करें|स्टॉप करे|स्टॉप कर दो|स्टॉप कीजिए|स्टॉप करा|
बंद करा|बंद कर|थांबा|थांबवा|थांब|कृपया बंद करा|कृपया थांबवा|
band|band karo|band kro|bandh karo|band kar do|band krdo|band kardo|band kare|band karein|band kijiye|band kijie|roko|rok do|rokiye|
band kara|thamba|thambva|thambava|stop karo|stop kro|stop kar do|stop kardo|stop kare|stop karein|stop kijiye|stop kara
""".replace("\n", "").split("|")
)
_START = frozenset(
    """
start|restart|unstop|resume|subscribe|opt in|optin|start please|please start|start again|start messages|
शुरू|शुरू करो|शुरू करें|शुरू करे|शुरु करो|चालू|चालू करो|चालू करें|फिर से शुरू करें|स्टार्ट|
सुरू|सुरू करा|सुरु करा|चालू करा|पुन्हा सुरू करा|
shuru|shuru karo|shuru kro|shuru kare|chalu|chalu karo|chalu kro|suru|suru kara|chalu kara
""".replace("\n", "").split("|")
)
_YES = frozenset({"1", "one", "confirm", "confirmed"})

_MESSAGE = (
    r"(?:messages?|msgs?|mesg|sms|texts?|mails?|emails?|whatsapps?|reminders?|notifications?|promotions?|ads?|spam)"
)
_SANDESH = r"(?:मैसेज|मेसेज|संदेश|सन्देश|एसएमएस|व्हाट्सएप|व्हॉट्सअॅप|व्हॉट्सॲप|मेल)"
#: Words that say that something else is not to be sent.
_OTHER_THINGS = re.compile(
    r"\b(?:payment|paise|paisa|paysa|money|document|documents|doc|docs|paper|papers|form|forms|parcel|courier|bill|invoice|file|photo|pic|"
    r"otp|aadhaar|aadhar|pan|address|aadmi|ladka|cash|cheque)\b|पैसे|कागज|कागद|पार्सल|बिल|फोटो|फॉर्म|दस्तावेज"
)
#: The contrary of a stop, said of messages: they are to go on, or one has not come. It is taken out before the rest is looked at.
_CONTRARY = re.compile(
    r"(?<!you )\b(?:do not|dont|don t|never) (?:ever )?stop\b|\bband (?:mat|na) k\w+|\bband ka?ru (?:naka|nako|nakos)\b"
    r"|\bnahin? (?:mil[ai]|milla|aa?y[ai]|(?:mil|aa) ra?h[ae])\b|\b(?:milal[ae]|aa?la) nahi\b"
    r"|बंद (?:मत|न|ना) क\S+|बंद करू (?:नका|नको|नकोस)(?!\S)|(?:नहीं|नही) (?:मिला|मिली|आया|आयी|आई|(?:मिल|आ) रह[ाे])(?!\S)"
)
_MAYBE = tuple(
    re.compile(pattern)
    for pattern in (
        # English
        r"\b(?:do not|dont|don t|never|no need to) (?:ever )?(?:message|msg|text|spam|disturb|bother|contact|sms|whatsapp|mail|email) (?:me|us)\b"
        r"(?! (?:before|after|between|until|till|on))",
        rf"\b(?:do not|dont|don t|never) (?:want|send|need)\b.{{0,25}}\b{_MESSAGE}\b",
        rf"\bstop (?:sending|contacting)\b.{{0,25}}(?:\b{_MESSAGE}\b|\bme\b|\bus\b|$)",
        rf"\bstop (?:these|this|all|the|your)\b.{{0,25}}\b(?:{_MESSAGE}|offers?|marketing|nonsense)\b",
        r"\bstop (?:all (?:of )?)?(?:this|these)(?: now| please| immediately)?$",
        r"^(?:dnd|do not disturb|dont disturb)(?: please)?$",
        r"\bstop (?:messaging|texting|spamming|bothering|disturbing)\b",
        rf"\bno more {_MESSAGE}\b",
        r"\b(?:remove|delete) (?:me|my (?:number|no|name|email))\b|\btake me off\b|\bleave me alone\b|\bunsubscribe me\b",
        # Hindi and Marathi in Latin letters
        r"\bmat bhej(?:o|iye|ie|na|e|ein|iega)?\b|\bna bhej(?:o|iye|ie|ein|e)\b|\bnahi bhej(?:o|na|iye)\b|\bbhejna (?:band|mat)\b",
        rf"\b{_MESSAGE}\b.{{0,20}}\b(?:mat|na|nahi|nahin|nako|naka|band)\b",
        rf"\b(?:mat|nahi|nahin|nako|band)\b.{{0,12}}\b{_MESSAGE}\b",
        r"\bpareshan (?:mat|na|nahi)\b|\btang (?:mat|na) k",
        r"\bpath(?:a)?v(?:u)? ?(?:naka|nako|nakos)\b|\b(?:naka|nako|nakos) path(?:a)?v|\btras (?:deu|dyu) (?:naka|nako|nakos)\b",
        # in Devanagari
        r"मत भेज|न भेज|ना भेज|नहीं भेज|भेजना बंद|परेशान (?:मत|न)|तंग (?:मत|न)",
        rf"{_SANDESH}.{{0,20}}(?:मत|नही|बंद|नको|नका|ना करें)",
        r"पाठवू नका|पाठवू नको|पाठवू नये|त्रास देऊ नका|(?:नका|नको) पाठव",
    )
)  # fmt: skip


def understood(text: str, *, also_stop: Iterable[str] = ()) -> Said:
    """What a message says. `also_stop` are the words of the policy."""
    plain = _plain(text) if len(text) <= _MOST_CHARACTERS else ""
    if plain in _STOP or (plain and plain in {_plain(word) for word in also_stop}):
        return Said.STOP
    if plain in _START:
        return Said.START
    if plain in _YES:
        return Said.YES
    rest = _CONTRARY.sub(" ", plain)
    sounds_so = any(pattern.search(rest) for pattern in _MAYBE) and not _OTHER_THINGS.search(plain)
    return Said.MAYBE_STOP if sounds_so else Said.NOTHING


def first_line(text: str) -> str:
    """What somebody wrote above the mail that is answered."""
    return next((line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(">")), "")


def _plain(text: str) -> str:
    """Lower case, digits of all scripts as 0 to 9, nothing but letters, their signs and single spaces."""
    kept = []
    for sign in unicodedata.normalize("NFC", text).casefold():
        category = unicodedata.category(sign)
        if category == "Nd":
            kept.append(str(unicodedata.digit(sign)))
        elif category[0] in "LM" and sign not in "\ufe0f\ufe0e\u20e3":
            kept.append(sign)
        elif category != "Cf":  # as a joiner within a word of Devanagari is
            kept.append(" ")
    return " ".join("".join(kept).split())
