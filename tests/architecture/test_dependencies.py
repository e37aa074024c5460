"""Dependencies are pinned and listed, their licences allow our use, and known vulnerabilities are found."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from deploy.security.requirements import read_requirements
from deploy.security.sbom import licences, sbom
from tests.support.answering import Answering
from tests.support.processes import PROJECT

FILES = ("requirements.txt", "requirements-dev.txt")
ALLOWED = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "LGPL-3.0-only", "MIT", "MIT-0", "MPL-2.0",
    "PSF-2.0", "Unlicense", "ZPL-2.1", "Zlib",
    "License :: OSI Approved",
    "License :: OSI Approved :: Apache Software License",
    "License :: OSI Approved :: BSD License",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)",
}  # fmt: skip
"""Of libraries that are used as they are. The LGPL's is psycopg; its terms bind changes to psycopg itself."""
SAYS_NOTHING = {"protobuf": "its files say BSD, three clauses; the package's description has no field for it"}
FLASK_HAS_A_HOLE = {
    "id": "TROIKA-TEST-1", "summary": "made up",
    "modified": "2026-01-01T00:00:00Z", "published": "2026-01-01T00:00:00Z",
    "affected": [{"package": {"name": "flask", "ecosystem": "PyPI"}, "versions": [], "ranges": [
        {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99"}]}]}],
}  # fmt: skip


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return sbom(validate=False)


@pytest.mark.parametrize("file", FILES)
def test_every_requirement_is_pinned_with_hashes(file: str) -> None:
    requirements = read_requirements(PROJECT / file)
    assert [one.name for one in requirements if one.version is None or one.hashes == 0] == []
    assert requirements


def test_kombu_is_none_that_loses_messages() -> None:
    """Before 5.7 its virtual transports lose what was delivered and not acknowledged."""
    versions = [one.version for one in read_requirements(PROJECT / "requirements.txt") if one.name == "kombu"]
    assert [version is not None and Version(version) >= Version("5.7") for version in versions] == [True]


def test_list_names_what_is_installed_and_nothing_else(document: dict[str, Any]) -> None:
    needed = {(one.name, one.version) for one in read_requirements(PROJECT / "requirements.txt") if one.needed_here}
    assert {(_name(one), one["version"]) for one in document["components"]} == needed


def test_list_says_what_the_project_itself_needs(document: dict[str, Any]) -> None:
    root = document["metadata"]["component"]
    edges = {one["ref"]: one.get("dependsOn", []) for one in document["dependencies"]}
    assert root["name"] == "troika"
    assert {"kombu", "pika"} <= {ref.partition("==")[0] for ref in edges[root["bom-ref"]]}


def test_licences_bind_nobody(document: dict[str, Any]) -> None:
    said = {
        _name(one): {word for licence in licences(one) for word in _words(licence)} for one in document["components"]
    }
    assert {name for name, words in said.items() if not words} == set(SAYS_NOTHING)
    assert {name: words - ALLOWED for name, words in said.items() if words - ALLOWED} == {}


def test_known_weakness_is_found(tmp_path: Path) -> None:
    with Answering(lambda _path, body: {"vulns": [FLASK_HAS_A_HOLE] if _asks_for("flask", body) else []}) as database:
        done = _advisories(database.url, tmp_path)
    assert (done.returncode != 0, "TROIKA-TEST-1" in done.stdout) == (True, True), done.stderr


def test_nothing_known_is_success(tmp_path: Path) -> None:
    with Answering(lambda _path, _body: {"vulns": []}) as database:
        done = _advisories(database.url, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert database.asked == sum(1 for one in read_requirements(PROJECT / "requirements.txt") if one.needed_here)


def test_database_that_is_away_is_no_success(tmp_path: Path) -> None:
    assert _advisories("http://127.0.0.1:9/v1/query", tmp_path).returncode != 0


def _advisories(url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["make", "-s", "advisories", f"OSV={url}", f"CACHE={folder}"]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=240)


def _asks_for(name: str, body: bytes) -> bool:
    return bool(json.loads(body)["package"]["name"] == name)


def _name(component: dict[str, Any]) -> str:
    return str(component["name"]).lower().replace("_", "-").replace(".", "-")


def _words(licence: str) -> Iterator[str]:
    """The licences in an expression: ``MPL-2.0 AND (Apache-2.0 OR MIT)`` has three."""
    if licence.startswith("License ::"):
        yield licence
        return
    yield from (word.strip("()") for word in licence.split() if word not in ("AND", "OR", "WITH"))
