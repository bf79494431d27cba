"""The periods of `keep`: a row under each at the start, in every table that has one, and people, users and a workspace under each."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from tests.faults.travelling import Site, later, rows
from tests.faults.watches import DAY, GONE, THERE, Look, Stage, Watch, count, says

#: Tables whose rows a stricter rule of the program itself takes before their period is over: that is no breach of it.
SOONER = {
    "basis.Passcode", "basis.Submission", "core.IdempotentAnswer", "core.LocalMessage", "messaging.ProviderEvent",
    "people.ExportRun", "people.ImportProblem", "people.ImportChange", "accounts.Session",
}  # fmt: skip
#: What an account is called once it is empty.
_ERASED = "%@erased.invalid"


def all_of(stage: Stage) -> Iterator[Watch]:
    """Sets up, and says what to watch. Inside the workspace, the clock standing at the start."""
    yield from people(stage)
    yield from cases(stage)
    yield from books(stage)
    yield from proofs(stage)
    yield from users(stage)
    yield from devices(stage)
    yield from nothing_held(stage)


def rule(stage: Stage, name: str) -> dict[str, Any]:
    from amanat.policy import ready

    found: dict[str, Any] = stage.document["keep"].get(name) or ready.document("default")["keep"][name]
    return found


def tables_of(stage: Stage) -> Iterator[Watch]:
    """A row in each table whose rows simply go: the canary's, or one made for it. Outside of the workspace."""
    from django.db import Error

    from amanat.core.tenancy import inside
    from amanat.privacy.erasure import planting
    from amanat.privacy.retention import tables

    here = stage.workspace.pk
    with inside(here):
        planter = _maker(here, stage.at)
        planter.planted()
    for one in tables.counted():
        if not one.is_of_a_workspace or one.keep not in stage.document["keep"]:
            continue
        day = datetime.combine(stage.at.date(), time(), UTC)
        since = f"SELECT count(*) FROM {one.source} WHERE t.workspace_id = %s AND {one.moment} BETWEEN %s AND %s"
        values = (here, day, stage.at + timedelta(minutes=1))
        if not rows(since, *values)[0][0]:
            try:
                _put(one, planter, stage.at)
            except (Error, planting.NotPlanted) as error:
                print(f"{one.label}: {error}", file=sys.stderr)
        period = f"keep.{one.keep}.until.{one.trigger}"
        ends = later(stage.at, str(rule(stage, one.keep)["until"][one.trigger]))
        before = f"{THERE}|{GONE}" if one.label in SOONER else THERE
        held = bool(rows(since, *values)[0][0])
        yield stage.watch(f"{period} {one.label}", ends, count(since, *values) if held else _nowhere, before=before)


def _maker(here: Any, at: datetime) -> Any:
    """The canary's planter, which knows a little of tables that are not of people."""
    from amanat.privacy.erasure import planting

    over = {"privacy.RetentionDue": {"state": "cancelled", "closed_at": at}}

    class Maker(planting._Planter):
        def _said(self, label: str) -> Mapping[str, Any]:
            return {**super()._said(label), **over.get(label, {})}

    return Maker(here, at)


def _nowhere(_site: object) -> str:
    return "no row could be made"


def _put(one: Any, planter: Any, at: datetime) -> None:
    """Move the row of a table to the start, or make one there."""
    from django.db import connections

    from amanat.core.files import FileType
    from amanat.core.tenancy import inside
    from amanat.privacy.erasure import planting

    planting._FILES.setdefault(one.label, ("attachment", FileType.TXT))
    row = planter.rows.get(one.label)
    if row is None:
        with inside(planter.here):
            row = planter._row_of_nobody(one.model)
    alias, column = one.moment.replace("coalesce(", "").replace("(", "").replace('"', " ").split()[:2]
    model = one.model
    if alias == "p.":  # the moment is that of the row it hangs on
        link = next(each for each in model._meta.local_fields if f'p.id = t."{each.column}"' in one.source)
        row, model = getattr(row, link.name), link.related_model
    with connections["owner"].cursor() as cursor:
        cursor.execute(f'UPDATE "{model._meta.db_table}" SET "{column}" = %s WHERE id = %s', [at, row.pk])


def people(stage: Stage) -> Iterator[Watch]:
    from amanat.basis import consent, notices, objections
    from amanat.basis.consent import How
    from amanat.basis.models import Method
    from amanat.desk.tests import factories
    from amanat.privacy.retention import holds

    def known(name: str) -> Any:
        made = factories.make_contact(stage.owner, name)
        type(made).objects.of(stage.workspace).filter(pk=made.pk).update(created_at=stage.at, last_contact_at=stage.at)
        return made

    def is_there(person: Any) -> Any:
        def look(site: Any) -> str:
            status, _text = site.get(f"/contacts/{person.pk}/", **stage.sign_in())
            row = rows("SELECT count(*) FROM people_contact WHERE id = %s", person.pk)[0][0]
            return {(200, 1): THERE, (404, 0): GONE}.get((status, row), f"page {status}, row {row}")

        return look

    how = How(Method.PHONE, by=stage.owner)
    last = stage.ends("keep", "marketing", "until", "last_interaction")
    quiet = known("Quiet Deshmukh")
    yield stage.watch("keep.marketing.until.last_interaction person", last, is_there(quiet))
    held = known("Held Deshmukh")
    until = last.date() + timedelta(days=10)
    holds.add(
        workspace=stage.workspace,
        contact=held,
        keep="",
        basis="A court asked",
        until=until,
        by=stage.owner,
        at=stage.at,
    )
    end = datetime.combine(until + DAY, time(), UTC)
    yield stage.watch("a legal hold on a person past her period", end, is_there(held))
    out = stage.ends("keep", "marketing", "until", "opt_out")
    left = known("Optout Deshmukh")
    notice = notices.show(workspace=stage.workspace, purposes=["marketing"], language="en", at=stage.at)
    earlier = stage.at - timedelta(hours=1)
    consent.give(contact=left, purpose="marketing", channels=["sms"], notice=notice, how=how, at=earlier)
    consent.withdraw(contact=left, purpose="marketing", channels=["sms"], how=how, at=stage.at)
    yield stage.watch("keep.marketing.until.opt_out consent taken back", out, is_there(left))
    objecting = known("Objecting Deshmukh")
    objections.make(contact=objecting, purpose="marketing", how=how, at=stage.at)
    yield stage.watch("keep.marketing.until.opt_out objection", out, is_there(objecting))
    kept = "SELECT count(*) FROM basis_suppression WHERE workspace_id = %s AND at BETWEEN %s AND %s"
    yield stage.watch(
        "keep.marketing.leave keyed hash stays", out, count(kept, stage.workspace.pk, earlier, stage.at), after=THERE
    )


def cases(stage: Stage) -> Iterator[Watch]:
    """A case that was closed, and one that was closed and opened again, of a customer who comes back for ever."""
    from amanat.desk.cases import handling
    from amanat.desk.tests import factories

    customer = factories.make_contact(stage.owner, "Asking Deshmukh")

    def closed(subject: str) -> Any:
        made = handling.take_up(
            contact=customer, wanted=handling.NewCase(subject), by=stage.owner, at=stage.at - timedelta(days=1)
        )
        return handling.close(case=made, outcome="Mended", by=stage.owner, at=stage.at)

    def is_there(case: Any) -> Look:
        def look(site: Site) -> str:
            status = site.get(f"/cases/{case.pk}/", **stage.sign_in())[0]
            row = rows("SELECT count(*) FROM desk_supportcase WHERE id = %s", case.pk)[0][0]
            return {(200, 1): THERE, (404, 0): GONE}.get((status, row), f"page {status}, row {row}")

        return look

    period, end = "keep.support.until.case_closed", stage.ends("keep", "support", "until", "case_closed")
    yield stage.watch(f"{period} a case", end, is_there(closed("It leaks")))
    again = handling.reopen(case=closed("It leaks again"), by=stage.owner, at=stage.at)
    yield stage.watch(f"{period} a case opened again", end, is_there(again), after=THERE)
    type(customer).objects.of(stage.workspace).filter(pk=customer.pk).update(last_contact_at=stage.at + 9000 * DAY)


def books(stage: Stage) -> Iterator[Watch]:
    """The promise, and the floors: eight financial years after its own (Companies Act), 72 months after the annual return (CGST Act)."""
    from amanat.desk.models import ServiceRecord
    from amanat.desk.tests import factories

    record = factories.make_record(stage.owner, fee_paise=10_000, paid_paise=10_000, at=stage.at)
    ServiceRecord.objects.of(stage.workspace).filter(pk=record.pk).update(
        status="delivered", delivered_at=stage.at, created_at=stage.at
    )
    look = count(
        "SELECT (SELECT count(*) FROM desk_servicerecord WHERE id = %s) + (SELECT count(*) FROM desk_payment WHERE record_id = %s)",
        record.pk, record.pk,
    )  # fmt: skip
    promised = stage.ends("keep", "billing", "until", "issued")
    year = stage.at.year + (stage.at.month > 3)  # in whose March the financial year ends
    by_company, by_tax = date(year + 8, 4, 1), date(year + 6, 12, 31) + DAY
    ends = max(promised, *(datetime.combine(day, time(), UTC) for day in (by_company, by_tax)))
    yield stage.watch("keep.billing.until.issued receipt (the law wants longer)", promised, look, after=THERE)
    yield stage.watch("keep.billing.floor receipt", ends, look)


def proofs(stage: Stage) -> Iterator[Watch]:
    """A yes that a later yes replaced, and what stands by itself."""
    from amanat.basis.models import ConsentRecord, Decision, Opening
    from amanat.basis.tests.people import make_contact

    period = "keep.evidence.until.relied_on_end"
    end = later(stage.at, str(rule(stage, "evidence")["until"]["relied_on_end"]))
    customer = make_contact(stage.workspace, "Customer Deshmukh", phone="+919822055555")
    type(customer).objects.of(stage.workspace).filter(pk=customer.pk).update(last_contact_at=stage.at + 9000 * DAY)
    from amanat.basis import consent, notices
    from amanat.basis.consent import How
    from amanat.basis.models import Method

    notice = notices.show(workspace=stage.workspace, purposes=["marketing"], language="en", at=stage.at)
    how = How(Method.PHONE, by=stage.owner)
    (first,) = consent.give(
        contact=customer, purpose="marketing", channels=["sms"], notice=notice, how=how, at=stage.at - DAY
    )
    (second,) = consent.give(
        contact=customer, purpose="marketing", channels=["sms"], notice=notice, how=how, at=stage.at
    )
    table = ConsentRecord._meta.db_table
    yield stage.watch(
        f"{period} a yes that was replaced", end, count(f"SELECT count(*) FROM {table} WHERE id = %s", first.pk)
    )
    yield stage.watch(
        f"{period} the yes that stands",
        end,
        count(f"SELECT count(*) FROM {table} WHERE id = %s", second.pk),
        after=THERE,
    )
    for model in (Decision, Opening):
        sql = f"SELECT count(*) FROM {model._meta.db_table} WHERE workspace_id = %s AND at BETWEEN %s AND %s"
        look = count(sql, stage.workspace.pk, stage.at - timedelta(seconds=1), stage.at + timedelta(seconds=1))
        yield stage.watch(f"{period} {model._meta.label}", end, look)


def users(stage: Stage) -> Iterator[Watch]:
    """Accounts: one unused, one closed. Of what workspaces promise the shortest counts; the six promise the same."""
    from amanat.accounts.models import User
    from amanat.accounts.tests import factories
    from amanat.privacy.closing import users as accounts

    def member(name: str) -> User:
        user = factories.make_member(stage.workspace, name=name).user
        User.objects.filter(pk=user.pk).update(last_login=stage.at - timedelta(seconds=1), created_at=stage.at)
        return User.objects.get(pk=user.pk)

    def is_empty(user: User) -> Any:
        return count("SELECT count(*) FROM accounts_user WHERE id = %s AND NOT email LIKE %s", user.pk, _ERASED)

    idle, closed = member(f"Idle {stage.policy}"), member(f"Closed {stage.policy}")
    end = stage.ends("keep", "account", "until", "last_login")
    warned = end - (stage.ends("keep", "account", "warn") - stage.at)
    told = count("SELECT count(*) FROM privacy_userdue WHERE user_id = %s AND told_at <= %s", idle.pk, warned)
    mailed = count(
        'SELECT count(*) FROM core_localmessage WHERE "to" = %s AND created_at >= %s', idle.email, warned - 5 * DAY
    )
    yield stage.watch("keep.account.until.last_login account", end, is_empty(idle))
    # Handed over at the daily run before it must be.
    yield stage.watch(
        "keep.account.warn",
        warned,
        told,
        before=GONE,
        after=THERE,
        early=2 * DAY + timedelta(hours=1),
        late=-timedelta(hours=1),
    )
    yield stage.watch(
        "keep.account.warn mail",
        warned,
        mailed,
        before=GONE,
        after=THERE,
        early=2 * DAY + timedelta(hours=1),
        late=-timedelta(hours=1),
    )
    accounts.close(user=closed, at=stage.at)
    yield stage.watch(
        "keep.account.until.closure account", stage.ends("keep", "account", "until", "closure"), is_empty(closed)
    )
    asked = member(f"Asked {stage.policy}")
    accounts.close(user=asked, at=stage.at)
    yield stage.watch(
        "keep.account.until.request account", stage.ends("keep", "account", "until", "request"), is_empty(asked)
    )


def devices(stage: Stage) -> Iterator[Watch]:
    """Addresses of devices, and the lines of security they stand in."""
    from amanat.accounts.models import SignIn

    for number, kept in (("203.0.113.77", "203.0.113.0"), ("2001:db8:1:2::77", "2001:db8:1::")):
        row = SignIn.objects.create(
            user=stage.owner.user, at=stage.at, outcome="signed in", address=number, session_key=stage.policy
        )
        look = says("SELECT host(address) FROM accounts_signin WHERE id = %s", row.pk)
        ends = stage.ends("keep", "usage", "ip_truncate")
        yield stage.watch(f"keep.usage.ip_truncate {number}", ends, look, before=number, after=kept)
        line = count("SELECT count(*) FROM accounts_signin WHERE id = %s", row.pk)
        yield stage.watch(
            f"keep.security.until.seen sign-in {number}", stage.ends("keep", "security", "until", "seen"), line
        )


def nothing_held(stage: Stage) -> Iterator[Watch]:
    """Rules of the policy under which no table stands."""
    from amanat.privacy.retention import tables

    for name in ("voice", "support"):
        held = any(found.counted_from for found in tables.under(name))
        if name in stage.document["keep"] and not held:
            for trigger in rule(stage, name)["until"]:
                yield stage.watch(f"keep.{name}.until.{trigger}", stage.at, None)
