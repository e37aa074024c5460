"""Two hundred clients that send a byte per second, beside people who register normally."""

import asyncio
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from shared.http.admission import BODY_WITHIN_S
from tests.chaos.overload.requests import person
from tests.chaos.overload.throttled_service import assert_answers_true, report, start_site
from tests.support.installation import make_installation
from tests.support.open_loop import fire
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.schedules import steady

SENDERS = 200
PEOPLE_PER_S = 20
GRACE_S = 10.0
"""A machine that does much else at once ends a connection a while after it should."""


@dataclass(slots=True)
class Dribble:
    """What became of one slow sender.

    Attributes:
        answer: the first twelve bytes that came back: version and status.
        took_s: until then, seconds.
    """

    answer: bytes = b""
    took_s: float = 0.0


@dataclass(slots=True)
class Dribblers:
    """Many of them, in a separate thread."""

    url: str
    max_s: float
    found: list[Dribble] = field(default_factory=list)

    def run(self) -> None:
        """Send until everyone's connection is closed."""
        asyncio.run(self._all())

    async def _all(self) -> None:
        self.found = list(await asyncio.gather(*(self._one(number) for number in range(SENDERS))))

    async def _one(self, number: int) -> Dribble:
        place, began_at = urlsplit(self.url), time.monotonic()
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        head, _, body = person(1_000_000 + number).partition(b"\r\n\r\n")
        writer.write(head + b"\r\n\r\n")
        answer = asyncio.create_task(reader.read(12))
        for byte in body:
            writer.write(bytes([byte]))
            await asyncio.wait([answer], timeout=1.0)
            if answer.done() or time.monotonic() - began_at > self.max_s:
                break
        answer.cancel()
        [begun] = await asyncio.gather(answer, return_exceptions=True)
        writer.close()
        return Dribble(begun if isinstance(begun, bytes) else b"", time.monotonic() - began_at)


@pytest.mark.timeout(200)
def test_slow_senders_are_ended_and_disturb_no_one(
    postgres: PostgresServer, processes: ProcessGroup, tmp_path: Path
) -> None:
    """Without a gateway: 408 after ten seconds for each of them; everyone else registers in the meantime."""
    site = start_site(processes, make_installation(postgres, tmp_path))
    slow = Dribblers(site.url, BODY_WITHIN_S + GRACE_S)
    senders = threading.Thread(target=slow.run)
    senders.start()
    load = fire(site.url, steady(PEOPLE_PER_S, BODY_WITHIN_S - 2), person)
    senders.join()
    print(report("beside slow bodies", load))
    print(f"slow senders were ended after {min(s.took_s for s in slow.found):.1f} s at the earliest")
    assert load.statuses() == {202: len(load.shots)}
    assert_answers_true(site, load)
    assert {sender.answer for sender in slow.found} == {b"HTTP/1.1 408"}
    assert min(sender.took_s for sender in slow.found) >= BODY_WITHIN_S - 1
