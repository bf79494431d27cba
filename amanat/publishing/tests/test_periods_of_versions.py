"""From which moment a version may hold, who is told of it by mail, and what a plan says before anything is published."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of
from amanat.core import tenancy
from amanat.core.models import LedgerEntry
from amanat.publishing import publish, versions
from amanat.publishing.models import PolicyMail, PolicyVersion
from amanat.publishing.publish import Plan
from amanat.publishing.tests.samples import (
    LEAD,
    LONGER,
    NARROWER,
    NOW,
    REWORDED,
    SHORTER,
    SOURCE,
    WIDER,
    changed,
    published,
)

DAY = timedelta(days=1)
SOLD = ('operator: {name: "Shree CSC Kendra"', 'operator: {name: "Sahyadri Services LLP"')
Change = tuple[str, str]


def plan(workspace: Workspace, *changes: Change, at: datetime = NOW) -> Plan:
    with tenancy.inside(workspace):
        return publish.plan(workspace=workspace, source=changed(*changes), at=at)


def lead(days: int) -> Change:
    return ("lead: P30D", f"lead: P{days}D")


def notice(days: int) -> Change:
    return ("notice_before_sale: P30D", f"notice_before_sale: P{days}D")


# --- the lead -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "waits"),
    [
        (
            [],
            [
                ([REWORDED, SHORTER, NARROWER], 0),
                ([LONGER, REWORDED, NARROWER], 30),
                ([WIDER, lead(60)], 30),
            ],
        ),
        (
            [lead(45)],
            [
                ([LONGER, lead(45)], 45),
                ([REWORDED, lead(44)], 45),  # a shorter lead is less than was promised
                ([REWORDED, lead(60)], 0),
            ],
        ),
    ],
    ids=["thirty days", "forty-five days"],
)
def test_what_is_less_for_people_waits_for_the_lead_they_were_promised(
    shree: Workspace, first: list[Change], waits: list[tuple[list[Change], int]]
) -> None:
    published(shree, *first)
    for second, days in waits:
        planned = plan(shree, *second, at=NOW + DAY)
        assert planned.effective_at == NOW + (1 + days) * DAY, second
        assert planned.is_material == bool(days)


@pytest.mark.parametrize(
    ("promised", "days"),
    [(29, 30), (31, 31)],
)
def test_who_sells_the_firm_waits_for_the_longer_of_lead_and_notice(shree: Workspace, promised: int, days: int) -> None:
    first = [notice(promised)] if promised != 30 else []
    published(shree, *first)
    assert plan(shree, SOLD, LONGER, *first).effective_at == NOW + days * DAY
    assert plan(shree, LONGER, *first).effective_at == NOW + LEAD, "without a sale the notice of one does not count"


def test_the_notice_that_counts_is_the_one_in_force_not_the_buyers(shree: Workspace) -> None:
    published(shree, notice(40))
    assert plan(shree, SOLD, LONGER, notice(90)).effective_at == NOW + 40 * DAY


def test_a_change_of_hands_is_a_change_of_the_name(shree: Workspace) -> None:
    published(shree)
    with tenancy.inside(shree):
        before = versions.in_force(shree, NOW).policy
    assert publish.is_handed_over(before, plan(shree, SOLD).policy)
    assert not publish.is_handed_over(before, plan(shree, LONGER, REWORDED).policy)


def test_before_anything_was_published_nothing_waits(shree: Workspace) -> None:
    planned = plan(shree, LONGER, WIDER, SOLD)
    assert (planned.number, planned.effective_at, planned.holds.number) == (1, NOW, 0)


# --- versions that were announced -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_of_several_announced_the_soonest_that_is_no_stricter_gives_the_day(shree: Workspace) -> None:
    published(shree)
    first = published(shree, LONGER, at=NOW + DAY)
    second = published(shree, LONGER, WIDER, at=NOW + 2 * DAY)
    assert (first.effective_at, second.effective_at) == (NOW + DAY + LEAD, NOW + 2 * DAY + LEAD)
    assert plan(shree, LONGER, REWORDED, at=NOW + 9 * DAY).effective_at == first.effective_at
    assert plan(shree, LONGER, WIDER, REWORDED, at=NOW + 9 * DAY).effective_at == second.effective_at
    assert plan(shree, WIDER, at=NOW + 9 * DAY).effective_at == second.effective_at


def test_one_that_holds_already_is_not_announced_any_more(shree: Workspace) -> None:
    published(shree)
    first = published(shree, LONGER, at=NOW)
    at = first.effective_at
    planned = plan(shree, LONGER, WIDER, at=at)
    assert (planned.holds.number, planned.replaces.number) == (2, 2)
    assert planned.effective_at == at + LEAD


@pytest.mark.slow
def test_one_that_was_withdrawn_gives_no_day(shree: Workspace) -> None:
    published(shree)
    withdrawn = published(shree, LONGER, at=NOW + DAY)
    published(shree, SHORTER, at=NOW + 2 * DAY)
    again = plan(shree, LONGER, at=withdrawn.effective_at - DAY)
    assert again.holds.number == 3
    assert again.effective_at == withdrawn.effective_at - DAY + LEAD


@pytest.mark.slow
def test_what_replaces_is_what_would_hold_just_before(shree: Workspace) -> None:
    published(shree)
    published(shree, LONGER, at=NOW + DAY)
    later = plan(shree, LONGER, WIDER, at=NOW + 2 * DAY)
    assert (later.holds.number, later.replaces.number) == (1, 2)
    at_once = plan(shree, SHORTER, at=NOW + 2 * DAY)
    assert (at_once.holds.number, at_once.replaces.number) == (1, 1)


def test_consents_are_counted_from_what_would_hold_just_before(shree: Workspace) -> None:
    """Who agreed to the announced, wider purpose has agreed to it in the version behind it too."""
    published(shree)
    announced = published(shree, WIDER, at=NOW + DAY)
    assert announced.asks_anew == {"marketing": 2}
    behind = plan(shree, WIDER, LONGER, at=NOW + 2 * DAY)
    assert behind.asks_anew_for == [] and dict(behind.asks_anew) == {"marketing": 2}


# --- what a plan says -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("promised", "material", "other"), [("material", True, False), ("any", True, True), ("never", False, False)]
)
def test_people_hear_of_a_change_as_they_were_promised(
    shree: Workspace, promised: str, material: bool, other: bool
) -> None:
    mail = [("email_if: material", f"email_if: {promised}")] if promised != "material" else []
    published(shree, *mail)
    assert plan(shree, *mail, SHORTER, at=NOW + DAY).is_mailed == other
    version = published(shree, *mail, LONGER, at=NOW + DAY)
    with tenancy.inside(shree):
        count = PolicyMail.objects.of(shree).filter(version=version).count()
        entry = LedgerEntry.objects.of(shree).filter(event="publishing.version.published").order_by("-at").first()
    assert count == int(material)
    assert entry is not None and entry.facts["mails"] == count


def test_the_promise_to_mail_is_that_of_the_policy_in_force(shree: Workspace) -> None:
    published(shree)
    assert plan(shree, LONGER, ("email_if: material", "email_if: never")).is_mailed
    assert not plan(shree, SHORTER, ("email_if: material", "email_if: any")).is_mailed


def test_a_first_version_that_says_what_holds_already_is_published_and_mailed_to_nobody(shree: Workspace) -> None:
    with tenancy.inside(shree):
        source = versions.source_of(shree, 0)
        planned = publish.plan(workspace=shree, source=source, at=NOW)
    assert planned.is_new and not planned.changes and not planned.is_mailed


@pytest.mark.slow
def test_what_is_compared_is_the_newest_version_not_the_one_in_force(shree: Workspace) -> None:
    published(shree)
    published(shree, LONGER, at=NOW + DAY)
    assert not plan(shree, LONGER, at=NOW + 2 * DAY).is_new
    assert plan(shree, LONGER, REWORDED, at=NOW + 2 * DAY).is_new
    back = plan(shree, at=NOW + 2 * DAY)
    assert back.is_new and not back.changes and back.effective_at == NOW + 2 * DAY


def test_a_plan_of_a_file_without_the_shape_says_what_is_wrong(shree: Workspace) -> None:
    with tenancy.inside(shree), pytest.raises(publish.Refused) as refused:
        publish.plan(workspace=shree, source="amanat: [", at=NOW)
    assert refused.value.findings and str(refused.value.findings[0]) in str(refused.value)


def test_a_plan_keeps_errors_and_warnings_apart(shree: Workspace) -> None:
    planned = plan(shree, ("min_age: 18", "min_age: 12"))
    assert planned.errors and set(planned.errors) < set(planned.findings)
    with tenancy.inside(shree), pytest.raises(publish.Refused) as refused:
        publish.publish(workspace=shree, source=changed(("min_age: 18", "min_age: 12")), by=None, at=NOW)
    assert refused.value.findings == planned.errors, "a warning is no reason to refuse"


def test_the_first_day_is_counted_where_the_workspace_is(shree: Workspace) -> None:
    for zone, hour, day in (("Asia/Kolkata", 17, 20), ("Asia/Kolkata", 18, 21), ("America/New_York", 3, 19)):
        with tenancy.inside(shree):
            Workspace.objects.of(shree).update(time_zone=zone)
            here = Workspace.objects.of(shree).get()
            planned = publish.plan(workspace=here, source=SOURCE, at=NOW.replace(hour=hour))
        assert planned.policy.head.effective.day == day, zone


# --- what is written ------------------------------------------------------------------------------------------------------------


def test_row_and_ledger_hold_all_that_was_planned(shree: Workspace) -> None:
    published(shree)
    row = published(shree, LONGER, WIDER, at=NOW + DAY)
    assert (row.number, row.replaces, row.published_at, row.effective_at) == (2, 1, NOW + DAY, NOW + DAY + LEAD)
    assert row.source == changed(LONGER, WIDER) and row.published_by == owner_of(shree)
    assert {one["path"]: one["direction"] for one in row.changes} == {
        "keep.content.until.closure": "looser",
        "purposes.marketing.uses": "looser",
    }
    assert all(one["sentence"] for one in row.changes)
    assert row.asks_anew == {"marketing": 2}
    with tenancy.inside(shree):
        entry = LedgerEntry.objects.of(shree).get(event="publishing.version.published", about=row.pk)
    assert entry.facts == {
        "number": 2,
        "digest": row.digest,
        "is_material": True,
        "effective_at": row.effective_at.isoformat(),
        "asks_anew": ["marketing"],
        "mails": 1,
    }


def test_the_operators_command_publishes_in_nobodys_name(shree: Workspace) -> None:
    with tenancy.inside(shree):
        row = publish.publish(workspace=shree, source=SOURCE, by=None, at=NOW)
        assert row is not None
        assert PolicyVersion.objects.of(shree).get().published_by is None
        assert LedgerEntry.objects.of(shree).get(event="publishing.version.published").actor is None


def test_a_member_of_each_role_who_is_there_is_told(shree: Workspace) -> None:
    told = {make_member(shree, role, name=f"Member {role}").pk for role in Role if role != Role.OWNER}
    make_member(shree, name="Gone Member", ended_at=NOW)
    published(shree)
    version = published(shree, LONGER, at=NOW + DAY)
    with tenancy.inside(shree):
        mails = list(PolicyMail.objects.of(shree).filter(version=version))
    assert {one.member_id for one in mails} == told | {owner_of(shree).pk}
    assert {(one.due_at, one.sent_at, one.tries) for one in mails} == {(NOW + DAY, None, 0)}


def test_number_and_order_are_each_workspaces_own(shree: Workspace, other: Workspace) -> None:
    published(shree)
    published(shree, LONGER, at=NOW + DAY)
    row = published(other, LONGER, at=NOW + 2 * DAY)
    assert (row.number, row.effective_at) == (1, NOW + 2 * DAY)
    with tenancy.inside(other):
        assert [one.number for one in versions.all_of(other)] == [1]
        with pytest.raises(versions.NoVersion):
            versions.numbered(other, 2)
        with pytest.raises(versions.NoVersion):
            versions.source_of(other, 2)
