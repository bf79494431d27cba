"""Old evidence keeps the first row of a day and every change; the chain stays whole, and nothing else can be taken out unseen."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction
from pytest_django.fixtures import Settings

from amanat.accounts.models import Workspace
from amanat.core import clock, tenancy
from amanat.proof import bundles, evidence, thinning, verify
from amanat.proof.evidence import Ran
from amanat.proof.models import Evidence, EvidenceGap, Outcome

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
#: Noon of a day more than a month ago, so that some hours around it are the same day.
OLD = (clock.now() - 40 * DAY).replace(hour=12)


def write(workspace: Workspace, story: str, at: object = None, *, step: timedelta = HOUR, under: int = 1) -> None:
    """One row of the probe "a" for each letter: k(ept), b(roken); another letter is a kept row of a probe of that name."""
    moment = OLD if at is None else at
    with tenancy.inside(workspace):
        for letter in story:
            name, outcome = ("a" if letter in "kb" else letter), Outcome.BROKEN if letter == "b" else Outcome.KEPT
            ran = [Ran(name, outcome, "{count}", {"count": 1}, 3)]
            evidence.append(workspace.id, ran, policy_number=under, at=moment)  # type: ignore[arg-type]
            moment = moment + step  # type: ignore[operator]


def left(workspace: Workspace) -> list[int]:
    with tenancy.inside(workspace):
        return list(Evidence.objects.of(workspace).order_by("number").values_list("number", flat=True))


def gaps(workspace: Workspace) -> list[tuple[int, int]]:
    with tenancy.inside(workspace):
        return list(EvidenceGap.objects.of(workspace).order_by("first").values_list("first", "last"))


def verified(workspace: Workspace) -> tuple[int, str]:
    with tenancy.inside(workspace):
        return evidence.verify(workspace.id)


def test_the_first_of_a_day_and_every_change_stay(shree: Workspace) -> None:
    write(shree, "kkkbbkkx")
    assert thinning.thin_daily(shree.id) == 3
    assert left(shree) == [1, 4, 5, 6, 8] and gaps(shree) == [(2, 3), (7, 7)]
    assert verified(shree) == (8, "")


def test_another_day_another_policy_and_young_rows_stay(shree: Workspace) -> None:
    write(shree, "kkk", step=DAY)
    write(shree, "k", OLD + 2 * DAY + HOUR, under=2)
    write(shree, "kkk", clock.now() - 29 * DAY)
    assert thinning.thin_daily(shree.id) == 0 and left(shree) == list(range(1, 8))


def test_after_a_year_the_first_of_a_month_stays(shree: Workspace) -> None:
    write(shree, "kkkk", (OLD - 400 * DAY).replace(day=3), step=DAY)
    write(shree, "kk")
    assert thinning.thin_daily(shree.id) == 4
    assert left(shree) == [1, 5] and verified(shree) == (6, "")


def test_it_is_done_once_a_day_and_told_in_the_ledger(shree: Workspace, other: Workspace) -> None:
    write(shree, "kkkkk")
    write(other, "kkkkk")
    assert thinning.thin_daily(shree.id) == 4
    assert thinning.thin_daily(shree.id) == 0
    assert left(other) == [1, 2, 3, 4, 5]
    write(shree, "kk", OLD + 6 * HOUR)
    with clock.standing_at(clock.now() + 25 * HOUR):
        assert thinning.thin_daily(shree.id) == 2
    assert gaps(shree) == [(2, 5), (6, 7)] and verified(shree) == (7, "")


def test_the_chain_goes_on_after_the_end_was_taken_out(shree: Workspace) -> None:
    write(shree, "kkk")
    thinning.thin_daily(shree.id)
    assert left(shree) == [1]
    write(shree, "kk", clock.now() - HOUR)
    assert left(shree) == [1, 4, 5] and verified(shree) == (5, "")


def test_a_workspace_cannot_thin_another(shree: Workspace, other: Workspace) -> None:
    write(other, "kkk")
    with tenancy.inside(shree), pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT thin_evidence(%s, now())", [other.id])
    assert left(other) == [1, 2, 3]


@pytest.mark.parametrize(
    ("tamper", "problem"),
    [
        ("UPDATE proof_evidence SET facts = '{}' WHERE number = 6", "evidence 6 was changed"),
        ("UPDATE proof_evidencegap SET digest = repeat('0', 64) WHERE first = 2", "evidence 4 was changed"),
        ("UPDATE proof_evidencegap SET previous = repeat('0', 64) WHERE first = 2", "evidence 2 is missing"),
        ("DELETE FROM proof_evidencegap WHERE first = 7", "evidence 7 is missing"),
        (
            "WITH gone AS (DELETE FROM proof_evidence WHERE number IN (4, 5) RETURNING workspace_id, number, previous, digest) "
            "INSERT INTO proof_evidencegap (id, workspace_id, first, last, previous, digest, made_at) "
            "SELECT gen_random_uuid(), workspace_id, number, number, previous, digest, now() FROM gone",
            "evidence 4 was taken out, and the ledger does not say so",
        ),
        (
            "WITH gone AS (DELETE FROM proof_evidence WHERE number IN (4, 5) RETURNING number, digest) "
            "UPDATE proof_evidencegap SET last = 5, digest = (SELECT digest FROM gone WHERE number = 5) WHERE first = 2",
            "evidence 2 was taken out, and the ledger does not say so",
        ),
    ],
)
def test_whatever_else_goes_is_found(
    committed_db: None, shree: Workspace, superuser: psycopg.Connection, tamper: str, problem: str
) -> None:
    write(shree, "kkkbbkkx")
    thinning.thin_daily(shree.id)
    assert verified(shree) == (8, "")
    superuser.execute(tamper)
    superuser.commit()
    assert verified(shree)[1] == problem


def test_a_part_is_recomputed_from_what_the_ledger_knew(
    committed_db: None, shree: Workspace, superuser: psycopg.Connection
) -> None:
    now = clock.now()
    write(shree, "kk", now - 3 * DAY)
    write(shree, "kk", now - HOUR)
    with tenancy.inside(shree):
        mark = evidence.published_before(shree.id, now - DAY)
        assert mark.number == 1 and evidence.verify(shree.id, since=mark) == (4, "")
        assert evidence.published_before(shree.id, now - 5 * DAY) == evidence.Mark()
    superuser.execute("UPDATE proof_evidence SET facts = '{}' WHERE number = 3")
    superuser.commit()
    with tenancy.inside(shree):
        assert evidence.verify(shree.id, since=mark) == (2, "evidence 3 was changed")


def test_a_bundle_with_gaps_is_checked_offline(shree: Workspace, settings: Settings, tmp_path: Path) -> None:
    settings.PROOF_KEY_FILE = tmp_path / "key"
    settings.PROOF_KEY_FILE.write_text("17" * 32 + "\n")
    write(shree, "kkkbbkkx")
    thinning.thin_daily(shree.id)
    with zipfile.ZipFile(io.BytesIO(bundles.make(shree.id, at=clock.now()))) as packed:
        packed.extractall(tmp_path / "bundle")
    assert verify.problems(verify.files_of(tmp_path / "bundle")) == []
    assert (tmp_path / "bundle" / "evidence.jsonl").read_text().count('"last"') == 2
