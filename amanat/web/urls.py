from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from amanat.web import views

app_name = "web"
urlpatterns: list[URLPattern | URLResolver] = [
    path("manifest.webmanifest", views.manifest, name="manifest"),
    path("sw.js", views.service_worker, name="service_worker"),
    path("offline/", views.offline, name="offline"),
    path("theme/", views.switch_theme, name="theme"),
    path("language/", views.switch_language, name="language"),
]
if settings.DEBUG:
    urlpatterns += [path("styleguide/", include("amanat.web.styleguide"))]
