"""Documents tell the truth: links lead somewhere, and generated files are what the code says now."""

import re
from pathlib import Path

import pytest

from deploy import specs
from tests.architecture.sources import text_of, tracked_files
from tests.support.processes import PROJECT

PAGES = [path for path in tracked_files() if path.suffix == ".md"]
_LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_ELSEWHERE = ("http://", "https://", "mailto:")


def test_links_lead_somewhere() -> None:
    links = {page: _LINK.findall(_CODE.sub("", text_of(page))) for page in PAGES}
    assert [(str(page), link) for page in PAGES for link in links[page] if not _leads_somewhere(page, link)] == []
    assert any(links.values())


def test_links_are_found() -> None:
    assert _LINK.findall('[a](b.md) ![c](<d.png>) [e](f.md#g "title")') == ["b.md", "d.png", "f.md#g"]


def test_generated_files_are_up_to_date_and_check_names_one_that_differs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sets of texts iterate in another order in each process, so a file that depends on it would differ here, too."""
    page = specs.REFERENCE / "metrics.md"
    assert _exit_code(["--check"]) == 0
    monkeypatch.setattr(specs, "metrics_page", lambda: "another page\n")
    assert _exit_code(["--check"]) == 1
    assert capsys.readouterr().err == f"{page} is out of date: run `make specs`\n"


def _exit_code(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        specs.main.main(arguments)
    return int(ended.value.code or 0)


def _leads_somewhere(page: Path, link: str) -> bool:
    if link.startswith(_ELSEWHERE):
        return True
    name, _, anchor = link.partition("#")
    target = (PROJECT / page.parent / name).resolve() if name else PROJECT / page
    if not target.exists() or not target.is_relative_to(PROJECT):
        return False
    return not anchor or target.suffix != ".md" or anchor in _anchors(target)


def _anchors(page: Path) -> set[str]:
    """Names of a page's headings as a forge makes them: lower case, words joined by hyphens."""
    headings = _HEADING.findall(page.read_text(encoding="utf-8"))
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}
