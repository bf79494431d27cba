"""Which addresses of browsers are believed, and that nothing else is ever connected to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from amanat.core import outgoing
from amanat.messaging.push import services, vapid
from amanat.messaging.push.services import Answer, Outcome

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("endpoint", "service"),
    [
        ("https://fcm.googleapis.com/fcm/send/abc:def", "Google"),
        ("https://fcm.googleapis.com:443/wp/abc", "Google"),
        ("https://updates.push.services.mozilla.com/wpush/v2/abc", "Mozilla"),
        ("https://web.push.apple.com/QGuQyavXutnMH", "Apple"),
        ("https://wns2-bn3p.notify.windows.com/w/?token=abc", "Microsoft"),
    ],
)
def test_the_services_of_browsers_are_known(endpoint: str, service: str) -> None:
    assert services.service_of(endpoint) == service


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "https://fcm.googleapis.com",
        "http://fcm.googleapis.com/fcm/send/abc",
        "https://fcm.googleapis.com:8443/fcm/send/abc",
        "https://fcm.googleapis.com.attacker.example/abc",
        "https://evilnotify.windows.com/w/abc",
        "https://notify.windows.com/w/abc",
        "https://storage.googleapis.com/abc",
        "https://user@fcm.googleapis.com/abc",
        "https://fcm.googleapis.com\\@127.0.0.1/abc",
        "https://127.0.0.1/push/to/abc",
        "http://127.0.0.1:8002/push/to/abc",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/abc",
        "https://[not-closed/abc",
        "https://fcm.googleapis.com:x/abc",
        "file:///etc/passwd",
        "https://fcm.googleapis.com/" + "a" * 1_000,
        "https://fcm.googleapis.com/ä",
        "https://fcm.googleapis.com/a\r\nHost: other",
        "https://ｆcm.googleapis.com/abc",
        "https://fcm.googleapis.com/abc#fragment",
    ],
)
def test_nothing_else_is_called(endpoint: str, settings: Any) -> None:
    assert services.service_of(endpoint) == ""
    assert services.push(endpoint, b"", topic="t", lasts=timedelta(hours=1)) == Answer(Outcome.GONE)


def test_a_double_is_known_only_where_the_operator_set_it(settings: Any) -> None:
    endpoint = "http://127.0.0.1:8999/push/to/abc"
    assert services.service_of(endpoint) == ""
    settings.PUSH_URL = "http://127.0.0.1:8999"
    assert services.service_of(endpoint) == services.SANDBOX
    assert services.service_of("http://127.0.0.1:89990/push/to/abc") == ""
    assert "127.0.0.1:8999" in services.hosts()


def test_the_way_out_refuses_other_hosts_for_this_recipient(db: None) -> None:
    """The second net, should an address ever come past the first."""
    for url in ("https://notify.windows.com/w", "https://example.com/w", "https://a.notify.windows.com:444/w"):
        with pytest.raises(outgoing.Refused):
            outgoing.send("POST", url, recipient=services.RECIPIENT)
    (declared,) = [one for one in outgoing.recipients() if one.name == services.RECIPIENT]
    assert declared.covers("db5p.notify.windows.com", 443) and not declared.covers("notify.windows.com", 443)
    assert not (declared.allow_private or declared.allow_plain)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("120", timedelta(minutes=2)),
        (" 0 ", timedelta()),
        ("999999999999999", timedelta(hours=1)),
        ("Sun, 22 Nov 2026 10:05:00 GMT", timedelta(minutes=5)),
        ("Sun, 22 Nov 2026 09:00:00 GMT", timedelta()),
        ("Sun, 29 Nov 2026 10:05:00 GMT", timedelta(hours=1)),
        ("soon", None),
        ("", None),
        ("-5", None),
    ],
)
def test_a_wish_to_wait_is_read_in_seconds_or_as_a_date(text: str, wait: timedelta | None) -> None:
    assert services._read(429, text, AT) == Answer(Outcome.LATER, 429, wait)


def test_without_its_key_nothing_is_signed(settings: Any, tmp_path: Any) -> None:
    settings.VAPID_KEY_FILE = tmp_path / "vapid-key"
    for text in (None, "", "xyz", "00" * 31):
        if text is not None:
            settings.VAPID_KEY_FILE.write_text(text)
        with pytest.raises(vapid.KeyMissing):
            vapid.public_key()
    settings.VAPID_KEY_FILE.write_text("ff" * 32)  # beyond the order of the curve, and a key all the same
    assert len(vapid.public_key()) == 87
