"""Documents are correct: links work, and generated files match the code."""

import ast
import fnmatch
import re
from itertools import pairwise
from pathlib import Path

import pytest

from deploy import specs
from deploy.machine.install import GATEWAY
from deploy.machine.install import NAMES as INSTALLED
from deploy.machine.timers import JOBS
from deploy.servers.audit_role import variable
from deploy.shape import SERVICES
from services.console_pages import SECTIONS
from tests.architecture.sources import nodes, python_files, text_of, tracked_files
from tests.support.processes import PROJECT

PAGES = [path for path in tracked_files() if path.suffix == ".md"]
_LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_NAMED = re.compile(r"`((?:services|shared|deploy|tests|docs)/[\w./*-]+)`")
"""A path in code text; ``<name>`` and ``…`` are places to fill in."""
_SETTING = re.compile(r"(?:TROIKA|SMTP)_[A-Z0-9_]+")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_ELSEWHERE = ("http://", "https://", "mailto:")
_PAGES_IN = {section.title: {page.title for page in section.pages} for section in SECTIONS}
_TITLES = sorted({*_PAGES_IN, *(title for titles in _PAGES_IN.values() for title in titles)}, key=len, reverse=True)


def test_links_lead_somewhere() -> None:
    links = {page: _LINK.findall(_CODE.sub("", text_of(page))) for page in PAGES}
    assert [(str(page), link) for page in PAGES for link in links[page] if not _leads_somewhere(page, link)] == []
    assert any(links.values())


def test_links_are_found() -> None:
    assert _LINK.findall('[a](b.md) ![c](<d.png>) [e](f.md#g "title")') == ["b.md", "d.png", "f.md#g"]


_TEXTS = {".md", ".py", ".yaml", ".yml", ".html", ".js", ".css", ".po", ".sh", ".conf", ".json", ".toml", ".tpl"}
_CONFLICT = re.compile(r"^(?:<{7}|={7}|>{7})(?: |$)", re.MULTILINE)


def test_no_file_holds_the_markers_of_a_merge_conflict() -> None:
    held = [str(path) for path in tracked_files() if path.suffix in _TEXTS and _CONFLICT.search(text_of(path))]
    assert held == []
    assert _CONFLICT.search("one\n" + "=" * 7 + "\nother") is not None


def test_files_that_documents_name_exist() -> None:
    """Decisions, measurements and the changelog may name what is gone."""
    living = [page for page in PAGES if not page.is_relative_to("docs/adr") and not page.is_relative_to("docs/lab")]
    named = [(page, name) for page in living if page.name != "CHANGELOG.md" for name in _NAMED.findall(text_of(page))]
    assert len(named) > 50
    assert [(str(page), name) for page, name in named if not any(PROJECT.glob(name.rstrip("/")))] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_units_that_documents_name_are_installed(page: Path) -> None:
    assert _wrong_units(text_of(page)) == []


def test_wrong_units_are_found() -> None:
    """Parts in angle brackets are places to fill in; a pattern must not start the jobs of backups."""
    text = """`systemctl status troika-<service>-<role>` `systemctl status troika-<service>@<role>` `troika-tools`
    `journalctl -u troika-backup-keys -u 'troika-*'`
    `systemctl restart troika-registration@forms` `systemctl start 'troika-*' --all` `troika-events-web --help`

    ```sh
    systemctl enable --now troika-backup.timer \\
      troika-nothing.timer
    ```
    """
    assert _wrong_units(text) == [
        "troika-<service>@<role>",
        "troika-registration@forms",
        "troika-*",
        "troika-nothing.timer",
    ]


def test_each_setting_of_the_services_is_a_row_of_the_reference() -> None:
    strings = {
        node.value
        for path in python_files("services", "shared")
        for node in nodes(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    rows = "".join(line for line in text_of(specs.REFERENCE / "settings.md").splitlines() if line.startswith("|"))
    settings = {text for text in strings if _SETTING.fullmatch(text)}
    assert len(settings) > 30
    assert sorted(name for name in settings if f"`{name}`" not in rows) == []


def test_each_setting_of_the_reference_is_read_somewhere() -> None:
    rows = [line for line in text_of(specs.REFERENCE / "settings.md").splitlines() if line.startswith("| `")]
    names = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row.split("|")[1])}
    code = "".join(map(text_of, python_files("services", "shared", "deploy")))
    composed = {f"{service.upper()}_DATABASE_URL" for service in SERVICES}
    composed |= {variable(name) for name in (*SERVICES, "bus", "keys")}
    assert len(names) > 40
    assert sorted(name for name in names - composed if f'"{name}"' not in code) == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_ways_through_the_console_follow_its_navigation(page: Path) -> None:
    assert _wrong_ways(text_of(page)) == []


def test_wrong_way_through_the_console_is_found() -> None:
    text = "**Access** → **Invite**, *Set-up* → *Series*, *Registrations → Forms →\nthe form*, Set-up → Forms → *New*"
    assert _wrong_ways(text) == ["Set-up → Series", "Registrations → Forms"]


def test_check_names_the_one_generated_file_that_differs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And no other: `make check` has compared them in another process, where sets of texts have another order."""
    page = specs.REFERENCE / "metrics.md"
    monkeypatch.setattr(specs, "metrics_page", lambda: "another page\n")
    assert _exit_code(["--check"]) == 1
    assert capsys.readouterr().err == f"{page} is out of date: run `make specs`\n"


def _exit_code(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        specs.main.main(arguments)
    return int(ended.value.code or 0)


def _wrong_ways(text: str) -> list[str]:
    """Pairs of names of the navigation with an arrow between them of which the second is not a page of the first."""
    steps = [step.strip() for step in re.split(r"[→›]", " ".join(_CODE.sub("", text).replace("*", "").split()))]
    pairs = [
        (next((title for title in _TITLES if before.endswith(title)), ""), next(filter(after.startswith, _TITLES), ""))
        for before, after in pairwise(steps)
    ]
    return [f"{a} → {b}" for a, b in pairs if a and b and b not in _PAGES_IN.get(a, ())]


def _wrong_units(text: str) -> list[str]:
    """Units in commands of systemd that `troika install` does not write; patterns that start more than processes."""
    commands = [line for code in _CODE.findall(text) for line in code.replace("\\\n", " ").strip("`").splitlines()]
    names = [
        (command, name.strip("'\""))
        for command in commands
        if re.search(r"\b(systemctl|journalctl)\b", command)
        for name in re.findall(r"(?<!\S)['\"]?troika-\S+", command)
    ]
    return [name for command, name in names if not _is_unit(name, starts="systemctl start" in command)]


def _is_unit(name: str, *, starts: bool) -> bool:
    processes = [f"troika-{process}.service" for process in (*INSTALLED, GATEWAY)]
    jobs = [f"{job}.{kind}" for job in JOBS for kind in ("service", "timer")]
    if starts and "*" in name and fnmatch.filter(jobs, name):
        return False
    whole = name if "." in name or name.endswith("*") else f"{name}.service"
    return bool(fnmatch.filter([*processes, *jobs], re.sub("<[^>]*>", "*", whole)))


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
