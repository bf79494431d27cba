"""What publishing adds to the site: SQL, words of the ledger, links of the public pages."""

from __future__ import annotations

from amanat.core import ledger_words, schema
from amanat.publishing import editing_shell
from amanat.publishing import ledger_words as own_words
from amanat.publishing import schema as own


def register() -> None:
    """Called once, when the site starts."""
    schema.add_sql("workspaces_with_policy_mail", own.WORKSPACES_WITH_POLICY_MAIL)
    schema.add_sql("first_workspace", own.FIRST_WORKSPACE)
    schema.add_sql("policy_in_force", own.POLICY_IN_FORCE)
    schema.add_definer_function(
        "workspaces_with_policy_mail", "ids only, for the job that mails members of a new version"
    )
    schema.add_definer_function("first_workspace", "one id: whose policy is the installation's own")
    ledger_words.register(own_words.SENTENCES, own_words.TABLES)
    editing_shell.register()
