"""What is kept on a reader's device: the register, the choice, and the guard that lets nothing else through.

The site's own keys stand here, each with its kind, its life and what it is for. A workspace's policy may declare more; those for analytics
and marketing are let through only after a yes, which the browser's signal (Sec-GPC) takes away. Nothing of that sort is set today, so the
banner stays away until a package says, by `use`, that it sets one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext, npgettext
from django.utils.translation import gettext_lazy as _

from amanat.basis import passcodes
from amanat.policy.format import Policy, StorageKey
from amanat.web.context import THEME_COOKIE

#: Kinds that need a yes. The others are needed to work, or keep what the reader chose herself.
ASKED = ("analytics", "marketing")
ESSENTIAL, FUNCTIONAL = "essential", "functional"
CHOICE_COOKIE = "storage_choice"
CHOICE_LIFE = timedelta(days=180)
SIGNAL = "Sec-GPC"
_SHORTEST_MONTHS = datetime(2026, 2, 1, tzinfo=UTC)  #: from here on months are as short as they get

KINDS: Mapping[str, str | Promise] = {
    ESSENTIAL: _("needed to work"),
    FUNCTIONAL: _("settings of your own"),
    "analytics": _("figures about the use of the site"),
    "marketing": _("offers that fit you"),
}
PLACES: Mapping[str, str | Promise] = {
    "cookie": _("cookie"),
    "session storage": _("storage of the open window"),
    "cache": _("cache"),
}


@dataclass(frozen=True, slots=True)
class Key:
    """One thing on the device. `life` is the longest it stays, None until the browser is closed."""

    name: str
    kind: str
    life: timedelta | None
    what: str | Promise
    where: str = "cookie"  #: or "session storage", "cache"


#: Names as they are without https; with it, those of the session and the guard begin with "__Host-".
OWN: tuple[Key, ...] = (
    Key(settings.SESSION_COOKIE_NAME, ESSENTIAL, timedelta(seconds=settings.SESSION_COOKIE_AGE), _("Keeps you signed in.")),
    Key(settings.CSRF_COOKIE_NAME, ESSENTIAL, timedelta(seconds=settings.CSRF_COOKIE_AGE), _("Guards forms against forgery.")),
    Key("__Host-choices" if settings.SESSION_COOKIE_SECURE else "choices", ESSENTIAL, passcodes.OPEN_FOR, _("Keeps the page of your choices open after the code.")),
    Key(CHOICE_COOKIE, ESSENTIAL, CHOICE_LIFE, _("Remembers what you chose on this page.")),
    Key(settings.LANGUAGE_COOKIE_NAME, FUNCTIONAL, timedelta(days=365), _("Remembers the language you chose.")),
    Key(THEME_COOKIE, FUNCTIONAL, timedelta(days=365), _("Remembers whether you like it light or dark.")),
    Key("amanat.recent", FUNCTIONAL, None, _("The last pages found in the search, for members who are signed in."), "session storage"),
    Key("amanat", ESSENTIAL, None, _("Styles and scripts, so that pages open quickly and without a network."), "cache"),
)  # fmt: skip

_OWN_COOKIES: Mapping[str, Key] = {key.name: key for key in OWN if key.where == "cookie"}
_used: set[str] = set()


def use(name: str) -> None:
    """Say that the code really sets a key of the policy's storage block; called by the package that does, in AppConfig.ready()."""
    _used.add(name)


def own_cookies() -> Mapping[str, Key]:
    """The cookies that the site itself sets, by name."""
    return _OWN_COOKIES


def longest(key: StorageKey) -> timedelta:
    """The life that a policy promises for a key, at its shortest reading: a month has 28 days."""
    return key.life.after(_SHORTEST_MONTHS) - _SHORTEST_MONTHS


def of_policy(policy: Policy) -> dict[str, StorageKey]:
    """The keys a policy declares, by their name on the device."""
    return {device: key for name, key in policy.storage.keys.items() for device in (key.at or (name,))}


def used() -> frozenset[str]:
    """Names of the storage block whose keys the code really sets, beside the site's own."""
    return frozenset(_used)


def is_used(policy: Policy | None, device_name: str) -> bool:
    """Whether the key with this name on the device is one that the code really sets."""
    keys = policy.storage.keys.items() if policy is not None else ()
    return any(name in _used and device_name in (key.at or (name,)) for name, key in keys)


def shown_life(life: timedelta | None) -> str:
    """A life in words: "14 days", "15 minutes"."""
    if life is None:
        return _until_closed()
    if life.days:
        return npgettext("how long", "%(count)d day", "%(count)d days", life.days) % {"count": life.days}
    minutes = int(life.total_seconds() // 60)
    return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}


def _until_closed() -> str:
    return gettext("until the browser is closed")


def asked_for(policy: Policy) -> list[str]:
    """The kinds that need a yes and are really used: what the banner asks about."""
    used = {key.kind for name, key in policy.storage.keys.items() if name in _used}
    return [kind for kind in ASKED if kind in used]


def has_signal(request: HttpRequest) -> bool:
    """Whether the browser says that its person does not want to be followed or sold."""
    return request.headers.get(SIGNAL) == "1"


def choice(request: HttpRequest, workspace_id: UUID, *, now: str | None = None) -> frozenset[str] | None:
    """The kinds said yes to here, None when nothing was chosen yet. The browser's signal is a no.

    `now` is the cookie's value that the answer to this request sets, where it sets one.
    """
    if has_signal(request):
        return frozenset()
    known = _parsed(request.COOKIES.get(CHOICE_COOKIE, "") if now is None else now)
    return known.get(workspace_id.hex[-8:])


def with_choice(request: HttpRequest, workspace_id: UUID, kinds: Iterable[str]) -> str:
    """The cookie's value once `kinds` are chosen for a workspace; choices for ten workspaces fit, the oldest goes."""
    known = _parsed(request.COOKIES.get(CHOICE_COOKIE, ""))
    known.pop(workspace_id.hex[-8:], None)
    known[workspace_id.hex[-8:]] = frozenset(kinds) & set(ASKED)
    return ".".join(
        "-".join([place, *(kind[0] for kind in ASKED if kind in chosen)]) for place, chosen in list(known.items())[-10:]
    )


def _parsed(value: str) -> dict[str, frozenset[str]]:
    """{last digits of the workspace: kinds}. What somebody else wrote there means nothing."""
    letters = {kind[0]: kind for kind in ASKED}
    known: dict[str, frozenset[str]] = {}
    for piece in value[:400].split("."):
        place, *chosen = piece.split("-")
        if len(place) == 8 and all(letter in letters for letter in chosen):
            known[place] = frozenset(letters[letter] for letter in chosen)
    return known


def may_set(name: str, policy: Policy | None, chosen: frozenset[str] | None) -> bool:
    """Whether a cookie may reach the device: the site's own, or one the policy declares and, if it must be, a yes was said to."""
    if name in _OWN_COOKIES:
        return True
    key = of_policy(policy).get(name) if policy is not None else None
    return key is not None and (key.kind not in ASKED or key.kind in (chosen or ()))


def life_of(name: str, policy: Policy | None) -> timedelta | None:
    """The longest a cookie may stay: what the site says and what the policy promises, whichever is shorter."""
    lives = [_OWN_COOKIES[name].life] if name in _OWN_COOKIES else []
    key = of_policy(policy).get(name) if policy is not None else None
    if key is not None:
        lives.append(longest(key))
    known = [life for life in lives if life is not None]
    return min(known, default=None)
