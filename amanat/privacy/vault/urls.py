"""Routes."""

from __future__ import annotations

from django.urls import URLPattern

from amanat.accounts.access import members
from amanat.accounts.pages import act, form
from amanat.accounts.permissions import May
from amanat.privacy.vault import views

_answers = members(May.ANSWER_REQUESTS)

urlpatterns: list[URLPattern] = [
    form("retention/vault/", views.store, "vault", _answers, "privacy.vault.asked"),
    act(
        "retention/vault/<uuid:vault_release_id>/allow/",
        views.allow,
        "vault_allow",
        _answers,
        "privacy.vault.allowed",
        fresh=True,
    ),
    act(
        "retention/vault/<uuid:vault_release_id>/refuse/",
        views.refuse,
        "vault_refuse",
        _answers,
        "privacy.vault.refused",
    ),
    act(
        "retention/vault/<uuid:vault_release_id>/open/",
        views.open_once,
        "vault_open",
        _answers,
        "privacy.vault.opened",
        fresh=True,
    ),
]
