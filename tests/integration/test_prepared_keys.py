"""``troika prepare databases`` keeps the keys database off the server of the other databases."""

import json
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from sqlalchemy import make_url

from deploy.compose.prepare import POSTGRES_HOST, main, require_no_keys
from deploy.local.secrets import make_keys
from deploy.servers.audit_role import ROLE
from deploy.servers.logins import KEYS, service_roles
from deploy.servers.monitor_role import MONITOR
from shared.db.embedded_server import SUPERUSER
from shared.runtime.errors import SettingsError
from shared.runtime.settings import conninfo
from tests.support.postgres import PostgresServer

REFUSAL = "a copy of that server would hold them together with the answers"


def test_server_with_the_table_of_keys_is_refused_before_a_schema_is_migrated(
    own_postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "prepare"
    make_keys(place / "keys")
    (place / "installation").write_text("troika 0123")
    passwords = dict.fromkeys([*service_roles(), ROLE, MONITOR], "of-a-test")
    passwords[SUPERUSER] = str(make_url(own_postgres.url(KEYS)).password)
    (place / "keys" / "databases.json").write_text(json.dumps(passwords))
    own_postgres.create_database(KEYS)
    with own_postgres.connect(KEYS) as owner:
        owner.execute("CREATE TABLE form_private_key (form text)")
    monkeypatch.setenv(POSTGRES_HOST, f"127.0.0.1:{own_postgres.port}")
    refused = CliRunner().invoke(main, ["databases", "--folder", str(tmp_path)]).exception
    assert isinstance(refused, SettingsError)
    assert REFUSAL in str(refused)


def test_server_with_an_empty_database_is_taken(postgres: PostgresServer) -> None:
    with psycopg.connect(conninfo(postgres.fresh_database())) as owner:
        require_no_keys(owner)
