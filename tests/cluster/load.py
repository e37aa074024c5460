"""Visitors who register at a steady rate through the gateways, and a record of all their requests.

Each behaves like the element on a partner's page: up to five tries with one Idempotency-Key, increasing pauses, 20 s
for each answer; and like a browser with two addresses of one host: it uses the one that answers.
"""

import http.client
import json
import math
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.parser import BytesParser
from email.utils import parseaddr
from itertools import pairwise
from pathlib import Path

from deploy.local.installation import WEBINAR
from shared.public_forms.proof_of_work import ProofKeys
from tests.support.clients import SUBMISSIONS, Answer, answers
from tests.support.journal import ACCEPTED, Journal
from tests.support.proofs_of_work import minted
from tests.support.waiting import poll_until

PER_SECOND = 10.0
ATTEMPTS, ANSWER_WITHIN_S, CONNECT_WITHIN_S, MAX_WAIT_S = 5, 20.0, 2.0, 30.0
"""As in services/registration/embed/static/sending.js. A browser tries another address of a host sooner than in 2 s."""

PASSING = frozenset({0, 429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Tried:
    """One try: its visitor, when it began and ended (monotonic), and its status; 0 without an answer."""

    number: int
    began_at_s: float
    ended_at_s: float
    status: int


@dataclass(slots=True)
class Visitors:
    """Attributes:
    gateways: addresses and ports.
    host: name of the public host.
    keys: that make proofs of work.
    mails: folder of the sink.
    journal: of every try, on disk.
    tries: of all.
    failed: numbers of visitors who gave up.
    """

    gateways: Sequence[tuple[str, int]]
    host: str
    keys: ProofKeys
    mails: Path
    journal: Journal
    first: int = 0
    tries: list[Tried] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    came: int = 0
    began_at_s: float = 0.0
    _over: threading.Event = field(default_factory=threading.Event)
    _people: list[threading.Thread] = field(default_factory=list)
    _coming: threading.Thread | None = None

    def __enter__(self) -> "Visitors":
        self.began_at_s = time.monotonic()
        self._coming = threading.Thread(target=self._come, name="visitors", daemon=True)
        self._coming.start()
        poll_until(lambda: self.accepted(), 60, what="the first registration is accepted")
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop new visitors, and wait until each one has a final answer or has given up."""
        self._over.set()
        if self._coming is not None:
            self._coming.join()
        for person in self._people:
            person.join()

    def accepted(self) -> list[Tried]:
        """Tries with status 202, in the order of their answers."""
        return sorted((one for one in list(self.tries) if one.status == ACCEPTED), key=lambda one: one.ended_at_s)

    def errors(self) -> Counter[int]:
        """Number of other answers, by status; 0: no answer."""
        return Counter(one.status for one in list(self.tries) if one.status != ACCEPTED)

    def max_pause_s(self, since_s: float = 0.0) -> float:
        """The longest time without a 202 from ``since_s`` on, while visitors came, in seconds."""
        times = [one.ended_at_s for one in self.accepted() if one.ended_at_s >= since_s]
        ends = [max(since_s, self.began_at_s), *times]
        return max((later - earlier for earlier, later in pairwise(ends)), default=math.inf)

    def first_after(self, since_s: float) -> float:
        """Seconds from ``since_s`` to the first 202 for a later visitor."""
        found = [one.ended_at_s for one in self.accepted() if one.began_at_s >= since_s]
        return min(found, default=math.inf) - since_s

    def mails_after(self, since_s: float) -> float:
        """Seconds from ``since_s`` to the first mail to a visitor who was accepted later."""
        later = {one.number for one in self.accepted() if one.ended_at_s >= since_s}
        shift_s = time.time() - time.monotonic()
        found = [at - shift_s for number, at in self.mailed() if number in later]
        return min(found, default=math.inf) - since_s

    def max_transit_s(self) -> float:
        """The longest time from a 202 to its mail, in seconds."""
        shift_s = time.time() - time.monotonic()
        mailed = {number: at - shift_s for number, at in self.mailed()}
        return max((mailed.get(one.number, math.inf) - one.ended_at_s for one in self.accepted()), default=0.0)

    def mailed(self) -> Iterator[tuple[int, float]]:
        """Numbers of visitors with a mail, and when it was sent (seconds since 1970)."""
        for file in self.mails.glob("*.eml"):
            address = parseaddr(str(BytesParser().parsebytes(file.read_bytes(), headersonly=True)["To"]))[1]
            yield int(address.removeprefix("participant-").partition("@")[0]), file.stat().st_mtime

    def _come(self) -> None:
        while not self._over.wait(max(0.0, self.began_at_s + self.came / PER_SECOND - time.monotonic())):
            person = threading.Thread(target=self._register, args=(self.first + self.came,), daemon=True)
            person.start()
            self._people.append(person)
            self.came += 1

    def _register(self, number: int) -> None:
        key = f"visitor-number-{number:08}"
        content = json.dumps(answers(number, altcha=minted(self.keys, WEBINAR, datetime.now(UTC))))
        for attempt in range(1, ATTEMPTS + 1):
            began_at_s = time.monotonic()
            answer = self.journal.ask(key, SUBMISSIONS, lambda: self._post(number, key, content))
            self.tries.append(Tried(number, began_at_s, time.monotonic(), answer.status))
            if answer.status == ACCEPTED:
                return
            if (answer.status not in PASSING and answer.status != 409) or attempt == ATTEMPTS:
                break
            asked = float(answer.headers.get("Retry-After") or 2 ** (attempt - 1))
            time.sleep(math.ceil(min(asked * (1 + random.random() / 2), MAX_WAIT_S)))  # as the element waits
        self.failed.append(number)

    def _post(self, number: int, key: str, content: str) -> Answer:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key, "Host": self.host}
        try:
            with closing(self._connect(number)) as line:
                line.request("POST", SUBMISSIONS, content, headers)
                response = line.getresponse()
                return Answer(response.status, json.loads(response.read()), dict(response.getheaders()))
        except (OSError, http.client.HTTPException, ValueError):
            return Answer(0, {}, {})

    def _connect(self, number: int) -> http.client.HTTPConnection:
        """Connect to one gateway, or to the other one if the first does not answer."""
        for step in range(len(self.gateways)):
            address, port = self.gateways[(number + step) % len(self.gateways)]
            line = http.client.HTTPConnection(address, port, timeout=CONNECT_WITHIN_S)
            try:
                line.connect()
            except OSError:
                continue
            line.sock.settimeout(ANSWER_WITHIN_S)
            return line
        raise OSError("no gateway answers")
