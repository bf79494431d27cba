"""Probes of what a workspace holds: an invented person is found only where she was declared, and never stays."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from amanat.accounts.models import Workspace
from amanat.accounts.tests import factories
from amanat.core import clock, tenancy
from amanat.core.models import Tally
from amanat.desk.models import Payment, ServiceRecord
from amanat.people import contacts, search, timeline
from amanat.people.drafts import ContactDraft
from amanat.people.models import Contact, CustomField, SearchEntry
from amanat.policy import probing, ready
from amanat.policy.format import Policy
from amanat.policy.probing import Asked, Finding, Run
from amanat.proof import probes_records as probes
from amanat.proof import running

POLICY = ready.policy("default")


def ask(run: Run, workspace: Workspace, policy: Policy = POLICY) -> Finding:
    with tenancy.inside(workspace), transaction.atomic():
        found = run(Asked(workspace.id, policy, clock.now()))
        transaction.set_rollback(True)
    return found


def without_terms(*terms: str) -> Policy:
    """The default policy, which does not name some kinds of data."""
    data = {
        name: kind.model_copy(update={"terms": tuple(term for term in kind.terms if term not in terms)})
        for name, kind in POLICY.data.items()
    }
    return POLICY.model_copy(update={"data": data})


@pytest.mark.slow
def test_an_invented_person_is_found_where_she_was_declared_and_never_stays(shree: Workspace) -> None:
    found = ask(probes.invented_person, shree)
    assert found.is_kept and int(found.facts["places"] or 0) >= 8
    running.run_all(shree.id, only=["records.invented_person"])
    with tenancy.inside(shree):
        assert not Contact.objects.of(shree).exists()
        assert not SearchEntry.objects.of(shree).exists()


def test_a_copy_where_nobody_declared_it_is_found(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    real = contacts.create

    def leaking(**told: Any) -> Contact:
        made = real(**told)
        Tally.objects.create(workspace_id=made.workspace_id, what=f"seen {made.name}"[:40], change=1)
        return made

    monkeypatch.setattr(contacts, "create", leaking)
    found = ask(probes.invented_person, shree)
    assert (found.is_kept, found.facts["undeclared"]) == (False, 1)


def test_a_person_whom_search_does_not_find_is_found_out(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "find", lambda *told, **more: [])
    assert not ask(probes.invented_person, shree).is_kept


def test_the_timeline_tells_in_order(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(probes.in_the_timeline, shree).is_kept
    monkeypatch.setattr(timeline, "record", lambda **told: None)
    assert not ask(probes.in_the_timeline, shree).is_kept


@pytest.fixture
def paid(shree: Workspace) -> ServiceRecord:
    """A record of 500 rupees with a payment of 200."""
    with tenancy.inside(shree):
        asha = contacts.create(
            workspace=shree, by=factories.owner_of(shree), at=clock.now(), draft=ContactDraft(name="Asha Menon")
        )
        record = ServiceRecord.objects.create(
            workspace_id=shree.id, number=1, contact=asha, title="PAN card", fee_paise=50_000, paid_paise=20_000
        )
        Payment.objects.create(
            workspace_id=shree.id, record=record, amount_paise=20_000, method="cash", paid_on=clock.now().date()
        )
    return record


def test_sums_that_agree(shree: Workspace, paid: ServiceRecord) -> None:
    found = ask(probes.services_agree, shree)
    assert (found.is_kept, found.facts["records"]) == (True, 1)


def test_a_sum_that_does_not_agree_is_found(shree: Workspace, paid: ServiceRecord) -> None:
    with tenancy.inside(shree):
        ServiceRecord.objects.of(shree).update(paid_paise=50_000)
    assert ask(probes.services_agree, shree).facts["wrong"] == 1
    assert not ask(probes.services_agree, shree).is_kept


def test_a_payment_changed_afterwards_is_found_though_the_sums_agree(shree: Workspace, paid: ServiceRecord) -> None:
    with tenancy.inside(shree):
        Payment.objects.of(shree).update(amount_paise=10_000)
        ServiceRecord.objects.of(shree).update(paid_paise=10_000)
    found = ask(probes.services_agree, shree)
    assert (found.is_kept, found.facts["wrong"], found.facts["changed"]) == (False, 0, 1)


def test_a_cancelled_payment_is_no_change(shree: Workspace, paid: ServiceRecord) -> None:
    with tenancy.inside(shree):
        Payment.objects.of(shree).update(cancelled_at=clock.now(), cancel_reason="typed twice")
        ServiceRecord.objects.of(shree).update(paid_paise=0)
    assert ask(probes.services_agree, shree).is_kept


def own_field(workspace: Workspace, value: str, *, personal_kind: str = "") -> None:
    with tenancy.inside(workspace):
        CustomField.objects.create(
            workspace_id=workspace.id, key="note", label="Note", kind="text", personal_kind=personal_kind
        )
        made = contacts.create(
            workspace=workspace, by=factories.owner_of(workspace), at=clock.now(), draft=ContactDraft(name="Asha Menon")
        )
        Contact.objects.of(workspace).filter(pk=made.pk).update(custom={"note": value})


@pytest.mark.parametrize(
    ("value", "is_kept"),
    [
        ("4111 1111 1111 1111", False),
        ("5555555555554444", False),
        ("4111 1111 1111 1112", True),
        ("+91 98220 41736", True),
        ("Application 2026-11-22-0007", True),
    ],
)
def test_numbers_of_payment_cards_are_found_in_own_fields(shree: Workspace, value: str, is_kept: bool) -> None:
    own_field(shree, value)
    assert ask(probes.own_fields, shree).is_kept is is_kept


def test_an_own_field_of_a_kind_the_policy_does_not_name_is_found(shree: Workspace) -> None:
    own_field(shree, "A+", personal_kind="pd:BirthDate")
    assert ask(probes.own_fields, shree).is_kept
    assert not ask(probes.own_fields, shree, without_terms("pd:BirthDate")).is_kept


def test_a_csc_centre_without_services_is_found(shree: Workspace) -> None:
    assert ask(probes.csc, shree).is_kept
    with tenancy.inside(shree):
        Workspace.objects.of(shree).update(kind=Workspace.Kind.CSC)
    assert not ask(probes.csc, shree).is_kept


def test_every_column_of_the_database_is_declared(shree: Workspace) -> None:
    found = ask(probes.only_declared, shree)
    assert found.is_kept, found.facts


def test_a_column_nobody_declared_is_found(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    real = probes._columns_of_database()
    monkeypatch.setattr(probes, "_columns_of_database", lambda: real | {("people_contact", "religion")})
    assert ask(probes.only_declared, shree).facts["undeclared"] == 1
    assert not ask(probes.only_declared, shree).is_kept


def test_a_kind_of_data_the_policy_does_not_name_is_found(shree: Workspace) -> None:
    policy = without_terms("pd:OfficialID")
    assert not ask(probes.only_declared, shree, policy).is_kept
    run = probing.registered()["data.OfficialID"].run
    assert ask(run, shree).is_kept
    assert not ask(run, shree, policy).is_kept


def test_a_declared_column_that_is_gone_is_found(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    run = probing.registered()["data.Name"].run
    monkeypatch.setattr(probes, "_columns_of_database", set)
    assert not ask(run, shree).is_kept


def test_a_business_of_another_kind_tries_the_catalogue_of_centres(
    other: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenancy.inside(other):
        Workspace.objects.of(other).update(kind=Workspace.Kind.AGENCY)
    found = ask(probes.csc, other)
    assert found.is_kept and int(found.facts["services"] or 0) > 20
    monkeypatch.setattr(probes.catalogue, "install", lambda **told: None)
    assert not ask(probes.csc, other).is_kept
