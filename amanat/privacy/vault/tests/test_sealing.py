"""What a law makes us keep of erased people lies sealed, opens for two, and is destroyed on its day."""

from __future__ import annotations

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import clock, tenancy, vault
from amanat.core.models import LedgerEntry, WorkspaceKey
from amanat.core.models_vault import Use
from amanat.people.models import Address, Contact, Email, Interaction, Phone
from amanat.policy.probing import Asked
from amanat.privacy.retention.tests.factories import contact, policy
from amanat.privacy.vault import probes, releasing, sealing
from amanat.privacy.vault.models import SealedRecord, VaultRelease

pytestmark = pytest.mark.django_db

IN_FORCE = datetime(2027, 5, 13, 9, tzinfo=UTC)
BEFORE = datetime(2027, 5, 12, 23, 59, 59, tzinfo=UTC)


def person(
    workspace: Workspace, name: str = "Asha Patil", *, phone: str = "+919876543210", country: str = ""
) -> Contact:
    made = contact(workspace, name, main_phone=phone, notes="She is unwell")
    with tenancy.inside(workspace):
        Phone.objects.create(workspace_id=workspace.pk, contact=made, number=phone)
        Email.objects.create(workspace_id=workspace.pk, contact=made, address="asha@example.in")
        Interaction.objects.create(
            workspace_id=workspace.pk, contact=made, kind="note", happened_at=IN_FORCE, summary="Asked about a loan"
        )
        if country:
            Address.objects.create(workspace_id=workspace.pk, contact=made, country=country)
    return made


def seal(workspace: Workspace, *people: Contact, at: datetime = IN_FORCE) -> list[sealing.Sealed]:
    with tenancy.inside(workspace):
        return sealing.seal_before_erasure(
            [one.pk for one in people], workspace_id=workspace.pk, at=at, erasure_id=None
        )


def test_nothing_is_sealed_before_the_law_is_in_force(shree: Workspace) -> None:
    asha = person(shree)
    assert seal(shree, asha, at=BEFORE) == []
    [sealed] = seal(shree, asha)
    assert (sealed.contact_id, sealed.law, sealed.ends_on.isoformat()) == (asha.pk, "in-dpdp-8-3", "2028-05-14")


def test_only_people_under_the_indian_law(shree: Workspace) -> None:
    from_paris = person(shree, "Marie", phone="+33612345678")
    moved_to_paris = person(shree, "Anil", country="France")
    assert [one.contact_id for one in seal(shree, from_paris, moved_to_paris, person(shree))] != []
    with tenancy.inside(shree):
        assert SealedRecord.objects.of(shree).count() == 1


def test_what_is_sealed_is_the_least_and_unreadable(shree: Workspace) -> None:
    seal(shree, person(shree))
    with tenancy.inside(shree):
        record = SealedRecord.objects.of(shree).get()
        for word in (b"Asha", b"9876543210", b"unwell"):
            assert word not in bytes(record.body)
        body = sealing.opened(record)
    assert set(body) == {"name", "phones", "emails", "known_since", "erased_on", "happened"}
    assert body["happened"] == [["2027-05-13", "note"]]


def test_sealing_twice_keeps_one(shree: Workspace) -> None:
    asha = person(shree)
    seal(shree, asha)
    seal(shree, asha)
    with tenancy.inside(shree):
        assert SealedRecord.objects.of(shree).count() == 1


def test_a_record_does_not_open_in_another_place(shree: Workspace) -> None:
    seal(shree, person(shree))
    with tenancy.inside(shree):
        record = SealedRecord.objects.of(shree).get()
        record.ends_on += timedelta(days=1)
        with pytest.raises(vault.VaultRefused):
            sealing.opened(record)


def test_on_its_day_the_key_goes_and_the_row(shree: Workspace) -> None:
    seal(shree, person(shree))
    end = datetime(2028, 5, 14, tzinfo=UTC)
    with tenancy.inside(shree):
        [record] = SealedRecord.objects.of(shree)
        assert sealing.destroy_due(shree.pk, at=end - timedelta(seconds=1)) == 0
        assert sealing.opened(record)["name"] == "Asha Patil"
        assert sealing.destroy_due(shree.pk, at=end) == 1
        assert SealedRecord.objects.of(shree).count() == 0
        key = WorkspaceKey.objects.of(shree).get(use=Use.VAULT)
        assert (bytes(key.wrapped), key.retired_at is not None) == (b"", True)
        with pytest.raises(vault.VaultRefused):  # as from an older backup
            sealing.opened(record)
        assert LedgerEntry.objects.of(shree).filter(event="privacy.vault.destroyed").count() == 1


# --- the one way out -----------------------------------------------------------------------------------------------


@pytest.fixture
def two(shree: Workspace) -> tuple[Member, Member]:
    return owner_of(shree), make_member(shree, Role.MANAGER, name="Sunil Rao")


def asked(workspace: Workspace, by: Member, *, address: str = "98765 43210") -> VaultRelease:
    with tenancy.inside(workspace):
        [release] = releasing.ask(
            workspace=workspace,
            address=address,
            authority="Court of Pune",
            reason="Order 7 of 2027",
            by=by,
            at=IN_FORCE,
        )
    return release


def test_two_members_open_a_record_once(shree: Workspace, two: tuple[Member, Member]) -> None:
    seal(shree, person(shree), person(shree, "Someone else", phone="+919811111111"))
    release = asked(shree, two[0])
    with tenancy.inside(shree):
        with pytest.raises(releasing.ReleaseRefused):
            releasing.open_once(release=release, by=two[0], at=IN_FORCE)
        with pytest.raises(releasing.ReleaseRefused):
            releasing.allow(release=release, by=two[0], at=IN_FORCE)
        releasing.allow(release=release, by=two[1], at=IN_FORCE)
        assert releasing.open_once(release=release, by=two[0], at=IN_FORCE)["name"] == "Asha Patil"
        with pytest.raises(releasing.ReleaseRefused):
            releasing.open_once(release=release, by=two[0], at=IN_FORCE)
        events = list(
            LedgerEntry.objects.of(shree)
            .filter(event__startswith="privacy.vault.")
            .order_by("at", "id")
            .values_list("event", flat=True)
        )
    assert sorted(events) == [f"privacy.vault.{what}" for what in ("allowed", "asked", "opened", "sealed")]


def test_a_third_member_opens_nothing(shree: Workspace, two: tuple[Member, Member]) -> None:
    seal(shree, person(shree))
    third, release = make_member(shree, Role.MANAGER, name="Third"), asked(shree, two[0])
    with tenancy.inside(shree):
        releasing.allow(release=release, by=two[1], at=IN_FORCE)
        with pytest.raises(releasing.ReleaseRefused):
            releasing.open_once(release=release, by=third, at=IN_FORCE)


def test_a_refusal_is_final(shree: Workspace, two: tuple[Member, Member]) -> None:
    seal(shree, person(shree))
    release = asked(shree, two[0], address="asha@example.in")
    with tenancy.inside(shree):
        releasing.refuse(release=release, by=two[1], at=IN_FORCE)
        with pytest.raises(releasing.ReleaseRefused):
            releasing.allow(release=release, by=two[1], at=IN_FORCE)


def test_nobody_is_found_by_an_address_that_is_not_hers(shree: Workspace, two: tuple[Member, Member]) -> None:
    seal(shree, person(shree))
    with tenancy.inside(shree), pytest.raises(releasing.NothingSealed):
        releasing.ask(workspace=shree, address="+919800000000", authority="a", reason="b", by=two[0], at=IN_FORCE)


def test_the_pages_lead_through_it(shree: Workspace, two: tuple[Member, Member]) -> None:
    seal(shree, person(shree))
    with clock.standing_at(IN_FORCE):
        first, second = signed_in(two[0]), signed_in(two[1])
        assert (
            first.post(reverse("privacy:vault"), {"address": "1", "authority": "a", "reason": "b"}).status_code == 422
        )
        sent = {"address": "+91 98765 43210", "authority": "Court of Pune", "reason": "Order 7"}
        assert first.post(reverse("privacy:vault"), sent).status_code == 303
        with tenancy.inside(shree):
            release = VaultRelease.objects.of(shree).get()
        assert b"Asha" not in first.get(reverse("privacy:vault")).content
        second.post(reverse("privacy:vault_allow", args=[release.pk]))
        opened = first.post(reverse("privacy:vault_open", args=[release.pk]))
        assert opened.status_code == 200
        assert b"Asha Patil" in opened.content
        again = first.post(reverse("privacy:vault_open", args=[release.pk]))
        assert (again.status_code, b"Asha" in again.content) == (303, False)


def test_an_agent_has_no_way_in(shree: Workspace) -> None:
    assert signed_in(make_member(shree, Role.AGENT)).get(reverse("privacy:vault")).status_code == 403


def test_no_other_module_reads_a_body() -> None:
    """`opened` is called by `releasing` alone, and no module but these two names the table's body."""
    package = Path(sealing.__file__).parents[2]
    callers: list[str] = []
    for path in package.rglob("*.py"):
        if "tests" in path.parts or path.name == "sealing.py":
            continue
        text = path.read_text()
        if "opened" not in text and "open_until" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Attribute) and node.attr == "opened" and getattr(node.value, "id", "") == "sealing":
                callers.append(path.name)
            if isinstance(node, ast.Attribute) and node.attr == "open_until" and path.name != "vault.py":
                callers.append(path.name)
    assert callers == ["releasing.py"]


def test_the_probe_sees_what_outlived_its_day(shree: Workspace) -> None:
    seal(shree, person(shree))
    end = datetime(2028, 5, 14, tzinfo=UTC)

    def found(at: datetime) -> Any:
        with tenancy.inside(shree):
            return probes.destroyed(Asked(shree.pk, policy(), at))

    assert found(end).is_kept
    late = found(end + timedelta(days=1))
    assert (late.is_kept, late.facts["late"]) == (False, 2)
    with tenancy.inside(shree):
        sealing.destroy_due(shree.pk, at=end + timedelta(days=1))
    assert found(end + timedelta(days=1)).is_kept
