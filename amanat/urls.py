"""All routes. Each was declared with `core.routes.route`; a system check stops the start otherwise."""

from __future__ import annotations

from django.urls import include, path

from amanat.core import health
from amanat.core.routes import anyone, route
from amanat.messaging.channels.urls import CALLED

handler404 = "amanat.core.routes.not_found"

urlpatterns = [
    CALLED,  # it has its name among the routes of messaging, too
    route("healthz", health.healthz, name="healthz", rule=anyone),
    path("", include("amanat.web.urls")),
    path("", include("amanat.accounts.urls")),
    path("", include("amanat.accounts.oversight_urls")),
    path("", include("amanat.publishing.urls")),
    path("", include("amanat.people.urls")),
    path("", include("amanat.basis.urls")),
    path("", include("amanat.desk.urls")),
    path("", include("amanat.messaging.urls")),
    path("", include("amanat.privacy.urls")),
    path("", include("amanat.proof.urls")),
    path("", include("amanat.api")),
]
