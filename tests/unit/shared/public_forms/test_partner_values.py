"""The origin of a page, from the address that partners paste."""

import pytest

from shared.public_forms.theme import origin_of


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("https://partner.example.org/events/page?x=1", "https://partner.example.org"),
        ("http://localhost:8001/a", "http://localhost:8001"),
        ("https://[2001:db8::1]:8443/", "https://[2001:db8::1]:8443"),
        ("HTTP://example.org:80", "http://example.org"),
        ("https://example.org:/", "https://example.org"),
        ("https://me@example.org/", ""),
        ("https://b\u00fccher.example/", ""),
        ("https://example.org:99999/", ""),
        ("ftp://example.org/", ""),
        ("javascript://example.org/", ""),
        ("partner.example.org", ""),
        ("https://[/", ""),
        ("", ""),
    ],
)
def test_origin_of_an_address(address: str, site: str) -> None:
    if site:
        assert origin_of(address) == site
    else:
        with pytest.raises(ValueError, match=r"."):
            origin_of(address)
