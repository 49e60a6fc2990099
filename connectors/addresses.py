"""Decides which network addresses a source may be read from.

A pure rule without sockets. Private and loopback addresses need the site's ``allow_private``; link-local,
multicast, unspecified and cloud metadata addresses are refused always.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence

Resolver = Callable[[str, int], Sequence[str]]
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NUMERIC_LABEL = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)


def resolve(host: str, port: int) -> list[str]:
    """Ask the system for the addresses of ``host``."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def spelled_oddly(host: str) -> bool:
    """Claim: ``host`` is a number address in a form (decimal, hex, octal, short) made to slip past a check."""
    last = host.rstrip(".").rpartition(".")[2]
    return _NUMERIC_LABEL.fullmatch(last) is not None and literal_address(host) is None


def literal_address(host: str) -> IpAddress | None:
    """The address that ``host`` spells in the usual form, or None where it is a name."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def refusal(address: str, *, allow_private: bool) -> str:
    """Why ``address`` may not be connected to, in a few words; ``""`` where it may."""
    if "%" in address:
        return "an address with a zone"
    try:
        ip = embedded(ipaddress.ip_address(address))
    except ValueError:
        return "no usable address"
    if ip in _METADATA:
        return "a cloud metadata address"
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        return "a link-local, multicast or unspecified address"
    if ip.is_global:
        return ""
    if ip.is_reserved and not ip.is_loopback:
        return "a reserved address"
    return "" if allow_private else "a private or loopback address"


def embedded(ip: IpAddress) -> IpAddress:
    """The IPv4 address inside an IPv6 one (mapped, 6to4, Teredo, NAT64), or the address itself."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip.teredo is not None:
        return ip.teredo[1]
    if ip in _NAT64 or (int(ip) >> 32 == 0 and int(ip) > 0xFFFF):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip
