"""``troika access``: keys are made, listed and removed."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.operations.access import main
from shared.http.holders import AccessFile
from shared.runtime.ids import token_hash


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """There is none yet."""
    return tmp_path / "access.json"


def run(file: Path, *words: str) -> Result:
    """As an operator types it."""
    return CliRunner().invoke(main, [*words, "--file", str(file)])


def added(file: Path, *words: str) -> str:
    """The key that is printed."""
    done = run(file, "add", *words)
    assert done.exit_code == 0, done.output
    return done.output.strip()


def test_key_is_printed_once_and_its_hash_stored(file: Path) -> None:
    key = added(file, "a coordinator", "--role", "coordinator", "--role", "viewer", "--form", "upr-webinar-10")
    assert key not in file.read_text()
    holder = AccessFile(file).holder_of(key)
    assert holder is not None
    assert (holder.name, holder.roles, holder.forms) == (
        "a coordinator",
        frozenset({"coordinator", "viewer"}),
        frozenset({"upr-webinar-10"}),
    )
    assert file.stat().st_mode & 0o777 == 0o600


def test_running_process_accepts_a_new_key_and_refuses_a_removed_one(file: Path) -> None:
    first = added(file, "a coordinator", "--role", "coordinator")
    access = AccessFile(file)
    second = added(file, "a partner", "--role", "partner", "--partner", "example-partner")
    assert access.holder_of(second) is not None
    shown = run(file, "list").output
    assert "a partner (example-partner)  partner" in shown
    assert run(file, "remove", token_hash(first).hex()[:12]).exit_code == 0
    assert (access.holder_of(first), access.holder_of(second) is not None) == (None, True)


@pytest.mark.parametrize(
    "words",
    [
        ("two\nlines", "--role", "viewer"),
        ("a partner", "--role", "partner"),
        ("a partner", "--role", "partner", "--role", "viewer", "--partner", "example-partner"),
        ("a guest", "--role", "viewer", "--until", "tomorrow"),
        ("a guest", "--role", "everything"),
        ("a guest",),
    ],
)
def test_holder_that_no_process_would_accept_is_refused(file: Path, words: tuple[str, ...]) -> None:
    assert run(file, "add", *words).exit_code == 2
    assert not file.exists()


def test_nothing_is_removed_where_it_is_not_clear_what(file: Path) -> None:
    added(file, "a coordinator", "--role", "coordinator")
    (hash_of_it,) = (row["key_sha256"] for row in json.loads(file.read_text()))
    before = file.read_text()
    assert [run(file, "remove", beginning).exit_code for beginning in ("zz", "", hash_of_it[:7])] == [1, 1, 1]
    assert file.read_text() == before


def test_file_that_is_wrong_is_left_as_it_is(file: Path) -> None:
    file.write_text('[{"name": "somebody"}]')
    assert run(file, "add", "a coordinator", "--role", "coordinator").exit_code == 1
    assert file.read_text() == '[{"name": "somebody"}]'
