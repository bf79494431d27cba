"""Which internet addresses the server may connect to: global unicast, and nothing else.

The test is made on the address about to be connected to, never on what a URL says: a resolver turns "0177.0.0.1",
"127.1", "2130706433" and circled digits into 127.0.0.1, and `ipaddress.is_private`/`is_global` are wrong about
carrier NAT, NAT64, 6to4 and multicast. So the ranges are listed here, from the IANA special-purpose registries (IPv4:
2025, IPv6: 2025).
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

type Address = IPv4Address | IPv6Address

_REFUSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host, this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier NAT
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host agent: global by number, inside by nature
        "169.254.0.0/16",  # link-local; cloud metadata
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments, among them 192.0.0.8 and DS-Lite
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT relays
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
#: The only IPv6 space handed out for global unicast. NAT64 (64:ff9b::/96, 64:ff9b:1::/48), IPv4-mapped and
#: -compatible addresses, unique-local, site-local, link-local and multicast all lie outside it.
_UNICAST_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_PRIVATE = tuple(
    ip_network(network)
    for network in ("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
)
#: AWS answers for its instances at this unique-local address.
_METADATA_V6 = IPv6Address("fd00:ec2::254")


def is_public(address: Address) -> bool:
    """Whether `address` is one machine on the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    if address.scope_id is not None or address not in _UNICAST_V6:
        return False
    return not any(address in network for network in _REFUSED_V6)


def is_private(address: Address) -> bool:
    """Whether `address` is this machine or one of its own network. Cloud metadata, link-local and multicast are not."""
    if isinstance(address, IPv6Address) and (address.scope_id is not None or address == _METADATA_V6):
        return False
    return any(address.version == network.version and address in network for network in _PRIVATE)


def parse(text: str) -> Address | None:
    """The address a resolver gave as `text`, or None when it is not one."""
    try:
        return ip_address(text)
    except ValueError:
        return None
