"""What stands in the sidebar, in the bottom bar of a phone, in the New menu and in the member's menu.

Each package registers its own entries in `AppConfig.ready()`, so a package can be removed without touching this one:

    navigation.register(Entry("work", 20, gettext_lazy("Contacts"), "users", "people:contacts", "contacts.view"))
    navigation.offer(Offer(10, gettext_lazy("Contact"), "user-plus", "people:contact_new", "contacts.edit"))
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol, cast

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise

#: work and trust stand in the sidebar; workspace opens from the workspace's name, member from the member's name at the foot.
SECTIONS = ("work", "trust", "workspace", "member")
Label = str | Promise


class Mover(Protocol):
    """The part of a member that the shell needs."""

    def may(self, permission: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Entry:
    section: str
    order: int
    label: Label
    icon: str
    url_name: str
    permission: str | None = None  #: None: every member
    badge: Callable[[HttpRequest], int | None] | None = (
        None  #: the figure beside the label; asked on every page, so it must be cheap
    )
    by_post: bool = False  #: a button in a form instead of a link (signing out)
    is_on: Callable[[HttpRequest], bool] | None = None  #: whether the feature is on in this workspace
    also: tuple[str, ...] = ()  #: addresses of pages beside its own that belong to it: stages and tags to fields
    is_on_phone: bool = False  #: has a place in the bottom bar of a phone before those that have none
    badge_at: str = (
        ""  #: url name of what answers {"badge": "3"}: a page that is looked at again asks there, "" for never
    )


@dataclass(frozen=True, slots=True)
class Offer:
    """One line of the New menu."""

    order: int
    label: Label
    icon: str
    url_name: str
    permission: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry as a template sees it."""

    label: Label
    icon: str
    url: str
    badge: int | None = None
    by_post: bool = False
    is_current: bool = False
    also: tuple[str, ...] = ()
    is_on_phone: bool = False
    badge_url: str = ""

    @property
    def addresses(self) -> tuple[str, ...]:
        return (self.url, *self.also)


_entries: list[Entry] = []
_offers: list[Offer] = []


def register(entry: Entry) -> None:
    """Add `entry`; the same url name registered again in the same section replaces the first."""
    if entry.section not in SECTIONS:
        raise ValueError(f"no such section: {entry.section}; there are {', '.join(SECTIONS)}")
    _entries[:] = [kept for kept in _entries if (kept.section, kept.url_name) != (entry.section, entry.url_name)]
    _entries.append(entry)


def offer(new: Offer) -> None:
    """Add a line to the New menu; the same url name offered again replaces the first."""
    _offers[:] = [kept for kept in _offers if kept.url_name != new.url_name]
    _offers.append(new)


def shown(request: HttpRequest) -> dict[str, list[Shown]]:
    """The entries the member may use, by section, in order; the one whose page this is marked. Nothing for a signed-out visitor."""
    member = _member(request)
    sections: dict[str, list[Shown]] = {section: [] for section in SECTIONS}
    if member is None:
        return sections
    for entry in sorted(_entries, key=lambda entry: entry.order):
        if _may(member, entry.permission) and (entry.is_on is None or entry.is_on(request)):
            badge = entry.badge(request) if entry.badge else None
            sections[entry.section].append(
                Shown(
                    entry.label,
                    entry.icon,
                    _address(entry.url_name, settings.ROOT_URLCONF),
                    badge,
                    entry.by_post,
                    also=entry.also,
                    is_on_phone=entry.is_on_phone,
                    badge_url=_address(entry.badge_at, settings.ROOT_URLCONF) if entry.badge_at else "",
                )
            )
    return _with_current(sections, request.path)


def offers(request: HttpRequest) -> list[Shown]:
    """What the member may make, for the New menu."""
    member = _member(request)
    if member is None:
        return []
    ordered = sorted(_offers, key=lambda new: new.order)
    return [
        Shown(new.label, new.icon, _address(new.url_name, settings.ROOT_URLCONF))
        for new in ordered
        if _may(member, new.permission)
    ]


@lru_cache(200)
def _address(url_name: str, _urlconf: str) -> str:
    """Reversing twenty names on every page would cost a millisecond."""
    return reverse(url_name)


def _member(request: HttpRequest) -> Mover | None:
    return cast("Mover | None", getattr(cast(Any, request), "member", None))


def _may(member: Mover, permission: str | None) -> bool:
    return permission is None or member.may(permission)


def _with_current(sections: dict[str, list[Shown]], path: str) -> dict[str, list[Shown]]:
    """Mark the entry with the longest address that begins `path`; the home page only when it is the page itself."""
    every = (address for entries in sections.values() for entry in entries for address in entry.addresses)
    here = _current_url(every, path)
    return {
        name: [replace(entry, is_current=here in entry.addresses) for entry in entries]
        for name, entries in sections.items()
    }


def _current_url(urls: Iterable[str], path: str) -> str | None:
    fitting = [url for url in urls if path == url or (url != "/" and path.startswith(url.rstrip("/") + "/"))]
    return max(fitting, key=len, default=None)
