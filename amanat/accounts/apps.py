from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "amanat.accounts"
    label = "accounts"

    def ready(self) -> None:
        from amanat.accounts import schema as own
        from amanat.core import schema

        schema.add_sql("memberships", own.MEMBERSHIPS)
        schema.add_sql("workspace_ids", own.WORKSPACE_IDS)
