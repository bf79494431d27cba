"""Voice messages and films: kept, played in parts, sent as WhatsApp takes them."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import clock, files, tenancy
from amanat.core.models import LedgerEntry
from amanat.core.tests.test_sounds import OPUS, TAGGED, boxes
from amanat.messaging.channels.contract import Attached
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.inbox import saying
from amanat.messaging.inbox.models import Message, MessageFile
from amanat.messaging.inbox.saying import SayRefused, Words
from amanat.messaging.inbox.tests.factories import came
from amanat.people.models import Contact

FILM = boxes(b"mp42", b"vide") + b"\0" * 4_000
AMR = b"#!AMR\n" + b"\x3c" * 200


def png() -> bytes:
    drawn = BytesIO()
    Image.new("RGB", (8, 8), "teal").save(drawn, "PNG")
    return drawn.getvalue()


def heard(shree: Workspace, account: ChannelAccount, content: bytes, content_type: str, name: str = "") -> Message:
    return came(shree, account, "", kind="media", files=[Attached(name, content_type, content)])


def file_of(message: Message) -> MessageFile:
    with tenancy.inside(message.workspace_id):
        return MessageFile.objects.of(message.workspace_id).select_related("file").get(message=message.pk)


def test_a_voice_message_is_kept_sealed_and_played_in_the_conversation(
    browser: Client, shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    message = heard(shree, account, OPUS, "audio/ogg; codecs=opus")
    kept = file_of(message)
    assert (kept.content_type, kept.trouble) == ("audio/ogg", "")
    with tenancy.inside(shree):
        assert kept.file is not None and files.read_all(kept.file) == OPUS
    text = browser.get(f"/inbox/{message.thread_id}/").content.decode()
    url = f"/inbox/files/{kept.pk}/"
    assert f'<audio class="bubble-player" controls preload="none" src="{url}" aria-label="Voice message">' in text
    policy = browser.get(f"/inbox/{message.thread_id}/").headers["Content-Security-Policy"]
    assert "media-src 'self'" in policy


@pytest.mark.parametrize(
    ("file", "player"),
    [((FILM, "video/mp4"), "<video"), ((TAGGED, "audio/mpeg"), "<audio"), ((AMR, "audio/amr"), "")],
)
def test_each_type_has_its_player_or_a_way_to_take_it(
    file: tuple[bytes, str], player: str, browser: Client, shree: Workspace, account: ChannelAccount
) -> None:
    content, content_type = file
    message = heard(shree, account, content, content_type, "clip")
    text = browser.get(f"/inbox/{message.thread_id}/").content.decode()
    assert [mark for mark in ("<audio", "<video") if mark in text] == ([player] if player else [])
    assert f'href="/inbox/files/{file_of(message).pk}/" download' in text
    assert ("open it in a player" in text) == (not player), "what no browser plays says what to do"


def test_a_player_gets_parts_and_each_time_stands_in_the_ledger(
    browser: Client, shree: Workspace, account: ChannelAccount
) -> None:
    kept = file_of(heard(shree, account, FILM, "video/mp4"))
    url = f"/inbox/files/{kept.pk}/"
    first = browser.get(url, headers={"Range": "bytes=0-"})
    part = browser.get(url, headers={"Range": "bytes=100-199"})
    beyond = browser.get(url, headers={"Range": "bytes=999999-"})
    assert (first.status_code, part.status_code, beyond.status_code) == (200, 206, 416)
    assert b"".join(part.streaming_content) == FILM[100:200]
    for answer in (first, part):
        assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        assert answer.headers["Cache-Control"] == "no-store, private"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    with tenancy.inside(shree):
        assert LedgerEntry.objects.of(shree).filter(event="messaging.file.opened").count() == 2


def test_a_page_that_calls_itself_a_voice_message_is_not_kept(
    browser: Client, shree: Workspace, account: ChannelAccount
) -> None:
    kept = file_of(heard(shree, account, b"<html><script>alert(1)</script>", "audio/ogg", "voice.ogg"))
    assert kept.file_id is None and kept.trouble


def test_a_sound_is_sent_by_whatsapp_and_by_itself(
    browser: Client, shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    came(shree, account)
    url = f"/inbox/with/{sunita.pk}/reply/"

    def send(text: str, *contents: bytes) -> int:
        attached = [SimpleUploadedFile(f"{place}.ogg", content) for place, content in enumerate(contents)]
        return int(browser.post(url, {"channel": "whatsapp", "text": text, "attached": attached}).status_code)

    assert send("listen", OPUS) == 422
    assert send("", OPUS, TAGGED) == 422
    with tenancy.inside(shree):
        assert not Message.objects.of(shree).filter(direction="out").exists()
    assert send("", OPUS) == 303
    with tenancy.inside(shree):
        sent = Message.objects.of(shree).get(direction="out")
    assert file_of(sent).content_type == "audio/ogg"


def test_a_film_larger_than_whatsapp_takes_is_refused_before_it_waits(
    shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    came(shree, account)
    with tenancy.inside(shree), pytest.raises(SayRefused, match="at most 16 MB"):
        saying.say(
            contact=sunita, channel="whatsapp", words=Words(files=[("a.mp4", FILM + b"\0" * 16_000_000)]),
            by=owner_of(shree), at=clock.now(),
        )  # fmt: skip


def test_a_picture_is_shown_when_somebody_asks_and_not_before(
    browser: Client, shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    """Who opened which file is written down, so the page fetches none by itself."""
    message = heard(shree, account, png(), "image/png", "aadhaar.png")
    text = browser.get(f"/inbox/{message.thread_id}/").content.decode()
    assert f'data-inbox-picture="/inbox/files/{file_of(message).pk}/" data-other="Hide" aria-expanded="false"' in text
    assert "<img" not in text.partition("data-inbox-lines")[2]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("photo\u202egnp.exe", "photognp.exe"),
        ("a\u200bb\u0007.png", "ab.png"),
        ("<b>x</b>.png", "&lt;b&gt;x&lt;/b&gt;.png"),
        ("क्\u200dष.png", "क्\u200dष.png"),
        ("\u202e\u2066", "Picture"),
    ],
)
def test_the_name_of_a_file_is_what_it_says(
    name: str, shown: str, browser: Client, shree: Workspace, account: ChannelAccount
) -> None:
    message = heard(shree, account, png(), "image/png", name)
    assert f"<bdi>{shown}</bdi>" in browser.get(f"/inbox/{message.thread_id}/").content.decode()
