"""Every command in this process: its words, what it calls, what it prints and ends with. Nothing is started."""

import argparse
import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from amanat.core import configuration
from amanat.core.configuration import Configuration, ConfigurationError
from amanat.operations import Refused, backup, cli, commands, doctor, nightly, postgres, restore, services, swapping
from amanat.operations.archive import keeping, rewinding
from amanat.operations.doctor import Finding, Report
from amanat.operations.tests import places

AN_ID = "01a20158-1bc1-706b-906e-2a0dc3a7b8b3"


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Configuration:
    """What `--data` says. The settings of the test run are put back afterwards."""
    found = places.install(place)
    for name in ("AMANAT_DATA", "AMANAT_PORT", "AMANAT_HOST"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(configuration, "adopt", lambda **changes: found)
    monkeypatch.setattr(cli.settings, "adopt", lambda **changes: found)
    monkeypatch.setattr(cli.os, "umask", lambda mask: 0)

    class Nothing:
        def __enter__(self) -> None: ...
        def __exit__(self, *words: object) -> None: ...

    monkeypatch.setattr(postgres, "using", lambda configuration, new=False: Nothing())
    return found


Called = list[tuple[Any, ...]]


@pytest.fixture
def called() -> Called:
    return []


def noting(called: Called, answer: Any = "done") -> Any:
    def call(*words: Any, **more: Any) -> Any:
        called.append((*words[1:], *sorted(more.items())))
        return answer

    return call


# --- backup and restore ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "function", "arguments"),
    [
        (["backup", "x.amanat"], (backup, "save"), (Path("x.amanat"),)),
        (["backup", "--check", "x.amanat"], (nightly, "try_out"), (Path("x.amanat"),)),
        (["restore", "x.amanat"], (restore, "bring_back"), (Path("x.amanat"), ("replace", False))),
        (["restore", "x.amanat", "--replace"], (restore, "bring_back"), (Path("x.amanat"), ("replace", True))),
        (["restore", "--replace", "x.amanat"], (restore, "bring_back"), (Path("x.amanat"), ("replace", True))),
        (
            ["restore", "--to", "2026-11-22T10:15+05:30"],
            (rewinding, "bring_back"),
            (datetime(2026, 11, 22, 4, 45, tzinfo=UTC), ("replace", False)),
        ),
        (
            ["restore", "--to=2026-11-22T10:15Z", "--replace"],
            (rewinding, "bring_back"),
            (datetime(2026, 11, 22, 10, 15, tzinfo=UTC), ("replace", True)),
        ),
    ],
)
def test_words_become_one_call_and_its_sentence_is_printed(
    here: Configuration,
    called: Called,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    words: list[str],
    function: tuple[Any, str],
    arguments: tuple[Any, ...],
) -> None:
    monkeypatch.setattr(*function, noting(called, "A sentence."))
    assert cli.main(words) == commands.DONE
    assert called == [arguments]
    assert capsys.readouterr().out == "A sentence.\n"


def test_tonights_backup_is_made_by_its_own_rule(
    here: Configuration, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nightly, "run", noting(called, "Made."))
    assert cli.main(["backup", "--nightly"]) == commands.DONE
    [[at]] = called
    assert at.tzinfo is not None


@pytest.mark.parametrize(
    "words",
    [
        ["restore"],
        ["restore", "a", "b"],
        ["restore", "a", "--to", "2026-11-22"],
        ["restore", "--to"],
        ["backup", "a", "--nightly"],
        ["archive", "status"],
        ["archive", "--json"],
        ["keys"],
        ["keys", "rotate", "--workspace", "7"],
        ["keys", "burn"],
        ["ledger"],
        ["up", "--port", "x"],
        ["up", "extra"],
        ["doctor", "--nonsense"],
        ["messages", "--add", "gu"],
        ["nonsense"],
    ],
)
def test_words_that_make_no_sense_end_with_2_and_do_nothing(
    here: Configuration, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == commands.USAGE
    assert "usage: amanat" in capsys.readouterr().err
    assert not here.data.exists()


def test_a_moment_that_is_not_understood_is_refused_before_anything_is_read(
    here: Configuration, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["restore", "--to", "yesterday"]) == commands.CANNOT
    assert capsys.readouterr().err.startswith("The moment 'yesterday' is not understood")


@pytest.mark.parametrize("problem", [Refused("One sentence."), ConfigurationError("One sentence.")])
@pytest.mark.parametrize("words", [["backup", "x"], ["restore", "x"], ["restore", "--to", "2026-11-22"], ["archive"]])
def test_what_cannot_be_done_is_said_on_the_error_output_and_ends_with_3(
    here: Configuration,
    problem: Exception,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(*words: object, **more: object) -> None:
        raise problem

    for module, name in ((backup, "save"), (restore, "bring_back"), (rewinding, "bring_back"), (keeping, "run")):
        monkeypatch.setattr(module, name, refuse)
    assert cli.main(words) == commands.CANNOT
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "One sentence.\n")


def test_an_interrupt_ends_with_130(here: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*words: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(backup, "save", interrupted)
    assert cli.main(["backup", "x"]) == commands.INTERRUPTED == 130


# --- services ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", ["web", "live", "worker"])
def test_a_service_starts_with_the_settings_and_never_over_a_half_done_restore(
    here: Configuration,
    called: Called,
    service: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(services, service, lambda configuration: called.append((configuration,)))
    assert cli.main([service]) == commands.DONE
    assert called == [(here,)]
    mark = swapping.restored_mark(here)
    mark.parent.mkdir(exist_ok=True)
    mark.write_text("{}")
    assert cli.main([service]) == commands.CANNOT
    assert "A restore was broken off near its end" in capsys.readouterr().err
    assert len(called) == 1


def test_the_archive_is_a_service_too(here: Configuration, called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "run", lambda configuration: called.append((configuration,)))
    assert cli.main(["archive"]) == commands.DONE
    assert called == [(here,)]


def test_up_makes_what_secrets_are_missing_and_supervises(
    here: Configuration, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    from amanat.operations import supervisor

    here.secret_key_file.unlink()
    monkeypatch.setattr(supervisor.Supervisor, "run", lambda self: called.append((self._configuration,)))
    assert cli.main([]) == commands.DONE
    assert called == [(here,)]
    assert here.secret_key_file.exists()


# --- what is told ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("states", "code"),
    [(["ok"], 0), (["ok", "warn"], 0), (["warn"], 0), (["ok", "fail"], 1), (["fail", "fail"], 1)],
)
def test_the_doctor_ends_with_1_when_something_failed_and_only_then(
    here: Configuration,
    states: list[Any],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    findings = tuple(Finding(f"check {n}", state, "It is so.", "Mend it.") for n, state in enumerate(states))
    monkeypatch.setattr(doctor, "examine", lambda configuration, asks_dns: Report(findings))
    assert cli.main(["doctor", "--json"]) == code
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"ok", "version", "checks"}
    assert told["ok"] == (code == 0)
    assert [check["state"] for check in told["checks"]] == states
    assert all(set(check) == {"name", "state", "sentence", "mend"} for check in told["checks"])
    assert cli.main(["doctor"]) == code
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith("      →")] == states


@pytest.mark.parametrize(("ok", "code"), [(True, 0), (False, 1)])
def test_the_ledger_ends_with_1_when_it_is_broken(
    here: Configuration, ok: bool, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from amanat.operations import ledgers

    report = SimpleNamespace(ok=ok, as_json=lambda: {"ok": ok}, as_text=lambda: "Words.")
    monkeypatch.setattr(services, "set_up_django", lambda: None)
    monkeypatch.setattr(ledgers, "verify", lambda: report)
    assert cli.main(["ledger", "verify"]) == code
    assert capsys.readouterr().out == "Words.\n"
    assert cli.main(["ledger", "verify", "--json"]) == code
    assert json.loads(capsys.readouterr().out) == {"ok": ok}


@pytest.mark.parametrize(
    ("words", "calls"),
    [
        (["status"], []),
        (["rotate"], [("rotate", None, True)]),
        (["rotate", "--no-wait"], [("rotate", None, False)]),
        (["rotate", "--workspace", AN_ID], [("rotate", UUID(AN_ID), True)]),
        (["rotate-root"], [("rotate-root",)]),
    ],
)
def test_keys_are_shown_after_whatever_was_done(
    here: Configuration,
    called: Called,
    *,
    words: list[str],
    calls: Called,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from amanat.operations import keys

    monkeypatch.setattr(services, "set_up_django", lambda: None)
    monkeypatch.setattr(keys, "rotate", lambda only, *, wait, say: called.append(("rotate", only, wait)))
    monkeypatch.setattr(keys, "rotate_root", lambda configuration, *, say: called.append(("rotate-root",)))
    monkeypatch.setattr(
        keys, "status", lambda configuration: SimpleNamespace(as_json=lambda: {"rings": []}, as_text=lambda: "Rings.")
    )
    assert cli.main(["keys", *words]) == commands.DONE
    assert (called, capsys.readouterr().out) == (calls, "Rings.\n")
    assert cli.main(["keys", "status", "--json"]) == commands.DONE
    assert json.loads(capsys.readouterr().out) == {"rings": []}


@pytest.mark.parametrize(
    ("words", "quick", "rest"),
    [
        ([], False, []),
        (["--quick"], True, []),
        (["--quick", "-k", "merge"], True, ["-k", "merge"]),
        (["amanat/people", "--quick", "-x"], True, ["amanat/people", "-x"]),
        (["--", "--quick"], True, []),
        (["--durations=3"], False, ["--durations=3"]),
    ],
)
def test_the_words_of_tests_go_to_pytest_except_ours(
    here: Configuration,
    called: Called,
    *,
    words: list[str],
    quick: bool,
    rest: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from amanat.operations import testrun

    def note(*, quick: bool, pytest_arguments: list[str]) -> int:
        called.append((quick, pytest_arguments))
        return 1

    monkeypatch.setattr(testrun, "run", note)
    assert cli.main(["test", *words]) == 1
    assert called == [(quick, rest)]


def test_the_words_of_the_bench_go_to_the_bench(
    here: Configuration, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    from amanat.operations import bench

    monkeypatch.setattr(bench, "main", lambda words: called.append(tuple(words)) or 0)
    assert cli.main(["bench", "--", "--rows", "10"]) == 0
    assert cli.main(["bench", "--rows", "10"]) == 0
    assert called == [("--rows", "10")] * 2


def test_every_command_has_a_sentence_and_its_own_help(capsys: pytest.CaptureFixture[str]) -> None:
    parser = cli._parser()
    [commands] = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    names = list(commands.choices)
    assert {"up", "archive", "restore", "backup", "doctor"} <= set(names)
    for name in names:
        with pytest.raises(SystemExit) as ended:
            parser.parse_args([name, "--help"])
        assert ended.value.code == 0
        assert "--data" in capsys.readouterr().out


@pytest.mark.slow  # a process with Django
def test_a_web_server_by_itself_has_its_styles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`./run web` on a machine where `./run up` never ran, as behind a database server of one's own."""
    here = dataclasses.replace(configuration.current(), data=tmp_path)
    monkeypatch.setenv("AMANAT_DATA", str(tmp_path))
    services._collect_files(here)
    assert list(tmp_path.glob("static/web/css/*.css"))
