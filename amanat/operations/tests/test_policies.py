"""The command `amanat policy`: what it prints and what it ends with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from amanat.core import outgoing
from amanat.core.outgoing import rules
from amanat.operations import Refused, cli, commands, policies
from amanat.operations.policies import WrongCount
from amanat.policy import linting
from amanat.policy.tests.samples import DEFAULT, READY, changed
from amanat.publishing import inventory

GOOD = READY / "default.yaml"


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    file = tmp_path / "bad.yaml"
    file.write_text(changed(("min_age: 18", "min_age: 16"), ("last_login: P3Y", "last_login: P5Y")), "utf-8")
    return file


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    file = tmp_path / "broken.yaml"
    file.write_text(changed(("min_age: 18", "min_age: young")), "utf-8")
    return file


def test_lint_passes_a_good_file() -> None:
    text, well = policies.run("lint", [GOOD])
    assert well
    assert text.endswith("0 to mend, 4 to look at.")


def test_lint_names_file_line_and_advice(bad: Path) -> None:
    text, well = policies.run("lint", [bad])
    line = next(number for number, line in enumerate(DEFAULT.splitlines(), 1) if "min_age" in line)
    assert not well
    assert f"{bad}: line {line}: error: children.min_age: A child is anyone under 18" in text
    assert "Write `min_age: 18`. [children.age]" in text


def test_lint_tells_of_a_broken_file_too(broken: Path) -> None:
    text, well = policies.run("lint", [broken])
    assert not well
    assert "“young” is not a whole number." in text


def test_lint_for_programs(bad: Path) -> None:
    text, well = policies.run("lint", [bad], as_json=True)
    assert not well
    assert [entry["check"] for entry in json.loads(text) if entry["severity"] == "error"] == ["children.age"]
    assert policies.run("lint", [GOOD], as_json=True)[1]


@pytest.mark.parametrize(
    ("language", "piece"), [("en", "3 years after your last contact"), ("hi", "निजता नीति"), ("mr", "गोपनीयता धोरण")]
)
def test_render_shows_the_page(language: str, piece: str) -> None:
    assert piece in policies.run("render", [GOOD], language)[0]


def test_render_for_programs() -> None:
    document = json.loads(policies.run("render", [GOOD], as_json=True)[0])
    assert document["hash"].startswith("sha256:")
    assert document["children"]["min_age"] == 18


def test_render_refuses_a_page_with_holes(tmp_path: Path) -> None:
    file = tmp_path / "holes.yaml"
    file.write_text(changed(("{keep.support.until.case_closed}", "{keep.support.until.nothing}")), "utf-8")
    with pytest.raises(Refused, match="leads nowhere"):
        policies.run("render", [file])


def test_diff_says_what_people_must_hear_of(bad: Path) -> None:
    text, well = policies.run("diff", [GOOD, bad])
    assert well
    assert "The lowest age: 18 became 16. Material: younger people's data would be used." in text.splitlines()
    assert policies.run("diff", [GOOD, GOOD])[0] == "The same rules and words."
    assert {entry["path"] for entry in json.loads(policies.run("diff", [GOOD, bad], as_json=True)[0])} == {
        "children.min_age",
        "keep.account.until.last_login",
    }


def test_merge_writes_a_policy_file(bad: Path) -> None:
    text, _ = policies.run("merge", [GOOD, bad])
    assert text.startswith("# ")
    assert "It is now 18 (the highest).\n" in text
    assert not [finding for finding in linting.lint_text(text) if finding.severity is linting.Severity.ERROR]
    assert (
        json.loads(policies.run("merge", [bad, GOOD], as_json=True)[0])["keep"]["account"]["until"]["last_login"]
        == "P3Y"
    )


@pytest.mark.parametrize("action", ["render", "diff", "merge"])
def test_a_file_that_is_no_policy_is_refused(action: str, broken: Path) -> None:
    with pytest.raises(Refused, match="is no policy:\nline"):
        policies.run(action, [broken, broken][: 2 if action != "render" else 1])


@pytest.mark.parametrize("action", ["lint", "render", "diff", "merge"])
def test_a_file_that_is_not_there_is_refused(action: str, tmp_path: Path) -> None:
    files = [tmp_path / "nothing.yaml"] * (2 if action == "diff" else 1)
    with pytest.raises(Refused, match="There is no file"):
        policies.run(action, files)


def test_what_is_no_text_or_never_ends_is_refused_in_words(tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00policy")
    with pytest.raises(Refused, match=r"binary.yaml is no text in UTF-8"):
        policies.run("lint", [binary])
    with pytest.raises(Refused, match="is a folder: name a policy file"):
        policies.run("lint", [tmp_path])
    text, well = policies.run("lint", [Path("/dev/zero")])
    assert not well and "The file is too long. Write at most 256 kB." in text


@pytest.mark.parametrize(("action", "count"), [("lint", 2), ("render", 2), ("diff", 1), ("diff", 3), ("merge", 0)])
def test_a_wrong_count_of_files_is_told(action: str, count: int) -> None:
    with pytest.raises(WrongCount, match=f"not {count}"):
        policies.run(action, [GOOD] * count)


def test_exit_codes(bad: Path, broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def ends(*words: str) -> int:
        return cli.main(["policy", *words])

    assert ends("lint", str(GOOD)) == commands.DONE
    assert ends("lint", str(bad)) == commands.FAILED
    assert ends("render", str(GOOD), "--lang", "hi") == commands.DONE
    assert ends("diff", str(GOOD)) == commands.USAGE
    assert ends("merge", str(broken)) == commands.CANNOT
    assert "is no policy" in capsys.readouterr().err


def test_the_command_holds_a_file_against_the_running_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ids of checks that nobody runs, names on devices and hosts that the file keeps quiet about."""
    file = tmp_path / "quiet.yaml"
    told = (
        ("probe: [S-TRAIN]", "probe: [S-TRAINS]"),
        ("at: [language, theme]", "at: [language]"),
        ("host: graph.facebook.com", "host: graph.example.com"),
    )
    file.write_text(changed(*told), "utf-8")
    assert cli.main(["policy", "lint", str(file)]) == commands.FAILED
    said = capsys.readouterr().out
    assert "“S-TRAINS”. Write `S-TRAIN`. [clause.probe-unknown]" in said
    assert "The code sets “theme”, which is not declared." in said
    assert "The code calls “whatsapp” at graph.facebook.com, lookaside.fbsbx.com, not here." in said
    assert said.endswith("3 to mend, 7 to look at.\n")


def test_a_new_recipient_of_the_code_is_missed_in_every_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "_recipients", dict(rules._recipients))
    outgoing.register_recipient("statistics", hosts=("ads.example",))
    found = linting.lint_text(DEFAULT, inventory=inventory.of_running_code())
    errors = [one.wrong for one in found if one.severity is linting.Severity.ERROR]
    assert errors == ["The code can call ads.example, which is no recipient's."]
    named = changed(
        (
            "  mail:      {is",
            "  statistics: {is: dpv:DataProcessor, gets: [usage], in: [IN], contract: required, host: ads.example, name: Ads}\n  mail:      {is",
        )
    )
    found = linting.lint_text(named, inventory=inventory.of_running_code())
    assert [one.wrong for one in found if one.check.startswith("code.host-und")] == []


def test_a_reader_who_goes_away_is_no_fault(tmp_path: Path) -> None:
    """`amanat policy coverage | head -1`."""
    reading_end, writing_end = os.pipe()
    os.close(reading_end)
    ended = subprocess.run(
        [sys.executable, "-m", "amanat", "policy", "render", "default"],
        stdout=writing_end, stderr=subprocess.PIPE, text=True, check=False, env={**os.environ, "AMANAT_DATA": str(tmp_path / "data")},
    )  # fmt: skip
    os.close(writing_end)
    assert (ended.returncode, ended.stderr) == (commands.UNREAD, "")


def test_a_ready_policy_is_read_whole_by_its_name_or_its_file() -> None:
    """What stands in the file of a trade is only where it differs from the default."""
    by_name, well = policies.run("lint", [Path("csc-centre")])
    assert well and by_name.endswith("to look at.")
    by_file, _well = policies.run("lint", [READY / "csc-centre.yaml"])
    assert [line.partition(": ")[2] for line in by_file.splitlines()] == [
        line.partition(": ")[2] for line in by_name.splitlines()
    ]
    with pytest.raises(Refused, match="There is no file"):
        policies.run("render", [Path("no-such-trade")])
