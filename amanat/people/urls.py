"""Routes of people."""

from __future__ import annotations

from django.urls import URLPattern

from amanat.people import transfer_urls

app_name = "people"
urlpatterns: list[URLPattern] = [*transfer_urls.urlpatterns]
