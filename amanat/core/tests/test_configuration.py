"""What the operator may set, and what stops a start."""

import dataclasses
import re
import stat
from pathlib import Path

import pytest

from amanat.core import configuration
from amanat.core.configuration import CHECKOUT, SETTINGS, Configuration, ConfigurationError


def problems(**environ: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        configuration.load(environ)
    return caught.value.problems


def test_nothing_set_gives_a_local_installation() -> None:
    found = configuration.load({})
    assert found.data == CHECKOUT / "var"
    assert found.secrets == CHECKOUT / "var-secrets"
    assert (found.host, found.port, found.live_port) == ("127.0.0.1", 8000, 8001)
    assert found.base_url == "http://localhost:8000"
    assert found.mail_from == "amanat@localhost"
    assert found.is_embedded
    assert found.sign_up == "open"
    assert found.default_region == "IN"
    assert found.secret_key_file == found.secrets / "secret-key"


def test_each_setting_has_an_attribute_a_known_kind_and_a_sentence() -> None:
    assert [setting.attribute for setting in SETTINGS] == [field.name for field in dataclasses.fields(Configuration)]
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)
    for setting in SETTINGS:
        assert setting.kind in configuration.KINDS
        assert setting.sentence.endswith(".")
        configuration.KINDS[setting.kind](setting.default)  # the default is valid


def test_each_setting_stands_in_the_operators_manual_with_its_default() -> None:
    table = (CHECKOUT / "docs/operators.md").read_text().split("## Settings")[1].split("## Where")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    documented = {line.split("`")[1]: line for line in rows}
    assert documented.keys() == {setting.name for setting in SETTINGS}
    for setting in SETTINGS:
        assert (
            documented[setting.name]
            == f"| `{setting.name}` | {f'`{setting.default}`' if setting.default else ''} | {setting.sentence} |"
        )


def test_an_empty_value_counts_as_not_set() -> None:
    assert configuration.load({"AMANAT_PORT": "", "DATABASE_URL": " "}) == configuration.load({})


def test_a_wrong_setting_is_told_where_an_option_stands_over_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMANAT_PORT", "abc")
    with pytest.raises(ConfigurationError, match="AMANAT_PORT is not understood: give a whole number"):
        configuration.adopt(AMANAT_PORT="8300")


def test_values_get_their_types() -> None:
    found = configuration.load(
        {
            "AMANAT_PORT": "9000",
            "AMANAT_DEBUG": "yes",
            "AMANAT_TIME_OFFSET": "-3600",
            "AMANAT_TRUSTED_PROXIES": "10.0.0.0/8, ::1/128",
            "AMANAT_DEFAULT_REGION": "np",
            "AMANAT_DATA": "/srv/amanat",
            "AMANAT_BASE_URL": "https://localhost/",
        }
    )
    assert (found.port, found.debug, found.time_offset, found.default_region) == (9000, True, -3600, "NP")
    assert [str(network) for network in found.trusted_proxies] == ["10.0.0.0/8", "::1/128"]
    assert found.base_url == "https://localhost"
    assert found.secrets == Path("/srv/amanat-secrets")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AMANAT_PORT", "eighty"),
        ("AMANAT_PORT", "0"),
        ("AMANAT_PORT", "65535"),  # live events use the next port
        ("AMANAT_WEB_THREADS", "-1"),
        ("AMANAT_DEBUG", "perhaps"),
        ("AMANAT_SMTP_TLS", "ssl"),
        ("AMANAT_SIGN_UP", "invited"),
        ("AMANAT_DEFAULT_REGION", "India"),
        ("AMANAT_BASE_URL", "crm.example.in"),
        ("AMANAT_BASE_URL", "https://crm.example.in/folder"),
        ("AMANAT_FILES_URL", "ftp://files.example.in"),
        ("AMANAT_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("DATABASE_URL", "mysql://host/name"),
        ("DATABASE_URL", "postgresql://host"),
        ("DATABASE_URL", "host=localhost dbname=x"),
        ("DATABASE_URL", "postgresql://user:secret word@[broken/name"),
    ],
)
def test_a_wrong_value_is_named_with_a_hint_and_without_the_value(name: str, value: str) -> None:
    [problem] = problems(**{name: value})
    assert problem.startswith(f"{name} is not understood: give ")
    assert "secret" not in problem


def test_all_problems_are_told_at_once() -> None:
    assert len(problems(AMANAT_PORT="x", AMANAT_DEBUG="x", AMANAT_POTR="1")) == 3


def test_a_mistyped_name_is_refused_with_the_nearest_one() -> None:
    assert problems(AMANAT_SMTP_HOTS="mail") == (
        "There is no setting AMANAT_SMTP_HOTS: did you mean AMANAT_SMTP_HOST?",
    )
    assert problems(AMANAT_QQQQQQQ="1") == ("There is no setting AMANAT_QQQQQQQ: see docs/operators.md for the list.",)


def test_names_of_others_are_none_of_our_business() -> None:
    assert configuration.load({"AMANATI": "1", "PORT": "x"}) == configuration.load({})


@pytest.mark.parametrize(
    "environ",
    [
        {"AMANAT_DEBUG": "true", "AMANAT_HOST": "0.0.0.0"},
        {"AMANAT_DEBUG": "true", "AMANAT_BASE_URL": "https://crm.example.in"},
        {"AMANAT_BASE_URL": "http://crm.example.in"},
        {"AMANAT_BASE_URL": "http://192.168.1.4:8000"},
        {"AMANAT_FILES_URL": "http://files.example.in"},
        {"AMANAT_SECRETS": "var/secrets"},
        {"AMANAT_SECRETS": "var"},
        {"AMANAT_BACKUP_PASSPHRASE": "short"},
        {"AMANAT_APP_DATABASE_URL": "postgresql://app@host/name"},
    ],
)
def test_dangerous_combinations_stop_the_start(environ: dict[str, str]) -> None:
    [problem] = problems(**environ)
    assert ": " in problem or ". " in problem  # a hint follows


@pytest.mark.parametrize(
    "environ",
    [
        {"AMANAT_DEBUG": "true"},
        {"AMANAT_HOST": "0.0.0.0"},
        {"AMANAT_BASE_URL": "http://127.0.0.1:8000"},
        {"AMANAT_BASE_URL": "http://[::1]:8000"},
        {"AMANAT_BASE_URL": "http://shop.localhost"},
        {"AMANAT_BASE_URL": "https://crm.example.in", "AMANAT_HOST": "0.0.0.0"},
    ],
)
def test_harmless_combinations_start(environ: dict[str, str]) -> None:
    assert configuration.load(environ).port == 8000


@pytest.fixture
def installed(tmp_path: Path) -> Configuration:
    found = configuration.load({"AMANAT_DATA": str(tmp_path / "data")})
    configuration.ensure_secrets(found)
    return found


def test_secrets_are_made_once_and_for_their_owner_only(installed: Configuration) -> None:
    assert stat.S_IMODE(installed.secrets.stat().st_mode) == 0o700
    before = {path.name: path.read_text() for path in installed.secrets.iterdir()}
    assert before.keys() == {
        "secret-key",
        "root-key",
        "postgres-password",
        "owner-password",
        "app-password",
        "tombstone-key",
        "proof-key",
        "vapid-key",
    }
    assert len(set(before.values())) == 8
    assert {stat.S_IMODE(path.stat().st_mode) for path in installed.secrets.iterdir()} == {0o600}
    configuration.ensure_secrets(installed)
    assert {path.name: path.read_text() for path in installed.secrets.iterdir()} == before


def test_a_lost_root_key_is_not_replaced_while_there_is_data(installed: Configuration) -> None:
    installed.data.mkdir()
    (installed.data / "postgres.json").write_text("{}")
    installed.root_key_file.unlink()
    with pytest.raises(ConfigurationError, match="is gone but its data is here"):
        configuration.ensure_secrets(installed)
    assert not installed.root_key_file.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_key_that_others_can_read_stops_the_start(installed: Configuration, mode: int) -> None:
    installed.root_key_file.chmod(mode)
    [problem] = problems(AMANAT_DATA=str(installed.data))
    assert f"chmod 600 '{installed.root_key_file}'" in problem


def test_a_short_key_stops_the_start(installed: Configuration) -> None:
    installed.secret_key_file.write_text("x" * 31 + "\n")
    [problem] = problems(AMANAT_DATA=str(installed.data))
    assert "shorter than 32 bytes" in problem
    installed.secret_key_file.write_text("x" * 32)
    assert configuration.secret_key(configuration.load({"AMANAT_DATA": str(installed.data)})) == "x" * 32


def test_a_missing_secret_key_says_how_to_make_it(tmp_path: Path) -> None:
    found = configuration.load({"AMANAT_DATA": str(tmp_path / "data")})
    with pytest.raises(ConfigurationError, match="start Amanat once"):
        configuration.secret_key(found)
    assert list(tmp_path.iterdir()) == []  # reading makes nothing


def test_a_configuration_does_not_show_its_values() -> None:
    found = configuration.load({"AMANAT_SMTP_PASSWORD": "very-secret-word"})
    assert "very-secret-word" not in f"{found!r} {found}"


def test_only_this_module_reads_the_environment() -> None:
    found = [
        f"{path.relative_to(CHECKOUT)}: {line.strip()}"
        for path in sorted((CHECKOUT / "amanat").rglob("*.py"))
        if "tests" not in path.parts and path != CHECKOUT / "amanat/core/configuration.py"
        for line in path.read_text().splitlines()
        if re.search(r"os\.environ|os\.getenv|import environ|import getenv", line)
        and 'os.environ.setdefault("DJANGO_SETTINGS_MODULE"' not in line  # tells Django, reads nothing
    ]
    assert found == []
