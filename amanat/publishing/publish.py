"""Publishing a policy: what would follow from it, and doing it.

What a version takes from its author is its rules and words; its number and the day from which it holds are computed. A change that lets
us do more, or promises less, holds after the lead that the policy in force promises (`changes.lead`); one that only promises more holds
at once. When somebody else is to answer for the data, the notice of a sale (`transfers.notice_before_sale`) counts if it is longer. A version no looser than one that people were already told of may hold from that one's day. The first version of a workspace holds at once, for nothing of its own was promised before. See decision 0013.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import cast
from zoneinfo import ZoneInfo

from django.db import transaction

from amanat.accounts.models import Member, Workspace
from amanat.core import ledger
from amanat.core.tenancy import same_workspace
from amanat.policy import differences, documents, linting, loading
from amanat.policy.differences import Change
from amanat.policy.format import Policy
from amanat.policy.linting import Finding, Severity
from amanat.policy.reading import Document
from amanat.publishing import inventory, mails, renewing, versions
from amanat.publishing.models import PolicyVersion
from amanat.publishing.versions import InForce


class Refused(Exception):
    """The linter found what may not be published; `findings` says where, and what to write instead."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(map(str, findings)))


@dataclass(frozen=True)
class Plan:
    """What publishing a source at a moment would mean. Nothing is written for it."""

    policy: Policy  #: with the computed head
    number: int
    effective_at: datetime
    holds: InForce  #: what is in force now; `changes` are counted from it
    replaces: InForce  #: what will be in force just before
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    asks_anew: Mapping[str, int]
    is_new: bool  #: False: the newest version says exactly the same

    @property
    def is_material(self) -> bool:
        return differences.is_material(list(self.changes))

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.severity is Severity.ERROR)

    @property
    def asks_anew_for(self) -> list[str]:
        """The purposes for which everybody has to be asked again."""
        return sorted(name for name, number in self.asks_anew.items() if number == self.number)

    @property
    def is_mailed(self) -> bool:
        """Whether people hear of it by mail, as the policy in force promises."""
        promised = self.holds.policy.changes.email_if
        return bool(self.changes) and (promised == "any" or (promised == "material" and self.is_material))


def plan(*, workspace: Workspace, source: str, at: datetime) -> Plan:
    """What would follow. Raises Refused for a source that has not the shape of a policy; other errors are in `findings`."""
    try:
        loaded = loading.load(source)
    except loading.FormatInvalid:
        raise Refused(linting.lint_text(source)) from None
    return _plan(workspace, loaded.policy, loaded.document, at)


def publish(*, workspace: Workspace, source: str, by: Member | None, at: datetime) -> PolicyVersion | None:
    """Make `source` the next version, public at once and for ever; None when the newest version says the same.

    `by` is None for the operator's command. Raises Refused when the linter finds an error; then no row was changed.
    """
    assert by is None or same_workspace(workspace, by)
    try:
        loaded = loading.load(source)
    except loading.FormatInvalid:
        raise Refused(linting.lint_text(source)) from None
    with transaction.atomic():
        # Of two publishers at once the second waits here, and then plans from what the first has published.
        Workspace.objects.of(workspace).select_for_update().get()
        planned = _plan(workspace, loaded.policy, loaded.document, at)
        if planned.errors:
            raise Refused(planned.errors)
        if not planned.is_new:
            return None
        return _write(workspace, planned, source, by, at)


def _plan(workspace: Workspace, policy: Policy, document: Document, at: datetime) -> Plan:
    newest, holds = versions.all_of(workspace).first(), versions.in_force(workspace, at)
    number = newest.number + 1 if newest else 1
    changes = tuple(differences.between(_same_head(holds.policy), _same_head(policy)))
    effective_at = _effective_at(workspace, holds, policy, changes, at)
    replaces = versions.in_force(workspace, effective_at) if effective_at > at else holds
    whole = _with_head(policy, number, effective_at, workspace.time_zone)
    findings = linting.lint(whole, document=document, inventory=inventory.of_running_code())
    return Plan(
        policy=whole,
        number=number,
        effective_at=effective_at,
        holds=holds,
        replaces=replaces,
        changes=changes,
        findings=tuple(findings),
        asks_anew=renewing.asks_anew(replaces.policy, replaces.asks_anew, whole, number),
        is_new=newest is None or _content(versions.of_row(newest).policy) != _content(policy),
    )


def _effective_at(
    workspace: Workspace, holds: InForce, policy: Policy, changes: Sequence[Change], at: datetime
) -> datetime:
    """When the policy may hold. What is no looser than the policy in force may at once, also when a looser one was announced."""
    if not holds.is_published or not differences.is_material(list(changes)):
        return at
    announced = versions.all_of(workspace).filter(number__gt=holds.number, effective_at__gt=at).order_by("effective_at")
    for one in announced:
        if not differences.is_material(
            differences.between(_same_head(versions.of_row(one).policy), _same_head(policy))
        ):
            return cast(datetime, one.effective_at)
    lead = holds.policy.changes.lead.after(at)
    return max(lead, notice_of_sale(holds.policy, at)) if is_handed_over(holds.policy, policy) else lead


def is_handed_over(before: Policy, after: Policy) -> bool:
    """Whether somebody else will answer for the data."""
    return before.parties.operator.name != after.parties.operator.name


def notice_of_sale(before: Policy, at: datetime) -> datetime:
    """The first moment at which somebody else may answer for the data, when people hear of it at `at`."""
    return before.transfers.notice_before_sale.after(at)


def _with_head(policy: Policy, number: int, effective_at: datetime, time_zone: str) -> Policy:
    """The policy with its computed version and first day, as a day is counted where the workspace is."""
    document = policy.as_document()
    day = effective_at.astimezone(ZoneInfo(time_zone)).date()
    document["policy"] = {**document["policy"], "version": number, "effective": day.isoformat()}
    return loading.from_document(document)


def _same_head(policy: Policy) -> Policy:
    """The policy with a head that says nothing of version and day, so that two can be compared by what they promise."""
    head = policy.head.model_copy(update={"version": 1, "effective": policy.head.effective.replace(1970, 1, 1)})
    return Policy.model_construct(policy.model_fields_set, **{**dict(policy), "head": head})


def _content(policy: Policy) -> str:
    return documents.content_hash(_same_head(policy))


def _write(workspace: Workspace, planned: Plan, source: str, by: Member | None, at: datetime) -> PolicyVersion:
    version = PolicyVersion.objects.create(
        workspace_id=workspace.pk,
        number=planned.number,
        source=source,
        document=json.dumps(planned.policy.as_document(), ensure_ascii=False),
        digest=documents.content_hash(planned.policy),
        replaces=planned.holds.number,
        published_at=at,
        effective_at=planned.effective_at,
        published_by=by,
        is_material=planned.is_material,
        changes=[asdict(change) for change in planned.changes],
        asks_anew=dict(planned.asks_anew),
    )
    told = mails.order(version, at=at) if planned.is_mailed else 0
    ledger.write(
        "publishing.version.published",
        workspace=workspace,
        by=by,
        about=version,
        at=at,
        number=version.number,
        digest=version.digest,
        is_material=version.is_material,
        effective_at=version.effective_at.isoformat(),
        asks_anew=planned.asks_anew_for,
        mails=told,
    )
    return version
