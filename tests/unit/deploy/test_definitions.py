"""The broker's definitions with its users, which the broker of Compose imports at each start."""

import json
from pathlib import Path

import pytest

from deploy.compose.prepare import write_servers
from deploy.local.secrets import make_keys
from deploy.servers.rabbitmq import is_hash_of
from shared.messaging.topology import AUDIT


def hashes(definitions: Path) -> dict[str, str]:
    """Of the logins, as the broker imports them."""
    return {user["name"]: user["password_hash"] for user in json.loads(definitions.read_text())["users"]}


def test_changed_password_is_in_the_definitions_that_the_broker_imports(tmp_path: Path) -> None:
    """At each start: with an earlier hash the earlier password would count again. The other logins keep their salts."""
    make_keys(tmp_path / "keys")
    write_servers(tmp_path, tmp_path / "keys")
    definitions, passwords = tmp_path / "rabbitmq" / "definitions.json", tmp_path / "keys" / "broker.json"
    before, known = hashes(definitions), json.loads(passwords.read_text())
    passwords.write_text(json.dumps({**known, AUDIT: "a-new-password"}))
    write_servers(tmp_path, tmp_path / "keys")
    after = hashes(definitions)
    assert is_hash_of(before[AUDIT], known[AUDIT])
    assert (is_hash_of(after[AUDIT], "a-new-password"), is_hash_of(after[AUDIT], known[AUDIT])) == (True, False)
    assert {**after, AUDIT: before[AUDIT]} == before


@pytest.mark.parametrize("damage", ["a-queue", "a-login", "cut-off"])
def test_definitions_of_an_earlier_version_are_replaced(tmp_path: Path, damage: str) -> None:
    make_keys(tmp_path / "keys")
    write_servers(tmp_path, tmp_path / "keys")
    definitions = tmp_path / "rabbitmq" / "definitions.json"
    wanted = json.loads(definitions.read_text())
    earlier = {
        "a-queue": json.dumps({**wanted, "queues": wanted["queues"][1:]}),
        "a-login": json.dumps({**wanted, "users": wanted["users"][1:]}),
        "cut-off": definitions.read_text()[:-100],
    }
    definitions.write_text(earlier[damage])
    write_servers(tmp_path, tmp_path / "keys")
    found = json.loads(definitions.read_text())
    assert {**found, "users": []} == {**wanted, "users": []}
    assert hashes(definitions).keys() == {user["name"] for user in wanted["users"]}
