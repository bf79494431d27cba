from django.apps import AppConfig


class PublishingConfig(AppConfig):
    name = "amanat.publishing"
    label = "publishing"

    def ready(self) -> None:
        from amanat.publishing import shell

        shell.register()
