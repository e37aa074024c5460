"""Names of speakers get a newer key; references do not change."""

from pathlib import Path

from sqlalchemy import text

from services.events.side_events.reading import ProposalKeys
from shared.db.roles import login
from shared.security.sealing import Unsealable, new_key
from tests.integration.events.side_events import EVENTS_KEY, Desk
from tests.support.installation import database_of
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup

_STORED = text("""
    SELECT id::text, speaker_names, array_to_string(speakers, ' ') FROM proposal
    UNION ALL SELECT id::text, suggested_names, suggestion ->> 'speakers' FROM proposal
        WHERE suggested_names IS NOT NULL
    ORDER BY 1, 3
""")
REENCRYPTED = ("lists of speakers", "suggested lists of speakers")


def test_names_are_reencrypted_and_references_stay(
    desk: Desk, database: str, postgres: PostgresServer, processes: ProcessGroup, tmp_path: Path
) -> None:
    for number in range(3):
        proposal = desk.accepted(f"Side event {number}", speakers=f"Speaker {number}")
    desk.change(proposal, 2, "Side event", speakers="Another speaker")
    before, private, second = _stored(desk), tmp_path / "private.key", new_key()
    given = {
        "EVENTS_DATABASE_URL": postgres.url(database_of(database), login("events", "operator")),
        "TROIKA_EVENTS_KEY_FILE": str(private),
    }
    for number, keys in enumerate([[EVENTS_KEY], [second, EVENTS_KEY], [second]]):
        private.write_text("".join(f"{key.hex()}\n" for key in keys))
        command = processes.start(f"rekey-{number}", "services.events rekey", env=given)
        assert command.wait(60) == 0, command.log_text()
        changed = ((0, 0), (3, 1), (0, 0))[number]
        lines = [line for line in command.log_text().splitlines() if line.endswith(" re-encrypted.")]
        assert lines == [f"{count} {what} re-encrypted." for count, what in zip(changed, REENCRYPTED, strict=True)]
        assert [_opens(keys[0], row, names) for row, names, _refs in _stored(desk)] == [True] * 4
    assert [(row, refs) for row, _names, refs in _stored(desk)] == [(row, refs) for row, _names, refs in before]
    assert [_opens(EVENTS_KEY, row, names) for row, names, _refs in _stored(desk)] == [False] * 4


def _stored(desk: Desk) -> list[tuple[str, bytes, str]]:
    with desk.engine.connect() as connection:
        return [(row, bytes(names), refs) for row, names, refs in connection.execute(_STORED)]


def _opens(key: bytes, row: str, names: bytes) -> bool:
    try:
        ProposalKeys((key,)).names(names, row)
    except Unsealable:
        return False
    return True
