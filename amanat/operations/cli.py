"""The command `amanat` (`./run` passes its arguments here): reads the words and calls what `commands` has for them."""

import argparse
import errno
import getpass
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

from amanat.core import configuration as settings
from amanat.core.configuration import Configuration, ConfigurationError
from amanat.operations import Refused, commands

EXIT_CODES = """exit codes:
  0    done, or all is well
  1    a check or test failed
  2    the words were not understood
  3    it cannot be done now; the sentence printed says why and how to mend it
  130  interrupted
  141  whoever read the output went away before its end
"""
Command = Callable[[argparse.Namespace, Configuration], int]


_REFUSED_BY_THE_DISK = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC)
#: Commands that hand their options on, except ours.
WITH_OPTIONS_OF_THEIR_OWN = ("bench", "test")
OURS = ("--quick",)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()  # what is left of the output meets a closed pipe here, and not at the interpreter's end
    except BrokenPipeError:
        return _unread()


def _run(arguments: Sequence[str] | None) -> int:
    os.umask(0o077)  # whatever we write is ours alone
    given = _with_default(list(sys.argv[1:] if arguments is None else arguments))
    if given[0] in WITH_OPTIONS_OF_THEIR_OWN:  # a mark for argparse: what follows is not for us
        given = [
            given[0],
            *(word for word in given[1:] if word in OURS),
            "--",
            *(word for word in given[1:] if word not in OURS),
        ]
    options = _parser().parse_args(given)
    configuration: Configuration | None = None
    try:
        configuration = settings.adopt(**_changes(options))
        command: Command = options.run
        return command(options, configuration)
    except (ConfigurationError, Refused) as error:
        print(error, file=sys.stderr)
        return commands.CANNOT
    except OSError as error:
        if error.errno not in _REFUSED_BY_THE_DISK or not error.filename:
            raise
        print(_by_the_disk(error, configuration), file=sys.stderr)
        return commands.CANNOT
    except KeyboardInterrupt:
        return commands.INTERRUPTED


def _unread() -> int:
    """Whoever read our output went away, as `head` does when it has enough: that is no fault, and nothing more is said."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return commands.UNREAD


def _by_the_disk(error: OSError, configuration: Configuration | None) -> str:
    """What the operator can do about a file or folder that may not be used, or has no room."""
    path = str(error.filename)
    if error.errno == errno.ENOSPC:
        return f"The disk of {path} is full: make room on it, then start again."
    is_ours = configuration is not None and path.startswith((str(configuration.data), str(configuration.secrets)))
    other = ", or choose another place: --data FOLDER, or AMANAT_DATA" if is_ours else ""
    return f"{path} may not be used by {_user()}: give it to that user{other}."


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in containers a user may have a number only
        return f"user {os.getuid()}"


def _with_default(arguments: list[str]) -> list[str]:
    """No command means `up`."""
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in {"-h", "--help"}):
        return ["up", *arguments]
    return ["--help", *arguments[1:]] if arguments[0] == "help" else arguments


def _changes(options: argparse.Namespace) -> dict[str, str]:
    chosen = {"AMANAT_PORT": options.port, "AMANAT_DATA": options.data, "AMANAT_HOST": options.host}
    if options.sandbox:
        chosen["AMANAT_SANDBOX"] = "on"
    return {
        name: str(Path(value).absolute()) if name == "AMANAT_DATA" else str(value)
        for name, value in chosen.items()
        if value
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="amanat",
        description="Amanat, a CRM whose privacy policy is executable. Without a command it starts the site.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(port=None, data=None, host=None, sandbox=False)
    known = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, run: Command, sentence: str) -> argparse.ArgumentParser:
        added = known.add_parser(name, help=sentence, description=sentence)
        added.add_argument("--data", metavar="FOLDER", help="data folder, instead of the setting AMANAT_DATA")
        added.set_defaults(run=run)
        return added

    for name, run, sentence in (
        ("up", commands.up, "start the site: database, web, worker, live events; starts again what ends"),
        ("web", commands.web, "run the web server alone"),
        ("live", commands.live, "run the server of live events alone"),
    ):
        _add_serving(add(name, run, sentence), has_sandbox=name == "up")
    add("worker", commands.worker, "run the background jobs alone")
    sandbox = add("sandbox", commands.sandbox, "play the providers of messages on this machine: reaches nobody")
    sandbox.add_argument("--port", type=int, help="port of the site; the sandbox listens on the next but one")
    add("archive", commands.archive, "keep the log from which `restore --to` brings back a moment; a part of `up`")
    add("migrate", commands.migrate, "bring the database to this version")
    _add_doctor(add("doctor", commands.doctor, "check the installation and say how to mend what is wrong"))
    demo = add("demo", commands.demo, "fill a workspace with invented people, to try things out")
    _add_json(demo)
    demo.add_argument("--remove", action="store_true", help="remove the demonstration and everything in it")
    bench = add("bench", commands.bench, "measure the figures of docs/benchmarks.md on this machine")
    bench.add_argument("rest", nargs=argparse.REMAINDER, help="passed on; `bench -- --help` lists them")
    saving = add("backup", commands.backup, "save database and files into one encrypted, verified file")
    which = saving.add_mutually_exclusive_group(required=True)
    which.add_argument("file", type=Path, nargs="?", help="file to write; it must not exist yet")
    which.add_argument("--nightly", action="store_true", help="make tonight's now, in the folder of nightly ones")
    saving.add_argument("--check", action="store_true", help="read FILE and restore it for a trial, do not write it")
    restoring = add("restore", commands.restore, "bring back what `backup` saved, after checking all of it")
    what = restoring.add_mutually_exclusive_group(required=True)
    what.add_argument("file", type=Path, nargs="?", help="file that `backup` wrote")
    what.add_argument("--to", metavar="MOMENT", help="a moment of the last days, such as 2026-11-22T10:15+05:30")
    restoring.add_argument("--replace", action="store_true", help="replace the data that is here")
    keys = add("keys", commands.keys, "show, or replace, the keys that encrypt fields and files")
    keys.add_argument("action", choices=["status", "rotate", "rotate-root"], help="what to do")
    keys.add_argument("--workspace", type=UUID, metavar="ID", help="rotate the keys of this workspace alone")
    keys.add_argument("--no-wait", action="store_true", help="leave the old keys for a later run to destroy")
    _add_json(keys)
    ledger = add("ledger", commands.ledger, "verify that nobody changed the record of what happened")
    ledger.add_argument("action", choices=["verify"], help="recompute every chain and compare with the published heads")
    _add_json(ledger)
    testing = add("test", commands.test, "run linters, type checker and tests")
    testing.add_argument(
        "--quick", action="store_true", help="leave out what takes long: journeys, faults, walks through every route"
    )
    testing.add_argument("rest", nargs=argparse.REMAINDER, help="passed on to pytest; with any, only pytest runs")
    _add_policy(add("policy", commands.policy, "check, show, compare, merge, publish, export and prove policies"))
    _add_incident(add("incident", commands.incident, "practice what is done when data leaks; nobody is written to"))
    _add_canary(
        add("canary", commands.canary, "prove by a made-up person that an erasure reaches every table, file and log")
    )
    messages = add("messages", commands.messages, "find the texts of the program and bring the translations up to date")
    messages.add_argument("--add", nargs=2, metavar=("CODE", "NAME"), help="begin a language, such as `gu ગુજરાતી`")
    add("shell", commands.shell, "a Python prompt with the site's models, as the restricted role")
    add("version", commands.version, "print the version")
    return parser


def _add_serving(serving: argparse.ArgumentParser, *, has_sandbox: bool) -> None:
    serving.add_argument("--port", type=int, help="port to listen on (live events: the next one)")
    serving.add_argument("--host", help="address to listen on")
    if has_sandbox:
        serving.add_argument(
            "--sandbox", action="store_true", help="also play the providers of messages; reaches nobody"
        )


def _add_policy(policy: argparse.ArgumentParser) -> None:
    policy.add_argument(
        "action",
        choices=["lint", "render", "diff", "merge", "publish", "export", "prove", "coverage"],
        help="what to do",
    )
    policy.add_argument(
        "files",
        type=Path,
        nargs="*",
        metavar="FILE",
        help="lint, render, publish: one; diff: two; merge: all; export: a folder",
    )
    policy.add_argument("--lang", choices=["en", "hi", "mr"], default="en", help="render: language of the page")
    policy.add_argument("--format", choices=["text", "json", "markdown"], default="text", help="JSON for programs")
    policy.add_argument("--workspace", type=UUID, metavar="ID", help="publish, export, prove: whose policy")
    policy.add_argument("--out", type=Path, metavar="FILE", help="prove: where to write the signed proof, a ZIP")
    policy.add_argument("--dry-run", action="store_true", help="publish: say what would follow and change nothing")


def _add_incident(incident: argparse.ArgumentParser) -> None:
    incident.add_argument("action", choices=["drill"], help="go through a breach of the last day, marked as a drill")
    incident.add_argument("--workspace", type=UUID, metavar="ID", required=True, help="in this workspace")


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def _add_doctor(doctor: argparse.ArgumentParser) -> None:
    doctor.add_argument("--mail-dns", action="store_true", help="also ask the name servers for SPF, DKIM and DMARC")
    doctor.add_argument(
        "--texts", action="store_true", help="print the text messages that are to be registered with DLT"
    )
    _add_json(doctor)


def _add_canary(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["plant", "search", "erase"], help="put it in, look for its marks, erase it")
    parser.add_argument("--workspace", type=UUID, metavar="ID", required=True, help="in this workspace")
    parser.add_argument("--backup", type=Path, metavar="FILE", help="search: in the rows of this backup instead")
