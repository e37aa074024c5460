"""The sample of sealed answers that a drill opens where the keys of forms are in the keys database.

`make test-recovery` shows the same with a real backup.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest

from deploy.operations.backup.form_keys import place_of
from deploy.operations.backup.keys_archive import ArchiveProblem
from deploy.operations.backup.keys_fit import KeyPlace, Opened, open_sample
from deploy.operations.backup.postgres import LoneServer
from deploy.servers.logins import KEYS
from services.registration.sealing.key_database import VARIABLE
from shared.db.roles import login
from shared.runtime.errors import Unavailable
from shared.runtime.settings import conninfo
from tests.integration.registration.test_form_key_life import FORM, travellers
from tests.integration.registration.test_keys_database import installation
from tests.integration.registration.test_kinds import installation as installation_with_folder
from tests.support.clients import rows
from tests.support.installation import TestInstallation
from tests.support.postgres import PostgresServer
from tests.support.registration_service import RegistrationService

assert installation
assert installation_with_folder


@dataclass(frozen=True, slots=True)
class RestoredServer:
    """The databases of an installation, in place of a server that runs restored data alone."""

    installation: TestInstallation

    def connect(self, database: str) -> "psycopg.Connection[tuple[Any, ...]]":
        """A connection in autocommit."""
        return psycopg.connect(conninfo(self.installation.urls[database]), autocommit=True)


def sample(installation: TestInstallation, settings: Path) -> Opened:
    """Sealed answers that were tried, and how many of them opened, with the keys that the settings name."""
    place = KeyPlace(installation.secrets.folder, place_of(None, settings))
    return open_sample(cast(LoneServer, RestoredServer(installation)), place)[0]


@pytest.fixture
def settings(installation: TestInstallation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of an operator's commands that name the keys database."""
    monkeypatch.delenv(VARIABLE, raising=False)
    file = tmp_path / "settings" / "tools" / "operator" / VARIABLE
    file.parent.mkdir(parents=True)
    file.write_text(installation.urls.of(KEYS, login(KEYS, "operator")) + "\n")
    return tmp_path / "settings"


def test_answers_are_opened_with_the_keys_database_alone(
    service: RegistrationService, installation: TestInstallation, settings: Path
) -> None:
    travellers(service, "one", "two")
    assert sample(installation, settings) == Opened("sealed answers", tried=2, opened=2)
    rows(installation.urls[KEYS], "DELETE FROM form_private_key WHERE form = %s", FORM)
    assert sample(installation, settings) == Opened("sealed answers", tried=2, opened=0)


def test_key_that_was_destroyed_since_the_backup_is_no_fault(
    service: RegistrationService, installation: TestInstallation, settings: Path
) -> None:
    travellers(service, "one")
    rows(installation.urls[KEYS], "SELECT destroy_form_key(%s, now())", FORM)
    assert sample(installation, settings) == Opened("sealed answers", tried=0, opened=0)


def test_keys_database_that_is_away_or_has_no_schema_is_a_fault(
    service: RegistrationService, installation: TestInstallation, settings: Path, postgres: PostgresServer
) -> None:
    travellers(service, "one")
    file = settings / "tools" / "operator" / VARIABLE
    file.write_text("postgresql://troika_keys_operator:x@127.0.0.1:1/keys\n")
    with pytest.raises(Unavailable):
        sample(installation, settings)
    file.write_text(postgres.fresh_database() + "\n")
    with pytest.raises(ArchiveProblem, match=VARIABLE):
        sample(installation, settings)
