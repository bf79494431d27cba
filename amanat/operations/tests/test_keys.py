"""Replacing keys with real values under them: papers, files, second factors; killed on the way and run again."""

import json
import signal
import time
from pathlib import Path

import pytest

from amanat.core import rootkeys
from amanat.core.configuration import Configuration
from amanat.operations import backup, dumps, postgres
from amanat.operations.tests import places

pytestmark = pytest.mark.slow

PREAMBLE = """
from amanat.core import configuration
from amanat.operations import postgres, services
with postgres.using(configuration.current()):
    services.set_up_django()
    import json
    from allauth.mfa.models import Authenticator
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
    from allauth.mfa.totp.internal.auth import TOTP
    from allauth.mfa.utils import decrypt
    from amanat.accounts import access
    from amanat.accounts.models import User
    from amanat.accounts.tests import factories
    from amanat.core import clock, files, tenancy, vault
    from amanat.core.models import StoredFile, WorkspaceKey, SystemKey
    from amanat.desk import papers
    from amanat.desk.models import Paper
    from amanat.people import contacts
    from amanat.people.drafts import ContactDraft
"""
FILL = """
    for name in ("Shree CSC Kendra", "Other Traders"):
        here = factories.make_workspace(name, owner=name + " Owner")
        owner = factories.owner_of(here)
        TOTP.activate(owner.user, "JBSWY3DPEHPK3PXP")
        RecoveryCodes.activate(owner.user)
        with tenancy.inside(here):
            asha = contacts.create(workspace=here, by=owner, at=clock.now(), draft=ContactDraft(name="Asha"))
            for number in range(PAPERS):
                papers.attach(kind="pan", by=owner, at=clock.now(), contact=asha, number=f"ABCPE{number + 1:04}F")
            vault.fingerprint("x", workspace_id=here.pk, purpose="p")
"""
LOOK = """
    found = {"numbers": [], "versions": [], "roots": [], "prints": []}
    for workspace in sorted(access.workspace_ids()):
        with tenancy.inside(workspace):
            found["numbers"].append(sorted(
                vault.open_text(paper.number_sealed, workspace_id=workspace, context=papers.number_context(paper))
                for paper in Paper.objects.of(workspace)))
            found["versions"].append(sorted({int.from_bytes(bytes(paper.number_sealed)[1:5]) for paper in Paper.objects.of(workspace)}))
            found["roots"] += WorkspaceKey.objects.of(workspace).filter(retired_at=None).values_list("root_id", flat=True)
            found["prints"].append(vault.fingerprint("x", workspace_id=workspace, purpose="p").hex())
    found["roots"] = sorted({*found["roots"], *SystemKey.objects.filter(retired_at=None).values_list("root_id", flat=True)})
    rows = Authenticator.objects.order_by("pk")
    found["totp"] = [decrypt(row.data["secret"]) for row in rows if row.type == "totp"]
    found["codes"] = [RecoveryCodes(row).generate_codes() for row in rows if row.type == "recovery_codes"]
    found["factors"] = sorted({int(text[2:10], 16) for row in rows for text in row.data.values() if isinstance(text, str)})
    print("LOOK" + json.dumps(found))
"""
LATER = {"AMANAT_TIME_OFFSET": "700"}  # beyond the ten minutes in which old keys are still kept


def step(here: Configuration, body: str, **changes: str) -> str:
    process = places.spawn(here.data, code=PREAMBLE + body, **changes)
    output = process.communicate(timeout=5 * places.PATIENCE)[0]
    assert process.returncode == 0, output
    return output


def look(here: Configuration) -> dict[str, list[object]]:
    found: dict[str, list[object]] = json.loads(step(here, LOOK).split("LOOK")[1])
    return found


def installed(place: Path, papers: int = 3) -> Configuration:
    def fill(folder: Path) -> None:
        step(places.migrated(folder), FILL.replace("PAPERS", str(papers)))

    return places.made_once(f"{papers} papers", fill, place)


def rings(here: Configuration) -> list[list[int]]:
    code, output = places.run(here.data, "keys", "status", "--json")
    assert code == 0, output
    return [ring["versions"] for ring in json.loads(output)["rings"]]


def secrets_of(found: dict[str, list[object]]) -> list[object]:
    return [found[name] for name in ("numbers", "totp", "codes", "prints")]


def test_rotating_seals_everything_anew_and_destroys_the_old_keys(place: Path) -> None:
    here = installed(place)
    with postgres.using(here):  # one server for all of its commands
        _is_rotated(here)


def _is_rotated(here: Configuration) -> None:
    before = look(here)
    assert (before["totp"], before["versions"], before["factors"]) == (["JBSWY3DPEHPK3PXP"] * 2, [[1], [1]], [1])
    assert rings(here) == [[1], [1], [1]]

    code, output = places.run(here.data, "keys", "rotate", "--no-wait", by_itself=True)
    assert code == 0, output
    assert "10 values in 3 rings are under new keys" in output  # 2 x 3 numbers, 2 x 2 factors
    assert "can be destroyed from" in output
    now = look(here)
    assert secrets_of(now) == secrets_of(before)
    assert (now["versions"], now["factors"]) == ([[2], [2]], [2])
    assert rings(here) == [[1, 2], [1, 2], [1, 2]]

    code, output = places.run(here.data, "keys", "rotate", **LATER)  # goes on, and begins no third
    assert code == 0, output
    assert "3 old keys were destroyed." in output
    assert rings(here) == [[2], [2], [2]]
    assert secrets_of(look(here)) == secrets_of(before)
    with dumps.connect(here) as connection:
        kept = connection.execute(
            "SELECT count(*) FROM core_workspacekey WHERE use = 'seal' AND version = 1 AND wrapped <> ''"
        )
        assert kept.fetchone() == (0,)


def test_one_workspace_can_be_rotated_alone(place: Path) -> None:
    here = installed(place)
    with postgres.using(here):
        code, output = places.run(here.data, "keys", "status", "--json")
        one = json.loads(output)["rings"][1]["workspace"]
        code, output = places.run(here.data, "keys", "rotate", "--no-wait", "--workspace", one)
        assert code == 0, output
        assert rings(here) == [[1], [1, 2], [1]]
        code, output = places.run(here.data, "keys", "rotate", "--workspace", "0198f000-0000-7000-8000-000000000000")
        assert (code, "no such workspace" in output) == (3, True)


def test_a_rotation_killed_anywhere_is_finished_by_the_next_run(place: Path) -> None:
    here = installed(place, 400)
    before = look(here)
    server = postgres.start(here, purpose="up")
    try:
        for pause in (0.0, 0.05, 0.2, 0.5):
            process = places.spawn(here.data, "keys", "rotate", "--no-wait")
            with_rings = places.read_until(process, "rings got a new key")
            assert "got" in with_rings
            time.sleep(pause)  # the kill lands somewhere in the sealing
            process.send_signal(signal.SIGKILL)
            process.wait()
        code, output = places.run(here.data, "keys", "rotate", **LATER)
        assert code == 0, output
    finally:
        server.stop()
    now = look(here)
    assert secrets_of(now) == secrets_of(before)
    assert (now["versions"], now["factors"], rings(here)) == ([[2], [2]], [2], [[2], [2], [2]])


def test_the_root_key_is_replaced_and_older_backups_still_open(place: Path) -> None:
    here = installed(place)
    before = look(here)
    old = list(rootkeys.read(here.root_key_file))
    assert places.run(here.data, "backup", str(place / "old.amanat"))[0] == 0
    rootkeys.add(here.root_key_file)  # as if killed right after the new one was added

    code, output = places.run(here.data, "keys", "rotate-root")
    assert code == 0, output
    [new] = rootkeys.read(here.root_key_file)
    assert new not in old
    now = look(here)
    assert now["roots"] == [new]
    assert secrets_of(now) == secrets_of(before)
    assert list(rootkeys.read(dumps.former_root_keys(here))) == old

    code, output = places.run(here.data, "restore", str(place / "old.amanat"), "--replace")
    assert code == 0, output
    assert list(rootkeys.read(here.root_key_file)) == [new, *old]
    assert secrets_of(look(here)) == secrets_of(before)
    code, output = places.run(here.data, "keys", "rotate-root")  # and takes the old one away again
    assert code == 0, output
    assert list(rootkeys.read(here.root_key_file)) == [new]
    assert secrets_of(look(here)) == secrets_of(before)

    dumps.former_root_keys(here).unlink()
    code, output = places.run(here.data, "restore", str(place / "old.amanat"), "--replace")
    assert (code, old[0] in output) == (3, True)
    assert backup.keys_of(place / "old.amanat").exists()


def test_a_value_that_does_not_open_keeps_the_old_keys(place: Path) -> None:
    here = installed(place)
    with postgres.using(here), dumps.connect(here) as connection:
        connection.execute("UPDATE desk_paper SET number_sealed = set_byte(number_sealed, 30, 255 - get_byte(number_sealed, 30)) "
                           "WHERE id = (SELECT id FROM desk_paper ORDER BY id LIMIT 1)")  # fmt: skip
    code, output = places.run(here.data, "keys", "rotate", **LATER)
    assert (code, "1 values do not open" in output) == (3, True)
    assert rings(here) == [[1, 2], [1, 2], [1, 2]]
