"""A disk that is nearly full: nothing is changed, everything can be read, and it goes on by itself."""

from __future__ import annotations

import pytest

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.core import diskspace, tenancy
from amanat.people.models import Contact

pytestmark = pytest.mark.django_db


class Disk:
    """A disk in our hand."""

    def __init__(self, total: int, free: int) -> None:
        self.total, self.used, self.free = total, total - free, free


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    found = Disk(100 * 10**9, 50 * 10**9)
    monkeypatch.setattr("amanat.core.diskspace.shutil.disk_usage", lambda _path: found)
    return found


@pytest.mark.parametrize(
    ("total", "free", "short"),
    [
        (100 * 10**9, 499_999_999, True),
        (100 * 10**9, 500_000_001, False),
        (2 * 10**9, 99_999_999, True),  # a twentieth of a small disk
        (2 * 10**9, 100_000_001, False),
    ],
)
def test_the_reserve_is_500_mb_or_a_twentieth(disk: Disk, total: int, free: int, short: bool) -> None:
    disk.total, disk.free = total, free
    assert diskspace.is_short() == short


def test_nothing_is_changed_below_the_reserve_and_everything_can_be_read(shree: Workspace, disk: Disk) -> None:
    browser = signed_in(owner_of(shree))

    def count() -> int:
        with tenancy.inside(shree):
            return Contact.objects.of(shree).count()

    disk.free = 1
    refused = browser.post("/contacts/new/", {"name": "Asha Menon"})
    assert refused.status_code == 503
    assert "Nothing can be saved at the moment" in refused.content.decode()
    assert count() == 0
    assert browser.get("/contacts/").status_code == 200
    assert browser.get("/").status_code == 200
    disk.free = 50 * 10**9
    assert browser.post("/contacts/new/", {"name": "Asha Menon"}).status_code != 503


def test_a_program_gets_a_problem_and_no_page(shree: Workspace, disk: Disk) -> None:
    disk.free = 1
    refused = signed_in(owner_of(shree)).post("/api/v1/contacts", {"name": "A"}, content_type="application/json")
    assert (refused.status_code, refused.headers["Content-Type"]) == (503, "application/problem+json")


def test_one_may_sign_in_on_a_full_disk(shree: Workspace, disk: Disk) -> None:
    from django.test import Client

    disk.free = 1
    assert Client().post("/accounts/login", {"login": "nobody@example.in", "password": "x"}).status_code != 503
