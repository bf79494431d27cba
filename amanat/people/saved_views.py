"""Saved views: a list with its filters, order and columns, kept by a member and shared if she may."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.accounts.permissions import May
from amanat.core import ledger
from amanat.core.rows import Reader
from amanat.people.drafts import plain
from amanat.people.lists import Definition
from amanat.people.models import SavedView

MOST = 60


def seen_by(member: Member, *, on: str) -> list[SavedView]:
    """Her own and the shared ones, in order."""
    views = _reader()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {views.columns} FROM people_savedview v WHERE v.workspace_id = %s AND (v.member_id = %s OR v.is_shared) "  # noqa: S608
            'AND v."on" = %s ORDER BY v.position, v.created_at, v.id LIMIT %s',
            [member.workspace_id, member.pk, on, MOST],
        )
        return [views.row(values) for values in cursor.fetchall()]


@cache
def _reader() -> Reader[SavedView]:
    return Reader(SavedView, "v")


def save(*, member: Member, at: datetime, name: str, definition: Definition, is_shared: bool = False) -> SavedView:
    """Keep a view; one of the same name of hers is replaced. Raises ValidationError, PermissionError for sharing."""
    name = plain(name)
    if not name or len(name) > 60:
        raise ValidationError({"name": _("Give the view a name of at most 60 characters.")})
    if is_shared and not member.may(May.SHARE_VIEWS):
        raise PermissionError("views may not be shared")
    with transaction.atomic():
        mine = SavedView.objects.of(member.workspace_id).filter(member_id=member.pk, on=definition.on)
        if mine.count() >= MOST:
            raise ValidationError({"name": _("You keep %(count)d views already. Delete one first.") % {"count": MOST}})
        view, _made = mine.update_or_create(
            workspace_id=member.workspace_id, member_id=member.pk, on=definition.on, name=name,
            defaults={"definition": definition.as_json(), "is_shared": is_shared},
            create_defaults={"definition": definition.as_json(), "is_shared": is_shared, "created_at": at},
        )  # fmt: skip
        if is_shared:
            ledger.write("people.view.shared", workspace=member.workspace_id, by=member, about=view, at=at)
    return view


def may_change(view: SavedView, member: Member) -> bool:
    """Her own; a shared one also by whoever may share."""
    return view.member_id == member.pk or (view.is_shared and member.may(May.SHARE_VIEWS))


def change(*, view: SavedView, member: Member, at: datetime, name: str, is_shared: bool) -> SavedView:
    """Rename a view, or share it or not. Raises ValidationError, PermissionError."""
    name = plain(name)
    if not name or len(name) > 60:
        raise ValidationError({"name": _("Give the view a name of at most 60 characters.")})
    if not may_change(view, member) or (is_shared and not view.is_shared and not member.may(May.SHARE_VIEWS)):
        raise PermissionError("this view belongs to somebody else")
    others = (
        SavedView.objects.of(view.workspace_id)
        .filter(member_id=view.member_id, on=view.on, name=name)
        .exclude(pk=view.pk)
    )
    if others.exists():
        raise ValidationError({"name": _("There is a view of this name.")})
    shared_now = is_shared and not view.is_shared
    view.name, view.is_shared = name, is_shared
    with transaction.atomic():
        view.save(update_fields=["name", "is_shared"])
        if shared_now:
            ledger.write("people.view.shared", workspace=view.workspace_id, by=member, about=view, at=at)
    return view


def delete(*, view: SavedView, member: Member) -> None:
    if not may_change(view, member):
        raise PermissionError("this view belongs to somebody else")
    SavedView.objects.of(view.workspace_id).filter(pk=view.pk).delete()


def find(member: Member, identity: UUID) -> SavedView | None:
    """A view she may use."""
    views = SavedView.objects.of(member.workspace_id).filter(Q(member_id=member.pk) | Q(is_shared=True))
    return views.filter(pk=identity).first()
