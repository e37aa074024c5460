"""The databases of an installation, without processes."""

from pathlib import Path

import pytest

from tests.support.installation import TestInstallation, make_whole
from tests.support.postgres import PostgresServer


@pytest.fixture
def whole(postgres: PostgresServer, tmp_path: Path) -> TestInstallation:
    """All databases, empty."""
    return make_whole(postgres, tmp_path)
