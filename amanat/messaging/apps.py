from django.apps import AppConfig


class MessagingConfig(AppConfig):
    name = "amanat.messaging"
    label = "messaging"

    def ready(self) -> None:
        from amanat.messaging.channels import shell as channels_shell
        from amanat.messaging.inbox import shell as inbox_shell
        from amanat.messaging.outbox import shell as outbox_shell
        from amanat.messaging.push import shell as push_shell
        from amanat.messaging.reminders import shell as reminders_shell
        from amanat.messaging.sandbox import shell as sandbox_shell

        channels_shell.register()
        outbox_shell.register()
        inbox_shell.register()
        push_shell.register()
        reminders_shell.register()
        sandbox_shell.register()
