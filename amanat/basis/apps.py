from django.apps import AppConfig


class BasisConfig(AppConfig):
    name = "amanat.basis"
    label = "basis"

    def ready(self) -> None:
        from amanat.basis import (
            capturing,
            importing,
            passcodes,
            principals,
            reading,
            rules,
            shell,
            storage,
            storage_views,
        )
        from amanat.basis import ledger_words as own_words
        from amanat.basis import schema as own
        from amanat.basis.models import Passcode, Submission
        from amanat.core import ledger_words, schema, vault
        from amanat.people import bin as deleted
        from amanat.people import masking, vocabulary
        from amanat.people.importing import besides
        from amanat.publishing import inventory
        from amanat.web import context

        schema.add_sql("keyed_hash", own.KEYED_HASH)
        schema.add_sql("workspaces_with_people_to_tell", own.WORKSPACES_WITH_PEOPLE_TO_TELL)
        schema.add_definer_function(
            "workspaces_with_people_to_tell", "ids only, for the job that tells people of a policy"
        )
        schema.add_sql("known_of_people", own.KNOWN_OF_PEOPLE)
        ledger_words.register(own_words.SENTENCES, own_words.TABLES)
        deleted.before_purging(principals.let_go)
        vault.register_sealed(Passcode, "address", passcodes.place)
        vault.register_sealed(Submission, "given", capturing.place)
        vocabulary.also("policy_version", reading.VERSION_IN_FORCE)
        vocabulary.also("restricted", reading.RESTRICTED)
        masking.register(reading.Reader())
        besides.register(importing.DeclaredConsent())
        inventory.sets_cookie(*(name for name in storage.own_cookies()))
        inventory.asks_first("mail", *rules.CARRIERS.values())
        context.tell_of_the_device(storage_views.banner)
        shell.register()
