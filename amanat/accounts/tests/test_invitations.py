from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from amanat.accounts import access, invitations, members
from amanat.accounts.models import Invitation, Member, Team, TeamMember, User
from amanat.accounts.tests import factories
from amanat.accounts.tests.browsers import confirm, sign_in, sign_up
from amanat.accounts.tests.parallel import at_once
from amanat.core import clock, tenancy
from amanat.core.models import LocalMessage


def invite(workspace: Any, email: str = "asha@example.in", **more: Any) -> tuple[Invitation, str]:
    """The invitation and its path."""
    owner = factories.owner_of(workspace)
    with tenancy.inside(workspace):
        invitation, url = invitations.send(
            workspace_id=workspace.pk, email=email, role=more.pop("role", "agent"), by=owner, at=clock.now(), **more
        )
    return invitation, "/" + url.split("/", 3)[3]


@pytest.mark.django_db
def test_an_invited_newcomer_signs_up_confirms_and_joins(shree: Any, django_capture_on_commit_callbacks: Any) -> None:
    owner = factories.signed_in(factories.owner_of(shree))
    with tenancy.inside(shree):
        team = Team.objects.create(workspace_id=shree.pk, name="Field")
    form = {"email": "Asha@example.in", "name": "Asha", "role": "agent", "sees": "team", "team": str(team.pk)}
    with django_capture_on_commit_callbacks(execute=True):
        made = owner.post(reverse("accounts:invite"), form)
    mail = LocalMessage.objects.get(to="asha@example.in")
    assert made.context["url"] in mail.body and "Rekha Kulkarni" in mail.title
    path = "/" + made.context["url"].split("/", 3)[3]

    client = Client()
    page = client.get(path)
    assert (page.status_code, "Shree CSC Kendra" in page.content.decode()) == (200, True)
    sign_up(client, "asha@example.in", name="Asha Menon")
    assert confirm(client, "asha@example.in")["Location"] == path
    assert client.post(path).status_code == 303
    (seat,) = access.seats_of(User.objects.get(email="asha@example.in"))
    assert (seat.workspace_id, seat.role) == (shree.pk, "agent")
    with tenancy.inside(shree):
        assert TeamMember.objects.of(shree).get().member_id == seat.member_id
        assert Member.objects.of(shree).get(pk=seat.member_id).sees == "team"
    assert client.get(path).status_code == 404
    assert client.get(reverse("accounts:roles")).status_code == 200


@pytest.mark.django_db
def test_an_invited_user_signs_in_and_joins(shree: Any, other: Any) -> None:
    member = factories.make_member(other)
    user = member.user
    user.set_password("marigold lorry pencil")
    user.save()
    _, path = invite(shree, user.email)
    client = Client()
    client.get(path)
    assert sign_in(client, user.email)["Location"] == path
    client.post(path)
    assert {seat.workspace_id for seat in access.seats_of(user)} == {shree.pk, other.pk}


@pytest.mark.django_db
def test_a_forwarded_link_opens_nothing(shree: Any, other: Any) -> None:
    """Not for another account, and not for an account that only claims the address."""
    _, path = invite(shree)
    stranger = factories.signed_in(factories.make_member(other))
    assert "asha@example.in" in stranger.get(path).content.decode()
    assert stranger.post(path).status_code == 403
    claims = factories.make_member(other, name="Mallory")
    User.objects.filter(pk=claims.user_id).update(email="asha@example.in")
    assert factories.signed_in(claims).post(path).status_code == 403
    with tenancy.inside(shree):
        assert Member.objects.of(shree).count() == 1
        assert Invitation.objects.of(shree).get().accepted_at is None


@pytest.mark.django_db
def test_a_link_ends_after_seven_days_when_withdrawn_and_when_sent_again(shree: Any) -> None:
    owner = factories.owner_of(shree)
    client = factories.signed_in(owner)
    invitation, old = invite(shree)
    assert Client().get(old).status_code == 200
    with clock.standing_at(clock.now() + timedelta(days=7, minutes=1)):
        assert Client().get(old).status_code == 404
    again = client.post(reverse("accounts:invite_again", args=[invitation.pk]))
    new = "/" + again.context["url"].split("/", 3)[3]
    assert (Client().get(old).status_code, Client().get(new).status_code) == (404, 200)
    client.post(reverse("accounts:withdraw_invitation", args=[invitation.pk]))
    assert Client().get(new).status_code == 404
    assert client.post(reverse("accounts:invite_again", args=[invitation.pk])).status_code == 303


@pytest.mark.django_db
def test_a_new_invitation_replaces_the_open_one_for_the_address(shree: Any) -> None:
    _, old = invite(shree)
    _, new = invite(shree, "ASHA@example.in ")
    assert (Client().get(old).status_code, Client().get(new).status_code) == (404, 200)


@pytest.mark.django_db
def test_a_member_is_not_invited_again(shree: Any) -> None:
    member = factories.make_member(shree)
    with pytest.raises(members.AlreadyMember):
        invite(shree, member.user.email)
    client = factories.signed_in(factories.owner_of(shree))
    form = {"email": member.user.email, "role": "agent", "sees": "all"}
    assert client.post(reverse("accounts:invite"), form).status_code == 422


@pytest.mark.django_db
def test_a_secret_of_one_workspace_says_nothing_in_another(shree: Any, other: Any) -> None:
    _, path = invite(shree)
    assert Client().get(path.replace(str(shree.pk), str(other.pk))).status_code == 404
    assert Client().get(reverse("accounts:join", args=[other.pk, "guess"])).status_code == 404


@pytest.mark.django_db
def test_only_a_hash_of_the_secret_is_stored(shree: Any) -> None:
    invitation, path = invite(shree)
    secret = path.rstrip("/").rsplit("/", 1)[1]
    assert len(secret) >= 32 and secret not in invitation.secret_hash


@pytest.mark.usefixtures("committed_db")
def test_of_many_acceptances_at_once_one_takes_the_seat() -> None:
    workspace = factories.make_workspace()
    user = factories.make_user(email="asha@example.in")
    _, path = invite(workspace)
    secret = path.rstrip("/").rsplit("/", 1)[1]

    def accept(_: int) -> str:
        try:
            invitations.accept(workspace_id=workspace.pk, secret=secret, user=user, at=clock.now())
        except (invitations.InvitationOver, members.AlreadyMember) as refused:
            return type(refused).__name__
        return "joined"

    assert sorted(at_once(accept, range(20))) == ["InvitationOver"] * 19 + ["joined"]
    with tenancy.inside(workspace):
        assert Member.objects.of(workspace).filter(user=user).count() == 1


@pytest.mark.django_db
def test_a_link_that_opens_nothing_gives_nobody_a_seat(shree: Any, other: Any) -> None:
    """A guessed secret, one of another workspace, one that was used: each is over, whoever brings it."""
    user = factories.make_user(email="asha@example.in")
    secret = invite(shree)[1].rstrip("/").rsplit("/", 1)[1]

    def accept(workspace: Any, secret: str) -> Member:
        return invitations.accept(workspace_id=workspace.pk, secret=secret, user=user, at=clock.now())

    for workspace, brought in ((shree, "guess"), (shree, ""), (other, secret)):
        with pytest.raises(invitations.InvitationOver):
            accept(workspace, brought)
    assert accept(shree, secret).user_id == user.pk
    with pytest.raises(invitations.InvitationOver):
        accept(shree, secret)
    assert [seat.workspace_id for seat in access.seats_of(user)] == [shree.pk]
