"""`amanat doctor`: looks at everything a start depends on, says what is wrong and how to mend it. Changes nothing."""

import importlib.metadata
import re
import shutil
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

import psycopg

from amanat import __version__
from amanat.core import clock, database, safekeeping, texts_file
from amanat.core import configuration as settings
from amanat.core.configuration import CHECKOUT, Configuration, ConfigurationError
from amanat.operations import Refused, nightly, notes, ports, postgres, programs, services, wellness

State = Literal["ok", "warn", "fail"]
LITTLE_SPACE = 1 << 30
NO_SPACE = 100 << 20
CLOCK_TOLERANCE = 5.0  # seconds
MSG91_URL = "https://control.msg91.com"
_SEED = 32  # bytes of an Ed25519 key
WORKER_SILENCE = 60  # seconds; workers report every 10
NEWEST_MINOR = {15: "15.20", 16: "16.16", 17: "17.12", 18: "18.6"}


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    state: State
    sentence: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return all(finding.state != "fail" for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        checks = [{"name": f.name, "state": f.state, "sentence": f.sentence, "mend": f.mend} for f in self.findings]
        return {"ok": self.ok, "version": __version__, "checks": checks}

    def as_text(self) -> str:
        lines = []
        for finding in self.findings:
            lines.append(f"{finding.state:<5} {finding.name}: {finding.sentence}")
            if finding.mend:
                lines.append(f"      → {finding.mend}")
        return "\n".join(lines)


Check = Callable[[Configuration], Iterator[Finding]]


def examine(configuration: Configuration, *, asks_dns: bool = False) -> Report:
    """`asks_dns` also asks the name servers what the domains of workspaces' mail publish; else only the text provider's name is looked up."""
    findings = [finding for check in PLAIN_CHECKS for finding in _safely(check, configuration)]
    if configuration.is_embedded and not postgres.has_cluster(configuration):
        findings.append(
            Finding("database", "warn", "There is no database yet.", "Start Amanat once with ./run, which makes it.")
        )
        return Report(tuple(findings))
    try:
        with postgres.using(configuration):
            checks = (*DATABASE_CHECKS, *((_mail_domains,) if asks_dns else ()))
            findings += [finding for check in checks for finding in _safely(check, configuration)]
    except ConfigurationError as error:
        findings.append(Finding("database", "fail", str(error), "See postgres.log in the data folder."))
    return Report(tuple(findings))


def _safely(check: Check, configuration: Configuration) -> Iterator[Finding]:
    """A check that itself fails is a finding, not the end of the examination."""
    name = check.__name__.strip("_").replace("_", " ")
    try:
        yield from check(configuration)
    except (ConfigurationError, Refused) as error:
        yield Finding(name, "fail", str(error))
    except Exception as error:
        yield Finding(
            name,
            "fail",
            f"The check could not be carried out ({type(error).__name__}: {error}).",
            "Mend the above first.",
        )


def _python(configuration: Configuration) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 12) <= sys.version_info < (3, 15):
        yield Finding("python", "ok", f"Python {version}.")
    else:
        yield Finding("python", "fail", f"Python {version} is not supported.", "Use Python 3.12, 3.13 or 3.14.")


def _packages(configuration: Configuration) -> Iterator[Finding]:
    wrong = []
    lock = (CHECKOUT / "requirements.lock").read_text()
    pins = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(.*)$", lock, re.MULTILINE)
    for name, version, rest in pins:
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            if ";" not in rest:  # those with a condition may belong to another system
                wrong.append(f"{name} is missing")
        else:
            if installed != version:
                wrong.append(f"{name} is {installed} instead of {version}")
    if wrong:
        yield Finding("packages", "fail", f"{'; '.join(wrong[:5])}.", "Remove the .venv folder and start with ./run.")
    else:
        yield Finding("packages", "ok", f"All {len(pins)} packages are as requirements.lock says.")


def _keys(configuration: Configuration) -> Iterator[Finding]:
    folder = configuration.secrets
    if not folder.exists():
        yield Finding("keys", "warn", "There are no keys yet.", "Start Amanat once with ./run, which makes them.")
        return
    if folder.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Finding("keys", "fail", f"Others may look into {folder}.", f"chmod 700 '{folder}'")
    loose = [
        path for path in folder.iterdir() if path.is_file() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    ]
    for path in loose:
        yield Finding("keys", "fail", f"Others may read {path}.", f"chmod 600 '{path}'")
    for path in (configuration.secret_key_file, configuration.root_key_file, configuration.tombstone_key_file):
        if not path.exists():
            yield Finding("keys", "fail", f"{path} is missing.", "Put it back from where you keep it.")
    yield from _proof_key(configuration)
    if not loose:
        yield Finding("keys", "ok", f"Keys and passwords in {folder} are readable by their owner alone.")


def _proof_key(configuration: Configuration) -> Iterator[Finding]:
    """Without it no bundle of proof is signed; one made anew would not fit the bundles that people hold."""
    path = configuration.proof_key_file
    try:
        fault = "" if len(bytes.fromhex(path.read_text().strip())) == _SEED else "is damaged"
    except FileNotFoundError:
        fault = "is missing"
    except (OSError, ValueError):
        fault = "is damaged"
    if fault:
        mend = "Put it back from where you keep it; when there never was one, start Amanat once with ./run, which makes it."
        yield Finding("proof key", "fail", f"The key that signs proofs, {path}, {fault}.", mend)


def _space(configuration: Configuration) -> Iterator[Finding]:
    folder = next(path for path in (configuration.data, *configuration.data.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    told = f"{free / (1 << 30):.1f} GB free in {folder}."
    if free < NO_SPACE:
        yield Finding("space", "fail", told, "Free some space now: the database stops when there is none.")
    elif free < LITTLE_SPACE:
        yield Finding("space", "warn", told, "Free some space, or move the data folder to a larger disk.")
    else:
        yield Finding("space", "ok", told)


def _folder(configuration: Configuration) -> Iterator[Finding]:
    folder = configuration.data
    if not folder.exists():
        return
    trial = folder / ".doctor"
    try:
        trial.touch()
        trial.unlink()
    except OSError as error:
        yield Finding(
            "data folder",
            "fail",
            f"{folder} cannot be written ({error.strerror}).",
            "Give it to the user who runs Amanat.",
        )
    else:
        yield Finding("data folder", "ok", f"{folder} can be written.")


def _port(configuration: Configuration) -> Iterator[Finding]:
    if postgres.site_is_up(configuration):  # on the port it was started with, which this command may not have been told
        yield Finding("port", "ok", f"The site is up at {notes.address(configuration)}.")
        return
    if wellness.answers(configuration):
        yield Finding("port", "ok", f"The site is up on port {configuration.port}.")
        return
    for port in (configuration.port, configuration.live_port):
        problem = ports.problem(configuration.host, port)
        if problem:
            yield Finding("port", "warn", problem, "Give ./run another --port, or stop the other program.")
        else:
            yield Finding("port", "ok", f"Port {port} is free.")


def _mail(configuration: Configuration) -> Iterator[Finding]:
    if not configuration.smtp_host:
        yield Finding(
            "mail",
            "warn",
            "Mail is kept and not sent: no mail server is set.",
            "Set AMANAT_SMTP_HOST and its companions.",
        )
    elif configuration.smtp_tls == "none" and not settings.is_loopback(configuration.smtp_host):
        yield Finding("mail", "warn", "Mail leaves without encryption.", "Set AMANAT_SMTP_TLS to starttls or tls.")
    else:
        yield Finding("mail", "ok", f"Mail leaves through {configuration.smtp_host}, port {configuration.smtp_port}.")


def _texts(configuration: Configuration) -> Iterator[Finding]:
    """Whether codes reach telephones. Nothing is sent: the provider's name is looked up."""
    if configuration.texts_file is None:
        if settings.is_loopback(configuration.host_name) and not configuration.smtp_host:
            yield Finding("texts", "ok", "Text messages are kept and shown on this machine.")
        else:
            mend = "Set AMANAT_TEXTS_FILE; see “Codes by text message” in docs/operators.md."
            told = "Codes and warnings by text message reach nobody: they are kept, and shown to nobody."
            yield Finding("texts", "warn", told, mend)
        return
    try:
        file = texts_file.read(configuration.texts_file, data=configuration.data)
    except texts_file.WrongFile as wrong:
        yield Finding("texts", "fail", f"{str(wrong)[:1].upper()}{str(wrong)[1:]}", "Mend the file and start again.")
        return
    host = urlsplit(file.url or MSG91_URL).hostname or ""
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        yield Finding("texts", "warn", f"No name server knows {host}, which carries text messages.", "Mend “url”.")
    else:
        yield Finding("texts", "ok", f"Text messages leave through {host}, from {file.header}.")


def _text_templates(configuration: Configuration) -> Iterator[Finding]:
    """Whether each of our texts goes under an id of the register: operators in India drop the others."""
    if configuration.texts_file is None:
        return
    services.set_up_django()
    from amanat.messaging.channels import site_texts  # needs Django, set up above

    left = site_texts.unregistered(texts_file.read(configuration.texts_file, data=configuration.data))
    if left:
        told = f"{len(left)} texts of this site have no template id, so they do not leave for Indian numbers."
        yield Finding("text templates", "warn", told, "Register them and add them to the file: ./run doctor --texts")
    else:
        yield Finding("text templates", "ok", "Each text of this site has a template id.")


def texts_to_register() -> list[dict[str, str]]:
    """Our texts as the register takes them, in the form of the file's “templates”."""
    services.set_up_django()
    from amanat.messaging.channels import site_texts  # needs Django, set up above

    return [{"text": text, "template_id": ""} for _language, text in site_texts.registered()]


def _backups(configuration: Configuration) -> Iterator[Finding]:
    if not configuration.backup:
        mend = "Set AMANAT_BACKUP to on, unless something else saves database, files and keys every night."
        yield Finding("backups", "warn", "Nightly backups are switched off.", mend)
        return
    known, folder = nightly.state(configuration), configuration.backup_folder
    every = f"One is made every night at {configuration.backup_at:%H:%M} while ./run runs, or after its next start."
    if known.problem:
        yield Finding(
            "backups", "fail", f"The last nightly backup failed: {known.problem}", "Then: ./run backup --nightly"
        )
    elif not known.made_at:
        fresh = bool(known.since) and clock.now() - datetime.fromisoformat(known.since) < safekeeping.BACKUP_STALE
        yield Finding("backups", "ok" if fresh else "warn", "No nightly backup was made yet.", every)
    elif not (folder / known.file).exists():
        yield Finding(
            "backups", "fail", f"The newest backup, {folder / known.file}, is gone.", "./run backup --nightly"
        )
    else:
        old = clock.now() - datetime.fromisoformat(known.made_at)
        told = f"The newest backup is {old.total_seconds() / 3600:.0f} hours old: {folder / known.file}."
        tried = f" A restore was last tried on {known.trial_at[:10] or 'no day'}."
        yield Finding(
            "backups",
            "warn" if old > safekeeping.BACKUP_STALE else "ok",
            told + tried,
            every if old > safekeeping.BACKUP_STALE else "",
        )


def _archive(configuration: Configuration) -> Iterator[Finding]:
    if not safekeeping.archive_is_on(configuration):
        told = "No archive is kept, so only whole backups can be restored, not a point in time."
        if not configuration.is_embedded:
            told = "Restoring to a point in time is for your own database server to offer (pgBackRest, WAL-G)."
        mend = "" if not configuration.is_embedded else "Set AMANAT_ARCHIVE_DAYS to the days you want, 7 for instance."
        yield Finding("archive", "ok" if not mend else "warn", told, mend)
        return
    known = safekeeping.archive(configuration)
    trouble = known.problem or known.copy_problem
    if trouble:
        yield Finding("archive", "fail", f"The archive has a problem: {trouble}", "Mend that; it goes on by itself.")
    elif not known.copied_at:
        mend = "It begins a minute after ./run; then: ./run doctor"
        old = known.since and clock.now() - safekeeping.moment(known.since) > safekeeping.ARCHIVE_STALE
        yield Finding("archive", "warn" if old else "ok", "No moment can be restored from the archive yet.", mend)
    else:
        behind = clock.now() - safekeeping.moment(known.newest)
        told = f"The newest moment that can be restored is {_short(behind)} old; the last copy of the database is of {known.copied_at[:16]} UTC."
        stopped = behind > safekeeping.ARCHIVE_STALE and postgres.site_is_up(configuration)
        mend = "Look at what ./run says about the archive." if stopped else ""
        yield Finding("archive", "warn" if stopped else "ok", told, mend)


def _short(length: timedelta) -> str:
    seconds = max(0, int(length.total_seconds()))
    for size, word in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {word}"
    return f"{seconds} seconds"


def _server(configuration: Configuration) -> Iterator[Finding]:
    with _connected(configuration, "owner") as connection:
        version = connection.info.server_version
        told = f"PostgreSQL {version // 10000}.{version % 10000}."
        newest = NEWEST_MINOR.get(version // 10000, "")
        if version < programs.OLDEST_MAJOR * 10000:
            yield Finding(
                "database", "fail", f"{told[:-1]} is too old.", f"Use PostgreSQL {programs.OLDEST_MAJOR} or later."
            )
        elif newest and version % 10000 < int(newest.split(".")[1]):
            yield Finding("database", "warn", f"{told[:-1]} misses security fixes.", f"Update it to {newest} or later.")
        else:
            yield Finding("database", "ok", told)
        row = connection.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        apart = abs((datetime.now(UTC) - row[0]).total_seconds())
        state: State = "ok" if apart < CLOCK_TOLERANCE else "fail"
        yield Finding(
            "clock",
            state,
            f"The database's clock is {apart:.1f} s away.",
            "" if state == "ok" else "Set both clocks by NTP.",
        )


def _roles(configuration: Configuration) -> Iterator[Finding]:
    statement = (
        "SELECT rolsuper, rolbypassrls, rolcreaterole, pg_has_role(current_user, datdba, 'member'), "
        "(SELECT count(*) FROM pg_class c WHERE relowner = r.oid AND relnamespace = 'public'::regnamespace) "
        "FROM pg_roles r, pg_database WHERE rolname = current_user AND datname = current_database()"
    )
    with _connected(configuration, "app") as connection:
        row = connection.execute(statement).fetchone()
        assert row is not None
        name = connection.info.user
    faults = (
        "is a superuser",
        "bypasses row-level security",
        "may make roles",
        "owns the database",
        f"owns {row[4]} tables",
    )
    found = [fault for fault, is_so in zip(faults, row, strict=True) if is_so]
    if found:
        mend = f"Give the site a role without such rights (see docs/operators.md); workspaces are not walled off from {name}."
        yield Finding("roles", "fail", f"The site's role {name} {' and '.join(found)}.", mend)
    else:
        yield Finding("roles", "ok", f"The site's role {name} owns nothing and is bound by row-level security.")


def _schema(configuration: Configuration) -> Iterator[Finding]:
    services.set_up_django()
    from django.db import connections
    from django.db.migrations.executor import MigrationExecutor

    from amanat.core import schema

    executor = MigrationExecutor(connections["owner"])
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if pending:
        yield Finding(
            "migrations",
            "fail",
            f"{len(pending)} changes of tables are waiting.",
            "Run ./run migrate, or start with ./run.",
        )
        return
    yield Finding("migrations", "ok", "All tables are as this version wants them.")
    problems = schema.problems(using="owner")
    for problem in problems:
        yield Finding(
            "walls",
            "fail",
            f"{problem[:1].upper()}{problem[1:]}.",
            "Run ./run migrate, which protects every table again.",
        )
    if not problems:
        yield Finding("walls", "ok", "Row-level security is forced on every table of a workspace.")


def _worker(configuration: Configuration) -> Iterator[Finding]:
    with _connected(configuration, "owner") as connection:
        row = connection.execute(
            "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => %s)",
            [WORKER_SILENCE],
        ).fetchone()
    number = int(row[0]) if row else 0
    if number:
        yield Finding("worker", "ok", f"{number} worker{'s' if number > 1 else ''} reported within {WORKER_SILENCE} s.")
    elif postgres.site_is_up(configuration) or not configuration.is_embedded:
        yield Finding(
            "worker", "fail", "No worker reports: jobs wait.", "Start one with ./run worker, or restart ./run."
        )
    else:
        yield Finding("worker", "ok", "The site is not running, so there is no worker.")


def _mail_domains(configuration: Configuration) -> Iterator[Finding]:
    """SPF, DKIM and DMARC of every domain from which a workspace sends mail. Only the domain is named to the name servers."""
    services.set_up_django()
    from amanat.messaging.channels import mail_dns  # needs Django, set up above

    senders = mail_dns.senders()
    for sender in senders:
        try:
            for found in mail_dns.examine(sender.domain, provider=sender.provider, host=sender.host):
                state: State = "ok" if found.is_good else "warn"
                yield Finding(f"{found.name} of {sender.domain}", state, found.sentence, found.advice)
        except (LookupError, ValueError):
            yield Finding(f"mail of {sender.domain}", "warn", "No name server answered.", "Try again in a minute.")
    if not senders:
        yield Finding("mail domains", "ok", "No workspace has connected a mailbox.")


def _connected(configuration: Configuration, role: str) -> psycopg.Connection:
    return psycopg.connect(database.address(configuration, role), connect_timeout=10)


PLAIN_CHECKS: tuple[Check, ...] = (_python, _packages, _keys, _folder, _space, _backups, _archive, _port, _mail, _texts)
DATABASE_CHECKS: tuple[Check, ...] = (_server, _roles, _schema, _worker, _text_templates)
