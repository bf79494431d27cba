"""What a user is told on the first page after she signed in, by parts above that know of something."""

from __future__ import annotations

from collections.abc import Callable

from amanat.accounts.models import User

Says = Callable[[User], str]

_says: list[Says] = []


def also(says: Says) -> None:
    """Ask `says` at each sign-in for a sentence, "" for none; the user's `last_login` is still the one before. Called in AppConfig.ready()."""
    if says not in _says:
        _says.append(says)


def sentences(user: User) -> list[str]:
    return [said for says in _says if (said := says(user))]
