"""``make docs``: each document becomes a page, each link works, and no page loads anything from elsewhere."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser

from deploy.docs_site import adapted, build, documents, navigation, prepare, title_of
from tests.support.processes import PROJECT

_LOADING = re.compile(r"<(?:script|img|iframe|source|video|audio|embed|object|form|use)\b[^>]*>|<link\b[^>]*>")
_ADDRESS = re.compile(r"""\b(?:src|srcset|href|data|action|poster)=["']?((?:https?:)?//[^"'\s>]+)""")
_NO_LOAD = re.compile(r"""\brel=["']?(?:canonical|alternate|next|prev)\b""")
_IN_STYLE = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""")
_TARGET = re.compile(r"""\b(?:href|src)=["']?([^"'\s>#?]+)""")
_ELSEWHERE = re.compile(r"[a-z]+:|//")
_EXAMPLE = re.compile(r"<(pre|code)\b.*?</\1>", re.DOTALL)
_CODE = re.compile(r"<(pre|code|script|style)\b.*?</\1>", re.DOTALL)
_TEXT = re.compile(r">([^<]+)")
_LEFT = re.compile(r"```|\n(?:[-*]|\d+\.) |\]\(|^\s*#+ ")
"""Markdown that a reader would see as it is written."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    prepare(PROJECT, folder)
    assert build(folder) == 0
    return folder / "site"


def test_each_document_has_a_page_with_its_title(site: Path) -> None:
    found = {document: _heading(site / _page(document)) for document in documents(PROJECT)}
    assert found == {document: title_of((PROJECT / document).read_text(encoding="utf-8")) for document in found}


def test_each_document_is_in_the_navigation(site: Path) -> None:
    linked = re.findall(r'<a href="([^"#]+)" class="md-nav__link', (site / "index.html").read_text(encoding="utf-8"))
    assert (
        sorted({_page(document) for document in documents(PROJECT)} - {Path("index.html")} - set(map(Path, linked)))
        == []
    )


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    loaded = [
        (page.name, address) for page in sorted(site.rglob("*.html")) for address in _loads(page.read_text("utf-8"))
    ]
    styled = [
        (file.name, address) for file in site.rglob("*.css") for address in _IN_STYLE.findall(file.read_text("utf-8"))
    ]
    assert loaded + styled == []


@pytest.mark.parametrize(
    "page",
    [
        '<script src="https://cdn.example.org/a.js"></script>',
        "<link rel=stylesheet href=//fonts.example.org/css>",
        '<img alt="" src="http://example.org/a.png">',
        "<style>@import 'https://example.org/a.css'</style>",
    ],
)
def test_load_from_elsewhere_is_found(page: str) -> None:
    assert len(_loads(page)) == 1


def test_no_page_shows_markdown_as_it_is_written(site: Path) -> None:
    texts = [(page, text) for page in sorted(site.rglob("*.html")) for text in _texts(page.read_text("utf-8"))]
    assert len(texts) > 1000
    assert [(str(page.relative_to(site)), text[:80]) for page, text in texts if _LEFT.search(text)] == []


def test_each_link_leads_to_a_file_of_the_site(site: Path) -> None:
    """Also links to files that are no documents, which Zensical does not check."""
    found = {
        (page.parent / unquote(target)).resolve()
        for page in site.rglob("*.html")
        if page.name != "404.html"
        for target in _TARGET.findall(_EXAMPLE.sub("", page.read_text(encoding="utf-8")))
        if not _ELSEWHERE.match(target)
    }
    assert len(found) > 200
    assert sorted(str(path.relative_to(site)) for path in found if not _is_served(path)) == []


def test_search_finds_each_document(site: Path) -> None:
    entries = json.loads((site / "search.json").read_text(encoding="utf-8"))["items"]
    found = {Path(entry["location"].partition("#")[0]) for entry in entries}
    assert sorted({_page(document) for document in documents(PROJECT)} - found) == []


@pytest.mark.parametrize("width", [1280, 360])
def test_page_fits_and_asks_no_other_host(site: Path, browser: Browser, width: int) -> None:
    with _served(site) as address:
        context = browser.new_context(viewport={"width": width, "height": 800})
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        with page.expect_request(f"{address}/search.json"):
            page.goto(f"{address}/docs/index.html", wait_until="networkidle")
            page.keyboard.press("Control+k")
        page.keyboard.type("advisory lock")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        context.close()
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


@pytest.mark.parametrize(
    ("link", "code"), [("other.md", 0), ("other.md#where--when", 0), ("missing.md", 1), ("other.md#missing", 1)]
)
def test_link_that_leads_nowhere_fails(tmp_path: Path, link: str, code: int) -> None:
    project = tmp_path / "project"
    (project / "docs").mkdir(parents=True)
    (project / "README.md").write_text("# Project\n", encoding="utf-8")
    (project / "docs/other.md").write_text("# Other\n\n## Where & when\n", encoding="utf-8")
    (project / "docs/README.md").write_text(
        f"# Index\n\n## All\n\n- [Project](../README.md)\n- [Other](other.md)\n\nSee [this]({link}).\n",
        encoding="utf-8",
    )
    prepare(project, tmp_path / "built")
    assert build(tmp_path / "built") == code


@pytest.mark.parametrize("page", sorted((PROJECT / "docs/architecture").glob("*.md")), ids=lambda page: page.stem)
def test_architecture_page_has_a_diagram_that_fits(page: Path) -> None:
    """A drawing of text reads in both colour schemes; the site shows 88 columns without a scroll bar."""
    drawings = re.findall(r"^```\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert drawings
    assert [line for drawing in drawings for line in drawing.split("\n") if len(line) > 88] == []


def test_document_in_no_group_is_refused() -> None:
    index = "# Index\n\n## All\n\n- [One](one.md)\n- [Notes](notes/README.md)\n"
    texts = {Path("docs") / name: "# Title\n" for name in ("one.md", "notes/README.md", "notes/first.md")}
    found = navigation({Path("docs/README.md"): index, **texts})
    assert found.groups[0].pages == [Path("docs") / name for name in ("one.md", "notes/README.md", "notes/first.md")]
    with pytest.raises(ValueError, match=r"lost/page\.md"):
        navigation({Path("docs/README.md"): index, **texts, Path("docs/lost/page.md"): "# Lost\n"})


def test_lists_are_written_as_python_markdown_needs_them() -> None:
    assert adapted("Text:\n- one\n- two\n\n1. first\n   - inner\n\n   More.\n2. second\n\n```\na\n- b\n   c\n```") == (
        "Text:\n\n- one\n- two\n\n1. first\n    - inner\n\n    More.\n\n2. second\n\n```\na\n- b\n   c\n```"
    )
    assert adapted("at most\n500. `limit` is") == "at most\n500. `limit` is"


def _page(document: Path) -> Path:
    return document.with_name("index.html" if document.name == "README.md" else f"{document.stem}.html")


def _heading(page: Path) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", page.read_text(encoding="utf-8"), re.DOTALL)
    assert found, page
    return unescape(re.sub(r"<a class=\"headerlink.*?</a>|<[^>]+>", "", found[1]))


def _is_served(path: Path) -> bool:
    return path.is_file() or (path / "index.html").is_file()


def _loads(page: str) -> list[str]:
    tags = (tag for tag in _LOADING.findall(page) if not _NO_LOAD.search(tag))
    return [address for tag in tags for address in _ADDRESS.findall(tag)] + _IN_STYLE.findall(page)


def _texts(page: str) -> list[str]:
    return [unescape(text) for text in _TEXT.findall(_CODE.sub("<code></code>", page)) if text.strip()]


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        """Print nothing."""


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_QuietHandler, directory=str(folder))) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serving.join()
