"""The operator's file for text messages: what stops the start, and which registered text a message was made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from amanat.core import configuration, texts_file
from amanat.core.configuration import ConfigurationError
from amanat.core.texts_file import TextsFile

GOOD: dict[str, Any] = {
    "header": "SHREEC",
    "url": "https://sms.example.in/send",
    "fields": {"to": "{number}", "text": "{text}"},
    "secrets": {"key": "kept-to-ourselves"},
}


def written(folder: Path, said: Any, mode: int = 0o600) -> Path:
    path = folder / "texts.json"
    path.write_text(said if isinstance(said, str) else json.dumps(said))
    path.chmod(mode)
    return path


def start(path: Path) -> None:
    configuration.load({"AMANAT_TEXTS_FILE": str(path), "AMANAT_DATA": str(path.parent / "data")})


def read(folder: Path, said: Any) -> TextsFile:
    return texts_file.read(written(folder, said), data=folder / "data")


def test_a_whole_file_starts_and_shows_no_key(tmp_path: Path) -> None:
    start(written(tmp_path, GOOD))
    found = read(tmp_path, GOOD)
    assert (found.provider, found.header, found.url, found.is_here) == ("http", "SHREEC", GOOD["url"], False)
    assert "kept" not in repr(found)
    assert read(tmp_path, {"provider": "msg91", "header": "SHREEC", "secrets": {"authkey": "x"}}).mapping == {}
    assert read(tmp_path, {**GOOD, "url": "http://127.0.0.1:8300/send"}).is_here


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("{", "not JSON (line 1)"),
        ("[]", "no JSON object"),
        ({**GOOD, "adress": "x"}, "“adress” that is not known"),
        ({**GOOD, "url": "http://sms.example.in/send"}, "give an https address"),
        ({**GOOD, "url": "https://sms.example.in:8443/send"}, "on port 443"),
        ({**GOOD, "url": "https://me:secret@sms.example.in/send"}, "“url” is not understood"),
        ({**GOOD, "header": "SHREEC-P"}, "“header” is not understood"),
        ({**GOOD, "header_class": "promotional"}, "codes are no offers"),
        ({**GOOD, "fields": {"to": 1}}, "“fields” is not understood"),
        ({**GOOD, "templates": [{"text": "x"}]}, "“templates” is not understood"),
        ({name: value for name, value in GOOD.items() if name != "url"}, "lacks “url”"),
        ({name: value for name, value in GOOD.items() if name != "header"}, "lacks “header”"),
        ({**GOOD, "fields": {"to": "{number}"}}, "lacks the place {text}"),
        ({**GOOD, "fields": {"text": "{text}"}}, "lacks the place {number}"),
        ({"provider": "msg91", "header": "SHREEC"}, "lacks “authkey”"),
    ],
)
def test_a_wrong_file_stops_the_start_in_words_without_its_secrets(tmp_path: Path, said: Any, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        start(written(tmp_path, said))
    [problem] = caught.value.problems
    assert problem.startswith("AMANAT_TEXTS_FILE: ") and words in problem
    assert "kept-to" not in problem and "secret@" not in problem


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_file_that_others_can_read_stops_the_start(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigurationError, match="chmod 600"):
        start(written(tmp_path, GOOD, mode))


def test_a_missing_file_and_one_among_the_data_stop_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no file"):
        start(tmp_path / "nowhere.json")
    (tmp_path / "data").mkdir()
    inside = written(tmp_path / "data", GOOD)
    with pytest.raises(ConfigurationError, match="lies in the data folder"):
        configuration.load({"AMANAT_TEXTS_FILE": str(inside), "AMANAT_DATA": str(tmp_path / "data")})


def test_a_message_finds_the_text_it_was_made_of(tmp_path: Path) -> None:
    templates = [
        {"text": "{#var#} is your code (at {#var#}).", "template_id": "1107"},
        {"text": "आपका कोड {#var#} है।", "template_id": "1108"},
    ]
    found = read(tmp_path, {**GOOD, "template_id": "1100", "templates": templates})
    assert found.template_of("123456 is your code (at Shree).") == ("1107", ["123456", "Shree"])
    assert found.template_of("आपका कोड 123456 है।") == ("1108", ["123456"])
    assert found.template_of("123456 is your code (at Shree). More") == ("1100", [])
    assert read(tmp_path, GOOD).template_of("anything") == ("", [])
