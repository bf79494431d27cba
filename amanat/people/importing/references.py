"""What rows of a file name by words: companies, tags, stages, members, teams. Found once an import, made when they are new.

Good for one transaction after the other, until one is rolled back: then it must be made anew, as it may hold ids of rows that are gone.
"""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection

from amanat.accounts.models import Member, Team
from amanat.core import ids, tally, tombstones
from amanat.core.tombstones import Tombstones
from amanat.people.importing import entries, rowsets
from amanat.people.models import Company, Contact, ImportRun, SearchEntry, Stage, Tag

#: A column of free text taken for the stage must not fill the workspace with stages.
MOST_NEW_STAGES = 20


@dataclass(slots=True)
class References:
    """Ids as texts, found by folded words."""

    run: ImportRun
    at: str
    may_make_stages: bool
    companies: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    stages: dict[str, str] = field(default_factory=dict)
    members: dict[str, str] = field(default_factory=dict)
    teams: dict[str, str] = field(default_factory=dict)
    _tombstones: Tombstones | None = None
    new_stages: int = 0
    new_companies: int = 0

    @property
    def workspace_id(self) -> UUID:
        return self.run.workspace_id

    def load(self) -> None:
        """What is few: members, teams, stages. Needs an open transaction, like every method here."""
        here = self.workspace_id
        seats = Member.objects.of(here).filter(ended_at__isnull=True).select_related("user")
        self.members = {seat.user.email.casefold(): str(seat.pk) for seat in seats}
        self.teams = {team.name.casefold(): str(team.pk) for team in Team.objects.of(here)}
        for stage in Stage.objects.of(here):
            self.stages[stage.key.casefold()] = str(stage.pk)
        for stage in Stage.objects.of(here):
            self.stages[stage.name.casefold()] = str(stage.pk)

    def was_erased(self, kind: type[Contact] | type[Company], identity: str) -> bool:
        """Whether the record with this id was erased for good: a restored backup would erase whatever has the id."""
        if self._tombstones is None:
            try:
                self._tombstones = tombstones.read()
            except tombstones.KeyMissing:
                self._tombstones = Tombstones({})
        word = tombstones.Kind.CONTACT if kind is Contact else tombstones.Kind.COMPANY
        return bool(
            len(self._tombstones)
            and self._tombstones.ended_at(word, UUID(identity), workspace_id=self.workspace_id) is not None
        )

    def need_tags(self, names: set[str]) -> None:
        """Make sure that each of `names` has a tag."""
        missing = {name.casefold()[:60]: name[:60] for name in sorted(names) if name.casefold()[:60] not in self.tags}
        if not missing:
            return
        self._find_tags(list(missing))
        absent = [{"id": ids.text(), "name": name, "key": key} for key, name in missing.items() if key not in self.tags]
        if absent:
            rowsets.insert(Tag, absent, workspace_id=self.workspace_id, ignore_conflicts=True)
            self._find_tags([row["key"] for row in absent])

    def _find_tags(self, keys: list[str]) -> None:
        found = Tag.objects.of(self.workspace_id).filter(key__in=keys).values_list("key", "pk")
        self.tags.update((key, str(pk)) for key, pk in found)

    def stage(self, name: str) -> str | None:
        """The stage's id, made when there are few new ones and whoever imports may; None otherwise."""
        key = name.casefold()
        if key not in self.stages and self.may_make_stages and self.new_stages < MOST_NEW_STAGES:
            identity = ids.text()
            position = len(set(self.stages.values()))
            row = {
                "id": identity,
                "key": f"s{identity[-12:]}",
                "name": name[:60],
                "position": position,
                "is_closed": False,
            }
            rowsets.insert(Stage, [row], workspace_id=self.workspace_id)
            self.stages[key] = identity
            self.new_stages += 1
        return self.stages.get(key)

    def need_companies(self, names: dict[str, str], gstins: dict[str, str]) -> None:
        """Make sure that each company of {folded name: name} is there; `gstins` by folded name goes to new ones."""
        missing = {key: name for key, name in names.items() if key not in self.companies}
        if not missing:
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT name, id FROM people_company WHERE workspace_id = %s AND sort_name = ANY(%s) AND deleted_at IS NULL "
                "ORDER BY id DESC",
                [self.workspace_id, list({entries.sort_name(name) for name in missing.values()})],
            )
            for name, identity in cursor.fetchall():
                self.companies[folded(name)] = str(identity)
        new = {key: name for key, name in missing.items() if key not in self.companies}
        rows = [self._company(name, gstins.get(key, "")) for key, name in new.items()]
        rowsets.insert(Company, rows, workspace_id=self.workspace_id)
        found_by = [entries.entry("company", row) for row in rows]
        rowsets.insert(SearchEntry, found_by, workspace_id=self.workspace_id)
        tally.add("companies", len(rows), workspace=self.workspace_id)
        self.new_companies += len(rows)
        self.companies.update((key, row["id"]) for key, row in zip(new, rows, strict=True))

    def _company(self, name: str, gstin: str) -> dict[str, Any]:
        return {
            "id": ids.text(),
            "name": name,
            "sort_name": entries.sort_name(name),
            "tag_ids": [],
            "source": "file",
            "source_detail": self.run.file_name[:200],
            "external_id": "",
            "notes": "",
            "custom": {},
            "created_at": self.at,
            "created_by_id": str(self.run.created_by_id) if self.run.created_by_id else None,
            "updated_at": self.at,
            "import_run_id": str(self.run.pk),
            "gstin": gstin,
            "website": "",
            "industry": "",
        }


def folded(name: str) -> str:
    """What makes two company names one: case and spaces do not count."""
    return " ".join(name.casefold().split())
