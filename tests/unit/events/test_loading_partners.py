"""Partners: what a good file becomes, and that every fault is named with its place."""

from pathlib import Path

import pytest

from services.events.domain.partner import Partner
from services.events.loading.partners import read_partners
from shared.core.errors import SettingsError

GOOD = """
- slug: a-partner
  name: A partner
  origins: [https://partner.example.org]
  language: fr
  theme: {accent: "#7a1f3d"}
- slug: other
  name: Other
"""


def _folder(tmp_path: Path, content: str) -> Path:
    (tmp_path / "partners.yaml").write_text(content)
    return tmp_path


def test_good_file_is_read_and_a_missing_one_is_none(tmp_path: Path) -> None:
    assert read_partners(tmp_path) == ()
    assert read_partners(_folder(tmp_path, GOOD)) == (
        Partner("a-partner", "A partner", ("https://partner.example.org",), "fr", {"accent": "#7a1f3d"}),
        Partner("other", "Other", (), "en", {}),
    )


def test_origins_of_another_place_replace_those_of_the_file(tmp_path: Path) -> None:
    first, other = read_partners(_folder(tmp_path, GOOD), {"a-partner": "http://localhost:1234"})
    assert (first.origins, other.origins) == (("http://localhost:1234",), ())


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("slug: A Partner", "partners.yaml:2: slug: lower-case letters, digits and single hyphens are required"),
        ("slug: other", "partners.yaml:7: slug: is used twice, first in line 2"),
        ("language: de", "partners.yaml:5: language: one of en, fr, es, ar, ru, zh is required"),
        ("theme: {accent: red}", "partners.yaml:6: theme: cannot be used: accent"),
        ("theme: {colour: red}", "partners.yaml:6: theme: a mapping with accent, radius, font is required"),
        ("theme: red", "partners.yaml:6: theme: a mapping with accent, radius, font is required"),
    ],
)
def test_fault_is_named_with_its_place(tmp_path: Path, line: str, fault: str) -> None:
    key = line.split(":")[0]
    lines = GOOD.split("\n")
    at = next(number for number, old in enumerate(lines) if old.strip(" -").startswith(f"{key}:"))
    lines[at] = lines[at][: len(lines[at]) - len(lines[at].lstrip(" -"))] + line
    with pytest.raises(SettingsError) as caught:
        read_partners(_folder(tmp_path, "\n".join(lines)))
    assert caught.value.problems == [fault]


@pytest.mark.parametrize(
    "origin",
    [
        "partner.example.org",
        "https://partner.example.org/",
        "https://partner.example.org/page",
        "ftp://partner.example.org",
        "https://",
        "https://*.example.org",
        "https://a.example.org;script-src *",
        "https://a.example.org https://b.example.org",
        "https://user@a.example.org",
        "https://[broken",
        "'none'",
    ],
)
def test_origin_that_is_none_is_refused(tmp_path: Path, origin: str) -> None:
    content = GOOD.replace("[https://partner.example.org]", f'["{origin}"]')
    with pytest.raises(SettingsError) as caught:
        read_partners(_folder(tmp_path, content))
    detail = "an origin is required: scheme, host and port, nothing after"
    assert caught.value.problems == [f"partners.yaml:4: origins: {detail}"]
    with pytest.raises(SettingsError) as caught:
        read_partners(_folder(tmp_path, GOOD), {"a-partner": origin})
    assert caught.value.problems == [f"--origin: a-partner: {detail}"]
