"""The reference of the own page lists every state with a picture."""

import re
from pathlib import Path

from tests.browser.own_page_screenshots import screenshot_names

PAGE = Path("docs/reference/own-page.md")
SHOWN = re.findall(r"\]\(\.\./(screenshots/own/[^)]+)\)", PAGE.read_text(encoding="utf-8"))


def test_every_state_of_the_own_page_is_shown_in_two_languages() -> None:
    assert sorted(SHOWN) == sorted(f"screenshots/own/{name}.webp" for name in screenshot_names())


def test_screenshots_exist() -> None:
    assert [name for name in SHOWN if (Path("docs") / name).read_bytes()[8:12] != b"WEBP"] == []
