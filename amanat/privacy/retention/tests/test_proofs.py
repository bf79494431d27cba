"""Proofs stay while something rests on them, and go so long after; only the function of the owner deletes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from amanat.accounts.models import Workspace
from amanat.basis import principals
from amanat.basis.models import ConsentRecord, Decision, Notice, Objection
from amanat.core import clock, tenancy
from amanat.people.models import Contact
from amanat.policy.durations import Duration
from amanat.policy.probing import Asked, Finding
from amanat.privacy.retention import probes, proofs, sweeping
from amanat.privacy.retention.models import RelianceEnd
from amanat.privacy.retention.tests.factories import LONG_AGO, contact, policy

pytestmark = pytest.mark.django_db

THREE_YEARS = Duration.parse("P3Y")
SECOND = timedelta(seconds=1)


def said(
    workspace: Workspace, person: Contact, what: str, *, at: datetime, channel: str = "sms", purpose: str = "reminders"
) -> Any:
    with tenancy.inside(workspace):
        notice = Notice.objects.of(workspace).first() or Notice.objects.create(
            workspace_id=workspace.pk,
            purposes=["marketing"],
            policy_version=0,
            language="en",
            text="x",
            digest="d",
            made_at=at,
        )
        return ConsentRecord.objects.create(
            workspace_id=workspace.pk, contact=person, principal=principals.digest(person.pk, workspace_id=workspace.pk), at=at,
            method="counter", purpose=purpose, channel=channel, what=what, notice=notice,
        )  # fmt: skip


def swept(workspace: Workspace, at: datetime) -> dict[str, int]:
    with clock.standing_at(at):
        return sweeping.run(workspace.pk, at=at).counts.get("evidence", {})


def acts(workspace: Workspace) -> list[str]:
    with tenancy.inside(workspace):
        return list(ConsentRecord.objects.of(workspace).order_by("at").values_list("what", flat=True))


def customer(workspace: Workspace) -> Contact:
    """Somebody who never falls under the rule for offers."""
    person = contact(workspace)
    with tenancy.inside(workspace):
        Contact.objects.of(workspace).filter(pk=person.pk).update(last_contact_at=datetime(2050, 1, 1, tzinfo=UTC))
    return person


@pytest.mark.slow
def test_a_replaced_consent_goes_three_years_after_the_later_word(shree: Workspace) -> None:
    asha = customer(shree)
    said(shree, asha, "given", at=LONG_AGO - timedelta(days=400))
    said(shree, asha, "withdrawn", at=LONG_AGO)
    said(shree, asha, "given", at=LONG_AGO, channel="email")
    end = THREE_YEARS.after(LONG_AGO)
    assert swept(shree, end - SECOND) == {}
    assert swept(shree, end) == {"basis.ConsentRecord": 1}
    assert sorted(acts(shree)) == ["given", "withdrawn"]


def test_the_last_word_of_somebody_who_is_here_stays(shree: Workspace) -> None:
    said(shree, customer(shree), "withdrawn", at=LONG_AGO)
    assert swept(shree, LONG_AGO + timedelta(days=4000)) == {}


@pytest.mark.slow
def test_the_proof_of_somebody_erased_goes_three_years_after_she_left(shree: Workspace) -> None:
    asha = customer(shree)
    said(shree, asha, "given", at=LONG_AGO)
    with tenancy.inside(shree):
        ConsentRecord.objects.of(shree).update(contact=None)
    left = LONG_AGO + timedelta(days=700)
    assert swept(shree, left) == {}
    with tenancy.inside(shree):
        assert [row.ended_at for row in RelianceEnd.objects.of(shree)] == [left]
    end = THREE_YEARS.after(left)
    assert "basis.ConsentRecord" not in swept(shree, end - SECOND)
    assert swept(shree, end)["basis.ConsentRecord"] == 1
    with tenancy.inside(shree):
        assert not RelianceEnd.objects.of(shree).exists()


def test_decisions_go_three_years_after_they_were_made(shree: Workspace) -> None:
    with tenancy.inside(shree):
        Decision.objects.create(
            workspace_id=shree.pk,
            purpose="marketing",
            at=LONG_AGO,
            is_allowed=False,
            reason="x",
            rule="x",
            policy_version=0,
        )
    end = THREE_YEARS.after(LONG_AGO)
    assert swept(shree, end - SECOND) == {}
    assert swept(shree, end) == {"basis.Decision": 1}


@pytest.mark.parametrize(
    "table", ["core_ledgerentry", "people_contact", "publishing_policyversion", "basis_suppression"]
)
def test_the_function_forgets_no_other_table(shree: Workspace, table: str) -> None:
    asha = contact(shree)
    with tenancy.inside(shree), pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT forget_proofs(%s, %s)", [table, [asha.pk]])


def test_the_function_forgets_nothing_of_another_workspace(shree: Workspace, other: Workspace) -> None:
    row = said(other, customer(other), "given", at=LONG_AGO)
    with tenancy.inside(shree), connection.cursor() as cursor:
        cursor.execute("SELECT forget_proofs('basis_consentrecord', %s)", [[row.pk]])
        assert cursor.fetchone()[0] == 0
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT forget_proofs('basis_consentrecord', %s)", [[row.pk]])
    assert acts(other) == ["given"]


# --- opting out ----------------------------------------------------------------------------------------------------


def gone(workspace: Workspace, at: datetime) -> dict[str, int]:
    with clock.standing_at(at):
        return sweeping.run(workspace.pk, at=at).counts.get("marketing", {})


@pytest.mark.slow
def test_who_opted_out_goes_thirty_days_later(shree: Workspace) -> None:
    asha = contact(shree, at=LONG_AGO - timedelta(days=30))
    said(shree, asha, "given", at=LONG_AGO - timedelta(days=20), purpose="marketing")
    said(shree, asha, "withdrawn", at=LONG_AGO, purpose="marketing")
    assert gone(shree, LONG_AGO + timedelta(days=30) - SECOND) == {}
    assert gone(shree, LONG_AGO + timedelta(days=30)) == {"people.Contact": 1}


def test_who_still_agrees_to_something_stays(shree: Workspace) -> None:
    asha = contact(shree, at=LONG_AGO - timedelta(days=30))
    said(shree, asha, "withdrawn", at=LONG_AGO, purpose="marketing")
    said(shree, asha, "given", at=LONG_AGO - timedelta(days=1), purpose="marketing", channel="email")
    assert gone(shree, LONG_AGO + timedelta(days=60)) == {}


def test_who_objects_goes_too_until_she_takes_it_back(shree: Workspace) -> None:
    for name, what in (("Objects", ["made"]), ("Took it back", ["made", "withdrawn"])):
        person = contact(shree, name, at=LONG_AGO - timedelta(days=30))
        with tenancy.inside(shree):
            for number, one in enumerate(what):
                Objection.objects.create(
                    workspace_id=shree.pk, contact=person, principal=principals.digest(person.pk, workspace_id=shree.pk),
                    at=LONG_AGO + timedelta(hours=number), method="phone", purpose="", what=one,
                )  # fmt: skip
    assert gone(shree, LONG_AGO + timedelta(days=31)) == {"people.Contact": 1}
    with tenancy.inside(shree):
        assert [one.name for one in Contact.objects.of(shree)] == ["Took it back"]


def test_who_wants_none_goes_unless_a_yes_of_hers_stands_after_it(shree: Workspace) -> None:
    for name in ("Wants none", "Agreed again"):
        person = contact(shree, name, at=LONG_AGO - timedelta(days=30))
        with tenancy.inside(shree):
            Objection.objects.create(
                workspace_id=shree.pk, contact=person, principal=principals.digest(person.pk, workspace_id=shree.pk),
                at=LONG_AGO, method="phone", purpose="marketing", what="made", until_yes=True,
            )  # fmt: skip
        if name == "Agreed again":
            said(shree, person, "given", at=LONG_AGO + timedelta(hours=1), purpose="marketing")
    assert gone(shree, LONG_AGO + timedelta(days=31)) == {"people.Contact": 1}
    with tenancy.inside(shree):
        assert [one.name for one in Contact.objects.of(shree)] == ["Agreed again"]


# --- probes --------------------------------------------------------------------------------------------------------


def asked(workspace: Workspace, at: datetime) -> Asked:
    return Asked(workspace.pk, policy(), at)


def probed(probe: Any, workspace: Workspace, at: datetime) -> Finding:
    """As it is really run: whom the probe invents is taken back."""
    with tenancy.inside(workspace), transaction.atomic():
        finding: Finding = probe(asked(workspace, at))
        transaction.set_rollback(True)
    return finding


def test_the_probe_of_proofs_counts_what_is_late(shree: Workspace) -> None:
    asha = customer(shree)
    said(shree, asha, "given", at=LONG_AGO - timedelta(days=1))
    said(shree, asha, "withdrawn", at=LONG_AGO)
    late = THREE_YEARS.after(LONG_AGO) + timedelta(days=2)
    with tenancy.inside(shree):
        assert probes.consent_proof(asked(shree, LONG_AGO + timedelta(days=5))).is_kept
        found = probes.consent_proof(asked(shree, late))
    assert (found.is_kept, found.facts["late"], found.facts["open"]) == (False, 1, 0)
    swept(shree, late)
    with tenancy.inside(shree):
        assert probes.consent_proof(asked(shree, late)).is_kept
        assert proofs.count(shree.pk, policy(), at=late) == 0


@pytest.mark.slow
def test_the_probe_of_opting_out_counts_people_who_are_late(shree: Workspace) -> None:
    asha = contact(shree, at=LONG_AGO - timedelta(days=30))
    said(shree, asha, "withdrawn", at=LONG_AGO, purpose="marketing")
    late = LONG_AGO + timedelta(days=32)
    assert probed(probes.opted_out, shree, LONG_AGO + timedelta(days=30)).is_kept
    assert probed(probes.opted_out, shree, late).facts == {"late": 1, "held": 0, "waiting": 0, "noticed": True}
    assert probed(probes.idle_people, shree, late).is_kept
    gone(shree, late)
    assert probed(probes.opted_out, shree, late).is_kept
