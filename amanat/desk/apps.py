from django.apps import AppConfig


class DeskConfig(AppConfig):
    name = "amanat.desk"
    label = "desk"

    def ready(self) -> None:
        from amanat.core import vault
        from amanat.desk import papers, shell
        from amanat.desk.models import Paper

        vault.register_sealed(Paper, "number_sealed", papers.number_context)
        shell.register()
