"""The addresses of the web package with the style guide, whatever DEBUG says."""

from django.conf import settings
from django.urls import include, path

urlpatterns = [path("", include("amanat.web.urls"))]
if not settings.DEBUG:
    urlpatterns += [path("styleguide/", include("amanat.web.styleguide"))]
