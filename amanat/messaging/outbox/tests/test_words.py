"""What short answers mean, in four ways of writing, and what only looks like a stop."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from amanat.messaging.outbox import words
from amanat.messaging.outbox.words import Said


@pytest.mark.parametrize(
    "text",
    [
        "STOP", "stop", " Stop. ", "STOP!!!", "Stop 🙏", "please stop", "Stop all", "UNSUBSCRIBE", "quit", "End", "CANCEL", "opt-out",
        "बंद करो", "बंद करें।", "स्टॉप", "रोको", "रोक दो", "बंद करा", "थांबवा", "थांबा!", "कृपया बंद करा",
        "band karo", "Band kar do", "BAND KRO", "roko", "band kara", "thamba",
        "STOP STOP", "Ok, stop.", "stop thanks", "Stop karo", "stop kar do", "stop kara", "स्टॉप करो", "स्टॉप करा",
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
        "stop this", "stop all of these now", "stop your marketing", "you never stop sending messages", "stop spamming", "DND", "do not disturb",
        "message band nahi hue abhi tak", "message nahi mila aur ab mat bhejo", "मैसेज नहीं मिलना चाहिए", "मेसेज बंद करा",
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


def spelled(form: str) -> Iterator[str]:
    """Every sentence that a form stands for: "a/b" is a or b, "_" a space within one of them."""
    if (choice := re.search(r"[^ /]+(?:/[^ /]+)+", form)) is None:
        yield form.replace("_", " ")
        return
    for one in choice.group().split("/"):
        yield from spelled(form[: choice.start()] + one + form[choice.end() :])


@pytest.mark.parametrize(
    "form",
    [
        "no more message/messages/msg/mesg/sms/text/mail/email/whatsapp/reminder/notification/promotion/ad/spam",
        "do_not/dont/don't/don`t/never/no_need_to message/msg/text/spam/disturb/bother/contact/sms/whatsapp/mail/email me/us",
        "do_not/dont/don`t/never want/send/need such msgs",
        "stop messaging/texting/spamming/bothering/disturbing/sending/contacting", "stop sending/contacting that to me/us whenever it rains in the afternoon",
        "stop sending such messages whenever it rains in the afternoon", "stop these/this/all/the/your bad messages/offers/offer/marketing/nonsense",
        "please stop this/these/all_this/all_of_these", "stop this now/please/immediately", "dnd/do_not_disturb/dont_disturb please",
        "remove/delete me xyz", "remove my number/no/name/email", "please take_me_off/leave_me_alone/unsubscribe_me xyz",
        "mat bhejo/bhejiye/bhejie/bhejna/bheje/bhejein/bhejiega", "na bhejo/bhejiye/bhejie/bhejein/bheje", "nahi bhejo/bhejna/bhejiye",
        "bhejna band/mat", "sms yaar mat/na/nahi/nahin/nako/naka/band", "mat/nahi/nahin/nako/band do sms",
        "pareshan mat/na/nahi karo", "tang mat/na karo", "pathavu/pathvu/pathavnaka/pathav naka/nako/nakos", "naka/nako/nakos pathavu/pathvu",
        "tras deu/dyu naka/nako/nakos", "मत_भेज/न_भेज/ना_भेज/नहीं_भेज/भेजना_बंद xyz", "परेशान/तंग मत/न करो",
        "मैसेज/मेसेज/मेसेजेस/मैसेजेस/संदेश/सन्देश/एसएमएस/व्हाट्सएप/व्हॉट्सअ‍ॅप/व्हॉट्सॲप/मेल अब मत/नहीं/नही/बंद/नको/नका/ना_करें",
        "पाठवू नका/नको/नये", "नका/नको पाठवू",
    ],
)  # fmt: skip
def test_each_way_to_say_that_it_is_enough_is_for_a_person_to_ask(form: str) -> None:
    for text in spelled(form):
        assert words.understood(text) is Said.MAYBE_STOP, text


@pytest.mark.parametrize(
    "form",
    [
        "payment/paise/paisa/paysa/money/document/documents/doc/docs/paper/papers/form/forms/parcel/courier/bill/invoice mat bhejo",
        "file/photo/pic/otp/aadhaar/aadhar/pan/address/aadmi/ladka/cash/cheque mat bhejo",
        "पैसे/कागज/कागद/पार्सल/बिल/फोटो/फॉर्म/दस्तावेज मत भेजो", "don't message me before/after/between/until/till/on 10",
        "do_not/dont/don`t/never/do_not_ever stop your messages", "sms band mat/na karo/kijiye", "sms band karu/kru naka/nako/nakos",
        "sms nahi/nahin mila/mili/milla/aaya/aya/aayi/aa_raha/mil_rahe", "msg milala/milale/aala/ala nahi",
        "मैसेज बंद मत/न/ना करो/कीजिए", "मेसेज बंद करू नका/नको/नकोस", "मैसेज नहीं/नही मिला/मिली/आया/आयी/आई/मिल_रहा/आ_रहे",
    ],
)  # fmt: skip
def test_other_things_and_messages_that_are_missed_stop_nothing(form: str) -> None:
    for text in spelled(form):
        assert words.understood(text) is Said.NOTHING, text


@pytest.mark.parametrize(
    "text",
    [
        "don't stop the messages", "please don’t stop sending me reminders", "never stop the reminders", "do not ever stop these messages",
        "message band mat karo", "SMS band mat kijiye", "msg band na karna", "message band karu naka", "message nahi mila", "aapka message nahi aaya",
        "msg nahi aa raha hai", "message milala nahi", "SMS aala nahi", "मैसेज बंद मत करो", "संदेश बंद न करें", "मेसेज बंद करू नका",
        "मुझे मैसेज नहीं मिला", "आपका संदेश नहीं आया", "मैसेज नहीं आ रहा है", "संदेश मिळाला नाही",
    ],
)  # fmt: skip
def test_who_misses_our_messages_or_wants_them_to_go_on_stops_nothing(text: str) -> None:
    assert words.understood(text) is Said.NOTHING


@pytest.mark.parametrize(
    "text",
    [
        "don't stop", "do not stop", "stop by tomorrow?", "why did you stop", "start stop", "stop start", "full stop", "stop the car",
        "stop the work and call me", "stop this order", "stop your car", "stop me if I am wrong", "how do I unsubscribe", "cancel my order",
        "I never got your messages", "बंद मत करो", "मत रोको", "दुकान बंद करो", "आज बंद है", "थांबू नका", "थांबा, मी येतो", "बंद करू नका",
        "band mat karo", "roko mat", "dukan band karo", "aaj band hai", "thamba mi yeto", "thambu naka", "phone is on dnd, call later",
    ],
)  # fmt: skip
def test_a_word_of_stopping_beside_others_stops_nothing(text: str) -> None:
    assert words.understood(text) is Said.NOTHING


@pytest.mark.parametrize(
    ("words_known", "said"), [(words._STOP, Said.STOP), (words._START, Said.START), (words._YES, Said.YES)]
)
def test_a_word_counts_however_it_is_written_and_only_alone(words_known: frozenset[str], said: Said) -> None:
    for word in words_known:
        for text in (word, word.upper(), f" {word}!! ", f"“{word}” 🙏", f"\u200e{word}\u200d", word.replace(" ", "\n")):
            assert words.understood(text) is said, text
        for text in (f"{word} xyz", f"xyz {word}"):
            assert words.understood(text) not in set(Said) - {Said.MAYBE_STOP, Said.NOTHING}, text


def test_no_word_says_two_things() -> None:
    assert len(words._STOP | words._START | words._YES) == len(words._STOP) + len(words._START) + len(words._YES)
    assert "" not in words._STOP | words._START | words._YES


def test_the_words_of_the_policy_stop_too() -> None:
    assert words.understood("ENOUGH") is Said.NOTHING
    assert words.understood("enough!", also_stop=["ENOUGH"]) is Said.STOP
    assert words.understood("", also_stop=[""]) is Said.NOTHING


def test_a_long_text_is_a_conversation() -> None:
    longest = "don't message me " + "because " * 35 + "..."
    assert len(longest) == 300 and words.understood(longest) is Said.MAYBE_STOP
    assert words.understood(longest + ".") is Said.NOTHING


def test_an_answer_by_mail_is_what_stands_above_the_old_mail() -> None:
    assert words.first_line("\n> Dear Asha\nSTOP\n\nOn Monday somebody wrote:\n> STOP now") == "STOP"
    assert words.first_line("  \n  > Dear Asha\nSTOP") == "STOP"
    assert words.first_line("") == ""
