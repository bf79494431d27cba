"""What belongs to no workspace ends too: sign-ins, sessions, addresses of devices, users who never come back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail

from amanat.accounts.models import Session, SignIn, User, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, make_user, owner_of
from amanat.core import clock
from amanat.core.models import LocalMessage
from amanat.policy.durations import Duration
from amanat.policy.probing import Asked
from amanat.privacy.closing import users
from amanat.privacy.retention import house, probes, telling
from amanat.privacy.retention.models import UserDue
from amanat.privacy.retention.tests.factories import LONG_AGO, policy, publish

pytestmark = pytest.mark.django_db

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
YEAR = Duration.parse("P1Y").after(LONG_AGO)
THREE_YEARS = Duration.parse("P3Y").after(LONG_AGO)


def swept(at: datetime) -> dict[str, int]:
    with clock.standing_at(at):
        return house.sweep(at=at).counts


def sign_in(user: User, address: str | None = None) -> SignIn:
    return SignIn.objects.create(user=user, outcome="signed in", at=LONG_AGO, address=address)


def test_the_login_history_ends_after_a_year(shree: Workspace) -> None:
    sign_in(owner_of(shree).user)
    assert "accounts.SignIn" not in swept(YEAR - SECOND)
    assert swept(YEAR)["accounts.SignIn"] == 1
    assert not SignIn.objects.exists()


def test_a_law_keeps_it_longer_than_a_short_promise(shree: Workspace) -> None:
    short = policy(security={"of": ["security"], "until": {"seen": "P30D"}, "floor": ["in-certin-180d"]})
    publish(shree, short, by=owner_of(shree), at=LONG_AGO)
    sign_in(owner_of(shree).user)
    assert "accounts.SignIn" not in swept(LONG_AGO + timedelta(days=180) - SECOND)
    assert swept(LONG_AGO + timedelta(days=180))["accounts.SignIn"] == 1


@pytest.mark.parametrize(
    ("address", "short"),
    [("203.0.113.77", "203.0.113.0"), ("2001:db8:aaaa:bbbb::1", "2001:db8:aaaa::")],
)
def test_addresses_are_shortened_after_thirty_days(shree: Workspace, address: str, short: str) -> None:
    user = owner_of(shree).user
    sign_in(user, address)
    Session.objects.create(
        session_key="k" * 40, session_data="", expire_date=YEAR, user=user, address=address, last_seen_at=LONG_AGO
    )
    assert "shortened" not in swept(LONG_AGO + timedelta(days=30) - SECOND)
    assert swept(LONG_AGO + timedelta(days=30))["shortened"] == 2
    assert (SignIn.objects.get().address, Session.objects.get().address) == (short, short)
    assert "shortened" not in swept(LONG_AGO + timedelta(days=31))


def test_copies_of_messages_end(shree: Workspace) -> None:
    LocalMessage.objects.create(channel="sms", to="+919876543210", body="x", created_at=LONG_AGO)
    assert swept(LONG_AGO + timedelta(days=30))["core.LocalMessage"] == 1


@pytest.fixture
def away(shree: Workspace) -> User:
    """A member who has not signed in since long ago."""
    member = make_member(shree, Role.AGENT, name="Meena Joshi")
    User.objects.exclude(pk=member.user_id).update(last_login=THREE_YEARS, created_at=THREE_YEARS)
    User.objects.filter(pk=member.user_id).update(last_login=LONG_AGO)
    return User.objects.get(pk=member.user_id)


def test_a_user_is_warned_and_goes_then(away: User) -> None:
    assert "users" not in swept(THREE_YEARS - 3 * DAY - SECOND)
    assert mail.outbox == []
    swept(THREE_YEARS - 3 * DAY)
    assert [message.to for message in mail.outbox] == [[away.email]]
    assert "users" not in swept(THREE_YEARS - SECOND)
    assert swept(THREE_YEARS)["users"] == 1
    assert User.objects.get(pk=away.pk).name == ""


def test_signing_in_after_the_warning_keeps_the_account(away: User) -> None:
    swept(THREE_YEARS - 2 * DAY)
    User.objects.filter(pk=away.pk).update(last_login=THREE_YEARS - DAY)
    assert "users" not in swept(THREE_YEARS + DAY)
    assert not UserDue.objects.exists()
    assert User.objects.get(pk=away.pk).name == "Meena Joshi"


def test_a_warning_that_failed_delays_it(away: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise OSError("no server")

    with monkeypatch.context() as broken:
        broken.setattr(telling, "_mail", refuse)
        assert "users" not in swept(THREE_YEARS + 10 * DAY)
    swept(THREE_YEARS + 11 * DAY)
    assert "users" not in swept(THREE_YEARS + 13 * DAY - SECOND)
    assert swept(THREE_YEARS + 13 * DAY)["users"] == 1


# --- probes --------------------------------------------------------------------------------------------------------


def asked(workspace: Workspace, at: datetime) -> Asked:
    return Asked(workspace.pk, policy(), at)


def test_the_probe_of_addresses(shree: Workspace) -> None:
    sign_in(owner_of(shree).user, "203.0.113.77")
    late = YEAR + 2 * DAY
    assert probes.addresses(asked(shree, LONG_AGO + DAY)).is_kept
    assert probes.addresses(asked(shree, late)).facts == {"long": 1, "late": 1}
    swept(late)
    assert probes.addresses(asked(shree, late)).is_kept


def test_the_probe_of_users_who_stay_away(shree: Workspace, away: User) -> None:
    late = THREE_YEARS + 5 * DAY
    assert probes.idle_users(asked(shree, THREE_YEARS)).is_kept
    assert probes.idle_users(asked(shree, late)).facts == {"late": 1}
    swept(THREE_YEARS)
    swept(late)
    assert probes.idle_users(asked(shree, late)).is_kept


def test_the_probe_of_deleted_accounts() -> None:
    at = datetime(2027, 1, 1, tzinfo=UTC)
    user = make_user("Leaving")
    users.erase(user, at=at, because="closed")
    made = Asked(user.pk, policy(), at)
    assert probes.erased_users(made).facts == {"gone": 1, "left": 0}
    User.objects.filter(pk=user.pk).update(name="Leaving")
    assert not probes.erased_users(made).is_kept
