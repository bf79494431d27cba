"""The command `amanat` (`./run` passes its arguments here): reads the words, calls one function, says what came of it."""

import argparse
import errno
import getpass
import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from amanat import __version__
from amanat.core import clock
from amanat.core import configuration as settings
from amanat.core.configuration import Configuration, ConfigurationError
from amanat.operations import Refused, services

# The rest is imported by the command that needs it: the web server and the supervisor live long and should stay small.

#: What the command ends with.
DONE, FAILED, USAGE, CANNOT, INTERRUPTED = 0, 1, 2, 3, 130
EXIT_CODES = """exit codes:
  0    done, or all is well
  1    a check or test failed
  2    the words were not understood
  3    it cannot be done now; the sentence printed says why and how to mend it
  130  interrupted
"""
Command = Callable[[argparse.Namespace, Configuration], int]


_REFUSED_BY_THE_DISK = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC)
#: Commands that hand their options on, except ours.
WITH_OPTIONS_OF_THEIR_OWN = ("bench", "test")
OURS = ("--quick",)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
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
        return CANNOT
    except OSError as error:
        if error.errno not in _REFUSED_BY_THE_DISK or not error.filename:
            raise
        print(_by_the_disk(error, configuration), file=sys.stderr)
        return CANNOT
    except KeyboardInterrupt:
        return INTERRUPTED


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
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, run: Command, sentence: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=sentence, description=sentence)
        added.add_argument("--data", metavar="FOLDER", help="data folder, instead of the setting AMANAT_DATA")
        added.set_defaults(run=run)
        return added

    for name, run, sentence in (
        ("up", _up, "start the site: database, web, worker, live events; starts again what ends"),
        ("web", _web, "run the web server alone"),
        ("live", _live, "run the server of live events alone"),
    ):
        _add_serving(add(name, run, sentence), has_sandbox=name == "up")
    add("worker", _worker, "run the background jobs alone")
    sandbox = add("sandbox", _sandbox, "play the providers of messages on this machine: reaches nobody")
    sandbox.add_argument("--port", type=int, help="port of the site; the sandbox listens on the next but one")
    add("archive", _archive, "keep the log from which `restore --to` brings back a moment; a part of `up`")
    add("migrate", _migrate, "bring the database to this version")
    _add_doctor(add("doctor", _doctor, "check the installation and say how to mend what is wrong"))
    demo = add("demo", _demo, "fill a workspace with invented people, to try things out")
    _add_json(demo)
    demo.add_argument("--remove", action="store_true", help="remove the demonstration and everything in it")
    bench = add("bench", _bench, "measure the figures of docs/benchmarks.md on this machine")
    bench.add_argument("rest", nargs=argparse.REMAINDER, help="passed on; `bench -- --help` lists them")
    saving = add("backup", _backup, "save database and files into one encrypted, verified file")
    which = saving.add_mutually_exclusive_group(required=True)
    which.add_argument("file", type=Path, nargs="?", help="file to write; it must not exist yet")
    which.add_argument("--nightly", action="store_true", help="make tonight's now, in the folder of nightly ones")
    saving.add_argument("--check", action="store_true", help="read FILE and restore it for a trial, do not write it")
    restoring = add("restore", _restore, "bring back what `backup` saved, after checking all of it")
    what = restoring.add_mutually_exclusive_group(required=True)
    what.add_argument("file", type=Path, nargs="?", help="file that `backup` wrote")
    what.add_argument("--to", metavar="MOMENT", help="a moment of the last days, such as 2026-11-22T10:15+05:30")
    restoring.add_argument("--replace", action="store_true", help="replace the data that is here")
    keys = add("keys", _keys, "show, or replace, the keys that encrypt fields and files")
    keys.add_argument("action", choices=["status", "rotate", "rotate-root"], help="what to do")
    keys.add_argument("--workspace", type=UUID, metavar="ID", help="rotate the keys of this workspace alone")
    keys.add_argument("--no-wait", action="store_true", help="leave the old keys for a later run to destroy")
    _add_json(keys)
    ledger = add("ledger", _ledger, "verify that nobody changed the record of what happened")
    ledger.add_argument("action", choices=["verify"], help="recompute every chain and compare with the published heads")
    _add_json(ledger)
    testing = add("test", _test, "run linters, type checker and tests")
    testing.add_argument(
        "--quick", action="store_true", help="leave out what takes long: journeys, faults, walks through every route"
    )
    testing.add_argument("rest", nargs=argparse.REMAINDER, help="passed on to pytest; with any, only pytest runs")
    _add_policy(add("policy", _policy, "check, show, compare, merge, publish, export and prove policies"))
    _add_incident(add("incident", _incident, "practice what is done when data leaks; nobody is written to"))
    _add_canary(add("canary", _canary, "prove by a made-up person that an erasure reaches every table, file and log"))
    messages = add("messages", _messages, "find the texts of the program and bring the translations up to date")
    messages.add_argument("--add", nargs=2, metavar=("CODE", "NAME"), help="begin a language, such as `gu ગુજરાતી`")
    add("shell", _shell, "a Python prompt with the site's models, as the restricted role")
    add("version", _version, "print the version")
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


def _up(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations import supervisor

    settings.ensure_secrets(configuration)
    supervisor.Supervisor(configuration).run()
    return DONE


def _require_finished_restore(configuration: Configuration) -> None:
    from amanat.operations import swapping

    if swapping.restored_mark(configuration).exists():
        raise Refused("A restore was broken off near its end: start with ./run, which finishes it first.")


def _web(options: argparse.Namespace, configuration: Configuration) -> int:
    _require_finished_restore(configuration)
    services.web(configuration)
    return DONE


def _live(options: argparse.Namespace, configuration: Configuration) -> int:
    _require_finished_restore(configuration)
    services.live(configuration)
    return DONE


def _worker(options: argparse.Namespace, configuration: Configuration) -> int:
    _require_finished_restore(configuration)
    services.worker(configuration)
    return DONE


def _sandbox(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.messaging.sandbox import running

    clock.shift(timedelta(seconds=configuration.time_offset))
    running.run(port=configuration.sandbox_port, folder=configuration.data / "sandbox")
    return DONE


def _archive(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations.archive import keeping

    keeping.run(configuration)
    return DONE


def _migrate(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations import migrate, postgres

    settings.ensure_secrets(configuration)
    with postgres.using(configuration, new=True):
        migrate.run(verbosity=1)
    return DONE


def _add_doctor(doctor: argparse.ArgumentParser) -> None:
    doctor.add_argument("--mail-dns", action="store_true", help="also ask the name servers for SPF, DKIM and DMARC")
    doctor.add_argument(
        "--texts", action="store_true", help="print the text messages that are to be registered with DLT"
    )
    _add_json(doctor)


def _doctor(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations import doctor

    if options.texts:
        print(json.dumps(doctor.texts_to_register(), indent=2, ensure_ascii=False))
        return DONE
    report = doctor.examine(configuration, asks_dns=options.mail_dns)
    print(json.dumps(report.as_json(), indent=2) if options.json else report.as_text())
    return DONE if report.ok else FAILED


def _demo(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations import migrate, postgres

    settings.ensure_secrets(configuration)
    with postgres.using(configuration, new=True), migrate.one_at_a_time(configuration, "demo"):
        migrate.run()
        from amanat.operations import demo  # needs Django, set up above

        result = demo.remove() if options.remove else demo.make()
    print(json.dumps(result) if options.json else demo.as_text(result))
    return DONE


def _bench(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations import bench  # has an installation of its own

    return bench.main([word for word in options.rest if word != "--"])


def _backup(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations import backup, nightly, postgres

    with postgres.using(configuration):
        if options.nightly:
            print(nightly.run(configuration, clock.now()))
        else:
            print((nightly.try_out if options.check else backup.save)(configuration, options.file))
    return DONE


def _restore(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations import restore

    if options.to:
        from amanat.operations.archive import rewinding

        moment = rewinding.parse_moment(options.to)
        print(rewinding.bring_back(configuration, moment, replace=options.replace))
    else:
        print(restore.bring_back(configuration, options.file, replace=options.replace))
    return DONE


def _ledger(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations import postgres

    with postgres.using(configuration):
        services.set_up_django()
        from amanat.operations import ledgers  # needs Django, set up above

        report = ledgers.verify()
    print(json.dumps(report.as_json(), indent=2) if options.json else report.as_text())
    return DONE if report.ok else FAILED


def _keys(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations import postgres

    with postgres.using(configuration):
        services.set_up_django()
        from amanat.operations import keys  # needs Django, set up above

        if options.action == "rotate":
            keys.rotate(options.workspace, wait=not options.no_wait, say=_say)
        elif options.action == "rotate-root":
            keys.rotate_root(configuration, say=_say)
        report = keys.status(configuration)
    print(json.dumps(report.as_json(), indent=2) if options.json else report.as_text())
    return DONE


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _test(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations import testrun

    return testrun.run(quick=options.quick, pytest_arguments=[word for word in options.rest if word != "--"])


def _add_canary(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["plant", "search", "erase"], help="put it in, look for its marks, erase it")
    parser.add_argument("--workspace", type=UUID, metavar="ID", required=True, help="in this workspace")


def _canary(options: argparse.Namespace, configuration: Configuration) -> int:
    """0 when what was asked is so: planted, nothing found, erased."""
    from amanat.operations import postgres

    with postgres.using(configuration):
        services.set_up_django()
        from amanat.privacy.erasure import canary  # needs Django, set up above

        if options.action == "plant":
            planted = canary.plant(options.workspace, at=clock.now())
            print(f"Planted in {len(planted.places)} tables; {len(planted.refused)} ask for more than a mark.")
            return DONE
        if options.action == "erase":
            erased = canary.erase(options.workspace, at=clock.now())
            print(f"{len(erased)} erased; now run `amanat canary search`.")
            return DONE if erased else FAILED
        seen = canary.search(options.workspace, configuration.data)
        for place, count in sorted(seen.places.items()):
            print(f"{place}: {count}")
        print(
            "\n".join(
                [
                    *seen.files,
                    f"{seen.read} files read, {len(seen.files)} with a mark, {len(seen.places)} places in tables.",
                ]
            )
        )
        return DONE if seen.is_clean else FAILED


def _incident(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations import postgres

    with postgres.using(configuration):
        services.set_up_django()
        from django.core.exceptions import ObjectDoesNotExist

        from amanat.privacy.incidents import drill  # needs Django, set up above

        try:
            print(drill.run(workspace_id=options.workspace, at=clock.now()).as_text())
        except ObjectDoesNotExist:
            raise Refused(f"There is no workspace {options.workspace} here.") from None
    return DONE


def _policy(options: argparse.Namespace, configuration: Configuration) -> int:
    if options.action in {"prove", "coverage"}:
        return _proof_of_policy(options, configuration)
    from amanat.operations import policies

    try:
        if options.action in policies.OF_A_WORKSPACE:
            text, well = _policy_of_a_workspace(options, configuration)
        else:
            text, well = policies.run(options.action, options.files, options.lang, as_json=options.format == "json")
    except policies.WrongCount as wrong:
        print(wrong, file=sys.stderr)
        return USAGE
    print(text)
    return DONE if well else FAILED


def _policy_of_a_workspace(options: argparse.Namespace, configuration: Configuration) -> tuple[str, bool]:
    from amanat.operations import policies, postgres, services

    if options.workspace is None or len(options.files) != 1:
        raise policies.WrongCount(f"policy {options.action} takes one path and --workspace ID.")
    with postgres.using(configuration):
        services.set_up_django()
        from amanat.operations import publications  # needs Django, set up above

        if options.action == "export":
            return publications.export(options.workspace, options.files[0]), True
        return publications.publish(options.workspace, options.files[0], dry_run=options.dry_run)


def _proof_of_policy(options: argparse.Namespace, configuration: Configuration) -> int:
    """`prove` asks the database; `coverage` only what the program registers."""
    if options.files or (options.action == "prove" and options.workspace is None):
        print(
            "policy prove takes --workspace ID, and --out FILE for the proof; policy coverage takes no file.",
            file=sys.stderr,
        )
        return USAGE
    if options.action == "coverage":
        services.set_up_django()
        from amanat.operations import proving  # needs Django, set up above

        print(proving.covered(options.format))
        return DONE
    from amanat.operations import postgres

    settings.ensure_secrets(configuration)
    with postgres.using(configuration):
        services.set_up_django()
        from amanat.operations import proving  # likewise

        text, well = proving.prove(options.workspace, options.out, as_json=options.format == "json")
    print(text)
    return DONE if well else FAILED


def _messages(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.core import catalogs
    from amanat.operations import messages

    try:
        if options.add:
            print(f"Begun: {messages.add(*options.add)}")
        for counts in messages.update():
            print(counts)
    except catalogs.CatalogInvalid as problem:
        raise Refused(str(problem)) from None
    return DONE


def _shell(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations import postgres

    with postgres.using(configuration):
        services.set_up_django()
        from django.core.management import call_command

        call_command("shell")
    return DONE


def _version(options: argparse.Namespace, configuration: Configuration) -> int:
    print(f"Amanat {__version__}")
    return DONE
