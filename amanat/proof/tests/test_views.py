"""The board for the owner: seals, evidence, checking now, attesting, the proof to take away; nothing for those who may not see it."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django.fixtures import Settings

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests import factories
from amanat.core import clock, tenancy
from amanat.policy import probing
from amanat.proof import evidence, running, verify
from amanat.proof.evidence import Ran
from amanat.proof.models import Attestation, Outcome

BOARD = "/promises/"


@pytest.fixture
def owner(shree: Workspace) -> Client:
    return factories.signed_in(factories.owner_of(shree))


def found(workspace: Workspace, name: str, outcome: Outcome = Outcome.KEPT, said: str = "", **facts: object) -> None:
    with tenancy.inside(workspace):
        ran = [Ran(name, outcome, said, facts, 3)]
        evidence.append(workspace.id, ran, policy_number=0, at=clock.now())


def test_the_board_shows_every_clause_with_its_seal(shree: Workspace, owner: Client) -> None:
    found(shree, "accounts.passwords", said="{strong} of {all} passwords", strong=3, all=3)
    found(shree, "core.backups", Outcome.BROKEN, "no backup for {days} days", days=4)
    page = owner.get(BOARD).content.decode()
    assert "no backup for 4 days" in page
    assert page.count('class="seal seal-red"') == 1
    assert "No system is perfectly secure." in page
    assert page.count("promise-link") == len(running_clauses(shree))


def running_clauses(workspace: Workspace) -> list[str]:
    with tenancy.inside(workspace):
        return [clause.id for clause in running.suite(workspace.id).in_force.policy.clauses]


def test_the_board_narrows_to_one_seal(shree: Workspace, owner: Client) -> None:
    found(shree, "core.backups", Outcome.BROKEN, "no backup")
    page = owner.get(BOARD, {"state": "broken"}).content.decode()
    assert page.count("promise-link") == 1
    assert "No sentence of the policy carries this seal now." in owner.get(BOARD, {"state": "kept"}).content.decode()
    assert owner.get(BOARD, {"state": "nonsense"}).status_code == 200


@pytest.mark.slow
def test_the_board_needs_eight_statements_however_much_was_found(shree: Workspace, owner: Client) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert owner.get(BOARD).status_code == 200
        return sum(
            not one["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")) for one in asked.captured_queries
        )

    owner.get(BOARD)
    few = statements()
    for _ in range(3):
        for name in probing.registered():
            found(shree, name, said="{n} found", n=1)
    assert statements() == few <= 8


@pytest.mark.slow
def test_a_page_of_a_clause_shows_promises_checks_and_history(shree: Workspace, owner: Client) -> None:
    found(shree, "accounts.passwords", Outcome.BROKEN, "{strong} of {all} passwords", strong=2, all=3)
    found(shree, "accounts.passwords", said="{strong} of {all} passwords", strong=3, all=3)
    page = owner.get(reverse("proof:clause", args=["protect"])).content.decode()
    assert "3 of 3 passwords" in page and "2 of 3 passwords" in page
    assert "S-PENTEST" in page and "S-PAYGATE" in page
    assert "waits for a part that is not built yet: a payment gateway" in page


def test_a_clause_that_is_not_there_is_not_found(owner: Client) -> None:
    assert owner.get(reverse("proof:clause", args=["nothing"])).status_code == 404
    assert owner.post(reverse("proof:check"), {"clause": "nothing"}).status_code == 404


@pytest.mark.slow
def test_checking_now_enqueues_one_job_and_the_page_waits_for_it(shree: Workspace, owner: Client) -> None:
    answer = owner.post(reverse("proof:check"))
    owner.post(reverse("proof:check"))
    assert answer.status_code == 303
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'proof.run_all'")
        assert cursor.fetchone()[0] == 1
    assert 'hx-trigger="every 3s"' in owner.get(answer["Location"]).content.decode()
    running.run_all(shree.id)
    assert "every 3s" not in owner.get(answer["Location"]).content.decode()
    assert (
        "every 3s" not in owner.get(BOARD, {"asked": (clock.now() - timedelta(hours=1)).isoformat()}).content.decode()
    )
    assert owner.get(BOARD, {"asked": "yesterday"}).status_code == 200


def test_one_clause_is_checked_by_its_own_checks(shree: Workspace, owner: Client) -> None:
    answer = owner.post(reverse("proof:check"), {"clause": "cookies"})
    assert answer["Location"] == reverse("proof:clause", args=["cookies"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT args->'only' FROM procrastinate_jobs WHERE task_name = 'proof.run_all'")
        assert "basis.storage-register" in cursor.fetchone()[0]


@pytest.mark.parametrize("role", [Role.AGENT])
def test_agents_see_nothing_of_it(shree: Workspace, role: str) -> None:
    agent = factories.signed_in(factories.make_member(shree, role))
    for name in ("board", "coverage", "attestations"):
        assert agent.get(reverse(f"proof:{name}")).status_code == 403
    assert agent.post(reverse("proof:bundle")).status_code == 403


def test_auditors_read_and_attest_nothing(shree: Workspace) -> None:
    auditor = factories.signed_in(factories.make_member(shree, Role.AUDITOR))
    assert auditor.get(BOARD).status_code == 200
    page = auditor.get(reverse("proof:attestations")).content.decode()
    assert "security.training_every" in page
    assert reverse("proof:attest", args=["security.training_every"]) not in page
    assert auditor.get(reverse("proof:attest", args=["security.training_every"])).status_code == 403


def told(**changes: object) -> dict[str, object]:
    return {
        "statement": "All five were trained.",
        "done_on": clock.now().date().isoformat(),
        "is_true": "on",
        **changes,
    }


def test_an_attestation_with_its_paper(shree: Workspace, owner: Client) -> None:
    paper = SimpleUploadedFile("list.txt", b"signed by all five")
    url = reverse("proof:attest", args=["security.training_every"])
    assert owner.post(url, told(paper=paper)).status_code == 303
    with tenancy.inside(shree):
        made = Attestation.objects.of(shree).get()
    page = owner.get(reverse("proof:attestations")).content.decode()
    assert "All five were trained." in page and "Rekha Kulkarni" in page
    download = owner.get(reverse("proof:attestation_paper", args=[made.pk]))
    assert b"".join(download.streaming_content) == b"signed by all five"  # type: ignore[attr-defined]
    assert "valid to" in owner.get(reverse("proof:clause", args=["people"])).content.decode()


@pytest.mark.parametrize(
    "changes",
    [
        {"statement": ""},
        {"is_true": ""},
        {"done_on": "2099-01-01"},
        {"done_on": "soon"},
        {"paper": SimpleUploadedFile("page.txt", b"<html><script>alert(1)</script></html>")},
    ],
)
def test_a_wrong_attestation_is_told_at_its_field_and_not_kept(
    shree: Workspace, owner: Client, changes: dict[str, object]
) -> None:
    answer = owner.post(reverse("proof:attest", args=["security.training_every"]), told(**changes))
    assert answer.status_code == 422
    with tenancy.inside(shree):
        assert not Attestation.objects.of(shree).exists()


def test_a_certificate_is_attested_with_its_paper_alone(shree: Workspace, owner: Client) -> None:
    url = reverse("proof:attest", args=["security.attest.premises"])
    form = owner.get(url).context["form"]
    assert form.fields["paper"].required
    answer = owner.post(url, told())
    assert answer.status_code == 422 and set(answer.context["form"].errors) == {"paper"}
    assert (
        not owner.get(reverse("proof:attest", args=["security.training_every"]))
        .context["form"]
        .fields["paper"]
        .required
    )


def test_a_check_that_could_not_run_is_named(shree: Workspace, owner: Client) -> None:
    for name in ("accounts.passwords", "core.backups"):
        found(shree, name, Outcome.COULD_NOT_RUN, "The check could not run: {reason}", reason="OSError")
    page = owner.get(BOARD).content.decode()
    for name in ("accounts.passwords", "core.backups"):
        assert f"Could not be checked: “{probing.registered()[name].title}” (OSError)" in page


def test_nobody_attests_what_the_policy_does_not_ask(owner: Client) -> None:
    assert owner.get(reverse("proof:attest", args=["security.tls"])).status_code == 404


def test_a_paper_of_another_workspace_is_not_found(shree: Workspace, other: Workspace, owner: Client) -> None:
    theirs = factories.signed_in(factories.owner_of(other))
    url = reverse("proof:attest", args=["security.training_every"])
    theirs.post(url, told(paper=SimpleUploadedFile("list.txt", b"theirs")))
    with tenancy.inside(other):
        made = Attestation.objects.of(other).get()
    assert owner.get(reverse("proof:attestation_paper", args=[made.pk])).status_code == 404


def test_the_proof_is_downloaded_and_checks_out(
    shree: Workspace, owner: Client, tmp_path: Path, settings: Settings
) -> None:
    settings.PROOF_KEY_FILE = tmp_path / "proof-key"
    answer = owner.post(reverse("proof:bundle"))
    assert answer.status_code == 303  # there is no key, which the page says
    (tmp_path / "proof-key").write_text("21" * 32)
    found(shree, "accounts.passwords", said="{n} found", n=1)
    answer = owner.post(reverse("proof:bundle"))
    assert answer["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        packed.extractall(tmp_path / "proof")
    assert verify.problems(verify.files_of(tmp_path / "proof")) == []


def test_the_coverage_page_counts_all_promises(owner: Client) -> None:
    page = owner.get(reverse("proof:coverage")).content.decode()
    assert "494" in page and "T-BILL7" in page
    assert "T-BILL7" not in owner.get(reverse("proof:coverage"), {"by": "statement"}).content.decode()


def test_the_ledger_stands_among_the_figures(shree: Workspace, owner: Client) -> None:
    assert "not checked" in owner.get(BOARD).content.decode()
    found(shree, "core.ledger", said="{entries} entries", entries=3)
    assert "promise-ledger ok-figure" in owner.get(BOARD).content.decode()
    with clock.standing_at(clock.now() + timedelta(days=3)):
        late = owner.get(BOARD).content.decode()
    assert "promise-ledger warn-figure" in late and "check is late" in late and "intact" not in late
    found(shree, "core.ledger", Outcome.BROKEN, "broken after {entries}", entries=2)
    assert "promise-ledger bad-figure" in owner.get(BOARD).content.decode()
