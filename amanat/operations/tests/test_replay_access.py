"""A restored backup brings back no way to sign in, no mailbox and no right that ended since it was made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.core import mail
from django.test import Client
from django.urls import reverse

from amanat.accounts import gone, members, second_factors
from amanat.accounts.models import Invitation, Member, Team, TeamMember, User, Workspace
from amanat.accounts.tests import factories
from amanat.accounts.tests.passkeys import Passkey, added, kept, signed_by
from amanat.core import clock, tenancy, tombstones
from amanat.core.tombstones import Tombstones
from amanat.operations import replay_access

pytestmark = pytest.mark.django_db


@pytest.fixture
def remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Tombstones]:
    """What would lie in the file outside the database; in a test nothing is committed."""
    monkeypatch.setattr(tombstones, "_file", lambda: tmp_path / "tombstones.jsonl")
    lines: list[str] = []

    def record(kind: Any, subjects: Iterable[Any], *, at: Any, workspace_id: Any = tombstones._NO_WORKSPACE) -> None:
        lines.append(tombstones._lines(kind, list(subjects), at, workspace_id))

    monkeypatch.setattr(tombstones, "record", record)

    def read() -> Tombstones:
        tombstones.append(lines)
        return tombstones.read()

    return read


@pytest.fixture
def member(shree: Workspace) -> Member:
    return factories.owner_of(shree)


def is_in(client: Client) -> bool:
    return client.get(reverse("accounts:devices")).status_code == 200


@pytest.mark.slow
def test_a_stolen_passkey_that_was_removed_opens_nothing_after_the_restore(
    member: Member, remembered: Callable[[], Tombstones]
) -> None:
    stolen, hers = Passkey(), Passkey()
    client = factories.signed_in(member)
    added(client, stolen)
    row = kept(member.user)[0]
    added(client, hers)
    since = clock.now()
    assert client.post(reverse("mfa_remove_webauthn", args=[row.pk])).status_code == 302
    row.save(force_insert=True)  # the backup brings it back
    thief = Client()
    signed_by(thief, stolen)
    assert is_in(thief)
    ended = remembered()
    assert replay_access.factors(ended, since=since) == 1
    thief, back = Client(), Client()
    signed_by(thief, stolen)
    signed_by(back, hers)
    assert (is_in(thief), is_in(back)) == (False, True)
    assert replay_access.factors(ended, since=since) == 0


def test_recovery_codes_of_which_one_was_used_since_are_void_and_others_stay(
    member: Member, remembered: Callable[[], Tombstones]
) -> None:
    code = RecoveryCodes.activate(member.user).get_unused_codes()[0]
    since = clock.now()
    used = second_factors.matching(member.user, code)
    assert used is not None
    gone.authenticator_used.send(sender=Authenticator, authenticator=used)
    other = factories.make_user(email="other@example.in")
    RecoveryCodes.activate(other)
    ended = remembered()
    assert (
        replay_access.factors(ended, since=clock.now() + timedelta(1)) == 0
    )  # the backup is younger: the use is in it
    assert replay_access.factors(ended, since=since) == 1
    assert list(Authenticator.objects.values_list("user_id", flat=True)) == [other.pk]


def test_the_old_mailbox_gets_no_link_for_a_new_password(member: Member, remembered: Callable[[], Tombstones]) -> None:
    since, old, client = clock.now(), member.user.email, factories.signed_in(member)
    client.post(reverse("account_email"), {"email": "new@example.in", "action_add": ""})
    code = re.search(r"\b\d{6}\b", str(mail.outbox[-1].body))
    assert code
    client.post(reverse("account_email_verification_sent"), {"code": code[0], "action": "verify"})
    assert User.objects.get(pk=member.user_id).email == "new@example.in"
    User.objects.filter(pk=member.user_id).update(email=old)  # the backup
    EmailAddress.objects.filter(user=member.user).update(email=old)
    assert replay_access.addresses(remembered(), since=since) == 1
    assert not User.objects.filter(email__iexact=old).exists()
    assert not EmailAddress.objects.filter(email__iexact=old).exists()
    assert EmailAddress.objects.get(user=member.user).email.endswith("@restored.invalid")


def test_a_member_has_the_role_sight_and_teams_of_last(shree: Workspace, remembered: Callable[[], Tombstones]) -> None:
    owner, prakash, meena = factories.owner_of(shree), factories.make_member(shree), factories.make_member(shree)
    since = clock.now()
    with tenancy.inside(shree):
        members.change(member=prakash, by=owner, at=since, role="manager", sees="all", team_ids=set())
        team = Team.objects.create(workspace_id=shree.pk, name="Counter")
        seat = TeamMember.objects.create(workspace_id=shree.pk, team=team, member=prakash)
        members.change(member=prakash, by=owner, at=since + timedelta(1), role="agent", sees="team", team_ids=set())
        Member.objects.of(shree).filter(pk=prakash.pk).update(role="owner", sees="all")  # the backup
        seat.save(force_insert=True)
        before = Member.objects.of(shree).get(pk=meena.pk)
        assert replay_access.seats(remembered(), shree.pk, since=since, at=since) == 2
        prakash, meena = (Member.objects.of(shree).get(pk=one.pk) for one in (prakash, meena))
        assert (prakash.role, prakash.sees) == ("agent", "team")
        assert (meena.role, meena.sees) == (before.role, before.sees)
        assert not TeamMember.objects.of(shree).filter(member=prakash).exists()


def test_a_workspace_is_not_left_without_an_owner(shree: Workspace, remembered: Callable[[], Tombstones]) -> None:
    """She became an agent after somebody who is not in the backup had become an owner."""
    owner, later = factories.owner_of(shree), factories.make_member(shree)
    since = clock.now()
    with tenancy.inside(shree):
        members.change(member=later, by=owner, at=since, role="owner", sees="all", team_ids=set())
        members.change(member=owner, by=later, at=since, role="agent", sees="all", team_ids=set())
        Member.objects.of(shree).filter(pk=later.pk).update(ended_at=since)
        Member.objects.of(shree).filter(pk=owner.pk).update(role="owner")
        assert replay_access.seats(remembered(), shree.pk, since=since, at=since) == 0
        assert Member.objects.of(shree).get(pk=owner.pk).role == "owner"


def test_open_invitations_end(shree: Workspace, remembered: Callable[[], Tombstones]) -> None:
    owner, at = factories.owner_of(shree), clock.now()
    with tenancy.inside(shree):
        Invitation.objects.create(
            workspace_id=shree.pk, email="x@example.in", secret_hash="0" * 64, invited_by=owner,
            expires_at=at + timedelta(3),
        )  # fmt: skip
        replay_access.seats(remembered(), shree.pk, since=at, at=at)
        assert not any(one.is_open(at) for one in Invitation.objects.of(shree))
