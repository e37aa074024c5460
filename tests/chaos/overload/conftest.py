"""What takes too long for every day is for `make chaos` alone."""

from pathlib import Path

import pytest

LONG = ("test_broker_off.py", "test_rush.py")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Whether a file is left out of this run; None leaves that to the others."""
    return True if collection_path.name in LONG and config.getoption("chaos") != "full" else None
