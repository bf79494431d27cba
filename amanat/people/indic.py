"""Writing a word of an Indian script in Latin letters, the way people in India spell their names.

Nine Unicode blocks (Devanagari to Malayalam) follow one layout, each 128 code points after the last, so one table of offsets
serves all of them and each script only states where it differs. This is spelling for search, not a scholarly standard: long and
short vowels are written alike, and the inherent "a" that nobody speaks is left out (Ohala's rule: VC_CV and at the end).
"""

from dataclasses import dataclass

BENGALI, GURMUKHI, TAMIL, TELUGU, KANNADA, MALAYALAM = 0x13, 0x14, 0x17, 0x18, 0x19, 0x1A

#: Blocks whose readers leave the inherent vowel unspoken: Devanagari, Bengali, Gurmukhi, Gujarati, Odia.
_DROPS_SCHWA = frozenset({0x12, BENGALI, GURMUKHI, 0x15, 0x16})

_VOWELS = {
    0x04: "a", 0x05: "a", 0x06: "a", 0x07: "i", 0x08: "i", 0x09: "u", 0x0A: "u", 0x0B: "ri", 0x0C: "li", 0x0D: "e", 0x0E: "e",
    0x0F: "e", 0x10: "ai", 0x11: "o", 0x12: "o", 0x13: "o", 0x14: "au", 0x60: "ri", 0x61: "li", 0x72: "a", 0x73: "o", 0x74: "o",
    0x75: "au", 0x76: "u", 0x77: "u",
}  # fmt: skip
_SIGNS = {
    0x3A: "e", 0x3B: "e", 0x3E: "a", 0x3F: "i", 0x40: "i", 0x41: "u", 0x42: "u", 0x43: "ri", 0x44: "ri", 0x45: "e", 0x46: "e",
    0x47: "e", 0x48: "ai", 0x49: "o", 0x4A: "o", 0x4B: "o", 0x4C: "au", 0x4E: "e", 0x4F: "au", 0x55: "e", 0x56: "ai", 0x57: "au",
    0x62: "li", 0x63: "li",
}  # fmt: skip
_CONSONANTS = dict(enumerate(
    ["k", "kh", "g", "gh", "n", "ch", "chh", "j", "jh", "ny", "t", "th", "d", "dh", "n", "t", "th", "d", "dh", "n", "n", "p", "ph", "b", "bh", "m", "y", "r", "r", "l", "l", "zh", "v", "sh", "sh", "s", "h"], start=0x15)) | {0x58: "q", 0x59: "kh", 0x5A: "g", 0x5B: "z", 0x5C: "r", 0x5D: "rh", 0x5E: "f", 0x5F: "y", 0x79: "z"}  # fmt: skip
_WITH_NUKTA = {
    "k": "q",
    "j": "z",
    "ph": "f",
    "d": "r",
    "dh": "rh",
    "s": "sh",
    "y": "y",
    "jh": "zh",
    "g": "g",
    "kh": "kh",
}

#: What a script does its own way: offset to consonant (str), or to an independent vowel.
_OWN_CONSONANTS: dict[int, dict[int, str]] = {
    BENGALI: {0x4E: "t", 0x70: "r", 0x71: "v"},
    GURMUKHI: {0x5C: "r"},
    0x16: {0x71: "v"},
    TAMIL: {0x15: "K", 0x1A: "C", 0x1F: "T", 0x24: "th", 0x2A: "P", 0x31: "R"},
    TELUGU: {0x58: "ts", 0x59: "z", 0x5A: "r"},
    MALAYALAM: {0x24: "th", 0x31: "R", 0x3A: "t", 0x54: "m", 0x55: "y", 0x56: "zh",
                0x7A: "n", 0x7B: "n", 0x7C: "r", 0x7D: "l", 0x7E: "l", 0x7F: "k"},
}  # fmt: skip
_LABIALS = frozenset({"p", "ph", "b", "bh", "m", "f", "P"})
_NASALS = frozenset({"n", "m", "ny"})
_SONORANTS = frozenset({"r", "l", "v", "n", "m", "y"})


@dataclass(slots=True)
class _Syllable:
    onset: list[str]
    vowel: str
    #: The vowel was not written but is inherent in the consonant.
    inherent: bool = False
    #: "n" stands for a nasal whose place the next consonant decides.
    coda: str = ""


def is_indic(character: str) -> bool:
    return "\u0900" <= character < "\u0d80"


def romanized(word: str) -> str:
    """`word` with every run of Indian script in Latin letters; other characters stay as they are."""
    out: list[str] = []
    start = 0
    while start < len(word):
        block = ord(word[start]) >> 7
        end = start + 1
        while end < len(word) and ord(word[end]) >> 7 == block:
            end += 1
        run = word[start:end]
        out.append(_run(run, block) if is_indic(run[0]) else run)
        start = end
    return "".join(out)


def alternatives(word: str) -> list[str]:
    """Other readings of `word`, where the script does not tell them apart: Tamil writes p and b with one letter,
    Bengali writes b and v with one letter.
    """
    first = ord(word[0]) >> 7 if word else 0
    if first == TAMIL:
        plain = romanized(word)
        for voiceless, voiced in (("k", "g"), ("th", "d"), ("t", "d"), ("p", "b")):
            if plain.startswith(voiceless):
                return [voiced + plain[len(voiceless) :]]
    if first == BENGALI and "\u09ac" in word:
        return [romanized(word).replace("bh", "\0").replace("b", "v").replace("\0", "bh")]
    return []


def _run(run: str, block: int) -> str:
    syllables = _syllables(run, block)
    if block == TAMIL:
        _voice_tamil(syllables)
    if block == MALAYALAM:
        _harden_malayalam(syllables)
    if block in _DROPS_SCHWA:
        _drop_schwas(syllables)
    return _joined(syllables, block)


def _syllables(run: str, block: int) -> list[_Syllable]:
    reading = _Reading(block)
    for character in run:
        reading.take(ord(character) & 0x7F)
    return reading.syllables


class _Reading:
    """The syllables of a run of one script, taken character by character as offsets in its block."""

    def __init__(self, block: int) -> None:
        self.block = block
        self.syllables: list[_Syllable] = []
        self._own = _OWN_CONSONANTS.get(block, {})
        self._joins = False
        self._doubles = False

    def take(self, offset: int) -> None:
        consonant = self._own.get(offset) or _CONSONANTS.get(offset)
        if consonant is not None:
            self._take_consonant(consonant, offset)
        elif offset == 0x4D or (self.block == MALAYALAM and offset in {0x3B, 0x3C}):
            if self.syllables and self.syllables[-1].onset:
                self.syllables[-1].vowel, self.syllables[-1].inherent, self._joins = "", False, True
        else:
            self._joins = False
            self._take_vowel_or_sign(offset)

    def _take_consonant(self, consonant: str, offset: int) -> None:
        cluster = self.syllables.pop().onset if self._joins else []
        if self._doubles:
            cluster = [*cluster, consonant[0]]
        chillu = (self.block == MALAYALAM and offset >= 0x7A) or (self.block == BENGALI and offset == 0x4E)
        self.syllables.append(_Syllable([*cluster, consonant], "" if chillu else "a", inherent=not chillu))
        self._joins = self._doubles = False

    def _take_vowel_or_sign(self, offset: int) -> None:
        last = self.syllables[-1] if self.syllables else None
        if offset in _SIGNS and last:
            last.vowel, last.inherent = _SIGNS[offset], False
        elif offset in _SIGNS or offset in _VOWELS:
            self.syllables.append(_Syllable([], _VOWELS.get(offset) or _SIGNS[offset]))
        elif offset == 0x50:
            self.syllables.append(_Syllable([], "om"))
        elif self.block == GURMUKHI and offset == 0x71:
            self._doubles = True
        elif last:
            self._take_mark(offset, last)

    def _take_mark(self, offset: int, last: _Syllable) -> None:
        if offset == 0x3C and last.onset:
            last.onset[-1] = _WITH_NUKTA.get(last.onset[-1], last.onset[-1])
        elif offset in {0x00, 0x01, 0x02} or (self.block == GURMUKHI and offset == 0x70):
            last.coda, last.inherent = "~" if offset == 0x01 else "n", False
        elif offset == 0x03 and self.block != TAMIL:
            last.coda, last.inherent = "h", False


def _drop_schwas(syllables: list[_Syllable]) -> None:
    """Leave out the inherent vowel at the end and between VC and CV, from right to left."""
    last = len(syllables) - 1
    for at in range(last, 0, -1):
        syllable = syllables[at]
        if not syllable.inherent:
            continue
        if at == last:
            if not _keeps_final_vowel(syllable.onset, syllables[at - 1]):
                syllable.vowel = ""
        elif (
            len(syllable.onset) == 1
            and syllables[at - 1].vowel
            and syllables[at + 1].vowel
            and len(syllables[at + 1].onset) == 1
        ):
            syllable.vowel = ""


def _keeps_final_vowel(onset: list[str], before: _Syllable) -> bool:
    """Mishra, Surya, Krishna keep it; Anand, Dharm, Garg do not."""
    if len(onset) == 1:
        return onset == ["y"] and before.vowel == "i"
    if onset[-1] in {"y", "r"}:
        return True
    return onset[-1] in _SONORANTS and onset[-2] not in {"r", "n", "m", "l"}


def _voice_tamil(syllables: list[_Syllable]) -> None:
    """One Tamil letter stands for k, g and for t, d and so on: its neighbours decide."""
    for at, syllable in enumerate(syllables):
        letters = syllable.onset
        spoken: list[str] = []
        for place, letter in enumerate(letters):
            before = letters[place - 1] if place else ("vowel" if at else "")
            after = letters[place + 1] if place + 1 < len(letters) else ""
            double = letter in {before, after} or (letter, after) == ("T", "C") or (before, letter) == ("T", "C")
            spoken.append(_tamil_sound(letter, before, double))
        syllable.onset = spoken


def _tamil_sound(letter: str, before: str, double: bool) -> str:
    after_nasal = before in _NASALS and not double
    soft = after_nasal or (before == "vowel" and not double)
    sounds = {
        "K": "g" if soft or before in {"r", "l", "y", "zh"} else "k",
        "C": "ch" if double else "j" if after_nasal else "s",
        "T": "d" if soft else "t",
        "th": "d" if after_nasal else "th",
        "P": "b" if soft else "p",
        "R": "dr" if after_nasal else "t" if double and before != "R" else "r",
    }
    return sounds.get(letter, letter)


def _harden_malayalam(syllables: list[_Syllable]) -> None:
    for syllable in syllables:
        hard = syllable.onset[-2:] in (["R", "R"], ["n", "R"])
        syllable.onset = [("t" if hard else "r") if letter == "R" else letter for letter in syllable.onset]


def _joined(syllables: list[_Syllable], block: int) -> str:
    out: list[str] = []
    nasal = ""
    for at, syllable in enumerate(syllables):
        onset = syllable.onset
        if nasal:
            out.append(_nasal_before(onset, block, nasal))
            if onset[:1] == ["h"] and block in _DROPS_SCHWA:
                onset = ["gh", *onset[1:]]
            nasal = ""
        out.append(_cluster(onset, block, first=at == 0, vowel=syllable.vowel))
        out.append(syllable.vowel)
        if syllable.coda in {"n", "~"}:
            nasal = syllable.coda
        else:
            out.append(syllable.coda)
    if nasal == "n":
        out.append("n" if block in _DROPS_SCHWA else "m")
    return "".join(out)


def _nasal_before(onset: list[str], block: int, nasal: str) -> str:
    if onset and onset[0] in _LABIALS:
        return "m"
    southern = block not in _DROPS_SCHWA
    return "m" if southern and onset and onset[0] in {"h", "v", "s", "sh", "y", "r", "l"} else "n"


def _cluster(onset: list[str], block: int, *, first: bool, vowel: str) -> str:
    if "ny" in onset:
        if onset[-2:] == ["j", "ny"]:
            onset = [*onset[:-2], "gy"]
        else:
            lone = "gn" if block in {TAMIL, MALAYALAM} and len(onset) == 1 and first else "n"
            onset = [lone if letter == "ny" else letter for letter in onset]
    if block == BENGALI and vowel == "a" and len(onset) > 1 and onset[-1] == "y":
        onset = onset[:-1]  # the ya-phala before a: Banerjee is written "byanarji"
    return "".join(onset)
