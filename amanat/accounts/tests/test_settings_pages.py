from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from amanat.accounts import access, permissions, tasks, workspaces
from amanat.accounts.models import Member, Session, Workspace
from amanat.accounts.permissions import May, Role
from amanat.accounts.tests import factories
from amanat.core import clock, outbox, tenancy
from amanat.core.models import LedgerEntry, LocalMessage
from amanat.core.models_files import UsedLink

pytestmark = pytest.mark.django_db

DETAILS = {
    "name": "Shree CSC Kendra", "kind": "csc", "place": "Sinnar", "language": "en", "time_zone": "Asia/Kolkata",
    "csc_id": "276543210011", "registration_number": "MH-2019-77", "vle_name": "Rekha Kulkarni", "legal_name": "",
    "gstin": "27aapfu0939f1zv", "phone": "98220 41736", "email": "", "address": "",
}  # fmt: skip


def of(workspace: Any) -> Workspace:
    with tenancy.inside(workspace):
        return Workspace.objects.of(workspace).get()


def test_details_are_saved_in_one_form_and_named_in_the_ledger(shree: Any) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    with_csc = client.post(reverse("accounts:workspace"), {**DETAILS})
    assert with_csc.status_code == 303
    saved = of(shree)
    assert (saved.csc_id, saved.gstin, saved.phone) == ("276543210011", "27AAPFU0939F1ZV", "+919822041736")
    with tenancy.inside(shree):
        entry = LedgerEntry.objects.of(shree).filter(event="workspaces.workspace.changed").get()
    assert {"csc_id", "gstin", "phone"} <= set(entry.facts["fields"]) and "27AAPFU0939F1ZV" not in str(entry.facts)


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"gstin": "27AAPFU0939F1ZX"}, "gstin"),
        ({"gstin": "12345"}, "gstin"),
        ({"phone": "12"}, "phone"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"email": "no"}, "email"),
        ({"name": ""}, "name"),
    ],
)
def test_a_wrong_detail_is_told_at_its_field_and_changes_nothing(shree: Any, changed: Any, field: str) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    refused = client.post(reverse("accounts:workspace"), {**DETAILS, **changed})
    assert (refused.status_code, list(refused.context["form"].errors)) == (422, [field])
    assert "MH-2019-77" in refused.content.decode()
    assert refused.context["workspace"].name == "Shree CSC Kendra"
    assert of(shree).registration_number == ""


def test_a_clinic_is_not_asked_for_a_centre_id_and_keeps_what_it_had(shree: Any) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    client.post(reverse("accounts:workspace"), DETAILS)
    client.post(reverse("accounts:workspace"), {**DETAILS, "kind": "clinic", "csc_id": "other"})
    assert "csc_id" not in client.get(reverse("accounts:workspace")).context["form"].fields
    assert (of(shree).kind, of(shree).csc_id) == ("clinic", "276543210011")


def test_a_time_zone_changes_what_pages_show(shree: Any) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    assert client.post(reverse("accounts:workspace"), {**DETAILS, "time_zone": "America/New_York"}).status_code == 303
    assert of(shree).time_zone == "America/New_York"
    assert next(iter(workspaces.time_zones()))[0] == "Asia/Kolkata"


@pytest.mark.slow
def test_the_table_of_roles_is_the_one_that_rules(shree: Any) -> None:
    page = factories.signed_in(factories.make_member(shree)).get(reverse("accounts:roles"))
    assert [str(sentence) for sentence, _ in page.context["lines"]] == [str(permissions.SENTENCES[may]) for may in May]
    shown = {str(sentence): [may for _role, may in given] for sentence, given in page.context["lines"]}
    for permission in May:
        assert shown[str(permissions.SENTENCES[permission])] == [
            factories.make_member(shree, role).may(permission) for role in Role.values
        ]


def test_an_auditor_writes_nothing_and_an_owner_may_everything() -> None:
    reads = {
        May.READ_CONTACTS,
        May.READ_SERVICES,
        May.READ_TASKS,
        May.READ_CASES,
        May.READ_LEDGER,
        May.READ_JOBS,
        May.READ_TRUST,
    }
    assert permissions.TABLE[Role.AUDITOR] <= reads
    assert permissions.TABLE[Role.OWNER] == frozenset(May)
    assert permissions.TABLE[Role.AGENT] < permissions.TABLE[Role.MANAGER]
    assert not permissions.may("no such role", May.READ_CONTACTS)


def test_a_user_of_two_workspaces_switches_between_them(shree: Any, other: Any) -> None:
    member = factories.make_member(shree)
    with tenancy.inside(other):
        Member.objects.create(workspace_id=other.pk, user=member.user, role=Role.OWNER, name=member.name)
    client = Client()
    client.force_login(member.user)
    assert client.get(reverse("accounts:roles"))["Location"] == reverse("accounts:workspaces")
    page = client.get(reverse("accounts:workspaces"))
    assert [seat.name for seat in page.context["seats"]] == ["Other Traders", "Shree CSC Kendra"]
    assert client.get(reverse("accounts:enter_workspace", args=[shree.pk])).status_code == 405
    for workspace, status in ((shree, 403), (other, 302)):  # 302: a fresh sign-in is asked, so she may
        assert client.post(reverse("accounts:enter_workspace", args=[workspace.pk])).status_code == 303
        assert client.get(reverse("accounts:security")).status_code == status


def test_a_workspace_one_has_no_seat_in_is_not_entered(shree: Any, other: Any) -> None:
    client = factories.signed_in(factories.make_member(shree))
    assert client.post(reverse("accounts:enter_workspace", args=[other.pk])).status_code == 404
    Session.objects.update(workspace_id=other.pk)
    assert client.get(reverse("accounts:roles"))["Location"] == reverse("accounts:workspaces")
    assert Session.objects.get().workspace_id is None


def test_the_settings_begin_where_the_member_may_go(shree: Any) -> None:
    owner, agent = factories.signed_in(factories.owner_of(shree)), factories.signed_in(factories.make_member(shree))
    assert owner.get(reverse("accounts:settings"))["Location"] == reverse("accounts:workspace")
    assert agent.get(reverse("accounts:settings"))["Location"] == reverse("accounts:profile")
    assert reverse("accounts:tokens") not in agent.get(reverse("accounts:profile")).content.decode()


def test_a_new_name_stands_in_all_ones_workspaces(shree: Any, other: Any) -> None:
    member = factories.make_member(shree)
    with tenancy.inside(other):
        Member.objects.create(workspace_id=other.pk, user=member.user, role=Role.AGENT, name=member.name)
    client = factories.signed_in(member)
    form = {"name": "Prakash  B. Jadhav", "language": "mr", "theme": "dark"}
    saved = client.post(reverse("accounts:profile"), form)
    assert saved.status_code == 303
    for workspace in (shree, other):
        with tenancy.inside(workspace):
            assert Member.objects.of(workspace).get(user=member.user).name == "Prakash B. Jadhav"
    assert (saved.cookies["language"].value, saved.cookies["theme"].value) == ("mr", "dark")
    assert client.get(reverse("accounts:profile"))["Content-Language"] == "mr"
    assert client.post(reverse("accounts:profile"), {**form, "language": "xx"}).status_code == 422


def test_account_pages_work_without_a_workspace() -> None:
    client = Client()
    client.force_login(factories.make_user())
    for url_name in (
        "accounts:profile",
        "accounts:devices",
        "accounts:history",
        "mfa_index",
        "account_change_password",
    ):
        assert client.get(reverse(url_name)).status_code in (200, 302)
    assert client.get(reverse("accounts:profile")).status_code == 200


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ({"REMOTE_ADDR": "127.0.0.1"}, 200),
        ({"REMOTE_ADDR": "::1"}, 200),
        ({"REMOTE_ADDR": "192.168.1.5"}, 404),
        ({"REMOTE_ADDR": ""}, 404),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"}, 404),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_FORWARDED": "for=203.0.113.9"}, 404),
    ],
)
def test_the_outbox_opens_on_this_machine_only(extra: dict[str, str], status: int) -> None:
    outbox.keep_text("+919822041736", "123456 is <b>your</b> code")
    page = Client(**extra).get(reverse("accounts:outbox"))
    assert page.status_code == status
    assert ("123456 is &lt;b&gt;your" in page.content.decode()) == (status == 200)


def test_the_outbox_closes_when_mail_is_sent(settings: Any) -> None:
    settings.SENDS_MAIL = True
    assert Client().get(reverse("accounts:outbox")).status_code == 404


def test_the_newest_message_comes_first() -> None:
    for number in range(3):
        outbox.keep_text("+919822041736", f"number {number}")
    page = Client().get(reverse("accounts:outbox"))
    assert [message.body for message in page.context["kept"]] == ["number 2", "number 1", "number 0"]


def test_hourly_and_daily_sweeps_take_what_has_expired_and_no_more(shree: Any) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    outbox.keep_text("+919822041736", "old")
    LocalMessage.objects.update(created_at=clock.now() - timedelta(days=2))
    outbox.keep_text("+919822041736", "new")
    for word, hours in (("old", 1), ("new", 0)):
        UsedLink.objects.create(nonce=word, expires_at=clock.now() - timedelta(hours=hours))
    tasks.sweep_hourly()
    tasks.sweep_daily()
    assert [message.body for message in LocalMessage.objects.all()] == ["new"]
    assert [link.nonce for link in UsedLink.objects.all()] == ["new"]
    assert client.get(reverse("accounts:roles")).status_code == 200


def test_ledgers_with_new_entries_are_sealed_and_others_not_asked(shree: Any, other: Any) -> None:
    assert set(access.workspaces_to_seal()) == {shree.pk, other.pk}
    tasks.seal_ledgers()
    assert access.workspaces_to_seal() == []
    for workspace in (shree, other):
        with tenancy.inside(workspace):
            assert not LedgerEntry.objects.of(workspace).filter(number__isnull=True).exists()
    assert set(access.workspace_ids()) == {shree.pk, other.pk}


def test_counts_are_folded_for_every_workspace(shree: Any) -> None:
    from amanat.core import tally
    from amanat.core.models import Tally

    with tenancy.inside(shree):
        for _ in range(60):
            tally.add("things", 2, workspace=shree)
    tasks.fold_counts()
    with tenancy.inside(shree):
        assert (Tally.objects.of(shree).count(), tally.count("things", workspace=shree)) == (1, 120)
