"""Probes of retention: how many rows are older than promised. Held by law or waiting for a warning is not late.

A sweep comes once a day, so a row is late when it had ended a day and an hour ago and is still here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext_lazy as _

from amanat.basis import objections
from amanat.basis.consent import How
from amanat.basis.models import Method
from amanat.people.models import Contact
from amanat.policy.durations import Duration
from amanat.policy.probing import Asked, Finding, Scope, probe
from amanat.privacy.erasure.models import Erasure
from amanat.privacy.retention import books, due, holds, house, proofs, reckoning, sweeping, tables
from amanat.privacy.retention.models import RetentionDue

#: The daily sweep, and an hour for it.
GRACE = timedelta(hours=25)
#: So long may people be kept who could not be told: then the promise to delete is broken, and somebody has to look.
_LONGEST_WAIT = timedelta(days=7)
#: Tables with modules and probes of their own. Written here once more, so that the sweep cannot lose one unseen.
_BY_THEMSELVES = frozenset({
    "people.Contact", "accounts.User", "privacy.AccountClosure", "privacy.WorkspaceClosure", "desk.ServiceRecord", "desk.Payment",
    "privacy.SealedRecord", "privacy.RelianceEnd",
})  # fmt: skip
_ONE_DAY = timedelta(days=1)


def _late_rows(asked: Asked, only: frozenset[str] | None = None) -> tuple[int, int]:
    """How many rows are late, and of how many tables, leaving out rules on hold."""
    before = asked.at - GRACE
    on_hold = holds.on_rules(asked.workspace_id, at=asked.at)
    terms = [
        (one, term)
        for one in tables.counted()
        if one.is_of_a_workspace
        and one.keep not in on_hold
        and one.label not in proofs.LABELS
        and (only is None or one.keep in only)
        and (term := reckoning.term(asked.policy, one.keep, one.trigger))
    ]
    found = tables.counts(terms, soon=before, later=before, workspace_id=asked.workspace_id)
    return sum(late for _soon, late in found.values()), len(terms)


def _passed_by(asked: Asked, only: str = "") -> int:
    """How many tables have an end in the policy and are left out by the sweep: declarations against the walk itself."""
    swept = {(one.label, one.trigger) for one, _term in sweeping.swept_tables(asked.policy)}
    swept |= {(one.label, one.trigger) for one in tables.counted() if not one.is_of_a_workspace}
    ending = {
        (held.model, trigger)
        for held in tables.declarations()
        if held.model not in _BY_THEMSELVES | proofs.LABELS
        for trigger in held.counted_from
        if trigger in reckoning.rule(asked.policy, held.clause.removeprefix("keep.")).until
        and only in {"", held.clause.removeprefix("keep.")}
    }
    return len({model for model, _trigger in ending - swept})


@probe(
    "retention.tables",
    _("Every table ends when the policy says"),
    keys=("T-NECESS",),
    rules=("keep.security", "keep.usage", "keep.working", "keep.content"),
)
def tables_end(asked: Asked) -> Finding:
    late, looked_at = _late_rows(asked)
    homeless = [
        held.model for held in tables.declarations() if held.clause.removeprefix("keep.") not in asked.policy.keep
    ]
    passed_by = _passed_by(asked)
    return Finding(
        late == 0 and not homeless and not passed_by,
        _(
            "{late} rows are older than promised, of {tables} tables looked at; {homeless} tables fall under no rule, the daily sweep leaves out {left_out}"
        ),
        {"late": late, "tables": looked_at, "homeless": len(homeless), "left_out": passed_by},
    )


@probe(
    "retention.requests",
    _("Proof of requests ends when the policy says"),
    keys=("T-DSRREC",),
    rules=("keep.requests",),
)
def requests_end(asked: Asked) -> Finding:
    late, looked_at = _late_rows(asked, frozenset({"requests"}))
    passed_by = _passed_by(asked, "requests")
    return Finding(
        late == 0 and looked_at > 0 and not passed_by,
        _("{late} rows are older than promised, of {tables} tables looked at; the daily sweep leaves out {left_out}"),
        {"late": late, "tables": looked_at, "left_out": passed_by},
    )


def _late_people(asked: Asked, trigger: str) -> Finding:
    before = asked.at - GRACE
    found = [
        one for one in due.people(asked.workspace_id, asked.policy, at=before)
        if one.due_at <= before and one.term.trigger == trigger
    ]  # fmt: skip
    ids = [one.contact_id for one in found]
    held = holds.in_the_way(ids, workspace_id=asked.workspace_id, at=asked.at)
    waiting = _waiting_for_a_warning(asked, [pk for pk in ids if pk not in held])
    late = len(ids) - len(held) - waiting
    is_noticed = _is_noticed(asked, trigger)
    return Finding(
        late == 0 and is_noticed,
        _(
            "{late} people are older than promised; {held} are held by law, {waiting} wait until they were told; an invented person whose time is over was noticed on her day: {noticed}"
        ),
        {"late": late, "held": len(held), "waiting": waiting, "noticed": is_noticed},
    )


def _is_noticed(asked: Asked, trigger: str) -> bool:
    """Whether an invented person, a day past her time by this trigger, is found due on the day that the policy says."""
    period = asked.policy.keep["marketing"].until.get(trigger) if "marketing" in asked.policy.keep else None
    if period is None:
        return True
    moment = _so_long_before(asked.at, period) - _ONE_DAY
    person = Contact.objects.create(
        workspace_id=asked.workspace_id, name="Xqzprobe Vwkcanary", created_at=moment, updated_at=moment
    )
    if trigger == "opt_out":
        objections.make(contact=person, how=How(Method.LINK), at=moment)
    found = list(due.people(asked.workspace_id, asked.policy, at=asked.at, only=[person.pk]))
    return [abs(one.due_at - period.alone.after(moment)) < _ONE_DAY for one in found] == [True]


def _so_long_before(at: datetime, period: Duration) -> datetime:
    return at - timedelta(seconds=period.alone.bounds[1])


def _waiting_for_a_warning(asked: Asked, ids: list[UUID]) -> int:
    warn = {term.keep: term.warn for term in due.terms(asked.policy) if term.warn}
    if not warn or not ids:
        return 0
    rows = RetentionDue.objects.of(asked.workspace_id).filter(
        contact__in=ids, state=RetentionDue.State.WAITING, keep__in=warn
    )
    return sum(
        row.due_at + _LONGEST_WAIT > asked.at
        if row.told_at is None
        else warn[row.keep].after(row.told_at) + GRACE > asked.at
        for row in rows
    )


@probe(
    "retention.idle_people",
    _("People held for offers are erased so long after the last contact"),
    keys=("T-MKT3Y",),
    rules=("keep.marketing",),
)
def idle_people(asked: Asked) -> Finding:
    return _late_people(asked, "last_interaction")


@probe(
    "retention.opted_out",
    _("People held for offers are erased so long after they opted out"),
    keys=("T-MKT30",),
    rules=("keep.marketing",),
)
def opted_out(asked: Asked) -> Finding:
    return _late_people(asked, "opt_out")


@probe("retention.books", _("Books end, and not before the law allows"), keys=("T-BILL7",), rules=("keep.billing",))
def books_end(asked: Asked) -> Finding:
    term = reckoning.term(asked.policy, "billing", "issued")
    late = 0
    if "billing" not in holds.on_rules(asked.workspace_id, at=asked.at):
        late = books.count(asked.workspace_id, asked.policy, at=asked.at - GRACE)
    return Finding(
        late == 0 and term is not None,
        _("{late} services with their payments are older than promised; {floors} floors of the law hold"),
        {"late": late, "floors": len(term.floors) if term else 0},
    )


@probe(
    "retention.consent_proof",
    _("Proof of consent cannot be changed, and ends when the policy says"),
    keys=("T-CONSREC",),
    rules=("keep.evidence",),
)
def consent_proof(asked: Asked) -> Finding:
    late = proofs.count(asked.workspace_id, asked.policy, at=asked.at - GRACE)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM unnest(ARRAY['basis_consentrecord', 'basis_objection', 'basis_restriction']) AS proof "
            "WHERE has_table_privilege(current_user, proof, 'DELETE') OR has_table_privilege(current_user, proof, 'TRUNCATE') "
            "OR has_column_privilege(current_user, proof, 'what', 'UPDATE') "
            "OR has_column_privilege(current_user, proof, 'at', 'UPDATE')"
        )
        open_tables = cursor.fetchone()[0]
    return Finding(
        late == 0 and open_tables == 0,
        _("{late} proofs are older than promised; {open} tables of proofs can be changed by the application"),
        {"late": late, "open": open_tables},
    )


@probe(
    "retention.erasures",
    _("What was asked to be deleted is deleted in time"),
    keys=("T-DEL30",),
    rules=("keep.content", "keep.account"),
)
def erasures_in_time(asked: Asked) -> Finding:
    period = reckoning.rule(asked.policy, "content").until.get("request")
    open_ones = Erasure.objects.of(asked.workspace_id).exclude(state__in=[Erasure.State.DONE, Erasure.State.FAILED])
    moments = [(row.ordered_at, row.state) for row in open_ones.only("ordered_at", "state")]
    late = [state for ordered, state in moments if period and period.after(ordered) <= asked.at]
    held = sum(state == Erasure.State.HELD for state in late)
    return Finding(
        period is not None and len(late) == held,
        _("{late} erasures are later than promised, {open} are under way, {held} are held by law"),
        {"late": len(late) - held, "open": len(moments), "held": held},
    )


@probe(
    "retention.idle_users",
    _("Users who never sign in again are warned and their accounts deleted"),
    keys=("T-ACCOUNT",),
    rules=("keep.account",),
    scope=Scope.INSTALLATION,
)
def idle_users(asked: Asked) -> Finding:
    late = house.late_users([asked.policy], at=asked.at - GRACE)
    return Finding(late == 0, _("{late} accounts are older than promised"), {"late": late})


@probe(
    "retention.addresses",
    _("Addresses of devices are shortened, sign-ins deleted when the policy says"),
    keys=("T-NECESS",),
    rules=("keep.usage", "keep.security"),
    scope=Scope.INSTALLATION,
)
def addresses(asked: Asked) -> Finding:
    before = asked.at - GRACE
    long = house.count_long([asked.policy], at=before)
    late = house.count_late([asked.policy], at=before)
    return Finding(
        long == 0 and late == 0,
        _("{long} whole addresses and {late} rows are older than promised"),
        {"long": long, "late": late},
    )


@probe(
    "retention.erased_users",
    _("Of a deleted account nothing is left that says who it was"),
    keys=("T-DELANON",),
    rules=("keep.account",),
    scope=Scope.INSTALLATION,
)
def erased_users(asked: Asked) -> Finding:
    left, gone = house.left_of_erased()
    return Finding(
        left == 0, _("{gone} accounts were deleted, of {left} something is left"), {"gone": gone, "left": left}
    )
