"""The demo is made through the rules, says its sign-ins again, and goes without a trace."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.conf import settings

from amanat.accounts.models import Member, User
from amanat.core import files, ledger, schema, tenancy
from amanat.core.models import LocalMessage
from amanat.operations import demo
from amanat.operations.demo.plan import SHOPS
from amanat.people.models import Attachment, Contact
from amanat.proof import running
from amanat.proof.models import Outcome

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any) -> dict[str, Any]:
    settings.MAILERS = {"default": {"BACKEND": "amanat.core.outbox.EmailBackend"}}  # as where no mail server is set
    settings.SENDS_MAIL = False
    small = tuple(replace(shop, contacts=4, services=3) for shop in SHOPS[:2])
    monkeypatch.setattr(demo, "SHOPS", small)
    monkeypatch.setattr(demo, "_place", lambda: tmp_path / "demo.json")
    return demo.make()


@pytest.mark.slow
def test_each_shop_is_marked_filled_and_can_be_signed_in_to(made: dict[str, Any]) -> None:
    assert [shop["key"] for shop in made["workspaces"]] == ["csc", "sales"]
    for shop in made["workspaces"]:
        assert "(demo)" in shop["name"]
        with tenancy.inside(UUID(shop["id"])):
            assert Contact.objects.of(UUID(shop["id"])).count() == 4
            assert Member.objects.of(UUID(shop["id"])).count() == len(shop["members"])
        for seat in shop["members"]:
            assert User.objects.get(email=seat["email"]).check_password(seat["password"])
            assert seat["api_token"].startswith("amt_")


@pytest.mark.slow
def test_each_shop_keeps_what_a_fresh_board_would_show_as_broken(made: dict[str, Any]) -> None:
    """A policy with its addresses, second factors, a drill, training, the region: what nobody but the demo itself could have done."""
    wanted = [
        "accounts.second_factors", "incidents.drill", "registers.training", "registers.region", "publishing.reachable",
        "publishing.responsible", "publishing.posted", "publishing.receiving", "proof.lint",
    ]  # fmt: skip
    for shop in made["workspaces"]:
        workspace_id = UUID(shop["id"])
        owner = next(seat for seat in shop["members"] if seat["role"] == "owner")
        assert owner["totp_secret"]
        found = running.run_all(workspace_id, only=wanted)
        assert [(row.probe, row.facts) for row in found if row.outcome != Outcome.KEPT] == []
        assert len(found) == len(wanted)


@pytest.mark.slow
def test_made_again_it_says_the_same_sign_ins(made: dict[str, Any]) -> None:
    assert demo.make() == made


@pytest.mark.slow
def test_removed_it_leaves_no_row_and_no_file(made: dict[str, Any], superuser: psycopg.Connection) -> None:
    workspace = UUID(made["workspaces"][0]["id"])
    with tenancy.inside(workspace):
        stored = files.store(b"a note", workspace_id=workspace, name="note.txt", by=None, kind="attachment")
        contact = Contact.objects.of(workspace).first()
        Attachment.objects.create(workspace_id=workspace, contact=contact, file=stored, name="note.txt")
    assert [path for path in Path(settings.FILES_ROOT).rglob("*") if path.is_file()]
    assert demo.remove() == {"removed_workspaces": 2, "removed_users": 8}
    left = [
        model._meta.db_table
        for model in schema.workspace_models()
        if superuser.execute(f'SELECT count(*) FROM "{model._meta.db_table}"').fetchone() != (0,)
    ]
    assert left == []
    assert not User.objects.exists()
    assert not [path for path in Path(settings.FILES_ROOT).rglob("*") if path.is_file()]


@pytest.mark.slow
def test_removed_its_ledgers_are_not_missed_and_no_letter_to_its_people_is_left(made: dict[str, Any]) -> None:
    """A ledger that is gone as a whole would look as if somebody had cut it off."""
    workspaces = [UUID(shop["id"]) for shop in made["workspaces"]]
    for workspace in workspaces:
        ledger.seal(workspace)
        assert ledger.verify(workspace).entries > 0
    verified = Path(settings.LEDGER_HEADS_FILE).with_name("ledger-verified")
    assert len(list(verified.glob("*.json"))) >= 2
    LocalMessage.objects.create(channel="email", to="asha@example.in", title="Hers", body="Not of the demo")
    assert LocalMessage.objects.filter(to__endswith="demo.example").exists()
    demo.remove()
    assert [verdict.problem for verdict in map(ledger.verify, workspaces)] == [None, None]
    assert not [path for path in verified.glob("*.json") if UUID(path.stem) in workspaces]
    assert list(LocalMessage.objects.values_list("to", flat=True)) == ["asha@example.in"]
