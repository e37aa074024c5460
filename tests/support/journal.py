"""The requests of clients and their answers, on disk: the record with which a broken system is compared.

A line is in the file before the request leaves, and another when its answer, or the lack of one, is known. So even a
client that is killed leaves a record of what it may have caused, and no test has to trust a program's own report.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.registration.intake.service import receipt_hash
from tests.support.clients import Answer

ACCEPTED = 202
NO_ANSWER = 0
"""The status of a request that no one answered."""


@dataclass(frozen=True, slots=True)
class Try:
    """One request of one client.

    Attributes:
        number: of the request, from 1.
        key: the client's idempotency key, or another name for what it wants; the same in all its tries.
        path: that was asked.
        status: of the answer; 0 if there was none.
        receipt: hash (hexadecimal) of the receipt of an accepted submission, as the database keeps it; else empty.
    """

    number: int
    key: str
    path: str
    status: int = NO_ANSWER
    receipt: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that a journal holds.

    Attributes:
        tries: in the order in which they began.
    """

    tries: tuple[Try, ...]

    @property
    def receipts(self) -> list[str]:
        """Receipt hashes of what was answered 202, once a key: the same receipt again adds nothing."""
        return [receipt for _key, receipt in dict.fromkeys(self._accepted())]

    @property
    def refused(self) -> Counter[int]:
        """Answers other than 202, by status."""
        return Counter(one.status for one in self.tries if one.status not in (ACCEPTED, NO_ANSWER))

    @property
    def unanswered(self) -> list[str]:
        """Keys of the requests that no one answered, one for each such request."""
        return [one.key for one in self.tries if one.status == NO_ANSWER]

    @property
    def without_end(self) -> list[str]:
        """Keys that were never answered 202: what they wanted may be stored or not."""
        done = {key for key, _receipt in self._accepted()}
        return [key for key in dict.fromkeys(one.key for one in self.tries) if key not in done]

    @property
    def contradictions(self) -> dict[str, list[str]]:
        """Keys that were answered with more than one receipt; there must be none."""
        receipts: dict[str, list[str]] = {}
        for key, receipt in dict.fromkeys(self._accepted()):
            receipts.setdefault(key, []).append(receipt)
        return {key: found for key, found in receipts.items() if len(found) > 1}

    def _accepted(self) -> list[tuple[str, str]]:
        return [(one.key, one.receipt) for one in self.tries if one.status == ACCEPTED]


class Journal:
    """Writes; for any number of threads. Several journals may share a file only one after the other.

    Args:
        path: of the file; what it holds already is kept.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        self._lock = threading.Lock()
        self._number = max((one.number for one in read_journal(path).tries), default=0)

    def ask(self, key: str, path: str, send: Callable[[], Answer]) -> Answer:
        """Write the request down, ``send`` it, write the answer down, return it.

        Args:
            key: the client's idempotency key.
            path: that is asked.
            send: asks; its answer's status is 0 if there is none.
        """
        with self._lock:
            self._number += 1
            number = self._number
            self._write({"number": number, "asked": key, "path": path})
        answer = send()
        with self._lock:
            self._write({"number": number, "status": answer.status, "receipt": self.receipt_of(answer)})
        return answer

    @staticmethod
    def receipt_of(answer: Answer) -> str:
        """Hash (hexadecimal) of the receipt in an answer 202, by which no one can ask for its page; else empty."""
        return receipt_hash(answer.body["receipt"]).hex() if answer.status == ACCEPTED else ""

    def read(self) -> Record:
        """The content of the file."""
        return read_journal(self.path)

    def _write(self, line: dict[str, Any]) -> None:
        """Out of this process when it returns; a crash of the machine is not what tests make."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"at": time.time(), **line}) + "\n")


def read_journal(path: Path) -> Record:
    """The journal in ``path``. A request without a second line counts as unanswered; a torn last line is left out."""
    tries: dict[int, Try] = {}
    for text in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if not text.endswith("\n"):
            continue
        line = json.loads(text)
        number = line["number"]
        if "asked" in line:
            tries[number] = Try(number, line["asked"], line["path"])
        else:
            asked = tries[number]
            tries[number] = Try(number, asked.key, asked.path, line["status"], line["receipt"])
    return Record(tuple(tries.values()))
