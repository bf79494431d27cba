"""Registers: processing, recipients against contracts and traffic, authorities with their approvers, staff, places."""

from __future__ import annotations

import io
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.test import override_settings
from django.urls import reverse
from pypdf import PdfReader

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.basis import rules
from amanat.core import clock, outgoing, tenancy
from amanat.core.models import LedgerEntry
from amanat.core.outgoing import Disclosure
from amanat.people.tests import factories
from amanat.policy.durations import Duration
from amanat.policy.format import Policy
from amanat.privacy.registers import authorities, contracts, processing, residency, staff, traffic
from amanat.privacy.registers.contracts import Problem
from amanat.privacy.registers.models import (
    AuthorityApproval,
    AuthorityDisclosure,
    Contract,
    Residency,
    Traffic,
    Training,
)

TODAY = date(2026, 11, 22)


@pytest.fixture
def policy(shree: Workspace) -> Policy:
    with tenancy.inside(shree):
        return rules.of(shree.pk).policy


# --- the record of processing ---


def test_every_purpose_has_what_article_30_wants(policy: Policy) -> None:
    found = processing.activities(policy, language="en", region="IN")
    assert [one.name for one in found] == list(policy.purposes)
    service = found[0]
    assert service.purpose == "Providing the service"
    assert "Digital Personal Data Protection Act 2023: s7a" in service.grounds
    assert "customers and their contacts" in service.people
    assert "contact" in service.tables and "phone" in service.tables
    assert "hosting" in service.recipients.lower()
    assert "WhatsApp" in service.transfers  # in the United States
    assert "30 days after a request to erase" in service.retention
    assert "encryption at rest: a key for each workspace" in service.security


def test_a_purpose_taken_out_of_the_policy_disappears(policy: Policy) -> None:
    less = policy.model_copy(
        update={"purposes": {name: one for name, one in policy.purposes.items() if name != "analytics"}}
    )
    assert "analytics" not in [one.name for one in processing.activities(less, language="en", region="IN")]


def test_the_record_names_every_job_that_runs(shree: Workspace, policy: Policy) -> None:
    from amanat.core import jobs

    with tenancy.inside(shree):
        shown = processing.document(policy, workspace=shree, language="en", at=clock.now())
    running = {pair[0] for record in shown.sections[-1].records for pair in record.lines}
    assert running == set(jobs.registered())


@pytest.mark.sampled
@pytest.mark.parametrize("language", ["en", "hi", "mr"])
def test_the_page_the_pdf_and_the_csv_say_the_same(shree: Workspace, language: str) -> None:
    owner = owner_of(shree)
    client = signed_in(owner)
    type(owner.user).objects.filter(pk=owner.user_id).update(language=language)
    page = client.get(reverse("privacy:registers")).content.decode()
    csv = b"".join(client.get(reverse("privacy:register_file", args=["csv"])).streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    pdf = b"".join(client.get(reverse("privacy:register_file", args=["pdf"])).streaming_content)  # type: ignore[attr-defined]
    assert len(PdfReader(io.BytesIO(pdf)).pages) >= 2
    for word in ("s7a", "A6-1-b", "notice"):
        assert word in page and word in csv
    assert client.get(reverse("privacy:register_file", args=["exe"])).status_code == 404


# --- recipients ---


def test_a_recipient_without_its_contract_is_a_problem(policy: Policy) -> None:
    hosting = policy.recipients["hosting"]
    assert contracts.problems(hosting, None, TODAY) == (Problem.NO_CONTRACT,)
    assert contracts.problems(policy.recipients["partner"], None, TODAY) == ()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ()),
        ({"until": TODAY}, (Problem.CONTRACT_OVER,)),
        ({"until": TODAY + timedelta(days=1)}, ()),
        ({"country": "DE"}, (Problem.OTHER_COUNTRY,)),
        ({"safeguard": ""}, (Problem.NO_SAFEGUARD,)),
    ],
)
def test_a_contract_is_compared_with_the_policy(
    policy: Policy, changes: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    values: dict[str, Any] = {"country": "US", "safeguard": "scc", "until": None} | changes
    assert contracts.problems(policy.recipients["whatsapp"], Contract(**values), TODAY) == expected


def test_real_traffic_is_put_beside_the_recipient_and_the_rest_is_shown(shree: Workspace, policy: Policy) -> None:
    for host in ("graph.facebook.com", "graph.facebook.com", "tracker.example"):
        traffic.count(Disclosure("whatsapp" if "graph" in host else "unknown", host, "POST", 100, uuid4()))
    traffic.count_refused("unknown", "evil.example")
    with tenancy.inside(shree):
        found = contracts.register(policy, workspace_id=shree.pk, language="en", at=clock.now())
    whatsapp = next(one for one in found.bound if one.name == "whatsapp")
    assert (whatsapp.requests, whatsapp.traffic[0].sent_bytes) == (2, 200)
    assert [(line.recipient, line.host) for line in found.unnamed] == [("unknown", "tracker.example")]
    assert [line.host for line in found.refused] == ["evil.example"]


def test_signing_in_to_a_mailbox_is_traffic_of_the_recipient_mail(shree: Workspace, policy: Policy) -> None:
    traffic.count(Disclosure("mail sign-in", "oauth2.googleapis.com", "POST", 100, None))
    with tenancy.inside(shree):
        found = contracts.register(policy, workspace_id=shree.pk, language="en", at=clock.now())
    assert found.unnamed == []
    assert [(one.name, one.requests) for one in found.bound if one.traffic] == [("mail", 1)]


def test_what_stays_on_this_machine_was_received_by_nobody(shree: Workspace, policy: Policy) -> None:
    """The doubles of the sandbox, and the site's own address: shown, and no breach of a promise."""
    for recipient, host in (("sandbox", "127.0.0.1"), ("mail sandbox", "::1"), (contracts.OWN_DOOR, "crm.example.in")):
        traffic.count(Disclosure(recipient, host, "POST", 100, None))
    traffic.count(Disclosure("sandbox", "127.0.0.1.tracker.example", "POST", 100, None))
    with tenancy.inside(shree):
        found = contracts.register(policy, workspace_id=shree.pk, language="en", at=clock.now())
    assert sorted(line.host for line in found.inside) == ["127.0.0.1", "::1", "crm.example.in"]
    assert [line.host for line in found.unnamed] == ["127.0.0.1.tracker.example"]


def test_traffic_of_long_ago_is_not_compared(shree: Workspace, policy: Policy) -> None:
    with clock.standing_at(clock.now() - contracts.COMPARED - timedelta(days=1)):
        traffic.count(Disclosure("unknown", "tracker.example", "GET", 0, None))
    with tenancy.inside(shree):
        assert contracts.register(policy, workspace_id=shree.pk, language="en", at=clock.now()).unnamed == []


@pytest.mark.django_db
def test_what_is_undeclared_is_refused_and_counted() -> None:
    with pytest.raises(outgoing.Refused):
        outgoing.send("GET", "https://undeclared.example/path?x=1", recipient="nobody declared this")
    [row] = Traffic.objects.all()
    assert (row.recipient, row.host, row.was_refused, row.requests) == (
        "nobody declared this",
        "undeclared.example",
        True,
        1,
    )


@pytest.mark.django_db
def test_the_count_knows_no_person() -> None:
    about = uuid4()
    traffic.count(Disclosure("mail", "mail.example", "POST", 5, about))
    [row] = Traffic.objects.values()
    assert str(about) not in str(row) and about.hex not in str(row)


def test_an_owner_registers_a_contract_and_the_old_one_ends(shree: Workspace) -> None:
    client = signed_in(owner_of(shree))
    values = {
        "recipient": "hosting",
        "party": "Bharat Hosting",
        "country": "in",
        "signed_on": "2026-01-01",
        "until": "2027-01-01",
    }
    for party in ("Bharat Hosting", "Desh Hosting"):
        paper = io.BytesIO(b"the contract")
        paper.name = "contract.txt"
        assert (
            client.post(reverse("privacy:register_contract"), values | {"party": party, "paper": paper}).status_code
            == 303
        )
    with tenancy.inside(shree):
        assert contracts.standing(shree.pk)["hosting"].party == "Desh Hosting"
        assert Contract.objects.of(shree).filter(ended_at__isnull=False).get().country == "IN"
        newest = contracts.standing(shree.pk)["hosting"]
    file = client.get(reverse("privacy:register_contract_file", args=[newest.pk]))
    assert b"".join(file.streaming_content) == b"the contract"  # type: ignore[attr-defined]
    assert "Desh Hosting" in client.get(reverse("privacy:register_recipients")).content.decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"recipient": "nobody"},
        {"country": "India"},
        {"country": "1N"},
        {"country": "UN"},
        {"until": "2025-01-01"},
        {"signed_on": "x"},
    ],
)
def test_a_wrong_contract_is_refused_at_its_field(shree: Workspace, wrong: dict[str, str]) -> None:
    values = {"recipient": "hosting", "party": "Bharat Hosting", "country": "IN", "signed_on": "2026-01-01"}
    assert signed_in(owner_of(shree)).post(reverse("privacy:register_contract"), values | wrong).status_code == 422
    with tenancy.inside(shree):
        assert not Contract.objects.of(shree).exists()


# --- authorities ---


def demand(shree: Workspace, **values: Any) -> AuthorityDisclosure:
    details = {
        "authority": "Cyber Police, Nashik",
        "law": "BNSS s.94",
        "reference": "12/2026",
        "wanted": "Phone numbers",
        "contact": None,
    }
    with tenancy.inside(shree):
        return authorities.ask(**(details | values), by=owner_of(shree), at=clock.now())


def test_two_others_must_approve_before_anything_is_given(shree: Workspace) -> None:
    her = factories.make_contact(shree)
    asked, owner = demand(shree, contact=her), owner_of(shree)
    first, second = (make_member(shree, Role.MANAGER, name=name) for name in ("First Manager", "Second Manager"))
    at = clock.now()
    with tenancy.inside(shree):
        with pytest.raises(authorities.OwnDemand):
            authorities.approve(disclosure_id=asked.pk, by=owner, at=at)
        assert authorities.approve(disclosure_id=asked.pk, by=first, at=at) == 1
        assert authorities.approve(disclosure_id=asked.pk, by=first, at=at) == 1  # nobody counts twice
        with pytest.raises(authorities.NotApproved):
            authorities.give(disclosure_id=asked.pk, given="Her number", by=owner, at=at)
        assert authorities.approve(disclosure_id=asked.pk, by=second, at=at) == 2
        given = authorities.give(disclosure_id=asked.pk, given="Her number", by=owner, at=at)
        assert given.given_at == at
        with pytest.raises(authorities.Settled):
            authorities.refuse(disclosure_id=asked.pk, because="late", by=owner, at=at)
        events = list(
            LedgerEntry.objects.of(shree)
            .filter(about=her.pk, event__startswith="privacy.authority")
            .values_list("event", flat=True)
        )
    assert sorted(set(events)) == ["privacy.authority.approved", "privacy.authority.asked", "privacy.authority.given"]


def test_a_policy_that_names_three_approvers_needs_three(policy: Policy) -> None:
    named = policy.recipients["authority"].model_copy(update={"approvers": 3})
    assert authorities.needed(policy.model_copy(update={"recipients": policy.recipients | {"authority": named}})) == 3
    assert authorities.needed(policy.model_copy(update={"recipients": {}})) == 2


def test_a_refused_demand_stays_refused(shree: Workspace) -> None:
    asked, owner = demand(shree), owner_of(shree)
    with tenancy.inside(shree):
        authorities.refuse(disclosure_id=asked.pk, because="No section named", by=owner, at=clock.now())
        with pytest.raises(authorities.Settled):
            authorities.give(disclosure_id=asked.pk, given="x", by=owner, at=clock.now())


def test_the_database_keeps_approvals_and_refuses_both_ends(shree: Workspace) -> None:
    from django.db.utils import ProgrammingError

    asked, manager = demand(shree), make_member(shree, Role.MANAGER)
    with tenancy.inside(shree):
        authorities.approve(disclosure_id=asked.pk, by=manager, at=clock.now())
        with pytest.raises(ProgrammingError), transaction.atomic():
            AuthorityApproval.objects.of(shree).delete()
        with pytest.raises(IntegrityError), transaction.atomic():
            AuthorityDisclosure.objects.of(shree).update(given_at=clock.now(), refused_at=clock.now())


@pytest.mark.slow
def test_a_demand_walks_through_the_pages(shree: Workspace) -> None:
    her, owner = factories.make_contact(shree), signed_in(owner_of(shree))
    values = {"authority": "Court", "law": "CPC", "wanted": "Address", "contact_id": str(her.pk)}
    assert owner.post(reverse("privacy:register_demand"), values | {"contact_id": str(uuid4())}).status_code == 422
    half = owner.post(reverse("privacy:register_demand"), values | {"contact_id": str(her.pk)[:20]})
    assert (half.status_code, "Copy the whole address" in half.content.decode()) == (422, True)
    address = f"https://desk.example{reverse('people:contact', args=[her.pk])}?tab=notes"
    page = owner.post(reverse("privacy:register_demand"), values | {"contact_id": address})["Location"]
    with tenancy.inside(shree):
        asked = AuthorityDisclosure.objects.of(shree).get()
    text = owner.get(page).content.decode()
    assert "must approve" in text and "There are 2 members too few" in text, "the owner is alone"
    assert asked.contact_id == her.pk
    approve = reverse("privacy:register_authority_approve", args=[asked.pk])
    assert "others must approve it" in owner.post(approve, follow=True).content.decode()
    for name in ("First Manager", "Second Manager"):
        assert signed_in(make_member(shree, Role.MANAGER, name=name)).post(approve).status_code == 303
    assert "too few" not in owner.get(page).content.decode()
    give = reverse("privacy:register_authority_give", args=[asked.pk])
    assert owner.post(give, {"given": ""}).status_code == 422
    assert owner.post(give, {"given": "The address"}).status_code == 303
    assert "The address" in owner.get(page).content.decode()


def test_an_agent_and_an_auditor_cannot_give(shree: Workspace) -> None:
    asked = demand(shree)
    for role in (Role.AGENT, Role.AUDITOR):
        client = signed_in(make_member(shree, role))
        assert (
            client.post(reverse("privacy:register_authority_give", args=[asked.pk]), {"given": "x"}).status_code == 403
        )


# --- staff ---


def test_who_was_never_trained_is_due_and_training_lasts_its_interval(shree: Workspace) -> None:
    owner, every = owner_of(shree), Duration.parse("P1Y")
    with tenancy.inside(shree):
        [seat] = staff.seats(shree.pk, every=every)
        assert seat.trained_on is None and seat.is_due(clock.now().date())
        assert (
            staff.record_training(
                member_ids=[owner.pk, uuid4()], topic="Privacy", done_on=TODAY, by=owner, at=clock.now()
            )
            == 1
        )
        [seat] = staff.seats(shree.pk, every=every)
    assert seat.next_on == date(2027, 11, 22)
    assert not seat.is_due(date(2027, 11, 21)) and seat.is_due(date(2027, 11, 22))


def test_the_newest_training_counts(shree: Workspace) -> None:
    owner = owner_of(shree)
    with tenancy.inside(shree):
        for day in (date(2026, 6, 1), date(2025, 6, 1)):
            staff.record_training(member_ids=[owner.pk], topic=f"{day}", done_on=day, by=owner, at=clock.now())
        [seat] = staff.seats(shree.pk, every=Duration.parse("P1Y"))
    assert seat.trained_on == date(2026, 6, 1)


def test_the_register_shows_roles_and_the_last_sign_in(shree: Workspace) -> None:
    from amanat.accounts.models import SignIn

    owner, agent = owner_of(shree), make_member(shree, Role.AGENT, name="Prakash Jadhav")
    SignIn.objects.create(user=agent.user, outcome=SignIn.Outcome.SIGNED_IN, at=clock.now() - timedelta(days=3))
    SignIn.objects.create(user=agent.user, outcome=SignIn.Outcome.WRONG_PASSWORD, at=clock.now())
    with tenancy.inside(shree):
        seats = {seat.name: seat for seat in staff.seats(shree.pk, every=Duration.parse("P1Y"))}
    last = seats["Prakash Jadhav"].last_sign_in_at
    assert last is not None and (clock.now() - last).days == 3
    assert seats[owner.name].permissions > seats["Prakash Jadhav"].permissions
    page = signed_in(owner).get(reverse("privacy:register_staff")).content.decode()
    assert "Prakash Jadhav" in page


def test_training_of_a_day_to_come_is_refused(shree: Workspace) -> None:
    owner = owner_of(shree)
    values = {
        "members": [str(owner.pk)],
        "topic": "Privacy",
        "done_on": (clock.now() + timedelta(days=3)).date().isoformat(),
    }
    client = signed_in(owner)
    assert client.post(reverse("privacy:register_training"), values).status_code == 422
    assert client.post(reverse("privacy:register_training"), values | {"done_on": "2026-11-01"}).status_code == 303
    with tenancy.inside(shree):
        assert Training.objects.of(shree).get().done_on == date(2026, 11, 1)


def test_the_staff_page_has_the_same_statements_for_one_and_three(shree: Workspace) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client, counts = signed_in(owner_of(shree)), []
    for more in (0, 2):
        for number in range(more):
            make_member(shree, Role.AGENT, name=f"Agent {number}")
        with CaptureQueriesContext(connection) as caught:
            client.get(reverse("privacy:register_staff"))
        counts.append(
            len([one for one in caught.captured_queries if not one["sql"].startswith(("SAVEPOINT", "RELEASE"))])
        )
    assert counts[0] == counts[1] <= 8


# --- places ---


def elsewhere(region: str) -> Any:
    from dataclasses import replace

    from django.conf import settings

    return override_settings(CONFIGURATION=replace(settings.CONFIGURATION, region=region))


def test_a_workspace_is_bound_to_its_region_once_for_all(shree: Workspace) -> None:
    owner, at = owner_of(shree), clock.now()
    with tenancy.inside(shree):
        assert residency.of(shree.pk) == "IN"
        residency.pin(workspace_id=shree.pk, region="IN", by=owner, at=at)
        with pytest.raises(residency.Elsewhere):
            residency.pin(workspace_id=shree.pk, region="DE", by=owner, at=at)
        with elsewhere("DE"), pytest.raises(residency.Elsewhere):
            residency.pin(workspace_id=shree.pk, region="DE", by=owner, at=at)
        assert Residency.objects.of(shree).get().region == "IN"


def test_rows_that_came_to_another_region_are_found(shree: Workspace, other: Workspace) -> None:
    with tenancy.inside(shree):
        residency.pin(workspace_id=shree.pk, region="IN", by=None, at=clock.now())
    assert residency.elsewhere() == []
    with elsewhere("DE"):
        assert residency.elsewhere() == [(shree.pk, "IN")]


def test_what_a_policy_promises_is_bound(shree: Workspace, other: Workspace) -> None:
    assert residency.pin_promised(at=clock.now()) == 2
    assert residency.pin_promised(at=clock.now()) == 0
    with tenancy.inside(other):
        assert Residency.objects.of(other).get().region == "IN"


def test_recipients_abroad_are_listed_with_their_safeguard(policy: Policy) -> None:
    found = {one.name: (one.countries, one.is_safe) for one in residency.transfers(policy, region="IN")}
    assert found == {"whatsapp": (("US",), True), "push": (("US",), True)}
    void = policy.recipients["whatsapp"].model_copy(update={"safeguard": "privacy_shield"})
    banned = policy.model_copy(update={"recipients": policy.recipients | {"whatsapp": void}})
    assert not residency.transfers(banned, region="IN")[0].is_safe


@pytest.mark.parametrize(
    "name", ["registers", "register_recipients", "register_authorities", "register_staff", "register_places"]
)
def test_owner_and_auditor_read_the_registers_and_an_agent_does_not(shree: Workspace, name: str) -> None:
    address = reverse(f"privacy:{name}")
    assert signed_in(owner_of(shree)).get(address).status_code == 200
    assert signed_in(make_member(shree, Role.AUDITOR)).get(address).status_code == 200
    assert signed_in(make_member(shree, Role.AGENT)).get(address).status_code == 403


def test_places_are_told_by_their_names(shree: Workspace) -> None:
    page = signed_in(owner_of(shree)).get(reverse("privacy:register_places")).content.decode()
    assert page.count("<dd>India") == 2 and "<dd>IN" not in page
