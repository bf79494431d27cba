"""`amanat policy prove` and `policy coverage`: what they say, what they write, how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from amanat.accounts.models import Workspace
from amanat.core import ids
from amanat.operations import Refused, cli, proving
from amanat.policy import probing
from amanat.policy.probing import Asked, Finding
from amanat.proof import verify


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """What the two probes answer."""
    answers = {"first": True, "second": True}
    monkeypatch.setattr(probing, "_probes", {})

    def first(asked: Asked) -> Finding:
        return Finding(answers["first"], "{n} looked at", {"n": 3})

    def second(asked: Asked) -> Finding:
        return Finding(answers["second"], "{n} asked", {"n": 2})

    probing.probe("first", "The first", keys=("S-PW",), rules=("security",))(first)
    probing.probe("second", "The second", keys=("S-MFA",), rules=("security",))(second)
    return answers


def test_all_kept_is_said_and_ends_well(shree: Workspace, short: dict[str, bool]) -> None:
    text, well = proving.prove(shree.id, None, as_json=False)
    assert well
    assert "The first: 3 looked at" in text and "2 of 2 checks found their promise kept" in text


def test_one_broken_promise_ends_badly(shree: Workspace, short: dict[str, bool]) -> None:
    short["second"] = False
    text, well = proving.prove(shree.id, None, as_json=True)
    told = json.loads(text)
    assert (well, told["ok"], told["evidence"]) == (False, False, 2)
    assert {one["probe"]: one["outcome"] for one in told["found"]} == {"first": "kept", "second": "broken"}


def test_the_proof_is_written_and_checks_out(
    shree: Workspace, short: dict[str, bool], tmp_path: Path, settings: Settings
) -> None:
    settings.PROOF_KEY_FILE = tmp_path / "proof-key"
    (tmp_path / "proof-key").write_text("22" * 32)
    out = tmp_path / "proof.zip"
    proving.prove(shree.id, out, as_json=False)
    assert verify.problems(verify.files_of(out)) == []
    with pytest.raises(Refused, match="exists"):
        proving.prove(shree.id, out, as_json=False)


def test_a_workspace_that_is_not_there_is_refused(shree: Workspace) -> None:
    with pytest.raises(Refused, match="There is no workspace"):
        proving.prove(ids.new(), None, as_json=False)


def test_without_a_key_nothing_is_written(
    shree: Workspace, short: dict[str, bool], tmp_path: Path, settings: Settings
) -> None:
    settings.PROOF_KEY_FILE = tmp_path / "none"
    with pytest.raises(Refused, match="signing key"):
        proving.prove(shree.id, tmp_path / "proof.zip", as_json=False)
    assert not (tmp_path / "proof.zip").exists()


def test_coverage_says_the_same_in_every_form() -> None:
    told = json.loads(proving.covered("json"))
    assert told["promises"] == 494 == len(told["lines"])
    assert proving.covered("text").startswith("494 promises:")
    assert proving.covered("markdown").startswith("# Promises and what keeps them")


@pytest.mark.parametrize("wrong", [["prove"], ["prove", "file.yaml"], ["coverage", "file.yaml"]])
def test_wrong_use_is_told(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["policy", *wrong]) == 2
    assert "takes" in capsys.readouterr().err
