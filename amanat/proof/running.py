"""Running probes: what is due, each in a transaction of its own that leaves nothing behind but its finding.

A probe is asked inside its workspace, under a time limit, in a savepoint that is rolled back: it measures and changes nothing.
What it raises is a finding too, "could not run", of which only the kind of error is kept, because its text may name a person.
Each finding is committed by itself, so a killed worker loses at most one.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from amanat.core import clock, tenancy
from amanat.policy import probing, references
from amanat.policy.format import Policy
from amanat.policy.probing import Asked, Finding, Probe, Scope
from amanat.proof import evidence, judging
from amanat.proof.evidence import Ran
from amanat.proof.models import Evidence, InstallationFinding, Outcome
from amanat.publishing import versions
from amanat.publishing.versions import InForce

log = logging.getLogger(__name__)

#: A probe of one workspace may not take longer; the whole suite has five minutes.
LONGEST = timedelta(seconds=60)
#: Every workspace is looked at this often: a new version of its policy, or of the program, may bring new probes.
LOOKED_AT_EVERY = timedelta(minutes=60)
CHAIN = "proof.chain"
COULD_NOT_RUN = _("The check could not run: {reason}")


@dataclass(frozen=True, slots=True)
class Suite:
    """The probes of a workspace's policy in force."""

    in_force: InForce
    probes: Mapping[str, Probe]


def suite(workspace_id: UUID, *, at: datetime | None = None) -> Suite:
    in_force = versions.in_force(workspace_id, at)
    return Suite(in_force, applicable(in_force.policy))


def applicable(policy: Policy) -> dict[str, Probe]:
    """The probes that check a rule this policy has: what it does not promise is not measured against it."""
    return {name: one for name, one in probing.registered().items() if is_applicable(one, policy)}


def is_applicable(one: Probe, policy: Policy) -> bool:
    return any(_has(policy, path) for path in one.rules)


def _has(policy: Policy, path: str) -> bool:
    try:
        references.find(policy, path)
    except references.ReferenceMissing:
        return False
    return True


def due_names(probes: Mapping[str, Probe], newest: Mapping[str, Evidence], *, number: int, at: datetime) -> list[str]:
    """Names of the probes whose evidence is old or speaks of another version of the policy; those never run first."""
    waiting = [
        (newest[name].at.timestamp() if name in newest else 0.0, name)
        for name, one in probes.items()
        if name not in newest or newest[name].policy_number != number or newest[name].at + judging.fresh_for(one) <= at
    ]
    # The check of the chain last: it also looks whether the others ran in time, which they do in the same round.
    return [name for _age, name in sorted(waiting, key=lambda one: (one[1] == CHAIN, *one))]


def run_due(workspace_id: UUID) -> list[Evidence]:
    """Run what is due in a workspace and say when to look again."""
    at = clock.now()
    with tenancy.inside(workspace_id):
        whole = suite(workspace_id)
        newest = evidence.latest(workspace_id, list(whole.probes))
        names = due_names(whole.probes, newest, number=whole.in_force.number, at=at)
    found = run(workspace_id, whole, names)
    look_again(workspace_id, whole)
    return found


def run_all(workspace_id: UUID, *, only: Iterable[str] | None = None, shared: bool = False) -> list[Evidence]:
    """Run every probe of a workspace now, or those of `only`. `shared` takes fresh findings of the installation as they are."""
    with tenancy.inside(workspace_id):
        whole = suite(workspace_id)
    wanted = set(only) if only is not None else set(whole.probes)
    found = run(workspace_id, whole, [name for name in whole.probes if name in wanted], afresh=not shared)
    look_again(workspace_id, whole)
    return found


def run(workspace_id: UUID, whole: Suite, names: Sequence[str], *, afresh: bool = False) -> list[Evidence]:
    """Run some probes, one after the other, each finding committed by itself."""
    rows: list[Evidence] = []
    for name in names:
        with tenancy.inside(workspace_id):
            at = clock.now()
            found = _found(workspace_id, whole, whole.probes[name], at, afresh=afresh)
            rows += evidence.append(workspace_id, [found], policy_number=whole.in_force.number, at=at)
    return rows


def look_again(workspace_id: UUID, whole: Suite) -> None:
    """Note when the next probe of the workspace is due, an hour from now at the latest."""
    at = clock.now()
    with tenancy.inside(workspace_id):
        newest = evidence.latest(workspace_id, list(whole.probes))
        moments = [
            newest[name].at + judging.fresh_for(one) if name in newest else at for name, one in whole.probes.items()
        ]
        kept = evidence.locked_round(workspace_id, at=at)
        kept.due_at = max(min([at + LOOKED_AT_EVERY, *moments]), at + timedelta(minutes=1))
        kept.save(update_fields=["due_at"])


def _found(workspace_id: UUID, whole: Suite, one: Probe, at: datetime, *, afresh: bool) -> Ran:
    asked = Asked(workspace_id, whole.in_force.policy, at)
    if one.scope is Scope.WORKSPACE:
        return measure(one, asked)
    key = rules_digest(one, whole.in_force.policy)
    known = InstallationFinding.objects.filter(probe=one.name, rules_digest=key).first()
    if known is not None and not afresh and known.at <= at < known.at + judging.fresh_for(one):
        return Ran(one.name, Outcome(known.outcome), known.said, known.facts, known.took_ms)
    ran = measure(one, asked)
    InstallationFinding.objects.update_or_create(
        probe=one.name,
        rules_digest=key,
        defaults={"at": at, "outcome": ran.outcome, "said": ran.said, "facts": ran.facts, "took_ms": ran.took_ms},
    )
    return ran


def rules_digest(one: Probe, policy: Policy) -> str:
    """What the probe is measured against: equal for policies with the same rules under its paths."""
    held = [repr(references.find(policy, path)) for path in one.rules if _has(policy, path)]
    return hashlib.sha256(json.dumps(held).encode()).hexdigest()


def measure(one: Probe, asked: Asked) -> Ran:
    """Ask a probe. Never raises: what the probe raised is what was found."""
    began = time.perf_counter()
    try:
        finding = _undone(lambda: one.run(asked))
        outcome = Outcome.KEPT if finding.is_kept else Outcome.DUE if finding.is_due else Outcome.BROKEN
        said, facts = evidence.message(finding.said), _plain(finding.facts)
    except Exception as error:  # whatever it is, it must turn the promise red, not stop the others
        log.warning("a probe could not run", extra={"probe": one.name, "reason": type(error).__name__})
        outcome, said = Outcome.COULD_NOT_RUN, evidence.message(COULD_NOT_RUN)
        facts = {"reason": type(error).__name__}
    return Ran(one.name, outcome, said, facts, round((time.perf_counter() - began) * 1000))


def _undone(run_it: Callable[[], Finding]) -> Finding:
    """What a probe finds, within the time it has, in a savepoint that is taken back."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{int(LONGEST.total_seconds())}s'")
        finding = run_it()
        transaction.set_rollback(True)
    return finding


def _plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as JSON gives them back, or the digest of a row would not be the digest of what is read. Raises TypeError."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(facts)))
    return plain
