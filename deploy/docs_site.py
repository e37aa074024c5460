"""``python -m deploy.docs_site`` (``make docs``): builds the documentation as a site in ``var/docs/site``.

The repository is the source: a page of the site is a file in ``docs/`` or at the root, with its own links. This script
copies those files and each further file that they link to, computes the navigation from ``docs/README.md``, and runs
Zensical in strict mode, which refuses a link to a file or an anchor that does not exist. It writes to ``var/docs``
only. The site loads nothing from other hosts: no fonts, no analytics, no diagrams that a script draws.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click

PROJECT = Path(__file__).resolve().parents[1]
INDEX = Path("docs/README.md")
LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_HEADING = re.compile(r"^(#{1,6}) +(.+?) *#*$")
_ITEM = re.compile(r"[-*] ")
_FIRST_ITEM = re.compile(r"1\. ")
_ANY_ITEM = re.compile(r"(?:[-*]|\d+\.) ")
_ELSEWHERE = re.compile(r"[a-z]+:|#")

_CONFIGURATION = """\
[project]
site_name = "Troika"
site_description = "Event registration for human-rights groups: documentation"
docs_dir = "source"
site_dir = "site"
use_directory_urls = false
nav = {nav}

[project.theme]
font = false
features = ["navigation.indexes", "navigation.top", "toc.follow", "search.highlight"]

[[project.theme.palette]]
media = "(prefers-color-scheme: light)"
scheme = "default"
toggle.icon = "lucide/sun"
toggle.name = "Switch to dark colours"

[[project.theme.palette]]
media = "(prefers-color-scheme: dark)"
scheme = "slate"
toggle.icon = "lucide/moon"
toggle.name = "Switch to light colours"

[project.markdown_extensions.tables]
[project.markdown_extensions.sane_lists]
[project.markdown_extensions.md_in_html]
[project.markdown_extensions.toc]
permalink = true
slugify = {{ object = "pymdownx.slugs.slugify", kwds = {{ case = "lower" }} }}
[project.markdown_extensions.pymdownx.highlight]
[project.markdown_extensions.pymdownx.superfences]
"""
"""The anchors are those of a forge (``pymdownx.slugs``), since the documents are read there as well."""


@dataclass(slots=True)
class Group:
    """A heading of the index with the documents and groups below it.

    Attributes:
        title: the text of the heading.
        level: the level of the heading, 1 to 6.
        pages: documents, from the project's root.
        groups: headings of the next level.
    """

    title: str
    level: int
    pages: list[Path] = field(default_factory=list)
    groups: list["Group"] = field(default_factory=list)


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), default=PROJECT / "var/docs", help="Where to build.")
def main(folder: Path) -> None:
    """Build the documentation as a site; exit 1 and name each link that leads nowhere."""
    prepare(PROJECT, folder)
    if build(folder):
        sys.exit(1)
    click.echo(f"{folder}/site/index.html (its search needs a web server: python3 -m http.server -d {folder}/site)")


def documents(project: Path) -> list[Path]:
    """Every document of the site, from the project's root: ``docs/**.md`` and the root's own."""
    found = [*project.glob("*.md"), *project.glob("docs/**/*.md")]
    return sorted(path.relative_to(project) for path in found)


def prepare(project: Path, folder: Path) -> None:
    """Write the sources and the configuration of the site to ``folder``.

    Args:
        project: root of the repository.
        folder: the folder of the site's sources, which is deleted and created again.

    Raises:
        ValueError: the index names no group for a document, or a document has no heading.
    """
    shutil.rmtree(folder, ignore_errors=True)
    pages = documents(project)
    texts = {page: (project / page).read_text(encoding="utf-8") for page in pages}
    for page, text in texts.items():
        _write(folder / "source" / page, adapted(text))
        for file in _linked_files(project, page, text):
            _copy(project / file, folder / "source" / file)
    nav = ", ".join(_nav(navigation(texts), texts))
    _write(folder / "zensical.toml", _CONFIGURATION.format(nav=f"[{nav}]"))


def build(folder: Path) -> int:
    """Run Zensical in a folder that ``prepare`` has written.

    Returns:
        Its exit code: not 0 where a link leads nowhere. It has printed which.
    """
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "-f", str(folder / "zensical.toml")]
    return subprocess.run(command, cwd=folder, check=False).returncode


def adapted(text: str) -> str:
    """Markdown as forges read it, written as Python-Markdown needs it.

    That library takes a list only after an empty line, and what belongs to an item only with four columns.
    """
    lines: list[str] = []
    fenced = in_list = False
    for line in text.split("\n"):
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced:
            is_item = bool((_ANY_ITEM if in_list else _ITEM).match(line))
            before = lines[-1] if lines else ""
            if is_item and (before.startswith("    ") or (before and not in_list)):
                lines.append("")
            in_list = is_item or bool(_FIRST_ITEM.match(line)) or (in_list and (not line.strip() or line[0] == " "))
            line = " " + line if line.startswith("   ") and not line.startswith("    ") else line
        lines.append(line)
    return "\n".join(lines)


def navigation(texts: dict[Path, str]) -> Group:
    """Arrange all documents as the index does.

    A document that the index does not link is put where the index of its folder is (``<folder>/README.md``).

    Args:
        texts: content by document, from the project's root.

    Returns:
        The index itself, and its groups.

    Raises:
        ValueError: a document belongs to no group.
    """
    top = _groups(texts)
    listed = {page for group in _all_groups(top) for page in group.pages}
    for page in sorted(texts.keys() - listed):
        home = next((group for group in _all_groups(top) if page.parent / "README.md" in group.pages), None)
        if home is None:
            raise ValueError(f"{page}: {INDEX} links neither this document nor {page.parent}/README.md")
        home.pages.append(page)
    return top


def title_of(text: str) -> str:
    """The first heading, as plain text.

    Raises:
        ValueError: there is none.
    """
    for line in text.split("\n"):
        if heading := _HEADING.match(line):
            return re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", heading[2])
    raise ValueError(f"no heading in {text[:60]!r}")


def _groups(texts: dict[Path, str]) -> Group:
    top = Group("", 1, [INDEX])
    open_groups = [top]
    for line in texts[INDEX].split("\n"):
        if heading := _HEADING.match(line):
            level = len(heading[1])
            if level > 1:
                while open_groups[-1].level >= level:
                    open_groups.pop()
                group = Group(title_of(line), level)
                open_groups[-1].groups.append(group)
                open_groups.append(group)
        elif _ITEM.match(line) and (link := LINK.search(line)):
            page = Path(os.path.normpath(INDEX.parent / link[1].partition("#")[0]))
            open_groups[-1].pages += [page] if page in texts else []  # Zensical reports a document that does not exist
    return top


def _all_groups(group: Group) -> Iterator[Group]:
    yield group
    for inner in group.groups:
        yield from _all_groups(inner)


def _nav(group: Group, texts: dict[Path, str]) -> Iterator[str]:
    for page in group.pages:
        yield f"{{ {json.dumps(title_of(texts[page]), ensure_ascii=False)} = {json.dumps(page.as_posix())} }}"
    for inner in group.groups:
        yield f"{{ {json.dumps(inner.title)} = [{', '.join(_nav(inner, texts))}] }}"


def _linked_files(project: Path, page: Path, text: str) -> Iterator[Path]:
    """Files of the repository other than documents to which a document links: pictures, samples, tests."""
    for link in LINK.findall(CODE.sub("", text)):
        target = Path(os.path.normpath(page.parent / link.partition("#")[0]))
        is_ours = not _ELSEWHERE.match(link) and not target.is_relative_to("..")
        if is_ours and target.suffix != ".md" and (project / target).is_file():
            yield target


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


if __name__ == "__main__":
    main()
