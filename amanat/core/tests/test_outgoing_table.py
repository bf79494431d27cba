"""Addresses that should lead inside, in every spelling a resolver, a browser or a parser ever understood.

The resolver here answers as real ones do: it turns odd spellings into the addresses they mean. A listener stands on this
machine; nothing of all this may reach it, and what the caller is told must not tell one refusal from another.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from amanat.core import addresses, outgoing
from amanat.core.outgoing import Refused, Unreachable, rules
from amanat.core.tests import outside

PUBLIC = "93.184.216.34"
#: Spelled in any way, it is this machine, its network, a cloud's metadata, or no single machine at all.
INSIDE = [
    # IPv4 in parts, octal, hexadecimal, as one number, with zeros, with blanks and dots behind
    "127.0.0.1", "127.1", "127.0.1", "127.000.000.001", "0177.0.0.1", "0177.1", "0x7f.0.0.1", "0x7f.1", "0x7f000001",
    "2130706433", "017700000001", "127.0.0.1.", "127.255.255.254", "0", "0.0.0.0", "00.0.0.0", "0x0",
    "10.0.0.1", "10.1", "012.0.0.1", "0xa.0.0.1", "167772161", "172.16.0.1", "172.31.255.255", "2886729729", "192.168.0.1",
    "192.168.1", "0xc0.0xa8.0x00.0x01", "0300.0250.0.1", "3232235521", "169.254.169.254", "0xa9fea9fe", "2852039166",
    "0251.0376.0251.0376", "169.254.43518", "100.64.0.1", "100.127.255.254", "192.0.0.8", "198.18.0.1", "224.0.0.1", "239.255.255.250",
    "240.0.0.1", "255.255.255.255", "168.63.129.16", "192.0.2.1", "203.0.113.1", "192.88.99.1",
    # IPv6, and IPv4 inside IPv6
    "[::1]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]", "[::7f00:1]", "[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]", "[64:ff9b:1::1]",
    "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]", "[2001:0:53aa:64c::1]", "[fe80::1]", "[fec0::1]", "[fc00::1]", "[fd00:ec2::254]",
    "[fd12:3456:789a::1]", "[ff02::1]", "[ff0e::1]", "[2001:db8::1]", "[100::1]", "[3fff::1]", "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]", "[::ffff:10.0.0.1]", "[5f00::1]", "[2001:10::1]",
    # names that mean this machine, or were made to
    "localhost", "LOCALHOST", "localhost.", "LocalHost.", "sub.localhost", "inside.example", "metadata.google.internal",
    # other digits, other dots
    "１２７.０.０.１", "①②⑦.⓪.⓪.①", "127。0。0。1", "127．0．0．1", "127｡0｡0｡1", "१२७.०.०.१",
]  # fmt: skip
#: What the names above are, for a resolver.
NAMES = {"inside.example": "10.0.0.5", "metadata.google.internal": "169.254.169.254", "public.example": PUBLIC}


@pytest.fixture(autouse=True)
def _uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    outside.uncounted(monkeypatch)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.01)
        yield server


@pytest.fixture(autouse=True)
def _internet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name is asked of any network: the table answers for names, the C library for numbers."""
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        name = str(host).lower().rstrip(".")
        if name in NAMES:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (NAMES[name], port))]
        if name == "localhost" or name.endswith(".localhost"):
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
        try:
            return real(host, port, *rest, **{**options, "flags": socket.AI_NUMERICHOST})
        except (OSError, UnicodeError):
            raise socket.gaierror("no such name") from None

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> str:
    """A recipient for addresses that people type in; plain HTTP too, so that no spelling is saved by that rule."""
    monkeypatch.setattr(rules, "_recipients", {})
    outgoing.register_recipient("webhook", hosts=(outgoing.ANY_PUBLIC_HOST,), allow_plain=True)
    return "webhook"


def refusal(url: str, **options: Any) -> str:
    with pytest.raises((Refused, Unreachable)) as caught:
        outgoing.send("GET", url, recipient="webhook", timeout=0.5, **options)
    return str(caught.value)


@pytest.mark.parametrize("host", INSIDE)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_spelling_of_the_inside_is_connected_to(
    scheme: str, host: str, webhook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Watched where the connection is made: not even one packet leaves."""
    connected: list[Any] = []
    monkeypatch.setattr(socket, "create_connection", lambda address, *_, **__: connected.append(address))
    refusal(f"{scheme}://{host}/")
    assert connected == []


@pytest.mark.parametrize("host", [host for host in INSIDE if host.isascii()])
def test_nothing_arrives_on_this_machine(host: str, webhook: str, listener: socket.socket) -> None:
    """With a port that is open: whatever the rule says about ports must not be what saves us."""
    port = listener.getsockname()[1]
    outgoing.register_recipient("webhook", hosts=lambda: {f"{host.lower().rstrip('.')}:{port}"}, allow_plain=True)
    refusal(f"http://{host}:{port}/")
    with pytest.raises(TimeoutError):
        listener.accept()


@pytest.mark.parametrize(
    "url",
    [
        "http://public.example@127.0.0.1/", "http://127.0.0.1@public.example/", "http://user:password@public.example/",
        "http://public.example:80@127.0.0.1/", "http://public.example%00.127.0.0.1/", "http://public.example%2f@127.0.0.1/",
        "http://public.example\\@127.0.0.1/", "http://127.0.0.1\\public.example/", "http:\\\\127.0.0.1\\", "http:///127.0.0.1/",
        "http:127.0.0.1", "//127.0.0.1/", "127.0.0.1", "file:///etc/passwd", "ftp://public.example/", "gopher://127.0.0.1:6379/_INFO",
        "dict://127.0.0.1:11211/", "jar:http://127.0.0.1!/", "unix:/run/postgresql", "data:text/plain,x", "javascript:alert(1)",
        "http://[::1%25eth0]/", "http://[::1]x/", "http://[::1/", "http://::1/", "http://[]/", "http:// 127.0.0.1/", "http://127.0.0.1 /",
        "http://127.0.0.1\t/", "http://127.0.0.1\n.public.example/", "http://127.0.0.1#@public.example/", "http://127.0.0.1?@public.example/",
        "http://public.example:99999/", "http://public.example:-1/", "http://public.example:0x50/", "http://public.example:80:80/",
        "http://public.example:22/", "http://public.example:5432/", "http://public.example:8080/", "http://public.example:6379/",
        "http://" + "a" * 300 + ".example/", "http://.example/", "http://./", "http://-/", "http://_/", "", " ", "http://", "https://",
        "http://*/", "http://*.example/", "http://{host}/", "http://$(id).example/", "http://public.example\x00/", "http://exam ple/",
    ],
)  # fmt: skip
def test_addresses_that_two_parsers_could_read_differently_lead_nowhere(
    url: str, webhook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[Any] = []
    monkeypatch.setattr(
        socket, "create_connection", lambda address, *_, **__: connected.append(address) or _nobody_there()
    )
    refusal(url)
    assert [address for address in connected if address[0] != PUBLIC] == []


def _nobody_there() -> Any:
    raise ConnectionRefusedError


def test_refusals_read_the_same_whatever_the_reason(webhook: str) -> None:
    """Inside, no such name, a port not allowed: who asks learns nothing of the inside from the answer."""
    texts = {
        refusal(f"http://{host}/").replace(host, "HOST") for host in ("10.0.0.1", "inside.example", "nowhere.example")
    }
    assert texts == {"HOST could not be reached."}
    assert refusal("http://inside.example:22/") == "inside.example could not be reached."


@pytest.mark.parametrize(
    "inside", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00:ec2::254", "::ffff:7f00:1", "64:ff9b::7f00:1"]
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_inside_address_anywhere_among_the_answers_spoils_the_name(
    inside: str, place: int, webhook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [PUBLIC, "93.184.216.35"]
    answers.insert(place, inside)
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, port, **_: [
            (socket.AF_INET6 if ":" in text else socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port))
            for text in answers
        ],
    )
    connected: list[Any] = []
    monkeypatch.setattr(
        socket, "create_connection", lambda address, *_, **__: connected.append(address) or _nobody_there()
    )
    refusal("http://mixed.example/")
    assert connected == []


@pytest.mark.parametrize("first", [PUBLIC, "93.184.216.35"])
def test_a_name_is_asked_once_and_its_first_answer_is_what_counts(
    first: str, webhook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the second answer would be inside, and is never asked for."""
    answers = iter([first, "127.0.0.1", "127.0.0.1"])
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, port, **_: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))],
    )
    connected: list[Any] = []
    monkeypatch.setattr(
        socket, "create_connection", lambda address, *_, **__: connected.append(address) or _nobody_there()
    )
    refusal("http://rebinding.example/")
    assert connected == [(first, 80)]
    assert list(answers) == ["127.0.0.1", "127.0.0.1"]


@pytest.mark.parametrize(
    ("hosts", "url", "is_covered"),
    [
        (("api.example",), "https://api.example/x", True), (("api.example",), "https://API.EXAMPLE./x", True),
        (("api.example",), "https://api.example:443/", True), (("api.example",), "https://api.example:8443/", False),
        (("api.example:8443",), "https://api.example:8443/", True), (("api.example:8443",), "https://api.example/", False),
        (("api.example",), "https://api.example.evil.example/", False), (("api.example",), "https://evil-api.example/", False),
        (("api.example",), "https://sub.api.example/", False), (("api.example",), "https://xapi.example/", False),
        (("*",), "https://anything.example/", True), (("*",), "https://anything.example:8080/", False), ((), "https://api.example/", False),
        (("API.example",), "https://api.example/", True), (("[2606:4700::1]",), "https://[2606:4700::1]/", True),
    ],
)  # fmt: skip
def test_which_hosts_a_recipient_has(hosts: tuple[str, ...], url: str, is_covered: bool) -> None:
    recipient = outgoing.Recipient("api", hosts, allow_private=False, allow_plain=False)
    if is_covered:
        assert rules.checked(url, recipient).scheme == "https"
    else:
        with pytest.raises(Refused, match="could not be reached"):
            rules.checked(url, recipient)


@pytest.mark.parametrize("text", [host.strip("[]") for host in INSIDE if addresses.parse(host.strip("[]")) is not None])
def test_every_address_of_the_table_is_known_as_inside(text: str) -> None:
    found = addresses.parse(text)
    assert found is not None and not addresses.is_public(found)
