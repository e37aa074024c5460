"""Webhook URLs: their allowed parts, and which addresses their host may have."""

from collections.abc import Sequence
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.webhooks.http_client import (
    Address,
    Endpoint,
    ForbiddenAddress,
    is_public,
    parse_endpoint,
    resolve_by_system,
    resolve_public_address,
)

PLACE = Endpoint("hooks.example.org", 443, "/")

INSIDE_V4 = (
    "0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 169.254.0.1 "
    "169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 "
    "198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255"
)
INSIDE_V6 = (
    ":: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8 64:ff9b::7f00:1 64:ff9b:1::1 100::1 2001::1 "
    "2001:db8::1 2001:10::1 2002:7f00:1:: 2002:808:808:: 3fff::1 3fff:fff::1 "
    "fc00::1 fd00:ec2::254 fe80::1 febf::1 fec0::1 ff02::1 ff0e::1 "
    "4000::1"
)
OUTSIDE = "1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 172.15.255.255 172.32.0.1 2606:4700::1111 2a00:1450::1"


@pytest.mark.parametrize("text", f"{INSIDE_V4} {INSIDE_V6}".split())
def test_address_that_is_not_out_in_the_world_is_not_called(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", OUTSIDE.split())
def test_address_out_in_the_world_may_be_called(text: str) -> None:
    assert is_public(ip_address(text))


@given(st.ip_addresses(v=4))
def test_no_disguise_of_an_ipv4_address_in_ipv6_may_be_called(address: Address) -> None:
    number = int(address)
    disguises = (0xFFFF << 32 | number, number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80)
    assert not [one for one in disguises if is_public(ip_address(one.to_bytes(16, "big")))]


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://hooks.example.org/", Endpoint("hooks.example.org", 443, "/")),
        ("https://HOOKS.Example.org", Endpoint("hooks.example.org", 443, "/")),
        ("https://hooks.example.org:8443/a/b?c=d&e", Endpoint("hooks.example.org", 8443, "/a/b?c=d&e")),
        ("https://xn--bcher-kva.example.org/x", Endpoint("xn--bcher-kva.example.org", 443, "/x")),
    ],
)
def test_url_with_a_name_is_taken(url: str, place: Endpoint) -> None:
    assert parse_endpoint(url) == place


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.org",
        "http://hooks.example.org/",
        "ftp://hooks.example.org/",
        "file:///etc/passwd",
        "https:///path",
        "https://localhost/",
        "https://intern/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://0177.0.0.1/",
        "https://hooks.0x7f/",
        "https://hooks.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fe80::1%25eth0]/",
        "https://user@hooks.example.org/",
        "https://user:word@hooks.example.org/",
        "https://hooks.example.org@evil.example.org/",
        "https://@hooks.example.org/",
        "https://hooks.example.org:80/",
        "https://hooks.example.org:22/",
        "https://hooks.example.org:0/",
        "https://hooks.example.org:99999/",
        "https://hooks.example.org:x/",
        "https://hooks.example.org./",
        "https://-hooks.example.org/",
        "https://hooks..example.org/",
        "https://hooks_a.example.org/",
        "https://hooks.example.org/#fragment",
        "https://hooks.example.org/a b",
        "https://hooks.example.org/\r\nHost: evil.example.org",
        "https://hooks.example.org\\@evil.example.org/",
        "https://hooks.example.org/\x7f",
        "https://höoks.example.org/",
        "https://hooks.example.org/" + "a" * 1000,
    ],
)
def test_any_other_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ForbiddenAddress) as refusal:
        parse_endpoint(url)
    assert url == "" or url not in str(refusal.value)


@given(st.text(max_size=60))
def test_no_text_is_a_bug(text: str) -> None:
    for url in (text, f"https://{text}", f"https://hooks.example.org{text}"):
        try:
            place = parse_endpoint(url)
        except ForbiddenAddress:
            continue
        assert (place.port in (443, 8443), "." in place.host, place.target[0]) == (True, True, "/")


@pytest.mark.parametrize("addresses", [["8.8.8.8", "10.0.0.1"], ["::1"], ["127.0.0.1", "8.8.8.8"]])
def test_host_with_any_address_inside_is_not_called_at_all(addresses: Sequence[str]) -> None:
    with pytest.raises(ForbiddenAddress):
        resolve_public_address(PLACE, lambda _host, _port: [ip_address(text) for text in addresses])


def test_host_without_an_address_cannot_be_called() -> None:
    with pytest.raises(OSError, match="no address"):
        resolve_public_address(PLACE, lambda _host, _port: [])


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f.1", "2130706433"])
def test_what_the_machine_takes_for_itself_would_not_be_called(host: str) -> None:
    """Were such a name ever to come as far as the resolver."""
    found = resolve_by_system(host, 443)
    assert found
    assert not [address for address in found if is_public(address)]
