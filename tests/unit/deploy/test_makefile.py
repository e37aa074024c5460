"""The Makefile uses no variable that is never set: it would silently be empty."""

import re
import subprocess
import tomllib
from pathlib import Path

MAKEFILE = Path("Makefile").read_text(encoding="utf-8")
TARGETS = re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE)


def test_every_variable_is_set() -> None:
    asked = ["make", "--dry-run", "--warn-undefined-variables", *TARGETS]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.findall("warning: undefined variable.*", done.stderr) == []


def test_images_have_the_version_of_the_project() -> None:
    version = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert re.findall(r"^VERSION := (.*)$", MAKEFILE, re.MULTILINE) == [version]


def test_bytecode_is_made_before_the_tests() -> None:
    done = subprocess.run(["make", "--dry-run", "test"], capture_output=True, text=True, check=True)
    assert "compileall -q -j 0 services shared deploy && .venv/bin/python -m tests.support.bytecode" in done.stdout
