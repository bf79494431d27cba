"""A browser is in one workspace at a time, its tabs may show several: what was opened in one is not saved in another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client

import amanat
from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.core import tenancy
from amanat.people.models import Contact

NEW = "/contacts/new/"


@pytest.fixture
def browser(shree: Workspace, other: Workspace) -> Client:
    """The owner of one workspace, who is a member of another and begins in the first."""
    rekha = owner_of(shree)
    with tenancy.inside(other):
        Member.objects.create(workspace_id=other.pk, user=rekha.user, role=Role.AGENT, name="Rekha")
    return signed_in(rekha)


def fields_of(page: str) -> dict[str, str]:
    """The hidden fields that every form of the page carries."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


def people(workspace: Workspace) -> int:
    with tenancy.inside(workspace):
        return Contact.objects.of(workspace).count()


def test_a_form_opened_in_one_workspace_is_not_saved_in_another(
    browser: Client, shree: Workspace, other: Workspace
) -> None:
    fields = fields_of(browser.get(NEW).content.decode()) | {"name": "Asha Menon"}
    assert fields["in_workspace"] == str(shree.pk)
    browser.post(f"/workspaces/{other.pk}/enter/", {"in_workspace": str(shree.pk)})
    refused = browser.post(NEW, fields)
    assert refused.status_code == 412 and f"This form belongs to {shree.name}" in refused.content.decode()
    assert (people(shree), people(other)) == (0, 0)
    kept = fields_of(refused.content.decode())
    assert kept["name"] == "Asha Menon", "the page holds what was typed, for the browser does not"
    assert browser.post(NEW, kept | {"enter_again": "1"}).status_code in (302, 303)
    assert (people(shree), people(other)) == (1, 0)
    assert str(shree.name) in browser.get("/contacts/").content.decode()


def test_nobody_enters_by_a_form_where_she_has_no_seat(browser: Client, shree: Workspace, other: Workspace) -> None:
    stranger = signed_in(owner_of(other))
    fields = {"name": "Asha Menon", "in_workspace": str(shree.pk), "enter_again": "1"}
    refused = stranger.post(NEW, fields)
    assert refused.status_code == 412 and str(shree.name) not in refused.content.decode()
    assert (people(shree), people(other)) == (0, 0)


def test_a_part_of_a_page_says_it_by_its_header(browser: Client, shree: Workspace, other: Workspace) -> None:
    page = browser.get("/contacts/").content.decode()
    assert f'"X-Workspace": "{shree.pk}"' in page
    theirs = {"X-Workspace": str(other.pk), "HX-Request": "true"}
    assert browser.post(NEW, {"name": "Asha Menon"}, headers=theirs).status_code == 412
    part = browser.get("/contacts/", headers=theirs)
    assert part.headers["HX-Refresh"] == "true" and part.content == b"", "not B's people in A's page"
    assert browser.get("/contacts/", headers={**theirs, "X-Workspace": str(shree.pk)}).status_code == 200
    assert (people(shree), people(other)) == (0, 0)


def test_the_form_speaks_louder_than_the_page_around_it(browser: Client, shree: Workspace, other: Workspace) -> None:
    """It may have been fetched into a page that was open before."""
    fields = fields_of(browser.get(NEW).content.decode()) | {"name": "Asha Menon"}
    assert browser.post(NEW, fields, headers={"X-Workspace": str(other.pk)}).status_code in (302, 303)
    assert people(shree) == 1


@pytest.mark.parametrize("path", ["/", "/contacts/", NEW, "/settings/workspace/", "/settings/notifications/"])
def test_every_form_of_a_page_names_its_workspace(browser: Client, shree: Workspace, path: str) -> None:
    page = browser.get(path).content.decode()
    forms = page.count('name="csrfmiddlewaretoken"')
    assert forms > 0 and page.count(f'name="in_workspace" value="{shree.pk}"') == forms


def test_every_form_that_posts_has_the_token_that_brings_it() -> None:
    lacking = []
    for path in sorted(Path(amanat.__file__).parent.glob("*/**/templates/**/*.html")):
        for form in re.findall(
            r"<form[^>]*method=\"post\"(?:(?!</form>).)*", path.read_text(), re.DOTALL | re.IGNORECASE
        ):
            if "csrf_token" not in form and "{% include" not in form:
                lacking.append(path.name)
    assert lacking == ["unsubscribe.html"]  # follows a link in a mail, of no session and no browser's workspace
