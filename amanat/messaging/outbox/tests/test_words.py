"""What short answers mean, in four ways of writing, and what only looks like a stop."""

from __future__ import annotations

import pytest

from amanat.messaging.outbox import words
from amanat.messaging.outbox.words import Said


@pytest.mark.parametrize(
    "text",
    [
        "STOP", "stop", " Stop. ", "STOP!!!", "Stop 🙏", "please stop", "Stop all", "UNSUBSCRIBE", "quit", "End", "CANCEL", "opt-out",
        "बंद करो", "बंद करें।", "स्टॉप", "रोको", "रोक दो", "बंद करा", "थांबवा", "थांबा!", "कृपया बंद करा",
        "band karo", "Band kar do", "BAND KRO", "roko", "band kara", "thamba",
    ],
)  # fmt: skip
def test_stop_in_every_script(text: str) -> None:
    assert words.understood(text) is Said.STOP


@pytest.mark.parametrize(
    "text", ["START", "start please", "Unstop", "शुरू करो", "शुरू", "सुरू करा", "चालू करा", "shuru karo", "chalu karo", "suru kara"]
)  # fmt: skip
def test_start_in_every_script(text: str) -> None:
    assert words.understood(text) is Said.START


@pytest.mark.parametrize("text", ["1", " 1 ", "1.", "1️⃣", "१", "Confirm"])
def test_one_in_every_script(text: str) -> None:
    assert words.understood(text) is Said.YES


@pytest.mark.parametrize(
    "text",
    [
        "please mat bhejo", "don't message me", "Don’t message me anymore please", "do not text me", "stop sending me these",
        "Stop sending messages", "stop texting me", "no more messages", "please remove my number", "leave me alone", "msg mat karo",
        "message nahi chahiye", "ye sms band karo yaar", "mujhe pareshan mat karo", "I don't want these reminders",
        "मुझे मैसेज मत करो", "कृपया मत भेजिए", "संदेश नहीं चाहिए", "परेशान मत करो", "मेसेज पाठवू नका", "मला मेसेज नको", "त्रास देऊ नका",
        "message pathvu naka", "nako pathvu", "mala kahi naka pathavu", "नको पाठवू", "msg nako", "mala tras deu naka", "bhai mat bhejna",
    ],
)  # fmt: skip
def test_a_sentence_that_sounds_like_a_stop_is_for_a_person_to_ask(text: str) -> None:
    assert words.understood(text) is Said.MAYBE_STOP


@pytest.mark.parametrize(
    "text",
    [
        "stop by the shop tomorrow", "I will stop at your office at 5", "The bus does not stop here", "start at 10?", "When do you start",
        "Please cancel my appointment on Friday", "the end of the month is fine", "at the weekend", "one more thing", "11", "10",
        "1 copy please", "call me at 1", "document mat bhejo main aa raha hoon", "payment mat bhejo abhi", "पैसे मत भेजो", "मुझे मैसेज करो",
        "मेसेज पाठवा", "please send me a message", "send the reminders again", "Thank you for the message", "don't send the form yet",
        "Did you get my message? The policy did not arrive", "dukan kab band hoti hai", "दुकान कब बंद होती है", "बंद दुकान", "message me",
        "I don't know", "no", "ok", "", "   ", "🙏", "don't message me before 10", "non-stop", "roko mat",
    ],
)  # fmt: skip
def test_false_friends_mean_nothing(text: str) -> None:
    assert words.understood(text) is Said.NOTHING


def test_the_words_of_the_policy_stop_too() -> None:
    assert words.understood("ENOUGH") is Said.NOTHING
    assert words.understood("enough!", also_stop=["ENOUGH"]) is Said.STOP
    assert words.understood("", also_stop=[""]) is Said.NOTHING


def test_a_long_text_is_a_conversation() -> None:
    assert words.understood("don't message me " + "because " * 60) is Said.NOTHING


def test_an_answer_by_mail_is_what_stands_above_the_old_mail() -> None:
    assert words.first_line("\n> Dear Asha\nSTOP\n\nOn Monday somebody wrote:\n> STOP now") == "STOP"
    assert words.first_line("") == ""
