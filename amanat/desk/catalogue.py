"""The catalogue of services: ready packs, and what a workspace makes of them.

A service is never deleted, because receipts and records name it: it is retired, and can be brought back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.text import slugify

from amanat.accounts.models import Member, Workspace
from amanat.core import ledger
from amanat.desk import packfiles
from amanat.desk.models import Service
from amanat.desk.packfiles import Pack, in_language
from amanat.people.models import Stage, Tag

#: What a form may set, in its order.
FIELDS = (
    "name", "category", "fee_paise", "documents", "steps", "usual_days", "validity_months", "remind_days_before",
    "papers_vanish",
)  # fmt: skip


@dataclass(frozen=True)
class Installed:
    services: int
    stages: int
    tags: int


def pack_for(workspace: Workspace) -> Pack | None:
    """The pack made for this kind of business."""
    return packfiles.all_packs().get(workspace.kind)


def install(*, workspace: Workspace, pack: Pack, by: Member | None, at: datetime) -> Installed:
    """Put a pack into the workspace, in its language. What is there already stays as it is; safe to repeat."""
    services = _missing_services(workspace, pack, at)
    stages = _missing_stages(workspace, pack)
    tags = _missing_tags(workspace, pack)
    Service.objects.bulk_create(services, ignore_conflicts=True)
    Stage.objects.bulk_create(stages, ignore_conflicts=True)
    Tag.objects.bulk_create(tags, ignore_conflicts=True)
    ledger.write(
        "desk.pack.installed", workspace=workspace, by=by, at=at, pack=pack.key,
        services=len(services), stages=len(stages), tags=len(tags),
    )  # fmt: skip
    return Installed(len(services), len(stages), len(tags))


def _missing_services(workspace: Workspace, pack: Pack, at: datetime) -> list[Service]:
    known = set(Service.objects.of(workspace).values_list("key", flat=True))
    language = workspace.language
    return [
        Service(
            workspace_id=workspace.pk,
            key=each.key,
            name=in_language(each.name, language),
            names=dict(each.name),
            category=in_language(each.category, language),
            fee_paise=each.fee_paise,
            documents=[in_language(text, language) for text in each.documents],
            steps=[in_language(text, language) for text in each.steps],
            usual_days=each.usual_days,
            validity_months=each.validity_months,
            remind_days_before=each.remind_days_before,
            papers_vanish=each.papers_vanish,
            position=len(known) + place,
            created_at=at,
        )
        for place, each in enumerate(pack.services)
        if each.key not in known
    ]


def _missing_stages(workspace: Workspace, pack: Pack) -> list[Stage]:
    known = set(Stage.objects.of(workspace).values_list("key", flat=True))
    return [
        Stage(
            workspace_id=workspace.pk,
            key=stage.key,
            name=in_language(stage.name, workspace.language),
            position=len(known) + place,
            is_closed=stage.is_closed,
        )
        for place, stage in enumerate(pack.stages)
        if stage.key not in known
    ]


def _missing_tags(workspace: Workspace, pack: Pack) -> list[Tag]:
    names = [in_language(tag, workspace.language) for tag in pack.tags]
    known = set(Tag.objects.of(workspace).values_list("key", flat=True))
    return [Tag(workspace_id=workspace.pk, name=name, key=name.lower()) for name in names if name.lower() not in known]


def add(*, workspace: Workspace, by: Member, at: datetime, name: str, **details: object) -> Service:
    """A service of the workspace's own, at the end of the list."""
    _known(details)
    last = Service.objects.of(workspace).order_by("-position").values_list("position", flat=True).first()
    service = Service(
        workspace_id=workspace.pk, key=_free_key(workspace, name), name=name, created_at=at,
        position=0 if last is None else last + 1, **details,
    )  # fmt: skip
    service.save(force_insert=True)
    ledger.write("desk.service.added", workspace=workspace, by=by, about=service, at=at)
    return service


def change(*, service: Service, by: Member, at: datetime, **details: object) -> Service:
    """Change a service. Records made before keep the title, fee and lists they were made with."""
    _known(details)
    changed = sorted(name for name, value in details.items() if getattr(service, name) != value)
    for name in changed:
        setattr(service, name, details[name])
    if changed:
        service.save(update_fields=changed)
        ledger.write(
            "desk.service.changed", workspace=service.workspace_id, by=by, about=service, at=at, fields=changed
        )
    return service


def retire(*, service: Service, by: Member, at: datetime) -> None:
    """Offer it no more. Its records stay."""
    _set_active(service, False, by, at)


def bring_back(*, service: Service, by: Member, at: datetime) -> None:
    _set_active(service, True, by, at)


def _set_active(service: Service, is_active: bool, by: Member, at: datetime) -> None:
    if service.is_active == is_active:
        return
    service.is_active = is_active
    service.save(update_fields=["is_active"])
    event = "desk.service.brought_back" if is_active else "desk.service.retired"
    ledger.write(event, workspace=service.workspace_id, by=by, about=service, at=at)


def order(*, workspace: Workspace, ids: Sequence[UUID], by: Member, at: datetime) -> None:
    """Put the services into the order of `ids`; those not named follow as they were."""
    services = {service.pk: service for service in Service.objects.of(workspace).order_by("position", "id")}
    wanted = [services.pop(identity) for identity in ids if identity in services]
    moved = []
    for position, service in enumerate([*wanted, *services.values()]):
        if service.position != position:
            service.position = position
            moved.append(service)
    if moved:
        Service.objects.of(workspace).bulk_update(moved, ["position"])
        ledger.write("desk.catalogue.ordered", workspace=workspace, by=by, at=at, moved=len(moved))


def move(*, service: Service, places: int, by: Member, at: datetime) -> None:
    """Up (negative) or down the list, among those that are offered or retired alike."""
    ids = list(
        Service.objects.of(service.workspace_id)
        .filter(is_active=service.is_active)
        .order_by("position", "id")
        .values_list("pk", flat=True)
    )
    here = ids.index(service.pk)
    ids.insert(min(max(here + places, 0), len(ids) - 1), ids.pop(here))
    order(workspace=by.workspace, ids=ids, by=by, at=at)


def _known(details: dict[str, object]) -> None:
    unknown = set(details) - set(FIELDS)
    if unknown:
        raise ValueError(f"not details of a service: {', '.join(sorted(unknown))}")


def _free_key(workspace: Workspace, name: str) -> str:
    base = slugify(name)[:50] or "service"
    taken = set(Service.objects.of(workspace).filter(key__startswith=base).values_list("key", flat=True))
    return next(key for key in (base, *(f"{base}-{n}" for n in range(2, len(taken) + 3))) if key not in taken)
