"""``troika prepare databases`` keeps the keys database off the server of the other databases."""

import psycopg
import pytest

from deploy.compose.prepare import require_no_keys
from shared.runtime.errors import SettingsError
from shared.runtime.settings import conninfo
from tests.support.installation import FreshDatabases
from tests.support.postgres import PostgresServer


def test_server_with_the_table_of_keys_is_refused(postgres: PostgresServer) -> None:
    with psycopg.connect(conninfo(FreshDatabases(postgres)["keys"])) as owner:
        with pytest.raises(SettingsError, match="a copy of that server would hold them together with the answers"):
            require_no_keys(owner)


def test_server_with_an_empty_database_is_taken(postgres: PostgresServer) -> None:
    with psycopg.connect(conninfo(postgres.fresh_database())) as owner:
        require_no_keys(owner)
