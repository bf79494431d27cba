"""Each check of the doctor, with a sound installation and with the fault it is for."""

import dataclasses
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from amanat.core import configuration, database
from amanat.core.configuration import Configuration
from amanat.operations import doctor, postgres
from amanat.operations.doctor import Finding, Report
from amanat.operations.tests import places


@pytest.fixture
def here(place: Path) -> Configuration:
    found = places.install(place)
    configuration.make_enterable(found.data)
    return found


@pytest.fixture(scope="module")
def running() -> Iterator[Configuration]:
    """An installation whose server runs."""
    with places.folder() as folder:
        found = places.started(folder)
        server = postgres.start(found, purpose="tests", durable=False)
        yield found
        server.stop()


def states(findings: Iterator[Finding]) -> list[str]:
    return [finding.state for finding in findings]


def test_a_sound_installation_passes_the_plain_checks(here: Configuration) -> None:
    checks = (doctor._python, doctor._keys, doctor._folder, doctor._space)
    assert [states(check(here)) for check in checks] == [["ok"]] * 4


def test_packages_are_compared_with_the_lock(here: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    real = doctor.importlib.metadata.version
    assert states(doctor._packages(here)) == ["ok"]
    monkeypatch.setattr(doctor.importlib.metadata, "version", lambda name: "0.1" if name == "django" else real(name))
    [finding] = doctor._packages(here)
    assert (finding.state, finding.sentence.split(" instead")[0]) == ("fail", "django is 0.1")


def test_open_secrets_are_found(here: Configuration) -> None:
    here.secrets.chmod(0o755)
    (here.secrets / "app-password").chmod(0o644)
    found = list(doctor._keys(here))
    assert [(finding.state, finding.mend) for finding in found] == [
        ("fail", f"chmod 700 '{here.secrets}'"),
        ("fail", f"chmod 600 '{here.secrets / 'app-password'}'"),
    ]


@pytest.mark.parametrize("name", ["root_key_file", "secret_key_file", "tombstone_key_file", "proof_key_file"])
def test_a_missing_key_is_found(here: Configuration, name: str) -> None:
    assert states(doctor._keys(here)) == ["ok"]
    getattr(here, name).unlink()
    assert "fail" in states(doctor._keys(here))


@pytest.mark.parametrize("content", ["", "not hexadecimal", "ab" * 31])
def test_a_damaged_key_of_proofs_is_found(here: Configuration, content: str) -> None:
    here.proof_key_file.write_text(content)
    [found] = [one for one in doctor._keys(here) if one.name == "proof key"]
    assert found.state == "fail" and "is damaged" in found.sentence and "Put it back" in found.mend


@pytest.mark.parametrize(("free", "state"), [(50 << 20, "fail"), (500 << 20, "warn"), (5 << 30, "ok")])
def test_little_space_is_told(here: Configuration, monkeypatch: pytest.MonkeyPatch, free: int, state: str) -> None:
    usage = shutil_usage(free)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: usage)
    assert states(doctor._space(here)) == [state]


def shutil_usage(free: int) -> object:
    return doctor.shutil._ntuple_diskusage(100 << 30, (100 << 30) - free, free)


def test_a_used_port_is_told(here: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.wellness, "PATIENCE", 0.05)  # what listens there says nothing
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        found = dataclasses.replace(here, port=taken.getsockname()[1])
        assert states(doctor._port(found))[0] == "warn"


def test_mail_without_a_server_or_without_encryption_is_told(here: Configuration) -> None:
    with_server = dataclasses.replace(here, smtp_host="mail.example.in")
    assert states(doctor._mail(here)) == ["warn"]
    assert states(doctor._mail(with_server)) == ["ok"]
    assert states(doctor._mail(dataclasses.replace(with_server, smtp_tls="none"))) == ["warn"]


def test_texts_that_reach_nobody_are_told_and_a_file_is_looked_through(here: Configuration, tmp_path: Path) -> None:
    public = dataclasses.replace(here, base_url="https://crm.example.in")
    assert states(doctor._texts(here)) == ["ok"]
    [warned] = doctor._texts(public)
    assert warned.state == "warn" and "AMANAT_TEXTS_FILE" in warned.mend
    file = tmp_path / "texts.json"
    said = {"header": "SHREEC", "url": "http://127.0.0.1:9/send", "fields": {"to": "{number}", "text": "{text}"}}
    file.write_text(json.dumps(said))
    file.chmod(0o600)
    filled = dataclasses.replace(public, texts_file=file)
    assert [(one.state, one.sentence) for one in doctor._texts(filled)] == [
        ("ok", "Text messages leave through 127.0.0.1, from SHREEC.")
    ]
    assert states(doctor._text_templates(filled)) == ["warn"]
    file.write_text(
        json.dumps(said | {"templates": [{**one, "template_id": "1"} for one in doctor.texts_to_register()]})
    )
    assert states(doctor._text_templates(filled)) == ["ok"]
    file.write_text(json.dumps(said | {"url": "https://sms.example.invalid/send"}))
    assert states(doctor._texts(filled)) == ["warn"]
    file.chmod(0o644)
    assert states(doctor._texts(filled)) == ["fail"]


def test_a_check_that_fails_itself_is_a_finding(here: Configuration) -> None:
    def _odd_check(configuration: Configuration) -> Iterator[Finding]:
        yield Finding("odd", "ok", "So far.")
        raise RuntimeError("no such thing")

    found = list(doctor._safely(_odd_check, here))
    assert [(finding.name, finding.state) for finding in found] == [("odd", "ok"), ("odd check", "fail")]
    assert "RuntimeError: no such thing" in found[1].sentence


def test_one_failure_makes_the_whole_fail_and_a_warning_does_not() -> None:
    fine, odd, bad = Finding("a", "ok", "A."), Finding("b", "warn", "B.", "Mend."), Finding("c", "fail", "C.")
    assert Report((fine, odd)).ok
    assert not Report((fine, odd, bad)).ok
    assert Report((fine, odd)).as_text() == "ok    a: A.\nwarn  b: B.\n      → Mend."
    told = json.loads(json.dumps(Report((odd,)).as_json()))
    assert (told["ok"], told["checks"]) == (True, [{"name": "b", "state": "warn", "sentence": "B.", "mend": "Mend."}])


@pytest.mark.slow
def test_the_database_is_examined(running: Configuration) -> None:
    assert [(finding.name, finding.state) for finding in doctor._server(running)] == [
        ("database", "ok"),
        ("clock", "ok"),
    ]
    assert states(doctor._roles(running)) == ["ok"]


@pytest.mark.parametrize(
    ("fault", "mended", "told"),
    [
        ("ALTER ROLE amanat_app SUPERUSER", "ALTER ROLE amanat_app NOSUPERUSER", "is a superuser"),
        ("ALTER ROLE amanat_app BYPASSRLS", "ALTER ROLE amanat_app NOBYPASSRLS", "bypasses row-level security"),
        ("GRANT amanat_owner TO amanat_app", "REVOKE amanat_owner FROM amanat_app", "owns the database"),
        (
            "CREATE TABLE mine (id int); ALTER TABLE mine OWNER TO amanat_app",
            "DROP TABLE mine",
            "owns 1 tables",
        ),
    ],
)
def test_a_role_with_too_many_rights_is_found(running: Configuration, fault: str, mended: str, told: str) -> None:
    with psycopg.connect(database.address(running, "superuser"), autocommit=True) as connection:
        connection.execute(fault)
        try:
            [finding] = doctor._roles(running)
        finally:
            connection.execute(mended)
    assert finding.state == "fail"
    assert told in finding.sentence


def test_an_old_minor_version_is_told(running: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "NEWEST_MINOR", {major: f"{major}.99" for major in doctor.NEWEST_MINOR})
    assert states(doctor._server(running))[0] == "warn"


def test_a_clock_that_is_off_is_found(running: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CLOCK_TOLERANCE", -1.0)
    assert states(doctor._server(running))[1] == "fail"


@pytest.mark.slow
def test_a_new_installation_is_told_to_start_once(place: Path) -> None:
    code, output = places.run(place / "data", "doctor", by_itself=True)
    assert code == 0
    assert "There is no database yet." in output
    assert not (place / "data-secrets").exists()  # it changes nothing


@pytest.mark.slow
def test_an_unmigrated_database_is_found(place: Path) -> None:
    here = places.started(place)
    server = postgres.start(here, purpose="tests", durable=False)
    try:
        assert failures(here) == {"migrations", "worker"}
    finally:
        server.stop()


@pytest.mark.slow
def test_a_fallen_wall_is_found_and_put_up_again_by_migrating(place: Path) -> None:
    here = places.migrated(place)
    server = postgres.start(here, purpose="tests", durable=False)
    try:
        assert failures(here) == set()
        with psycopg.connect(database.address(here, "owner"), autocommit=True) as connection:
            connection.execute("ALTER TABLE people_contact NO FORCE ROW LEVEL SECURITY")
        assert failures(here) == {"walls"}
        assert places.run(here.data, "migrate")[0] == 0
        assert failures(here) == set()
    finally:
        server.stop()


def failures(here: Configuration) -> set[str]:
    code, output = places.run(here.data, "doctor", "--json")
    report = json.loads(output)
    assert code == (0 if report["ok"] else 1)
    return {check["name"] for check in report["checks"] if check["state"] == "fail"}
