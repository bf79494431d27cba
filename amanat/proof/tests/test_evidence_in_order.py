"""What is told to the ledger and when, whose newest finding counts, from where a chain is checked, and in whose days a board counts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import pytest

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests import factories
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry
from amanat.policy import ready
from amanat.proof import attesting, board, evidence, seals
from amanat.proof.attesting import NotAttestable
from amanat.proof.evidence import Mark, Ran
from amanat.proof.judging import State
from amanat.proof.models import Attestation, Evidence, Outcome, Round
from amanat.publishing.seals import State as Seal

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MOMENT, HOUR, DAY = timedelta(microseconds=1), timedelta(hours=1), timedelta(days=1)
POLICY = ready.policy("default")
TRAINING, PREMISES = "security.training_every", "security.attest.premises"


def write(workspace: Workspace, *found: tuple[str, Outcome], at: datetime = NOON, number: int = 0) -> list[Evidence]:
    with tenancy.inside(workspace):
        ran = [Ran(name, outcome, "found", {"n": 1}, 3) for name, outcome in found]
        return evidence.append(workspace.pk, ran, policy_number=number, at=at)


def told(workspace: Workspace, event: str) -> list[dict[str, object]]:
    with tenancy.inside(workspace):
        entries = LedgerEntry.objects.of(workspace).filter(event=event).order_by("at", "id")
        return [dict(entry.facts) for entry in entries]


def published(workspace: Workspace) -> list[object]:
    return [one["number"] for one in told(workspace, "proof.evidence.published")]


# --- the ledger -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "event"),
    [
        (None, Outcome.KEPT, ""),
        (None, Outcome.DUE, ""),
        (None, Outcome.BROKEN, "proof.promise.broken"),
        (None, Outcome.COULD_NOT_RUN, "proof.promise.broken"),
        (Outcome.KEPT, Outcome.KEPT, ""),
        (Outcome.KEPT, Outcome.DUE, ""),
        (Outcome.DUE, Outcome.KEPT, ""),
        (Outcome.KEPT, Outcome.BROKEN, "proof.promise.broken"),
        (Outcome.DUE, Outcome.BROKEN, "proof.promise.broken"),
        (Outcome.BROKEN, Outcome.COULD_NOT_RUN, ""),
        (Outcome.BROKEN, Outcome.BROKEN, ""),
        (Outcome.BROKEN, Outcome.KEPT, "proof.promise.kept_again"),
        (Outcome.COULD_NOT_RUN, Outcome.DUE, "proof.promise.kept_again"),
    ],
)
def test_the_ledger_hears_when_a_promise_breaks_and_when_it_is_whole_again(
    shree: Workspace, first: Outcome | None, second: Outcome, event: str
) -> None:
    if first:
        write(shree, ("a", first))
    before = {name: len(told(shree, name)) for name in ("proof.promise.broken", "proof.promise.kept_again")}
    (row,) = write(shree, ("a", second), at=NOON + HOUR)
    new = {name: told(shree, name)[count:] for name, count in before.items()}
    assert new == {name: [{"probe": "a", "evidence": row.number}] if name == event else [] for name in before}


def test_the_end_of_the_chain_is_told_once_a_day_and_with_every_change(shree: Workspace) -> None:
    write(shree, ("a", Outcome.KEPT))
    assert published(shree) == [1]
    write(shree, ("a", Outcome.KEPT), at=NOON + DAY - MOMENT)
    assert published(shree) == [1]
    write(shree, ("a", Outcome.KEPT), at=NOON + DAY)
    assert published(shree) == [1, 3]
    write(shree, ("a", Outcome.KEPT), at=NOON + DAY + HOUR)
    write(shree, ("a", Outcome.BROKEN), at=NOON + DAY + 2 * HOUR)
    assert published(shree) == [1, 3, 5]
    write(shree, ("a", Outcome.BROKEN), at=NOON + 2 * DAY + HOUR)
    assert published(shree) == [1, 3, 5], "a day from when it was told last, not from midnight"
    write(shree, ("a", Outcome.BROKEN), at=NOON + 2 * DAY + 2 * HOUR)
    assert published(shree) == [1, 3, 5, 7]


def test_nothing_found_writes_nothing(shree: Workspace) -> None:
    assert write(shree) == []
    with tenancy.inside(shree):
        assert not Round.objects.of(shree).exists()
    assert published(shree) == []


def test_what_broke_in_one_workspace_says_nothing_of_the_other(shree: Workspace, other: Workspace) -> None:
    write(shree, ("a", Outcome.BROKEN))
    (row,) = write(other, ("a", Outcome.KEPT))
    assert (row.number, row.previous) == (1, evidence.FIRST)
    assert told(other, "proof.promise.kept_again") == []
    with tenancy.inside(other):
        assert evidence.latest(other.pk, ["a"])["a"].outcome == Outcome.KEPT
        assert evidence.verify(other.pk) == (1, "")


# --- reading ------------------------------------------------------------------------------------------------------------------------


def test_the_newest_finding_of_each_probe_counts_and_no_other_probe(shree: Workspace) -> None:
    write(shree, ("a", Outcome.KEPT), ("b", Outcome.KEPT))
    write(shree, ("a", Outcome.BROKEN), ("c", Outcome.DUE), at=NOON + HOUR)
    with tenancy.inside(shree):
        found = evidence.latest(shree.pk, ["a", "b", "never"])
        assert {name: (row.number, row.outcome) for name, row in found.items()} == {
            "a": (3, Outcome.BROKEN),
            "b": (2, Outcome.KEPT),
        }
        assert evidence.latest(shree.pk, []) == {}


def test_the_history_is_the_newest_first_and_no_longer_than_asked(shree: Workspace) -> None:
    for hours in range(3):
        write(shree, ("a", Outcome.KEPT), ("b", Outcome.KEPT), ("c", Outcome.KEPT), at=NOON + hours * HOUR)
    with tenancy.inside(shree):
        assert [row.number for row in evidence.history(shree.pk, ["a", "c"])] == [9, 7, 6, 4, 3, 1]
        assert [row.number for row in evidence.history(shree.pk, ["a", "c"], most=2)] == [9, 7]
        assert [row.number for row in evidence.chain(shree.pk, after=7)] == [8, 9]


def test_a_chain_is_checked_from_what_the_ledger_knew_before_a_moment(shree: Workspace) -> None:
    (first,) = write(shree, ("a", Outcome.KEPT))
    (second,) = write(shree, ("a", Outcome.KEPT), at=NOON + DAY)
    with tenancy.inside(shree):
        assert evidence.published_before(shree.pk, NOON) == Mark(0, evidence.FIRST)
        assert evidence.published_before(shree.pk, NOON + MOMENT) == Mark(1, first.digest)
        assert evidence.published_before(shree.pk, NOON + DAY) == Mark(1, first.digest)
        assert evidence.published_before(shree.pk, NOON + 9 * DAY) == Mark(2, second.digest)
        assert evidence.verify(shree.pk, since=Mark(1, first.digest)) == (2, "")
        assert evidence.verify(shree.pk, since=Mark(2, second.digest)) == (2, "")
        assert evidence.verify(shree.pk, since=Mark(1, second.digest)) == (1, "evidence 2 was changed")
        assert evidence.verify(shree.pk, since=Mark(3, second.digest))[1] == "evidence 4 is missing"


def test_a_row_is_bound_to_every_fact_of_it(shree: Workspace) -> None:
    (row,) = write(shree, ("a", Outcome.KEPT), number=7)
    whole = evidence.canonical(row)
    assert row.digest == evidence.digest_of(whole)
    assert set(whole) == {
        "workspace", "number", "previous", "probe", "at", "policy_number", "outcome", "said", "facts", "took_ms",
    }  # fmt: skip
    assert len({evidence.digest_of({**whole, name: "x"}) for name in whole} | {row.digest}) == len(whole) + 1


# --- attesting ----------------------------------------------------------------------------------------------------------------------


def attest(workspace: Workspace, path: str = TRAINING, at: datetime = NOON, **changes: object) -> Attestation:
    given = {
        "statement": "Trained.", "done_on": date(2026, 11, 20), "valid_to": None, "paper": None, "paper_name": "", **changes,
    }  # fmt: skip
    by = factories.owner_of(workspace)
    with tenancy.inside(workspace):
        return attesting.attest(path=path, policy=POLICY, policy_number=2, by=by, at=at, **given)  # type: ignore[arg-type]


def refused(workspace: Workspace, path: str = TRAINING, at: datetime = NOON, **changes: object) -> str:
    with pytest.raises(NotAttestable) as reason:
        attest(workspace, path, at, **changes)
    with tenancy.inside(workspace):
        assert not Attestation.objects.of(workspace).exists()
    return str(reason.value)


def test_today_may_be_vouched_for_and_tomorrow_may_not_counted_where_the_workspace_is(shree: Workspace) -> None:
    still, over = NOON.replace(hour=18, minute=29), NOON.replace(hour=18, minute=30)
    assert "still to come" in refused(shree, done_on=date(2026, 11, 23), at=still)
    assert attest(shree, done_on=date(2026, 11, 23), at=over).done_on == date(2026, 11, 23)


def test_it_may_end_on_its_first_day_but_not_before(shree: Workspace) -> None:
    assert "end before it began" in refused(shree, valid_to=date(2026, 11, 19))
    assert attest(shree, valid_to=date(2026, 11, 20)).valid_to == date(2026, 11, 20)


def test_a_certificate_needs_its_report_and_a_period_does_not(shree: Workspace) -> None:
    assert "Attach the report" in refused(shree, PREMISES)
    assert "does not ask" in refused(shree, "security.attest.moon")
    made = attest(shree, PREMISES, paper=BytesIO(b"report"), paper_name="report.txt")
    with tenancy.inside(shree):
        held = Attestation.objects.of(shree).select_related("file").get()
    assert made.file_sha256 == held.file_sha256 == held.file.sha256 != ""
    assert attest(shree).file_sha256 == ""


def test_what_was_vouched_for_later_counts_also_when_it_was_done_earlier(shree: Workspace) -> None:
    attest(shree, done_on=date(2026, 11, 20))
    corrected = attest(shree, done_on=date(2026, 11, 1), at=NOON + HOUR)
    with tenancy.inside(shree):
        standing = attesting.standings(shree.pk, POLICY)[TRAINING]
    assert standing.newest == corrected and standing.until == date(2027, 11, 1)


def test_a_role_is_kept_as_it_was_and_the_ledger_names_the_subject(shree: Workspace) -> None:
    made = attest(shree)
    assert made.role == Role.OWNER
    assert told(shree, "proof.attestation.made") == [{"subject": TRAINING, "digest": made.digest}]
    whole = attesting.canonical(made)
    assert len({evidence.digest_of({**whole, name: "x"}) for name in whole} | {made.digest}) == len(whole) + 1


def test_attestations_of_another_workspace_do_not_count(shree: Workspace, other: Workspace) -> None:
    attest(shree)
    with tenancy.inside(other):
        assert attesting.standings(other.pk, POLICY)[TRAINING].newest is None


# --- the board and the seals ----------------------------------------------------------------------------------------------------------


def is_asked_again(workspace: Workspace, at: datetime) -> bool:
    """Whether the board says that the training is to be vouched for anew."""
    with clock.standing_at(at), tenancy.inside(workspace):
        known = board.of(workspace.pk).known
        return known.standings[TRAINING].is_nearly_due(known.today)


@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [
        ("Asia/Kolkata", datetime(2027, 11, 6, 18, 29, tzinfo=UTC), datetime(2027, 11, 6, 18, 30, tzinfo=UTC)),
        ("America/New_York", datetime(2027, 11, 7, 3, 59, tzinfo=UTC), datetime(2027, 11, 7, 4, 0, tzinfo=UTC)),
    ],
)
def test_an_attestation_is_asked_for_again_from_midnight_where_the_workspace_is(
    shree: Workspace, zone: str, before: datetime, after: datetime
) -> None:
    """It covers until 20 November 2027, and two weeks before that it is due: from the 7th on, by the workspace's own clock."""
    attest(shree)
    with tenancy.inside(shree):
        Workspace.objects.of(shree).update(time_zone=zone)
    assert (is_asked_again(shree, before), is_asked_again(shree, after)) == (False, True)


def test_a_seal_tells_of_the_worst_check_that_was_made(shree: Workspace) -> None:
    with tenancy.inside(shree):
        shown = board.of(shree.pk, at=NOON)
    clause = next(one for one in shown.clauses if len(one.checks) > 1 and one.clause.kind != "disclaimer")
    kept, broken, *_never = [check.probe.name for check in clause.checks]
    write(shree, (kept, Outcome.KEPT), at=NOON - HOUR)
    (row,) = write(shree, (broken, Outcome.BROKEN), at=NOON)
    with clock.standing_at(NOON), tenancy.inside(shree):
        seal = seals.of(shree.pk)[clause.clause.id]
        unchecked = [one.clause.id for one in board.of(shree.pk).clauses if one.checks and one.checked_at is None]
        states = {name: seals.of(shree.pk)[name].state for name in unchecked[:3]}
    assert (seal.state, seal.evidence, seal.said, seal.checked_at) == (Seal.BROKEN, row.digest, "found", NOON - HOUR)
    assert seal.promises == len(clause.promises) and seal.kept < seal.checked <= seal.promises
    assert set(states.values()) == {Seal.UNKNOWN}


def test_the_figures_count_a_promise_of_several_clauses_at_its_worst(shree: Workspace) -> None:
    with tenancy.inside(shree):
        shown = board.of(shree.pk, at=NOON)
    keys = {promise.key for one in shown.clauses for promise in one.promises}
    assert sum(shown.states.values()) == len(keys)
    assert shown.checked_at is None and shown.clause("never") is not None and shown.clause("nothing-such") is None
    write(shree, ("core.backups", Outcome.KEPT), at=NOON - HOUR)
    write(shree, ("accounts.passwords", Outcome.BROKEN), at=NOON)
    with tenancy.inside(shree):
        later = board.of(shree.pk, at=NOON)
    assert later.checked_at == NOON
    assert later.states[State.BROKEN] == len(shown.known.probes["accounts.passwords"].keys & keys) > 0
