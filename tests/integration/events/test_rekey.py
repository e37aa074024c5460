"""Proposers' contacts get a key of their own, and another after it; references stay what they are."""

from pathlib import Path

from sqlalchemy import text

from shared.core.rights import login
from shared.core.sealing import Unsealable, Vault, new_key
from tests.integration.events.side_events import Desk
from tests.support.installation import database_of
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup

_STORED = text("""
    SELECT id::text, contact, encode(person_ref, 'hex') FROM proposal
    UNION ALL SELECT id::text, speaker_names, encode(person_ref, 'hex') FROM proposal ORDER BY 1
""")


def test_contacts_are_closed_anew_and_references_stay(
    desk: Desk,
    environment: dict[str, str],
    database: str,
    postgres: PostgresServer,
    processes: ProcessGroup,
    tmp_path: Path,
) -> None:
    for number in range(3):
        desk.propose(f"Side event {number}", speakers=f"Speaker {number}")
    before = _stored(desk)
    vault = tmp_path / "proposal-vault.key"
    first, second = new_key(), new_key()
    given = {name: environment[name] for name in ("TROIKA_PROPOSAL_KEY_FILE",)} | {
        "EVENTS_DATABASE_URL": postgres.url(database_of(database), login("events", "operator")),
        "TROIKA_PROPOSAL_VAULT_FILE": str(vault),
    }
    for number, keys in enumerate([[first], [second, first], [second]]):
        vault.write_text("".join(f"{key.hex()}\n" for key in keys))
        command = processes.start(f"rekey-{number}", "services.events rekey", env=given)
        assert command.wait(60) == 0, command.log_text()
        changed = [3, 3, 0][number]
        said = [line for line in command.log_text().splitlines() if line.endswith("anew.")]
        assert said == [f"{changed} {what} closed anew." for what in ("contacts of proposers", "lists of speakers")]
        assert [_opens(keys[:1], row, closed) for row, closed, _ref in _stored(desk)] == [True] * 6
    assert [(row, ref) for row, _closed, ref in _stored(desk)] == [(row, ref) for row, _closed, ref in before]
    assert [_opens([first], row, closed) for row, closed, _ref in _stored(desk)] == [False] * 6


def _stored(desk: Desk) -> list[tuple[str, bytes, str]]:
    with desk.engine.connect() as connection:
        return [(row, bytes(closed), ref) for row, closed, ref in connection.execute(_STORED)]


def _opens(keys: list[bytes], row: str, closed: bytes) -> bool:
    try:
        Vault(keys).open(closed, row=row)
    except Unsealable:
        return False
    return True
