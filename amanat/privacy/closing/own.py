"""What is kept about a user, taken along by herself: every field that is declared as hers, but for secrets."""

from __future__ import annotations

import json
from typing import Any, cast

from django.apps import apps
from django.core.serializers.json import DjangoJSONEncoder

from amanat.accounts import access
from amanat.accounts.models import User
from amanat.core.personal_data import Held
from amanat.privacy.erasure import belongings

#: A password's hash, a second factor's key and what opens a session help nobody but a thief.
_SECRETS = frozenset({"pd:Password", "pd:Authenticating"})
_KEYS = frozenset({"session_key", "session_data", "key"})


def taken(user: User) -> str:
    """JSON: the tables by their names, and the seats in workspaces."""
    told: dict[str, Any] = {"format": "amanat account 1", "id": str(user.pk), "tables": {}}
    for model in cast(list[Any], apps.get_models()):
        held = belongings.held(model)
        if held is not None and held.whose == "user" and (model is User or "user" in held.personal):
            told["tables"][held.model] = _rows(model, held, user)
    told["seats"] = [
        {"workspace": seat.name, "place": seat.place, "role": seat.role_name} for seat in access.seats_of(user)
    ]
    return json.dumps(told, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)


def _rows(model: Any, held: Held, user: User) -> list[dict[str, Any]]:
    hers = {"pk": user.pk} if model is User else {"user": user}
    names = {name for name, one in held.personal.items() if one.kind not in _SECRETS} | held.not_personal
    return list(model._default_manager.filter(**hers).order_by("pk").values(*sorted(names - _KEYS - {"user"})))
