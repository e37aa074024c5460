"""The client's address: taken from trusted gateways only, and of IPv6 the first half."""

from ipaddress import ip_address

import pytest

from shared.runtime.deployment import TrustedProxies, client_address, is_direct, read_monitors, read_proxies

GATEWAY, OTHER_GATEWAY, CLIENT = "127.0.0.1", "192.0.2.10", "203.0.113.7"


def seen(nearest: str, forwarded: str | None, *proxies: str) -> str:
    """The address that is made out, as text."""
    environ = {"REMOTE_ADDR": nearest}
    if forwarded is not None:
        environ["HTTP_X_FORWARDED_FOR"] = forwarded
    return str(client_address(environ, read_proxies(",".join(proxies))))


@pytest.mark.parametrize(
    "forwarded", [None, "", "198.51.100.1", "198.51.100.1, 127.0.0.1", "2001:db8::1", "nonsense", ",,,", "127.0.0.1"]
)
def test_header_of_someone_who_is_no_gateway_counts_for_nothing(forwarded: str | None) -> None:
    assert seen(CLIENT, forwarded, GATEWAY) == CLIENT


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        (CLIENT, CLIENT),
        (f"198.51.100.1, {CLIENT}", CLIENT),
        (f"127.0.0.1, 10.0.0.1,{CLIENT}", CLIENT),
        (f"198.51.100.1, {CLIENT}, {OTHER_GATEWAY}", CLIENT),
        (f"{CLIENT}, {GATEWAY}, {OTHER_GATEWAY}", CLIENT),
        (f"{OTHER_GATEWAY}, {GATEWAY}", GATEWAY),
        ("198.51.100.1, nonsense", "None"),
        ("198.51.100.1, ", GATEWAY),
        ("", GATEWAY),
        (None, GATEWAY),
    ],
)
def test_gateway_is_believed_about_its_own_client_alone(forwarded: str | None, expected: str) -> None:
    """The last that is none of our gateways: what is before it was written by the client."""
    assert seen(GATEWAY, forwarded, GATEWAY, OTHER_GATEWAY) == expected


def test_gateways_are_named_by_network() -> None:
    assert seen("10.1.2.3", f"198.51.100.1, {CLIENT}, 10.9.9.9", "10.0.0.0/8") == CLIENT
    assert seen("2001:db8::5", CLIENT, "2001:db8::/32") == CLIENT
    assert seen("::ffff:10.1.2.3", CLIENT, "10.0.0.0/8") == CLIENT
    assert seen("11.1.2.3", CLIENT, "10.0.0.0/8") == "11.1.2.3"


def test_people_behind_a_tls_proxy_are_counted_one_by_one() -> None:
    """The TLS proxy appends who connected to it, and the gateway behind it appends the TLS proxy."""
    people = [f"203.0.113.{number}" for number in range(50)]
    assert [seen("10.0.0.2", f"{one}, 10.0.0.1", "10.0.0.0/24") for one in people] == people


@pytest.mark.parametrize(
    ("nearest", "header", "expected"),
    [
        ("127.0.0.1", "", True),
        ("10.1.2.3", "", True),
        ("::ffff:10.1.2.3", "", True),
        ("10.1.2.3", "X_FORWARDED_FOR", False),
        ("127.0.0.1", "VIA", False),
        (CLIENT, "", False),
        ("", "", False),
    ],
)
def test_prometheus_asks_directly_from_networks_that_are_named(nearest: str, header: str, expected: bool) -> None:
    """With Compose and in Kubernetes it is in another container; a gateway adds a header to what it passes on."""
    environ = {"REMOTE_ADDR": nearest, **({f"HTTP_{header}": CLIENT} if header else {})}
    assert is_direct(environ, read_monitors("10.0.0.0/8")) is expected


def test_unix_socket_is_a_gateway() -> None:
    assert seen("", CLIENT, GATEWAY) == CLIENT


@pytest.mark.parametrize(
    "text",
    ["*", "10.0.0.1/8", "0.0.0.0/0", "::/0", "gateway.example.org", "10.0.0.0/33", "127.0.0.1 10.0.0.1", "10.0.0"],
)
def test_anything_but_a_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="network"):
        read_proxies(text)


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::"),
        ("2001:db8:1:3::", "2001:db8:1:3::"),
        ("2001:DB8:1:2::9", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("::1", "::"),
        ("::ffff:203.0.113.7", CLIENT),
        (CLIENT, CLIENT),
    ],
)
def test_ipv6_client_network_is_one_client(address: str, counted_as: str) -> None:
    assert seen(GATEWAY, address, GATEWAY) == counted_as
    assert seen(address, None, GATEWAY) == counted_as


def test_address_is_a_value_that_can_be_tested_against_networks() -> None:
    assert client_address({"REMOTE_ADDR": CLIENT}, TrustedProxies()) == ip_address(CLIENT)
    assert client_address({}, TrustedProxies()) is None
