"""Probes of the ground: each turns red when what it watches is really broken."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pytest_django.fixtures import Settings

from amanat.accounts.models import Workspace
from amanat.core import addresses, clock, files, filetypes, jobs, ledger, safekeeping, sealedobjects, tenancy
from amanat.core.models_files import StoredFile
from amanat.policy import ready
from amanat.policy.format import Policy
from amanat.policy.probing import Asked, Finding, Run
from amanat.proof import evidence
from amanat.proof import probes_installation as probes
from amanat.proof.evidence import Ran
from amanat.proof.listening import Listening
from amanat.proof.models import Outcome

POLICY = ready.policy("default")


def ask(run: Run, workspace: Workspace, policy: Policy = POLICY) -> Finding:
    from django.db import transaction

    with tenancy.inside(workspace), transaction.atomic():
        found = run(Asked(workspace.id, policy, clock.now()))
        transaction.set_rollback(True)
    return found


def test_the_wall_stands(shree: Workspace, other: Workspace) -> None:
    found = ask(probes.wall, shree)
    assert found.is_kept, found.facts
    assert int(found.facts["tables"] or 0) > 50


@pytest.mark.slow("an altered catalog needs a committed database, which is emptied afterwards")
@pytest.mark.parametrize(
    ("gap", "mended"),
    [
        (
            "ALTER TABLE people_contact NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE people_contact FORCE ROW LEVEL SECURITY",
        ),
        (
            "CREATE POLICY hole ON core_tally TO amanat_app USING (true)",
            "DROP POLICY hole ON core_tally",
        ),
    ],
)
def test_a_gap_in_the_wall_is_found(
    committed_db: None, shree: Workspace, superuser: psycopg.Connection, gap: str, mended: str
) -> None:
    with tenancy.inside(shree):
        from amanat.core.models import Tally

        Tally.objects.create(workspace_id=shree.id, what="something", change=1)
    superuser.execute(gap)
    superuser.commit()
    try:
        assert not ask(probes.wall, shree).is_kept
    finally:
        superuser.execute(mended)
        superuser.commit()
    assert ask(probes.wall, shree).is_kept


def test_a_table_that_is_watched_no_more_is_found(
    committed_db: None, shree: Workspace, superuser: psycopg.Connection
) -> None:
    assert ask(probes.whole_ledger, shree).facts["unwatched"] == 0
    superuser.execute("ALTER TABLE people_contact DISABLE TRIGGER watch_update")
    superuser.commit()
    try:
        found = ask(probes.whole_ledger, shree)
    finally:
        superuser.execute("ALTER TABLE people_contact ENABLE TRIGGER watch_update")
        superuser.commit()
    assert (found.is_kept, found.facts["unwatched"]) == (False, 1)


def test_a_changed_entry_of_the_ledger_is_found(
    committed_db: None, shree: Workspace, superuser: psycopg.Connection
) -> None:
    ledger.seal(shree.id)
    assert ask(probes.whole_ledger, shree).is_kept
    superuser.execute("SET session_replication_role = replica")
    superuser.execute("UPDATE core_ledgerentry SET event = 'nothing.happened' WHERE number = 1")
    superuser.commit()
    assert not ask(probes.whole_ledger, shree).is_kept


def test_a_table_of_proof_that_could_be_changed_is_found(
    committed_db: None, shree: Workspace, superuser: psycopg.Connection
) -> None:
    assert ask(probes.append_only, shree).is_kept
    superuser.execute("GRANT UPDATE ON proof_evidence TO amanat_app")
    superuser.commit()
    try:
        assert ask(probes.append_only, shree).facts["open"] == 1
    finally:
        superuser.execute("REVOKE UPDATE ON proof_evidence FROM amanat_app")
        superuser.commit()


def test_a_site_without_workers_is_not_watched(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ask(probes.watched, shree)
    assert (found.is_kept, found.facts["down"]) == (False, 1)
    monkeypatch.setattr(probes.health, "state", lambda: {"web": True, "database": True, "workers": True})
    assert ask(probes.watched, shree).is_kept


def stored(workspace: Workspace) -> StoredFile:
    with tenancy.inside(workspace):
        return files.store(
            b"a letter to the bank, in plain words", workspace_id=workspace.id, name="a.txt", by=None, kind="paper"
        )


def test_files_and_values_lie_sealed(shree: Workspace) -> None:
    stored(shree)
    found = ask(probes.sealed, shree)
    assert (found.is_kept, found.facts["files"], found.facts["values"]) == (True, 2, 2)


def test_a_value_that_does_not_open_is_found(shree: Workspace) -> None:
    file = stored(shree)
    with tenancy.inside(shree):
        key = bytes(StoredFile.objects.of(shree).get(pk=file.pk).wrapped_key)
        StoredFile.objects.of(shree).filter(pk=file.pk).update(wrapped_key=key[:-1] + bytes([key[-1] ^ 1]))
        assert not probes._is_sealed(StoredFile.objects.of(shree).get(), _column(), shree.id)


def _column() -> Any:
    return next(one for one in probes.vault.sealed_columns() if one.model is StoredFile)


def test_a_file_that_lies_readable_is_found(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(shree)
    monkeypatch.setattr(sealedobjects, "stored_start", lambda name, length: b"a letter to the bank, in plain words")
    assert ask(probes.sealed, shree).facts["wrong"] == 1


def test_a_root_key_that_others_can_read_is_found(shree: Workspace, settings: Settings, tmp_path: Path) -> None:
    stored(shree)
    copy = tmp_path / "root-key"
    copy.write_text(Path(settings.ROOT_KEY_FILE).read_text())
    copy.chmod(0o600)
    settings.ROOT_KEY_FILE = copy
    assert ask(probes.sealed, shree).is_kept
    copy.chmod(0o644)
    monkey = ask_or_error(shree)
    assert monkey != "kept"


def ask_or_error(workspace: Workspace) -> str:
    """What comes of it: a key others can read is refused by the vault itself, or found by the probe."""
    try:
        return "kept" if ask(probes.sealed, workspace).is_kept else "broken"
    except Exception as refused:
        return type(refused).__name__


def test_dangerous_uploads_are_refused(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(probes.storage, shree).is_kept
    monkeypatch.setattr(filetypes, "sniff", lambda content, name: filetypes.FileType.TXT)
    found = ask(probes.storage, shree)
    assert (found.is_kept, found.facts["refused"]) == (False, 0)


def test_a_folder_of_files_open_to_others_is_found(shree: Workspace, settings: Settings, tmp_path: Path) -> None:
    settings.FILES_ROOT = tmp_path / "open"
    settings.FILES_ROOT.mkdir(mode=0o700)
    assert ask(probes.storage, shree).is_kept
    settings.FILES_ROOT.chmod(0o755)
    assert not ask(probes.storage, shree).is_kept


@pytest.fixture
def copies(settings: Settings, tmp_path: Path) -> Path:
    """A folder of backups with its state: made yesterday, tried last week."""
    configuration = replace(settings.CONFIGURATION, backup_folder=tmp_path)
    settings.CONFIGURATION = configuration
    note(tmp_path, made=20, tried=6 * 24)
    (tmp_path / "amanat.amanat").write_bytes(b"sealed")
    return tmp_path


def note(folder: Path, *, made: float, tried: float, problem: str = "") -> None:
    """Hours ago."""
    now = clock.now()
    known = safekeeping.Nightly(
        since=(now - timedelta(days=40)).isoformat(), made_at=(now - timedelta(hours=made)).isoformat(), file="amanat.amanat",
        trial_at=(now - timedelta(hours=tried)).isoformat(), problem=problem,
    )  # fmt: skip
    (folder / "state.json").write_text(safekeeping.as_text(known))


def test_copies_in_time_keep_the_promise(shree: Workspace, copies: Path) -> None:
    assert ask(probes.backups, shree).is_kept


@pytest.mark.parametrize(
    "told", [{"made": 27, "tried": 1}, {"made": 1, "tried": 33 * 24}, {"made": 1, "tried": 1, "problem": "disk full"}]
)
def test_late_or_failed_copies_are_found(shree: Workspace, copies: Path, told: dict[str, Any]) -> None:
    note(copies, **told)
    assert not ask(probes.backups, shree).is_kept


def test_a_backup_that_is_gone_is_found(shree: Workspace, copies: Path) -> None:
    (copies / "amanat.amanat").unlink()
    assert not ask(probes.backups, shree).is_kept


def test_no_backup_at_all_is_found(shree: Workspace, settings: Settings, tmp_path: Path) -> None:
    settings.CONFIGURATION = replace(settings.CONFIGURATION, backup_folder=tmp_path / "none")
    assert not ask(probes.backups, shree).is_kept


def test_logs_that_name_people_are_found(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(probes.logs_name_nobody, shree).is_kept
    monkeypatch.setattr(probes.logs, "Formatter", logging.Formatter)
    found = ask(probes.logs_name_nobody, shree)
    assert (found.is_kept, found.facts["told"]) == (False, 3)


def test_what_is_written_readable_from_now_on_is_found(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is stored yet: the value and the file that the probe writes show it."""
    assert ask(probes.sealed, shree).is_kept
    monkeypatch.setattr(probes.vault, "seal", lambda plain, **_bound: b"\1" + plain)
    assert ask(probes.sealed, shree).facts["wrong"] == 1


def test_a_file_that_is_written_readable_from_now_on_is_found(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Plain:
        def __init__(self, key: bytes) -> None:
            pass

        def encrypt(self, nonce: bytes, plain: bytes, bound: bytes) -> bytes:
            return bytes(plain) + b"0" * 16

    monkeypatch.setattr(probes.sealedobjects, "AESGCM", Plain)
    monkeypatch.setattr(probes.sealedobjects, "new_key", lambda: b"0" * 32)
    assert ask(probes.sealed, shree).facts["wrong"] == 1


def test_a_line_of_our_own_that_names_an_address_is_found(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes.logs, "_struck_out", lambda text: text)
    found = ask(probes.logs_name_nobody, shree)
    assert (found.is_kept, found.facts["told"]) == (False, 2)


def test_an_inner_address_taken_for_a_public_one_is_found(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(probes.firewall, shree).is_kept
    monkeypatch.setattr(addresses, "is_public", lambda address: True)
    assert not ask(probes.firewall, shree).is_kept


@pytest.mark.parametrize(
    ("door", "is_kept"),
    [
        (Listening("127.0.0.1", 5432), True),
        (Listening("0.0.0.0", 5432), False),
        (Listening("::", 8443), False),
        (Listening("0.0.0.0", 8421), True),
    ],
)
def test_a_port_that_nobody_set_is_found(
    shree: Workspace, settings: Settings, monkeypatch: pytest.MonkeyPatch, door: Listening, is_kept: bool
) -> None:
    settings.CONFIGURATION = replace(settings.CONFIGURATION, host="0.0.0.0", port=8421)
    monkeypatch.setattr(probes.listening, "ours", lambda: [door])
    assert ask(probes.firewall, shree).is_kept is is_kept
    settings.CONFIGURATION = replace(settings.CONFIGURATION, host="127.0.0.1")
    assert ask(probes.firewall, shree).is_kept is door.is_inside


def test_a_policy_with_open_doors_outward_is_found(shree: Workspace) -> None:
    open_policy = POLICY.model_copy(update={"security": POLICY.security.model_copy(update={"egress": "open"})})
    assert not ask(probes.firewall, shree, open_policy).is_kept


def test_a_job_without_a_purpose_is_found(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(probes.purposes, shree).is_kept
    monkeypatch.setitem(jobs._registry, "nobody.knows", jobs.Job("nobody.knows", ""))
    assert ask(probes.purposes, shree).facts["without"] == 1
    assert not ask(probes.purposes, shree).is_kept


def test_a_broken_or_late_chain_is_found(committed_db: None, shree: Workspace, superuser: psycopg.Connection) -> None:
    with tenancy.inside(shree):
        ran = [Ran("accounts.passwords", Outcome.KEPT, "", {}, 1)]
        evidence.append(shree.id, ran, policy_number=0, at=clock.now())
    assert ask(probes.chain, shree).is_kept
    with clock.standing_at(clock.now() + timedelta(days=3)):
        late = ask(probes.chain, shree)
        assert (late.is_kept, late.is_due, late.facts["late"]) == (False, True, 1), "nothing was found broken"
    superuser.execute("UPDATE proof_evidence SET outcome = 'broken'")
    superuser.commit()
    broken = ask(probes.chain, shree)
    assert (broken.is_kept, broken.is_due) == (False, False)


def test_a_policy_against_the_law_is_found(shree: Workspace) -> None:
    assert ask(probes.linted, shree).is_kept
    children = POLICY.children.model_copy(update={"min_age": 13})
    assert not ask(probes.linted, shree, POLICY.model_copy(update={"children": children})).is_kept


def test_facts_of_every_probe_here_are_plain_json(shree: Workspace) -> None:
    for run in (probes.wall, probes.sealed, probes.backups, probes.firewall, probes.linted):
        json.dumps(dict(ask(run, shree).facts))
