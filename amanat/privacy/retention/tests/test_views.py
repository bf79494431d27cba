"""Pages of retention: what is due is said before it goes, holds are set and lifted, a run leaves its report."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import clock, ids, tenancy
from amanat.core.models import IdempotentAnswer
from amanat.desk.models import ServiceRecord
from amanat.privacy.retention import showing, sweeping
from amanat.privacy.retention.models import LegalHold, RetentionRun
from amanat.privacy.retention.tests.factories import LONG_AGO, contact, policy

pytestmark = pytest.mark.django_db


def test_the_page_shows_each_rule_with_its_sentence(shree: Workspace) -> None:
    page = signed_in(owner_of(shree)).get(reverse("privacy:retention"))
    assert page.status_code == 200
    text = page.content.decode()
    for name in policy().keep:
        assert f"keep.{name}" in text
    assert "Marketing data: 3 years after your last contact" in text


def test_the_page_counts_what_is_due_next(shree: Workspace) -> None:
    now = clock.now()
    with tenancy.inside(shree):
        for days in (29.5, 29.5, 10):
            IdempotentAnswer.objects.create(
                workspace_id=shree.pk, member_id=ids.new(), route="x", key=str(ids.new()), request_digest="d",
                created_at=now - timedelta(days=days),
            )  # fmt: skip
        lines = {line.name: line for line in showing.lines(shree.pk, policy(), language="en", at=now)}
    assert (lines["working"].tomorrow, lines["working"].in_a_month) == (2, 3)
    assert (lines["content"].tomorrow, lines["content"].in_a_month) == (0, 0)


def test_the_same_number_of_statements_whatever_is_due(shree: Workspace, django_assert_max_num_queries: object) -> None:
    client = signed_in(owner_of(shree))
    client.get(reverse("privacy:retention"))
    for number in range(3):
        contact(shree, f"Person {number}")
    with django_assert_max_num_queries(24):  # type: ignore[operator]
        assert client.get(reverse("privacy:retention")).status_code == 200


@pytest.mark.parametrize(("role", "status"), [(Role.MANAGER, 200), (Role.AUDITOR, 200), (Role.AGENT, 403)])
def test_who_may_read_it(shree: Workspace, role: Role, status: int) -> None:
    assert signed_in(make_member(shree, role)).get(reverse("privacy:retention")).status_code == status


def test_a_hold_on_a_person_is_set_and_lifted(shree: Workspace) -> None:
    asha, client = contact(shree), signed_in(owner_of(shree))
    url = reverse("privacy:hold_new") + f"?contact={asha.pk}"
    assert asha.name in client.get(url).content.decode()
    assert client.post(url, {"basis": "", "until": "2040-01-01"}).status_code == 422
    assert client.post(url, {"basis": "Court case 7", "until": "2020-01-01"}).status_code == 422
    assert client.post(url, {"basis": "Court case 7", "until": "2040-01-01"}).status_code == 303
    with tenancy.inside(shree):
        hold = LegalHold.objects.of(shree).get()
    assert hold.contact_id == asha.pk
    assert "Court case 7" in client.get(reverse("privacy:retention")).content.decode()
    assert client.post(reverse("privacy:hold_lift", args=[hold.pk])).status_code == 303
    with tenancy.inside(shree):
        assert LegalHold.objects.of(shree).get().lifted_at is not None


def test_a_hold_on_a_rule_needs_a_rule(shree: Workspace) -> None:
    client, url = signed_in(owner_of(shree)), reverse("privacy:hold_new")
    assert client.post(url, {"basis": "Audit", "until": "2040-01-01"}).status_code == 422
    assert client.post(url, {"keep": "billing", "basis": "Audit", "until": "2040-01-01"}).status_code == 303


def test_a_manager_sets_no_hold(shree: Workspace) -> None:
    assert signed_in(make_member(shree, Role.MANAGER)).get(reverse("privacy:hold_new")).status_code == 403


@pytest.mark.parametrize("text", ["", "x", "00000000-0000-0000-0000-000000000000"])
def test_a_hold_on_nobody_is_not_found(shree: Workspace, text: str) -> None:
    answer = signed_in(owner_of(shree)).get(reverse("privacy:hold_new") + f"?contact={text}")
    assert answer.status_code == (200 if not text else 404)


@pytest.mark.slow
def test_a_run_leaves_its_report(shree: Workspace) -> None:
    contact(shree)
    at = LONG_AGO + timedelta(days=1_200)
    with clock.standing_at(at):
        run = sweeping.run(shree.pk, at=at)
    client = signed_in(owner_of(shree))
    text = client.get(reverse("privacy:retention_run", args=[run.pk])).content.decode()
    assert "keep.marketing" in text and re.search(r"keep\.marketing\b[^<]*<.{1,200}>\s*Contact\s*<", text, re.DOTALL)
    assert reverse("privacy:retention_run", args=[run.pk]) in client.get(reverse("privacy:retention")).content.decode()


def test_sweeping_now_is_a_job(shree: Workspace) -> None:
    client = signed_in(owner_of(shree))
    assert client.post(reverse("privacy:retention_now")).status_code == 303
    assert client.post(reverse("privacy:retention_now")).status_code == 303
    with tenancy.inside(shree):
        assert not RetentionRun.objects.of(shree).exists()


def test_the_line_of_a_contact_says_the_day(shree: Workspace) -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    asha = contact(shree, at=now)
    text = signed_in(owner_of(shree)).get(reverse("people:contact", args=[asha.pk])).content.decode()
    assert "Erased on 21 Nov 2029" in text
    assert "3 years after the last contact." in text and f"/w/{shree.pk}/privacy/#keep" in text


def test_the_line_of_a_customer_says_that_there_is_no_date(shree: Workspace) -> None:
    asha = contact(shree)
    with tenancy.inside(shree):
        ServiceRecord.objects.create(
            workspace_id=shree.pk, number=1, contact=asha, title="Pan", fee_paise=0, paid_paise=0
        )
        shown = showing.on_the_page_of(asha, language="en", at=clock.now())
    assert (shown["when"], shown["clause"]) == (None, "keep.content")
    assert str(shown["why"]).startswith("No date: kept as long as")


def test_a_late_sweep_is_said(shree: Workspace) -> None:
    with tenancy.inside(shree):
        RetentionRun.objects.create(
            workspace_id=shree.pk, started_at=clock.now() - timedelta(days=3), ended_at=clock.now(), policy_number=0
        )
    text = signed_in(owner_of(shree)).get(reverse("privacy:retention")).content.decode()
    assert "The daily sweep did not run" in text


def test_people_fall_under_the_rules_that_count_them() -> None:
    assert "contact" in showing.tables_of("marketing") and showing.tables_of("content").count("contact") == 1
