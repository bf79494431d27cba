"""Routes of privacy: those of its parts."""

from __future__ import annotations

from amanat.privacy.closing.urls import urlpatterns as closing
from amanat.privacy.copies.urls import urlpatterns as copies
from amanat.privacy.erasure.urls import urlpatterns as erasure
from amanat.privacy.incidents.urls import urlpatterns as incidents
from amanat.privacy.registers.urls import urlpatterns as registers
from amanat.privacy.requests.urls import urlpatterns as requests
from amanat.privacy.retention.urls import urlpatterns as retention
from amanat.privacy.vault.urls import urlpatterns as vault

app_name = "privacy"
urlpatterns = [*retention, *vault, *closing, *erasure, *copies, *requests, *incidents, *registers]
