"""A canary listens on this machine; nothing may reach it, however its address is spelled, unless it was declared."""

from uuid import UUID

import pytest

from amanat.core import outgoing
from amanat.core.tests import outside
from amanat.core.tests.outside import PUBLIC, Internet, Server, declare_any_port, refused_or_unreachable


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    outside.alone(monkeypatch)


SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.0.0.2",
    "127.255.255.254",
    "0",
    "0.0.0.0",
    "0.0",
    "00.0.0.0",
    "2130706433",
    "0x0000007f.1",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "0177.1",
    "00177.0.0.1",
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7f.1",
    "0x7F.0x0.0x0.0x1",
    "0x7f.0.1",
    "0X7F000001",
    "127.0.0.1.",
    "127.000.000.001",
    "127。0。0。1",
    "127.0.0.1",
    "①②⑦.⓪.⓪.①",
    "𝟏𝟐𝟕.𝟎.𝟎.𝟏",
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::FFFF:7F00:0001]",
    "[0:0:0:0:0:ffff:7f00:1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[::1%25lo]",
    "[fd00::1]",
    "[ff02::1]",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "[::ffff:169.254.169.254]",
    "[fd00:ec2::254]",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.8",
    "192.168.0.1",
    "10.1",
    "172.16.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "localhost.localdomain",
    "ip6-localhost",
    "sub.localhost",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_reaches_the_inside(
    spelling: str, canary: Server, internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("localhost", "localhost.localdomain", "ip6-localhost", "sub.localhost"):
        internet.names[name] = [["127.0.0.1"]]
    declare_any_port(monkeypatch)
    refused_or_unreachable(f"http://{spelling}:{canary.port}/")
    assert canary.asked == []
    assert internet.dialed == []


def test_a_private_recipient_does_not_reach_metadata(internet: Internet) -> None:
    internet.names["sandbox.example"] = [["169.254.169.254"]]
    outgoing.register_recipient("webhooks", hosts=("sandbox.example",), allow_private=True)
    assert isinstance(refused_or_unreachable("http://sandbox.example/"), outgoing.Refused)
    assert internet.dialed == []


def test_an_undeclared_recipient_or_host_or_port_is_refused(canary: Server) -> None:
    outgoing.register_recipient("sandbox", hosts=(f"127.0.0.1:{canary.port}",), allow_private=True)
    for recipient, url in [
        ("nobody", canary.address),
        ("sandbox", "https://example.com/"),
        ("sandbox", "http://127.0.0.1/"),
        ("sandbox", f"http://127.0.0.1:{canary.port + 1}/"),
        ("sandbox", f"http://localhost:{canary.port}/"),
    ]:
        with pytest.raises(outgoing.Refused):
            outgoing.send("GET", url, recipient=recipient)
    assert canary.asked == []


def test_any_host_with_private_network_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match="private"):
        outgoing.register_recipient("x", hosts=("*",), allow_private=True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:25/",
        "http:///x",
        "https://",
        "https://user:secret@example.com/",
        "https://127.0.0.1\\@example.com/",
        "https://exa mple.com/",
        "https://example.com:99999/",
        "https://example.com:-1/",
        "https://[::1/",
        "https://example.com\r\nHost: x/",
    ],
)
def test_bad_addresses_are_refused(url: str, internet: Internet) -> None:
    outgoing.register_recipient("webhooks", hosts=("*",), allow_plain=True)
    assert isinstance(refused_or_unreachable(url), outgoing.Refused)
    assert internet.dialed == []


def test_plain_http_must_be_declared(internet: Internet) -> None:
    outgoing.register_recipient("webhooks", hosts=("*",))
    assert "HTTPS" in str(refused_or_unreachable("http://example.com/"))


def test_open_closed_and_refused_read_the_same(
    canary: Server, internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_any_port(monkeypatch)
    internet.names.update({"inside.example": [["127.0.0.1"]], "outside.example": [[PUBLIC]]})
    texts = {
        str(refused_or_unreachable(f"http://inside.example:{canary.port}/")),  # somebody listens
        str(refused_or_unreachable("http://inside.example:9/")),  # nobody does
    }
    assert texts == {"inside.example could not be reached."}
    assert str(refused_or_unreachable("http://outside.example/")) == "outside.example could not be reached."
    assert str(refused_or_unreachable("http://unknown.example/")) == "unknown.example could not be reached."


def test_each_disclosure_is_told_before_it_happens(canary: Server) -> None:
    told: list[tuple[outgoing.Disclosure, int]] = []
    about = UUID(int=7)
    outgoing.register_recipient("sandbox", hosts=(f"127.0.0.1:{canary.port}",), allow_private=True)
    outgoing.on_disclosure(lambda disclosure: told.append((disclosure, len(canary.asked))))
    outgoing.send("post", canary.address, recipient="sandbox", content=b"12345", about=about)
    assert told == [(outgoing.Disclosure("sandbox", "127.0.0.1", "POST", 5, about), 0)]


def test_a_disclosure_that_cannot_be_recorded_does_not_happen(canary: Server) -> None:
    def fail(disclosure: outgoing.Disclosure) -> None:
        raise RuntimeError("no record")

    outgoing.register_recipient("sandbox", hosts=(f"127.0.0.1:{canary.port}",), allow_private=True)
    outgoing.on_disclosure(fail)
    with pytest.raises(RuntimeError):
        outgoing.send("GET", canary.address, recipient="sandbox")
    assert canary.asked == []


def test_recipients_are_listed_by_name() -> None:
    outgoing.register_recipient("b", hosts=("b.example",))
    outgoing.register_recipient("a", hosts=("a.example",))
    assert [recipient.name for recipient in outgoing.recipients()] == ["a", "b"]


def test_names_below_a_declared_one_are_covered_and_nothing_beside_it() -> None:
    recipient = outgoing.register_recipient("push", hosts=("*.push.example",))
    assert recipient.covers("a.push.example", 443) and recipient.covers("b.a.push.example", 443)
    for host in ("push.example", "evilpush.example", "a.push.example.evil.example", "a.push.example."):
        assert not recipient.covers(host, 443)
    assert not recipient.covers("a.push.example", 8443)
