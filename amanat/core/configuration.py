"""What the operator may set, read from the environment: here and nowhere else.

`load` turns an environment into a `Configuration` or says every problem at once, each with a hint. Files with secrets are
made by `ensure_secrets`, which only the command line calls: a web request or a test must never make a key by accident.
"""

import contextlib
import difflib
import functools
import os
import secrets as randomness
import stat
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Annotated, Any, get_type_hints
from urllib.parse import urlsplit

from amanat.core import texts_file
from amanat.core.setting_kinds import CHECKOUT, KINDS, Network, is_loopback

__all__ = [
    "CHECKOUT",
    "KINDS",
    "SETTINGS",
    "Configuration",
    "ConfigurationError",
    "adopt",
    "child_environment",
    "current",
    "ensure_secrets",
    "is_loopback",
    "load",
    "make_enterable",
    "password",
    "secret_key",
]

PREFIX = "AMANAT_"
SHORTEST_KEY = 32  # bytes


class ConfigurationError(Exception):
    """The settings do not allow a start. `problems` holds a sentence with a hint for each."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


@dataclass(frozen=True, slots=True)
class Known:
    """What is said of a setting beside its name; `kind` is a key of `KINDS`."""

    kind: str
    sentence: str
    default: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of the environment and the attribute of `Configuration` that holds it."""

    name: str
    attribute: str
    kind: str
    sentence: str
    default: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """Every setting, with the sentence of the operators' manual. `base_url` has no slash at its end."""

    data: Annotated[
        Path, Known("folder", "Folder for the embedded database and the files; relative to the checkout.", "var")
    ]
    secrets: Annotated[
        Path, Known("folder", "Folder for keys and passwords, beside the data (default: data folder + `-secrets`).")
    ]
    database_url: Annotated[
        str, Known("database", "External PostgreSQL 15+, as a role that owns the database; empty: embedded.")
    ]
    app_database_url: Annotated[str, Known("database", "The restricted role, when you made the roles by hand.")]
    postgres_bin: Annotated[
        Path | None, Known("folder", "Folder with PostgreSQL's programs, instead of the ones that come along.")
    ]
    host: Annotated[str, Known("text", "Address the web server listens on.", "127.0.0.1")]
    port: Annotated[int, Known("port", "Port the web server listens on; live events use the next one.", "8000")]
    base_url: Annotated[str, Known("address", "Public address of the site (default: `http://localhost:` + port).")]
    files_url: Annotated[str, Known("address", "Second host name, from which stored files are downloaded.")]
    trusted_proxies: Annotated[
        tuple[Network, ...], Known("networks", "Networks whose X-Forwarded-For is believed, separated by commas.")
    ]
    smtp_host: Annotated[str, Known("text", "Mail server; empty: mail is kept in the data folder and not sent.")]
    smtp_port: Annotated[int, Known("port", "Port of the mail server.", "587")]
    smtp_user: Annotated[str, Known("text", "User name at the mail server.")]
    smtp_password: Annotated[str, Known("text", "Password at the mail server.")]
    smtp_tls: Annotated[str, Known("tls", "Encryption of mail: `none`, `starttls` or `tls`.", "starttls")]
    mail_from: Annotated[
        str, Known("text", "Sender of the mail this site writes (default: `amanat@` + the site's host).")
    ]
    texts_file: Annotated[
        Path | None,
        Known("file", "File that says through whom codes leave as text messages; empty: they are kept and not sent."),
    ]
    whatsapp_url: Annotated[
        str, Known("address", "Where WhatsApp's Graph API is asked: Meta's, or a double.", "https://graph.facebook.com")
    ]
    push_url: Annotated[
        str,
        Known("address", "Where a double of the browsers' push services stands; empty: only the services themselves."),
    ]
    google_sign_in_url: Annotated[
        str,
        Known(
            "address",
            "Where owners let us into mailboxes at Google: Google's, or a double.",
            "https://accounts.google.com",
        ),
    ]
    microsoft_sign_in_url: Annotated[
        str, Known("address", "The same for Microsoft 365.", "https://login.microsoftonline.com")
    ]
    sandbox: Annotated[
        bool,
        Known(
            "switch", "Whether `./run` also plays the providers of messages, to try things out: `on` or `off`.", "off"
        ),
    ]
    web_threads: Annotated[int, Known("count", "Requests one web process answers at the same time.", "32")]
    web_processes: Annotated[int, Known("count", "Web processes.", "1")]
    worker_concurrency: Annotated[
        int,
        Known(
            "count",
            "Jobs the worker does at the same time; beside them twice as many that send and take in messages.",
            "4",
        ),
    ]
    s3_url: Annotated[
        str, Known("text", "Object store for files, such as `s3://bucket/prefix`; empty: the data folder.")
    ]
    sign_up: Annotated[str, Known("sign-up", "Whether strangers may make a workspace: `open` or `closed`.", "open")]
    operator_workspace: Annotated[
        str, Known("id", "Id of the workspace whose policy is the installation's own; empty: the first one made.")
    ]
    default_region: Annotated[str, Known("region", "Country of phone numbers written without a country code.", "IN")]
    region: Annotated[
        str, Known("region", "Country in which this machine stands: it serves no workspace pinned to another.", "IN")
    ]
    log_level: Annotated[str, Known("level", "How much is logged: `debug`, `info`, `warning` or `error`.", "info")]
    debug: Annotated[bool, Known("boolean", "Error pages with source code, for developers only.", "false")]
    time_offset: Annotated[
        int,
        Known(
            "seconds",
            "Seconds by which the site's clock is moved, for demonstrations; schedules go by it. Codes of authenticator apps follow the real clock, as the phone does.",
            "0",
        ),
    ]
    secret_key_file: Annotated[
        Path, Known("file", "File with the key that signs sessions (default: in the secrets folder).")
    ]
    root_key_file: Annotated[
        Path, Known("file", "File with the key that encrypts fields and files (default: likewise).")
    ]
    backup_passphrase: Annotated[
        str, Known("text", "Passphrase for backups, instead of the root key; 12 characters or more.")
    ]
    backup: Annotated[bool, Known("switch", "Whether a backup is made every night: `on` or `off`.", "on")]
    backup_at: Annotated[
        time, Known("hour", "When, by this machine's clock; one that was missed is made later.", "02:30")
    ]
    backup_keep: Annotated[int, Known("nights", "How many of the nightly backups are kept, 30 at most.", "14")]
    archive_days: Annotated[
        int, Known("days", "Days of which any moment can be restored (embedded database), 30 at most; 0: none.", "7")
    ]
    backup_folder: Annotated[
        Path, Known("folder", "Where nightly backups are put (default: data folder + `-backups`).")
    ]
    venv: Annotated[
        Path | None, Known("folder", "Where `./run` keeps the Python environment (default: `.venv` in the checkout).")
    ]

    @property
    def is_embedded(self) -> bool:
        return not self.database_url

    @property
    def host_name(self) -> str:
        return urlsplit(self.base_url).hostname or "localhost"

    @property
    def live_url(self) -> str:
        """Where browsers hear live events: at the site's own address behind a proxy, else at the live process's port beside it."""
        base = urlsplit(self.base_url)
        is_direct = base.scheme == "http" and base.port == self.port
        return f"http://{base.hostname}:{self.live_port}" if is_direct else ""

    @property
    def live_port(self) -> int:
        return self.port + 1

    @property
    def sandbox_port(self) -> int:
        """Where `./run sandbox` plays the providers, on this machine only."""
        return self.port + 2

    @property
    def tombstone_key_file(self) -> Path:
        """The key of `core.tombstones`, which must stay the same for as long as anything is remembered there."""
        return self.secrets / "tombstone-key"

    @property
    def proof_key_file(self) -> Path:
        """The seed of the signature under bundles of proof; whoever checks one compares the public key made of it."""
        return self.secrets / "proof-key"

    @property
    def vapid_key_file(self) -> Path:
        """The seed of the key by which push services know this site; browsers that switched notifications on are bound to it."""
        return self.secrets / "vapid-key"

    def __repr__(self) -> str:
        """Without values: some are secret, and a trace-back must not show them."""
        return f"<Configuration of {self.base_url}>"


def _settings() -> Iterator[Setting]:
    """The attributes of `Configuration` in order: each is set by its name in upper case behind `AMANAT_`."""
    for attribute, hint in get_type_hints(Configuration, include_extras=True).items():
        known: Known = hint.__metadata__[0]
        name = "DATABASE_URL" if attribute == "database_url" else PREFIX + attribute.upper()
        yield Setting(name, attribute, known.kind, known.sentence, known.default)


SETTINGS: tuple[Setting, ...] = tuple(_settings())


def load(environ: Mapping[str, str]) -> Configuration:
    """Read `environ`; an empty value counts as not set.

    Raises ConfigurationError with every problem found.
    """
    values = _understood(environ)
    values["secrets"] = values["secrets"] or values["data"].with_name(values["data"].name + "-secrets")
    values["backup_folder"] = values["backup_folder"] or values["data"].with_name(values["data"].name + "-backups")
    values["base_url"] = values["base_url"] or f"http://localhost:{values['port']}"
    values["mail_from"] = values["mail_from"] or f"amanat@{urlsplit(values['base_url']).hostname}"
    values["secret_key_file"] = values["secret_key_file"] or values["secrets"] / "secret-key"
    values["root_key_file"] = values["root_key_file"] or values["secrets"] / "root-key"
    configuration = Configuration(**values)
    problems = _dangers(configuration) + key_problems(configuration) + _texts_problems(configuration)
    if problems:
        raise ConfigurationError(*problems)
    return configuration


def _understood(environ: Mapping[str, str]) -> dict[str, Any]:
    """The value of every setting, by its attribute; raises ConfigurationError for those that cannot be read."""
    problems = _unknown_names(environ)
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        try:
            values[setting.attribute] = KINDS[setting.kind](environ.get(setting.name, "").strip() or setting.default)
        except ValueError as error:
            problems.append(f"{setting.name} is not understood: {error}.")
    if problems:
        raise ConfigurationError(*problems)
    return values


@functools.cache
def current() -> Configuration:
    """The configuration of this process. Read once; `current.cache_clear()` makes it read again."""
    return load(os.environ)


def child_environment(**changes: str) -> dict[str, str]:
    """This process's environment with `changes`, for a program that we start."""
    return {**os.environ, **changes}


def adopt(**changes: str) -> Configuration:
    """Let the command line's options win over the environment, for this process and its children.

    A setting that cannot be read is told all the same: without the option it would stop the next start.
    """
    _understood(os.environ)
    os.environ.update(changes)
    current.cache_clear()
    return current()


def _unknown_names(environ: Mapping[str, str]) -> list[str]:
    known = [setting.name for setting in SETTINGS]
    problems = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "see docs/operators.md for the list."
            problems.append(f"There is no setting {name}: {hint}")
    return problems


def _dangers(configuration: Configuration) -> list[str]:
    """Combinations that would expose people's data."""
    found = []
    if configuration.debug and not (is_loopback(configuration.host) and is_loopback(configuration.host_name)):
        found.append(
            "AMANAT_DEBUG shows source code and settings to visitors: set it to false, or listen on 127.0.0.1 only."
        )
    for name, address in (
        ("AMANAT_BASE_URL", configuration.base_url),
        ("AMANAT_FILES_URL", configuration.files_url),
        ("AMANAT_WHATSAPP_URL", configuration.whatsapp_url),
        ("AMANAT_GOOGLE_SIGN_IN_URL", configuration.google_sign_in_url),
        ("AMANAT_MICROSOFT_SIGN_IN_URL", configuration.microsoft_sign_in_url),
        ("AMANAT_PUSH_URL", configuration.push_url),
    ):
        parts = urlsplit(address)
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            found.append(f"{name} is plain http: passwords would cross the network readable. Use https behind a proxy.")
    if configuration.secrets == configuration.data or configuration.data in configuration.secrets.parents:
        found.append(
            "AMANAT_SECRETS lies in the data folder, so a copy of the data would hold its keys: choose a folder beside it."
        )
    if configuration.backup_passphrase and len(configuration.backup_passphrase) < 12:
        found.append("AMANAT_BACKUP_PASSPHRASE is short enough to guess: give 12 characters or more.")
    if configuration.app_database_url and configuration.is_embedded:
        found.append(
            "AMANAT_APP_DATABASE_URL is set without DATABASE_URL: set both, or neither for the embedded database."
        )
    return found


def key_problems(configuration: Configuration) -> list[str]:
    """What is wrong with the key files; a missing one is made at the first start."""
    found = []
    for path in (configuration.secret_key_file, configuration.root_key_file):
        try:
            mode, size = path.stat().st_mode, len(path.read_bytes().strip())
        except FileNotFoundError:
            continue
        except OSError:
            found.append(f"The key file {path} cannot be read: give it to the user who runs Amanat.")
            continue
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            found.append(f"The key file {path} can be read by other users: chmod 600 '{path}'.")
        if size < SHORTEST_KEY:
            found.append(
                f"The key in {path} is shorter than {SHORTEST_KEY} bytes: put the right file back, never shorten a key."
            )
    return found


def _texts_problems(configuration: Configuration) -> list[str]:
    if configuration.texts_file is None:
        return []
    try:
        texts_file.read(configuration.texts_file, data=configuration.data)
    except texts_file.WrongFile as wrong:
        return [f"AMANAT_TEXTS_FILE: {wrong}"]
    return []


#: Files of the secrets folder that hold database passwords, by role.
PASSWORD_FILES = {"superuser": "postgres-password", "owner": "owner-password", "app": "app-password"}


def ensure_secrets(configuration: Configuration) -> None:
    """Make the secrets folder (0700) and whatever is missing in it (0600). Called by the command line only.

    A root key missing beside an existing database is never replaced: the old one must come back.
    """
    make_enterable(configuration.secrets.parent)
    configuration.secrets.mkdir(mode=0o700, exist_ok=True)
    configuration.secrets.chmod(0o700)
    if not configuration.root_key_file.exists() and _has_database(configuration):
        raise ConfigurationError(
            f"The root key {configuration.root_key_file} is gone but its data is here: "
            "put the key back from where you keep it; a new one could not read the data."
        )
    _write_once(configuration.secret_key_file, randomness.token_urlsafe(64))
    _write_once(configuration.root_key_file, randomness.token_hex(32))
    _write_once(configuration.tombstone_key_file, randomness.token_hex(32))
    _write_once(configuration.proof_key_file, randomness.token_hex(32))
    _write_once(configuration.vapid_key_file, randomness.token_hex(32))
    for name in PASSWORD_FILES.values():
        _write_once(configuration.secrets / name, randomness.token_urlsafe(32))


def make_enterable(folder: Path) -> None:
    """Make `folder` and those above it, where missing, so that the database's user may pass through but see nothing."""
    for path in (*reversed(folder.parents), folder):
        if not path.exists():
            path.mkdir(exist_ok=True)  # another process may be doing the same
            path.chmod(0o711)


def _has_database(configuration: Configuration) -> bool:
    return configuration.is_embedded and (configuration.data / "postgres.json").exists()


def _write_once(path: Path, text: str) -> None:
    """Write whole or not at all; the first of two writers at once wins, and both then read the same."""
    if path.exists():
        return
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # made with mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        Path(temporary).unlink()


def password(configuration: Configuration, role: str) -> str:
    """The database password of `role` (superuser, owner, app) in the secrets folder, empty when none was made."""
    try:
        return (configuration.secrets / PASSWORD_FILES[role]).read_text().strip()
    except FileNotFoundError:
        return ""


def secret_key(configuration: Configuration) -> str:
    path = configuration.secret_key_file
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        raise ConfigurationError(
            f"The key file {path} is missing: start Amanat once with ./run, which makes it."
        ) from None
