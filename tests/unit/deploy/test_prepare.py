"""`troika prepare databases` on a machine of an operator: it gets the superuser's address as an option."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from psycopg.conninfo import conninfo_to_dict

from deploy.compose.prepare import main, named_superuser
from deploy.local.secrets import make_keys
from deploy.up.secrets import database_passwords
from shared.runtime.errors import SettingsError

REMOTE = "postgresql://postgres@db.example.org:5433/postgres?sslmode=verify-full"
PASSWORD = "of-a-test"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What an operator is asked for, and answers."""
    questions: list[str] = []

    def answer(text: str, *, hide_input: bool) -> str:
        assert hide_input
        questions.append(text)
        return PASSWORD

    monkeypatch.setattr(click, "prompt", answer)
    return questions


def test_password_of_the_superuser_is_asked_for_once(asked: list[str]) -> None:
    found = conninfo_to_dict(named_superuser(REMOTE, {}))
    places = (found["host"], found["port"], found["user"], found["password"], found["sslmode"])
    assert places == ("db.example.org", "5433", "postgres", PASSWORD, "verify-full")
    assert asked == ["Password of postgres"]


@pytest.mark.parametrize(
    ("url", "environment"),
    [
        (REMOTE.replace("postgres@", "postgres:known@"), {}),
        (REMOTE, {"PGPASSWORD": "known"}),
        ("postgresql:///postgres?host=/var/run/postgresql", {}),
    ],
)
def test_password_that_is_known_or_not_needed_is_not_asked_for(
    url: str, environment: dict[str, str], asked: list[str]
) -> None:
    assert PASSWORD not in named_superuser(url, environment)
    assert asked == []


def test_server_of_the_superuser_must_be_verified(asked: list[str]) -> None:
    plain = REMOTE.partition("?")[0]
    with pytest.raises(SettingsError, match="TROIKA_SUPERUSER_URL: the server of a database on another machine"):
        named_superuser(plain, {})
    assert asked == []
    assert "db.example.org" in named_superuser(plain, {"TROIKA_INSECURE": "database", "TROIKA_SETTINGS": "/nowhere"})


def test_folder_of_a_machine_needs_a_superuser_and_an_installation(tmp_path: Path) -> None:
    """The command `troika` names the folder; a server called `postgres` exists with Compose alone."""
    environment = {"TROIKA_PREPARE_FOLDER": str(tmp_path), "TROIKA_POSTGRES_HOST": ""}
    before = CliRunner().invoke(main, ["databases"], env=environment).exception
    assert isinstance(before, SettingsError)
    assert str(before).endswith("databases.json is missing: on a machine run `troika install` first")
    make_keys(tmp_path / "prepare" / "keys")
    database_passwords(tmp_path / "prepare" / "keys")
    unnamed = CliRunner().invoke(main, ["databases"], env=environment).exception
    assert isinstance(unnamed, SettingsError)
    assert str(unnamed).startswith("--superuser-url is required")


def test_server_that_takes_no_connection_is_named_at_once(tmp_path: Path) -> None:
    make_keys(tmp_path / "prepare" / "keys")
    database_passwords(tmp_path / "prepare" / "keys")
    words = ["databases", "--folder", str(tmp_path)]
    words += ["--superuser-url", "postgresql://postgres:of-a-test@127.0.0.1:1/postgres"]
    refused = CliRunner().invoke(main, words).exception
    assert isinstance(refused, SettingsError)
    assert "PostgreSQL does not take the superuser's connection" in str(refused)
    assert "of-a-test" not in str(refused)
