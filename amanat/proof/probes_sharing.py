"""Probes of sharing: on which ground anybody gets data, whether a partner does, who gets it for another person, and no profiling."""

from __future__ import annotations

from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Workspace
from amanat.basis import consent, gate, notices, rules
from amanat.basis.models import Method
from amanat.core import jobs
from amanat.policy import linting
from amanat.policy import partners as partner_words
from amanat.policy.format import Policy, Recipient
from amanat.policy.linting import Severity
from amanat.policy.probing import Asked, Finding, Scope, probe
from amanat.privacy.registers import contracts
from amanat.privacy.requests.models import Kind, RightsRequest
from amanat.proof.probes_records import planted
from amanat.publishing import inventory

_HERSELF = consent.How(Method.LINK)
#: Kinds of data that a profile of a person is made of.
PROFILES = frozenset({
    "pd:BehaviouralProfile", "pd:Profile", "pd:Interest", "pd:Favorite", "pd:PersonalityTrait", "pd:Credibility", "pd:CreditScore",
    "pd:Reliability", "pd:PurchasesAndSpendingHabit", "pd:BrowsingBehaviour", "pd:SocialNetwork", "pd:Attitude",
})  # fmt: skip


#: Third parties that the program itself calls after the yes it asks for: who switches notifications on in a browser names its push service by that.
ASKED = frozenset({"push"})


def ground_of(one: Recipient) -> str:
    """Why a recipient may get data: by contract, by a yes or by law; "" for no reason."""
    if one.when in {"consent", "law"}:
        return str(one.when)
    return "contract" if one.term == "dpv:DataProcessor" and one.contract == "required" else ""


@probe(
    "sharing.on_a_ground",
    _("Nothing that names a person goes out without a yes, a contract or a law"),
    keys=("D-NOIDWO",),
    rules=("recipients", "never"),
)
def on_a_ground(asked: Asked) -> Finding:
    """Every line of the traffic of 90 days belongs to a named recipient, and every named recipient has its ground."""
    found = contracts.register(asked.policy, workspace_id=asked.workspace_id, language="en", at=asked.at)
    groundless = [name for name, one in asked.policy.recipients.items() if not ground_of(one)]
    sent = sum(one.requests for one in found.bound)
    stray = sum(line.requests for line in found.unnamed)
    said = bool({"identifiable_without_basis", "identifiable_without_consent"} & set(asked.policy.never))
    return Finding(
        not groundless and not stray and said,
        _("{recipients} recipients, {groundless} without a ground; {sent} requests to them, {stray} to anybody else"),
        {"recipients": len(asked.policy.recipients), "groundless": len(groundless), "sent": sent, "stray": stray},
    )


@probe(
    "sharing.partners",
    _("Partners get nothing without a yes to each by name"),
    keys=("D-PARTNER",),
    rules=("recipients", "purposes"),
)
def partners(asked: Asked) -> Finding:
    """Third parties of the policy need a name and a yes to that very one: an invented person is tried at the gate before and after the yes
    to each. But for `ASKED` nothing of ours calls a partner, so any traffic to one is a breach."""
    found = contracts.register(asked.policy, workspace_id=asked.workspace_id, language="en", at=asked.at)
    third = [one for one in found.bound if one.recipient.term == "dpv:ThirdParty"]
    open_ones = [one for one in third if one.recipient.when != "consent" or not one.recipient.named]
    sent = sum(one.requests for one in third if one.name not in ASKED)
    named = list(partner_words.of(rules.of(asked.workspace_id).policy))
    leaks, opened = _tried(asked, named)
    return Finding(
        not open_ones and not sent and not leaks and opened == len(named),
        _(
            "{partners} kinds of partners, {named} of them by name; {open} open without a yes, {leaks} after a yes to another; {sent} requests went to one in 90 days"
        ),
        {"partners": len(third), "named": len(named), "open": len(open_ones), "leaks": leaks, "sent": sent},
    )


def _tried(asked: Asked, named: list[str]) -> tuple[int, int]:
    """How often giving to a partner was allowed without the yes to that one, and how many opened after it."""
    if not named:
        return 0, 0
    person, wanted = planted(asked), [(name, "") for name in named]
    workspace = Workspace.objects.of(asked.workspace_id).get(pk=asked.workspace_id)
    leaks = opened = 0
    for name in ["", *named]:
        if name:
            notice = notices.show(workspace=workspace, purposes=[name], language="en", at=asked.at)
            consent.give(contact=person, purpose=name, notice=notice, how=_HERSELF, at=asked.at)
        answers = gate.overview(person, workspace=workspace, wanted=wanted, at=asked.at, today=asked.at.date())
        opened += sum(one.is_allowed for one, (other, _way) in zip(answers, wanted, strict=True) if other == name)
        leaks += sum(one.is_allowed for one, (other, _way) in zip(answers, wanted, strict=True) if other != name)
        if name:
            consent.withdraw(contact=person, purpose=name, how=_HERSELF, at=asked.at)
    return leaks, opened


@probe(
    "sharing.directed",
    _("Whoever got data for another person was sent by that person"),
    keys=("D-CONSENT",),
    rules=("recipients", "rights.kinds"),
)
def directed(asked: Asked) -> Finding:
    """Copies given to an agent or a guardian: first the person was identified and the authority shown, then the copy was given."""
    given = RightsRequest.objects.of(asked.workspace_id).filter(
        kind__in=[Kind.ACCESS, Kind.PORT],
        who__in=[RightsRequest.Who.AGENT, RightsRequest.Who.GUARDIAN],
        outcome__in=[RightsRequest.Outcome.GRANTED, RightsRequest.Outcome.PARTLY],
        contact__isnull=False,  # an erasure takes the papers that were shown
    )
    unproved = given.filter(Q(identified_at__isnull=True) | Q(identified_at__gt=F("answered_at")))
    unsigned = given.filter(identified_by__isnull=True, proof__isnull=True, agent__isnull=True)
    wrong = set(unproved.values_list("pk", flat=True)) | set(unsigned.values_list("pk", flat=True))
    all_given = given.count()
    return Finding(
        not wrong,
        _("{given} copies were given to somebody for another person, {wrong} without that person's word"),
        {"given": all_given, "wrong": len(wrong)},
    )


@probe(
    "sharing.no_profiling",
    _("Nobody is profiled or looked up elsewhere"),
    keys=("D-NOPROF",),
    rules=("never", "purposes"),
    scope=Scope.INSTALLATION,
)
def no_profiling(asked: Asked) -> Finding:
    """No column for what a profile is made of, every job has its purpose, and a policy with a purpose of profiling is refused."""
    columns = sum(one.kind in PROFILES for held in inventory.held() for one in held.personal.values())
    aimless = sum(len(job.purpose.split()) < 3 for job in jobs.registered().values())
    is_refused = "never.forbidden-purpose" in {
        one.check for one in linting.lint(_with_profiling(asked.policy)) if one.severity is Severity.ERROR
    }
    return Finding(
        not columns and not aimless and is_refused,
        _(
            "{columns} columns for profiles, {aimless} jobs without a purpose; a policy that profiles is refused: {is_refused}"
        ),
        {"columns": columns, "aimless": aimless, "is_refused": is_refused},
    )


def _with_profiling(policy: Policy) -> Policy:
    """The policy with one purpose more, which looks through people."""
    model = next(iter(policy.purposes.values()))
    more = model.model_copy(update={"term": "dpv:Personalisation", "basis": "consent"})
    return Policy.model_construct(
        policy.model_fields_set, **{**dict(policy), "purposes": {**policy.purposes, "profiling": more}}
    )
