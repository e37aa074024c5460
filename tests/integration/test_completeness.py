"""A run with a skipped test, or with none, fails: tested on small runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.servers.starting import BASE_ENVIRONMENT
from tests.support.processes import PROJECT

CONFTEST = """
from tests.support.completeness import Completeness

def pytest_configure(config):
    config.pluginmanager.register(Completeness())
"""

SKIPPED_MODULE = "import pytest\npytest.skip('no server', allow_module_level=True)\n"
SKIPPED_TEST = "import pytest\n@pytest.mark.skip\ndef test_a(): pass\ndef test_b(): pass\n"
EXPECTED_FAILURE = "import pytest\n@pytest.mark.xfail\ndef test_a(): assert False\n"


def _run(folder: Path, tests: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(tests)
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(folder),
            str(folder),
            *options,
        ],
        env={**BASE_ENVIRONMENT, "PYTHONPATH": str(PROJECT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        cwd=folder,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("tests", ["def test_a(): pass\n", EXPECTED_FAILURE], ids=["passed", "xfail"])
def test_run_in_which_all_ran_passes(tmp_path: Path, tests: str) -> None:
    assert _run(tmp_path, tests).returncode == pytest.ExitCode.OK


@pytest.mark.parametrize("tests", [SKIPPED_TEST, SKIPPED_MODULE], ids=["test", "module"])
def test_run_with_a_skipped_test_fails_and_reports_it(tmp_path: Path, tests: str) -> None:
    done = _run(tmp_path, tests)
    assert done.returncode != pytest.ExitCode.OK
    assert "INCOMPLETE: nothing may be skipped, but was: test_it.py" in done.stdout


def test_run_without_tests_fails(tmp_path: Path) -> None:
    done = _run(tmp_path, "")
    assert done.returncode != pytest.ExitCode.OK
    assert "INCOMPLETE: no test ran" in done.stdout


def test_listing_the_tests_is_no_incomplete_run(tmp_path: Path) -> None:
    assert _run(tmp_path, "def test_a(): pass\n", "--collect-only").returncode == pytest.ExitCode.OK
