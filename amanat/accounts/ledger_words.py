"""Sentences for the ledger entries that this package writes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

SENTENCES = {
    "accounts.invitation.sent": _("Invitation sent"),
    "accounts.invitation.sent_again": _("Invitation sent again"),
    "accounts.invitation.withdrawn": _("Invitation withdrawn"),
    "accounts.member.joined": _("Member joined"),
    "accounts.member.changed": _("Rights of a member changed"),
    "accounts.member.ended": _("Seat of a member ended"),
    "accounts.team.made": _("Team made"),
    "accounts.team.renamed": _("Team renamed"),
    "accounts.team.deleted": _("Team deleted"),
    "accounts.team.members_changed": _("Members of a team changed"),
    "accounts.token.made": _("API token made"),
    "accounts.token.revoked": _("API token revoked"),
    "accounts.token.bulk_read": _("An API token read very many contacts"),
    "jobs.job.retried": _("Failed job tried again"),
    "operations.backup.restored": _("Installation restored from a backup"),
    "workspaces.workspace.created": _("Workspace made"),
    "workspaces.workspace.changed": _("Details of the workspace changed"),
}
#: One row of each table, in the words of the ledger.
TABLES = {
    "accounts.User": _("user"),
    "accounts.Session": _("session"),
    "accounts.SignIn": _("sign-in"),
    "accounts.OwnerLink": _("owner's link"),
    "account.EmailAddress": _("address of a user"),
    "account.EmailConfirmation": _("letter that confirms an address"),
    "mfa.Authenticator": _("second factor"),
    "accounts.Workspace": _("workspace"),
    "accounts.Team": _("team"),
    "accounts.Member": _("member"),
    "accounts.TeamMember": _("member of a team"),
    "accounts.Invitation": _("invitation"),
    "accounts.ApiToken": _("API token"),
}
