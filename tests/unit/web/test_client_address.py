"""Where a request comes from: believed of trusted gateways alone, and of IPv6 the first half."""

from ipaddress import ip_address

import pytest

from shared.web.client_address import client_address

GATEWAY, OTHER_GATEWAY, SOMEBODY = "127.0.0.1", "192.0.2.10", "203.0.113.7"


def seen(nearest: str, forwarded: str | None, *proxies: str) -> str:
    """The address that is made out, as text."""
    environ = {"REMOTE_ADDR": nearest}
    if forwarded is not None:
        environ["HTTP_X_FORWARDED_FOR"] = forwarded
    return str(client_address(environ, frozenset(proxies)))


@pytest.mark.parametrize(
    "forwarded", [None, "", "198.51.100.1", "198.51.100.1, 127.0.0.1", "2001:db8::1", "nonsense", ",,,", "127.0.0.1"]
)
def test_header_of_somebody_who_is_no_gateway_counts_for_nothing(forwarded: str | None) -> None:
    assert seen(SOMEBODY, forwarded, GATEWAY) == SOMEBODY


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        (SOMEBODY, SOMEBODY),
        (f"198.51.100.1, {SOMEBODY}", SOMEBODY),
        (f"127.0.0.1, 10.0.0.1,{SOMEBODY}", SOMEBODY),
        (f"198.51.100.1, {SOMEBODY}, {OTHER_GATEWAY}", SOMEBODY),
        (f"{SOMEBODY}, {GATEWAY}, {OTHER_GATEWAY}", SOMEBODY),
        (f"{OTHER_GATEWAY}, {GATEWAY}", GATEWAY),
        ("198.51.100.1, nonsense", "None"),
        ("198.51.100.1, ", GATEWAY),
        ("", GATEWAY),
        (None, GATEWAY),
    ],
)
def test_gateway_is_believed_about_its_own_client_alone(forwarded: str | None, expected: str) -> None:
    """The last that no gateway of ours is: what stands before it was written by whoever came."""
    assert seen(GATEWAY, forwarded, GATEWAY, OTHER_GATEWAY) == expected


def test_star_believes_whoever_is_connected_and_nobody_further() -> None:
    assert seen(OTHER_GATEWAY, f"198.51.100.1, {SOMEBODY}", "*") == SOMEBODY
    assert seen(SOMEBODY, None, "*") == SOMEBODY


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
        ("::ffff:203.0.113.7", SOMEBODY),
        (SOMEBODY, SOMEBODY),
    ],
)
def test_household_of_ipv6_is_one_client(address: str, counted_as: str) -> None:
    assert seen(GATEWAY, address, GATEWAY) == counted_as
    assert seen(address, None, GATEWAY) == counted_as


def test_address_is_a_value_that_can_be_looked_up_in_networks() -> None:
    assert client_address({"REMOTE_ADDR": SOMEBODY}, ()) == ip_address(SOMEBODY)
    assert client_address({}, ()) is None
