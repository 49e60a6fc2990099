"""Which addresses may be connected to: a table, without sockets."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.addresses import refusal, spelled_oddly

PRIVATE = ["127.0.0.1", "10.0.0.1", "172.16.5.5", "192.168.1.1", "::1", "fd12::1", "100.64.0.1", "::ffff:10.0.0.1"]
NEVER = [
    "169.254.169.254",
    "169.254.170.2",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "0.0.0.0",  # noqa: S104  # refused, not bound
    "::",
    "224.0.0.1",
    "ff02::1",
    "fe80::1",
    "fe80::1%eth0",
    "255.255.255.255",
    "not-an-address",
]
HIDDEN_LOOPBACK = ["::ffff:127.0.0.1", "64:ff9b::7f00:1", "::7f00:1", "2002:7f00:1::"]


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34"])
def test_public_addresses_pass(address: str) -> None:
    assert refusal(address, allow_private=False) == ""


@pytest.mark.parametrize("address", [*PRIVATE, *HIDDEN_LOOPBACK])
def test_private_addresses_need_permission(address: str) -> None:
    assert refusal(address, allow_private=False)
    assert refusal(address, allow_private=True) == ""


@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_are_refused_with_permission_too(address: str) -> None:
    assert refusal(address, allow_private=False)
    assert refusal(address, allow_private=True)


@pytest.mark.parametrize(
    "host", ["0x7f.1", "2130706433", "127.1", "0177.0.0.1", "0x7f000001", "127.0.0.01", "1.2.3.4.5"]
)
def test_numbers_in_disguise_are_recognised(host: str) -> None:
    assert spelled_oddly(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "api.fda.gov", "1und1.de", "0x7f.example"])
def test_plain_hosts_are_not_called_odd(host: str) -> None:
    assert not spelled_oddly(host)


@given(st.ip_addresses(v=4))
def test_an_embedded_address_is_judged_like_itself(address: ipaddress.IPv4Address) -> None:
    mapped = f"::ffff:{address}"
    assert refusal(mapped, allow_private=False) == refusal(str(address), allow_private=False)
