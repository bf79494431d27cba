"""Probes of support cases: an invented person's case goes its way and is erased when the policy says, counted from its closing."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.core import clock
from amanat.desk.cases import counting, handling, listing
from amanat.desk.cases.handling import NewCase
from amanat.desk.cases.listing import Filters
from amanat.desk.cases.models import SupportCase
from amanat.people import search
from amanat.people.models import Contact, Interaction, SearchEntry
from amanat.policy.probing import Asked, Finding, probe
from amanat.privacy.retention import holds, reckoning, tables
from amanat.proof.probes_records import planted, someone_of

#: The daily sweep, and an hour for it.
_GRACE = timedelta(hours=25)
_DAY = timedelta(days=1)
_SUBJECT = "Xqzprobe vwkcanarycase"


@probe(
    "cases.kept",
    _("A support case has who has it, a day to answer by, and its end"),
    keys=("F-TICKETS",),
    rules=("purposes.support", "data.support"),
)
def cases_kept(asked: Asked) -> Finding:
    """A case is taken up, found, late after its day, waits, is closed and reopened; the database holds no closed one without its moment."""
    by, person = someone_of(asked.workspace_id), planted(asked)
    case = handling.take_up(contact=person, wanted=NewCase(_SUBJECT, owner=by), by=by, at=asked.at)
    after = case.due_on + _DAY
    found = search.find("vwkcanarycase", member=by, kinds=["case"])
    steps = {
        "found": [hit.id for hit in found] == [case.pk],
        "mine": _is_in(case, "mine", by, after),
        "late": _is_in(case, "late", by, after) and not _is_in(case, "late", by, case.due_on),
    }
    waits = handling.note(case=case, text=_SUBJECT, by=by, at=asked.at, now_waits=True)
    steps["waits"] = waits.is_waiting and not _is_in(case, "late", by, after)
    year = counting.year_of(asked.at, by.workspace)
    before = counting.of_year(year, workspace=by.workspace)
    closed = handling.close(case=case, outcome=_SUBJECT, satisfaction=4, by=by, at=asked.at)
    counted = counting.of_year(year, workspace=by.workspace)
    steps["closed"] = closed.closed_at == asked.at and _is_in(case, "closed", by, after)
    steps["counted"] = (counted.closed - before.closed, counted.points - before.points) == (1, 4)
    steps["bound"] = not _may_lose_its_moment(case)
    reopened = handling.reopen(case=case, by=by, at=asked.at)
    steps["reopened"] = reopened.closed_at is None and counting.of_year(year, workspace=by.workspace) == before
    here = SupportCase.objects.of(asked.workspace_id)
    late = here.for_people_here().late(clock.today(by.workspace.time_zone)).exclude(pk=case.pk).count()
    return Finding(
        all(steps.values()),
        _("an invented case went its way: {right} of {steps} steps as they should be; {cases} cases here, {late} late"),
        {"right": sum(steps.values()), "steps": len(steps), "cases": here.count() - 1, "late": late},
    )


def _is_in(case: SupportCase, view: str, by: Member, today: object) -> bool:
    return listing.rows(by, Filters(view), today=today).filter(pk=case.pk).exists()  # type: ignore[arg-type]


def _may_lose_its_moment(case: SupportCase) -> bool:
    """Whether the database would hold a closed case without the moment from which it is kept."""
    try:
        with transaction.atomic():
            SupportCase.objects.of(case.workspace_id).filter(pk=case.pk).update(closed_at=None, satisfaction=None)
    except IntegrityError:
        return False
    return True


@probe(
    "cases.end",
    _("Support cases end when the policy says, counted from their closing"),
    keys=("T-SUP2",),
    rules=("keep.support",),
)
def cases_end(asked: Asked) -> Finding:
    """None is older than promised. Of three invented ones the one a day over goes with all that was said, the one a day short of it and the reopened one stay."""
    term = reckoning.term(asked.policy, "support", "case_closed")
    one = next((table for table in tables.counted() if table.model is SupportCase), None)
    if term is None or one is None:
        return Finding(False, _("the policy or the sweep knows no end of support cases"))
    late = 0
    if "support" not in holds.on_rules(asked.workspace_id, at=asked.at):
        late = tables.count(one, term, at=asked.at - _GRACE, workspace_id=asked.workspace_id)
    by, person = someone_of(asked.workspace_id), planted(asked)
    shortest, longest = (timedelta(seconds=seconds) for seconds in term.period.bounds)
    over = _closed(person, by, asked.at - longest - _DAY)
    short = _closed(person, by, asked.at - shortest + _DAY)
    again = handling.reopen(case=_closed(person, by, asked.at - longest - _DAY), by=by, at=asked.at)
    years = {counting.year_of(case.closed_at, by.workspace) for case in (over, short) if case.closed_at}
    counted = [counting.of_year(year, workspace=by.workspace) for year in sorted(years)]
    mine = [over.pk, short.pk, again.pk]
    due = [pk for pk in mine if pk in _due(one, term, asked)]
    tables.delete(SupportCase, due, workspace_id=asked.workspace_id)
    left = [
        sum(bool(rows.objects.of(asked.workspace_id).filter(**{column: pk}).exists()) for rows, column in _SAID)
        for pk in mine
    ]
    is_counted = counted == [counting.of_year(year, workspace=by.workspace) for year in sorted(years)]
    return Finding(
        late == 0 and due == [over.pk] and left == [0, len(_SAID), len(_SAID)] and is_counted,
        _(
            "{late} cases are older than promised; of an invented one that was over {left} traces were left, one that was not over and one that was reopened stayed: {stayed}; the counts stayed: {counted}"
        ),
        {"late": late, "left": left[0], "stayed": left[1:] == [len(_SAID)] * 2, "counted": is_counted},
    )


#: Where a case and what was said in it stand.
_SAID = ((SupportCase, "pk"), (Interaction, "reference_id"), (SearchEntry, "pk"))


def _closed(person: Contact, by: Member, at: datetime) -> SupportCase:
    case = handling.take_up(contact=person, wanted=NewCase(_SUBJECT, _SUBJECT), by=by, at=at)
    handling.note(case=case, text=_SUBJECT, by=by, at=at)
    return handling.close(case=case, outcome=_SUBJECT, satisfaction=5, by=by, at=at)


def _due(one: tables.Counted, term: reckoning.Term, asked: Asked) -> set[object]:
    count = tables.count(one, term, at=asked.at, workspace_id=asked.workspace_id)
    return set(tables.due_ids(one, term, at=asked.at, workspace_id=asked.workspace_id, limit=count + 1))
