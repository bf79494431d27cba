"""What a user says about herself."""

from __future__ import annotations

from django.db import transaction

from amanat.accounts import access
from amanat.accounts.models import Member, User
from amanat.core import tenancy


def change(*, user: User, name: str, language: str, theme: str) -> User:
    """Set name, language and theme; the name changes in each of her workspaces, under whose names records show it."""
    renamed = name != user.name
    user.name, user.language, user.theme = name, language, theme
    with transaction.atomic():
        user.save(update_fields=["name", "language", "theme"])
        for seat in access.seats_of(user) if renamed else []:
            with tenancy.inside(seat.workspace_id, actor=seat.member_id):
                Member.objects.of(seat.workspace_id).filter(pk=seat.member_id).update(name=name)
    return user


def forget_phone(user: User) -> None:
    user.phone, user.phone_verified_at = None, None
    user.save(update_fields=["phone", "phone_verified_at"])
