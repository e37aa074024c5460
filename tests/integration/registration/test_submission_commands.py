"""An operator's commands for submissions that are parked, and for the decider's keys, as typed."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from services.registration.__main__ import command_line
from services.registration.intake.items import COMMANDS
from services.registration.intake.queue import key_id
from shared.security.sealing import new_key, public_key_of
from tests.support.clients import rows
from tests.support.installation import TestInstallation

Command = Callable[..., Result]

INSERT = """
    INSERT INTO submission (receipt_hash, form, form_revision, fingerprint, code, body, decider_key, received_at, state,
        attempts, parked_reason)
    VALUES (sha256(%s), 'upr-webinar-10', 1, sha256('f'), 'ABCD', 'sealed', %s, %s, %s, %s, %s)
"""
LONG_AGO = datetime(2020, 3, 2, 9, 0, tzinfo=UTC)
KEY = bytes(8)


@pytest.fixture
def typed(installation: TestInstallation, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Types a command of the group ``submissions`` as an operator."""
    for name, value in installation.environment("registration", "recover").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TROIKA_OPERATOR", "Op Erator")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(command_line(), ["submissions", *arguments])

    return run


@pytest.fixture
def url(installation: TestInstallation) -> str:
    """Of a database with two parked submissions and one that is undecided."""
    found = installation.urls["registration"]
    rows(found, "DELETE FROM decider_key")
    for name, state, reason in ((b"1", "parked", "it failed"), (b"2", "parked", "it failed"), (b"3", "received", None)):
        rows(found, INSERT, name, KEY, LONG_AGO, state, 5 if reason else 0, reason)
    return found


def states(url: str) -> list[tuple[int, str, int]]:
    return [tuple(row) for row in rows(url, "SELECT id, state, attempts FROM submission ORDER BY id")]


def audit_log(url: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in rows(url, "SELECT done_by, action, subject, detail FROM audit_record ORDER BY id")]


def test_list_shows_what_is_parked_and_what_waits(typed: Command, url: str) -> None:
    assert url
    printed = typed("list").output
    assert "1       submission  upr-webinar-10  2020-03-02 09:00:00 UTC  5         it failed" in printed
    assert "2 parked, 1 undecided, the oldest since 2020-03-02 09:00:00 UTC" in printed


def test_parked_submission_is_tried_again_in_its_place(typed: Command, url: str) -> None:
    assert typed("replay", "1").output == "1 replayed\n"
    assert states(url) == [(1, "received", 0), (2, "parked", 5), (3, "received", 0)]
    assert typed("replay", "--all").output == "1 replayed\n"
    assert typed("replay", "--all").output == "0 replayed\n"
    assert [line[:3] for line in audit_log(url)] == [
        ("Op Erator", "submission-replayed", "1"),
        ("Op Erator", "submission-replayed", "2"),
    ]


@pytest.mark.parametrize("arguments", [(), ("1", "--all")])
def test_replay_asks_which(typed: Command, url: str, arguments: tuple[str, ...]) -> None:
    assert typed("replay", *arguments).exit_code == 2
    assert audit_log(url) == []


def test_only_a_parked_submission_is_dropped(typed: Command, url: str) -> None:
    assert typed("drop", "2", "--reason", "a test of ours").output == "1 dropped\n"
    refused = typed("drop", "3", "--reason", "a test of ours")
    assert (refused.exit_code, "no submission 3 is parked" in refused.output) == (1, True)
    assert [row[0] for row in states(url)] == [1, 3]
    assert audit_log(url) == [("Op Erator", "submission-dropped", "2", {"reason": "a test of ours"})]


def test_key_is_retired_once_nothing_needs_it(typed: Command, url: str) -> None:
    needed, unneeded, newest = (new_key() for _ in range(3))
    for age_h, key in enumerate((newest, unneeded, needed), start=1):
        published_at = datetime.now(UTC) - timedelta(hours=age_h)
        rows(url, "INSERT INTO decider_key VALUES (%s, %s, %s)", key_id(key), public_key_of(key), published_at)
    rows(url, "UPDATE submission SET decider_key = %s", key_id(needed))
    assert typed("keys").output.count("published") == 3
    retired = typed("keys", "--retire").output
    assert f"{key_id(unneeded).hex()}: retired" in retired
    left = [bytes(row[0]) for row in rows(url, "SELECT id FROM decider_key ORDER BY published_at")]
    assert left == [key_id(needed), key_id(newest)]
    assert f"{key_id(needed).hex()}: published" in retired
    assert "needed by 3" in retired


def test_key_is_kept_while_a_form_may_still_be_sealed_to_it(typed: Command, url: str) -> None:
    for age, key in ((timedelta(hours=1), new_key()), (timedelta(seconds=5), new_key())):
        rows(
            url, "INSERT INTO decider_key VALUES (%s, %s, %s)", key_id(key), public_key_of(key), datetime.now(UTC) - age
        )
    assert "retired" not in typed("keys", "--retire").output


def test_table_takes_exactly_the_commands_that_the_decider_reads(installation: TestInstallation) -> None:
    wanted = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'submission_kind_check'"
    ((check,),) = rows(installation.urls["registration"], wanted)
    assert set(re.findall(r"'([a-z-]+)'", check)) == set(COMMANDS)
