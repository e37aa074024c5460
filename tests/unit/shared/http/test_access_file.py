"""Holders of keys and their expiry; a file with any fault is refused as a whole."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.http.holders import AccessFile
from shared.runtime.errors import SettingsError
from shared.runtime.ids import token_hash

KEY, OTHER = "key-of-a-coordinator", "key-of-an-operator"


def entry(**changed: Any) -> dict[str, Any]:
    """A holder as the file names them."""
    return {"name": "a coordinator", "roles": ["coordinator"], "key_sha256": token_hash(KEY).hex(), **changed}


def in_hours(hours: float) -> str:
    """The time so far from now, RFC 3339."""
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Of one coordinator."""
    path = tmp_path / "access.json"
    path.write_text(json.dumps([entry()]))
    return path


def test_holder_is_found_by_the_key_alone(file: Path) -> None:
    found = AccessFile(file).holder_of(KEY)
    assert (found and found.name, AccessFile(file).holder_of(OTHER)) == ("a coordinator", None)


@pytest.mark.parametrize(("hours", "known"), [(-0.01, False), (1, True)])
def test_key_expires_as_the_file_states(file: Path, hours: float, known: bool) -> None:
    file.write_text(json.dumps([entry(until=in_hours(hours))]))
    assert (AccessFile(file).holder_of(KEY) is not None) is known


def test_holder_may_have_two_keys_while_one_takes_the_place_of_the_other(file: Path) -> None:
    file.write_text(json.dumps([entry(until=in_hours(1)), entry(key_sha256=token_hash(OTHER).hex())]))
    access = AccessFile(file)
    assert [found and found.name for found in map(access.holder_of, (KEY, OTHER))] == ["a coordinator"] * 2


def test_key_withdrawn_or_given_is_so_at_once(file: Path) -> None:
    access = AccessFile(file)
    assert access.holder_of(KEY)
    file.write_text(json.dumps([entry(name="an operator", key_sha256=token_hash(OTHER).hex())]))
    assert (access.holder_of(KEY), bool(access.holder_of(OTHER))) == (None, True)


@pytest.mark.parametrize(
    "rows",
    [
        {},
        [{}],
        [entry(name="")],
        [entry(name="two\nlines")],
        [entry(name="x" * 201)],
        [entry(roles=["king"])],
        [entry(key_sha256="abc")],
        [entry(until="tomorrow")],
        [entry(roles=["partner"])],
        [entry(roles=["partner"], partner="Not a slug")],
        [entry(roles=["partner", "viewer"], partner="a-partner")],
        [entry(partner="a-partner")],
        [entry(until="2031-01-01T00:00:00")],
        [entry(), entry(name="an operator")],
        [entry(), entry(name="an operator", key_sha256=token_hash(KEY).hex().upper())],
    ],
)
def test_file_that_is_wrong_starts_nothing_and_changes_nothing(file: Path, rows: Any) -> None:
    access = AccessFile(file)
    file.write_text(json.dumps(rows))
    assert access.holder_of(KEY) is not None
    with pytest.raises(SettingsError, match="access file"):
        AccessFile(file)
