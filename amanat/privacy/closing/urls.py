"""Routes."""

from __future__ import annotations

from django.urls import URLPattern

from amanat.accounts.access import members, signed_in
from amanat.accounts.pages import act, form
from amanat.accounts.permissions import May
from amanat.privacy.closing import views

_owner = members(May.MANAGE_POLICY)

urlpatterns: list[URLPattern] = [
    form("account/close/", views.account, "account_close", signed_in, fresh=True),
    act("account/take/", views.take_account, "account_take", signed_in, fresh=True),
    form("settings/close/", views.workspace, "workspace_close", _owner, "workspaces.workspace.closing", fresh=True),
    act("settings/close/files/", views.take_files, "workspace_files", _owner, "workspaces.files.taken", fresh=True),
    act("settings/close/keep/", views.keep_workspace, "workspace_keep", _owner, "workspaces.workspace.kept"),
]
