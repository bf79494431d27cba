"""The public address is really called: only what was seen there makes the promise of encryption green."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django.fixtures import Settings

from amanat.accounts.models import Workspace
from amanat.core import outgoing
from amanat.core.tests import outside
from amanat.policy.format import Policy
from amanat.policy.probing import Finding
from amanat.privacy.registers import contracts
from amanat.proof import handshakes, listening, probes_transport
from amanat.proof.listening import Listening
from amanat.proof.tests.test_probes_installation import POLICY, ask
from amanat.publishing import visiting

TWO_YEARS = "max-age=63072000; includeSubDomains"


@contextmanager
def door(context: ssl.SSLContext | None, *, remembers: str = TWO_YEARS, status: int = 200) -> Iterator[int]:
    """Something in front of the site, on 127.0.0.1; gives its port."""
    headers = {"Strict-Transport-Security": remembers} if remembers else {}
    with outside.serving(context) as server:
        server.answer = lambda handler: outside.reply(handler, b"", headers, status)
        yield server.port


def certificate(folder: Path, *, name: str = "localhost", days: int = 60) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - dt.timedelta(days=100)).not_valid_after(now + dt.timedelta(days=days))
    names: list[x509.GeneralName] = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("192.0.2.1"))]
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    chain, secret = folder / f"{name}-{days}.pem", folder / f"{name}-{days}.key"
    chain.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, secret


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes server contexts whose certificate browsers would know."""

    def made(**options: Any) -> ssl.SSLContext:
        chain, secret = certificate(tmp_path, **options)
        monkeypatch.setattr(certifi, "where", lambda: str(chain))
        outgoing.tls.cache_clear()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, secret)
        return context

    yield made
    outgoing.tls.cache_clear()


@pytest.fixture
def look(shree: Workspace, settings: Settings) -> Iterator[Any]:
    """What the probe finds when the site's public address is https://localhost at a port."""
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.SECURE_HSTS_SECONDS = 63_072_000

    def found(port: int, policy: Policy = POLICY) -> Finding:
        settings.BASE_URL = f"https://localhost:{port}"
        return ask(probes_transport.transport, shree, policy)

    visiting._handler.cache_clear()  # the middlewares read their settings once
    yield found
    visiting._handler.cache_clear()


def said(found: Finding) -> str:
    return str(found.said).format(**found.facts)


def test_a_handshake_that_holds_keeps_the_promise(look: Any, trusted: Any) -> None:
    with door(trusted()) as port:
        found = look(port)
    assert found.is_kept, said(found)
    assert (found.facts["version"], found.facts["left"], found.facts["days"]) == ("1.3", 59, 730)
    assert "localhost was called: TLS 1.3, nothing older" in said(found)


def test_an_address_where_nobody_answers_is_never_green(look: Any) -> None:
    with door(None) as port:
        pass
    found = look(port)
    assert not found.is_kept
    assert "could not be seen" in said(found)


def test_a_door_without_encryption_is_found(look: Any) -> None:
    with door(None) as port:
        found = look(port)
    assert not found.is_kept
    assert "no safe connection" in said(found)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "elsewhere.example"}, "hostname mismatch"),
        ({"days": -1}, "expired"),
        ({"days": 3}, "ends in 2 days"),
    ],
)
def test_a_certificate_that_does_not_hold_is_found(
    look: Any, trusted: Any, options: dict[str, Any], words: str
) -> None:
    with door(trusted(**options)) as port:
        found = look(port)
    assert not found.is_kept
    assert words in said(found)


def test_a_certificate_nobody_knows_is_found(look: Any, tmp_path: Path) -> None:
    chain, secret = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, secret)
    with door(context) as port:
        found = look(port)
    assert not found.is_kept
    assert "self-signed" in said(found)


def test_versions_older_than_promised_are_found(look: Any, trusted: Any) -> None:
    context = trusted()
    stricter = POLICY.model_copy(update={"security": POLICY.security.model_copy(update={"tls": "1.3"})})
    with door(context) as port:
        found = look(port, stricter)
    assert not found.is_kept
    assert "older than TLS 1.3" in said(found)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with door(context) as port:
        assert look(port, stricter).is_kept


@pytest.mark.parametrize("told", ["", "max-age=3600"])
def test_a_door_that_does_not_keep_browsers_to_it_is_found(look: Any, trusted: Any, told: str) -> None:
    with door(trusted(), remembers=told) as port:
        found = look(port)
    assert not found.is_kept
    assert "does not keep browsers" in said(found)


def test_a_door_that_leads_nowhere_is_found(look: Any, trusted: Any) -> None:
    with door(trusted(), status=502) as port:
        assert not look(port).is_kept


@pytest.mark.parametrize(
    "wrong", [{"SESSION_COOKIE_SECURE": False}, {"CSRF_COOKIE_SECURE": False}, {"SECURE_HSTS_SECONDS": 3600}]
)
def test_cookies_that_leave_the_encryption_are_found(
    look: Any, trusted: Any, settings: Settings, wrong: dict[str, Any]
) -> None:
    for name, value in wrong.items():
        setattr(settings, name, value)
    with door(trusted()) as port:
        assert not look(port).is_kept


def test_an_answer_that_forgets_what_the_settings_say_is_found(look: Any, trusted: Any, settings: Settings) -> None:
    settings.SECURE_HSTS_SECONDS = 0
    visiting._handler()  # made while the site had no certificate, so its answers do not tell browsers to remember
    settings.SECURE_HSTS_SECONDS = 63_072_000
    with door(trusted()) as port:
        assert not look(port).is_kept


def test_without_encryption_only_a_site_nobody_else_reaches_is_kept(
    shree: Workspace, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.BASE_URL.startswith("http://")
    monkeypatch.setattr(listening, "ours", lambda: [Listening("127.0.0.1", 8000)])
    found = ask(probes_transport.transport, shree)
    assert found.is_kept
    assert said(found).startswith("no encryption stands in front of this site; its 1 ports were looked at")
    monkeypatch.setattr(listening, "ours", lambda: [Listening("127.0.0.1", 8000), Listening("0.0.0.0", 8001)])
    found = ask(probes_transport.transport, shree)
    assert not found.is_kept
    assert "other machines may reach it" in said(found)


def test_a_public_name_without_encryption_is_found(
    shree: Workspace, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "ours", lambda: [Listening("127.0.0.1", 8000)])
    settings.BASE_URL = "http://crm.example.in"
    assert not ask(probes_transport.transport, shree).is_kept


def test_mail_without_encryption_is_found(
    shree: Workspace, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "ours", list)
    settings.CONFIGURATION = replace(settings.CONFIGURATION, smtp_host="mail.example.in", smtp_tls="none")
    found = ask(probes_transport.transport, shree)
    assert (found.is_kept, said(found)) == (False, "mail leaves without encryption")


def test_a_recipient_without_encryption_is_found(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "ours", list)
    assert ask(probes_transport.transport, shree).is_kept
    monkeypatch.setattr(outgoing.rules, "_recipients", {})
    outgoing.register_recipient("old gateway", hosts=("gateway.example",), allow_plain=True)
    assert not ask(probes_transport.transport, shree).is_kept


def test_calling_ourselves_is_no_disclosure(look: Any, trusted: Any, shree: Workspace) -> None:
    """Our own door is no recipient that a policy would have to name."""
    from amanat.core import clock, tenancy
    from amanat.privacy.registers import traffic

    with door(trusted()) as port, tenancy.inside(shree):
        look(port)
        traffic.count(outgoing.Disclosure(contracts.OWN_DOOR, "localhost", "CONNECT", 0, None))
        found = contracts.register(POLICY, workspace_id=shree.pk, language="en", at=clock.now())
    assert found.unnamed == []


def test_the_public_address_is_the_only_host_of_our_own_door(db: None, settings: Settings) -> None:
    settings.BASE_URL = "https://crm.example.in"
    assert handshakes.address() == ("crm.example.in", 443)
    assert handshakes._hosts() == ("crm.example.in:443",)
    with pytest.raises(outgoing.Refused):
        outgoing.connect("elsewhere.example", 443, recipient=contracts.OWN_DOOR, timeout=1)
