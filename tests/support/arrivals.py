"""People who register at a steady rate and retry with the same key until they are answered 202.

Then they wait for the mail and confirm by its link, as often as it takes. Every submission is recorded in a journal on
disk before it leaves, and again with its answer.
"""

import shutil
import tempfile
import threading
import time
import weakref
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.clients import SUBMISSIONS
from tests.support.journal import ACCEPTED, Journal
from tests.support.participants import Participant, SinkLinks
from tests.support.waiting import poll_until

TIMEOUT_S = 60.0
CONFIRM_WITHIN_S = 120.0
"""From the answer 202: a mail in a killed sender's hands waits for the end of its lease."""
POLL_EVERY_S = 0.3


def _journal() -> Journal:
    """In a separate folder, which is deleted when no one needs the journal any more."""
    folder = tempfile.mkdtemp(prefix="troika-journal-")
    journal = Journal(Path(folder) / "arrivals.jsonl")
    weakref.finalize(journal, shutil.rmtree, folder)
    return journal


@dataclass(slots=True)
class Arrivals:
    """Attributes:
    url: of the service.
    per_second: new people a second.
    mails: folder of the sink.
    confirm_within_s: how long people wait for the mail and confirm, seconds, from the answer 202.
    receipts: receipt hashes of everyone who was answered 202, in that order.
    refused: answers other than 202 on the way there, by status (0: none came).
    lost: people who were never answered 202, or could not confirm, with what they met.
    journal: of every submission; in a separate folder unless one is given.
    """

    url: str
    per_second: float
    mails: Path
    confirm_within_s: float = CONFIRM_WITHIN_S
    receipts: list[str] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    journal: Journal = field(default_factory=_journal)
    _links: SinkLinks = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._links = SinkLinks(self.mails)

    def run(self, seconds: float, first: int = 0) -> None:
        """Let people arrive for ``seconds`` on schedule, then wait until the last of them has confirmed."""
        began_at, people = time.monotonic(), []
        for number in range(int(seconds * self.per_second)):
            time.sleep(max(0.0, began_at + number / self.per_second - time.monotonic()))
            person = threading.Thread(target=self._register, args=(first + number,))
            person.start()
            people.append(person)
        for person in people:
            person.join()

    def during(self, seconds: float, first: int = 0) -> threading.Thread:
        """The same in a separate thread, already started."""
        thread = threading.Thread(target=self.run, args=(seconds, first))
        thread.start()
        return thread

    def submit(self, seconds: float, first: int = 0) -> threading.Thread:
        """The same, and return once each has been answered 202, or has timed out: the mails may be held up."""
        wanted = len(self.receipts) + len(self.lost) + int(seconds * self.per_second)
        thread = self.during(seconds, first)
        poll_until(
            lambda: len(self.receipts) + len(self.lost) >= wanted, seconds + TIMEOUT_S, what="everyone is answered"
        )
        return thread

    def _register(self, number: int) -> None:
        participant = Participant(self.url, self._links, number)
        with participant.line:
            if not self._submit(participant):
                met = "was never answered 202"
            elif not self._confirm(participant):
                met = f"confirmation pages asked for: {participant.pages}" if participant.pages else "had no mail"
            else:
                return
        with self._lock:
            self.lost.append(f"person {number}: {met}")

    def _submit(self, participant: Participant) -> bool:
        until, key = time.monotonic() + TIMEOUT_S, f"person-number-{participant.number:06}"
        while time.monotonic() < until:
            answer = self.journal.ask(key, SUBMISSIONS, lambda: participant.submit(key))
            with self._lock:
                if answer.status == ACCEPTED:
                    self.receipts.append(self.journal.receipt_of(answer))
                    return True
                self.refused[answer.status] = self.refused.get(answer.status, 0) + 1
            time.sleep(POLL_EVERY_S)
        return False

    def _confirm(self, participant: Participant) -> bool:
        until = time.monotonic() + self.confirm_within_s
        while time.monotonic() < until:
            if participant.confirm():
                return True
            time.sleep(POLL_EVERY_S)  # until the mail has come, with the deadline above
        return False
