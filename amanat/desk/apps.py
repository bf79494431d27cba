from django.apps import AppConfig


class DeskConfig(AppConfig):
    name = "amanat.desk"
    label = "desk"

    def ready(self) -> None:
        from amanat.core import ledger_words, vault
        from amanat.desk import books, datasets, papers, shell
        from amanat.desk import ledger_words as own_words
        from amanat.desk.importing import lists
        from amanat.desk.models import Paper
        from amanat.people import bin as deleted

        vault.register_sealed(Paper, "number_sealed", papers.number_context)
        ledger_words.register(own_words.SENTENCES, own_words.TABLES)
        deleted.before_purging(books.keep)
        shell.register()
        datasets.register()
        lists.register()
