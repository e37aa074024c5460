"""A bulletin to thousands while people register: each confirmation is sent before the rest of the bulletin."""

from functools import partial

import pytest
import requests

from services.notifications.recipients.model import Recipient
from services.notifications.recipients.store import EncryptedRecipient, upsert_recipient
from shared.db.engine import open_engine
from shared.runtime.clock import system_clock
from shared.runtime.ids import new_id, new_token
from shared.security.sealing import Vault, read_keys
from tests.support.arrivals import Arrivals
from tests.support.stack import Stack
from tests.support.waiting import poll_until
from tests.support.web import start_web

READERS = 50_000
PEOPLE, PEOPLE_PER_S = 20, 5
TEXT = {"subject": "Who speaks for your working group?", "text": "Some working groups have nobody yet.\n\nPlease look."}
_COUNT = "SELECT count(*)::int FROM mail WHERE kind = %s AND state = 'sent'"
_LAST = "SELECT max(sent_at) FROM mail WHERE kind = %s"
_DELAYS = """
    SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY delay)::numeric, 2)::text,
        round(max(delay)::numeric, 2)::text
    FROM mail, LATERAL (SELECT extract(epoch FROM sent_at - cause_at) AS delay) AS each WHERE kind = 'confirmation'
"""


@pytest.mark.timeout(900)
def test_confirmations_overtake_a_bulletin(embedded_stack: Stack) -> None:
    """Everyone has their confirmation before the bulletin is through, and everyone has one of each."""
    embedded_stack.start()
    assert embedded_stack.web is not None
    _add_recipients(embedded_stack, READERS)
    _send_bulletin(embedded_stack, READERS)
    poll_until(partial(_sent, embedded_stack, "bulletin", 1), 60, what="the bulletin has begun to go out")
    people = Arrivals(embedded_stack.web.url, PEOPLE_PER_S, embedded_stack.mail_folder)
    people.run(PEOPLE / PEOPLE_PER_S)
    assert (len(people.receipts), people.lost) == (PEOPLE, [])
    poll_until(partial(_sent, embedded_stack, "confirmation", PEOPLE), 120, what="all confirmations are sent")
    overtaken = READERS - int(str(embedded_stack.sql("notifications", _COUNT, "bulletin")[0][0]))
    print(f"{overtaken} of {READERS} were overtaken; seconds to a confirmation, median and most: ", end="")
    print(embedded_stack.sql("notifications", _DELAYS)[0])
    poll_until(partial(_sent, embedded_stack, "bulletin", READERS), 700, every_s=0.5, what="the bulletin is through")
    confirmed, bulletin_at = (
        embedded_stack.sql("notifications", _LAST, kind)[0][0] for kind in ("confirmation", "bulletin")
    )
    assert str(confirmed) < str(bulletin_at)
    copies = embedded_stack.copies()
    assert (len(copies), set(copies.values())) == (READERS + 2 * PEOPLE, {1})


def _sent(stack: Stack, kind: str, count: int) -> bool:
    return int(str(stack.sql("notifications", _COUNT, kind)[0][0])) >= count


def _add_recipients(stack: Stack, readers: int) -> None:
    vault = Vault(list(read_keys(stack.installation.secrets.folder / "vault.key")))
    engine = open_engine(stack.installation.urls["notifications"])
    with engine.begin() as connection:
        for number in range(readers):
            subject = new_id()
            now, ref = system_clock(), f"{number:064x}"
            entry = Recipient(
                subject, "registration", ref, "en", "confirmed", 1, now, "a-group", "working_group", event=None
            )
            personal = {"name": "A reader", "address": f"reader-{number}@example.org", "token": new_token()}
            closed = vault.close({**personal, "time_zone": "UTC"}, row=subject)
            upsert_recipient(connection, EncryptedRecipient(entry, closed), now)
    engine.dispose()


def _send_bulletin(stack: Stack, readers: int) -> None:
    """As a coordinator does."""
    web = start_web(stack.processes, stack.installation, workers=1, service="notifications")
    address, key = f"{web.url}/v1/bulletins", stack.installation.secrets.coordinator_key
    headers = {"Authorization": f"Bearer {key}"}
    draft = requests.post(address, json={"segment": {}, "texts": {"en": TEXT}}, headers=headers, timeout=20).json()
    shown = requests.post(f"{address}/{draft['id']}/preview", headers=headers, timeout=60).json()
    assert shown["audience"] == readers
    order = {"expected": readers, "mark": shown["mark"], "confirmed": shown["warnings"]}
    assert requests.post(f"{address}/{draft['id']}/send", json=order, headers=headers, timeout=60).status_code == 200
