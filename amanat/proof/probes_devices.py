"""Probes of what signing in leaves: when, from which kind of device, for how long; never where somebody is.

A sign-in is made through the program's own rule inside the probe's savepoint, which is taken back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connection, models
from django.test.client import RequestFactory
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from amanat.accounts import history
from amanat.accounts.models import Session, SignIn, User
from amanat.accounts.session_store import SessionStore, hashed
from amanat.core.schema import workspace_models
from amanat.policy.format import Policy
from amanat.policy.probing import Asked, Finding, Scope, probe
from amanat.proof.probes_records import someone_of
from amanat.publishing import inventory
from amanat.publishing.visiting import visit

#: A browser that no device has: what of this text is kept shows what is kept of such texts.
_MARK = "Vwkcanary/17.4.2"
_BROWSER = f"Mozilla/5.0 (X11; Linux x86_64; {_MARK}) Gecko/20100101 Firefox/140.0"
_IN_WORDS = "Firefox on Linux"
#: Kinds and columns by which somebody could be followed.
_PLACES = frozenset({"pd:Location", "pd:GPSCoordinate", "pd:TravelHistory", "pd:GeoLocation"})
_PLACE_COLUMNS = re.compile(r"(^|_)(lat|latitude|lng|lon|longitude|geo|gps|geohash|coordinates)($|_)")
_OF_A_BROWSER = frozenset({"device", "user_agent", "browser"})
_PLACE_TYPES = frozenset({"point", "polygon", "geometry", "geography"})


@probe(
    "devices.sign_in",
    _("A sign-in leaves the time, the browser and the system in words, and no more of the device"),
    keys=(
        "DATA pd:UserAgent", "DATA pd:DeviceOperatingSystem", "DATA pd:DeviceSoftware", "DATA pd:AuthenticationHistory",
    ),
    rules=("data.security", "data.usage"),
)  # fmt: skip
def sign_in(asked: Asked) -> Finding:
    """An invented browser signs in and out again: its words, begin and end are in the history, its full text is nowhere."""
    user = someone_of(asked.workspace_id).user
    request = RequestFactory(headers={"User-Agent": _BROWSER}).get("/")
    request.session = SessionStore()
    history.signed_in(request, user, "password")
    request.session.save()
    key = hashed(str(request.session.session_key))
    history.ended(key, by="sign-out")
    rows: list[models.Model] = [
        *SignIn.objects.filter(session_key=key),
        *Session.objects.filter(session_key=key),
    ]
    told = [row.device for row in rows if isinstance(row, SignIn | Session)]
    timed = [row for row in rows if isinstance(row, SignIn) and row.ended_at and row.ended_at >= row.at]
    leaks = [f"{type(row)._meta.label}.{name}" for row in rows for name, value in _texts(row) if _MARK in value]
    unnamed = _unnamed(asked.policy, "pd:UserAgent", "pd:DeviceOperatingSystem", "pd:AuthenticationHistory")
    return Finding(
        set(told) == {_IN_WORDS} and len(timed) == 1 and not leaks and not unnamed,
        _(
            "an invented browser signed in and out: {rows} rows tell it in words, {timed} with begin and end; its full text is kept in {leaks} columns"
        ),
        {"rows": len(rows), "timed": len(timed), "leaks": len(leaks), "unnamed": unnamed},
    )


def _texts(row: models.Model) -> Iterator[tuple[str, str]]:
    yield from ((field.name, str(getattr(row, field.attname))) for field in row._meta.local_concrete_fields)


def _unnamed(policy: Policy, *wanted: str) -> int:
    """How many of these kinds the policy does not name."""
    named = {term for kind in policy.data.values() for term in kind.terms}
    return len(set(wanted) - named)


@probe(
    "devices.personal",
    _("What a browser tells of itself counts as personal data: its address, its name, its device"),
    keys=("NONPERS",),
    rules=("data.security", "data.usage"),
    scope=Scope.INSTALLATION,
)
def personal(asked: Asked) -> Finding:
    """Every column for an internet address, a browser or a device, by its type and name, is declared as personal, and the policy lists addresses among what is collected."""
    declared = {(held.model, name) for held in inventory.held() for name in held.personal}
    places = [
        (model._meta.label, field.name)
        for model in apps.get_models()
        for field in model._meta.local_concrete_fields
        if isinstance(field, models.GenericIPAddressField) or field.name in _OF_A_BROWSER
    ]
    undeclared = [place for place in places if place not in declared]
    unnamed = _unnamed(asked.policy, "pd:IPAddress")
    return Finding(
        bool(places) and not undeclared and not unnamed,
        _("{places} columns hold an address, a browser or a device; {undeclared} of them are not declared as personal"),
        {"places": len(places), "undeclared": len(undeclared), "unnamed": unnamed},
    )


@probe(
    "devices.sign_in_name",
    _("The name one signs in with is the e-mail address, kept where it was declared"),
    keys=("DATA pd:Username",),
    rules=("data.identity",),
)
def sign_in_name(asked: Asked) -> Finding:
    """Everything outside the workspaces that holds the address of the first owner, and whether a second name is asked for."""
    user = someone_of(asked.workspace_id).user
    places = [place for place in _columns_of_people() if _holds(place, user.email)]
    declared = {f"{held.model}.{name}" for held in inventory.held() for name in held.personal}
    undeclared = [(model, name) for model, name in places if f"{model._meta.label}.{name}" not in declared]
    one_name = User.USERNAME_FIELD == "email" and User._meta.get_field("email").unique
    return Finding(
        one_name and bool(places) and not undeclared and not _unnamed(asked.policy, "pd:Username"),
        _("the address of a member stands in {places} columns outside workspaces, {undeclared} of them undeclared"),
        {"places": len(places), "undeclared": len(undeclared), "is_the_address": one_name},
    )


@cache
def _columns_of_people() -> tuple[tuple[Any, str], ...]:
    """Columns of text in tables that belong to no workspace."""
    inside = set(workspace_models())
    return tuple(
        (model, field.name)
        for model in apps.get_models()
        if model not in inside and model._meta.managed
        for field in model._meta.local_concrete_fields
        if isinstance(field, models.CharField | models.TextField)
    )


def _holds(place: tuple[Any, str], text: str) -> bool:
    model, name = place
    return bool(model._default_manager.filter(**{name: text}).exists())


def is_place_column(name: str, kind: str = "") -> bool:
    """Whether a column, by its name and type, can hold where somebody is."""
    return kind in _PLACE_TYPES or bool(_PLACE_COLUMNS.search(name.lower()))


@probe(
    "devices.place",
    _("Nobody's place is followed: no column for it, and no page may ask a device for it"),
    keys=("DATA pd:Location",),
    rules=("data.security",),
    scope=Scope.INSTALLATION,
)
def place(asked: Asked) -> Finding:
    """Columns of the database by name and type, declared kinds, and the header of every page. A postal address that somebody
    wrote down is no place somebody was followed to."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.attname, t.typname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid "
            "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped"
        )
        columns = sum(is_place_column(name, kind) for name, kind in cursor.fetchall())
    declared = sum(one.kind in _PLACES for held in inventory.held() for one in held.personal.values())
    header = visit(reverse("account_login")).headers.get("Permissions-Policy", "")
    is_closed = "geolocation=()" in header
    return Finding(
        not columns and not declared and is_closed,
        _("{columns} columns for places, {declared} declared; pages may ask a device for its place: {is_open}"),
        {"columns": columns, "declared": declared, "is_open": not is_closed},
    )
