"""A text beside its registered wording: where they part, in words, and how long values may be."""

from __future__ import annotations

import pytest

from amanat.messaging.channels.sms_register import fits

OURS = "Dear {{1}}, your {{2}} is ready. Shree Centre"


def test_a_text_that_is_the_registered_one_has_no_difference() -> None:
    assert fits("Dear {#var#}, your {#var#} is ready. Shree Centre", OURS).difference == ""
    assert fits("Dear {#alphanumeric#}, your {#var#} is ready. Shree Centre\r\n", OURS).difference == ""
    assert fits("{#url#}", "{{1}}").difference == ""


def test_variables_that_touch_hold_more() -> None:
    assert fits("Dear {#var#}, your {#var#}{#var#} is ready. Shree Centre", OURS).limits == (30, 60)
    assert fits("{#var#}{#var#} and {#var#}", "{{1}} and {{1}}").limits == (30,)  # it has to fit in both places
    assert fits("{#var#} and {#var#}{#var#}", "{{2}} and {{1}}").limits == (60, 30)


@pytest.mark.parametrize(
    ("registered", "words"),
    [
        (
            "Dear {#var#}, your {#var#} is done. Shree Centre",
            "After “{{2}} is ” stands “ready. Shree Centre”, and in the register “done. Shree Centre”.",
        ),
        ("Hello {#var#}", "At its beginning stands “Dear {{1}}, your {{2}} i”, and in the register “Hello {#var#}”."),
        (
            "Dear {#var#}, your {#var#} is ready.",
            "After “{{2}} is ready.” the registered text ends, and this one goes on with “ Shree Centre”.",
        ),
        (
            "Dear {#var#}, your {#var#} is ready. Shree Centre {#var#}",
            "After “} is ready. Shree Centre” the text ends, and the registered one goes on with “ {#var#}”.",
        ),
        (
            "Dear {#var#}, your passport is ready. Shree Centre",
            "After “{{1}}, your ” stands “{{2}} is ready. Shree Ce”, and in the register “passport is ready. Shree”.",
        ),
    ],
)
def test_the_first_difference_is_said_with_what_stands_around_it(registered: str, words: str) -> None:
    assert fits(registered, OURS).difference == words


def test_a_text_in_another_script_is_compared_letter_by_letter() -> None:
    assert fits("प्रिय {#var#}, आपका काम हो गया।", "प्रिय {{1}}, आपका काम हो गया।").difference == ""
    assert "गया।" in fits("प्रिय {#var#}, आपका काम हो गया।", "प्रिय {{1}}, आपका काम हो चुका।").difference
