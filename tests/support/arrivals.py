"""People who register at a steady rate and do not give up: each repeats with the same key until it is answered 201.

Every try stands in a journal on disk before it leaves, and again with its answer.
"""

import http.client
import shutil
import tempfile
import threading
import time
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.clients import REGISTRATIONS, Answer, answers, post
from tests.support.journal import Journal

PATIENCE_S = 60.0


def _journal() -> Journal:
    """In a folder of its own, which goes when nobody needs the journal any more."""
    folder = tempfile.mkdtemp(prefix="troika-journal-")
    journal = Journal(Path(folder) / "arrivals.jsonl")
    weakref.finalize(journal, shutil.rmtree, folder)
    return journal


@dataclass(slots=True)
class Arrivals:
    """Attributes:
    url: of the service.
    per_second: new people a second.
    ids: of everybody who was answered 201.
    refused: answers other than 201 on the way there, by status (0: none came).
    lost: people who were never answered 201.
    journal: of every try; in a folder of its own unless one is given.
    """

    url: str
    per_second: float
    ids: list[str] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)
    lost: list[int] = field(default_factory=list)
    journal: Journal = field(default_factory=_journal)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, seconds: float, first: int = 0) -> None:
        """Let people arrive for ``seconds`` on schedule, then wait for the last of them."""
        began_at, people = time.monotonic(), []
        for number in range(int(seconds * self.per_second)):
            time.sleep(max(0.0, began_at + number / self.per_second - time.monotonic()))
            person = threading.Thread(target=self._register, args=(first + number,))
            person.start()
            people.append(person)
        for person in people:
            person.join()

    def during(self, seconds: float, first: int = 0) -> threading.Thread:
        """The same in a thread of its own, already started."""
        thread = threading.Thread(target=self.run, args=(seconds, first))
        thread.start()
        return thread

    def _register(self, number: int) -> None:
        until, key = time.monotonic() + PATIENCE_S, f"person-number-{number:06}"
        while time.monotonic() < until:
            answer = self.journal.ask(key, REGISTRATIONS, lambda: self._try(number, key))
            with self._lock:
                if answer.status == 201:
                    self.ids.append(answer.body["id"])
                    return
                self.refused[answer.status] = self.refused.get(answer.status, 0) + 1
            time.sleep(0.3)
        with self._lock:
            self.lost.append(number)

    def _try(self, number: int, key: str) -> Answer:
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=20)
        answer = post(connection, REGISTRATIONS, answers(number), {"Idempotency-Key": key})
        connection.close()
        return answer
