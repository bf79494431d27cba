"""Where the database is, for each role."""

import json
from pathlib import Path

import psycopg
import pytest

from amanat.core import configuration, database
from amanat.core.configuration import Configuration


@pytest.fixture
def embedded(tmp_path: Path) -> Configuration:
    found = configuration.load({"AMANAT_DATA": str(tmp_path / "data")})
    configuration.ensure_secrets(found)
    return found


def test_the_embedded_server_is_reached_by_its_socket_with_a_password_for_each_role(embedded: Configuration) -> None:
    entries = database.connection_settings(embedded)
    assert {role: entry["USER"] for role, entry in entries.items()} == {
        "superuser": "postgres",
        "owner": "amanat_owner",
        "app": "amanat_app",
    }
    assert {entry["HOST"] for entry in entries.values()} == {str(embedded.data / "run")}
    assert len({entry["PASSWORD"] for entry in entries.values()}) == 3


def test_the_server_may_say_that_it_lives_elsewhere(embedded: Configuration) -> None:
    embedded.data.mkdir()
    database.place_file(embedded).write_text(json.dumps({"base": "/var/lib/x", "socket": "/tmp/short"}))
    assert database.connection_settings(embedded)["app"]["HOST"] == "/tmp/short"


def test_roles_made_by_hand_are_used_as_given() -> None:
    found = configuration.load(
        {
            "DATABASE_URL": "postgresql://boss:b%40ss@db.example.in:5433/crm?sslmode=require",
            "AMANAT_APP_DATABASE_URL": "postgresql://clerk:c@db.example.in:6432/crm",
        }
    )
    assert database.connection_settings(found) == {
        "owner": {
            "HOST": "db.example.in",
            "PORT": "5433",
            "NAME": "crm",
            "USER": "boss",
            "PASSWORD": "b@ss",
            "OPTIONS": {"sslmode": "require"},
        },
        "app": {
            "HOST": "db.example.in",
            "PORT": "6432",
            "NAME": "crm",
            "USER": "clerk",
            "PASSWORD": "c",
            "OPTIONS": {},
        },
    }


def test_roles_we_make_on_an_external_server_have_passwords_of_ours(tmp_path: Path) -> None:
    environ = {"AMANAT_DATA": str(tmp_path / "data"), "DATABASE_URL": "postgresql://boss:b@db/crm?sslmode=require"}
    found = configuration.load(environ)
    configuration.ensure_secrets(found)
    entries = database.connection_settings(found)
    assert entries.keys() == {"owner", "app"}
    for role in ("owner", "app"):
        assert (entries[role]["USER"], entries[role]["PASSWORD"]) == (
            f"amanat_{role}",
            configuration.password(found, role),
        )
        assert entries[role]["OPTIONS"] == {"sslmode": "require"}
    setup = psycopg.conninfo.conninfo_to_dict(database.address(found, "setup"))
    assert (setup["user"], setup["password"], setup["sslmode"]) == ("boss", "b", "require")
