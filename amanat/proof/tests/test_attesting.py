"""What people vouch for counts while it is valid, by the periods of the policy, with its paper."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import pytest

from amanat.accounts.models import Workspace
from amanat.accounts.tests import factories
from amanat.core import files, tenancy
from amanat.core.filetypes import FileRefused
from amanat.core.models import LedgerEntry
from amanat.policy import ready
from amanat.proof import attesting
from amanat.proof.attesting import NotAttestable
from amanat.proof.evidence import digest_of
from amanat.proof.models import Attestation

POLICY = ready.policy("default")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TRAINING = "security.training_every"
PREMISES = "security.attest.premises"


def vouch(workspace: Workspace, path: str = TRAINING, **told: object) -> Attestation:
    by = factories.owner_of(workspace)
    given = {
        "statement": "All five were trained by the officer.", "done_on": date(2026, 11, 20), "valid_to": None, "paper": None,
        "paper_name": "", "at": NOON, **told,
    }  # fmt: skip
    with tenancy.inside(workspace):
        return attesting.attest(path=path, policy=POLICY, policy_number=2, by=by, **given)  # type: ignore[arg-type]


def until(workspace: Workspace, path: str = TRAINING) -> date | None:
    with tenancy.inside(workspace):
        return attesting.standings(workspace.id, POLICY)[path].until


def test_nothing_attested_is_nothing_valid(shree: Workspace) -> None:
    with tenancy.inside(shree):
        standings = attesting.standings(shree.id, POLICY)
    assert not any(one.is_valid(NOON.date()) for one in standings.values())
    assert {TRAINING, PREMISES, "security.pentest_every"} <= set(standings)


@pytest.mark.parametrize(
    ("path", "end"),
    [
        (TRAINING, date(2027, 11, 20)),
        ("security.audit_every", date(2026, 12, 20)),
        ("security.pentest_every", date(2027, 11, 20)),
    ],
)
def test_it_is_valid_for_the_period_of_the_policy(shree: Workspace, path: str, end: date) -> None:
    vouch(shree, path)
    assert until(shree, path) == end


def test_a_certificate_ends_on_its_own_day(shree: Workspace) -> None:
    vouch(shree, PREMISES, paper=BytesIO(b"report"), paper_name="report.txt", valid_to=date(2027, 3, 31))
    assert until(shree, PREMISES) == date(2027, 3, 31)


def test_no_certificate_counts_longer_than_a_year(shree: Workspace) -> None:
    vouch(shree, PREMISES, paper=BytesIO(b"report"), paper_name="report.txt", valid_to=date(2036, 3, 31))
    assert until(shree, PREMISES) == date(2026, 11, 20) + attesting.LONGEST


def test_the_newest_replaces_the_one_before(shree: Workspace) -> None:
    vouch(shree)
    vouch(shree, done_on=date(2026, 11, 22), at=NOON + timedelta(minutes=1))
    assert until(shree) == date(2027, 11, 22)
    with tenancy.inside(shree):
        assert Attestation.objects.of(shree).count() == 2


def test_the_paper_is_kept_sealed_and_its_digest_stands_in_the_attestation(shree: Workspace) -> None:
    made = vouch(shree, paper=BytesIO(b"signed by all five"), paper_name="list.txt")
    assert made.file_sha256 == hashlib.sha256(b"signed by all five").hexdigest()
    assert digest_of(attesting.canonical(made)) == made.digest
    with tenancy.inside(shree):
        stored = Attestation.objects.of(shree).select_related("file").get().file
        assert stored is not None and files.read_all(stored) == b"signed by all five"
        entry = LedgerEntry.objects.of(shree).get(event="proof.attestation.made")
        assert entry.facts["digest"] == made.digest


def test_the_statement_can_not_be_exchanged_under_its_digest(shree: Workspace) -> None:
    made = vouch(shree)
    made.statement = "Nobody was trained."
    assert digest_of(attesting.canonical(made)) != made.digest


@pytest.mark.parametrize(
    "told",
    [
        {"path": "security.tls"},
        {"path": "security.attest.nothing"},
        {"done_on": date(2026, 11, 24)},
        {"done_on": date(2026, 11, 20), "valid_to": date(2026, 11, 19)},
        {"path": PREMISES},
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_kept(shree: Workspace, told: dict[str, object]) -> None:
    with pytest.raises(NotAttestable):
        vouch(shree, **told)  # type: ignore[arg-type]
    with tenancy.inside(shree):
        assert not Attestation.objects.of(shree).exists()


def test_a_dangerous_paper_is_refused(shree: Workspace) -> None:
    with pytest.raises(FileRefused):
        vouch(shree, paper=BytesIO(b"MZ" + b"\0" * 100), paper_name="report.pdf")


def test_every_subject_shows_promises_that_a_published_policy_makes() -> None:
    from amanat.proof import coverage

    promised = {line.key for line in coverage.lines()}
    assert attesting.attested_keys() <= promised
