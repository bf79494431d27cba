"""The site's own texts against the doubles of the providers: what arrives, and what becomes of a page when nothing does."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation
from django.utils.translation import gettext

from amanat.core import outbox, outgoing
from amanat.core.outbox import NotSent
from amanat.messaging.channels import site_texts, sms_http
from amanat.messaging.sandbox.running import Running
from amanat.messaging.sandbox.sms import SmsSandbox

pytestmark = pytest.mark.usefixtures("uncounted")

NUMBER = "+919822041736"
TEXT = "123456 is your Amanat code. It works for 15 minutes. Tell it to nobody."
REGISTERED = TEXT.replace("123456", "{#var#}")
GATEWAY = {
    **{name: value for name, value in sms_http.SANDBOX.items() if name not in {"report", "inbound"}},
    "header": "SHREEC", "secrets": {"key": "sandbox-key"}, "templates": [{"text": REGISTERED, "template_id": "1107"}],
}  # fmt: skip
type Use = Callable[..., None]


@pytest.fixture
def double(providers: Running) -> SmsSandbox:
    found = providers.doubles.sms
    found.accepted.clear()
    found.templates = {}
    found._plan.clear()
    return found


@pytest.fixture
def use(providers: Running, double: SmsSandbox, tmp_path: Path, settings: Any) -> Use:
    """Start with a file that says this."""
    site_texts.declare()

    def begin(said: dict[str, Any]) -> None:
        path = tmp_path / "texts.json"
        path.write_text(json.dumps({"url": f"{providers.url}/send", **said}))
        path.chmod(0o600)
        site_texts._read.cache_clear()
        settings.CONFIGURATION = replace(settings.CONFIGURATION, texts_file=path)
        settings.TEXT_SENDER = "amanat.messaging.channels.site_texts.send"

    return begin


def test_a_text_arrives_with_number_header_and_the_id_of_its_own_template(use: Use, double: SmsSandbox) -> None:
    use({**GATEWAY, "template_id": "1100"})
    outbox.send_text(NUMBER, TEXT)
    outbox.send_text(NUMBER, "Something else")
    took = [(one.to, one.text, one.sender, one.template_id) for one in double.accepted]
    assert took == [("919822041736", TEXT, "SHREEC", "1107"), ("919822041736", "Something else", "SHREEC", "1100")]
    assert len({one.reference for one in double.accepted}) == 2


def test_a_flow_of_msg91_gets_the_values_of_the_text(use: Use, double: SmsSandbox, providers: Running) -> None:
    use({"provider": "msg91", "header": "SHREEC", "url": providers.url, "secrets": {"authkey": "sandbox-key"},
         "templates": GATEWAY["templates"]})  # fmt: skip
    outbox.send_text(NUMBER, TEXT)
    [took] = double.accepted
    assert (took.protocol, took.to, took.template_id, dict(took.variables)) == (
        "msg91", "919822041736", "1107", {"VAR1": "123456"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("way", "is_final"),
    [("500", False), ("503", False), ("429", False), ("lost", False), ("balance", False), ("404", True)],
)
def test_a_provider_that_fails_is_said_without_number_text_or_code(
    use: Use, double: SmsSandbox, caplog: pytest.LogCaptureFixture, *, way: str, is_final: bool
) -> None:
    use(GATEWAY)
    double.fail(way)
    with caplog.at_level(logging.DEBUG), pytest.raises(NotSent) as caught:
        outbox.send_text(NUMBER, TEXT)
    assert caught.value.is_final is is_final
    said = caplog.text + str([vars(record) for record in caplog.records]) + str(caught.value)
    assert not any(one in said for one in ("9822041736", "123456", "Tell it", "sandbox-key"))


def test_a_code_of_the_provider_that_repeats_ours_is_not_logged(use: Use, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, site_texts.log.name)
    use({**GATEWAY, "success": {"status": [200], "path": "status", "is": ["never"]}, "code_path": "data.0.id"})
    message = site_texts.Outgoing(site_texts.ids.new(), NUMBER, TEXT)
    assert site_texts._speakable("123456", message) == ""
    assert site_texts._speakable("E402", message) == "E402"
    assert site_texts._speakable("credentials", message) == "credentials"
    with pytest.raises(NotSent):
        outbox.send_text(NUMBER, TEXT)
    assert caplog.records


def test_without_an_id_nothing_leaves_for_an_indian_number(use: Use, double: SmsSandbox) -> None:
    use(GATEWAY)
    with pytest.raises(NotSent) as caught:
        outbox.send_text(NUMBER, "Not registered")
    assert caught.value.is_final and double.accepted == []
    outbox.send_text("+4915112345678", "The register is India's")
    assert [one.to for one in double.accepted] == ["4915112345678"]


def test_a_provider_elsewhere_is_the_carrier_of_the_policies(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, float]] = []

    def send(method: str, url: str, *, recipient: str, timeout: float, **_others: Any) -> outgoing.Response:
        asked.append((url, recipient, timeout))
        return outgoing.Response(200, {}, b'{"status": "success"}', url)

    monkeypatch.setattr(outgoing, "send", send)
    use({**GATEWAY, "url": "https://sms.example.in/send"})
    outbox.send_text(NUMBER, TEXT)
    assert asked == [("https://sms.example.in/send", "carrier", 10.0)]


def test_only_the_port_of_the_file_is_open_on_this_machine(use: Use, providers: Running) -> None:
    use(GATEWAY)
    here = next(one for one in outgoing.recipients() if one.name == site_texts.HERE)
    assert here.covers("127.0.0.1", providers.port) and not here.covers("127.0.0.1", providers.port + 1)
    use({**GATEWAY, "url": "https://sms.example.in/send"})
    assert not here.covers("sms.example.in", 443) and site_texts._places() == set()


def test_without_a_file_nothing_on_this_machine_is_open_and_nothing_leaves(settings: Any) -> None:
    settings.CONFIGURATION = replace(settings.CONFIGURATION, texts_file=None)
    assert site_texts._places() == set()
    with pytest.raises(NotSent):
        site_texts.send(NUMBER, TEXT)


def test_the_list_for_the_register_has_every_text_in_every_language() -> None:
    listed = list(site_texts.registered())
    languages = {language for language, _text in listed}
    assert languages >= {"en", "hi", "mr"}
    assert len(listed) == len(languages) * (len(site_texts.TEXTS) + 2) == len({one for _, one in listed})
    assert all("%(" not in text for _language, text in listed)
    for language in ("hi", "mr"):  # each stands in the catalogs, so it is what the site says
        with translation.override(language):
            assert [text for text in site_texts.TEXTS if gettext(text) == text] == []


def test_what_was_registered_from_the_list_is_found_again(use: Use) -> None:
    templates = [{"text": text, "template_id": str(1000 + at)} for at, (_, text) in enumerate(site_texts.registered())]
    use({**GATEWAY, "templates": templates})
    file = site_texts._file()
    assert site_texts.unregistered(file) == []
    for one in templates:
        assert file.template_of(one["text"].replace("{#var#}", "Shree Centre"))[0] == one["template_id"]
    use(GATEWAY)
    assert len(site_texts.unregistered(site_texts._file())) == len(templates) - 1
