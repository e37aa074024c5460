"""A person goes all the way through the whole system and is erased: then no database holds anything of them."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from services.registration.intake.cleanup import cleanup_steps
from shared.core.sealing import open_sealed, read_keys
from shared.store.engine import open_engine
from tests.integration.system.canaries import ANSWERS, CANARIES
from tests.support.clients import SUBMISSIONS, rows
from tests.support.installation import make_installation
from tests.support.participants import confirm_in_time
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.run_folder import RunFolder
from tests.support.stack import Stack, assert_audited, settle
from tests.support.waiting import poll_until

KEPT_FOR_A_DAY = {"person_ref", "mailbox_ref"}
"""Keyed hashes: what was received before the erasure is dropped by the one, and mails are spaced by the other."""

OWN_MAIL = "SELECT state, recipient FROM mail WHERE kind = 'confirmation'"
RECEIPTS = "SELECT encode(receipt_hash, 'hex') FROM submission WHERE kind = 'submission'"
WORDS = tuple(value.partition("@")[0] for value in CANARIES.values())


@pytest.fixture
def whole(postgres: PostgresServer, run_folder: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Everything on the embedded bus, with one person registered, counted and mailed."""
    processes = ProcessGroup(run_folder)
    folder: Path = tmp_path_factory.mktemp("erased")
    stack = Stack(processes, make_installation(postgres, folder))
    try:
        stack.start(capacity=100, workers=1)
        assert stack.web is not None
        assert requests.post(stack.web.url + SUBMISSIONS, json=ANSWERS, timeout=10).status_code == 202
        confirm_in_time(stack.web.url, stack.mail_folder, str(ANSWERS["email"]))
        settle(stack, 1)
        yield stack
    finally:
        processes.end()


def test_whoever_was_erased_is_in_no_database_any_more(whole: Stack) -> None:
    """Not only what they typed is searched for, but everything sealed or hashed that was made of it."""
    traces = _traces(whole)
    assert _found(whole, traces) == set(traces)
    token = _token(whole)
    assert whole.web is not None
    answer = requests.post(f"{whole.web.url}/r/{token}", data={"action": "erase"}, timeout=10)
    assert (answer.status_code, "Your data is erased" in answer.text) == (200, True)
    poll_until(lambda: _erased_everywhere(whole), 30, what="all services have heard of the erasure")
    assert _found(whole, traces) == KEPT_FOR_A_DAY
    _clean_up_a_day_later(whole)
    assert _found(whole, traces) == set()
    assert whole.sql("events", "SELECT status, registrations FROM event_count WHERE registrations > 0") == [
        ("cancelled", 1)
    ]
    assert whole.sql("notifications", OWN_MAIL) == [("sent", None)]
    assert_audited(whole, [str(row[0]) for row in whole.sql("registration", RECEIPTS)])
    assert len(list(whole.mail_folder.glob("*.eml"))) == 2


def _traces(whole: Stack) -> dict[str, bytes]:
    """What was stored anywhere of the one person, by where it came from."""
    columns = ("person_ref", "mailbox_ref", "person_key", "sealed")
    found = whole.sql("registration", f"SELECT {', '.join(columns)} FROM registration")[0]
    (closed,) = whole.sql("notifications", "SELECT closed FROM recipient")[0]
    stored = dict(zip((*columns, "closed"), (*found, closed), strict=True))
    traces = {name: value for name, value in stored.items() if isinstance(value, bytes)}
    assert traces.keys() == stored.keys()
    return traces | {word: word.encode() for word in WORDS if "needs" not in word}


def _clean_up_a_day_later(whole: Stack) -> None:
    engine = open_engine(whole.installation.urls["registration"])
    for step in cleanup_steps():
        with engine.begin() as connection:
            step(connection, datetime.now(UTC) + timedelta(hours=25))
    engine.dispose()


def _found(whole: Stack, traces: dict[str, bytes]) -> set[str]:
    """Those of ``traces`` that stand in any row of any table, as they are, in hexadecimal or in base64."""
    found: set[str] = set()
    for url in (whole.installation.urls[service] for service in ("registration", "events", "notifications")):
        for (table,) in rows(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
            text = "\n".join(str(row[0]) for row in rows(url, f"SELECT t::text FROM {table} t")).lower()
            for name, trace in traces.items():
                forms = (trace.hex(), base64.b64encode(trace).hex(), trace.hex().encode().hex())
                if any(form in text for form in forms) or (name in WORDS and name in text):
                    found.add(name)
    return found


def _token(whole: Stack) -> str:
    bodies = whole.sql("registration", "SELECT body FROM outbox WHERE starts_with(type, 'org.troika.registration.')")
    keys = read_keys(whole.installation.secrets.folder / "notifications.key")
    (body,) = bodies[0]
    assert isinstance(body, bytes)
    return str(open_sealed(keys, base64.b64decode(json.loads(body)["data"]["sealed"]))["token"])


def _erased_everywhere(whole: Stack) -> bool:
    asked = {"events": "roster", "notifications": "recipient"}
    return all(
        whole.sql(service, f"SELECT count(*) FROM {table} WHERE erased_at IS NOT NULL") == [(1,)]
        for service, table in asked.items()
    )
