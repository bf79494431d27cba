"""Contacts and companies, what hangs on them, and the tables of lists, search, import and merge.

A lead is a contact in a stage with a source, not another copy of a person. The tables stand in `models_*`, by subject; everything
else takes them from here.
"""

from __future__ import annotations

from amanat.people.models_merging import LikelyDuplicate, Merge, NotDuplicate
from amanat.people.models_reach import Address, Email, Phone, Reach
from amanat.people.models_records import (
    BIN,
    BIN_DAYS,
    NEVER,
    NO_DAY,
    Company,
    Contact,
    Record,
    RecordManager,
    RecordQuerySet,
    Source,
)
from amanat.people.models_timeline import Attachment, Interaction, SearchEntry
from amanat.people.models_transfer import ExportRun, ImportChange, ImportProblem, ImportRun
from amanat.people.models_words import CustomField, SavedView, Stage, Tag

__all__ = [
    "BIN", "BIN_DAYS", "NEVER", "NO_DAY", "Address", "Attachment", "Company", "Contact", "CustomField", "Email", "ExportRun",
    "ImportChange", "ImportProblem", "ImportRun", "Interaction", "LikelyDuplicate", "Merge", "NotDuplicate", "Phone", "Reach", "Record",
    "RecordManager", "RecordQuerySet", "SavedView", "SearchEntry", "Source", "Stage", "Tag",
]  # fmt: skip
