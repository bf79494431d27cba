"""Probes of signing in: passwords, second factors, sessions, sign-up, and what members may do."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from uuid import UUID

from allauth.account.models import EmailAddress
from django import forms
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db.models import Q
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from amanat.accounts import guessing, permissions, second_factors
from amanat.accounts.access import Members, at_the_door
from amanat.accounts.forms import NewWorkspaceForm, SignUpExtras
from amanat.accounts.models import ApiToken, Member, Session, User, Workspace
from amanat.accounts.permissions import May, Role
from amanat.accounts.session_store import SessionStore, hashed
from amanat.core import routes
from amanat.core.routes import Route, anyone
from amanat.policy.probing import Asked, Finding, Scope, probe

#: OWASP's figures for Argon2id, which security.md takes over: at least 64 MiB and three passes.
LEAST_KIB, LEAST_PASSES = 65_536, 3
_HASH = re.compile(r"argon2\$argon2id\$v=19\$m=(\d+),t=(\d+),p=\d+\$")
#: Names of the second factors in a policy, and in the sign-in library.
_FACTORS = {"totp": "totp", "passkey": "webauthn"}
#: Who "admin" is in a workspace.
_ADMINS = (Role.OWNER, Role.MANAGER)
#: The sign-in library's routes, by their names.
_DOORS = ("account_", "mfa_")
#: Routes for everyone that may be called without end: they end a session, choose words or colors, or answer that nothing is there.
_GIVES_NOTHING_AWAY = {"account_logout", "language", "theme"}
#: Confirmed within this time or deleted, as `signing_up.sweep` does.
_UNCONFIRMED = timedelta(days=3)


def seats(workspace_id: UUID) -> list[Member]:
    """The members of a workspace with their users."""
    return list(Member.objects.of(workspace_id).select_related("user").filter(ended_at__isnull=True))


@probe(
    "accounts.passwords",
    _("Passwords are one-way hashes of Argon2id"),
    keys=("S-PW",),
    rules=("security.password",),
    minutes=6 * 60,
)
def passwords(asked: Asked) -> Finding:
    users = [seat.user for seat in seats(asked.workspace_id) if seat.user.has_usable_password()]
    stored = [user.password for user in users]
    strong = [text for text in stored if _is_strong(text)]
    is_next_strong = _is_strong(make_password("Xqzprobe Vwkcanary"))
    is_kept = len(strong) == len(users) and len(set(stored)) == len(stored) and is_next_strong
    return Finding(
        is_kept,
        _("{strong} of {all} passwords on Argon2id with {mib} MiB, no two stored alike; the next one will be: {next}"),
        {"strong": len(strong), "all": len(users), "mib": LEAST_KIB // 1024, "next": is_next_strong},
    )


def _is_strong(stored: str) -> bool:
    found = _HASH.match(stored)
    return found is not None and int(found[1]) >= LEAST_KIB and int(found[2]) >= LEAST_PASSES


@probe(
    "accounts.second_factors",
    _("A second factor is offered, and asked of owners and managers"),
    keys=("S-MFA",),
    rules=("security.mfa", "security.mfa_required"),
    minutes=6 * 60,
)
def second_factor(asked: Asked) -> Finding:
    security = asked.policy.security
    offered = all(_FACTORS.get(name, name) in settings.MFA_SUPPORTED_TYPES for name in security.mfa)
    members = seats(asked.workspace_id)
    needed = [seat for seat in members if "admin" in security.mfa_required and seat.role in _ADMINS]
    enrolled = second_factors.who_has_one(seat.user_id for seat in members)
    without = sum(seat.user_id not in enrolled for seat in needed)
    # Where the workspace asks for it, the rule of the routes lets nobody in without one.
    is_asked = Workspace.objects.of(asked.workspace_id).get(pk=asked.workspace_id).requires_mfa
    facts = {"enrolled": len(enrolled), "all": len(members), "without": without}
    if without and is_asked:
        said = _("{enrolled} of {all} members enrolled; {without} owners or managers are kept out until they are")
    else:
        said = _("{enrolled} of {all} members enrolled; {without} owners or managers sign in without")
    return Finding(offered and (is_asked or not without), said, facts)


@probe(
    "accounts.sessions",
    _("Access only in signed-in sessions that end"),
    keys=("S-AUTHN", "K-SIGNIN"),
    rules=("security.access", "storage.keys.session"),
    minutes=60,
)
def sessions(asked: Asked) -> Finding:
    """Cookies cannot be read by scripts or sent across sites, keys are stored hashed, and nobody without a seat is inside."""
    session = asked.policy.storage.keys.get("session")
    longest = session.life.after(asked.at) if session else asked.at + timedelta(seconds=settings.SESSION_COOKIE_AGE)
    inside = Session.objects.filter(workspace_id=asked.workspace_id, expire_date__gt=asked.at)
    members = {seat.user_id for seat in seats(asked.workspace_id)}
    rows = list(inside.values_list("user_id", "session_key", "expire_date"))
    strangers = sum(user_id not in members for user_id, _key, _end in rows)
    too_long = sum(end > longest for _user, _key, end in rows)
    plain = sum(re.fullmatch(r"[0-9a-f]{40,64}", key) is None for _user, key, _end in rows)
    flags = settings.SESSION_COOKIE_HTTPONLY and settings.SESSION_COOKIE_SAMESITE in {"Lax", "Strict"}
    days = max((_next_session_ends() - longest).days, 0)
    return Finding(
        bool(flags) and not (strangers or too_long or plain or days),
        _(
            "{open} open sessions; {strangers} without a seat, {too_long} longer than promised, {plain} stored readable; the next one would last {days} days too long"
        ),
        {"open": len(rows), "strangers": strangers, "too_long": too_long, "plain": plain, "days": days},
    )


def _next_session_ends() -> datetime:
    """A browser is signed in for a trial: until when that would hold."""
    session = SessionStore()
    session.create()
    return Session.objects.get(session_key=hashed(str(session.session_key))).expire_date


@probe(
    "accounts.routes",
    _("Every address of the program refuses unless it was told whom to let in"),
    keys=("S-ACCESS", "S-AUTHN", "POINTS"),
    rules=("security.access", "data"),
    scope=Scope.INSTALLATION,
)
def deny_by_default(asked: Asked) -> Finding:
    """All routes are declared, those for everyone that take something in are limited, the others ask for a sign-in."""
    declared = list(routes.addresses().values())
    undeclared = routes.undeclared()
    public = [one for one in declared if one.rule is anyone]
    takes_in = [one for one in public if {"POST", "PUT", "PATCH", "DELETE"} & set(one.methods)]
    unlimited = [one for one in takes_in if not one.limits and one.name not in _GIVES_NOTHING_AWAY]
    return Finding(
        bool(declared) and not undeclared and not unlimited,
        _(
            "{all} addresses, {closed} behind a sign-in, {public} for everyone; {undeclared} undeclared, {unlimited} unlimited"
        ),
        {
            "all": len(declared),
            "closed": len(declared) - len(public),
            "public": len(public),
            "undeclared": len(undeclared),
            "unlimited": len(unlimited),
        },
    )


@probe(
    "accounts.need_to_know",
    _("Members reach only what their role needs"),
    keys=("S-NEED",),
    rules=("security.access",),
    minutes=6 * 60,
)
def need_to_know(asked: Asked) -> Finding:
    """No role but the owner's may do everything, every member has a known role, no route for members lacks a permission
    that a plain agent does not have without being meant for all."""
    members = seats(asked.workspace_id)
    unknown = sum(seat.role not in permissions.TABLE for seat in members)
    too_much = [role for role, may in permissions.TABLE.items() if role != Role.OWNER and may == frozenset(May)]
    trusted = {May.MANAGE_MEMBERS, May.MANAGE_WORKSPACE, May.MANAGE_POLICY, May.MANAGE_TOKENS}
    spread = trusted & permissions.TABLE[Role.AGENT] | trusted & permissions.TABLE[Role.AUDITOR]
    guarded = [one for one in routes.addresses().values() if isinstance(one.rule, Members) and one.rule.permission]
    orphans = ApiToken.objects.of(asked.workspace_id).filter(
        Q(member__ended_at__isnull=False), revoked_at__isnull=True, expires_at__gt=asked.at
    )
    left = orphans.count()
    return Finding(
        not (unknown or too_much or spread or left) and bool(guarded),
        _(
            "{members} members in {roles} roles, {guarded} addresses ask for a permission; {left} keys of former members work"
        ),
        {"members": len(members), "roles": len({seat.role for seat in members}), "guarded": len(guarded), "left": left},
    )


@probe(
    "accounts.sign_up",
    _("Who signs up proves the e-mail address"),
    keys=("F-SIGNUP", "F-EMAILVERIFY"),
    rules=("data", "purposes.account"),
)
def sign_up(asked: Asked) -> Finding:
    users = {seat.user_id for seat in seats(asked.workspace_id)}
    proved = set(EmailAddress.objects.filter(user_id__in=users, verified=True).values_list("user_id", flat=True))
    left = User.objects.filter(created_at__lt=asked.at - _UNCONFIRMED, last_login__isnull=True).exclude(
        pk__in=EmailAddress.objects.filter(verified=True).values("user_id")
    )
    unconfirmed = left.count()
    is_demanded = settings.ACCOUNT_EMAIL_VERIFICATION == "mandatory" and settings.ACCOUNT_PREVENT_ENUMERATION
    return Finding(
        bool(is_demanded) and proved == users and not unconfirmed,
        _("{proved} of {all} members proved their e-mail address; {left} sign-ups lie unconfirmed for too long"),
        {"proved": len(proved), "all": len(users), "left": unconfirmed},
    )


@probe(
    "accounts.given_freely",
    _("Sign-up asks for little and ticks nothing by itself"),
    keys=("VOLUNT", "F-BIZEDITION"),
    rules=("data",),
    scope=Scope.INSTALLATION,
)
def given_freely(asked: Asked) -> Finding:
    """The forms as they are built: few required fields, no box that is ticked before the person ticks it; a business is asked for."""
    library = import_string("allauth.account.forms.SignupForm")
    asked_for = {**library().fields, **SignUpExtras().fields}
    ticked = [name for name, field in asked_for.items() if isinstance(field, forms.BooleanField) and field.initial]
    required = [name for name, field in asked_for.items() if field.required]
    business = NewWorkspaceForm.base_fields["name"].required
    return Finding(
        not ticked and set(required) <= {"name", "email", "phone", "password1"} and business,
        _("{required} fields are required of {all}, {ticked} boxes are ticked beforehand; a business is always named"),
        {"required": len(required), "all": len(asked_for), "ticked": len(ticked)},
    )


@probe(
    "accounts.codes",
    _("Codes are few, short-lived and counted"),
    keys=("F-OTP",),
    rules=("data.proof",),
    scope=Scope.INSTALLATION,
)
def codes(asked: Asked) -> Finding:
    """No code by mail or text may be guessed more than five times, and none lives longer than half an hour."""
    tries = max(
        settings.ACCOUNT_EMAIL_VERIFICATION_BY_CODE_MAX_ATTEMPTS,
        settings.ACCOUNT_PHONE_VERIFICATION_MAX_ATTEMPTS,
        settings.ACCOUNT_PASSWORD_RESET_BY_CODE_MAX_ATTEMPTS,
        settings.ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS,
        guessing.PER_CODE.tries,
    )
    minutes = max(settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT, settings.ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT) // 60
    return Finding(
        tries <= 5 and minutes <= 30,
        _("at most {tries} tries a code, which ends after {minutes} minutes"),
        {"tries": tries, "minutes": minutes},
    )


def _is_door(one: Route) -> bool:
    """Where a secret can be typed."""
    return "POST" in one.methods and one.rule in (anyone, at_the_door) and one.name not in _GIVES_NOTHING_AWAY


@probe(
    "accounts.guessing",
    _("Guessing and misuse of accounts is found and stopped"),
    keys=("F-FRAUD",),
    rules=("purposes.security",),
    scope=Scope.INSTALLATION,
)
def guessing_is_stopped(asked: Asked) -> Finding:
    """Every address that takes a password or a code is limited for each account or session and each network."""
    doors = [one for one in routes.addresses().values() if one.name.startswith(_DOORS) and _is_door(one)]
    open_doors = [one for one in doors if not one.limits]
    return Finding(
        len(doors) >= 3 and not open_doors and guessing.FROM_ANYWHERE.tries <= 20,
        _("{doors} doors for passwords and codes, {open} of them unlimited; {tries} tries an hour for an account"),
        {"doors": len(doors), "open": len(open_doors), "tries": guessing.FROM_ANYWHERE.tries},
    )


@probe(
    "accounts.managed",
    _("Members are managed: who left is out"),
    keys=("F-ACCTMGMT",),
    rules=("purposes.account",),
    minutes=60,
)
def managed(asked: Asked) -> Finding:
    """Who left or was switched off has no session here, and every workspace has an owner who can sign in."""
    gone = set(
        Member.objects.of(asked.workspace_id)
        .filter(Q(ended_at__isnull=False) | Q(user__is_active=False))
        .values_list("user_id", flat=True)
    ) - {seat.user_id for seat in seats(asked.workspace_id) if seat.user.is_active}
    inside = Session.objects.filter(workspace_id=asked.workspace_id, user_id__in=gone, expire_date__gt=asked.at).count()
    owners = sum(seat.role == Role.OWNER and seat.user.is_active for seat in seats(asked.workspace_id))
    return Finding(
        not inside and owners > 0,
        _("{owners} owners; {gone} former members, {inside} of them still signed in"),
        {"owners": owners, "gone": len(gone), "inside": inside},
    )
