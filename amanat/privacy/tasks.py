"""Jobs of privacy: imported here, where the worker looks, each defined in its part."""

from __future__ import annotations

from amanat.privacy.copies import tasks as copies
from amanat.privacy.erasure import tasks as erasure
from amanat.privacy.incidents import tasks as incidents
from amanat.privacy.registers import tasks as registers
from amanat.privacy.requests import jobs as requests
from amanat.privacy.retention import tasks as retention

__all__ = ["copies", "erasure", "incidents", "registers", "requests", "retention"]
