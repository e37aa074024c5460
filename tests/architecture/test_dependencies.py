"""Dependencies are pinned and listed, their licences allow our use, and known vulnerabilities are found."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.support.http_stub import Answering
from tests.support.processes import PROJECT
from tests.support.requirements import read_requirements

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
NOT_NEEDED = "pytest"
UNSTATED = {"protobuf": "its files say BSD, three clauses; the package's description has no field for it"}
FLASK_HAS_A_HOLE = {
    "id": "TROIKA-TEST-1", "summary": "made up",
    "modified": "2026-01-01T00:00:00Z", "published": "2026-01-01T00:00:00Z",
    "affected": [{"package": {"name": "flask", "ecosystem": "PyPI"}, "versions": [], "ranges": [
        {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99"}]}]}],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listed:
    """What ``make sbom`` has written: what is installed, and which files are accepted."""

    packages: dict[str, Any]
    hashes: dict[str, Any]


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Listed:
    """The lists of an environment that has the packages of production and, at first, one more."""
    folder = tmp_path_factory.mktemp("sbom")
    needed = {one.name for one in read_requirements(PROJECT / "requirements.txt") if one.needed_here}
    _copy_metadata(folder / "production", needed | {NOT_NEEDED})
    places = [f"PRODUCTION={folder / 'production'}", f"SBOM={folder / 'sbom'}"]
    command = ["make", "-s", "sbom", *places, "VALIDATED=--no-validate"]  # comparing with the schema takes 12 s
    environment = {**os.environ, "UV_OFFLINE": "1"}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return Listed(*(json.loads((folder / name).read_text()) for name in ("sbom.json", "sbom-hashes.json")))


def _copy_metadata(environment: Path, names: set[str]) -> None:
    """Make an environment of the metadata of installed packages: all that a list is made from."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    for metadata in Path(sysconfig.get_path("purelib")).glob("*.dist-info"):
        if canonicalize_name(metadata.name.partition("-")[0]) in names:
            shutil.copytree(metadata, packages / metadata.name)


@pytest.mark.parametrize("file", FILES)
def test_every_requirement_is_pinned_with_hashes(file: str) -> None:
    requirements = read_requirements(PROJECT / file)
    assert [one.name for one in requirements if one.version is None or one.hashes == 0] == []
    assert requirements


def test_kombu_is_none_that_loses_messages() -> None:
    """Before 5.7 its virtual transports lose what was delivered and not acknowledged."""
    versions = [one.version for one in read_requirements(PROJECT / "requirements.txt") if one.name == "kombu"]
    assert [version is not None and Version(version) >= Version("5.7") for version in versions] == [True]


def test_list_names_what_is_installed_and_nothing_else(listed: Listed) -> None:
    needed = {(one.name, one.version) for one in read_requirements(PROJECT / "requirements.txt") if one.needed_here}
    assert {(_name(one), one["version"]) for one in listed.packages["components"]} == needed


def test_list_of_hashes_has_each_accepted_file(listed: Listed) -> None:
    requirements = read_requirements(PROJECT / "requirements.txt")
    assert {
        (_name(one), one["version"], len(one["externalReferences"][0]["hashes"])) for one in listed.hashes["components"]
    } == {(one.name, one.version, one.hashes) for one in requirements}


def test_list_has_the_project_s_own_requirements(listed: Listed) -> None:
    root = listed.packages["metadata"]["component"]
    edges = {one["ref"]: one.get("dependsOn", []) for one in listed.packages["dependencies"]}
    assert root["name"] == "troika"
    assert {"kombu", "pika"} <= {ref.partition("==")[0] for ref in edges[root["bom-ref"]]}


def test_licences_bind_no_one(listed: Listed) -> None:
    licences = {_name(one): set(_licences(one)) for one in listed.packages["components"]}
    assert {name for name, words in licences.items() if not words} == set(UNSTATED)
    assert {name: words - ALLOWED for name, words in licences.items() if words - ALLOWED} == {}


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


def _licences(component: dict[str, Any]) -> Iterator[str]:
    """The licences that a package declares: SPDX ids, expressions, or the classifiers of older ones."""
    for entry in component.get("licenses", []):
        yield from _words(entry.get("expression") or entry["license"].get("id") or entry["license"]["name"])


def _words(licence: str) -> Iterator[str]:
    """The licences in an expression: ``MPL-2.0 AND (Apache-2.0 OR MIT)`` has three."""
    if licence.startswith("License ::"):
        yield licence
        return
    yield from (word.strip("()") for word in licence.split() if word not in ("AND", "OR", "WITH"))
