"""Senders of texts for tests: `settings.TEXT_SENDER` names one."""

from amanat.core.outbox import NotSent

DOWN = f"{__name__}.down"
REFUSING = f"{__name__}.refusing"


def down(to: str, body: str) -> None:
    raise NotSent("unreachable")


def refusing(to: str, body: str) -> None:
    raise NotSent("no_template", is_final=True)
