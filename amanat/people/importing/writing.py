"""One batch of rows written as a whole: a handful of statements for a thousand rows.

What is there already keeps its values and gains what it lacks; only when the person said that the file wins are values replaced.
Every change of a record that was there before is kept in `ImportChange`, so that the import can be taken back.
"""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from amanat.core import ids, phones, tally
from amanat.people import timeline
from amanat.people.importing import again, entries, links, reaches, refusals, rowsets
from amanat.people.importing.drafts import Draft
from amanat.people.importing.links import Links
from amanat.people.importing.matching import Everyone, Known, names_agree
from amanat.people.importing.readings import Counts, Reading, Rules, insert_problems
from amanat.people.importing.references import folded
from amanat.people.importing.values import Problem
from amanat.people.models import (
    Address,
    Company,
    Contact,
    Email,
    ImportChange,
    ImportRun,
    Interaction,
    Phone,
    SearchEntry,
)

_FILLED = {
    "contact": ("job_title", "language", "birthday", "company_id", "stage_id"),
    "company": ("gstin", "website", "industry"),
}
_FILLED_OF_BOTH = ("owner_id", "team_id", "external_id", "notes", "follow_up_on")
_DERIVED = ("name", "sort_name", "tag_ids", "custom", "updated_at", "source_detail")


class Batch:
    """Writes the rows of one batch; needs the transaction that also moves the position of the run."""

    def __init__(
        self, run: ImportRun, rules: Rules, links: Links, *, notes_moves: bool = False, seen: again.Seen | None = None
    ) -> None:
        """`notes_moves`: rows that follow point at these by the ids they have in the file. `seen`: what stood in the batches before."""
        self.run = run
        self.rules = rules
        self.links = links
        self.references = links.references
        self.notes_moves = notes_moves
        self.kind = Contact if rules.on == "contact" else Company
        self.at = links.at
        self.counts = Counts()
        self.everyone = Everyone(self.kind, run_id=str(run.pk), names_must_agree=rules.names_must_agree)
        self.again = again.Again(str(run.pk), run.file_name[:200], again.Seen(seen or ()))
        self.namesakes = 0  #: added people of whom nothing but the name is known, which somebody had before
        self.new: list[Known] = []
        self.changed: dict[str, Known] = {}
        self.moved: dict[str, str] = {}
        self.companies: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self.people: list[UUID] = []  #: contacts of the batch, new ones and those that were here

    @property
    def workspace_id(self) -> UUID:
        return self.run.workspace_id

    def write(self, readings: list[Reading]) -> Counts:
        usable = [reading for reading in readings if reading.draft is not None]
        drafts = [reading.draft for reading in usable if reading.draft is not None]
        if self.rules.existing != "add" or any(draft.external_id for draft in drafts):
            brought = self.again.load(drafts, workspace_id=self.workspace_id) if self._knows_again else set()
            self.everyone.load(drafts, workspace_id=self.workspace_id, besides=brought)
        self._need_references(drafts)
        if self.kind is Contact:
            self.refused = refusals.among(drafts, workspace_id=self.workspace_id)
        for reading in readings:
            if reading.draft is None:
                self.counts.count_lost(reading)
            else:
                self._take(reading, reading.draft)
        self._insert_new()
        self._update_changed()
        self._insert_reaches()
        links.note_moved(self.run, self.moved)
        insert_problems(self.run, readings)
        return self.counts

    def remember(self, drafts: list[Draft]) -> None:
        """Whom these rows meant, which were written before the worker died, so that no later row means them again."""
        nameless = [draft for draft in drafts if again.is_nameless(draft)]
        if nameless and self._knows_again:
            brought = self.again.load(nameless, workspace_id=self.workspace_id)
            self.everyone.load([], workspace_id=self.workspace_id, besides=brought)
            self._need_references(nameless)
            for draft in nameless:
                self.again.find(draft, self.everyone.by_id, company_id=self._company_id(draft))

    @property
    def _knows_again(self) -> bool:
        return self.kind is Contact and self.rules.existing != "add"

    def _need_references(self, drafts: list[Draft]) -> None:
        tags = {tag for draft in drafts for tag in draft.tags}
        if self.rules.tag:
            tags.add(self.rules.tag)
        self.references.need_tags(tags)
        if self.kind is Contact:
            named = {folded(draft.company): draft.company for draft in drafts if draft.company}
            gstins = {folded(draft.company): draft.gstin for draft in drafts if draft.company and draft.gstin}
            self.references.need_companies(named, gstins)
            self.companies = self.links.resolved(Company, [draft.company_id for draft in drafts], alive=True)

    def _take(self, reading: Reading, draft: Draft) -> None:
        if self.rules.existing == "add":
            if self.everyone.by_external_id(draft.external_id) is not None:
                self._fail(
                    reading, "external_id", draft.external_id, _("There is somebody with this external id already.")
                )
                return
            known = None
        else:
            known = self.everyone.find(draft)
            if known is None and self._knows_again:
                known = self.again.find(draft, self.everyone.by_id, company_id=self._company_id(draft))
                self.namesakes += known is None and self.again.is_namesake(draft)
        reason = self._why_not(draft) if known is None else ""
        if reason:
            reading.cells = ["" for _cell in reading.cells]
            self._fail(reading, "", "", reason)
            return
        values = self._values(reading, draft)
        if known is None:
            known = self._add(draft, values)
            self.counts.created += 1
        elif self.rules.existing == "skip":
            self.counts.skipped += 1
        elif self._is_somebody_else(known, draft):
            reason = _(
                "The phone or e-mail belongs to “%(name)s” here. If families share phones, say so and import again."
            )
            self._fail(reading, "name", draft.name, reason % {"name": known.row["name"]})
        elif self._change(known, draft, values):
            self.counts.updated += 1
        else:
            self.counts.unchanged += 1
        if self.notes_moves and draft.our_id and draft.our_id != known.id and not reading.is_lost:
            self.moved[draft.our_id] = known.id
        if self.kind is Contact and not reading.is_lost:
            self.people.append(UUID(str(known.id)))

    def _is_somebody_else(self, known: Known, draft: Draft) -> bool:
        """Found by a number alone, under a name that has nothing in common: her values must not be filled with his."""
        if (
            self.rules.file_wins
            or known.id == draft.our_id
            or (draft.external_id and known.row["external_id"] == draft.external_id)
        ):
            return False
        return not _is_stand_in(known) and not names_agree(str(known.row["name"]), draft.name)

    def _why_not(self, draft: Draft) -> str:
        """Why nobody new may be made of this row, or ""."""
        if not self.refused:
            return ""
        return next((self.refused[one] for one in refusals.addresses_of(draft) if one in self.refused), "")

    def _fail(self, reading: Reading, column: str, value: str, reason: str) -> None:
        reading.fail(column, value, reason)
        self.counts.failed += 1

    def _values(self, reading: Reading, draft: Draft) -> dict[str, Any]:
        """Columns that `draft` says something about, references as ids."""
        references, rules = self.references, self.rules
        values: dict[str, Any] = {
            "external_id": draft.external_id,
            "notes": draft.notes,
            "follow_up_on": draft.follow_up_on,
            "owner_id": references.members.get(draft.owner.casefold()) if draft.owner else None,
            "team_id": references.teams.get(draft.team.casefold()) if draft.team else None,
        }
        if draft.owner and not values["owner_id"]:
            reading.problems.append(
                Problem("owner", draft.owner, _("No member of this workspace has this e-mail address."))
            )
        if draft.team and not values["team_id"]:
            reading.problems.append(Problem("team", draft.team, _("There is no team of this name.")))
        values["owner_id"] = values["owner_id"] or rules.owner_id
        values["team_id"] = values["team_id"] or rules.team_id
        if self.kind is Company:
            return values | {"gstin": draft.gstin, "website": draft.website, "industry": draft.industry}
        stage_id = references.stage(draft.stage) if draft.stage else None
        if draft.stage and stage_id is None:
            reading.problems.append(Problem("stage", draft.stage, _("There is no stage of this name.")))
        return values | {
            "job_title": draft.job_title,
            "language": draft.language,
            "birthday": draft.birthday,
            "company_id": self._company_id(draft),
            "stage_id": stage_id or rules.stage_id,
        }

    def _company_id(self, draft: Draft) -> str | None:
        """The firm itself when the file says which one; otherwise the one of that name."""
        if draft.company_id in self.companies:
            return self.companies[draft.company_id]
        return self.references.companies[folded(draft.company)] if draft.company else None

    def _tag_ids(self, draft: Draft) -> list[str]:
        names = [*draft.tags, self.rules.tag] if self.rules.tag else draft.tags
        return list(dict.fromkeys(self.references.tags[name.casefold()[:60]] for name in names))

    def _own_id(self, draft: Draft) -> str:
        """The id it had when we wrote it, unless what it named was erased for good here."""
        is_free = draft.our_id and self.rules.existing != "add"
        return draft.our_id if is_free and not self.references.was_erased(self.kind, draft.our_id) else ids.text()

    def _add(self, draft: Draft, values: dict[str, Any]) -> Known:
        name = draft.shown_name[:200]
        row = {
            "id": self._own_id(draft),
            "name": name,
            "sort_name": entries.sort_name(name),
            "tag_ids": self._tag_ids(draft) if draft.tags or self.rules.tag else [],
            "source": "file",
            "source_detail": draft.source_detail or ("" if draft.our_id else self.run.file_name[:200]),
            "custom": draft.custom,
            "created_at": draft.created_at or self.at,
            "created_by_id": str(self.run.created_by_id) if self.run.created_by_id else None,
            "updated_at": self.at,
            "import_run_id": str(self.run.pk),
            **values,
        }
        if self.kind is Contact:
            row["main_phone"] = draft.phones[0].number if draft.phones else ""
            row["main_email"] = draft.emails[0].address if draft.emails else ""
        known = Known(row, is_new=True, our_id=draft.our_id)
        self.new.append(known)
        reaches.add(known, draft, holder=self.everyone.holder, at=self.at)
        self.everyone.add(known)
        return known

    def _change(self, known: Known, draft: Draft, values: dict[str, Any]) -> bool:
        known.remember()
        row, wins = known.row, self.rules.file_wins
        changed = self._bring_back(known)
        changed |= self._change_name(known, draft)
        for column in (*_FILLED[self.rules.on], *_FILLED_OF_BOTH):
            value = values.get(column)
            if value and row.get(column) != value and (wins or not row.get(column)):
                row[column] = value
                changed = True
        for key, value in draft.custom.items():
            if row["custom"].get(key) != value and (wins or row["custom"].get(key) in (None, "", [])):
                row["custom"][key] = value
                changed = True
        tags = (
            [tag for tag in self._tag_ids(draft) if tag not in row["tag_ids"]] if draft.tags or self.rules.tag else []
        )
        if tags:
            row["tag_ids"] = [*row["tag_ids"], *tags]
            changed = True
        if reaches.add(known, draft, holder=self.everyone.holder, at=self.at):
            changed = True
            if self.kind is Contact:
                row["main_phone"] = row["main_phone"] or next(iter(known.phones), "")
                row["main_email"] = row["main_email"] or next(iter(known.emails), "")
        if changed:
            self.everyone.extend(known)
            if not known.is_new:
                self.changed[known.id] = known
        return changed

    def _bring_back(self, known: Known) -> bool:
        """Out of the bin, when its own row of our own file says that it is to be here."""
        if known.row.get("deleted_at") is None:
            return False
        known.row["deleted_at"] = known.row["deleted_by_id"] = None
        self.everyone.add(known)
        return True

    def _change_name(self, known: Known, draft: Draft) -> bool:
        row, name = known.row, draft.name[:200]
        if not name or row["name"] == name or not (self.rules.file_wins or _is_stand_in(known)):
            return False
        row["name"], row["sort_name"] = name, entries.sort_name(name)
        return True

    # --- statements ------------------------------------------------------------------------------------------------

    def _insert_new(self) -> None:
        if not self.new:
            return
        here = self.workspace_id
        rowsets.insert(self.kind, [known.row for known in self.new], workspace_id=here)
        rowsets.insert(SearchEntry, [self._entry(known) for known in self.new], workspace_id=here)
        said = timeline.columns("created", timeline.say("imported", file=self.run.file_name))
        rowsets.insert(
            Interaction,
            [
                {
                    "id": ids.text(),
                    self.everyone.holder: known.id,
                    "happened_at": self.at,
                    "kind": "created",
                    "actor_id": known.row["created_by_id"],
                    **said,
                    "body": "",
                    "reference_kind": "people.ImportRun",
                    "reference_id": known.row["import_run_id"],
                }
                for known in self.new
            ],
            workspace_id=here,
        )
        tally.add("contacts" if self.kind is Contact else "companies", len(self.new), workspace=here)

    def _entry(self, known: Known) -> dict[str, Any]:
        return entries.entry(self.rules.on, known.row, phones=known.phones, emails=known.emails)

    def _update_changed(self) -> None:
        if not self.changed:
            return
        here, run_id = self.workspace_id, str(self.run.pk)
        columns = ["id", *_DERIVED, *_FILLED_OF_BOTH, *_FILLED[self.rules.on], "deleted_at", "deleted_by_id"]
        columns += ["main_phone", "main_email"] if self.kind is Contact else []
        changes = []
        for known in self.changed.values():
            assert known.was is not None
            if known.row["import_run_id"] != run_id:
                differing = [column for column in columns if known.row[column] != known.was[column]]
                changes.append(
                    {
                        "id": ids.text(),
                        "run_id": run_id,
                        "record_kind": self.rules.on,
                        "record_id": known.id,
                        "before": {column: known.was[column] for column in differing},
                        "after": {column: known.row[column] for column in differing}
                        | {
                            "phones": [row["id"] for row in known.new_phones],
                            "emails": [row["id"] for row in known.new_emails],
                            "addresses": [row["id"] for row in known.new_addresses],
                        },
                    }
                )
            known.row["updated_at"] = max(str(known.row["updated_at"]), self.at)
        ordered = sorted(self.changed.values(), key=lambda known: known.id)
        rowsets.update(
            self.kind, [{column: known.row[column] for column in columns} for known in ordered], workspace_id=here
        )
        back = {known.id for known in ordered if known.was and known.was["deleted_at"] is not None}
        found_by = [self._entry(known) for known in ordered]
        rowsets.update(SearchEntry, [row for row in found_by if row["id"] not in back], workspace_id=here)
        rowsets.insert(SearchEntry, [row for row in found_by if row["id"] in back], workspace_id=here)
        tally.add("contacts" if self.kind is Contact else "companies", len(back), workspace=here)
        rowsets.insert(ImportChange, changes, workspace_id=here)

    def _insert_reaches(self) -> None:
        everyone = [*self.new, *self.changed.values()]
        here = self.workspace_id
        rowsets.insert(Phone, [row for known in everyone for row in known.new_phones], workspace_id=here)
        rowsets.insert(Email, [row for known in everyone for row in known.new_emails], workspace_id=here)
        rowsets.insert(Address, [row for known in everyone for row in known.new_addresses], workspace_id=here)


def _is_stand_in(known: Known) -> bool:
    """Whether its name is only its phone or e-mail, for want of a name."""
    name = known.row["name"]
    return name in known.emails or any(name == phones.national(number) for number in known.phones)
