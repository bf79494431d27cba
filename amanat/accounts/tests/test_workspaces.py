from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from stdnum.in_ import gstin

from amanat.accounts import access, signing_up, workspaces
from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests import factories
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry

RIGHT = "27AAPFU0939F1ZV"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def check_digit(body: str) -> str:
    """The last character of a GSTIN, reckoned here a second time: each value by 1 and 2 in turn, both digits of base 36."""
    total = 0
    for place, letter in enumerate(body):
        product = ALPHABET.index(letter) * (place % 2 + 1)
        total += product // 36 + product % 36
    return ALPHABET[-total % 36]


@pytest.mark.parametrize("typed", [RIGHT, RIGHT.lower(), f"  {RIGHT} ", "27 AAPFU0939F 1ZV", "27-AAPFU0939F-1ZV"])
def test_a_gstin_is_kept_without_blanks_in_capitals(typed: str) -> None:
    assert workspaces.clean_gstin(typed) == RIGHT


@pytest.mark.parametrize("typed", ["", " ", "\t"])
def test_no_gstin_is_fine(typed: str) -> None:
    assert workspaces.clean_gstin(typed) == ""


@pytest.mark.parametrize(
    "typed",
    ["1", RIGHT[:-1], RIGHT + "0", "00AAPFU0939F1ZV", "27AAPFU0939F0ZV", "27AAPFU09390FZV", "२७AAPFU0939F1ZV", "nonsense",
     "27AAPFU0939F1Z" + "é", "\x00" * 15],
)  # fmt: skip
def test_what_is_no_gstin_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        workspaces.clean_gstin(typed)


@given(place=st.integers(0, 14), letter=st.sampled_from(ALPHABET))
def test_one_wrong_character_is_always_found(place: int, letter: str) -> None:
    typed = RIGHT[:place] + letter + RIGHT[place + 1 :]
    if typed == RIGHT:
        assert workspaces.clean_gstin(typed) == RIGHT
    else:
        with pytest.raises(ValidationError):
            workspaces.clean_gstin(typed)


@given(
    state=st.sampled_from(["07", "19", "27", "29", "33"]),
    name=st.text(alphabet=ALPHABET[10:], min_size=3, max_size=3),
    kind=st.sampled_from("ABCFGHLJPT"),
    letter=st.sampled_from(ALPHABET[10:]),
    number=st.integers(1, 9999),
    last=st.sampled_from(ALPHABET[10:]),
)
def test_the_last_character_follows_from_the_others(**parts: Any) -> None:
    body = "{state}{name}{kind}{letter}{number:04}{last}1Z".format(**parts)
    assert workspaces.clean_gstin(body + check_digit(body)) == body + check_digit(body)
    assert gstin.is_valid(body + check_digit(body))


def test_time_zones_begin_with_india_and_are_known_once() -> None:
    names = [name for name, _label in workspaces.time_zones()]
    assert names[0] == "Asia/Kolkata" and len(names) == len(set(names)) > 300
    assert "Europe/Berlin" in names and not [name for name in names if name.startswith(("Etc/", "posix"))]


@pytest.mark.django_db
def test_a_new_workspace_has_one_owner_its_own_wall_and_a_line_in_the_ledger() -> None:
    user = factories.make_user("Rekha Kulkarni")
    seat = workspaces.create(name="Shree", owner=user, at=clock.now(), place="Sinnar")
    with tenancy.inside(seat.workspace_id):
        workspace = Workspace.objects.of(seat.workspace_id).get()
        assert (workspace.pk, workspace.subtitle) == (workspace.workspace_id, "Sinnar")
        assert list(Member.objects.of(workspace).values_list("role", "name")) == [(Role.OWNER, "Rekha Kulkarni")]
        events = set(LedgerEntry.objects.of(workspace).values_list("event", flat=True))
    assert "workspaces.workspace.created" in events


@pytest.mark.django_db
def test_only_what_changed_is_written_and_named(shree: Workspace) -> None:
    owner = factories.owner_of(shree)
    with tenancy.inside(shree):
        for details in ({"place": "Sinnar"}, {"place": "Sinnar"}, {}, {"place": "Sinnar", "vle_name": "Rekha"}):
            workspaces.change(workspace=workspaces.by_id(shree.pk), by=owner, at=clock.now(), **details)
        lines = LedgerEntry.objects.of(shree).filter(event="workspaces.workspace.changed").order_by("at", "id")
        assert [line.facts["fields"] for line in lines] == [["place"], ["vle_name"]]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["id", "workspace_id", "is_demo", "created_at", "kindness"])
def test_what_is_no_detail_is_not_changed(shree: Workspace, name: str) -> None:
    with tenancy.inside(shree), pytest.raises((ValueError, AttributeError)):
        workspaces.change(workspace=shree, by=factories.owner_of(shree), at=clock.now(), **{name: "x"})


@pytest.mark.django_db
def test_making_a_second_workspace_enters_it(shree: Workspace) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    form = {"name": " Second   shop ", "kind": "clinic", "place": "", "language": "hi"}
    assert client.post(reverse("accounts:new_workspace"), form)["Location"] == "/"
    page = client.get(reverse("accounts:workspaces"))
    assert [seat.name for seat in page.context["seats"]] == ["Second shop", "Shree CSC Kendra"]
    assert page.context["present"] != shree.pk


@pytest.mark.django_db
@pytest.mark.parametrize(("sign_up", "role", "may"), [
    ("open", None, True), ("open", Role.AGENT, True), ("closed", None, False), ("closed", Role.AGENT, False),
    ("closed", Role.MANAGER, False), ("closed", Role.OWNER, True),
])  # fmt: skip
def test_who_may_make_a_workspace(settings: Any, shree: Workspace, sign_up: str, role: str | None, may: bool) -> None:
    from dataclasses import replace

    settings.CONFIGURATION = replace(settings.CONFIGURATION, sign_up=sign_up)
    user = factories.make_user() if role is None else factories.make_member(shree, role).user
    client = Client()
    client.force_login(user)
    page = client.get(reverse("accounts:new_workspace"))
    assert (page.status_code == 200) is may
    assert signing_up.may_make_workspace(page.wsgi_request, user) is may
    form = {"name": "Mine", "kind": "csc", "place": "", "language": "en"}
    assert (client.post(reverse("accounts:new_workspace"), form).status_code == 303) is may
    assert ("Mine" in {seat.name for seat in access.seats_of(user)}) is may
