"""Probes of publishing: what a stranger is really shown, and whether versions were made and told of as the policy promises."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import phonenumbers
from django.conf import settings
from django.db.models import Count, F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from amanat.accounts.permissions import May
from amanat.core import routes
from amanat.core.models import LedgerEntry
from amanat.policy import documents, linting, loading, references, rendering
from amanat.policy.format import Policy
from amanat.policy.linting import Severity
from amanat.policy.probing import Asked, Finding, probe
from amanat.publishing import inventory, mails, operators_own, renewing, versions
from amanat.publishing.models import PolicyMail, PolicyVersion
from amanat.publishing.versions import InForce
from amanat.publishing.visiting import Visited, visit

HOURLY = 60
#: The parts a policy must have, as anchors of its page.
PARTS = ("collect", "use", "share", "protect", "choices")
#: How long a mail may wait for a mail server that does not answer.
LATEST_MAIL = timedelta(hours=6)


def _page(asked: Asked, name: str = "public_policy", *more: int) -> Visited:
    return visit(f"{reverse(f'publishing:{name}', args=[asked.workspace_id, *more])}?lang=en")


@probe(
    "publishing.page",
    _("The public page is there for everybody"),
    keys=("PAGE",),
    rules=("policy", "parties.operator"),
    minutes=HOURLY,
)
def page(asked: Asked) -> Finding:
    """No sign-in, no cookie, no script, nothing from another host; its hash is that of the policy in force and of the one for machines."""
    seen, held = _page(asked), versions.in_force(asked.workspace_id, asked.at)
    for_machines = _page(asked, "public_json")
    told = json.loads(for_machines.text or "{}").get("hash", "")
    right = seen.meta.get("policy-hash") == told == f"sha256:{documents.content_hash(held.policy)}"
    facts = {
        "status": seen.status,
        "cookies": len(seen.cookies) + len(for_machines.cookies),
        "scripts": seen.scripts,
        "elsewhere": len(seen.elsewhere),
        "is_the_one_in_force": right,
        "version": held.number,
    }
    kept = right and seen.status == 200 and not (facts["cookies"] or facts["scripts"] or facts["elsewhere"])
    return Finding(
        kept,
        _(
            "The page answered {status} with {cookies} cookies, {scripts} scripts and {elsewhere} things from other hosts; it shows the policy in force: {is_the_one_in_force}."
        ),
        facts,
    )


@probe("publishing.parts", _("The page has all its parts"), keys=("PAGE-PARTS",), rules=("policy",), minutes=HOURLY)
def parts(asked: Asked) -> Finding:
    """An anchor for each part, every sentence of the policy under its own anchor, and no linter's error about a missing part."""
    seen, policy = _page(asked), asked.policy
    shown = [one.id for one in policy.clauses if rendering.is_shown(policy, one, _today(asked))]
    missing = [part for part in PARTS if part not in seen.ids] + [name for name in shown if name not in seen.ids]
    errors = [
        one
        for one in linting.lint(policy)
        if one.check in {"page.parts", "clause.rests-on-nothing", "clause.without-probe"}
    ]
    facts = {"parts": len(PARTS), "sentences": len(shown), "missing": len(missing), "errors": len(errors)}
    return Finding(
        not missing and not errors,
        _(
            "{parts} parts and {sentences} sentences looked for on the page; {missing} missing; {errors} rest on nothing."
        ),
        facts,
    )


@probe("publishing.dated", _("The date on the page is computed"), keys=("LASTUPD",), rules=("policy",), minutes=HOURLY)
def dated(asked: Asked) -> Finding:
    """The page shows the day from which the version holds, whatever its author typed."""
    held, seen = versions.in_force(asked.workspace_id, asked.at), _page(asked)
    day = held.effective_at.astimezone(ZoneInfo(held.time_zone)).date()
    shown = references.day_in_words(day, "en") in seen.said
    is_right = shown and (not held.is_published or held.policy.head.effective == day)
    return Finding(
        is_right,
        _("The version holds since {since_on}; the page shows that day: {shown}."),
        {"since_on": day.isoformat(), "shown": shown},
    )


@probe(
    "publishing.posted",
    _("Every version stays readable"),
    keys=("N-POST", "N-PREV", "REVIEWINVITE"),
    rules=("changes.post", "changes.archive"),
)
def posted(asked: Asked) -> Finding:
    """Every version's page answers, what is stored still has the hash it was published with, and the list and the feed name each."""
    rows = list(versions.all_of(asked.workspace_id))
    listed, feed = _page(asked, "public_versions"), _page(asked, "public_feed")
    unread = altered = unlisted = 0
    for row in rows:
        url = reverse("publishing:public_version", args=[asked.workspace_id, row.number])
        seen = visit(url)
        unread += seen.status != 200 or seen.meta.get("policy-hash") != f"sha256:{row.digest}"
        altered += documents.content_hash(loading.from_document(json.loads(row.document))) != row.digest
        unlisted += not any(urlsplit(link).path == url for link in listed.links) or url not in feed.text
    gaps = len(rows) - (rows[0].number if rows else 0)
    facts = {"versions": len(rows), "unread": unread, "altered": altered, "unlisted": unlisted, "gaps": abs(gaps)}
    kept = (
        asked.policy.changes.post
        and asked.policy.changes.archive == "public"
        and not (unread or altered or unlisted or gaps)
    )
    return Finding(
        kept,
        _(
            "{versions} versions: {unread} cannot be read, {altered} were altered, {unlisted} are not listed, {gaps} are missing."
        ),
        facts,
    )


@probe("publishing.lead", _("No change holds before it was announced"), keys=("N-EFFECT",), rules=("changes.lead",))
def lead(asked: Asked) -> Finding:
    """Each material version held no sooner than the lead of the policy it was published under, or with one announced that early."""
    rows = list(versions.all_of(asked.workspace_id).order_by("number"))
    early = sum(row.effective_at < row.published_at or _is_early(row, rows, asked) for row in rows)
    facts = {"versions": len(rows), "material": sum(row.is_material for row in rows), "early": early}
    return Finding(
        not early, _("{versions} versions, {material} of them material: {early} held before people could know."), facts
    )


def _is_early(row: PolicyVersion, rows: Iterable[PolicyVersion], asked: Asked) -> bool:
    if not row.is_material or row.replaces == 0:
        return False
    promised = versions.numbered(asked.workspace_id, row.replaces).policy.changes.lead
    with_one_announced = any(
        one.number < row.number and one.effective_at == row.effective_at and one.is_material for one in rows
    )
    return row.effective_at < promised.after(row.published_at) and not with_one_announced


@probe(
    "publishing.mailed",
    _("People are mailed of what matters"),
    keys=("N-EMAIL",),
    rules=("changes.email_if",),
    minutes=HOURLY,
)
def mailed(asked: Asked) -> Finding:
    """Each version that had to be mailed was: to every row, before it held, and none waits longer than some hours."""
    rows = (
        versions.all_of(asked.workspace_id)
        .filter(is_material=True, replaces__gt=0)
        .annotate(told=Count("mails", filter=Q(mails__sent_at__isnull=False)), all=Count("mails"))
    )
    untold = sum(not row.all for row in rows if _promised_mail(row, asked))
    waiting = mails.open_of(asked.workspace_id).filter(version__published_at__lt=asked.at - LATEST_MAIL).count()
    sent = PolicyMail.objects.of(asked.workspace_id).filter(sent_at__isnull=False)
    late = sent.filter(
        version__replaces__gt=0, version__is_material=True, sent_at__gt=F("version__effective_at")
    ).count()
    facts = {"versions": len(rows), "sent": sent.count(), "untold": untold, "waiting": waiting, "late": late}
    return Finding(
        not (untold or waiting or late),
        _(
            "{versions} versions mattered; {sent} mails were sent, {waiting} wait too long, {late} came too late; {untold} versions were not mailed."
        ),
        facts,
    )


def _promised_mail(row: PolicyVersion, asked: Asked) -> bool:
    return versions.numbered(asked.workspace_id, row.replaces).policy.changes.email_if != "never"


@probe("publishing.recorded", _("Every publication is on record"), keys=("N-UPDATE",), rules=("changes.post",))
def recorded(asked: Asked) -> Finding:
    """Publishing asks for the owner's permission and a fresh sign-in, and each version stands in the ledger with its hash and changes."""
    rows = {str(row.pk): row for row in versions.all_of(asked.workspace_id)}
    entries = LedgerEntry.objects.of(asked.workspace_id).filter(event="publishing.version.published")
    known = {(str(entry.about), entry.facts.get("digest")) for entry in entries}
    unrecorded = sum((name, row.digest) not in known for name, row in rows.items())
    unexplained = sum(not row.changes for row in rows.values() if row.replaces)
    guarded = _publishing_is_guarded()
    facts = {"versions": len(rows), "unrecorded": unrecorded, "unexplained": unexplained, "is_guarded": guarded}
    return Finding(
        guarded and not (unrecorded or unexplained),
        _(
            "{versions} versions: {unrecorded} are not in the ledger, {unexplained} do not say what changed. Only the owner may publish, signed in afresh: {is_guarded}."
        ),
        facts,
    )


def _publishing_is_guarded() -> bool:
    """Every route that publishes asks for May.MANAGE_POLICY and a fresh sign-in."""
    found = [one for one in routes.table().values() if "publishing.version.published" in one.records]
    wanted = May.MANAGE_POLICY
    return bool(found) and all(one.fresh and getattr(one.rule, "permission", None) == wanted for one in found)


@probe(
    "publishing.silence", _("Silence is not taken for a yes"), keys=("N-CONT", "ACCEPT"), rules=("changes.silence_is",)
)
def silence(asked: Asked) -> Finding:
    """No ground is silence, and whatever a version widened is asked anew: recomputed from the versions themselves."""
    rows = list(versions.all_of(asked.workspace_id).order_by("number"))
    forgotten = 0
    before = versions.begins_with(asked.workspace_id)
    for row in _that_held(rows, asked.at):
        after = versions.of_row(row)
        widened = renewing.widened(before.policy, after.policy)
        forgotten += len([name for name in widened if row.asks_anew.get(name, 0) < row.number])
        before = after
    implied = [
        one for one in linting.lint(asked.policy) if one.severity is Severity.ERROR and one.check.startswith("consent.")
    ]
    silent = asked.policy.changes.silence_is == "no"
    facts = {"versions": len(rows), "forgotten": forgotten, "implied": len(implied), "silence_is_no": silent}
    return Finding(
        silent and not (forgotten or implied),
        _(
            "{versions} versions: {forgotten} widened purposes are not asked anew; {implied} grounds are no clear yes. Silence counts as no: {silence_is_no}."
        ),
        facts,
    )


def _that_held(rows: list[PolicyVersion], at: datetime) -> list[PolicyVersion]:
    """The versions that ever took effect up to a moment, in their order."""
    return [
        row
        for row in rows
        if row.effective_at <= at
        and not any(one.number > row.number and one.effective_at <= row.effective_at for one in rows)
    ]


@probe(
    "publishing.reachable",
    _("The ways to reach us are on the page"),
    keys=("O-EMAIL", "O-PHONE", "O-ADDR"),
    rules=("parties.contact",),
)
def reachable(asked: Asked) -> Finding:
    """Each way the policy names has an address that is no example, well formed, and shown."""
    contact, seen = asked.policy.parties.contact, _page(asked)
    wanted = ("email", *(way for way in asked.policy.rights.by if way in {"phone", "post"}))
    told = {way: getattr(contact, way).strip() for way in wanted}
    findings = linting.lint(asked.policy)
    examples = sum(one.check == "contact.example" and one.path.startswith("parties.contact") for one in findings)
    missing = [way for way, value in told.items() if not value or " ".join(value.split()) not in seen.said]
    malformed = int("phone" in told and not _is_number(told["phone"])) + int("@" not in told["email"])
    facts = {"ways": len(wanted), "missing": len(missing), "examples": examples, "malformed": malformed}
    return Finding(
        not (missing or examples or malformed),
        _(
            "{ways} ways to reach the operator: {missing} are missing on the page, {examples} are examples, {malformed} are not well formed."
        ),
        facts,
    )


def _is_number(text: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(text, settings.DEFAULT_REGION))
    except phonenumbers.NumberParseException:
        return False


@probe(
    "publishing.responsible",
    _("The page says who answers for the data"),
    keys=("O-CTRL", "O-DPO"),
    rules=("parties.operator", "parties.officer"),
)
def responsible(asked: Asked) -> Finding:
    """Name and office of the operator and the officer with her address stand on the page."""
    parties, seen = asked.policy.parties, _page(asked)
    names = (parties.operator.name, parties.operator.office, parties.officer.title, parties.officer.email)
    missing = sum(not name.strip() or " ".join(name.split()) not in seen.said for name in names)
    return Finding(
        not missing,
        _("{wanted} facts about who answers: {missing} are missing on the page."),
        {"wanted": len(names), "missing": missing},
    )


@probe("publishing.venue", _("Complaints to the authority stay open"), keys=("O-JURIS",), rules=("parties.venue",))
def venue(asked: Asked) -> Finding:
    """The page names the courts, and its sentence says that one may go to an authority."""
    place, seen = asked.policy.parties.venue, _page(asked)
    names_courts = place.court in seen.said
    is_saved = place.saving == "statutory" and any(
        path == "parties.venue" or path.startswith("parties.venue.")
        for clause in asked.policy.clauses
        for path in clause.rests
    )
    return Finding(
        names_courts and is_saved,
        _("Courts named on the page: {names_courts}. The way to the authority stays open: {is_saved}."),
        {"names_courts": names_courts, "is_saved": is_saved},
    )


@probe("publishing.scope", _("The pages it covers lead to it"), keys=("SCOPE",), rules=("products",))
def scope(asked: Asked) -> Finding:
    """This site is among the hosts that the policy covers, and its door leads to a policy that answers."""
    hosts = {host for named in asked.policy.products.values() for host in named}
    covered = bool({settings.CONFIGURATION.host_name, f"{settings.CONFIGURATION.host_name}.localdomain"} & hosts)
    door = visit(reverse("account_login"))
    own = reverse("publishing:own_policy")
    is_named = own in {urlsplit(link).path for link in door.links}
    is_ours = operators_own.workspace_id() == asked.workspace_id  # another's page cannot be read from inside this one
    leads = is_named and (not is_ours or visit(own).status == 200)
    return Finding(
        covered and leads,
        _(
            "{hosts} hosts are named; this site is among them: {is_covered}. Its sign-in page leads to a policy: {leads}."
        ),
        {"hosts": len(hosts), "is_covered": covered, "leads": leads},
    )


@probe("publishing.status", _("How promises stand is public"), keys=("COMMIT",), rules=("policy",), minutes=HOURLY)
def status(asked: Asked) -> Finding:
    """Every sentence shown stands in the public status with its state, for people and for programs alike."""
    policy = asked.policy
    shown = {one.id for one in policy.clauses if rendering.is_shown(policy, one, _today(asked))}
    for_people, for_machines = _page(asked, "public_status"), _page(asked, "public_status_json")
    clauses: list[Mapping[str, object]] = json.loads(for_machines.text or "{}").get("clauses", [])
    told = {str(one["id"]) for one in clauses if one.get("state")}
    missing = len(shown - told) + len(shown - for_people.ids)
    checked = sum(bool(one.get("checked_at")) for one in clauses)
    return Finding(
        not missing and bool(shown),
        _("{sentences} sentences: {missing} are missing in the public status; {checked} were checked."),
        {"sentences": len(shown), "missing": missing, "checked": checked},
    )


@probe("publishing.disclaimers", _("A disclaimer takes nothing back"), keys=("DISCLAIM",), rules=("clauses",))
def disclaimers(asked: Asked) -> Finding:
    """What rests on no rule weakens none: without these sentences the rules are the same, and none of them has a number."""
    policy = asked.policy
    found = [one for one in policy.clauses if one.kind == "disclaimer"]
    leaning = sum(bool(one.rests or references.paths_in(one.say)) for one in found)
    without = Policy.model_construct(
        policy.model_fields_set, **{**dict(policy), "clauses": tuple(one for one in policy.clauses if one not in found)}
    )
    same = {**policy.tree, "clauses": ()} == {**without.tree, "clauses": ()}
    return Finding(
        not leaning and same,
        _("{count} disclaimers: {leaning} lean on a rule; the rules are the same without them: {same}."),
        {"count": len(found), "leaning": leaning, "same": same},
    )


@probe(
    "publishing.disclosed", _("The program holds nothing the policy does not name"), keys=("MINIM",), rules=("data",)
)
def disclosed(asked: Asked) -> Finding:
    """Columns, entry points, cookies and hosts of the running program against the policy in force."""
    running = inventory.of_running_code()
    errors = [
        one
        for one in linting.lint(asked.policy, inventory=running)
        if one.check.startswith("code.") and one.severity is Severity.ERROR
    ]
    facts = {
        "columns": len(running.columns), "entries": len(running.fields), "cookies": len(running.cookies),
        "hosts": len(running.hosts), "undisclosed": len(errors),
    }  # fmt: skip
    return Finding(
        not errors,
        _(
            "{columns} columns with personal data, {entries} entry points, {cookies} cookies and {hosts} hosts: {undisclosed} are not named in the policy."
        ),
        facts,
    )


def _today(asked: Asked) -> date:
    held: InForce = versions.in_force(asked.workspace_id, asked.at)
    return asked.at.astimezone(ZoneInfo(held.time_zone)).date()
