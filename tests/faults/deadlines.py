"""The other periods of a policy: clocks of requests and breaches, children, opt-outs, sessions, new versions, attestations, closing, the vault."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from tests.faults.travelling import Browser, Site, later, rows
from tests.faults.watches import DAY, GONE, SOON, THERE, Look, Stage, Watch, cookie, count

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
TEN = timedelta(minutes=10)


def all_of(stage: Stage) -> Iterator[Watch]:
    """Sets up, and says what to watch. Inside the workspace, the clock standing at the start."""
    yield from requests(stage)
    yield from breach(stage)
    yield from children(stage)
    yield from opt_out(stage)
    yield from sessions(stage)
    yield from choices(stage)
    yield from new_version(stage)
    yield from attestations(stage)
    yield from checks(stage)


def _page(stage: Stage, path: str, told: Callable[[str], str]) -> Look:
    """What the owner sees on a page."""

    def look(site: Site) -> str:
        status, text = site.get(path, **stage.sign_in())
        return told(text) if status == 200 else f"status {status}"

    return look


def requests(stage: Stage) -> Iterator[Watch]:
    """One request by a person under each law, unanswered; for the two laws that know more time, one that takes it.

    The promise comes before what a law allows by itself, so that a law's own end is reached by an extension alone."""
    from amanat.privacy.requests import asking
    from amanat.privacy.requests.models import RequestStep
    from amanat.privacy.requests.tests.people import make_person

    lands = {"in-dpdp": "IN", "eu-gdpr": "DE", "us-ccpa": "US"}
    for number, (law, country) in enumerate(lands.items()):
        for extended in (False, True):
            phone = f"+4930901820{number}{int(extended)}" if country == "DE" else ""
            email = f"{law}{int(extended)}@example.in"
            person = make_person(stage.workspace, f"Asker {law}", country=country, phone=phone, email=email)
            made = asking.open_request(
                workspace=stage.workspace, contact=person, kind="access", how="email", by=stage.owner, at=stage.at
            )
            limit = stage.period("rights", "regimes", law)
            if extended and "+" not in limit:
                continue
            first = min(stage.ends("rights", "due"), later(stage.at, limit.split("+")[0]))
            period = f"rights.regimes.{law} {limit} extended" if extended else f"rights.due ({law}, {limit})"
            ends = first
            if extended:
                asking.extend(request=made, reason="Many papers", by=stage.owner, at=stage.at)
                one, two = limit.split("+")
                whole = re.fullmatch(r"P(\d+)M\+P(\d+)M", limit)  # a month and two more are three from the start
                own = later(stage.at, f"P{int(whole[1]) + int(whole[2])}M" if whole else one)
                # What is processed in India falls under its law too, which knows no more time: the earlier day counts.
                ends = min(
                    own if whole else later(own, two), later(stage.at, stage.period("rights", "regimes", "in-dpdp"))
                )
            late = _page(stage, f"/requests/{made.pk}/", lambda text: "late" if "notice-red" in text else "open")
            yield stage.watch(period, ends, late, before="open", after="late")
            step = "SELECT count(*) FROM privacy_requeststep WHERE request_id = %s AND what = %s"
            warned = rows_of(step, made.pk, str(RequestStep.What.WARNED))
            if extended:  # nobody worked on the days between, so the steps are fewer
                warned = rows_of("SELECT warned FROM privacy_rightsrequest WHERE id = %s", made.pk)
            for place, before in enumerate((None, 7 * DAY, 2 * DAY, DAY), start=1):
                if extended and place < 4:
                    continue
                moment = ends - before if before else stage.at + (ends - stage.at) / 2
                early = DAY if extended else HOUR
                yield stage.watch(
                    f"{period} reminder {place}",
                    moment,
                    warned,
                    before=str(place - 1),
                    after=str(place),
                    early=early,
                    late=timedelta(0),
                )
            told = rows_of(step, made.pk, str(RequestStep.What.LATE))
            yield stage.watch(f"{period} owner told it is late", ends, told, before="0", after="1")


def rows_of(sql: str, *values: Any) -> Look:
    return lambda _site: str(rows(sql, *values)[0][0])


def breach(stage: Stage) -> Iterator[Watch]:
    """One breach: each audience is warned of at two thirds of its time, and shown as late when it is over."""
    from amanat.privacy.incidents import reporting
    from amanat.privacy.incidents.models import IncidentClock

    what = reporting.Report("leak", "A lost disk", "A disk was lost", stage.at - DAY, stage.at, stage.at)
    made = reporting.report(workspace=stage.workspace, what=what, by=stage.owner, at=stage.at)
    names = ("people", "board_first", "board_detail", "eu_authority", "certin")
    clocks = {str(one.audience): one for one in IncidentClock.objects.of(stage.workspace).filter(incident=made)}
    for name in names:
        period = stage.period("breach", name)
        end = later(stage.at, period)
        if end == stage.at:
            end = stage.at + 6 * HOUR  # "at once" is broken after the shortest period that a law names
        row = clocks[name]
        warned = count("SELECT count(*) FROM privacy_incidentclock WHERE id = %s AND warned_at IS NOT NULL", row.pk)
        due = stage.at + (end - stage.at) * 2 / 3
        yield stage.watch(f"breach.{name} warning", due, warned, before=GONE, after=THERE, early=TEN, late=TEN)
        line = re.compile(
            rf'<li><span class="dot dot-(\w+)"></span><div class="grow"><span class="line-title">{re.escape(row.get_audience_display())}'
        )
        shown = _page(stage, f"/incidents/{made.pk}/", lambda text, line=line: _tone(line, text))
        yield stage.watch(f"breach.{name}", end, shown, before="marigold", after="red", early=TEN, late=TEN)


def _tone(line: re.Pattern[str], text: str) -> str:
    found = line.search(text)
    return found[1] if found else "not on the page"


def children(stage: Stage) -> Iterator[Watch]:
    from amanat.people.models import Contact
    from amanat.privacy.requests.tests.people import make_person

    child = make_person(stage.workspace, "Child Deshmukh", phone="", email="child@example.in")
    age = int(stage.period("children", "min_age"))
    at = stage.at
    Contact.objects.of(stage.workspace).filter(pk=child.pk).update(
        birthday=date(at.year - age + 8, 1, 1), last_contact_at=at
    )
    grown = make_person(stage.workspace, "Grown Deshmukh", phone="", email="grown@example.in")
    born = date(at.year - age, at.month, at.day)  # of age on this very day
    Contact.objects.of(stage.workspace).filter(pk=grown.pk).update(birthday=born, last_contact_at=at)
    frozen = "SELECT count(*) FROM privacy_childfound WHERE contact_id = %s AND frozen_at <= %s"
    freeze = stage.ends("children", "freeze")
    yield stage.watch(
        "children.freeze",
        freeze,
        count(frozen, child.pk, freeze),
        before=GONE,
        after=THERE,
        early=freeze - at,
        late=timedelta(0),
    )
    yield stage.watch(
        "children.min_age of age today",
        freeze,
        count(frozen, grown.pk, freeze),
        before=GONE,
        after=GONE,
        early=freeze - at,
        late=timedelta(0),
    )
    row = count("SELECT count(*) FROM people_contact WHERE id = %s", child.pk)
    # The order goes out a quarter of the period before its end.
    yield stage.watch("children.erase", stage.ends("children", "erase"), row, early=7 * HOUR, late=timedelta(0))


def opt_out(stage: Stage) -> Iterator[Watch]:
    """What the page that explains the gate says before and after."""
    from amanat.basis import consent, gate, notices
    from amanat.basis.consent import How
    from amanat.basis.models import Method
    from amanat.core import clock
    from amanat.core.tenancy import inside
    from amanat.privacy.requests.tests.people import make_person

    person = make_person(stage.workspace, "Leaving Deshmukh", phone="+919822066666", email="leaving@example.in")
    notice = notices.show(workspace=stage.workspace, purposes=["marketing"], language="en", at=stage.at)
    how = How(Method.MESSAGE)
    consent.give(contact=person, purpose="marketing", channels=["email"], notice=notice, how=how, at=stage.at - HOUR)
    # She writes STOP a moment after the start.
    left = stage.at + timedelta(seconds=1)
    consent.withdraw(contact=person, purpose="marketing", channels=["email"], how=how, at=left)

    def may(moment: datetime | None = None) -> Look:
        def look(_site: Site) -> str:
            at = moment or clock.now()
            with inside(stage.workspace):
                answer = gate.decide(
                    person, workspace=stage.workspace, purpose="marketing", channel="email", at=at, today=at.date()
                )
            return "allowed" if answer.is_allowed else "refused"

        return look

    ends = stage.ends("rights", "opt_out_effect", after=left)
    yield stage.watch(
        "rights.opt_out_effect", ends, may(stage.at), before="allowed", after="refused", early=ends - stage.at, late=timedelta(0),
        after_look=may(),
    )  # fmt: skip


def sessions(stage: Stage) -> Iterator[Watch]:
    """Two browsers: a look is a use, and a use may lengthen it."""
    from amanat.accounts.tests import factories

    member = factories.make_member(stage.workspace, name=f"Browser {stage.policy}")
    first, second = cookie(factories.signed_in(member)), cookie(factories.signed_in(member))

    def look(browser: dict[str, str]) -> Look:
        return lambda site: {200: "signed in", 302: "signed out"}.get(site.get("/contacts/", **browser)[0], "?")

    ends = stage.ends("storage", "keys", "session", "life")
    yield stage.watch(
        "storage.keys.session.life", ends, look(first), before="signed in", after="signed out", after_look=look(second)
    )


def choices(stage: Stage) -> Iterator[Watch]:
    """The page of a person's choices stays open so long after its code: she asks for one on the page, finds it in her mailbox, and types it."""
    from amanat.core import clock
    from amanat.privacy.requests.tests.people import make_person

    email, browser = f"choosing@{stage.policy}.example.in", Browser()
    make_person(stage.workspace, "Choosing Deshmukh", phone="", email=email)
    start, life = f"/w/{stage.workspace.pk}/choices/", stage.period("storage", "keys", "choices", "life")

    def look(site: Site) -> str:
        status, _text, _leads = browser.ask(f"{site.address}{start}mine/")
        return {200: "open", 303: "asks for a code"}.get(status, f"status {status}")

    def opens(site: Site) -> str:
        _status, _text, page = browser.ask(site.address + start, address=email)
        browser.ask(page, code=_mailed(email))
        # To the next full minute, so that all policies are looked at in the same moments.
        open_until.ends = later(clock.now(), life).replace(second=0, microsecond=0) + MINUTE
        return look(site)

    period = "storage.keys.choices.life"
    open_until = stage.watch(
        period,
        later(stage.at + SOON, life),
        look,
        before="open",
        after="asks for a code",
        early=5 * MINUTE,
        late=MINUTE,
    )
    yield stage.watch(
        f"{period} opened by a code", stage.at, look, before="asks for a code", after="open", early=timedelta(0), late=SOON,
        after_look=opens,
    )  # fmt: skip
    yield open_until


def _mailed(to: str) -> str:
    """The code of six digits in a mailbox; a worker sends it."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        for (body,) in rows('SELECT body FROM core_localmessage WHERE "to" = %s', to):
            if code := re.search(r"\b\d{6}\b", body):
                return code[0]
        time.sleep(0.2)
    raise TimeoutError("no code came")


def new_version(stage: Stage) -> Iterator[Watch]:
    """A version that promises less holds after the lead, and is mailed at once."""
    from amanat.publishing import publish, versions

    held = versions.in_force(stage.workspace, stage.at)
    source = versions.all_of(stage.workspace).get(number=held.number).source
    changed = source.replace("notice_before_sale: P30D", "notice_before_sale: P20D")
    assert changed != source, "the source has another form"
    publish.publish(workspace=stage.workspace, source=changed, by=stage.owner, at=stage.at)

    def number(site: Site) -> str:
        status, text = site.get(f"/w/{stage.workspace.pk}/privacy/status.json")
        return str(json.loads(text)["version"]) if status == 200 else f"status {status}"

    ends = stage.ends("changes", "lead")
    old, new = str(held.number), str(held.number + 1)
    yield stage.watch("changes.lead public page", ends, number, before=old, after=new)
    mailed = count(
        'SELECT count(*) FROM core_localmessage WHERE "to" = %s AND created_at BETWEEN %s AND %s AND body LIKE %s',
        stage.owner.user.email, stage.at, stage.at + DAY, "%/privacy/%",
    )  # fmt: skip
    yield stage.watch(
        "changes.lead mailed ahead",
        stage.at,
        mailed,
        before=GONE,
        after=THERE,
        early=timedelta(0),
        late=5 * HOUR + 50 * MINUTE,
    )


def attestations(stage: Stage) -> Iterator[Watch]:
    """Asked for again fourteen days before they lapse; a sentence that one alone bears is gone when it has lapsed."""
    from amanat.proof import attesting

    policy, at = _policy(stage), stage.at
    nearly = 14 * DAY
    for name in ("audit_every", "update_every", "pentest_every", "training_every", "premises", "surveillance"):
        path = f"security.{name}" if name.endswith("every") else f"security.attest.{name}"
        paper = None if name.endswith("every") else _paper()
        attesting.attest(
            path=path, policy=policy, policy_number=1, statement="Done and seen.", done_on=at.date(), valid_to=None, paper=paper,
            paper_name="report.pdf", by=stage.owner, at=at,
        )  # fmt: skip
        lasts = later(at, stage.period("security", name)) if name.endswith("every") else at + 366 * DAY
        line = re.compile(
            rf'<tr><td>((?:(?!</td>).)*)</td>\s*<th scope="row">(?:(?!</th>).)*{re.escape(path)}<', re.DOTALL
        )

        def told(text: str, line: re.Pattern[str] = line) -> str:
            found = line.search(text)
            return ("kept" if "seal-green" in found[1] else "due") if found else "not on the page"

        shown = _page(stage, "/promises/attestations/", told)
        early, late = (2 * DAY, 2 * DAY) if name.endswith("every") else (3 * DAY, DAY)
        yield stage.watch(
            f"{path} asked for again", lasts - nearly, shown, before="kept", after="due", early=early, late=late
        )

    def sentence(site: Site) -> str:
        status, text = site.get(f"/w/{stage.workspace.pk}/privacy/")
        return THERE if status == 200 and "watched day and night" in text else GONE

    if "monitoring" not in stage.document["security"]["attest"]:
        yield stage.watch(
            "security.attest.premises sentence is shown", at + 366 * DAY, sentence, early=2 * DAY, late=2 * DAY
        )


def _paper() -> io.BytesIO:
    from pypdf import PdfWriter

    paper, file = PdfWriter(), io.BytesIO()
    paper.add_blank_page(200, 200)
    paper.write(file)
    file.seek(0)
    return file


def _policy(stage: Stage) -> Any:
    from amanat.publishing import versions

    return versions.in_force(stage.workspace, stage.at).policy


def checks(stage: Stage) -> Iterator[Watch]:
    """A day without a worker: what was green is amber. The drill lets the checks run at the start, and then nobody."""

    def state(site: Site) -> str:
        status, text = site.get(f"/w/{stage.workspace.pk}/privacy/status.json")
        if status != 200:
            return f"status {status}"
        return next(str(one["state"]) for one in json.loads(text)["clauses"] if one["id"] == "keep-marketing")

    yield stage.watch(
        "checks that are late turn amber",
        stage.at + 2 * DAY,
        state,
        before="kept",
        after="due",
        early=2 * DAY - 4 * HOUR - TEN,
    )
