"""Values of our own JSON, checked one by one: somebody may have edited the file. Each function raises ValueError in words."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from amanat.people.importing.drafts import too_long
from amanat.people.importing.values import Problem

Check = Callable[[Any], Any]
_MOST_LISTED = 200
_MOST_PAISE = 10**15
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Column:
    """A fact of a record: its key in the file, how it is checked, and its column when that is called otherwise.

    A row without a `needed` one is not written. One that is missing or wrong otherwise is `default`.
    """

    key: str
    check: Check
    column: str = ""
    default: Any = None
    needed: bool = False


def columns_of(record: Mapping[str, Any], columns: Iterable[Column], problems: list[Problem]) -> dict[str, Any] | None:
    """The checked columns of one record, or None, with the reasons, when one that is needed is missing or wrong."""
    found: dict[str, Any] = {}
    is_whole = True
    for one in columns:
        name, given = one.column or one.key, record.get(one.key)
        found[name] = one.default() if callable(one.default) else one.default
        try:
            if given is not None:
                found[name] = one.check(given)
            elif one.needed:
                raise ValueError(_("It is missing."))
        except (ValueError, OverflowError) as error:
            problems.append(Problem(one.key, str(given if given is not None else "")[:200], str(error)))
            is_whole &= not one.needed
    return found if is_whole else None


def text(most: int, *, least: int = 0) -> Check:
    """The text as it was written, with its spaces, but for what the database cannot hold."""

    def check(given: Any) -> str:
        if not isinstance(given, str):
            raise ValueError(_("This is not a text."))
        plain = _UNSTORABLE.sub("", given)
        if len(plain) > most:
            raise ValueError(too_long(most))
        if len(plain.strip()) < least:
            raise ValueError(_("It is missing."))
        return plain

    return check


def texts(most: int) -> Check:
    """A list of texts of at most so many characters each; empty ones are left out."""
    one = text(most)

    def check(given: Any) -> list[str]:
        if not isinstance(given, list) or len(given) > _MOST_LISTED:
            raise ValueError(_("This is not a list of texts."))
        return [found for found in map(one, given) if found]

    return check


def one_of(known: Collection[str]) -> Check:
    def check(given: Any) -> str:
        if not isinstance(given, str) or given not in known:
            raise ValueError(_("This is none of the values it can have."))
        return given

    return check


def number(least: int, most: int) -> Check:
    def check(given: Any) -> int:
        if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
            raise ValueError(
                _("This is not a whole number from %(least)s to %(most)s.") % {"least": least, "most": most}
            )
        return given

    return check


paise = number(0, _MOST_PAISE)


def yes_no(given: Any) -> bool:
    if not isinstance(given, bool):
        raise ValueError(_("Please answer yes or no."))
    return given


def identity(given: Any) -> str:
    try:
        return str(UUID(given)) if isinstance(given, str) else _not_an_id()
    except ValueError:
        return _not_an_id()


def _not_an_id() -> str:
    raise ValueError(_("This is not an id of Amanat."))


def day(given: Any) -> str:
    return _parsed(date.fromisoformat, given, _("This is not a date."))


def clock_time(given: Any) -> str:
    return _parsed(time.fromisoformat, given, _("This is not a time."))


def moment(given: Any) -> str:
    def aware(found: str) -> datetime:
        parsed = datetime.fromisoformat(found)
        if parsed.tzinfo is None:
            raise ValueError
        return parsed

    return _parsed(aware, given, _("This is not a date with a time and its zone."))


def _parsed(parse: Callable[[str], date | time], given: Any, reason: str) -> str:
    try:
        found = parse(given)
    except (ValueError, TypeError):
        raise ValueError(reason) from None
    # Beyond these a program erred, and neighbouring time zones would leave what the database can hold.
    if not isinstance(found, time) and not 1850 <= found.year <= 2199:
        raise ValueError(reason)
    return found.isoformat()


def email(given: Any) -> str:
    """The address of a member, folded for looking up."""
    return str(text(254)(given)).strip().casefold()


def words(most: int) -> Check:
    """An object of texts by texts."""
    one = text(most)

    def check(given: Any) -> dict[str, str]:
        return {one(key): one(value) for key, value in facts(given).items()}

    return check


def facts(given: Any) -> dict[str, Any]:
    """An object, of whose values whoever uses them makes sure."""
    if not isinstance(given, dict) or len(given) > _MOST_LISTED:
        raise ValueError(_("This is not an object."))
    return given
