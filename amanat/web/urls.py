from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from amanat.core.routes import anyone, route
from amanat.web import views

app_name = "web"
urlpatterns: list[URLPattern | URLResolver] = [
    route("manifest.webmanifest", views.manifest, name="manifest", rule=anyone),
    route("sw.js", views.service_worker, name="service_worker", rule=anyone),
    route("offline/", views.offline, name="offline", rule=anyone),
    route("theme/", views.switch_theme, name="theme", rule=anyone, methods=["POST"]),
    route("language/", views.switch_language, name="language", rule=anyone, methods=["POST"]),
]
if settings.DEBUG:
    urlpatterns += [path("styleguide/", include("amanat.web.styleguide"))]
