from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "amanat.people"
    label = "people"

    def ready(self) -> None:
        from amanat.core import ledger_words, schema
        from amanat.people import datasets, notes, shell
        from amanat.people import ledger_words as own_words
        from amanat.people import schema as own
        from amanat.people.importing import people_parts

        schema.add_sql("find_records", own.FIND_RECORDS)
        schema.add_definer_function("find_records", "ids of records that have the words; carries the wall itself")
        notes.declare_files()
        datasets.register()
        people_parts.register()
        ledger_words.register(own_words.SENTENCES, own_words.TABLES)
        shell.register()
