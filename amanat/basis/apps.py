from django.apps import AppConfig


class BasisConfig(AppConfig):
    name = "amanat.basis"
    label = "basis"

    def ready(self) -> None:
        from amanat.basis import ledger_words as own_words
        from amanat.basis import passcodes, principals, shell
        from amanat.basis import schema as own
        from amanat.basis.models import Passcode
        from amanat.core import ledger_words, schema, vault
        from amanat.people import bin as deleted

        schema.add_sql("keyed_hash", own.KEYED_HASH)
        schema.add_sql("known_of_people", own.KNOWN_OF_PEOPLE)
        ledger_words.register(own_words.SENTENCES, own_words.TABLES)
        deleted.before_purging(principals.let_go)
        vault.register_sealed(Passcode, "address", passcodes.place)
        shell.register()
