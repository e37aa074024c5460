"""People who arrive as fast as the system can serve them and retry with the same key until they get 202.

Then they wait for the mail and confirm by its link, as often as it takes. Some hang up before they have read the
answer, and some ask again after they had it: networks and fingers do both, and neither may make a second
submission.
"""

import http.client
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from tests.support.clients import SUBMISSIONS, Answer, answers, post
from tests.support.journal import ACCEPTED, Journal
from tests.support.participants import Participant, SinkLinks

CLIENTS, CONFIRMERS = 32, 8
HANGS_UP, ASKS_ONCE_MORE = 0.01, 0.02
"""Shares of the people who do."""
GIVE_UP_AFTER_S = 300.0
"""Of someone who submits."""
MAIL_WITHIN_S = 1800.0
"""A mail that the mail relay has refused four times waits for four to eight minutes, while faults continue."""
AGAIN_S = 0.5
POLL_EVERY_S = 0.2
TIMEOUT_S = 20.0

_NO_ANSWER = Answer(0, {}, {})


@dataclass(slots=True)
class RetryingClients:
    """Attributes:
    url: of the service.
    people: how many come.
    seed: of what they do by chance.
    journal: of every try.
    may_come: called before each newcomer, who waits as long as it returns false.
    accepted: how many were answered 202 so far.
    lost: numbers of those who never were, or could not confirm.
    mails: folder of the sink.
    """

    url: str
    people: int
    seed: int
    journal: Journal
    mails: Path
    may_come: Callable[[], bool] = lambda: True
    accepted: int = 0
    lost: list[int] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _links: SinkLinks = field(init=False)
    _unconfirmed: deque[tuple[Participant, float]] = field(default_factory=deque)

    def come(self) -> list[Future[None]]:
        """Begin, and return at once; each client's future is done when its last person is."""
        numbers, pool = iter(range(self.people)), ThreadPoolExecutor(CLIENTS + CONFIRMERS)
        self._links = SinkLinks(self.mails)
        clients = [pool.submit(self._client, numbers) for _ in range(CLIENTS)]
        confirmers = [pool.submit(self._confirm_all, clients) for _ in range(CONFIRMERS)]
        pool.shutdown(wait=False)
        return [*clients, *confirmers]

    def _confirm_all(self, clients: list[Future[None]]) -> None:
        """Retry those who have not confirmed one after the other, until no one is left and no one comes any more."""
        while self._unconfirmed or not all(client.done() for client in clients):
            try:
                participant, until_s = self._unconfirmed.popleft()
            except IndexError:
                time.sleep(POLL_EVERY_S)  # until someone is accepted, or the clients are done
                continue
            if participant.confirm():
                participant.line.close()
            elif time.monotonic() < until_s:
                self._unconfirmed.append((participant, until_s))
                time.sleep(POLL_EVERY_S / CONFIRMERS)  # their mail may take a while
            else:
                with self._lock:
                    self.lost.append(participant.number)

    def _client(self, numbers: Iterator[int]) -> None:
        place = urlsplit(self.url)
        line = http.client.HTTPConnection(str(place.hostname), place.port, timeout=TIMEOUT_S)
        while (number := self._next(numbers)) is not None:
            while not self.may_come():
                time.sleep(POLL_EVERY_S)  # the test ends this: it returns true once the system has caught up, or fails
            self._register(line, number)
        line.close()

    def _next(self, numbers: Iterator[int]) -> int | None:
        with self._lock:
            return next(numbers, None)

    def _register(self, line: http.client.HTTPConnection, number: int) -> None:
        chance, until_s = Random(f"{self.seed}/{number}"), time.monotonic() + GIVE_UP_AFTER_S
        hangs_up, asks_once_more = chance.random() < HANGS_UP, chance.random() < ASKS_ONCE_MORE
        while time.monotonic() < until_s:
            answer = self._ask(line, number, reads=not hangs_up)
            if answer.status == ACCEPTED:
                if asks_once_more:
                    self._ask(line, number)
                with self._lock:
                    self.accepted += 1
                participant = Participant(self.url, self._links, number)
                self._unconfirmed.append((participant, time.monotonic() + MAIL_WITHIN_S))
                return
            if not hangs_up:
                time.sleep(AGAIN_S)  # as a client does, until its timeout
            hangs_up = False
        with self._lock:
            self.lost.append(number)

    def _ask(self, line: http.client.HTTPConnection, number: int, *, reads: bool = True) -> Answer:
        key = f"person-number-{number:07}"
        send = _whole if reads else _and_hang_up
        return self.journal.ask(key, SUBMISSIONS, lambda: send(line, number, key))


def _whole(line: http.client.HTTPConnection, number: int, key: str) -> Answer:
    return post(line, SUBMISSIONS, answers(number), {"Idempotency-Key": key})


def _and_hang_up(line: http.client.HTTPConnection, number: int, key: str) -> Answer:
    """Send the request and close the connection before the answer."""
    try:
        line.request("POST", SUBMISSIONS, _body(number), {"Content-Type": "application/json", "Idempotency-Key": key})
    except OSError:
        return _NO_ANSWER
    finally:
        line.close()
    return _NO_ANSWER


def _body(number: int) -> str:
    return json.dumps(answers(number))
