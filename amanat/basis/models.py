"""Acts: what people agreed to, refused, took back, objected to, and what must not be written to; how it was asked; who read.

Each row says who, what, when and by which way, and is never changed. Acts outlive the contact they are about as proof: `contact` is taken
off when the contact goes, and `principal`, a keyed hash, stays. The tables stand in `models_*`, by subject; everything else takes them
from here.
"""

from __future__ import annotations

from amanat.basis.models_acts import (
    Act,
    Asking,
    ConsentRecord,
    Decision,
    Guardianship,
    Method,
    Notice,
    Objection,
    Passcode,
    Restriction,
    Suppression,
)
from amanat.basis.models_capture import PublicForm, Submission
from amanat.basis.models_reading import Opening, Withholding
from amanat.basis.models_telling import Telling

__all__ = [
    "Act", "Asking", "ConsentRecord", "Decision", "Guardianship", "Method", "Notice", "Objection", "Opening", "Passcode", "PublicForm",
    "Restriction", "Submission", "Suppression", "Telling", "Withholding",
]  # fmt: skip
