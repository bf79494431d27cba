"""Routes of proof."""

from __future__ import annotations

from django.urls import URLPattern

app_name = "proof"
urlpatterns: list[URLPattern] = []
