"""Only what Meta signed for this account, within its time, is believed; every kind of it is read."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amanat.messaging.channels import whatsapp_reading as reading
from amanat.messaging.channels.contract import (
    AccountNews,
    Arrived,
    Attached,
    News,
    Preference,
    Progress,
    Report,
    TemplateNews,
    WebhookRefused,
)
from amanat.messaging.channels.tests.calls import AT, SENDER, STAMP, about, call, message, signed, status
from amanat.messaging.sandbox.tests.doubles import ACCESS


def heard(*changes: dict[str, Any], **options: Any) -> list[News]:
    body = call(*changes, **options)
    return [
        news
        for _identity, payload in reading.events(ACCESS, body, signed(body), at=AT)
        for news in reading.read(json.loads(json.dumps(payload)))
    ]


def arrived(**values: Any) -> Arrived:
    return Arrived(**{"provider_id": "wamid.theirs", "sender": f"+{SENDER}", "at": AT, "name": "Sunita", **values})


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        ("text", {"body": "नमस्ते"}, {"text": "नमस्ते"}),
        (
            "image",
            {"id": "77", "mime_type": "image/jpeg", "sha256": "x", "caption": "my PAN"},
            {"kind": "media", "text": "my PAN", "files": (Attached("image.jpeg", "image/jpeg", provider_id="77"),)},
        ),
        (
            "document",
            {"id": "78", "mime_type": "application/pdf", "filename": "aadhaar.pdf"},
            {"kind": "media", "files": (Attached("aadhaar.pdf", "application/pdf", provider_id="78"),)},
        ),
        (
            "audio",
            {"id": "79", "mime_type": "audio/ogg; codecs=opus", "voice": True},
            {"kind": "media", "files": (Attached("", "audio/ogg", provider_id="79"),)},
        ),
        (
            "video",
            {"id": "80", "mime_type": "video/mp4"},
            {"kind": "media", "files": (Attached("video.mp4", "video/mp4", provider_id="80"),)},
        ),
        (
            "sticker",
            {"id": "81", "mime_type": "image/webp", "animated": False},
            {"kind": "media", "files": (Attached("sticker.webp", "image/webp", provider_id="81"),)},
        ),
        (
            "location",
            {"latitude": 19.99, "longitude": 73.78, "name": "Shop", "address": "Nashik"},
            {"kind": "location", "text": "Shop\nNashik\n19.99, 73.78"},
        ),
        (
            "contacts",
            [{"name": {"formatted_name": "Asha"}, "phones": [{"phone": "+91 98220 41737"}]}],
            {"text": "Asha, +91 98220 41737"},
        ),
        ("button", {"text": "Yes", "payload": "yes-1"}, {"kind": "choice", "text": "Yes", "choice": "yes-1"}),
        (
            "interactive",
            {"type": "button_reply", "button_reply": {"id": "a", "title": "A"}},
            {"kind": "choice", "text": "A", "choice": "a"},
        ),
        (
            "interactive",
            {"type": "list_reply", "list_reply": {"id": "b", "title": "B", "description": "x"}},
            {"kind": "choice", "text": "B", "choice": "b"},
        ),
        ("interactive", {"type": "nfm_reply", "nfm_reply": {}}, {"kind": "other"}),
        (
            "reaction",
            {"message_id": "wamid.ours", "emoji": "👍"},
            {"kind": "reaction", "reaction": "👍", "answers": "wamid.ours"},
        ),
        (
            "order",
            {
                "catalog_id": "1",
                "text": "soon please",
                "product_items": [{"product_retailer_id": "photo", "quantity": 8, "item_price": 10, "currency": "INR"}],
            },
            {"text": "8 × photo: 10 INR\nsoon please"},
        ),
        (
            "system",
            {"body": "Sunita changed from A to B", "type": "user_changed_number"},
            {"kind": "other", "text": "Sunita changed from A to B"},
        ),
        ("unsupported", None, {"kind": "other"}),
    ],
)
def test_every_kind_of_message_is_read(kind: str, content: Any, expected: dict[str, Any]) -> None:
    assert heard(message(kind, content)) == [arrived(**expected)]


def test_an_answer_says_to_what() -> None:
    said = message(context={"from": "919822000001", "id": "wamid.ours"})
    assert heard(said) == [arrived(text="Namaste", answers="wamid.ours")]


def test_reports_are_read_with_our_reference_and_price() -> None:
    reference = "0198c0de-0000-7000-8000-000000000001"
    delivered = status(
        "delivered",
        biz_opaque_callback_data=reference,
        pricing={"billable": True, "pricing_model": "PMP", "category": "utility"},
    )
    failed = status("failed", errors=[{"code": 131050, "title": "stopped"}])
    assert heard(delivered, failed, status("read"), status("deleted")) == [
        Report("wamid.ours", Progress.DELIVERED, AT, UUID(reference), pricing="utility"),
        Report("wamid.ours", Progress.FAILED, AT, code="131050", opts_out=True),
        Report("wamid.ours", Progress.READ, AT),
    ]


def test_preferences_templates_quality_and_account_are_read() -> None:
    stop = {"wa_id": SENDER, "category": "marketing_messages", "value": "stop", "timestamp": int(STAMP)}
    judged = {
        "event": "REJECTED",
        "message_template_id": 55,
        "message_template_name": "pan_ready",
        "message_template_language": "hi",
        "reason": "INVALID_FORMAT",
    }
    flagged = {"display_phone_number": "919822000001", "event": "FLAGGED", "current_limit": "TIER_1K"}
    news = heard(
        about(user_preferences=[stop]) | {"field": "user_preferences"},
        {"field": "message_template_status_update", "value": judged},
        {"field": "phone_number_quality_update", "value": flagged},
        {"field": "account_update", "value": {"event": "DISABLED_UPDATE"}},
        {"field": "account_update", "value": {"event": "VERIFIED_ACCOUNT"}},
        {"field": "flows", "value": {"event": "FLOW_STATUS_CHANGE"}},
    )
    assert news[:3] == [
        Preference(f"+{SENDER}", wants=False, at=AT),
        TemplateNews("55", "pan_ready", "hi", "rejected", "INVALID_FORMAT"),
        AccountNews(quality="red", daily_limit=1_000, address="+919822000001"),
    ]
    assert isinstance(news[3], AccountNews)
    assert "switched" in news[3].trouble
    assert len(news) == 4


def test_the_same_event_is_the_same_and_others_are_not() -> None:
    def identities(*changes: dict[str, Any]) -> list[bytes]:
        body = call(*changes)
        return [identity for identity, _ in reading.events(ACCESS, body, signed(body), at=AT)]

    later = str(int(STAMP) - 60)
    assert identities(status("sent")) == identities(status("sent", stamp=later))
    several = identities(message(), status("sent"), status("read"), status("sent", wamid="wamid.other"))
    assert len(set(several)) == 4


def refused(body: bytes, headers: dict[str, str]) -> bool:
    with pytest.raises(WebhookRefused):
        reading.events(ACCESS, body, headers, at=AT)
    return True


@pytest.mark.parametrize(("seconds", "is_taken"), [(-604_800, True), (299, True), (301, False)])
def test_an_event_of_the_future_spoils_its_call(seconds: int, is_taken: bool) -> None:
    stamp = str(int((AT + timedelta(seconds=seconds)).timestamp()))
    body = call(message(), status("sent", stamp=stamp))
    if is_taken:
        assert len(reading.events(ACCESS, body, signed(body), at=AT)) == 2
    else:
        assert refused(body, signed(body))


def test_an_event_too_old_is_left_out_and_what_came_with_it_is_taken() -> None:
    old = str(int((AT - timedelta(seconds=604_801)).timestamp()))
    body, alone = call(message(), status("sent", stamp=old)), call(status("sent", stamp=old))
    ((_identity, payload),) = reading.events(ACCESS, body, signed(body), at=AT)
    assert "statuses" not in json.dumps(payload) and refused(alone, signed(alone))


@pytest.mark.parametrize("stamp", ["", "x", "1e9", "9" * 40, "-" + "9" * 40, "nan"])
def test_a_time_that_is_none_is_refused(stamp: str) -> None:
    body = call(message(stamp=stamp))
    assert refused(body, signed(body))


def test_what_is_for_another_account_or_number_is_not_ours() -> None:
    for body in (call(message(), waba_id="1"), call(about(number="1", messages=[]))):
        assert refused(body, signed(body))


def test_only_our_secret_signs() -> None:
    body = call(message())
    assert refused(body, signed(body, "another"))
    assert refused(body, {})
    good = signed(body)["X-Hub-Signature-256"]
    for wrong in (good[7:], "sha1=" + good[7:], good.upper(), good + "0", good[:-1], "sha256=", "sha256=é"):
        assert refused(body, {"X-Hub-Signature-256": wrong})


_BODY = call(message(), status("delivered"))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(_BODY) - 1), st.integers(1, 255))
def test_no_changed_byte_is_believed(place: int, change: int) -> None:
    altered = bytearray(_BODY)
    altered[place] ^= change
    assert refused(bytes(altered), signed(_BODY))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=64) | st.sampled_from([b"[]", b"null", b'{"object": 1}', b"[" * 5_000, b'{"entry": [1]}']))
def test_no_signed_nonsense_is_more_than_refused(body: bytes) -> None:
    assert refused(body, signed(body))


@pytest.mark.parametrize(
    "broken", [{"text": {}}, {"type": "image"}, {"type": "order", "order": {"product_items": [{}]}}]
)
def test_a_message_of_an_unknown_shape_stops_nobody(broken: dict[str, Any]) -> None:
    said = message()
    said["value"]["messages"][0].update(broken)
    assert heard(said, status("sent")) == [Report("wamid.ours", Progress.SENT, AT)]


def test_the_handshake_answers_who_knows_the_token() -> None:
    asked = {"hub.mode": "subscribe", "hub.verify_token": "verify-of-tests", "hub.challenge": "1158201444"}
    assert reading.handshake(ACCESS, asked) == "1158201444"
    for wrong in ({"hub.verify_token": "no"}, {"hub.mode": "x"}, {"hub.challenge": "<b>"}, {"hub.challenge": ""}):
        with pytest.raises(WebhookRefused):
            reading.handshake(ACCESS, asked | wrong)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        (
            "phone_number_quality_update",
            {"display_phone_number": "91 98220 00002", "event": "FLAGGED", "max_daily_conversations_per_business": "TIER_2K"},
            AccountNews(quality="red", daily_limit=2_000, address="+919822000002"),
        ),
        ("business_capability_update", {"max_daily_conversations_per_business": 10_000}, AccountNews(daily_limit=10_000)),
        ("business_capability_update", {"max_daily_conversations_per_business": -1}, AccountNews(daily_limit=2_000_000_000)),
        (
            "template_category_update",
            {"message_template_id": 4, "message_template_name": "pan", "message_template_language": "en", "previous_category": "UTILITY", "new_category": "MARKETING"},
            TemplateNews("4", "pan", "en", "", category="marketing"),
        ),
        (
            "template_category_update",  # within a day
            {"message_template_id": 4, "message_template_name": "pan", "message_template_language": "en", "new_category": "UTILITY", "correct_category": "MARKETING", "category_update_timestamp": 1_760_711_433},
            TemplateNews("4", "pan", "en", "", category="marketing"),
        ),
    ],
)  # fmt: skip
def test_what_meta_thinks_of_a_business_is_read(field: str, value: dict[str, Any], expected: News) -> None:
    assert heard({"field": field, "value": value}) == [expected]


def test_a_business_that_may_write_to_nobody_yet_has_no_limit_to_show() -> None:
    assert heard({"field": "business_capability_update", "value": {"max_phone_numbers_per_waba": 2}}) == []
    assert [reading.limit(said) for said in ("TIER_NOT_SET", None, "", "250")] == [None, None, None, 250]
