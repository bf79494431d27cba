"""Probes of this part: whether erasures came to their end in time, whether a search still finds nobody who was erased, whether children
are frozen and erased as promised. Each looks at the rows, not at what a flag says."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Workspace
from amanat.basis.models import Restriction
from amanat.core import ids
from amanat.core.schema import workspace_models
from amanat.people.models import Contact
from amanat.policy.durations import Duration
from amanat.policy.probing import Asked, Finding, probe
from amanat.privacy import inventing
from amanat.privacy.erasure import belongings, children, erasing, proofs, schema
from amanat.privacy.erasure.models import ChildFound, Erasure, ErasureCertificate, ErasureOpenItem
from amanat.publishing import versions

_NEWEST = 200
#: The sweep that looks for birthdays runs each minute; the promised time is counted from its look.
_SWEEP = timedelta(minutes=2)


def _before(period: Duration, at: datetime) -> datetime:
    """The moment from which the period ends at `at`, or a little earlier where months differ."""
    return at - (period.after(at) - at)


@probe(
    "erasure.certified",
    _("Every erasure ends with a search of everything, in the promised time"),
    keys=("R-ERASE", "T-DEL30"),
    rules=("rights.due", "rights.kinds", "keep"),
)
def certified(asked: Asked) -> Finding:
    """Erasures of requests that are later than promised, and those that ended without a certificate or an open item."""
    late_before = _before(asked.policy.rights.due, asked.at)
    rows = Erasure.objects.of(asked.workspace_id)
    late = rows.filter(state__in=Erasure.UNDER_WAY, ordered_at__lt=late_before).count()
    over = list(rows.filter(state=Erasure.State.DONE).order_by("-ordered_at").values_list("pk", flat=True)[:_NEWEST])
    proved = set(
        ErasureCertificate.objects.of(asked.workspace_id).filter(erasure__in=over).values_list("erasure_id", flat=True)
    )
    unproved = len(set(over) - proved)
    items = (
        ErasureOpenItem.objects.of(asked.workspace_id).filter(closed_at__isnull=True, opened_at__lt=late_before).count()
    )
    return Finding(
        not (late or unproved or items),
        _("{erasures} erasures looked at: {late} late, {unproved} without a certificate, {items} open items too old."),
        {"erasures": len(over) + late, "late": late, "unproved": unproved, "items": items},
    )


@probe(
    "erasure.gone",
    _("Nobody who was erased is here again"),
    keys=("R-ERASE", "T-DELANON"),
    rules=("rights.kinds", "keep"),
)
def gone(asked: Asked) -> Finding:
    """Looks for the erased people's ids in every table that points at people or names them: after a restore too."""
    newest = Erasure.objects.of(asked.workspace_id).filter(state__in=[Erasure.State.DONE, Erasure.State.FAILED])
    ids = [
        pk for people in newest.order_by("-ordered_at").values_list("contact_ids", flat=True)[:_NEWEST] for pk in people
    ]
    back = _rows_of(ids, asked.workspace_id)
    return Finding(
        back == 0,
        _("{people} erased people looked for: {back} rows of them are here."),
        {"people": len(ids), "back": back},
    )


def _rows_of(ids: list[UUID], here: UUID) -> int:
    if not ids:
        return 0
    columns: set[tuple[belongings.Model, str]] = {(Contact, "id"), *belongings.naming()}
    columns |= {(model, column) for model in workspace_models() for column in belongings.holders(model)}
    parts = " UNION ALL ".join(
        f'SELECT count(*) AS n FROM "{model._meta.db_table}" WHERE workspace_id = %(here)s AND "{column}" = ANY(%(ids)s)'  # noqa: S608
        for model, column in sorted(columns, key=lambda pair: (pair[0]._meta.label, pair[1]))
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT sum(n) FROM ({parts}) AS everywhere", {"here": here, "ids": ids})  # noqa: S608 - our own tables
        return int(cursor.fetchone()[0])


@probe(
    "erasure.tried",
    _("An invented person is erased, and nothing of her is left"),
    keys=("R-ERASE", "T-DELANON"),
    rules=("rights.kinds", "keep"),
)
def tried(asked: Asked) -> Finding:
    """She paid for a service and stands in the timeline; the real erasure is carried out, and every table is read for her afterwards."""
    since, person = ids.new(), inventing.who_paid(asked)
    if person is None:
        return Finding(False, _("This workspace has no owner in whose name it could be tried"), {})
    before = _rows_of([person.pk], asked.workspace_id)
    order = erasing.order(
        workspace=asked.workspace_id, contact_ids=[person.pk], because="decision", by=None, at=asked.at, at_once=True
    )
    state = erasing.carry_out(order.pk, workspace_id=asked.workspace_id).state
    left = _rows_of([person.pk], asked.workspace_id) + _marked(asked.workspace_id, since)
    return Finding(
        before > 0 and left == 0 and state == Erasure.State.DONE,
        _("An invented person stood in {before} rows; she was erased ({state}), and {left} rows of her are left."),
        {"before": before, "left": left, "state": str(state)},
    )


def _marked(here: UUID, since: UUID) -> int:
    """Values written since that hold her name or number, whatever their row points at. Ids are in the order of time."""
    marks = (inventing.NAME, inventing.NUMBER)
    return sum(
        any(mark in str(getattr(row, field.attname)) for mark in marks)
        for model in workspace_models()
        for row in model.objects.of(here).filter(pk__gt=since)
        for field in model._meta.local_concrete_fields
    )


@probe(
    "erasure.reaches",
    _("An erasure reaches every table that holds people"),
    keys=("R-ERASE",),
    rules=("rights.kinds", "keep"),
)
def reaches(asked: Asked) -> Finding:
    """Every table that points at a contact either goes, lets go, or is kept by its declaration; every table of free text has its index."""
    stuck = [
        model._meta.label
        for model in workspace_models()
        for column in belongings.holders(model)
        if getattr(model, "append_only", False) and column not in getattr(model, "may_be_filled_later", ())
    ]
    undeclared = [model._meta.label for model in workspace_models() if belongings.held(model) is None]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_indexes WHERE schemaname = 'public' AND indexname LIKE 'trace\\_of\\_%%'"
        )
        indexed = {row[0] for row in cursor.fetchall()}
    missing = [model._meta.label for model in schema.traced() if model._meta.db_table not in indexed]
    return Finding(
        not (stuck or undeclared or missing),
        _("{tables} tables looked at: {stuck} in the way, {undeclared} undeclared, {missing} without an index of what is written in them."),
        {
            "tables": len(workspace_models()), "stuck": len(stuck), "undeclared": len(undeclared), "missing": len(missing),
            "proofs": len(proofs.staying()),
        },
    )  # fmt: skip


@probe(
    "children.frozen",
    _("Whoever is under the promised age is frozen at once"),
    keys=("C-AGE", "C-NOCOLL", "C-NOW", "C-REPORT"),
    rules=("children.min_age", "children.freeze"),
    minutes=60,
)
def frozen(asked: Asked) -> Finding:
    """Contacts whose birthday says child, older than the promised moment, without a freeze in force or a guardian's yes."""
    here = asked.workspace_id
    zone = ZoneInfo(Workspace.objects.of(here).values_list("time_zone", flat=True).get(pk=here))
    limit = children.born_after(asked.policy, asked.at.astimezone(zone).date())
    known_before = _before(asked.policy.children.freeze, asked.at) - _SWEEP
    young = Contact.objects.of(here).alive().filter(birthday__gt=limit, updated_at__lt=known_before)
    seen = ChildFound.objects.of(here).filter(contact__isnull=False)
    answered = seen.filter(state__in=[ChildFound.State.AGREED, ChildFound.State.CLEARED])
    latest = Restriction.objects.of(here).filter(ground=Restriction.Ground.CHILD, contact__isnull=False)
    rows = latest.order_by("contact_id", "-at", "-id").distinct("contact_id").values_list("contact_id", "what")
    restricted = {contact for contact, what in rows if what == Restriction.What.IMPOSED}
    loose = [
        pk
        for pk in young.exclude(pk__in=answered.values("contact_id")).values_list("pk", flat=True)
        if pk not in restricted
    ]
    known = young.count()
    is_frozen, days = _invented_child(asked, limit)
    return Finding(
        not loose and is_frozen and days == 0,
        _(
            "{children} children known here, {loose} of them not frozen. An invented one was frozen by the next look: {frozen}; her data would go {days} days later than promised."
        ),
        {"children": known, "loose": len(loose), "frozen": is_frozen, "days": days},
    )


def _invented_child(asked: Asked, limit: date) -> tuple[bool, int]:
    """A child is written down and the real sweep looks: whether she is frozen, and by how many days her erasure misses the promise."""
    child = Contact.objects.create(
        workspace_id=asked.workspace_id, name="Xqzprobe Vwkcanary", birthday=limit + timedelta(days=1)
    )
    children.sweep(asked.workspace_id, at=asked.at)
    found = ChildFound.objects.of(asked.workspace_id).filter(contact=child).first()
    is_frozen = Restriction.objects.of(asked.workspace_id).filter(
        contact=child, ground=Restriction.Ground.CHILD, what=Restriction.What.IMPOSED
    )
    if found is None or not is_frozen.exists():
        return False, 0
    promised = versions.in_force(asked.workspace_id, asked.at).policy.children.erase.after(asked.at)
    return True, max((found.erase_by - promised).days, 0)


@probe(
    "children.erased",
    _("A child's data is erased in the promised time"),
    keys=("C-NOW", "C-REPORT"),
    rules=("children.erase",),
    minutes=60,
)
def erased(asked: Asked) -> Finding:
    """Children still frozen after their time, and erasures of children that are not over."""
    here = asked.workspace_id
    overdue = (
        ChildFound.objects.of(here)
        .filter(state=ChildFound.State.FROZEN, contact__isnull=False, erase_by__lt=asked.at)
        .count()
    )
    before = _before(asked.policy.children.erase, asked.at)
    unfinished = Erasure.objects.of(here).filter(
        because=Erasure.Because.CHILD, ordered_at__lt=before, state__in=[*Erasure.UNDER_WAY]
    )
    done = ChildFound.objects.of(here).filter(state=ChildFound.State.ERASED).count()
    late = overdue + unfinished.count()
    return Finding(late == 0, _("{done} erased, {late} later than promised."), {"done": done, "late": late})
