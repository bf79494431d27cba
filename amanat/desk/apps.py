from django.apps import AppConfig


class DeskConfig(AppConfig):
    name = "amanat.desk"
    label = "desk"

    def ready(self) -> None:
        from amanat.core import ledger_words, vault
        from amanat.desk import datasets, papers, shell
        from amanat.desk import ledger_words as own_words
        from amanat.desk.models import Paper

        vault.register_sealed(Paper, "number_sealed", papers.number_context)
        ledger_words.register(own_words.SENTENCES, own_words.TABLES)
        shell.register()
        datasets.register()
