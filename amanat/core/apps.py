from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "amanat.core"
    label = "core"

    def ready(self) -> None:
        # These need loaded models.
        from amanat.core import checks, files, jobs, schema, schema_sql  # noqa: F401

        schema.add_sql("ledger_watch", schema_sql.LEDGER_WATCH)
        schema.add_sql("ledger_keep", schema_sql.LEDGER_KEEP)
        schema.add_sql("limits_unlogged", schema_sql.LIMITS_UNLOGGED)
        schema.add_sql("jobs_waiting", jobs.WAITING_INDEX)
        files.declare_sealed()
