"""Text of others: text that clients would turn into a link is broken up; ordinary names and titles do not change."""

import unicodedata

import pytest
from hypothesis import given

from services.notifications.composing.texts import defuse, one_line
from shared.i18n.paragraphs import safe_link
from tests.unit.notifications.hostile_text import CLICKABLE, hostile

LINKS = [
    "https://evil.example/x?y=z",
    "HTTP://EVIL.EXAMPLE",
    "www.evil.example",
    "pay at evil.example now",
    "evil.example",
    "someone@evil.example",
    "mailto:someone@evil.example",
    "ftp://10.0.0.1/",
]


@pytest.mark.parametrize("text", LINKS)
def test_link_is_broken_up(text: str) -> None:
    assert CLICKABLE.search(text) is not None
    assert CLICKABLE.search(defuse(text)) is None


@pytest.mark.parametrize(
    "text", ["evil\uff0eexample", "evil\u3002example", "ev\u200bil.exa\u00admple", "\u202eelpmaxe.live"]
)
def test_disguised_link_is_broken_up(text: str) -> None:
    plain = unicodedata.normalize("NFKC", defuse(text)).replace("\u3002", ".")
    assert CLICKABLE.search(plain) is None


def test_numeric_address_is_broken_up() -> None:
    assert defuse("see 192.168.10.1 or 10:30") == "see 192. 168. 10. 1 or 10:30"


@pytest.mark.parametrize(
    "text",
    [
        "J. K. Example",
        "U.S. review, part 2.0",
        "Ph.D. candidate",
        "UPR Webinar Wednesday #10: advocacy (with embassies) & missions",
        "10:30–12:00, room XXVII",
        "and/or",
        "O'Example-Ünal",
        "علی‌رضا",
        "张伟",
        "क्षत्रिय",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert defuse(text) == text


def test_long_text_is_cut_with_an_ellipsis() -> None:
    assert one_line("word " * 100, 12) == "word word w…"


@given(text=hostile)
def test_line_is_one_line_of_visible_characters(text: str) -> None:
    line = defuse(text)
    assert CLICKABLE.search(line) is None
    assert len(line.splitlines()) <= 1
    assert {unicodedata.category(letter) for letter in line} & {"Cc", "Cs", "Zl", "Zp"} == set()
    assert not {"\u202e", "\u2066", "\u200b"} & set(line)


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://meet.example.org/a?b=c&d=%20#e", True),
        ("http://[::1]:8000/", True),
        (None, False),
        ("", False),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("https://", False),
        ("https://example.org@example.net/", False),
        ("https://a b", False),
        ("https://a\r\nb", False),
        ('https://a"b', False),
        ("https://a<b", False),
        ("https://[", False),
    ],
)
def test_only_plain_web_addresses_become_links(url: str | None, safe: bool) -> None:
    assert safe_link(url) == (url if safe else None)
