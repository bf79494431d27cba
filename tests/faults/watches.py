"""What a drill of time watches: for each policy and period, what stands shortly before its end, and what shortly after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from tests.faults.travelling import Site, later, rows

if TYPE_CHECKING:
    from amanat.accounts.models import Member, Workspace

type Look = Callable[[Site], str]
DAY = timedelta(days=1)
#: Shortly after something begins, its jobs run for the first time.
SOON = timedelta(seconds=20)
THERE, GONE = "there", "gone"


class Outcome(StrEnum):
    OK = "ok"
    WRONG = "WRONG"
    NOTHING = "nothing is held of it"


@dataclass
class Watch:
    """One period of one policy. `before` may name several answers, divided by "|": a stricter rule of the program may come first."""

    policy: str
    period: str  #: where it stands in the policy, and of what
    ends: datetime
    look: Look | None  #: None: nothing is held of it
    before: str = THERE
    after: str = GONE
    early: timedelta = DAY
    late: timedelta = DAY
    found: dict[str, str] = field(default_factory=dict)
    after_look: Look | None = None  #: another pair of eyes afterwards, where looking leaves a trace

    @property
    def moments(self) -> dict[str, datetime]:
        return {"before": self.ends - self.early, "after": self.ends + self.late}

    @property
    def outcome(self) -> Outcome:
        if self.look is None:
            return Outcome.NOTHING
        good = self.found.get("before") in self.before.split("|") and self.found.get("after") in self.after.split("|")
        return Outcome.OK if good else Outcome.WRONG

    def see(self, which: str, site: Site) -> None:
        look = self.after_look if which == "after" and self.after_look else self.look
        if look is not None:
            try:
                self.found[which] = look(site)
            except Exception as error:  # what cannot be looked at is wrong, and the others are looked at all the same
                self.found[which] = f"{type(error).__name__}: {error}"[:80]

    def line(self) -> str:
        expected = "" if self.look is None else f"{self.ends:%Y-%m-%d %H:%M}"
        seen = f"{self.found.get('before', '-'):24} {self.found.get('after', '-'):24}"
        return f"{self.policy:11} {self.period:58} {expected:17} {seen} {self.outcome}"


@dataclass
class Stage:
    """A workspace with a ready policy, and the moment at which all in it begins."""

    policy: str
    document: dict[str, Any]  #: the policy as its file says it
    workspace: Workspace
    owner: Member
    at: datetime

    def period(self, *path: str) -> str:
        found: Any = self.document
        for name in path:
            found = found[name]
        return str(found)

    def ends(self, *path: str, after: datetime | None = None) -> datetime:
        return later(after or self.at, self.period(*path))

    def watch(self, period: str, ends: datetime, look: Look | None, **more: Any) -> Watch:
        return Watch(self.policy, period, ends, look, **more)

    def sign_in(self) -> dict[str, str]:
        """The cookie of a browser in which the owner is signed in now."""
        from amanat.accounts.tests import factories

        return cookie(factories.signed_in(self.owner))


def cookie(client: Any) -> dict[str, str]:
    from django.conf import settings

    return {settings.SESSION_COOKIE_NAME: client.cookies[settings.SESSION_COOKIE_NAME].value}


def count(sql: str, *values: Any) -> Look:
    """Whether rows are there."""
    return lambda _site: THERE if rows(sql, *values)[0][0] else GONE


def says(sql: str, *values: Any) -> Look:
    """What a column says; the first row's."""

    def look(_site: Site) -> str:
        found = rows(sql, *values)
        return str(found[0][0]) if found else GONE

    return look
