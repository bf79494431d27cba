"""Amounts in words, counted in thousand, lakh and crore, as receipts and cheques have them."""

from __future__ import annotations

_EN_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_EN_TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]

#: Hindi and Marathi have a word of its own for each number below a hundred.
_HI = [
    "शून्य",
    "एक",
    "दो",
    "तीन",
    "चार",
    "पाँच",
    "छह",
    "सात",
    "आठ",
    "नौ",
    "दस",
    "ग्यारह",
    "बारह",
    "तेरह",
    "चौदह",
    "पंद्रह",
    "सोलह",
    "सत्रह",
    "अठारह",
    "उन्नीस",
    "बीस",
    "इक्कीस",
    "बाईस",
    "तेईस",
    "चौबीस",
    "पच्चीस",
    "छब्बीस",
    "सत्ताईस",
    "अट्ठाईस",
    "उनतीस",
    "तीस",
    "इकतीस",
    "बत्तीस",
    "तैंतीस",
    "चौंतीस",
    "पैंतीस",
    "छत्तीस",
    "सैंतीस",
    "अड़तीस",
    "उनतालीस",
    "चालीस",
    "इकतालीस",
    "बयालीस",
    "तैंतालीस",
    "चौवालीस",
    "पैंतालीस",
    "छियालीस",
    "सैंतालीस",
    "अड़तालीस",
    "उनचास",
    "पचास",
    "इक्यावन",
    "बावन",
    "तिरपन",
    "चौवन",
    "पचपन",
    "छप्पन",
    "सत्तावन",
    "अट्ठावन",
    "उनसठ",
    "साठ",
    "इकसठ",
    "बासठ",
    "तिरसठ",
    "चौंसठ",
    "पैंसठ",
    "छियासठ",
    "सड़सठ",
    "अड़सठ",
    "उनहत्तर",
    "सत्तर",
    "इकहत्तर",
    "बहत्तर",
    "तिहत्तर",
    "चौहत्तर",
    "पचहत्तर",
    "छिहत्तर",
    "सतहत्तर",
    "अठहत्तर",
    "उन्यासी",
    "अस्सी",
    "इक्यासी",
    "बयासी",
    "तिरासी",
    "चौरासी",
    "पचासी",
    "छियासी",
    "सत्तासी",
    "अट्ठासी",
    "नवासी",
    "नब्बे",
    "इक्यानवे",
    "बानवे",
    "तिरानवे",
    "चौरानवे",
    "पचानवे",
    "छियानवे",
    "सत्तानवे",
    "अट्ठानवे",
    "निन्यानवे",
]
_MR = [
    "शून्य",
    "एक",
    "दोन",
    "तीन",
    "चार",
    "पाच",
    "सहा",
    "सात",
    "आठ",
    "नऊ",
    "दहा",
    "अकरा",
    "बारा",
    "तेरा",
    "चौदा",
    "पंधरा",
    "सोळा",
    "सतरा",
    "अठरा",
    "एकोणीस",
    "वीस",
    "एकवीस",
    "बावीस",
    "तेवीस",
    "चोवीस",
    "पंचवीस",
    "सव्वीस",
    "सत्तावीस",
    "अठ्ठावीस",
    "एकोणतीस",
    "तीस",
    "एकतीस",
    "बत्तीस",
    "तेहतीस",
    "चौतीस",
    "पस्तीस",
    "छत्तीस",
    "सदतीस",
    "अडतीस",
    "एकोणचाळीस",
    "चाळीस",
    "एक्केचाळीस",
    "बेचाळीस",
    "त्रेचाळीस",
    "चव्वेचाळीस",
    "पंचेचाळीस",
    "सेहेचाळीस",
    "सत्तेचाळीस",
    "अठ्ठेचाळीस",
    "एकोणपन्नास",
    "पन्नास",
    "एक्कावन्न",
    "बावन्न",
    "त्रेपन्न",
    "चोपन्न",
    "पंचावन्न",
    "छप्पन्न",
    "सत्तावन्न",
    "अठ्ठावन्न",
    "एकोणसाठ",
    "साठ",
    "एकसष्ट",
    "बासष्ट",
    "त्रेसष्ट",
    "चौसष्ट",
    "पासष्ट",
    "सहासष्ट",
    "सदुसष्ट",
    "अडुसष्ट",
    "एकोणसत्तर",
    "सत्तर",
    "एक्काहत्तर",
    "बाहत्तर",
    "त्र्याहत्तर",
    "चौऱ्याहत्तर",
    "पंच्याहत्तर",
    "शहात्तर",
    "सत्त्याहत्तर",
    "अठ्ठ्याहत्तर",
    "एकोणऐंशी",
    "ऐंशी",
    "एक्क्याऐंशी",
    "ब्याऐंशी",
    "त्र्याऐंशी",
    "चौऱ्याऐंशी",
    "पंच्याऐंशी",
    "शहाऐंशी",
    "सत्त्याऐंशी",
    "अठ्ठ्याऐंशी",
    "एकोणनव्वद",
    "नव्वद",
    "एक्क्याण्णव",
    "ब्याण्णव",
    "त्र्याण्णव",
    "चौऱ्याण्णव",
    "पंच्याण्णव",
    "शहाण्णव",
    "सत्त्याण्णव",
    "अठ्ठ्याण्णव",
    "नव्व्याण्णव",
]
#: hundred, thousand, lakh, crore
_SCALES = {
    "en": ("hundred", "thousand", "lakh", "crore"),
    "hi": ("सौ", "हज़ार", "लाख", "करोड़"),
    "mr": ("शे", "हजार", "लाख", "कोटी"),
}


def in_words(paise: int, language: str = "en") -> str:
    """ "Rupees one thousand one hundred forty and fifty paise only", or the same in Hindi or Marathi."""
    whole, rest = divmod(abs(paise), 100)
    code = language.split("-", maxsplit=1)[0]
    code = code if code in _SCALES else "en"
    rupees, fraction = _number(whole, code), _number(rest, code)
    if code == "hi":
        return f"रुपये {rupees}" + (f" और {fraction} पैसे" if rest else "") + " मात्र"
    if code == "mr":
        return f"रुपये {rupees}" + (f" आणि {fraction} पैसे" if rest else "") + " फक्त"
    return f"Rupees {rupees}" + (f" and {fraction} paise" if rest else "") + " only"


def _number(value: int, code: str) -> str:
    if value < 100:
        return _below_hundred(value, code)
    hundred, thousand, lakh, crore = _SCALES[code]
    parts: list[str] = []
    for size, word in ((10_000_000, crore), (100_000, lakh), (1_000, thousand)):
        count, value = divmod(value, size)
        if count:
            parts.append(f"{_number(count, code)} {word}")
    count, value = divmod(value, 100)
    if count:
        parts.append(_hundreds(count, hundred, code, exact=not value))
    if value:
        parts.append(_below_hundred(value, code))
    return " ".join(parts)


def _hundreds(count: int, word: str, code: str, *, exact: bool) -> str:
    if code != "mr":
        return f"{_below_hundred(count, code)} {word}"
    # Marathi writes hundreds as one word, and a bare hundred as शंभर.
    return "शंभर" if count == 1 and exact else f"{_MR[count]}{word}"


def _below_hundred(value: int, code: str) -> str:
    if code == "hi":
        return _HI[value]
    if code == "mr":
        return _MR[value]
    if value < 20:
        return _EN_ONES[value]
    tens, ones = divmod(value, 10)
    return _EN_TENS[tens] + (f"-{_EN_ONES[ones]}" if ones else "")
