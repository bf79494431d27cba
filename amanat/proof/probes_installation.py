"""Probes of the ground every workspace stands on: the wall, the ledger, encryption, copies, transport, logs, outgoing requests."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext_lazy as _

from amanat.core import (
    addresses,
    configuration,
    filelinks,
    files,
    filetypes,
    health,
    ids,
    jobs,
    ledger,
    logs,
    outgoing,
    safekeeping,
    schema,
    sealedobjects,
    vault,
)
from amanat.core.filetypes import FileRefused
from amanat.core.models_files import StoredFile
from amanat.core.schema import workspace_models
from amanat.core.vault import VaultRefused
from amanat.policy import linting
from amanat.policy.durations import Duration
from amanat.policy.linting import Severity
from amanat.policy.probing import Asked, Finding, Scope, probe
from amanat.proof import evidence, judging, listening, running

#: Sealed values and files that are opened in one run, of each column.
SAMPLE = 50
#: On Sundays, in UTC, the whole chain of evidence is recomputed.
WHOLE_ON, DAY = 6, timedelta(days=1)
_PLAIN = b"Xqzprobe Vwkcanary"
WORDS_OF_NOBODY = ("Asha Probe", "+919822000000", "asha.probe@example.in")


@probe(
    "core.wall",
    _("No workspace sees the rows of another"),
    keys=("S-ACCESS", "S-NEED", "B-PROC", "D-COMPET"),
    rules=("security.access",),
    minutes=6 * 60,
)
def wall(asked: Asked) -> Finding:
    """What the database's catalog says of every table, and what this very role sees of others, and of all without a workspace."""
    found = schema.problems()
    tables = [model._meta.db_table for model in workspace_models()]
    foreign = _count("SELECT 1 FROM {} WHERE workspace_id <> %(here)s", tables, asked.workspace_id)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL app.workspace = ''")
    unnamed = _count("SELECT 1 FROM {}", tables, asked.workspace_id)
    return Finding(
        not found and not foreign and not unnamed,
        _("{tables} tables walled off in the database, {problems} gaps; {foreign} tables show rows of others"),
        {"tables": len(tables), "problems": len(found), "foreign": foreign + unnamed},
    )


def _count(question: str, tables: Iterable[str], here: UUID) -> int:
    """Of how many tables the question finds a row."""
    asked = " UNION ALL ".join(f"(SELECT 1 WHERE EXISTS ({question.format(f'"{table}"')}))" for table in tables)
    with connection.cursor() as cursor:
        cursor.execute(asked, {"here": here})
        return len(cursor.fetchall())


@probe(
    "core.ledger",
    _("The ledger is whole"),
    keys=("S-MON", "T-ROPA"),
    rules=("security", "keep.evidence"),
)
def whole_ledger(asked: Asked) -> Finding:
    """The chain recomputed, at least once a week from its first entry, in between from where the last check came to, everything before
    compared by its fingerprint; its head compared with the one outside the database; and every table that is watched."""
    verdict, unwatched = ledger.verify(asked.workspace_id, whole=False), schema.unwatched()
    return Finding(
        verdict.is_intact and not unwatched,
        _(
            "{entries} entries of the ledger, none changed or missing; {recomputed} recomputed, the others compared; changes of {unwatched} tables are not written down"
        )
        if verdict.is_intact
        else _("the ledger is broken after {entries} entries"),
        {
            "entries": verdict.entries,
            "recomputed": max(verdict.entries + 1 - verdict.recomputed_from, 0),
            "unwatched": len(unwatched),
        },
    )


@probe(
    "core.append_only",
    _("Records of proof cannot be changed or deleted"),
    keys=("T-CONSREC",),
    rules=("keep.evidence",),
    scope=Scope.INSTALLATION,
)
def append_only(asked: Asked) -> Finding:
    """The application's own rights on the tables that are only ever added to, as the database states them."""
    tables = [model._meta.db_table for model in workspace_models() if getattr(model, "append_only", False)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM unnest(%s::text[]) AS held (name) WHERE has_table_privilege(name, 'DELETE') "
            "OR has_table_privilege(name, 'UPDATE') OR has_table_privilege(name, 'TRUNCATE')",
            [tables],
        )
        open_tables = cursor.fetchone()[0]
    return Finding(
        bool(tables) and not open_tables,
        _("{tables} tables of consents, evidence and entries; {open} of them could be changed"),
        {"tables": len(tables), "open": open_tables},
    )


@probe(
    "core.watched",
    _("The site is watched: workers answer, the ledger is sealed, copies are made"),
    keys=("S-MON",),
    rules=("security",),
    scope=Scope.INSTALLATION,
    minutes=15,
)
def watched(asked: Asked) -> Finding:
    state = health.state()
    troubles = safekeeping.troubles(settings.CONFIGURATION, _machine_time(asked.at))
    down = [part for part, is_well in state.items() if not is_well]
    return Finding(
        not down and not troubles,
        _("{parts} parts answer, {down} do not; {troubles} troubles with the copies"),
        {"parts": len(state), "down": len(down), "troubles": len(troubles)},
    )


def _machine_time(at: datetime) -> datetime:
    """Copies are stamped by the machine's own clock, whatever the site's was moved to for a demonstration."""
    return at - timedelta(seconds=settings.CONFIGURATION.time_offset)


@probe(
    "core.sealed",
    _("Sensitive values and files lie encrypted"),
    keys=("S-REST", "S-STORAGE"),
    rules=("security.at_rest",),
)
def sealed(asked: Asked) -> Finding:
    """A sample of every sealed column and of the files: each opens with its key, and its plaintext is not what is stored. A value and a
    file that are written now too."""
    tried, wrong = 1, int(_is_written_readable(asked.workspace_id))
    for column in vault.sealed_columns():
        if not column.is_system:
            manager: Any = column.model._default_manager
            rows = (
                manager.of(asked.workspace_id)
                .exclude(**{column.field: b""})
                .exclude(**{f"{column.field}__isnull": True})
            )
            for row in rows.order_by("-pk")[:SAMPLE]:
                tried, wrong = tried + 1, wrong + (not _is_sealed(row, column, asked.workspace_id))
    stored = list(StoredFile.objects.of(asked.workspace_id).order_by("-created_at")[:10])
    wrong_files = sum(not _is_sealed_file(file) for file in stored) + _is_file_written_readable(asked.workspace_id)
    root = Path(settings.ROOT_KEY_FILE)
    is_key_apart = settings.CONFIGURATION.data not in root.parents and not root.stat().st_mode & 0o077
    return Finding(
        not wrong and not wrong_files and is_key_apart,
        _("{values} sealed values and {files} files opened, {wrong} of them wrong; the root key lies apart"),
        {"values": tried, "files": len(stored) + 1, "wrong": wrong + wrong_files},
    )


def _is_written_readable(workspace_id: UUID) -> bool:
    token = vault.seal(_PLAIN, workspace_id=workspace_id, context="xqzprobe")
    return _PLAIN in token


def _is_file_written_readable(workspace_id: UUID) -> bool:
    """What the store holds of a file of nobody's, which is taken away again."""
    name = f"{workspace_id}/xqzprobe-{ids.new()}"
    sealedobjects.write(name, [_PLAIN], key=sealedobjects.new_key(), workspace_id=workspace_id)
    try:
        return _PLAIN in sealedobjects.stored_start(name, len(_PLAIN) + len(sealedobjects.MAGIC) + sealedobjects.TAG)
    finally:
        sealedobjects.delete([name])


def _is_sealed(row: Any, column: Any, workspace_id: UUID) -> bool:
    token = bytes(getattr(row, column.field))
    try:
        plain = vault.open(token, workspace_id=workspace_id, context=column.context_of(row))
    except VaultRefused:
        return False
    return plain not in token


def _is_sealed_file(file: StoredFile) -> bool:
    """What lies in the store is not the beginning of the file, and the file can be read."""
    begins = next(iter(files.read(file)), b"")[:64]
    lies = sealedobjects.stored_start(file.object_name, min(file.size, 4096))
    return bool(lies) and (len(begins) < 8 or begins not in lies)


@probe(
    "core.storage",
    _("Files are refused when dangerous and found by nobody's guess"),
    keys=("S-STORAGE",),
    rules=("security.at_rest",),
    scope=Scope.INSTALLATION,
)
def storage(asked: Asked) -> Finding:
    """The check of uploads refuses known test malware, programs and pages; links to files end; the folder is closed to others."""
    dangerous = {
        "letter.txt": b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*",
        "tool.pdf": b"MZ" + b"\0" * 200,
        "page.txt": b"<html><script>alert(1)</script></html>",
    }
    refused = sum(_is_refused(content, name) for name, content in dangerous.items())
    folder = Path(settings.FILES_ROOT)
    is_open = folder.exists() and bool(folder.stat().st_mode & 0o007) and not settings.S3_URL
    minutes = int(filelinks.LONGEST.total_seconds() // 60)
    return Finding(
        refused == len(dangerous) and not is_open and minutes <= 5,
        _("{refused} of {all} dangerous uploads refused; a link to a file ends after {minutes} minutes"),
        {"refused": refused, "all": len(dangerous), "minutes": minutes},
    )


def _is_refused(content: bytes, name: str) -> bool:
    try:
        filetypes.sniff(content, name)
    except FileRefused:
        return True
    return False


@probe(
    "core.backups",
    _("Copies are made and can be restored"),
    keys=("S-BACKUP", "S-BCP"),
    rules=("security.backup_every", "security.restore_test_every"),
    scope=Scope.INSTALLATION,
    minutes=60,
)
def backups(asked: Asked) -> Finding:
    """The last backup and the last trial restore, as their own state file tells, against the periods of the policy."""
    known, at = safekeeping.nightly(settings.CONFIGURATION), _machine_time(asked.at)
    made = _is_within(known.made_at or known.since, asked.policy.security.backup_every, at)
    tried = _is_within(known.trial_at or known.since, asked.policy.security.restore_test_every, at)
    is_there = not known.file or (settings.CONFIGURATION.backup_folder / known.file).exists()
    return Finding(
        settings.CONFIGURATION.backup and made and tried and is_there and not known.problem,
        _("last backup {made_at}, last restored for a trial {tried_at}; backups began {since_at}"),
        {"made_at": known.made_at or None, "tried_at": known.trial_at or None, "since_at": known.since or None},
    )


def _is_within(moment: str, period: Duration, at: datetime) -> bool:
    """Whether it happened within the period, and two hours for a backup to be made; at first, whether backups began so lately."""
    return bool(moment) and period.after(safekeeping.moment(moment)) + timedelta(hours=2) >= at


@probe(
    "core.logs",
    _("Logs and error reports name nobody"),
    keys=("F-PERFMON", "DATA amanat:LogRecord", "DATA amanat:ErrorReport", "DATA amanat:PerformanceRecord"),
    rules=("data.security", "purposes.security"),
    scope=Scope.INSTALLATION,
)
def logs_name_nobody(asked: Asked) -> Finding:
    """An error that quotes a person goes through the site's own formatter; whatever of the person comes out is counted."""
    target = io.StringIO()
    handler = logging.StreamHandler(target)
    handler.setFormatter(logs.Formatter())
    try:
        raise ValueError(f"Key (email)=({WORDS_OF_NOBODY[2]}) of {WORDS_OF_NOBODY[0]} already exists")
    except ValueError:
        record = logging.getLogger("django.request").makeRecord(
            "django.request", logging.ERROR, __file__, 0, "Failed for %s", (WORDS_OF_NOBODY[1],), _error()
        )
    handler.handle(record)
    _careless(handler)
    written = target.getvalue()
    told = sum(words in written for words in WORDS_OF_NOBODY)
    used = {type(one.formatter) for one in logging.getLogger().handlers if one.formatter}
    configured = settings.LOGGING["formatters"]["plain"]["()"] == "amanat.core.logs.Formatter"
    return Finding(
        told == 0 and "ValueError" in written and configured,
        _("an error with {planted} planted details was logged; {told} of them came through"),
        {"planted": len(WORDS_OF_NOBODY), "told": told, "formatters": len(used)},
    )


def _error() -> Any:
    return sys.exc_info()


def _careless(handler: logging.Handler) -> None:
    """A line of our own that says to which number and address something went."""
    _name, number, mail = WORDS_OF_NOBODY
    log = logging.getLogger("amanat.xqzprobe")
    line = log.makeRecord(log.name, logging.INFO, __file__, 0, f"sent to {number} and %s", (mail,), None)
    line.reason = f"{mail}, {number}"
    handler.handle(line)


@probe(
    "core.firewall",
    _("The program calls nobody undeclared and nothing on the inside"),
    keys=("S-FIREWALL",),
    rules=("security.egress",),
    scope=Scope.INSTALLATION,
)
def firewall(asked: Asked) -> Finding:
    """An undeclared recipient is refused before anything leaves; addresses of the inside are no public ones; whatever our own
    processes listen to besides the two ports of the settings, only this machine reaches."""
    inside = (
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "::1",
        "192.168.1.1",
    )
    through = [text for text in inside if (found := addresses.parse(text)) is None or addresses.is_public(found)]
    try:
        outgoing.send("GET", "https://undeclared.example/", recipient="nobody declared this")
        is_refused = False
    except outgoing.Refused:
        is_refused = True
    set_to = settings.CONFIGURATION
    doors = listening.ours()
    strange = [one for one in doors if not one.is_inside and one.port not in {set_to.port, set_to.live_port}]
    wider = [one for one in doors if not one.is_inside and configuration.is_loopback(set_to.host)]
    return Finding(
        is_refused and not through and not strange and not wider and asked.policy.security.egress == "recipients_only",
        _(
            "{recipients} recipients declared; an undeclared one was refused; {through} of {inside} inner addresses open; {doors} ports listen, {strange} of them are not in the settings"
        ),
        {
            "recipients": len(outgoing.recipients()),
            "inside": len(inside),
            "through": len(through),
            "doors": len(doors),
            "strange": len({*strange, *wider}),
        },
    )


@probe(
    "core.purposes",
    _("Whatever the program does by itself has a purpose"),
    keys=("P-OPERATE",),
    rules=("purposes.service",),
    scope=Scope.INSTALLATION,
)
def purposes(asked: Asked) -> Finding:
    """Every job that is known names why it may touch data; none in the queue is unknown."""
    known = jobs.registered()
    without = [name for name, one in known.items() if len(one.purpose.split()) < 3]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE NOT (task_name = ANY(%s)) AND status IN ('todo', 'doing')",
            [[*known, "builtin:procrastinate.builtin_tasks.remove_old_jobs"]],
        )
        unknown = cursor.fetchone()[0]
    return Finding(
        bool(known) and not without and not unknown,
        _("{jobs} kinds of jobs, {without} without a purpose; {unknown} unknown ones in the queue"),
        {"jobs": len(known), "without": len(without), "unknown": unknown},
    )


@probe(
    "proof.chain",
    _("The chain of evidence is whole, and every promise is checked in time"),
    keys=("COMMIT", "S-TOM"),
    rules=("security", "policy"),
    minutes=6 * 60,
)
def chain(asked: Asked) -> Finding:
    """The chain recomputed from the place that the ledger knew a day ago; once a week from its first row, gaps included. How many
    checks of the suite found something broken is for their own clauses."""
    since = None if asked.at.weekday() == WHOLE_ON else evidence.published_before(asked.workspace_id, asked.at - DAY)
    upto, problem = evidence.verify(asked.workspace_id, since=since)
    rows = upto - (since.number if since else 0)
    probes = running.applicable(asked.policy)
    newest = evidence.latest(asked.workspace_id, list(probes))
    late = sum(
        asked.at - found.at > judging.late_after(probes[name])
        for name, found in newest.items()
        if name != "proof.chain"
    )
    return Finding(
        not problem and not late,
        _("{rows} rows of evidence recomputed, none changed; {checks} checks, {late} of them late")
        if not problem
        else _("the chain of evidence is broken after {rows} rows"),
        {"rows": rows, "checks": len(probes), "late": late},
        is_due=not problem,  # what is late runs next: nothing was found broken by it
    )


@probe(
    "proof.lint",
    _("The policy in force says nothing that its rules or the law contradict"),
    keys=("P-BASIS", "B-CTRL", "X-SHIELD", "D-NORENT"),
    rules=("policy", "purposes"),
)
def linted(asked: Asked) -> Finding:
    """The linter's errors about rules and law; contact details that a new workspace has not told yet are their clauses' own."""
    errors = [one for one in linting.lint(asked.policy) if one.severity is Severity.ERROR and not _is_detail(one.path)]
    return Finding(
        not errors,
        _("{clauses} clauses compared with {purposes} purposes and the law, {errors} errors"),
        {"clauses": len(asked.policy.clauses), "purposes": len(asked.policy.purposes), "errors": len(errors)},
    )


def _is_detail(path: str) -> bool:
    return path.startswith("parties.")
