"""The lists of people that an export of the whole workspace has besides contacts and companies: stages, tags, the timeline."""

from collections.abc import Sequence
from uuid import UUID

from django.apps import apps
from django.db import connection
from django.utils.translation import gettext_lazy as _

from amanat.core.tenancy import WorkspaceRow
from amanat.people import timeline
from amanat.people.importing import checking, made, parts
from amanat.people.importing.checking import Column
from amanat.people.importing.links import Links
from amanat.people.importing.parts import Line, Part
from amanat.people.models import Company, Contact, ImportRun, Interaction, Stage, Tag

_POSITIONS = checking.number(-32_768, 32_767)


def _fit_stages(links: Links, lines: Sequence[Line]) -> None:
    known = links.references.stages
    for line in lines:
        key, name = line.row["key"].casefold(), line.row["name"].casefold()
        line.is_known = key in known or name in known
        known |= {key: line.row["id"], name: line.row["id"]}


def _fit_tags(links: Links, lines: Sequence[Line]) -> None:
    keys = {line.row["id"]: line.row["name"].casefold()[:60] for line in lines}
    known = set(Tag.objects.of(links.workspace_id).filter(key__in=keys.values()).values_list("key", flat=True))
    for line in lines:
        line.row["key"] = keys[line.row["id"]]
        line.is_known = line.row["key"] in known
        known.add(line.row["key"])


def _fit_timeline(links: Links, lines: Sequence[Line]) -> None:
    """Lines about nobody who is here are left out; what a line refers to has to be here, or it only tells."""
    contacts = links.resolved(Contact, [line.row["contact_id"] for line in lines])
    companies = links.resolved(Company, [line.row["company_id"] for line in lines])
    here = _referred(links, lines)
    for line in lines:
        row = line.row
        row["contact_id"], row["company_id"] = contacts.get(row["contact_id"]), companies.get(row["company_id"])
        row["actor_id"] = links.member(row.pop("actor_email"))
        if row["reference_id"] and row["reference_id"] not in here:
            row |= {"reference_kind": "", "reference_id": None, "data": {}}
        line.is_nobodys = not row["contact_id"] and not row["company_id"]


def _referred(links: Links, lines: Sequence[Line]) -> set[str]:
    wanted: dict[str, list[str]] = {}
    for line in lines:
        if line.row["reference_id"]:
            wanted.setdefault(line.row["reference_kind"], []).append(line.row["reference_id"])
    found: set[str] = set()
    for label, ids in wanted.items():
        try:
            model = apps.get_model(label)
        except (LookupError, ValueError):
            continue
        if issubclass(model, WorkspaceRow):
            found |= links.here(model, ids)
    return found


def _touch(links: Links, lines: Sequence[Line]) -> None:
    """Calls, messages and the like move "last contact" forward, as when they were written."""
    told = [line.row for line in lines if timeline.kinds.get(line.row["kind"]).is_contact]
    for model, column in ((Contact, "contact_id"), (Company, "company_id")):
        mine = [row for row in told if row[column]]
        if mine:
            with connection.cursor() as cursor:
                cursor.execute(
                    f'UPDATE "{model._meta.db_table}" AS row SET last_contact_at = '  # noqa: S608 - our own table
                    "greatest(row.last_contact_at, new.at) FROM (SELECT id, max(at) AS at FROM "
                    "unnest(%s::uuid[], %s::timestamptz[]) AS line (id, at) GROUP BY id) AS new "
                    "WHERE row.workspace_id = %s AND row.id = new.id",
                    [[row[column] for row in mine], [row["happened_at"] for row in mine], links.workspace_id],
                )


def _undo_timeline(run: ImportRun, ids: Sequence[UUID]) -> set[UUID]:
    made.remove(Interaction, run.workspace_id, ids)
    return set()


_ID = Column("id", checking.identity, needed=True)
_KEPT = (
    Part(
        key="stages", kind="stage", title=_("Stages"), model=Stage, shown="name", order=0, fit=_fit_stages,
        columns=(
            _ID, Column("key", checking.text(30, least=1), needed=True), Column("name", checking.text(60, least=1), needed=True),
            Column("position", _POSITIONS, default=0), Column("is_closed", checking.yes_no, default=False),
        ),
    ),
    Part(
        key="tags", kind="tag", title=_("Tags"), model=Tag, shown="name", order=10, fit=_fit_tags,
        columns=(_ID, Column("name", checking.text(60, least=1), needed=True)),
    ),
    Part(
        key="timeline", kind="line", title=_("Timeline"), model=Interaction, shown="summary", order=90, fit=_fit_timeline,
        follow=_touch, undo=_undo_timeline, undo_order=0,
        columns=(
            _ID, Column("happened_at", checking.moment, needed=True), Column("kind", checking.text(30, least=1), needed=True),
            Column("summary", checking.text(timeline.SUMMARY), default=""), Column("body", checking.text(timeline.BODY), default=""),
            Column("contact_id", checking.identity), Column("company_id", checking.identity),
            Column("actor_email", checking.email), Column("reference_kind", checking.text(40), default=""),
            Column("reference_id", checking.identity), Column("data", checking.facts, default=dict),
        ),
    ),
)  # fmt: skip


def register() -> None:
    for part in _KEPT:
        parts.register(part)
