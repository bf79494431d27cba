"""Routes of publishing: the public pages of every workspace's policy, and of the installation's own."""

from __future__ import annotations

from amanat.accounts.access import anyone
from amanat.core.routes import route
from amanat.publishing import editing_urls
from amanat.publishing import public_views as views

app_name = "publishing"
_HERE = "w/<uuid:workspace_id>/privacy/"
_OWN = views.installation

urlpatterns = [
    *editing_urls.urlpatterns,
    route(_HERE, views.policy, name="public_policy", rule=anyone),
    route(f"{_HERE}versions/", views.policy_versions, name="public_versions", rule=anyone),
    route(f"{_HERE}versions/feed.xml", views.feed, name="public_feed", rule=anyone),
    route(f"{_HERE}versions/<int:number>/", views.version, name="public_version", rule=anyone),
    route(f"{_HERE}status/", views.status, name="public_status", rule=anyone),
    route(f"{_HERE}status.json", views.status_json, name="public_status_json", rule=anyone),
    route(f"{_HERE}recipients/", views.recipients, name="public_recipients", rule=anyone),
    route(f"{_HERE}policy.json", views.policy_json, name="public_json", rule=anyone),
    route("legal/privacy", _OWN(views.policy), name="own_policy", rule=anyone),
    route("legal/privacy/versions", _OWN(views.policy_versions), name="own_versions", rule=anyone),
    route("legal/privacy/feed.xml", _OWN(views.feed), name="own_feed", rule=anyone),
    route("legal/status", _OWN(views.status), name="own_status", rule=anyone),
    route("legal/subprocessors", _OWN(views.recipients), name="own_recipients", rule=anyone),
    route(".well-known/privacy-policy.json", _OWN(views.policy_json), name="own_policy_json", rule=anyone),
    route(".well-known/gpc.json", views.privacy_control, name="privacy_control", rule=anyone),
]
