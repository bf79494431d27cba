"""`amanat demo`: workspaces to look around in, plainly marked, removable in one command.

Passwords are made at random when the demo is made and kept, readable by the operator only, beside the keys: a demo with
known passwords on a public address would be a door. Run again, the command prints the same sign-ins.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal import auth as totp
from django.conf import settings as django_settings
from django.db import connections, transaction
from django.db.models import Q

from amanat.accounts import api_tokens, members, teams, workspaces
from amanat.accounts.models import Member, Session, Team, User, Workspace
from amanat.core import clock, schema, sealedobjects, tenancy, tombstones
from amanat.core import configuration as settings
from amanat.core.models import LocalMessage, StoredFile
from amanat.operations import notes
from amanat.operations.demo import conversations, standing, story
from amanat.operations.demo.plan import DOMAIN, SHOPS, Seat, Shop

#: The last digits of an owner's number, which no contact has.
_OF_THE_OWNER = 999_901
WORDS = (
    "lantern", "river", "mango", "harbour", "velvet", "copper", "monsoon", "saffron", "window", "teak", "pepper", "anchor",
    "meadow", "kettle",
)  # fmt: skip


def make() -> dict[str, Any]:
    """Make what is not there yet; returns every workspace with its sign-ins (password, TOTP secret, API token)."""
    known = {shop["key"]: shop for shop in _read().get("workspaces", [])}
    there = set(_demo_ids())
    made = [
        known[shop.key] if shop.key in known and known[shop.key]["id"] in there else _make_shop(shop) for shop in SHOPS
    ]
    result = {"base_url": notes.address(settings.current()), "workspaces": made}
    _write(result)
    return result


def remove() -> dict[str, Any]:
    """Remove every demo workspace with all its rows and files, and the people who sat only there."""
    removed = _demo_ids()
    for workspace_id in removed:
        objects = _objects_of(workspace_id)
        with (
            transaction.atomic()
        ):  # first: without it, a ledger that is gone as a whole looks as if somebody had cut it off
            tombstones.record(tombstones.Kind.WORKSPACE, [UUID(workspace_id)], at=clock.now())
        _erase(workspace_id)
        sealedobjects.delete(objects)  # after the rows: a crash in between leaves bytes that nobody can open
        _mark_of_ledger(workspace_id).unlink(missing_ok=True)
    with transaction.atomic():
        LocalMessage.objects.filter(Q(to__endswith=f".{DOMAIN}") | Q(to__endswith=".demo.test")).delete()
        gone = User.objects.filter(email__endswith=f".{DOMAIN}", seats__isnull=True)
        users = gone.count()
        Session.objects.filter(user__in=gone).delete()
        gone.delete()
    _place().unlink(missing_ok=True)
    return {"removed_workspaces": len(removed), "removed_users": users}


_CONVERSATIONS = (
    "To try conversations and reminders, start the site with: ./run up --sandbox\n"
    "It plays the providers and reaches nobody. In the inbox, “The other phone” lets you answer as the customer.\n"
)


def as_text(result: dict[str, Any]) -> str:
    """The sign-ins as a table to read."""
    if "workspaces" not in result:
        return "Removed {removed_workspaces} demo workspaces and {removed_users} people.".format(**result)
    lines = [f"Demo workspaces at {result['base_url']}. All people in them are invented.", ""]
    for shop in result["workspaces"]:
        lines.append(f"{shop['name']}")
        for seat in shop["members"]:
            extra = f"  TOTP secret {seat['totp_secret']}" if seat["totp_secret"] else ""
            lines.append(f"  {seat['role']:8} {seat['email']:42} {seat['password']}{extra}")
        lines.append("")
    return "\n".join([*lines, _CONVERSATIONS, "Remove them with: ./run demo --remove"])


def _make_shop(shop: Shop) -> dict[str, Any]:
    at = clock.now()
    users = [_user(shop, seat) for seat in shop.seats]
    owner = workspaces.create(
        name=shop.name, owner=users[0][0], at=at - story.SPAN, kind=shop.kind, place=shop.place, language=shop.language,
        is_demo=True, **shop.details,
    )  # fmt: skip
    workspace = owner.workspace
    with tenancy.inside(workspace, actor=owner.pk):
        seated, groups = _seat(shop, workspace, owner, [user for user, _password in users])
        standing.promise(shop, workspace, seated)
        people = story.tell(shop, workspace, seated, groups)
        conversations.tell(workspace, seated, people)
        tokens = {member.pk: _token(member) for member in seated}
    standing.practice(workspace, at)
    return {
        "key": shop.key,
        "id": str(workspace.pk),
        "name": workspace.name,
        "kind": shop.kind,
        "members": [
            {
                "id": str(member.pk),
                "name": member.name,
                "email": user.email,
                "password": password,
                "role": member.role,
                "sees": member.sees,
                "totp_secret": _totp(user) if seat.has_totp else None,
                "api_token": tokens[member.pk],
            }
            for seat, member, (user, password) in zip(shop.seats, seated, users, strict=True)
        ],
    }


def _user(shop: Shop, seat: Seat) -> tuple[User, str]:
    email = f"{seat.address_part}@{shop.key}.{DOMAIN}"
    password = " ".join(secrets.choice(WORDS) for _number in range(3)) + f" {secrets.randbelow(9000) + 1000}"
    User.objects.filter(email=email, seats__isnull=True).delete()
    user = User.objects.create_user(email, password, name=seat.name, language=shop.language)
    if seat.role == "owner":  # confirmed, so that texts of reminders can be tried on it
        user.phone, user.phone_verified_at = story.number_of(shop, _OF_THE_OWNER), clock.now()
        user.save(update_fields=["phone", "phone_verified_at"])
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user, password


def _seat(shop: Shop, workspace: Workspace, owner: Member, users: list[User]) -> tuple[list[Member], list[Team]]:
    at = clock.now()
    names = sorted({seat.team for seat in shop.seats if seat.team})
    groups = {name: teams.make(workspace_id=workspace.pk, name=name, by=owner, at=at) for name in names}
    seated = [owner]
    for seat, user in list(zip(shop.seats, users, strict=True))[1:]:
        member = members.join(
            workspace_id=workspace.pk, user=user, role=seat.role, at=at, sees=seat.sees, team=groups.get(seat.team)
        )
        member.workspace = workspace
        seated.append(member)
    return seated, list(groups.values())


def _token(member: Member) -> str:
    at = clock.now()
    _row, text = api_tokens.make(
        member=member,
        name="Demo",
        scopes=api_tokens.Scope.values,
        expires_at=at + api_tokens.longest(api_tokens.Scope.values),
        at=at,
    )
    return text


def _totp(user: User) -> str:
    secret = str(totp.generate_totp_secret())
    totp.TOTP.activate(user, secret)
    return secret


def _demo_ids() -> list[str]:
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT id FROM accounts_workspace WHERE is_demo ORDER BY id")
        return [str(row[0]) for row in cursor.fetchall()]


def _objects_of(workspace_id: str) -> list[str]:
    """Names under which the workspace's files lie in the store."""
    with tenancy.inside(UUID(workspace_id)):
        return list(StoredFile.objects.of(UUID(workspace_id)).values_list("object_name", flat=True))


def _erase(workspace_id: str) -> None:
    """Every row of the workspace, ledger included, as the owner; keys across tables are checked at the end."""
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        tables = [model._meta.db_table for model in schema.workspace_models()]
        # The ledger last: the triggers of the other tables still write to it.
        for table in sorted(tables, key=lambda name: name.startswith("core_ledger")):
            cursor.execute(f'DELETE FROM "{table}" WHERE workspace_id = %s', [workspace_id])  # noqa: S608 (our tables' names)
        cursor.execute("DELETE FROM procrastinate_jobs WHERE args->>'workspace_id' = %s", [workspace_id])


def _mark_of_ledger(workspace_id: str) -> Path:
    """How far the ledger was checked (`core.ledger_marks`)."""
    return Path(django_settings.LEDGER_HEADS_FILE).with_name("ledger-verified") / f"{workspace_id}.json"


def _place() -> Path:
    return settings.current().secrets / "demo.json"


def _read() -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(_place().read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found


def _write(result: dict[str, Any]) -> None:
    place = _place()
    place.touch(mode=0o600, exist_ok=True)
    place.write_text(json.dumps(result, indent=1), encoding="utf-8")
