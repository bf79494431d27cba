"""Publishing: numbers and days are computed, what is worse for people waits, what is wrong changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import make_member, owner_of
from amanat.core import tenancy
from amanat.core.models import LedgerEntry
from amanat.publishing import publish, versions
from amanat.publishing.models import PolicyMail, PolicyVersion
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
)  # fmt: skip

DAY = timedelta(days=1)


def number_at(workspace: Workspace, at: object) -> int:
    with tenancy.inside(workspace):
        return versions.in_force(workspace, at).number  # type: ignore[arg-type]


def test_before_anything_is_published_the_ready_policy_holds(shree: Workspace) -> None:
    with tenancy.inside(shree):
        held = versions.in_force(shree)
    assert (held.number, held.is_published, held.policy.parties.operator.name) == (0, False, "Shree CSC Kendra")


def test_the_first_version_holds_at_once_also_where_it_promises_less_than_the_ready_one(shree: Workspace) -> None:
    version = published(shree, LONGER)
    assert (version.number, version.effective_at, version.is_material) == (1, NOW, True)
    assert number_at(shree, NOW) == 1


def test_number_and_day_in_the_file_do_not_count(shree: Workspace) -> None:
    typed = SOURCE.replace("version: 1,", "version: 99,", 1).replace(
        "effective: 2026-11-20", "effective: 2031-01-01", 1
    )
    assert typed != SOURCE
    published(shree, source=typed)
    with tenancy.inside(shree):
        head = versions.in_force(shree, NOW).policy.head
    assert (head.version, head.effective.isoformat()) == (1, "2026-11-20")


def test_the_first_day_is_the_workspaces_own(shree: Workspace) -> None:
    late = NOW.replace(hour=20)  # 01:30 of the next day in India
    published(shree, at=late)
    with tenancy.inside(shree):
        assert versions.in_force(shree, late).policy.head.effective.isoformat() == "2026-11-21"


def test_what_is_kept_longer_holds_only_after_the_promised_lead(shree: Workspace) -> None:
    published(shree)
    version = published(shree, LONGER, at=NOW + DAY)
    assert (version.is_material, version.effective_at) == (True, NOW + DAY + LEAD)
    assert number_at(shree, NOW + DAY + LEAD - timedelta(microseconds=1)) == 1
    assert number_at(shree, NOW + DAY + LEAD) == 2


@pytest.mark.parametrize("change", [SHORTER, REWORDED, NARROWER], ids=["shorter", "reworded", "narrower"])
def test_what_is_only_stricter_or_said_otherwise_holds_at_once(shree: Workspace, change: tuple[str, str]) -> None:
    published(shree)
    version = published(shree, change, at=NOW + DAY)
    assert (version.is_material, version.effective_at) == (False, NOW + DAY)
    assert number_at(shree, NOW + DAY) == 2


def test_the_lead_is_the_one_people_were_promised_not_the_new_one(shree: Workspace) -> None:
    published(shree)
    version = published(shree, ("lead: P30D", "lead: P60D"), LONGER, at=NOW)
    assert version.effective_at == NOW + LEAD
    after = published(shree, LONGER, ("lead: P30D", "lead: P60D"), WIDER, at=NOW + LEAD)
    assert after.effective_at == NOW + LEAD + timedelta(days=60)


def test_a_stricter_version_withdraws_one_that_was_only_announced(shree: Workspace) -> None:
    published(shree)
    published(shree, LONGER, at=NOW + DAY)
    published(shree, SHORTER, at=NOW + 2 * DAY)
    assert [number_at(shree, NOW + days * DAY) for days in (0, 1, 2, 60)] == [1, 1, 3, 3]


@pytest.mark.slow
def test_a_version_no_looser_than_an_announced_one_holds_from_its_day(shree: Workspace) -> None:
    published(shree)
    announced = published(shree, LONGER, at=NOW + DAY)
    mended = published(shree, LONGER, REWORDED, at=NOW + 5 * DAY)
    assert mended.effective_at == announced.effective_at
    worse = published(shree, LONGER, REWORDED, WIDER, at=NOW + 6 * DAY)
    assert worse.effective_at == NOW + 6 * DAY + LEAD


def test_the_same_content_publishes_nothing(shree: Workspace) -> None:
    published(shree)
    again = "# only a comment more\n" + SOURCE
    with tenancy.inside(shree):
        assert publish.publish(workspace=shree, source=again, by=owner_of(shree), at=NOW + DAY) is None
        assert versions.all_of(shree).count() == 1


def test_back_to_an_earlier_content_is_a_version_of_its_own(shree: Workspace) -> None:
    published(shree)
    published(shree, SHORTER, at=NOW + DAY)
    back = published(shree, at=NOW + 2 * DAY)
    assert (back.number, back.is_material) == (3, True)


@pytest.mark.parametrize(
    "wrong",
    [
        ("min_age: 18", "min_age: 12"),
        ('email: "privacy@shree.test", phone', "email: '', phone"),
        ("pd:WorkHistory, ", ""),
        ("amanat: 1", "amanat: 2"),
    ],
    ids=["the law", "no address", "not what the code holds", "the shape"],
)
def test_what_the_linter_refuses_changes_no_row(shree: Workspace, wrong: tuple[str, str]) -> None:
    with tenancy.inside(shree):
        before = LedgerEntry.objects.of(shree).count()
        with pytest.raises(publish.Refused) as refused:
            publish.publish(workspace=shree, source=changed(wrong), by=owner_of(shree), at=NOW)
        assert refused.value.findings
        assert (versions.all_of(shree).count(), PolicyMail.objects.of(shree).count()) == (0, 0)
        assert LedgerEntry.objects.of(shree).count() == before


def test_warnings_do_not_stop_it(shree: Workspace) -> None:
    with tenancy.inside(shree):
        planned = publish.plan(workspace=shree, source=SOURCE, at=NOW)
    assert planned.findings and not planned.errors


def test_a_plan_writes_nothing_and_says_what_would_be(shree: Workspace) -> None:
    published(shree)
    with tenancy.inside(shree):
        planned = publish.plan(workspace=shree, source=changed(LONGER, WIDER), at=NOW + DAY)
        assert versions.all_of(shree).count() == 1
    assert (planned.number, planned.effective_at, planned.is_material) == (2, NOW + DAY + LEAD, True)
    assert {change.path for change in planned.changes} == {"keep.content.until.closure", "purposes.marketing.uses"}
    assert planned.asks_anew_for == ["marketing"]


def test_publishing_is_written_into_the_ledger_without_a_word_of_the_text(shree: Workspace) -> None:
    version = published(shree)
    with tenancy.inside(shree):
        entry = LedgerEntry.objects.of(shree).get(event="publishing.version.published")
    assert entry.about == version.id and entry.actor == owner_of(shree).id
    assert entry.facts["number"] == 1 and entry.facts["digest"] == version.digest
    assert "Satara" not in str(entry.facts)


def test_every_member_of_the_day_is_mailed_and_nobody_who_left(shree: Workspace) -> None:
    here, gone = make_member(shree, name="Prakash Jadhav"), make_member(shree, name="Gone Member", ended_at=NOW - DAY)
    published(shree)
    version = published(shree, LONGER, at=NOW + DAY)
    with tenancy.inside(shree):
        told = set(PolicyMail.objects.of(shree).filter(version=version).values_list("member_id", flat=True))
    assert told == {owner_of(shree).id, here.id} and gone.id not in told


def test_only_material_changes_are_mailed_where_the_policy_says_so(shree: Workspace) -> None:
    published(shree)
    published(shree, SHORTER, at=NOW + DAY)
    with tenancy.inside(shree):
        assert not PolicyMail.objects.of(shree).filter(version__number=2).exists()


def test_every_change_is_mailed_where_the_policy_in_force_promises_it(shree: Workspace) -> None:
    published(shree, ("email_if: material", "email_if: any"))
    version = published(shree, SHORTER, at=NOW + DAY)
    with tenancy.inside(shree):
        assert PolicyMail.objects.of(shree).filter(version=version).count() == 1


def test_a_member_of_another_workspace_cannot_publish_here(shree: Workspace, other: Workspace) -> None:
    outsider = owner_of(other)
    with tenancy.inside(shree), pytest.raises(AssertionError):
        publish.publish(workspace=shree, source=SOURCE, by=outsider, at=NOW)


def test_versions_of_one_workspace_are_not_seen_from_another(shree: Workspace, other: Workspace) -> None:
    published(shree)
    with tenancy.inside(other):
        assert versions.in_force(other, NOW).number == 0
        assert list(PolicyVersion.objects.of(shree)) == []
        with pytest.raises(versions.NoWorkspace):
            versions.in_force(shree, NOW)
