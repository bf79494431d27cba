"""For which purpose, by whom: what the purpose does not need comes back empty and is logged, what is sensitive comes back masked."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from amanat.accounts import api_tokens
from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.basis import openings, reading, restrictions
from amanat.basis.consent import How
from amanat.basis.models import Method, Opening, Restriction, Withholding
from amanat.basis.tests.people import make_contact
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry
from amanat.people import masking, vocabulary
from amanat.people import personal_data as people_data
from amanat.people.models import Contact, CustomField
from amanat.policy import ready
from amanat.publishing.tests.samples import published

PHONE, EMAIL, PAN = "+919822041736", "asha@example.in", "ABCPM1234K"
NARROW = ("uses: [identity, content, talk, billing, proof]", "uses: [identity]")


@pytest.fixture(autouse=True)
def forget_what_was_noted() -> None:
    reading._noted.clear()


@pytest.fixture
def asha(db: None, shree: Workspace) -> Contact:
    with tenancy.inside(shree):
        CustomField.objects.create(
            workspace_id=shree.pk, on="contact", key="pan", label="PAN", kind="text", personal_kind="pd:OfficialID"
        )
        return make_contact(
            shree, "Asha Menon", phone=PHONE, email=EMAIL, birthday=date(1990, 4, 17), notes="prefers evenings", custom={"pan": PAN},
            job_title="Teacher",
        )  # fmt: skip


def page(member: Member, contact: Contact) -> str:
    return signed_in(member).get(f"/contacts/{contact.pk}/").content.decode()


def held(member: Member, purpose: str = "service") -> masking.Guard:
    with tenancy.inside(member.workspace_id):
        return masking.guard(member, vocabulary.of(member.workspace_id), purpose)


def restrict(contact: Contact, what: str = "impose") -> None:
    with tenancy.inside(contact.workspace_id):
        act = getattr(restrictions, what)
        act(contact=contact, ground=Restriction.Ground.REQUEST, how=How(Method.PHONE), at=clock.now())


def test_kinds_agree_with_the_declarations() -> None:
    declared = next(one for one in people_data.HELD if one.model == "people.Contact").personal
    reaches = {"phones": "main_phone", "emails": "main_email"}
    for name, kind in masking.KINDS.items():
        if name != "addresses":
            assert declared[reaches.get(name, name)].kind == kind, name


@pytest.mark.parametrize(
    ("purpose", "withheld"),
    [
        ("service", set()),
        ("payment", {"birthday", "notes", "stage", "follow_up_on", "last_contact_at"}),
        ("analytics", set(masking.KINDS)),
        ("no_such_purpose", set(masking.KINDS)),
    ],
)
def test_a_purpose_reads_the_kinds_it_uses_and_no_other(purpose: str, withheld: set[str]) -> None:
    assert set(masking.KINDS) - reading.fields_of(ready.policy("default"), purpose, masking.KINDS) == withheld


@pytest.mark.parametrize("name", ready.names())
def test_every_ready_policy_lets_the_service_read_what_its_pages_show(name: str) -> None:
    assert reading.fields_of(ready.policy(name), "service", masking.KINDS) == set(masking.KINDS)


def test_owner_and_manager_see_agents_see_masked_auditors_see_no_address(shree: Workspace, asha: Contact) -> None:
    expected: dict[str, set[str]] = {
        Role.OWNER: set(),
        Role.MANAGER: set(),
        Role.AGENT: {"birthday", "custom-pan"},
        Role.AUDITOR: {"birthday", "custom-pan", "phones", "emails", "addresses"},
    }
    for role, masked in expected.items():
        member = owner_of(shree) if role == Role.OWNER else make_member(shree, role)
        assert held(member).masked == masked, role


def test_the_page_of_a_person_masks_for_an_agent_and_shows_to_the_owner(shree: Workspace, asha: Contact) -> None:
    seen, masked = page(owner_of(shree), asha), page(make_member(shree), asha)
    assert "17 Apr" in seen and PAN in seen
    assert "17 Apr" not in masked and PAN not in masked and "•••• 34K" in masked
    assert "98220 41736" in masked, "an agent calls people"


def test_an_auditor_sees_no_address_anywhere(shree: Workspace, asha: Contact) -> None:
    client = signed_in(make_member(shree, Role.AUDITOR))
    for path in (f"/contacts/{asha.pk}/", "/contacts/?columns=phone&columns=email"):
        text = client.get(path).content.decode()
        assert "Asha Menon" in text
        assert not any(one in text for one in ("98220", "9822041736", EMAIL)), path


@pytest.mark.slow
def test_an_opened_value_shows_to_who_opened_it_until_its_time_is_over(shree: Workspace, asha: Contact) -> None:
    agent, colleague = make_member(shree), make_member(shree, name="Om Rane")
    client = signed_in(agent)
    where = f"/contacts/{asha.pk}/open/?field=custom-pan"
    assert client.get(where).status_code == 200
    assert client.post(where, {"reason": "service", "words": "PAN card, she waits"}).status_code == 303
    assert PAN in page(agent, asha) and "17 Apr" not in page(agent, asha)
    assert PAN not in page(colleague, asha)
    with tenancy.inside(shree):
        assert openings.in_force(member=agent, contact_id=asha.pk, at=clock.now()) == {"custom-pan"}
        assert not openings.in_force(member=agent, contact_id=asha.pk, at=clock.now() + openings.OPEN_FOR)


def test_the_person_can_be_told_who_saw_what_and_why(shree: Workspace, asha: Contact) -> None:
    agent = make_member(shree)
    now = clock.now()
    with tenancy.inside(shree):
        openings.open_value(
            contact=asha, name="birthday", purpose="service", reason=Opening.Reason.CHECK, words="  form  asks for it ", by=agent, at=now
        )  # fmt: skip
        assert openings.of(asha, workspace=shree) == [
            openings.Seen(now, agent.pk, "birthday", "To check who the person is", "form asks for it")
        ]
        entry = LedgerEntry.objects.of(shree).get(event="basis.value.opened")
        assert (
            entry.facts["field"] == "birthday"
            and "1990" not in str(entry.facts)
            and "form asks" not in str(entry.facts)
        )


@pytest.mark.parametrize(
    "sent", [{}, {"reason": "service", "words": "x"}, {"reason": "curious", "words": "just so I know"}]
)
def test_nobody_opens_without_saying_why(shree: Workspace, asha: Contact, sent: dict[str, str]) -> None:
    answer = signed_in(make_member(shree)).post(f"/contacts/{asha.pk}/open/?field=birthday", sent)
    assert answer.status_code == 422
    with tenancy.inside(shree):
        assert not Opening.objects.of(shree).exists()


def test_there_is_no_way_around_a_field_that_does_not_exist_or_a_person_of_others(
    shree: Workspace, other: Workspace, asha: Contact
) -> None:
    agent = signed_in(make_member(shree))
    assert agent.get(f"/contacts/{asha.pk}/open/?field=password").status_code == 404
    assert signed_in(owner_of(other)).get(f"/contacts/{asha.pk}/open/?field=birthday").status_code == 404


@pytest.mark.slow
def test_a_narrower_policy_empties_the_fields_at_once_and_logs_the_attempt(shree: Workspace, asha: Contact) -> None:
    owner = owner_of(shree)
    assert "17 Apr" in page(owner, asha)
    published(shree, NARROW)
    text = page(owner, asha)
    assert not any(one in text for one in ("17 Apr", "prefers evenings", PAN)) and "98220 41736" in text
    page(owner, asha)
    with tenancy.inside(shree):
        rows = Withholding.objects.of(shree).filter(by=owner).values_list("field", "purpose", "policy_version")
        assert set(rows) == {(name, "service", 1) for name in ("birthday", "notes", "custom-pan")}
    answer = signed_in(owner).get(f"/contacts/{asha.pk}/open/?field=birthday")
    assert answer.status_code == 404, "an owner has no way around the published purpose either"


def test_an_edit_leaves_alone_what_it_does_not_show(shree: Workspace, asha: Contact) -> None:
    client = signed_in(make_member(shree))
    form = client.get(f"/contacts/{asha.pk}/edit/").content.decode()
    assert "1990" not in form and PAN not in form and 'name="job_title"' in form
    sent = {"name": "Asha M.", "phone_number": PHONE, "email_address": EMAIL, "job_title": "Head", "birthday": "2001-01-01", "custom-pan": "X"}  # fmt: skip
    assert client.post(f"/contacts/{asha.pk}/edit/", sent | {"anyway": "1"}).status_code == 303
    with tenancy.inside(shree):
        now = Contact.objects.of(shree).get(pk=asha.pk)
        assert (now.name, now.job_title, now.birthday, now.custom) == (
            "Asha M.",
            "Head",
            date(1990, 4, 17),
            {"pan": PAN},
        )


def test_the_change_log_does_not_tell_what_the_page_hides(shree: Workspace, asha: Contact) -> None:
    owner = signed_in(owner_of(shree))
    sent = {"name": "Asha Menon", "phone_number": PHONE, "email_address": EMAIL, "birthday": "1991-05-18", "custom-pan": PAN, "anyway": "1"}  # fmt: skip
    assert owner.post(f"/contacts/{asha.pk}/edit/", sent).status_code == 303
    assert "18 May 1991" in page(owner_of(shree), asha)
    masked = page(make_member(shree), asha)
    assert "1991" not in masked and "1990" not in masked


def test_a_restricted_person_is_stored_and_shown_to_nobody(shree: Workspace, asha: Contact) -> None:
    owner = owner_of(shree)
    restrict(asha)
    client = signed_in(owner)
    text = page(owner, asha)
    assert "is restricted" in text
    assert not any(one in text for one in ("98220", EMAIL, "17 Apr", PAN, "prefers evenings", "Teacher"))
    lines = client.get("/contacts/?columns=phone&columns=email").content.decode()
    assert "Asha Menon" in lines and "restricted" in lines and "98220" not in lines and EMAIL not in lines
    assert client.get(f"/contacts/{asha.pk}/edit/")["Location"] == f"/contacts/{asha.pk}/"
    restrict(asha, "lift")
    assert "98220 41736" in page(owner, asha)


def test_a_restricted_person_is_opened_only_with_a_reason(shree: Workspace, asha: Contact) -> None:
    owner = owner_of(shree)
    restrict(asha)
    client = signed_in(owner)
    client.post(f"/contacts/{asha.pk}/open/?field=*", {"reason": "claim", "words": "the court asks for it"})
    assert "98220 41736" in page(owner, asha)
    assert "98220" not in page(make_member(shree, Role.MANAGER), asha)


def test_an_export_leaves_out_restricted_people_and_says_so(shree: Workspace, asha: Contact) -> None:
    with tenancy.inside(shree):
        make_contact(shree, "Bala Rane", phone="+919822041737")
    restrict(asha)
    client = signed_in(owner_of(shree))
    file = b"".join(client.post("/export/contacts/", {"format": "csv"})).decode()  # type: ignore[arg-type]
    assert "Bala Rane" in file and "Asha" not in file
    assert "1 person is left out" in client.get("/contacts/").content.decode()
    with tenancy.inside(shree):
        facts = LedgerEntry.objects.of(shree).get(event="people.contacts.exported").facts
    assert (facts["count"], facts["left_out_people"], facts["purpose"]) == (1, 1, "service")


@pytest.mark.slow
def test_an_export_has_no_columns_that_its_purpose_does_not_need(shree: Workspace, asha: Contact) -> None:
    published(shree, NARROW)
    client = signed_in(owner_of(shree))
    file = b"".join(client.post("/export/contacts/", {"format": "csv"})).decode()  # type: ignore[arg-type]
    head = file.splitlines()[0]
    assert "Birthday" not in head and "Notes" not in head and "PAN" not in head and "Phone 1" in head
    assert "1990-04" not in file and PAN not in file and "98220 41736" in file
    told = client.get("/contacts/").content.decode()
    assert "does not need it" in told and "birthday" in told and "PAN" in told


def test_a_program_gets_what_its_member_gets(shree: Workspace, asha: Contact) -> None:
    found: dict[str, dict[str, Any]] = {}
    for role in (Role.OWNER, Role.AGENT, Role.AUDITOR):
        member = owner_of(shree) if role == Role.OWNER else make_member(shree, role)
        with tenancy.inside(shree):
            _token, secret = api_tokens.make(
                member=member,
                name=role,
                scopes=["contacts:read"],
                expires_at=clock.now() + timedelta(days=1),
                at=clock.now(),
            )
        client = Client(headers={"Authorization": f"Bearer {secret}"})
        found[role] = client.get(f"/api/v1/contacts/{asha.pk}").json()
        line = client.get("/api/v1/contacts").json()["items"][0]
        assert bool(line["phone"]) == (role != Role.AUDITOR)
    assert (found[Role.OWNER]["birthday"], found[Role.OWNER]["custom"]) == ("1990-04-17", {"pan": PAN})
    assert (found[Role.AGENT]["birthday"], found[Role.AGENT]["custom"], len(found[Role.AGENT]["phones"])) == (
        None,
        {},
        1,
    )
    assert (found[Role.AUDITOR]["phones"], found[Role.AUDITOR]["emails"]) == ([], [])


def test_a_list_with_the_guard_takes_as_many_statements_as_before(shree: Workspace, asha: Contact) -> None:
    """What the guard rests on comes with the words of the workspace."""
    member = owner_of(shree)
    with tenancy.inside(shree), CaptureQueriesContext(connection) as captured:
        words = vocabulary.of(shree)
        masking.guard(member, words, "service")
    assert len(captured) == 1


def test_a_later_day_logs_anew(shree: Workspace, asha: Contact, monkeypatch: pytest.MonkeyPatch) -> None:
    member = owner_of(shree)
    with tenancy.inside(shree):
        for days in (0, 0, 1):
            clock.shift(timedelta(days=days))
            reading.note(member=member, purpose="payment", fields=["birthday"])
        clock.shift(timedelta(0))
        assert Withholding.objects.of(shree).count() == 2
