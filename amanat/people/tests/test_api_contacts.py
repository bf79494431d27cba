"""Contacts through the API."""

from __future__ import annotations

from amanat.accounts.models import Workspace
from amanat.accounts.tests.api_client import owners_program


def test_a_contact_is_made_read_and_changed(shree: Workspace) -> None:
    sync = owners_program(shree)
    made = sync.post("/contacts", {"name": "Sunita", "phones": [{"number": "98220 41736", "label": "mobile"}]})
    assert made.status_code == 201, made.content
    print(made.content, made.headers)
    assert sync.get(made["Location"]).json() == made.json()
    listed = sync.get("/contacts")
    assert listed.status_code == 200, listed.content
    print(listed.content)
