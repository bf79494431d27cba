"""Codes to an address: what is an address, who gets one and when, and what a link to her own choices carries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.basis import passcodes
from amanat.basis.models import Passcode
from amanat.basis.tests.people import make_contact, send_codes
from amanat.core import codes, tenancy
from amanat.core.models import LocalMessage

AT = datetime(2026, 12, 1, 6, tzinfo=UTC)
PHONE = "+919822041736"


@pytest.fixture(autouse=True)
def inside(shree: Workspace) -> Iterator[None]:
    with tenancy.inside(shree):
        yield


@pytest.mark.parametrize(
    ("typed", "address"),
    [("98220 41736", PHONE), ("+91-9822041736", PHONE), (" ASHA@Example.in ", "asha@example.in"), ("a@b", "a@b")],
)
def test_what_is_typed_becomes_the_address_as_it_is_kept(typed: str, address: str) -> None:
    assert passcodes.normal(typed) == address


@pytest.mark.parametrize("typed", ["", "Asha", "12345", "a b@example.in", "x" * 250 + "@a.in"])
def test_what_is_no_address_is_refused_before_anything_is_kept(shree: Workspace, typed: str) -> None:
    with pytest.raises(passcodes.NoAddress):
        passcodes.send(workspace=shree, address=typed, at=AT)
    assert not Passcode.objects.of(shree).exists()


def test_the_job_names_a_code_and_no_address(shree: Workspace) -> None:
    made = passcodes.send(workspace=shree, address=PHONE, at=AT)
    with connection.cursor() as cursor:
        cursor.execute("SELECT args::text FROM procrastinate_jobs WHERE task_name = %s", [passcodes.SEND])
        [(kept,)] = cursor.fetchall()
    assert str(made.pk) in kept and PHONE[-6:] not in kept
    assert Passcode.objects.of(shree).get().code is None and not LocalMessage.objects.exists()


def test_who_is_not_known_gets_none_and_who_is_gets_one_in_her_language(shree: Workspace) -> None:
    first = passcodes.send(workspace=shree, address=PHONE, at=AT)
    assert not passcodes.deliver(shree.pk, first.pk, language="hi", at=AT)
    make_contact(shree, "Asha Menon", phone=PHONE)
    second = passcodes.send(workspace=shree, address=PHONE, at=AT)
    assert passcodes.deliver(shree.pk, second.pk, language="hi", at=AT)
    [said] = LocalMessage.objects.all()
    assert said.to == PHONE and "Tell it to nobody" not in said.body


def test_no_code_leaves_after_its_time_or_for_a_page_that_is_open(shree: Workspace) -> None:
    make_contact(shree, "Asha Menon", phone=PHONE)
    passcodes.send(workspace=shree, address=PHONE, at=AT)
    assert send_codes(AT + passcodes.LIFE) == [False]
    made = passcodes.send(workspace=shree, address=PHONE, at=AT)
    Passcode.objects.of(shree).filter(pk=made.pk).update(opened_at=AT)
    assert send_codes(AT) == [False] and not LocalMessage.objects.exists()


def test_what_was_tried_again_fits_by_its_last_code(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    make_contact(shree, "Asha Menon", phone=PHONE)
    made = passcodes.send(workspace=shree, address=PHONE, at=AT)
    given = iter(["111111", "222222"])
    monkeypatch.setattr(codes, "new", lambda: next(given))
    for _ in range(2):
        assert passcodes.deliver(shree.pk, made.pk, language="en", at=AT)
    held = Passcode.objects.of(shree).get()
    with pytest.raises(passcodes.WrongCode):
        passcodes.open_with(held, code="111111", at=AT)
    passcodes.open_with(held, code="222 222", at=AT)
    assert Passcode.objects.of(shree).get().opened_at == AT


def test_five_codes_an_hour_go_to_one_address(shree: Workspace) -> None:
    for _ in range(passcodes.SENDINGS.tries):
        passcodes.send(workspace=shree, address=PHONE, at=AT)
    with pytest.raises(passcodes.TooMany):
        passcodes.send(workspace=shree, address="98220 41736", at=AT)
    passcodes.send(workspace=shree, address="asha@example.in", at=AT)


def test_a_link_to_her_own_choices_needs_an_address_and_lasts_three_days(shree: Workspace) -> None:
    nobody, asha = make_contact(shree, "Om"), make_contact(shree, "Asha Menon", phone=PHONE)
    with pytest.raises(passcodes.NoAddress):
        passcodes.invite(nobody, workspace=shree, by=owner_of(shree), at=AT)
    assert passcodes.invite(asha, workspace=shree, by=owner_of(shree), at=AT) == "••1736"
    held = Passcode.objects.of(shree).get()
    assert held.ends_at == AT + timedelta(days=3) and str(held.pk) in LocalMessage.objects.get().body
    assert passcodes.address_of(held) == PHONE


def test_the_bin_and_others_with_the_address(shree: Workspace) -> None:
    asha, twin = make_contact(shree, "Asha", phone=PHONE), make_contact(shree, "A. Menon", phone=PHONE)
    make_contact(shree, "Gone", phone=PHONE, deleted_at=AT)
    assert list(passcodes.people_with(shree.pk, PHONE)) == [asha, twin]
