"""Outbox and inbox are the same tables in every service: the library that works on them knows one shape."""

from pathlib import Path

from tests.support.clients import rows
from tests.support.installation import make_installation
from tests.support.postgres import PostgresServer

COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
    WHERE table_name IN ('outbox', 'inbox') ORDER BY 1, 2
"""
INDEXES = "SELECT indexdef FROM pg_indexes WHERE tablename IN ('outbox', 'inbox') ORDER BY 1"


def test_outbox_and_inbox_alike_everywhere(postgres: PostgresServer, tmp_path: Path) -> None:
    """Migrations are frozen copies, so nothing but this keeps them equal."""
    urls = make_installation(postgres, tmp_path).urls
    shapes = [
        (rows(urls[name], COLUMNS), rows(urls[name], INDEXES)) for name in ("registration", "events", "notifications")
    ]
    assert len(shapes[0][0]) == 13
    assert shapes[0] == shapes[1] == shapes[2]
