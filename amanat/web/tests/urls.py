"""The addresses of the web package with the style guide, for tests."""

from django.urls import include, path

urlpatterns = [
    path("", include("amanat.web.urls")),
    path("styleguide/", include("amanat.web.styleguide")),
]
