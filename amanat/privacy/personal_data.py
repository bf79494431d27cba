"""What privacy holds about people, field by field: the declarations of its parts."""

from __future__ import annotations

from amanat.core.personal_data import Held
from amanat.privacy.closing import personal_data as closing
from amanat.privacy.copies import personal_data as copies
from amanat.privacy.erasure import personal_data as erasure
from amanat.privacy.incidents import personal_data as incidents
from amanat.privacy.registers import personal_data as registers
from amanat.privacy.requests import personal_data as requests
from amanat.privacy.retention import personal_data as retention
from amanat.privacy.vault import personal_data as vault

HELD: list[Held] = [
    *retention.HELD,
    *vault.HELD,
    *closing.HELD,
    *erasure.HELD,
    *copies.HELD,
    *requests.HELD,
    *incidents.HELD,
    *registers.HELD,
]
