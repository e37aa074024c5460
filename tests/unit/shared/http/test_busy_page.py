"""What browsers get that are refused for load."""

import re
from base64 import b64encode
from hashlib import sha256

import pytest

from shared.http.problems import Why, busy_page


@pytest.mark.parametrize(
    ("seconds", "language", "words"),
    [
        (1, "en", "wait 1 second and"),
        (2, "en", "wait 2 seconds and"),
        (1, "ru", "Подождите 1 секунду и"),
        (2, "ru", "Подождите 2 секунды и"),
        (5, "ru", "Подождите 5 секунд и"),
        (2, "ar", "الانتظار ثانيتين ثم"),
        (11, "ar", "الانتظار 11 ثانية ثم"),
        (2, "fr", "attendre 2 secondes et"),
    ],
)
def test_seconds_have_the_form_of_their_number(seconds: int, language: str, words: str) -> None:
    headers, body = busy_page(seconds, language)
    assert words in body.decode()
    assert dict(headers)["Content-Language"] == language


@pytest.mark.parametrize("why", ["busy", "too-many", "quarantine"])
def test_policy_allows_the_style_of_the_page_and_nothing_else(why: Why) -> None:
    headers, body = busy_page(60, "en", why)
    [style] = re.findall(r"<style>(.*?)</style>", body.decode())
    digest = b64encode(sha256(style.encode()).digest()).decode()
    parts = dict(part.strip().split(" ", 1) for part in dict(headers)["Content-Security-Policy"].split(";"))
    assert (parts["default-src"], parts["style-src"]) == ("'none'", f"'sha256-{digest}'")


@pytest.mark.parametrize(
    ("seconds", "words"), [(30, "через 1 минуту"), (120, "через 2 минуты"), (300, "через 5 минут")]
)
def test_minutes_have_the_form_of_their_number(seconds: int, words: str) -> None:
    assert words in busy_page(seconds, "ru", "too-many")[1].decode()
