"""What this part adds to the site: the function of the database that closes a workspace, pages, words of the ledger, probes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from amanat.accounts import access, greeting
from amanat.accounts.permissions import May
from amanat.core import ledger_words, schema
from amanat.privacy.closing import schema as sql
from amanat.privacy.closing import users
from amanat.web import navigation
from amanat.web.navigation import Entry

SENTENCES = {
    "workspaces.workspace.closing": _("Workspace closed by its owner"),
    "workspaces.workspace.kept": _("Closing of the workspace taken back"),
    "workspaces.files.taken": _("All papers and files taken along"),
    "accounts.user.erased": _("Account of a user deleted"),
}
TABLES = {"privacy.WorkspaceClosure": _("closing of the workspace")}


def register() -> None:
    """Called once, when the site starts."""
    schema.add_sql("closing.close_workspace", sql.close_workspace())
    schema.add_definer_function(
        "close_workspace", "deletes all rows of the transaction's workspace, when its closing is due"
    )
    ledger_words.register(SENTENCES, TABLES)
    # Taking everything along, and taking it back.
    access.stays_open(
        "workspace_keep", "workspace_close", "workspace_files", "export_workspace", "export_take", "export_again", "verify"
    )  # fmt: skip
    greeting.also(users.welcome)
    navigation.register(
        Entry("workspace", 90, _("Close"), "log-out", "privacy:workspace_close", May.MANAGE_POLICY.value)
    )
