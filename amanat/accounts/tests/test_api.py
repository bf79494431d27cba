"""The API's door: tokens, scopes, limits, repeats; and what it says about members."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from amanat.accounts import api_access, api_tokens, bulk_reads, members, tasks
from amanat.accounts.models import ApiToken, Invitation, Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.api_client import Program, owners_program, program, token_of
from amanat.accounts.tests.factories import make_member, owner_of
from amanat.core import clock, tenancy
from amanat.core.limits import Limit
from amanat.core.models import IdempotentAnswer, LedgerEntry, LocalMessage
from amanat.people.models import Contact
from amanat.people.tests.factories import make_contact

SUNITA = {"name": "Sunita Deshmukh", "phones": [{"number": "98220 41736"}]}


def _names(workspace: Workspace) -> list[str]:
    with tenancy.inside(workspace):
        return list(Contact.objects.of(workspace).alive().order_by("id").values_list("name", flat=True))


def test_a_token_says_whom_it_acts_as(shree: Workspace) -> None:
    owner = owner_of(shree)
    said = program(owner, "tasks:read").get("/me").json()
    assert (said["member"], said["role"], said["workspace"]) == ("Rekha Kulkarni", "owner", "Shree CSC Kendra")
    assert (said["scopes"], said["token"], said["currency"]) == (["tasks:read"], "Tally sync", "INR")
    assert said["expires_at"].endswith("Z")


def test_a_token_stops_when_it_is_revoked_when_it_expires_and_when_its_member_goes(shree: Workspace) -> None:
    agent = make_member(shree)
    hers = program(agent)
    assert hers.get("/me").status_code == 200
    with tenancy.inside(shree):
        members.end(member=agent, by=owner_of(shree), at=clock.now())
    assert hers.get("/me").status_code == 401
    revoked, expired = program(owner_of(shree)), program(owner_of(shree))
    with tenancy.inside(shree):
        first, second = ApiToken.objects.of(shree).filter(revoked_at__isnull=True).order_by("id")
        api_tokens.revoke(token=first, by=owner_of(shree), at=clock.now())
        ApiToken.objects.of(shree).filter(pk=second.pk).update(expires_at=clock.now())
    assert (revoked.get("/me").status_code, expired.get("/me").status_code) == (401, 401)
    assert revoked.get("/me")["WWW-Authenticate"] == "Bearer"


def test_where_a_second_factor_is_asked_for_a_token_of_a_member_without_one_is_refused(shree: Workspace) -> None:
    hers = owners_program(shree)
    with tenancy.inside(shree):
        Workspace.objects.of(shree).update(requires_mfa=True)
    assert hers.get("/contacts").json()["title"] == "A second factor is needed"


def test_a_repeat_with_the_same_key_gets_the_first_answer(shree: Workspace) -> None:
    hers = owners_program(shree)
    first = hers.post("/contacts", SUNITA, Idempotency_Key="order-4711")
    again = hers.post("/contacts", SUNITA, Idempotency_Key="order-4711")
    assert "Idempotent-Replayed" not in first and again["Idempotent-Replayed"] == "true"
    assert (again.status_code, again.content, again["Location"], again["ETag"]) == (
        201, first.content, first["Location"], first["ETag"],
    )  # fmt: skip
    assert _names(shree) == ["Sunita Deshmukh"]


def test_a_key_belongs_to_its_content_its_address_and_its_member(shree: Workspace) -> None:
    hers, manager = owners_program(shree), program(make_member(shree, Role.MANAGER))
    assert hers.post("/contacts", SUNITA, Idempotency_Key="k").status_code == 201
    other = hers.post("/contacts", {"name": "Somebody else"}, Idempotency_Key="k")
    assert (other.status_code, other["Content-Type"]) == (422, "application/problem+json")
    assert manager.post("/contacts", {"name": "Asha"}, Idempotency_Key="k").status_code == 201
    assert hers.post("/companies", {"name": "Dairy"}, Idempotency_Key="k").status_code == 201
    one, two = make_contact(shree, "One"), make_contact(shree, "Two")
    note = {"text": "Asked for the form."}
    assert hers.post(f"/contacts/{one.pk}/notes", note, Idempotency_Key="n").status_code == 201
    assert hers.post(f"/contacts/{two.pk}/notes", note, Idempotency_Key="n").status_code == 422
    assert _names(shree) == ["Sunita Deshmukh", "Asha", "One", "Two"]


def test_a_refused_request_may_be_tried_again_with_its_key(shree: Workspace) -> None:
    hers = owners_program(shree)
    assert hers.post("/contacts", {"name": ""}, Idempotency_Key="k").status_code == 422
    assert hers.post("/contacts", SUNITA, Idempotency_Key="k").status_code == 201


def test_a_key_that_is_too_long_or_unprintable_is_refused(shree: Workspace) -> None:
    hers = owners_program(shree)
    for key in ("x" * 256, "a\x01b"):
        assert hers.post("/contacts", SUNITA, Idempotency_Key=key).status_code == 400
    assert _names(shree) == []


def test_an_upload_is_repeated_whatever_separates_its_parts(shree: Workspace) -> None:
    hers = owners_program(shree)

    def upload(content: bytes) -> Any:
        return hers.upload("/imports", {"file": SimpleUploadedFile("people.csv", content)}, Idempotency_Key="upload")

    first, again = upload(b"Name,Phone\nSunita,9822041736\n"), upload(b"Name,Phone\nSunita,9822041736\n")
    assert (first.status_code, again["Idempotent-Replayed"], again.content) == (201, "true", first.content)
    assert upload(b"Name,Phone\nAsha,9822041736\n").status_code == 422


def test_answers_are_forgotten_after_seven_days(shree: Workspace) -> None:
    hers = owners_program(shree)
    for key in ("old", "young"):
        hers.post("/contacts", {"name": key}, Idempotency_Key=key)
    with tenancy.inside(shree):
        rows = IdempotentAnswer.objects.of(shree)
        rows.filter(key="old").update(created_at=clock.now() - timedelta(days=7, seconds=1))
    tasks.sweep_answers()
    with tenancy.inside(shree):
        assert list(rows.values_list("key", flat=True)) == ["young"]


def test_fifty_equal_requests_at_once_make_one_contact(committed_db: None, shree: Workspace) -> None:
    token = token_of(owner_of(shree))

    def send(_number: int) -> tuple[int, str]:
        try:
            response = Program(token).post("/contacts", SUNITA, Idempotency_Key="once")
            return response.status_code, response.json()["id"]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(50) as pool:
        answers = set(pool.map(send, range(50)))
    assert len(answers) == 1 and answers.pop()[0] == 201
    assert _names(shree) == ["Sunita Deshmukh"]


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    from amanat.core import routes

    minute = timedelta(minutes=1)
    small = (
        Limit(3, minute, per="token", name="api reads", methods=("GET",)),
        Limit(2, minute, per="token", name="api writes", methods=("POST",)),
    )
    for route in routes.table().values():
        if isinstance(route.rule, api_access.ApiTokens):
            monkeypatch.setitem(route.__dict__, "limits", small)


def test_reads_and_writes_are_limited_per_token_over_all_routes(shree: Workspace, small_limits: None) -> None:
    hers, another = owners_program(shree), owners_program(shree)
    assert [hers.get(path).status_code for path in ("/me", "/contacts", "/tags", "/tasks")] == [200, 200, 200, 429]
    assert [hers.post(path, {"name": "A"}).status_code for path in ("/contacts", "/companies", "/contacts")] == [
        201,
        201,
        429,
    ]
    refused = hers.get("/me")
    assert refused["Content-Type"] == "application/problem+json" and 0 < int(refused["Retry-After"]) <= 60
    # The same token written otherwise is the same token; another token is another count.
    assert hers.get("/me", Authorization=f"bearer   {hers.token}").status_code == 429
    assert another.get("/me").status_code == 200


def test_reading_very_many_contacts_is_told_to_the_owners_once(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    monkeypatch.setattr(bulk_reads, "ALARM", Limit(5, timedelta(hours=1), per="token"))
    for number in range(3):
        make_contact(shree, f"Contact {number}")
    hers = program(make_member(shree, name="Prakash Jadhav"))

    def alarms() -> list[int]:
        with tenancy.inside(shree):
            entries = LedgerEntry.objects.of(shree).filter(event="accounts.token.bulk_read")
            return [entry.facts["contacts"] for entry in entries]

    with django_capture_on_commit_callbacks(execute=True):
        hers.get("/contacts")
    assert alarms() == []
    with django_capture_on_commit_callbacks(execute=True):
        for _again in range(3):
            assert hers.get("/contacts").status_code == 200
    assert alarms() == [6]
    mail = LocalMessage.objects.get(to=owner_of(shree).user.email, title__contains="has read 6 contacts")
    assert "Prakash Jadhav" in mail.body and "/settings/tokens/" in mail.body


def test_members_are_listed_with_the_same_statements_for_one_and_for_many(shree: Workspace) -> None:
    hers = owners_program(shree)
    hers.get("/members")

    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert hers.get("/members").status_code == 200
        return len(captured)

    one = statements()
    for number in range(3):
        make_member(shree, name=f"Member {number}")
    assert statements() == one


def test_a_member_is_changed_and_her_seat_ended(shree: Workspace) -> None:
    agent = make_member(shree)
    hers = owners_program(shree)
    changed = hers.patch(f"/members/{agent.pk}", {"role": "auditor", "sees": "team"})
    assert (changed.status_code, changed.json()["role"], changed.json()["sees"]) == (200, "auditor", "team")
    assert hers.delete(f"/members/{agent.pk}").status_code == 204
    assert hers.get(f"/members/{agent.pk}").status_code == 404
    assert [each["name"] for each in hers.get("/members").json()["items"]] == ["Rekha Kulkarni"]


def test_the_last_owner_cannot_leave_or_become_less(shree: Workspace) -> None:
    owner = owner_of(shree)
    hers = program(owner)
    for response in (hers.patch(f"/members/{owner.pk}", {"role": "agent"}), hers.delete(f"/members/{owner.pk}")):
        assert (response.status_code, response.json()["title"]) == (409, "This is the only owner")
    assert owner_of(shree).role == Role.OWNER


def test_a_token_makes_no_owner(shree: Workspace) -> None:
    hers, agent = owners_program(shree), make_member(shree)
    assert hers.patch(f"/members/{agent.pk}", {"role": "owner"}).status_code == 422
    assert hers.post("/invitations", {"email": "a@example.in", "role": "owner"}).status_code == 422
    with tenancy.inside(shree):
        assert Member.objects.of(shree).filter(role=Role.OWNER).count() == 1


def test_an_invitation_is_sent_once_shows_no_link_and_can_be_withdrawn(shree: Workspace) -> None:
    hers = owners_program(shree)
    sent = hers.post("/invitations", {"email": "Prakash@example.in", "name": "Prakash"})
    assert (sent.status_code, sent.json()["email"]) == (201, "prakash@example.in")
    assert "http" not in sent.content.decode()
    assert hers.get(sent["Location"]).json() == sent.json()
    assert hers.post("/invitations", {"email": "nonsense"}).json()["errors"][0]["pointer"] == "/email"
    assert hers.delete(sent["Location"]).status_code == 204
    assert hers.get("/invitations").json()["items"] == []
    with tenancy.inside(shree):
        assert Invitation.objects.of(shree).get().withdrawn_at is not None


def test_head_answers_like_get_without_content(shree: Workspace) -> None:
    response = owners_program(shree).send("HEAD", "/me")
    assert (response.status_code, response.content) == (200, b"") and int(response["Content-Length"]) > 100
