"""`amanat policy publish` and `export`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from amanat.accounts.models import Workspace
from amanat.core import ids, tenancy
from amanat.operations import Refused, cli, commands, publications
from amanat.policy import linting
from amanat.publishing import versions
from amanat.publishing.tests.samples import LONGER, SOURCE, WIDER, changed


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(SOURCE, "utf-8")
    return path


def count(workspace: Workspace) -> int:
    with tenancy.inside(workspace):
        return int(versions.all_of(workspace).count())


def test_a_file_is_published_and_the_same_again_is_not(shree: Workspace, file: Path) -> None:
    text, well = publications.publish(shree.pk, file)
    assert well and text.startswith("Version 1 holds from ")
    text, well = publications.publish(shree.pk, file)
    assert well and text == "Nothing to publish: version 1 says exactly the same."
    assert count(shree) == 1


def test_a_dry_run_says_what_would_follow_and_changes_nothing(shree: Workspace, file: Path) -> None:
    publications.publish(shree.pk, file)
    file.write_text(changed(LONGER, WIDER), "utf-8")
    text, well = publications.publish(shree.pk, file, dry_run=True)
    assert well and text.startswith("Version 2 would hold from ") and text.endswith("Nothing was changed.")
    assert "How long content is kept after closure: 30 days became 60 days." in text
    assert "asked anew: marketing." in text and "The members are mailed." in text
    assert count(shree) == 1


def test_what_is_wrong_is_named_with_its_line_and_nothing_is_published(shree: Workspace, file: Path) -> None:
    file.write_text(changed(("min_age: 18", "min_age: 12")), "utf-8")
    text, well = publications.publish(shree.pk, file)
    assert not well and f"{file}: line " in text and text.endswith("Nothing was published.")
    file.write_text("not a policy", "utf-8")
    assert publications.publish(shree.pk, file)[1] is False
    assert count(shree) == 0


def test_a_missing_file_or_workspace_is_refused(shree: Workspace, file: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="There is no file"):
        publications.publish(shree.pk, tmp_path / "nothing.yaml")
    for action in (publications.publish, publications.export):
        with pytest.raises(Refused, match="There is no workspace"):
            action(ids.new(), file)


@pytest.mark.slow
def test_every_version_is_taken_out_whole(shree: Workspace, file: Path, tmp_path: Path) -> None:
    publications.publish(shree.pk, file)
    file.write_text(changed(LONGER), "utf-8")
    publications.publish(shree.pk, file)
    assert publications.export(shree.pk, tmp_path / "out") == f"2 versions written to {tmp_path / 'out'}."
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"versions.json"} | {
        f"version-{n}.{end}" for n in (1, 2) for end in ("yaml", "json", "en.txt", "hi.txt", "mr.txt")
    }
    assert (tmp_path / "out" / "version-2.yaml").read_text("utf-8") == changed(LONGER)
    assert linting.lint_text((tmp_path / "out" / "version-1.yaml").read_text("utf-8")) == linting.lint_text(SOURCE)
    index = json.loads((tmp_path / "out" / "versions.json").read_text("utf-8"))
    assert [entry["number"] for entry in index] == [1, 2]
    document = json.loads((tmp_path / "out" / "version-2.json").read_text("utf-8"))
    assert document.pop("hash") == f"sha256:{index[1]['sha256']}"
    canonical = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    assert hashlib.sha256(canonical).hexdigest() == index[1]["sha256"], "anyone can check the hash"


def test_the_command_asks_for_a_workspace(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["policy", "publish", "x.yaml"]) == commands.USAGE
    assert cli.main(["policy", "export", "one", "two", "--workspace", str(ids.new())]) == commands.USAGE
    assert "--workspace ID" in capsys.readouterr().err


def test_an_export_goes_into_a_folder_that_can_be_written_to(shree: Workspace, file: Path) -> None:
    publications.publish(shree.pk, file)
    for there in (file, file / "below"):
        with pytest.raises(Refused, match="is a file: name a folder"):
            publications.export(shree.pk, there)
    assert file.read_text("utf-8") == SOURCE
    with pytest.raises(Refused, match=r"^Nothing can be written to /proc/versions: .*Name another folder\.$"):
        publications.export(shree.pk, Path("/proc/versions"))
