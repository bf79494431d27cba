"""Dangerous acts ask again who it is: a browser left open, or stolen, cannot do them after 15 minutes."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from amanat.accounts.models import Session, Workspace
from amanat.accounts.session_store import hashed
from amanat.accounts.tests import factories
from amanat.accounts.tests.test_second_factors import code_at
from amanat.core import clock, routes, tenancy
from amanat.core.tenancy import WorkspaceRow
from amanat.people import bin as people_bin
from amanat.people.models import Contact
from amanat.people.tests.factories import make_contact
from tests.promises import cast
from tests.promises.test_isolation import url_of

#: What must ask again. Acts that only take rights away from oneself (ending a device) are not among them.
DANGEROUS = {
    "security", "member", "end_member", "team", "delete_team", "invite", "invite_again", "new_token", "export_list",
    "export_workspace", "account_email", "account_set_password", "account_change_phone", "mfa_activate_totp", "mfa_deactivate_totp",
    "mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_download_recovery_codes", "mfa_add_webauthn",
    "mfa_remove_webauthn", "mfa_edit_webauthn",
}  # fmt: skip


@pytest.fixture
def stage(shree: Workspace) -> dict[str, WorkspaceRow]:
    return cast.fill(shree)


def test_the_list_is_that_of_the_routes() -> None:
    assert {route.name for route in routes.addresses().values() if route.fresh} >= DANGEROUS


@pytest.mark.sampled
@pytest.mark.parametrize("name", sorted(DANGEROUS))
def test_a_stale_sign_in_is_asked_again_and_nothing_happens(
    name: str, stage: dict[str, WorkspaceRow], shree: Workspace
) -> None:
    stale = factories.signed_in(factories.owner_of(shree), fresh=False)
    before = cast.digest(shree)
    pattern, route = next((pattern, each) for pattern, each in routes.addresses().items() if each.name == name)
    url = url_of(pattern, route, stage, shree).replace("/csv/", "/contacts/")
    for method in route.methods:
        for headers in ({}, {"HX-Request": "true"}):
            response = stale.generic(method, url, headers=headers)
            where = response.headers.get("Location") or response.headers.get("HX-Redirect", "")
            assert where.startswith(reverse("account_reauthenticate")), (method, response.status_code)
    assert cast.digest(shree) == before


@pytest.mark.slow
def test_deleting_for_good_asks_again_and_bringing_back_does_not(shree: Workspace) -> None:
    owner = factories.owner_of(shree)
    going, coming = make_contact(shree), make_contact(shree)
    with tenancy.inside(shree):
        ids = [going.pk, coming.pk]
        people_bin.delete(model=Contact, workspace=shree, by=owner, at=clock.now(), ids=ids)
    stale = factories.signed_in(owner, fresh=False)
    asked = stale.post(reverse("people:bin_act"), {"act": "purge", "on": "contact", "ids": [str(going.pk)]})
    assert asked["Location"].startswith(reverse("account_reauthenticate"))
    stale.post(reverse("people:bin_act"), {"act": "restore", "on": "contact", "ids": [str(coming.pk)]})
    with tenancy.inside(shree):
        assert {row.pk: row.is_deleted for row in Contact.objects.of(shree)} == {going.pk: True, coming.pk: False}
    fresh = factories.signed_in(owner)
    fresh.post(reverse("people:bin_act"), {"act": "purge", "on": "contact", "ids": [str(going.pk)]})
    with tenancy.inside(shree):
        assert [row.pk for row in Contact.objects.of(shree)] == [coming.pk]


def test_a_new_second_factor_ends_the_sessions_begun_without_it(shree: Workspace) -> None:
    """A workspace that asks for a second factor must not be open to a browser that never gave one."""
    owner = factories.owner_of(shree)
    here, elsewhere = factories.signed_in(owner), factories.signed_in(owner)
    page = here.get(reverse("mfa_activate_totp"))
    secret = page.context["form"].secret
    assert here.post(reverse("mfa_activate_totp"), {"code": code_at(secret)}).status_code == 302
    assert here.get("/contacts/").status_code == 200
    assert elsewhere.get("/contacts/")["Location"].startswith(reverse("account_login"))
    assert not Session.objects.filter(session_key=hashed(str(elsewhere.cookies["session"].value))).exists()


def test_a_wrong_code_ends_no_session(shree: Workspace) -> None:
    owner = factories.owner_of(shree)
    here, elsewhere = factories.signed_in(owner), factories.signed_in(owner)
    here.get(reverse("mfa_activate_totp"))
    assert here.post(reverse("mfa_activate_totp"), {"code": "000000"}).status_code == 422
    assert _is_in(elsewhere) and _is_in(here)


def _is_in(client: Client) -> bool:
    return client.get("/contacts/").status_code == 200
