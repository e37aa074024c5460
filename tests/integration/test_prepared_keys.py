"""``troika prepare databases``: on a machine of an operator, and apart from the server of the keys database."""

import json
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from sqlalchemy import make_url

from deploy.compose.prepare import POSTGRES_HOST, main, require_no_keys
from deploy.compose.settings_files import Servers, claim, write_settings
from deploy.local.secrets import Secrets, make_keys
from deploy.servers.audit_role import ROLE, variable
from deploy.servers.logins import KEYS, service_roles
from deploy.servers.monitor_role import MONITOR
from deploy.shape import SERVICES
from shared.db.embedded_server import SUPERUSER
from shared.db.roles import OPEN_FUNCTIONS
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


def test_machine_of_an_operator_gets_databases_logins_and_schema(own_postgres: PostgresServer, tmp_path: Path) -> None:
    """With the settings that `troika install` writes, by the superuser whom the operator names."""
    keys = tmp_path / "prepare" / "keys"
    make_keys(keys)
    claim(tmp_path / "prepare" / "installation", "https://register.example.org")
    given = {"TROIKA_PUBLIC_URL": "https://register.example.org", "SMTP_URL": "smtps://mail.example.org"}
    write_settings(tmp_path, Secrets(keys, ""), given, Servers(f"127.0.0.1:{own_postgres.port}"))
    words = ["databases", "--folder", str(tmp_path), "--superuser-url", own_postgres.url(SUPERUSER)]
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    for service in SERVICES:
        url = (tmp_path / "audit" / variable(service)).read_text().strip()
        with psycopg.connect(url) as audit:
            assert audit.execute("SELECT count(id) FROM outbox").fetchone() == (0,)
            assert audit.execute(OPEN_FUNCTIONS).fetchone() == (0,)


def test_server_with_an_empty_database_is_taken(postgres: PostgresServer) -> None:
    with psycopg.connect(conninfo(postgres.fresh_database())) as owner:
        require_no_keys(owner)
