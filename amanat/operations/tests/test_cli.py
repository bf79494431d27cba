"""The command line's words and exit codes."""

import errno
import getpass
import os
from pathlib import Path

import pytest

from amanat import __version__
from amanat.core import configuration as settings
from amanat.operations import cli, commands
from amanat.operations.tests import places


def test_no_command_means_up_and_options_may_stand_alone() -> None:
    assert cli._with_default([]) == ["up"]
    assert cli._with_default(["--port", "9"]) == ["up", "--port", "9"]
    assert cli._with_default(["doctor"]) == ["doctor"]
    assert cli._with_default(["help"]) == ["--help"]


def test_options_become_settings_of_this_process_and_its_children() -> None:
    options = cli._parser().parse_args(["up", "--port", "9000", "--data", "/srv/x", "--host", "::1"])
    assert cli._changes(options) == {"AMANAT_PORT": "9000", "AMANAT_DATA": "/srv/x", "AMANAT_HOST": "::1"}
    assert cli._changes(cli._parser().parse_args(["up"])) == {}


def test_a_relative_data_folder_is_relative_to_where_the_command_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = cli._parser().parse_args(["backup", "--data", "here", "file"])
    assert cli._changes(options) == {"AMANAT_DATA": str(tmp_path / "here")}


@pytest.mark.parametrize("words", [["doctr"], ["up", "--prot", "1"], ["backup"], ["ledger", "burn"]])
def test_words_that_are_not_understood_end_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli._parser().parse_args(words)
    assert ended.value.code == commands.USAGE
    assert "usage:" in capsys.readouterr().err


def test_help_lists_commands_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["help"])
    assert ended.value.code == 0
    output = capsys.readouterr().out
    assert "verify that nobody changed" in output
    assert "exit codes:" in output


@pytest.mark.slow
def test_the_version_needs_no_installation(place: Path) -> None:
    assert places.run(place / "data", "version") == (0, f"Amanat {__version__}\n")
    assert list(place.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("words", [["restore", "nothing.amanat"], ["backup", "x.amanat"], ["web"], ["worker"]])
def test_what_cannot_be_done_is_one_sentence_and_3(place: Path, words: list[str]) -> None:
    code, output = places.run(place / "data", *words, by_itself=True)
    assert code == 3, output
    assert len(output.strip().splitlines()) == 1
    assert "Traceback" not in output
    assert not (place / "x.amanat").exists()


@pytest.mark.slow
def test_the_ledger_is_verified_and_a_changed_entry_named(place: Path) -> None:
    here = places.migrated(place)
    process = places.spawn(here.data, code=WRITE_LEDGER)
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 0, output
    code, output = places.run(here.data, "ledger", "verify", by_itself=True)
    assert code == 0, output
    assert "in 2 workspaces checked; 0 workspaces are broken." in output
    process = places.spawn(here.data, code=SPOIL_LEDGER)
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 0, output
    code, output = places.run(here.data, "ledger", "verify")
    assert code == 1
    assert "1 workspaces are broken." in output


WRITE_LEDGER = """
from amanat.core import configuration
from amanat.operations import postgres, services
with postgres.using(configuration.current()):
    services.set_up_django()
    from amanat.accounts.tests import factories
    from amanat.core import ledger
    for name in ("Shree CSC Kendra", "Other Traders"):
        assert ledger.seal(factories.make_workspace(name).pk) > 0
"""
SPOIL_LEDGER = """
import psycopg
from amanat.core import configuration, database
from amanat.operations import postgres
here = configuration.current()
with postgres.using(here), psycopg.connect(database.address(here, "superuser")) as connection:
    connection.execute("SET session_replication_role = replica")
    changed = connection.execute(
        "UPDATE core_ledgerentry SET at = at - interval '1 hour' WHERE id = (SELECT min(id::text)::uuid FROM core_ledgerentry WHERE number = 1)"
    )
    assert changed.rowcount == 1
"""


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (
            errno.EACCES,
            "{data} may not be used by {user}: give it to that user, or choose another place: --data FOLDER",
        ),
        (errno.EROFS, "{data} may not be used by {user}: give it to that user, or choose another place: --data FOLDER"),
        (errno.ENOSPC, "The disk of {data} is full: make room on it, then start again."),
    ],
)
def test_a_folder_that_cannot_be_written_ends_with_a_sentence(
    code: int, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in a checkout that belongs to somebody else."""
    data = tmp_path / "var"
    found = settings.load({"AMANAT_DATA": str(data)})

    def refused(_configuration: settings.Configuration) -> None:
        raise OSError(code, os.strerror(code), str(data))

    monkeypatch.setattr(settings, "adopt", lambda **_changes: found)
    monkeypatch.setattr(settings, "ensure_secrets", refused)
    assert cli.main(["up"]) == commands.CANNOT
    assert sentence.format(data=data, user=getpass.getuser()) in capsys.readouterr().err


def test_other_faults_of_files_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_configuration: settings.Configuration) -> None:
        raise FileNotFoundError(errno.ENOENT, "No such file", "/nowhere")

    monkeypatch.setattr(settings, "adopt", lambda **_changes: settings.current())
    monkeypatch.setattr(settings, "ensure_secrets", broken)
    with pytest.raises(FileNotFoundError):
        cli.main(["up"])
