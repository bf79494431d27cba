"""Names and other texts in the form that search compares.

A record's `search_text` holds each of its words up to three times: as written (folded: lower-case, unaccented), in Latin letters,
and as a `key`, in which the usual spellings of one Indian name meet. A query word matches a record when any of its forms is a part
of that text (LIKE '%form%'), so `sunee`, `Sunita` and `सुनीता` all find each other. No form contains a wildcard of LIKE.

The key keeps i and u sounds and drops "a" inside a word: names differ in the former, spellings in the latter. Aspirates lose their
h (deshmukh, deshmuk), w is v, z is j, sh is s, ph is f, x is ks, doubled letters are one. A final "a" stays, for it tells Sunita
from Sunit. What rules cannot bring together (Mohd, Chowdhury) stands in a list.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from amanat.people import indic

_ASCII_WORD = re.compile(r"[a-z0-9]+")
# Vowel signs of Indian scripts are marks, which \w does not match; the dandas and the abbreviation sign separate words.
_WORD = re.compile(r"(?:[^\W_]|[\u0900-\u0963\u0966-\u096f\u0971-\u0dff])+")
_NON_DIGIT = re.compile(r"[^0-9]+")
_LETTERS_THAT_DO_NOT_DECOMPOSE = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "’": None, "ʼ": None, "'": None}
)  # fmt: skip
_JOINERS = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
_NUKTAS = dict.fromkeys(base + 0x3C for base in range(0x900, 0xD00, 0x80))
_CHANDRABINDU_TO_ANUSVARA = {base + 1: base + 2 for base in (0x900, 0x980, 0xA00, 0xA80, 0xB00)}
_FOLDED_MARKS = {**_NUKTAS, **_CHANDRABINDU_TO_ANUSVARA}

#: Spellings of one name that no rule of sound brings together.
_SPELLINGS = {
    "muhmd": "mohammed mohammad muhammad muhammed mohamed mohamad mohamud muhamad muhamed mahammad mahomed mohd mohmad mohmmad "
    "mohamd mohammd mhd md mahamad",
    "ahmd": "ahmed ahmad ahamed ahemad ahamad ahmd ahemed ehmad",
    "cudri": "choudhary chaudhari chaudhary choudhari chowdhury choudhury chaudhuri choudhuri chowdary chaudhury chowdhary "
    "chowdhuri choudhry chaudhry chaudri cowdhury",
    "pragia": "prajna pradnya pragya pragnya prajnya",
    "sik": "sk",
    "krisna": "krushna kishna",
    "trdrs": "traders trader tredars tredar",
    "sturs": "stores store stors",
    "intrprajis": "enterprises enterprise entarpraijes entarpraijej",
    "bnrji": "bannerji bonnerjee",
    "lksmi": "lakhsmi laksmi laxmi lakshmi luxmi lakshami laxami laxmy",
}
_ALIASES = {spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings.split()}
_ALIASES |= {name: name for name in _SPELLINGS}

_HONORIFICS = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "miss",
        "dr",
        "prof",
        "shri",
        "sri",
        "shree",
        "smt",
        "kum",
        "kumari",
        "shrimati",
        "er",
        "adv",
        "ca",
        "m",
        "s",
        "sir",
        "madam",
        "ji",
        "bhai",
        "ben",
        "sahab",
        "saheb",
        "late",
        "श्री",
        "श्रीमती",
        "सौ",
        "कु",
        "डॉ",
        "डा",
        "कुमारी",
        "जी",
        "শ্রী",
        "શ્રી",
        "શ્રીમતી",
        "ਸ਼੍ਰੀ",
        "శ్రీ",
        "ಶ್ರೀ",
        "திரு",
        "திருமதி",
        "ശ്രീ",
        "ଶ୍ରୀ",
    ]
)

_SOUNDS = re.compile(
    r"dny|jny|gny|gy|^[jg]na(?=[b-gi-z])|"  # jñ
    r"ksh|kh|gh|ch+|jh|th|dh|ph|bh|sh|zh|[lmnrvwyq]h|"
    r"ow(?![aeiouy])|(?<=[a-z])er(?=[bcdfgjklmnpqrstvwxz])|eh(?=[bcdfgjklmnpqrstvwxz])|"
    r"[eyoxwzq]"
)
_SOUND_OF = {
    "dny": "gi", "jny": "gi", "gny": "gi", "gy": "gi", "jna": "gia", "gna": "gia",
    "ksh": "ks", "kh": "k", "gh": "g", "jh": "j", "th": "t", "dh": "d", "ph": "f", "bh": "b", "sh": "s", "zh": "l",
    "lh": "l", "mh": "m", "nh": "n", "rh": "r", "vh": "v", "wh": "v", "yh": "i", "qh": "k",
    "ow": "u", "er": "r", "eh": "ah", "e": "i", "y": "i", "o": "u", "x": "ks", "w": "v", "z": "j", "q": "k",
}  # fmt: skip
_REPEATED = re.compile(r"([a-z])\1+")
# "a" goes inside a word, except before h (Sahil is not Sheel) and between equal letters (Lalit is not Lit).
_INNER_A = re.compile(r"(?<=(.))a(?!h|\1|$)|^a(?=[iu])|(?<=[b-df-gj-np-tv-z])h+")

_SHORTEST_KEY = 3


@dataclass(frozen=True, slots=True)
class QueryWord:
    """One word somebody searches for; a record has it when any of `forms` is a part of its search text."""

    original: str
    latin: str
    key: str

    @property
    def forms(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(form for form in (self.original, self.latin, self.key) if form))


def digits(text: str) -> str:
    """The digits of `text` as 0 to 9, whatever script they are written in; everything else goes."""
    if text.isascii():
        return _NON_DIGIT.sub("", text)
    return "".join(str(unicodedata.decimal(character)) for character in text if character.isdecimal())


def latin(text: str) -> str:
    """The words of `text` in lower-case, unaccented Latin letters where its script is Latin or Indian, a space between them."""
    return " ".join(_latin_word(word) for word in _words(text))


def key(text: str) -> str:
    """The sound of each word of `text`, a space between them; usual spellings of one name have one key."""
    return " ".join(_sound(_latin_word(word)) for word in _words(text))


def search_text(*parts: str) -> str:
    """What the index keeps of a record: its words as written, in Latin letters and by sound, each once, a space between them."""
    kept: dict[str, None] = {}
    for part in parts:
        for word in _words(part):
            for form in _forms(word):
                kept[form] = None
    return " ".join(kept)


def latin_words(text: str) -> list[str]:
    """The words of `text` in Latin letters, each once, without titles (Mr, श्री) unless there is nothing else."""
    words = dict.fromkeys(_words(text))
    return [_latin_word(word) for word in ([word for word in words if word not in _HONORIFICS] or words)]


def query_words(query: str) -> list[QueryWord]:
    """The words of what somebody typed. Titles (Mr, श्री) are left out unless there is nothing else."""
    words = list(dict.fromkeys(_words(query)))
    names = [word for word in words if word not in _HONORIFICS]
    found = []
    for word in names or words:
        spelled = _latin_word(word)
        sound = _sound(spelled)
        if sound.endswith("a") and len(sound) > _SHORTEST_KEY:
            sound = sound[:-1]  # while "praka" is being typed it should already find Prakash
        found.append(QueryWord(original=_folded(word), latin=spelled, key=_indexed_key(sound)))
    return found


def _words(text: str) -> list[str]:
    if text.isascii():
        return _ASCII_WORD.findall(text.lower().replace("'", ""))  # O'Brien and D'Souza are one word
    return _WORD.findall(_prepared(text))


def _prepared(text: str) -> str:
    """Lower-case, unaccented, digits as 0 to 9, joiners out; Indian vowel signs and nuktas stay, composed (NFC)."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    kept = []
    for character in decomposed.translate(_LETTERS_THAT_DO_NOT_DECOMPOSE).translate(_JOINERS):
        if character.isdecimal():
            kept.append(str(unicodedata.decimal(character)))
        elif not unicodedata.combining(character) or indic.is_indic(character):
            kept.append(character)
    return unicodedata.normalize("NFC", "".join(kept))


def _folded(word: str) -> str:
    return word if word.isascii() else word.translate(_FOLDED_MARKS)


def _latin_word(word: str) -> str:
    return word if word.isascii() else indic.romanized(word)


@lru_cache(maxsize=32_768)
def _forms(word: str) -> tuple[str, ...]:
    spelled = _latin_word(word)
    forms = [_folded(word), spelled, _indexed_key(_sound(spelled))]
    if not word.isascii():
        for other in indic.alternatives(word):
            forms += [other, _indexed_key(_sound(other))]
    return tuple(dict.fromkeys(form for form in forms if form))


def _indexed_key(sound: str) -> str:
    """A short key would be part of half of all names, so it is fenced and matches as a whole: `.rj.` for Raj."""
    return sound if len(sound) >= _SHORTEST_KEY or not sound else f".{sound}."


def _sound(word: str) -> str:
    known = _ALIASES.get(word)
    if known is not None:
        return known
    if word.isdecimal():
        return word
    heard = _SOUNDS.sub(_sound_of, word)
    return _REPEATED.sub(r"\1", _INNER_A.sub("", _REPEATED.sub(r"\1", heard)))


def _sound_of(match: re.Match[str]) -> str:
    found = match[0]
    return "c" if found.startswith("ch") else _SOUND_OF[found]
