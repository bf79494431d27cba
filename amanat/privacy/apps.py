from django.apps import AppConfig


class PrivacyConfig(AppConfig):
    name = "amanat.privacy"
    label = "privacy"

    def ready(self) -> None:
        from amanat.privacy.closing import shell as closing_shell
        from amanat.privacy.copies import shell as copies_shell
        from amanat.privacy.erasure import shell as erasure_shell
        from amanat.privacy.incidents import shell as incidents_shell
        from amanat.privacy.registers import shell as registers_shell
        from amanat.privacy.requests import shell as requests_shell
        from amanat.privacy.retention import shell as retention_shell
        from amanat.privacy.vault import shell as vault_shell

        retention_shell.register()
        vault_shell.register()
        closing_shell.register()
        copies_shell.register()  # before erasure: a copy is closed first, then it lets go of the person
        erasure_shell.register()
        requests_shell.register()
        incidents_shell.register()
        registers_shell.register()
