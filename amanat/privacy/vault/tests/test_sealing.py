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
from amanat.privacy.retention.tests.factories import contact, policy, publish
from amanat.privacy.vault import probes, releasing, sealing
from amanat.privacy.vault.models import SealedRecord, VaultRelease

pytestmark = pytest.mark.django_db

IN_FORCE = datetime(2027, 5, 13, 9, tzinfo=UTC)
#: The last second of 12 May in India.
BEFORE = datetime(2027, 5, 12, 18, 29, 59, tzinfo=UTC)


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


def test_a_record_says_the_days_of_the_shop(shree: Workspace) -> None:
    """From the first minute of 13 May in India the law holds; in Greenwich it is 12 May."""
    asha, night = person(shree), BEFORE + timedelta(seconds=1)
    with tenancy.inside(shree):
        Contact.objects.of(shree).update(created_at=night - timedelta(days=2))
        Interaction.objects.of(shree).update(happened_at=night - timedelta(days=1))
        sealing.seal_before_erasure([asha.pk], workspace_id=shree.pk, at=night, erasure_id=None)
        body = sealing.opened(SealedRecord.objects.of(shree).get())
    said = [body["known_since"], *body["happened"], body["erased_on"]]
    assert said == ["2027-05-11", ["2027-05-12", "note"], "2027-05-13"]


def test_sealing_twice_keeps_one(shree: Workspace) -> None:
    asha = person(shree)
    seal(shree, asha)
    seal(shree, asha)
    with tenancy.inside(shree):
        assert SealedRecord.objects.of(shree).count() == 1


def test_of_each_only_what_is_hers_the_newest_days_first_and_who_she_is(shree: Workspace) -> None:
    asha, ravi = person(shree), person(shree, "Ravi Rao", phone="+919811111111")
    with tenancy.inside(shree):
        Interaction.objects.create(
            workspace_id=shree.pk, contact=ravi, kind="call", happened_at=IN_FORCE + timedelta(days=1), summary="Rang"
        )
        seal(shree, asha, ravi)
        bodies = {body["name"]: body for body in map(sealing.opened, SealedRecord.objects.of(shree))}
        said = LedgerEntry.objects.of(shree).filter(event="privacy.vault.sealed").get()
    assert bodies["Ravi Rao"] == {
        "name": "Ravi Rao",
        "phones": ["+919811111111"],
        "emails": ["asha@example.in"],
        "known_since": "2026-03-15",
        "erased_on": "2027-05-13",
        "happened": [["2027-05-14", "call"], ["2027-05-13", "note"]],
    }
    assert bodies["Asha Patil"]["phones"] == ["+919876543210"] and len(bodies["Asha Patil"]["happened"]) == 1
    assert said.facts == {"count": 2, "laws": ["in-dpdp-8-3"], "ends_on": "2028-05-14"}


def test_who_is_not_erased_is_not_sealed_and_of_a_long_life_only_the_newest_days(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "_MOST_DAYS", 2)
    asha, ravi = person(shree), person(shree, "Ravi Rao", phone="+919811111111")
    with tenancy.inside(shree):
        for days in (2, 1):
            at = IN_FORCE - timedelta(days=days)
            Interaction.objects.create(workspace_id=shree.pk, contact=asha, kind="call", happened_at=at)
    assert [one.contact_id for one in seal(shree, asha)] == [asha.pk] != [ravi.pk]
    with tenancy.inside(shree):
        assert sealing.opened(SealedRecord.objects.of(shree).get())["happened"] == [
            ["2027-05-13", "note"],
            ["2027-05-12", "call"],
        ]


def test_a_key_that_goes_without_a_row_is_told_too(shree: Workspace) -> None:
    seal(shree, person(shree))
    with tenancy.inside(shree):
        SealedRecord.objects.of(shree).delete()
        assert sealing.destroy_due(shree.pk, at=datetime(2028, 5, 14, tzinfo=UTC)) == 0
        said = LedgerEntry.objects.of(shree).filter(event="privacy.vault.destroyed").get()
        assert said.facts == {"count": 0, "keys": 1}


@pytest.mark.parametrize(("days", "count"), [(0, 1), (366, 1), (367, 0), (400, 0)])
def test_after_a_restore_only_what_would_still_lie_here_is_sealed(shree: Workspace, days: int, count: int) -> None:
    """Erased on 13 May 2027, destroyed on 14 May 2028."""
    asha, today = person(shree), IN_FORCE.date() + timedelta(days=days)
    with tenancy.inside(shree):
        done = sealing.seal_before_erasure([asha.pk], workspace_id=shree.pk, at=IN_FORCE, erasure_id=None, today=today)
        assert (len(done), SealedRecord.objects.of(shree).count()) == (count, count)
        assert LedgerEntry.objects.of(shree).filter(event="privacy.vault.sealed").count() == count


def test_a_policy_without_a_sealed_store_and_an_erasure_of_nobody_seal_nothing(shree: Workspace) -> None:
    default = policy()
    assert [floor.id for floor in sealing.floors_in_force(default, IN_FORCE.date())] == ["in-dpdp-8-3"]
    assert sealing.floors_in_force(default, BEFORE.date()) == []
    assert sealing.floors_in_force(default.model_copy(update={"vault": None}), IN_FORCE.date()) == []
    assert seal(shree) == [] and seal(shree, person(shree, "Marie", phone="+33612345678")) == []
    publish(shree, default.model_copy(update={"vault": None}), by=owner_of(shree), at=BEFORE)
    assert seal(shree, person(shree)) == []
    with tenancy.inside(shree):
        assert not LedgerEntry.objects.of(shree).filter(event__startswith="privacy.vault").exists()


@pytest.mark.parametrize(
    ("phone", "countries", "seals"),
    [
        ("", [], True),
        ("+33612345678", [], False),
        ("+33612345678", ["", "India"], True),
        ("+919876543210", ["France", "India"], False),
    ],
    ids=["nothing-known", "her-phone", "her-address", "her-first-address"],
)
def test_where_the_law_looks_for_her(shree: Workspace, phone: str, countries: list[str], seals: bool) -> None:
    asha = contact(shree, main_phone=phone)
    with tenancy.inside(shree):
        for position, country in enumerate(countries):
            Address.objects.create(workspace_id=shree.pk, contact=asha, country=country, position=position)
    assert bool(seal(shree, asha)) is seals


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
        assert sealing.destroy_due(shree.pk, at=end) == 0
        said = LedgerEntry.objects.of(shree).filter(event="privacy.vault.destroyed").get()
        assert said.facts == {"count": 1, "keys": 1}


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
        with pytest.raises(releasing.ReleaseRefused):
            releasing.open_once(release=release, by=two[0], at=IN_FORCE)
        release.refresh_from_db()
        said = LedgerEntry.objects.of(shree).filter(event="privacy.vault.refused").get()
    assert (release.refused_at, release.allowed_at, release.allowed_by_id) == (IN_FORCE, None, None)
    assert (said.actor, said.about, said.facts) == (two[1].pk, release.record_id, {"release": str(release.pk)})


def test_what_was_allowed_stands_and_says_who_and_when(shree: Workspace, two: tuple[Member, Member]) -> None:
    seal(shree, person(shree))
    release, later = asked(shree, two[0], address=" ASHA@example.in "), IN_FORCE + timedelta(hours=1)
    with tenancy.inside(shree):
        releasing.allow(release=release, by=two[1], at=later)
        for step in (releasing.allow, releasing.refuse):
            with pytest.raises(releasing.ReleaseRefused):
                step(release=release, by=two[1], at=later)
        assert releasing.open_once(release=release, by=two[1], at=later)["name"] == "Asha Patil"
        release.refresh_from_db()
        assert release.refused_at is None
        assert (release.allowed_at, release.allowed_by_id, release.opened_at) == (later, two[1].pk, later)
        assert release.opened_by_id == two[1].pk
        entries = LedgerEntry.objects.of(shree).filter(facts__release=str(release.pk))
        told = {one.event.rpartition(".")[2]: (one.actor, one.about, one.at) for one in entries}
    record = release.record_id
    assert told == {
        "asked": (two[0].pk, record, IN_FORCE),
        "allowed": (two[1].pk, record, later),
        "opened": (two[1].pk, record, later),
    }


def test_what_has_its_day_is_neither_found_nor_opened(shree: Workspace, two: tuple[Member, Member]) -> None:
    seal(shree, person(shree))
    release, end = asked(shree, two[0]), datetime(2028, 5, 14, tzinfo=UTC)
    said = {"workspace": shree, "address": "asha@example.in", "authority": "a", "reason": "b", "by": two[0]}
    with tenancy.inside(shree):
        releasing.allow(release=release, by=two[1], at=IN_FORCE)
        assert len(releasing.ask(at=end - timedelta(seconds=1), **said)) == 1
        with pytest.raises(releasing.NothingSealed):
            releasing.ask(at=end, **said)
        SealedRecord.objects.of(shree).delete()
        with pytest.raises(releasing.NothingSealed):
            releasing.open_once(release=release, by=two[0], at=IN_FORCE)


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
        lines = opened.content.decode().partition("On which days")[2]
        assert "13 May 2027" in lines and "2027-05-13" not in opened.content.decode()
        assert ">Notes<" in lines and ">note<" not in lines
        again = first.post(reverse("privacy:vault_open", args=[release.pk]))
        assert (again.status_code, b"Asha" in again.content) == (303, False)


def test_an_agent_has_no_way_in(shree: Workspace) -> None:
    assert signed_in(make_member(shree, Role.AGENT)).get(reverse("privacy:vault")).status_code == 403


@pytest.mark.slow
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
