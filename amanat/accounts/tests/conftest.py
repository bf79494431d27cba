"""In these tests mails are kept in the outbox, as on a site without a mail server, instead of Django's list in memory."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _kept_mails(settings: Any) -> None:
    settings.MAILERS = {"default": {"BACKEND": "amanat.core.outbox.EmailBackend"}}
