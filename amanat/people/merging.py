"""Two records made one, and taken apart again.

Everything that points at the one that goes is moved to the one that stays: every foreign key of every package (`people.pointing`), so a
table added later is covered. Where a rule of uniqueness forbids a second row (the same phone on both), the row of the one that goes is
kept aside in `Merge.before` instead. That also holds both records as they were and what was moved; `undo` puts it all back and says what
it could not, because somebody changed it since. The rows are locked in the order of their ids, so merges that cross wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection, models, transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.accounts.permissions import May
from amanat.core import ledger, tally
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow
from amanat.people import bin as deleted
from amanat.people import duplicates, pointing, timeline
from amanat.people.importing import entries, rowsets
from amanat.people.models import BIN, Address, Company, Contact, Email, Interaction, Merge, Phone, SearchEntry

Kind = type[Contact] | type[Company]
type Person = Contact | Company

#: What one chooses, by kind, in the order of the page. Phones, e-mails, addresses, tags and custom fields come besides.
FIELDS: dict[str, tuple[str, ...]] = {
    "contact": (
        "name", "company_id", "job_title", "stage_id", "language", "birthday", "owner_id", "team_id", "follow_up_on", "external_id", "notes",
    ),
    "company": (
        "name", "gstin", "website", "industry", "owner_id", "team_id", "follow_up_on", "external_id", "notes",
    ),
}  # fmt: skip
KEEP, GONE, BOTH = "keep", "gone", "both"
_NOTES = 10_000
_PLACES = ("street", "locality", "city", "district", "state", "postal_code", "country")


class MergeRefused(Exception):
    """The merge or its undoing cannot be done; the text says why."""


#: Called with the record that stays and the one that goes, before anything is moved.
type Uniting = Callable[[Person, Person], None]
#: Called with the merge once it is undone and both records stand again.
type Parting = Callable[[Merge], None]
_uniting: list[Uniting] = []
_parting: list[Parting] = []


def also(*, before: Uniting, after_undoing: Parting) -> None:
    """Let a package above join what both records have and only one may have, and part it again. Called in AppConfig.ready()."""
    if before not in _uniting:
        _uniting.append(before)
        _parting.append(after_undoing)


@dataclass(slots=True)
class _Moved:
    """What left the one that goes: ids by "app.Model.column", and the rows kept aside by "app.Model"."""

    ids: dict[str, list[str]] = field(default_factory=dict)
    aside: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    positions: dict[str, dict[str, int]] = field(default_factory=dict)


def merge(*, keep: Person, gone: Person, choices: Mapping[str, str], by: Member, at: datetime) -> Merge:
    """Make `gone` a part of `keep`. `choices` says per field whose value counts: "keep", "gone", or "both" for notes; custom fields
    are called "custom-<key>". A field that is not named takes the one value there is, or that of `keep`. Raises MergeRefused.
    """
    model = type(keep)
    if not by.may(May.MERGE_CONTACTS):
        raise MergeRefused(_("You may not merge contacts."))
    if type(gone) is not model or keep.pk == gone.pk or keep.workspace_id != gone.workspace_id:
        raise MergeRefused(_("Choose two different records of one kind."))
    here, kind = keep.workspace_id, _kind(model)
    with transaction.atomic():
        _lock(model, (keep.pk, gone.pk), by=by)
        before = {row["id"]: row for row in rowsets.as_json(model, (keep.pk, gone.pk), workspace_id=here)}
        kept, lost = before[str(keep.pk)], before[str(gone.pk)]
        after = _united(kind, kept, lost, choices, at)
        moved = _Moved()
        for unite in _uniting:
            unite(keep, gone)
        for other, column in pointing.at(model):
            _move(moved, other, column, keep=keep, gone=gone)
        # Its external id must be free before the other one may have it.
        _delete(model, gone)
        _write_first_reaches(model, after, here)
        rowsets.update(model, [{name: after[name] for name in sorted(_changing(kind))}], workspace_id=here)
        line = timeline.record(
            workspace=here, kind="merge", happened_at=at, actor=by,
            summary=timeline.say("merged", name=lost["name"]),
            contact=keep if model is Contact else None, company=keep if model is Company else None,
        )  # fmt: skip
        merged = Merge.objects.create(
            workspace_id=here, kind=kind, kept_id=keep.pk, gone_id=gone.pk, merged_at=at, merged_by=by,
            before={
                "keep": kept, "gone": lost, "after": {name: after[name] for name in _changing(kind)}, "line": str(line.pk),
                "moved": moved.ids, "aside": moved.aside, "positions": moved.positions,
            },
        )  # fmt: skip
        deleted.index(model, here, [keep.pk])
        duplicates.forget([gone.pk], workspace=here)
        tally.add(deleted.counted(model), -1, workspace=here)
        ledger.write(f"people.{kind}.merged", workspace=here, by=by, about=keep, at=at, gone=str(gone.pk), count=1)
    return merged


def _kind(model: Kind) -> str:
    return "contact" if model is Contact else "company"


def _lock(model: Kind, ids: Sequence[UUID], *, by: Member) -> None:
    here = by.workspace_id
    found = model.objects.of(here).alive().filter(pk__in=ids).order_by("id").select_for_update(of=("self",))
    locked = list(found.values_list("pk", "owner_id", "team_id"))
    teams = set() if by.sees_all else set(by.team_ids)
    visible = [pk for pk, owner, team in locked if by.sees_all or owner == by.pk or team in teams]
    if len(visible) != len(set(ids)):
        raise MergeRefused(_("One of the two is not there any more. Somebody may have merged or deleted it."))


def _changing(kind: str) -> set[str]:
    columns = {"id", "sort_name", "tag_ids", "custom", "created_at", "updated_at", "last_contact_at", *FIELDS[kind]}
    return columns | ({"main_phone", "main_email"} if kind == "contact" else set())


def _united(
    kind: str, kept: Mapping[str, Any], lost: Mapping[str, Any], choices: Mapping[str, str], at: datetime
) -> dict[str, Any]:
    """The columns of the record that stays."""
    after = dict(kept)
    for name in FIELDS[kind]:
        after[name] = _chosen(kept[name], lost[name], choices.get(name, ""))
    if kept["notes"] and lost["notes"] and kept["notes"] != lost["notes"] and choices.get("notes", BOTH) == BOTH:
        after["notes"] = f"{kept['notes']}\n\n{lost['notes']}"[:_NOTES]
    after["custom"] = {
        key: value
        for key in {**lost["custom"], **kept["custom"]}
        if (value := _chosen(kept["custom"].get(key), lost["custom"].get(key), choices.get(f"custom-{key}", "")))
        is not None
    }
    after["tag_ids"] = list(dict.fromkeys([*kept["tag_ids"], *lost["tag_ids"]]))
    after["sort_name"] = entries.sort_name(after["name"])
    after["created_at"] = min(kept["created_at"], lost["created_at"])
    after["last_contact_at"] = max(filter(None, (kept["last_contact_at"], lost["last_contact_at"])), default=None)
    after["updated_at"] = _as_stored(at)
    return after


def _as_stored(at: datetime) -> str:
    """The moment as PostgreSQL's to_jsonb writes it, without closing zeros, so that texts can be compared."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".") + "+00:00"


def _chosen(kept: Any, lost: Any, choice: str) -> Any:
    if choice == GONE:
        return lost
    if choice == KEEP:
        return kept
    return lost if kept in (None, "", []) else kept


def _write_first_reaches(model: Kind, after: dict[str, Any], here: UUID) -> None:
    if model is Contact:
        numbers = Phone.objects.of(here).filter(contact_id=after["id"]).order_by("position", "id")
        after["main_phone"] = numbers.values_list("number", flat=True).first() or ""
        mails = Email.objects.of(here).filter(contact_id=after["id"]).order_by("position", "id")
        after["main_email"] = mails.values_list("address", flat=True).first() or ""


# --- moving --------------------------------------------------------------------------------------------------------


def _move(moved: _Moved, other: type[WorkspaceRow], column: str, *, keep: Person, gone: Person) -> None:
    here = keep.workspace_id
    label = other._meta.label
    twins = _twins(other, column, keep, gone)
    if twins:
        moved.aside.setdefault(label, []).extend(rowsets.as_json(other, twins, workspace_id=here))
        other.objects.of(here).filter(pk__in=twins).delete()
    ids = list(other.objects.of(here).filter(**{column: gone.pk}).values_list("pk", flat=True))
    if not ids:
        return
    moved.ids[f"{label}.{column}"] = [str(pk) for pk in ids]
    if other in {Phone, Email, Address}:
        _move_behind(moved, other, column, keep, gone)
    other.objects.of(here).filter(pk__in=ids).update(**{column: keep.pk})


def _twins(other: type[WorkspaceRow], column: str, keep: Person, gone: Person) -> list[UUID]:
    """Rows of the one that goes that the one that stays has already."""
    name = next(f.name for f in other._meta.local_fields if f.column == column)
    found: set[UUID] = set()
    for constraint in other._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint) and name in constraint.fields:
            others = [one for one in constraint.fields if one not in {name, "workspace_id"}]
            found |= _doubled(other, column, others, keep, gone, constraint.condition)
    if other is Address:
        found |= _doubled(other, column, list(_PLACES), keep, gone, None)
    return sorted(found)


def _doubled(  # noqa: PLR0917
    other: type[WorkspaceRow], column: str, same: Sequence[str], keep: Person, gone: Person, condition: models.Q | None
) -> set[UUID]:
    here = keep.workspace_id
    mine = other.objects.of(here).filter(**{column: gone.pk})
    theirs = other.objects.of(here).filter(**{column: keep.pk}, **{one: OuterRef(one) for one in same})
    if condition is not None:
        mine, theirs = mine.filter(condition), theirs.filter(condition)
    return set(mine.filter(Exists(theirs)).values_list("pk", flat=True))


def _move_behind(moved: _Moved, other: type[WorkspaceRow], column: str, keep: Person, gone: Person) -> None:
    """Phones of the one that goes come after those of the one that stays."""
    table = other._meta.db_table
    rows: Any = other.objects.of(keep.workspace_id)
    moved.positions[other._meta.label] = {
        str(pk): position for pk, position in rows.filter(**{column: gone.pk}).values_list("pk", "position")
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f'UPDATE "{table}" SET position = position + (SELECT coalesce(max(position), -1) + 1 FROM "{table}" '  # noqa: S608
            f'WHERE workspace_id = %s AND "{column}" = %s) WHERE workspace_id = %s AND "{column}" = %s',
            [keep.workspace_id, keep.pk, keep.workspace_id, gone.pk],
        )


def _delete(model: Kind, gone: Person) -> None:
    SearchEntry.objects.of(gone.workspace_id).filter(pk=gone.pk).delete()
    with connection.cursor() as cursor:
        cursor.execute(
            f'DELETE FROM "{model._meta.db_table}" WHERE workspace_id = %s AND id = %s',  # noqa: S608 - our own table
            [gone.workspace_id, gone.pk],
        )


# --- taking apart --------------------------------------------------------------------------------------------------


def undo(*, merge: Merge, by: Member, at: datetime) -> list[str]:
    """Make two of one again. Returns sentences about what could not be undone. Raises MergeRefused."""
    if not by.may(May.MERGE_CONTACTS):
        raise MergeRefused(_("You may not merge contacts."))
    model, here = deleted.KINDS[merge.kind], merge.workspace_id
    with transaction.atomic():
        merge = Merge.objects.of(here).select_for_update().get(pk=merge.pk)
        if merge.undone_at is not None or not merge.before:
            raise MergeRefused(_("This merge was undone before, or is too old to be undone."))
        later = Merge.objects.of(here).filter(gone_id=merge.kept_id, undone_at__isnull=True).exists()
        if later:
            raise MergeRefused(_("This record was merged into another one since. Undo that first."))
        try:
            _lock(model, (merge.kept_id,), by=by)
        except MergeRefused:
            raise MergeRefused(_("The record that was kept is not there any more.")) from None
        told = _restore_kept(model, merge, at)
        _restore_gone(model, merge, told)
        _move_back(merge, told)
        for label, rows in merge.before["aside"].items():
            rowsets.insert(_model(label), rows, workspace_id=here, ignore_conflicts=True)
        for part in _parting:
            part(merge)
        Interaction.objects.of(here).filter(pk=merge.before["line"]).delete()
        _renew(model, merge)
        tally.add(deleted.counted(model), 1, workspace=here)
        Merge.objects.of(here).filter(pk=merge.pk).update(undone_at=at, before={})
        ledger.write(
            f"people.{merge.kind}.unmerged", workspace=here, by=by, about=merge.kept_id, at=at, gone=str(merge.gone_id)
        )
    return told


def _restore_kept(model: Kind, merge: Merge, at: datetime) -> list[str]:
    """Former values where the merge's still stand."""
    before, after = merge.before["keep"], merge.before["after"]
    (now,) = rowsets.as_json(model, (merge.kept_id,), workspace_id=merge.workspace_id)
    changed = []
    row: dict[str, Any] = {"id": before["id"]}
    for name in sorted(after):
        if name == "tag_ids":
            added = set(after[name]) - set(before[name])
            row[name] = [tag for tag in now[name] if tag not in added]
        elif name != "id":
            row[name] = before[name] if now[name] == after[name] else now[name]
            if (
                now[name] != after[name]
                and name not in {"updated_at", "sort_name", "last_contact_at"}
                and before[name] != after[name]
            ):
                changed.append(name)
    row["sort_name"] = entries.sort_name(row["name"])
    if now["updated_at"] != after["updated_at"]:
        row["updated_at"] = _as_stored(at)
    rowsets.update(model, [row], workspace_id=merge.workspace_id)
    return [
        _("“%(field)s” was changed after the merge and stays as it is.")
        % {"field": name.removesuffix("_id").replace("_", " ")}
        for name in changed
    ]


def _restore_gone(model: Kind, merge: Merge, told: list[str]) -> None:
    gone, here = dict(merge.before["gone"]), merge.workspace_id
    for column in model._meta.local_fields:
        if isinstance(column, WorkspaceForeignKey) and gone.get(column.column):
            target: Any = column.related_model
            if not target.objects.of(here).filter(pk=gone[column.column]).exists():
                gone[column.column] = None
                told.append(_("What “%(field)s” named is not there any more.") % {"field": column.name})
    taken = gone["external_id"] and model.objects.of(here).alive().filter(external_id=gone["external_id"]).exists()
    if taken:
        gone["external_id"] = ""
        told.append(_("Another record has the external id now."))
    rowsets.insert(model, [gone], workspace_id=here)


def _move_back(merge: Merge, told: list[str]) -> None:
    here = merge.workspace_id
    missing = 0
    for place, ids in merge.before["moved"].items():
        label, _dot, column = place.rpartition(".")
        model = _model(label)
        back = model.objects.of(here).filter(pk__in=ids, **{column: merge.kept_id}).update(**{column: merge.gone_id})
        missing += len(ids) - back
        rows: Any = model.objects.of(here)
        for pk, position in merge.before["positions"].get(label, {}).items():
            rows.filter(pk=pk).update(position=position)
    if missing:
        told.append(_("%(count)s things were removed or moved since, and stay where they are.") % {"count": missing})


def _renew(model: Kind, merge: Merge) -> None:
    deleted.index(model, merge.workspace_id, [merge.kept_id, merge.gone_id])


def _model(label: str) -> type[WorkspaceRow]:
    found = apps.get_model(label)
    assert issubclass(found, WorkspaceRow)
    return found


def forget_old(workspace: UUID, *, at: datetime) -> int:
    """Empty what merges keep for their undoing, after the days of the bin; the fact of the merge stays."""
    old = Merge.objects.of(workspace).filter(merged_at__lte=at - BIN).exclude(before={})
    return old.update(before={})
