"""What these tables hold about people, field by field."""

from __future__ import annotations

from amanat.core.personal_data import Held

HELD: list[Held] = []
