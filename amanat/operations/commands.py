"""What each command of `amanat` does: calls one function, prints what came of it, returns the exit code."""

import argparse
import json
import sys
import tempfile
from datetime import timedelta

from amanat import __version__
from amanat.core import clock
from amanat.core import configuration as settings
from amanat.core.configuration import Configuration
from amanat.operations import Refused, services
from amanat.policy.inventory import Inventory

# The rest is imported by the command that needs it: the web server and the supervisor live long and should stay small.

#: What a command ends with.
DONE, FAILED, USAGE, CANNOT, INTERRUPTED, UNREAD = 0, 1, 2, 3, 130, 141


def up(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations import supervisor

    settings.ensure_secrets(configuration)
    supervisor.Supervisor(configuration).run()
    return DONE


def _require_finished_restore(configuration: Configuration) -> None:
    from amanat.operations import swapping

    if swapping.restored_mark(configuration).exists():
        raise Refused("A restore was broken off near its end: start with ./run, which finishes it first.")


def web(options: argparse.Namespace, configuration: Configuration) -> int:
    _require_finished_restore(configuration)
    services.web(configuration)
    return DONE


def live(options: argparse.Namespace, configuration: Configuration) -> int:
    _require_finished_restore(configuration)
    services.live(configuration)
    return DONE


def worker(options: argparse.Namespace, configuration: Configuration) -> int:
    _require_finished_restore(configuration)
    services.worker(configuration)
    return DONE


def sandbox(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.messaging.sandbox import running

    clock.shift(timedelta(seconds=configuration.time_offset))
    running.run(port=configuration.sandbox_port, folder=configuration.data / "sandbox")
    return DONE


def archive(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations.archive import keeping

    keeping.run(configuration)
    return DONE


def migrate(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations import migrate, postgres

    settings.ensure_secrets(configuration)
    with postgres.using(configuration, new=True):
        migrate.run(verbosity=1)
    return DONE


def doctor(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations import doctor

    if options.texts:
        print(json.dumps(doctor.texts_to_register(), indent=2, ensure_ascii=False))
        return DONE
    report = doctor.examine(configuration, asks_dns=options.mail_dns)
    print(json.dumps(report.as_json(), indent=2) if options.json else report.as_text())
    return DONE if report.ok else FAILED


def demo(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations import migrate, postgres

    settings.ensure_secrets(configuration)
    with postgres.using(configuration, new=True), migrate.one_at_a_time(configuration, "demo"):
        migrate.run()
        from amanat.operations import demo  # needs Django, set up above

        result = demo.remove() if options.remove else demo.make()
    print(json.dumps(result) if options.json else demo.as_text(result))
    return DONE


def bench(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations import bench  # has an installation of its own

    return bench.main([word for word in options.rest if word != "--"])


def backup(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations import backup, nightly, postgres

    with postgres.using(configuration):
        if options.nightly:
            print(nightly.run(configuration, clock.now()))
        else:
            print((nightly.try_out if options.check else backup.save)(configuration, options.file))
    return DONE


def restore(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations import restore

    if options.to:
        from amanat.operations.archive import rewinding

        moment = rewinding.parse_moment(options.to)
        print(rewinding.bring_back(configuration, moment, replace=options.replace))
    else:
        print(restore.bring_back(configuration, options.file, replace=options.replace))
    return DONE


def ledger(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations import postgres

    with postgres.using(configuration):
        services.set_up_django()
        from amanat.operations import ledgers  # needs Django, set up above

        report = ledgers.verify()
    print(json.dumps(report.as_json(), indent=2) if options.json else report.as_text())
    return DONE if report.ok else FAILED


def keys(options: argparse.Namespace, configuration: Configuration) -> int:
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


def test(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations import testrun

    return testrun.run(quick=options.quick, pytest_arguments=[word for word in options.rest if word != "--"])


def canary(options: argparse.Namespace, configuration: Configuration) -> int:
    """0 when what was asked is so: planted, nothing found, erased with certificates."""
    from amanat.operations import canaries

    if options.backup and options.action != "search":
        raise Refused("--backup says where to search: `amanat canary search --backup FILE`.")
    if options.action == "plant":
        is_so, told = True, canaries.plant(configuration, options.workspace)
    elif options.action == "erase":
        is_so, told = canaries.erase(configuration, options.workspace)
    elif options.backup:
        is_so, told = canaries.in_backup(configuration, options.backup)
    else:
        is_so, told = canaries.search(configuration, options.workspace)
    print(told)
    return DONE if is_so else FAILED


def incident(options: argparse.Namespace, configuration: Configuration) -> int:
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


def policy(options: argparse.Namespace, configuration: Configuration) -> int:
    if options.action in {"prove", "coverage"}:
        return _proof_of_policy(options, configuration)
    from amanat.operations import policies

    try:
        if options.action in policies.OF_A_WORKSPACE:
            text, well = _policy_of_a_workspace(options, configuration)
        else:
            text, well = policies.run(
                options.action,
                options.files,
                options.lang,
                as_json=options.format == "json",
                inventory=lambda: _running_code(configuration),
            )
    except policies.WrongCount as wrong:
        print(wrong, file=sys.stderr)
        return USAGE
    print(text)
    return DONE if well else FAILED


def _running_code(configuration: Configuration) -> Inventory:
    """What a policy is compared with."""
    _ask_the_program(configuration)
    from amanat.publishing import inventory  # needs Django, set up above

    return inventory.of_running_code()


def _ask_the_program(configuration: Configuration) -> None:
    """Django for what asks only after the program's declarations: also where nothing was ever started, as on the machine of
    whoever writes a policy. There it gets keys that are thrown away at once, and leaves nothing behind."""
    if configuration.secret_key_file.exists():
        services.set_up_django()
        return
    with tempfile.TemporaryDirectory() as folder:
        settings.ensure_secrets(settings.adopt(AMANAT_DATA=f"{folder}/data"))
        services.set_up_django()


def _policy_of_a_workspace(options: argparse.Namespace, configuration: Configuration) -> tuple[str, bool]:
    from amanat.operations import policies, postgres

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
        _ask_the_program(configuration)
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


def messages(options: argparse.Namespace, configuration: Configuration) -> int:
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


def shell(options: argparse.Namespace, configuration: Configuration) -> int:
    from amanat.operations import postgres

    with postgres.using(configuration):
        services.set_up_django()
        from django.core.management import call_command

        call_command("shell")
    return DONE


def version(options: argparse.Namespace, configuration: Configuration) -> int:
    print(f"Amanat {__version__}")
    return DONE
