from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "amanat.accounts"
    label = "accounts"

    def ready(self) -> None:
        # `history.signed_in` writes the time of the last sign-in together with its line.
        user_logged_in.disconnect(dispatch_uid="update_last_login")

        # These need loaded models.
        from amanat.accounts import gone
        from amanat.accounts import ledger_words as own_words
        from amanat.accounts import schema as own
        from amanat.accounts.permissions import May
        from amanat.core import ledger_words, schema
        from amanat.web.navigation import Entry, register

        schema.add_sql("memberships", own.MEMBERSHIPS)
        schema.add_sql("workspace_ids", own.WORKSPACE_IDS)
        schema.add_sql("workspaces_to_seal", own.WORKSPACES_TO_SEAL)
        schema.add_definer_function("workspaces_to_seal", "ids only, for the job that seals ledgers every few seconds")

        gone.listen()
        ledger_words.register(own_words.SENTENCES, own_words.TABLES)
        members, tokens = May.MANAGE_MEMBERS.value, May.MANAGE_TOKENS.value
        register(Entry("workspace", 10, _("Details"), "store", "accounts:workspace", May.MANAGE_WORKSPACE.value))
        register(Entry("workspace", 20, _("Members"), "users", "accounts:members", members))
        register(Entry("workspace", 30, _("Teams"), "users-round", "accounts:teams", members))
        register(Entry("workspace", 40, _("Roles"), "id-card", "accounts:roles"))
        register(Entry("workspace", 50, _("Security"), "shield-check", "accounts:security", May.MANAGE_WORKSPACE.value))
        register(Entry("workspace", 60, _("API tokens"), "key-round", "accounts:tokens", tokens))
        register(Entry("trust", 90, _("Ledger"), "scroll-text", "oversight:ledger", May.READ_LEDGER.value))
        register(Entry("workspace", 80, _("Jobs"), "list", "oversight:jobs", May.READ_JOBS.value))
        register(Entry("workspace", 90, _("Other workspaces"), "layout-grid", "accounts:workspaces"))
        register(Entry("member", 10, _("My account"), "circle-user", "accounts:profile"))
        register(Entry("member", 20, _("Signing in"), "fingerprint-pattern", "mfa_index"))
        register(Entry("member", 30, _("Devices"), "smartphone", "accounts:devices"))
        register(Entry("member", 90, _("Sign out"), "log-out", "account_logout", by_post=True))
