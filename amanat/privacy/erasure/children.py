"""Children: whoever is, or is said to be, under the policy's age is frozen at once and erased by the promised time.

The age and both periods are the policy's (`children`). A birthday says it by itself, whoever wrote it and whenever the policy raised its
age; a member or a guardian may say it too. Frozen means: the gate refuses every use (`basis.restrictions`, ground "child"). A guardian's
checked consent, or a birthday that was wrong, ends it; otherwise the data is erased, with a certificate like any other.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from amanat.accounts.models import Member, Workspace
from amanat.basis import guardians, principals, restrictions
from amanat.basis.consent import How
from amanat.basis.models import Method, Restriction
from amanat.core import ledger, tenancy
from amanat.people.models import Contact
from amanat.policy.format import Policy
from amanat.privacy.erasure import erasing
from amanat.privacy.erasure.models import ChildFound, Erasure
from amanat.publishing import versions

_PIECE = 500
_CHILD = Restriction.Ground.CHILD
State = ChildFound.State

#: The sweep asks for birthdays each minute.
BY_BIRTHDAY = (
    "CREATE INDEX IF NOT EXISTS contact_by_birthday ON people_contact (workspace_id, birthday) "
    "WHERE birthday IS NOT NULL AND deleted_at IS NULL"
)


def born_after(policy: Policy, today: date) -> date:
    """Whoever is born after this day is a child today."""
    years = policy.children.min_age
    try:
        return today.replace(year=today.year - years)
    except ValueError:  # 29 February
        return date(today.year - years, 3, 1)


def report(*, contact: Contact, how: ChildFound.How, by: Member | None, at: datetime) -> ChildFound:
    """Somebody says that the contact is a child: it is frozen in this transaction. Said twice, nothing more happens."""
    with tenancy.inside(contact.workspace_id):
        known = ChildFound.objects.of(contact.workspace_id).filter(contact=contact, state=State.FROZEN).first()
        return known or _freeze([contact], how, by=by, at=at)[0]


def clear(*, found: ChildFound, state: ChildFound.State, by: Member | None, at: datetime) -> bool:
    """End the freeze: it is no child, or a guardian agreed. False when it was over already."""
    here = found.workspace_id
    with tenancy.inside(here):
        frozen = ChildFound.objects.of(here).filter(pk=found.pk, state=State.FROZEN)
        if not frozen.update(state=state, closed_at=at, closed_by=by):
            return False
        if found.contact_id is not None:
            contact = Contact.objects.of(here).get(pk=found.contact_id)
            restrictions.lift(contact=contact, ground=_CHILD, how=How(Method.FORM, by=by), at=at)
        ledger.write("privacy.child.cleared", workspace=here, by=by, about=found.contact_id, at=at, state=state.value)
    return True


def sweep(workspace_id: UUID, *, at: datetime) -> tuple[int, int]:
    """Freeze who is a child by the birthday, end the freeze of those who may stay, order the erasure of the others. Returns how many
    were frozen and how many will be erased."""
    with tenancy.inside(workspace_id):
        workspace = Workspace.objects.of(workspace_id).get(pk=workspace_id)
        policy = versions.in_force(workspace_id, at).policy
        limit = born_after(policy, at.astimezone(ZoneInfo(workspace.time_zone)).date())
        frozen = _freeze_the_young(workspace_id, limit, at)
        _release(workspace_id, limit, at)
        erased = _erase_due(workspace, at)
    return frozen, erased


def _freeze_the_young(here: UUID, limit: date, at: datetime) -> int:
    known = ChildFound.objects.of(here).filter(contact__isnull=False).exclude(state=State.CLEARED)
    young = (
        Contact.objects.of(here)
        .alive()
        .filter(birthday__gt=limit)
        .exclude(pk__in=known.values("contact_id"))
        .order_by("id")[:_PIECE]
    )
    return len(_freeze(list(young), ChildFound.How.BIRTHDAY, by=None, at=at))


def _freeze(contacts: Collection[Contact], how: ChildFound.How, *, by: Member | None, at: datetime) -> list[ChildFound]:
    made = []
    for contact in contacts:
        here = contact.workspace_id
        policy = versions.in_force(here, at).policy
        restrictions.impose(contact=contact, ground=_CHILD, how=How(Method.FORM, by=by), at=at)
        found = ChildFound.objects.create(
            workspace_id=here, contact=contact, principal=principals.digest(contact.pk, workspace_id=here), how=how,
            found_at=at, frozen_at=at, erase_by=policy.children.erase.after(at),
        )  # fmt: skip
        ledger.write("privacy.child.frozen", workspace=here, by=by, about=contact, at=at, how=how.value)
        made.append(found)
    return made


def _release(here: UUID, limit: date, at: datetime) -> None:
    """Whose guardian agreed, and whose birthday was corrected."""
    frozen = list(
        ChildFound.objects.of(here).filter(state=State.FROZEN, contact__isnull=False).select_related("contact")
    )
    ids = [each.contact_id for each in frozen if each.contact_id is not None]
    agreed = guardians.consented(ids, workspace_id=here, at=at) if ids else set()
    for found in frozen:
        if found.contact_id in agreed:
            clear(found=found, state=State.AGREED, by=None, at=at)
        elif found.how == ChildFound.How.BIRTHDAY and (
            found.contact.birthday is None or found.contact.birthday <= limit
        ):
            clear(found=found, state=State.CLEARED, by=None, at=at)


def _erase_due(workspace: Workspace, at: datetime) -> int:
    """In time to be done by the promised moment: the order goes out a quarter of the period before its end."""
    frozen = ChildFound.objects.of(workspace).filter(state=State.FROZEN, contact__isnull=False)
    due = [each for each in frozen.order_by("erase_by")[:_PIECE] if at >= _orders_at(each)]
    if not due:
        return 0
    ids = [each.contact_id for each in due if each.contact_id is not None]
    order = erasing.order(workspace=workspace, contact_ids=ids, because=Erasure.Because.CHILD, by=None, at=at)
    ChildFound.objects.of(workspace).filter(pk__in=[each.pk for each in due]).update(
        state=State.ERASED, closed_at=at, erasure_id=order.pk
    )
    return len(due)


def _orders_at(found: ChildFound) -> datetime:
    return found.erase_by - (found.erase_by - found.found_at) / 4
