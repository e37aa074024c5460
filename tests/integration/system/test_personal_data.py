"""A registration's personal data is in its tables, sealed on the way, and in the mail; nowhere else."""

from pathlib import Path

import pytest
import requests

from tests.integration.system.canaries import WORDS
from tests.support.clients import rows
from tests.support.rabbitmq import RabbitNode
from tests.support.stack import Stack


def found_in(content: bytes) -> set[str]:
    """The canaries that ``content`` holds, as text or as UTF-16."""
    lowered = content.lower()
    return {word for word in WORDS if word.encode() in lowered or word.encode("utf-16-le") in lowered}


def files_below(folder: Path) -> list[Path]:
    """Every file below ``folder``."""
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def test_canaries_are_where_they_may_be(whole: Stack) -> None:
    """The search would find them: they stand in the registration's row, and address and name in the mail."""
    statement = "SELECT r::text || o::text FROM registration r JOIN organisation o ON o.id = r.organisation_id"
    row = str(whole.sql("registration", statement)[0][0])
    assert found_in(row.encode()) == set(WORDS) - {"canaryneeds7f3a"}
    mails = b"".join(path.read_bytes() for path in files_below(whole.mail_folder))
    assert "canaryaddress7f3a" in found_in(mails)


def test_no_personal_data_in_logs(whole: Stack) -> None:
    """Not when all is well, and not when a request is refused for the data in it."""
    logs = whole.processes.log_text()
    assert "console" in logs or logs.count("\n") > 0
    assert found_in(logs.encode()) == set()


def test_no_personal_data_in_metrics(whole: Stack) -> None:
    """Labels are bounded words."""
    assert whole.web is not None
    pages = [f"{whole.web.url}/-/registration/metrics"]
    pages += [f"http://127.0.0.1:{port}/metrics" for name, port in whole.ports.items() if name not in ("smtp", "inbox")]
    assert len(pages) == 10
    for page in pages:
        assert found_in(requests.get(page, timeout=5).content) == set()


def test_no_personal_data_at_the_broker(whole: Stack, node: RabbitNode) -> None:
    """Nothing readable in its data folder, write-ahead logs included, nor in its logs; also after it was stopped."""
    searched = 0
    for folder in (node.data_folder, node.log_folder):
        for path in files_below(folder):
            content = path.read_bytes()
            searched += len(content)
            assert found_in(content) == set(), path
    assert searched > 10_000
    written = b"".join(path.read_bytes() for path in files_below(node.data_folder))
    assert b"org.troika.registration.confirmed.v1" in written


@pytest.mark.parametrize("service", ["events", "notifications"])
def test_no_personal_data_in_other_databases(whole: Stack, service: str) -> None:
    """The others' tables hold references and what is sealed; not one canary in any row of any table."""
    url = whole.installation.urls[service]
    tables = rows(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert len(tables) > 5
    for (table,) in tables:
        text = "\n".join(str(row[0]) for row in rows(url, f"SELECT t::text FROM {table} t"))
        hexadecimal = [word for word in WORDS if word.encode().hex() in text]
        assert (found_in(text.encode()), hexadecimal) == (set(), []), table


def test_no_personal_data_in_outbox(whole: Stack) -> None:
    """What leaves the registration service is closed."""
    for (body,) in rows(whole.installation.urls["registration"], "SELECT body FROM outbox"):
        assert found_in(bytes(body)) == set()
