"""How the database is reached, as which role. Whether the server is embedded or external is decided here only.

Roles: `owner` runs migrations, `app` serves and owns nothing, `superuser` exists in the embedded server only.
"""

import json
from pathlib import Path
from typing import Any, TypedDict

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from amanat.core import configuration as settings
from amanat.core.configuration import Configuration

NAME = "amanat"
PORT = 5432
ROLE_NAMES = {"superuser": "postgres", "owner": "amanat_owner", "app": "amanat_app"}


class ConnectionSettings(TypedDict):
    """The part of an entry of Django's DATABASES that says where and as whom."""

    HOST: str
    PORT: str
    NAME: str
    USER: str
    PASSWORD: str
    OPTIONS: dict[str, Any]


def place_file(configuration: Configuration) -> Path:
    """Where the embedded server says in which folder it lives (written when the cluster is made).

    Folders within the data folder are relative to it, so that it can be moved.
    """
    return configuration.data / "postgres.json"


def socket_folder(configuration: Configuration) -> Path:
    """Folder of the embedded server's socket: it differs from the default where paths are long or closed to its user."""
    try:
        return configuration.data / str(json.loads(place_file(configuration).read_text())["socket"])
    except FileNotFoundError:
        return configuration.data / "run"


def connection_settings(configuration: Configuration) -> dict[str, ConnectionSettings]:
    """Entries `owner` and `app`, and `superuser` when the server is ours."""
    if configuration.is_embedded:
        return {role: _embedded(configuration, role) for role in ROLE_NAMES}
    if configuration.app_database_url:  # roles made by hand
        return {"owner": _external(configuration.database_url), "app": _external(configuration.app_database_url)}
    return {
        role: _external(configuration.database_url, ROLE_NAMES[role], settings.password(configuration, role))
        for role in ("owner", "app")
    }


def address(configuration: Configuration, role: str, database: str = "") -> str:
    """A libpq connection string. `role` is owner, app, superuser (embedded only) or setup (as DATABASE_URL says)."""
    entry = _external(configuration.database_url) if role == "setup" else connection_settings(configuration)[role]
    return make_conninfo(
        host=entry["HOST"],
        port=entry["PORT"],
        dbname=database or entry["NAME"],
        user=entry["USER"],
        password=entry["PASSWORD"],
        **entry["OPTIONS"],
    )


def _embedded(configuration: Configuration, role: str) -> ConnectionSettings:
    return ConnectionSettings(
        HOST=str(socket_folder(configuration)),
        PORT=str(PORT),
        NAME=NAME,
        USER=ROLE_NAMES[role],
        PASSWORD=settings.password(configuration, role),
        OPTIONS={},
    )


def _external(url: str, user: str = "", password: str = "") -> ConnectionSettings:
    parts = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    own_user, own_password = parts.pop("user", ""), parts.pop("password", "")
    return ConnectionSettings(
        HOST=parts.pop("host", "localhost"),
        PORT=parts.pop("port", "5432"),
        NAME=parts.pop("dbname"),
        USER=user or own_user,
        PASSWORD=password or own_password,
        OPTIONS=dict(parts),
    )
