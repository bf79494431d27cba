from django.apps import AppConfig


class ProofConfig(AppConfig):
    name = "amanat.proof"
    label = "proof"

    def ready(self) -> None:
        from amanat.proof import shell

        shell.register()
