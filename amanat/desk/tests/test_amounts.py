from __future__ import annotations

import pytest

from amanat.desk import amounts


@pytest.mark.parametrize(
    ("paise", "language", "words"),
    [
        (0, "en", "Rupees zero only"),
        (10_000, "en", "Rupees one hundred only"),
        (114_050, "en", "Rupees one thousand one hundred forty and fifty paise only"),
        (12_345_678_950, "en-IN", "Rupees twelve crore thirty-four lakh fifty-six thousand seven hundred eighty-nine and fifty paise only"),
        (10_000_000_000_00, "en", "Rupees one thousand crore only"),
        (114_050, "hi", "रुपये एक हज़ार एक सौ चालीस और पचास पैसे मात्र"),
        (6_789_900, "hi", "रुपये सड़सठ हज़ार आठ सौ निन्यानवे मात्र"),
        (10_000, "mr", "रुपये शंभर फक्त"),
        (15_000, "mr", "रुपये एकशे पन्नास फक्त"),
        (1_234_567_00, "mr", "रुपये बारा लाख चौतीस हजार पाचशे सदुसष्ट फक्त"),
        (500, "ta", "Rupees five only"),
    ],
)  # fmt: skip
def test_in_words(paise: int, language: str, words: str) -> None:
    assert amounts.in_words(paise, language) == words


@pytest.mark.parametrize("language", ["en", "hi", "mr"])
def test_different_amounts_have_different_words(language: str) -> None:
    words = [amounts.in_words(rupees * 100, language) for rupees in range(2_000)]
    assert len(set(words)) == 2_000
