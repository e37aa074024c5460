"""What must hold for everyone who was answered 202 and has confirmed: nothing is lost and nothing is doubled.

Nothing is lost and nothing is doubled. Each check has a name and finds registrations, facts or mails; a sound system
has no finding. It is asked again and again while a test breaks things, so connections are kept and a mail that was read
is not read again.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from shared.messaging.broker import RETRY_TIERS, retry_queue
from shared.messaging.connection import open_connection
from shared.messaging.contracts.registry import QUEUES
from tests.support.stack import REGISTERED, Stack
from tests.support.waiting import poll_until

SERVICES = ("registration", "events", "notifications")

_SUBMITTED = "SELECT encode(receipt_hash, 'hex') FROM submission WHERE kind = 'submission'"
_STORED = "SELECT id::text FROM registration"
_UNDECIDED = "SELECT count(*)::int FROM submission WHERE state <> 'decided'"
_COUNTED = "SELECT registration_id::text FROM roster"
_MISCOUNTED = """
    SELECT event_id || ' ' || status || ': ' || coalesce(c.registrations, 0) || ' counted, ' || coalesce(r.n, 0)
        || ' on the roster'
    FROM (SELECT event_id, status, count(*) AS n FROM roster WHERE event_id IS NOT NULL GROUP BY 1, 2) r
    FULL JOIN event_count c USING (event_id, status) WHERE coalesce(c.registrations, 0) <> coalesce(r.n, 0)
"""
_NOTED = "SELECT registration_id::text FROM mail_contact WHERE kind = 'confirmation'"
_MAILS = "SELECT message_id, subject::text, kind, state, unknowns FROM mail"
_DOUBLED = """
    SELECT consumer || ' ' || type || ' ' || subject || ' ' || revision FROM effect_ledger
    GROUP BY 1 HAVING count(*) > 1
"""
_UNPUBLISHED = "SELECT count(*)::int FROM outbox WHERE published_at IS NULL"
_UNSETTLED = """
    SELECT count(*)::int FROM mail WHERE (state IN ('queued', 'claimed', 'deferred')
        AND due_at < now() + interval '1 minute') OR (state = 'unknown' AND due_at IS NOT NULL)
"""
_TO_ANNOUNCE = """
    SELECT ((SELECT count(*) FROM event_news) + (SELECT count(*) FROM announcement WHERE ended_at IS NULL))::int
"""
_JOBS = "SELECT count(*)::int FROM solve_job WHERE status IN ('queued', 'running')"
LEFT = """
    SELECT subject::text FROM mail
    WHERE kind = 'confirmation' AND state = 'unknown' AND due_at IS NULL AND unknowns > 1
"""
"""Registrations whose confirmation is left as unknown, because both of its handovers were."""

_UNCONFIRMED = f"""
    SELECT count(*)::int FROM mail
    WHERE kind = 'confirmation' AND state <> 'sent' AND subject::text NOT IN ({LEFT})
"""

CONFIRMATION = "confirmation"

_HEADERS = BytesParser()

STILL_S = 0.5
LOST_STILL_S = 3.0
"""How long nothing may change before it is believed that nothing will: with all effects there, or some missing."""


@dataclass(slots=True)
class Proof:
    """Attributes:
    stack: that is checked.
    """

    stack: Stack
    _connections: dict[str, psycopg.Connection[Any]] = field(default_factory=dict)
    _copies: Counter[str] = field(default_factory=Counter)
    _read: set[Path] = field(default_factory=set)

    def close(self) -> None:
        """Close the connections to the databases."""
        for connection in self._connections.values():
            connection.close()

    def wait_for_all(self, receipts: Sequence[str], within_s: float, keep_up: Callable[[], object]) -> None:
        """Wait until everyone in ``receipts`` has had all effects and nothing is left to do.

        Args:
            receipts: hashes of the receipts of everyone who was answered 202 and has confirmed.
            within_s: seconds.
            keep_up: called again and again.

        Raises:
            AssertionError: not in time; the message names what is missing.
        """
        count = len(receipts)
        wanted = {"left": self._nothing_left(), "stored": count, "counted": count, "noted": count}
        try:
            poll_until(lambda: (keep_up(), self._figures())[1] == wanted, within_s, every_s=0.1)
        except AssertionError:
            raise AssertionError(f"not at rest within {within_s} s: {self._figures()}, not {wanted}") from None

    def wait_for_rest(self, receipts: Sequence[str], within_s: float, keep_up: Callable[[], object]) -> None:
        """Wait until nothing is left to do anywhere, even if something was lost: soon if everyone has had their
        effects.

        Raises:
            AssertionError: not in time.
        """
        seen: dict[str, Any] = {}

        def rests() -> bool:
            keep_up()
            figures = {**self._figures(), "waiting": self._waiting(), "all": self._complete(receipts)}
            if figures != seen.get("figures"):
                seen.update(figures=figures, since_s=time.monotonic())
            if figures["left"] != self._nothing_left() or figures["waiting"]:
                return False
            still_s = time.monotonic() - float(seen["since_s"])
            return still_s > (STILL_S if figures["all"] else LOST_STILL_S)

        try:
            poll_until(rests, within_s, every_s=0.1)
        except AssertionError:
            raise AssertionError(f"not at rest within {within_s} s: {seen}") from None

    def findings(self, receipts: Sequence[str]) -> dict[str, list[str]]:
        """What is wrong about those who were answered 202 with ``receipts``, and about all facts and mails, by check.

        Checks: ``answered once`` (no receipt was given to two people), ``202 is stored``, ``stored is answered``,
        ``is registered``, ``registered once``, ``is counted``, ``counts are exact``, ``is mailed``, ``mail is noted``,
        ``effect once``, ``one Message-ID``, ``mail once`` (a further copy only where a handover was recorded as
        unknown).
        """
        stored, counted = self._texts("registration", _SUBMITTED), self._texts("events", _COUNTED)
        registered = self._registered()
        ids = sorted({registered[receipt] for receipt in receipts if receipt in registered})
        noted = set(self._texts("events", _NOTED)) | self.left()
        mails = self._rows("notifications", _MAILS)
        confirmed = {row[1]: row for row in mails if row[2] == CONFIRMATION}
        copies, known = self.copies(), {row[0]: int(row[4]) for row in mails}
        found = {
            "answered once": [one for one, times in Counter(receipts).items() if times > 1],
            "202 is stored": sorted(set(receipts) - set(stored)),
            "stored is answered": sorted(set(stored) - set(receipts)),
            "is registered": sorted(set(receipts) - set(registered)),
            "registered once": sorted(set(self._texts("registration", _STORED)) - set(registered.values())),
            "is counted": sorted(set(ids) - set(counted)),
            "counts are exact": self._texts("events", _MISCOUNTED),
            "is mailed": [one for one in ids if one not in confirmed or copies[confirmed[one][0]] == 0],
            "mail is noted": sorted(set(ids) - noted),
            "effect once": [row for service in SERVICES for row in self._texts(service, _DOUBLED)],
            "one Message-ID": sorted(set(copies) - set(known)),
            "mail once": [one for one, times in copies.items() if one in known and times > 1 + known[one]],
        }
        return {check: wrong for check, wrong in found.items() if wrong}

    def copies(self) -> Counter[str]:
        """How often each Message-ID has arrived in the sink."""
        for file in set(self.stack.mail_folder.glob("*.eml")) - self._read:
            self._copies[str(_HEADERS.parsebytes(file.read_bytes(), headersonly=True)["Message-ID"])] += 1
            self._read.add(file)
        return self._copies

    def left(self) -> set[str]:
        """Registrations whose mail is left as unknown: the outcome of both handovers is unknown.

        That is final, and an operator is notified of it; it must have arrived, but this cannot be recorded.
        """
        return set(self._texts("notifications", LEFT))

    def _registered(self) -> dict[str, str]:
        """Ids of registrations by the receipt hash of the submission that they came from."""
        return {str(receipt): str(identity) for receipt, identity in self._rows("registration", REGISTERED)}

    def _complete(self, receipts: Sequence[str]) -> bool:
        noted, registered = set(self._texts("events", _NOTED)) | self.left(), self._registered()
        if not set(receipts) <= set(registered):
            return False
        return {registered[receipt] for receipt in receipts} <= set(self._texts("events", _COUNTED)) & noted

    def _waiting(self) -> int:
        """Messages that wait in queues and tiers; those in a living consumer's hands are not among them."""
        with open_connection(self.stack.address, "proof") as connection, connection.channel() as channel:
            names = (*QUEUES, *map(retry_queue, RETRY_TIERS)) if self.stack.broker_urls else QUEUES
            return sum(channel.queue_declare(queue=name, passive=True).message_count for name in names)

    def _figures(self) -> dict[str, Any]:
        return {
            "left": {
                "undecided": self._number("registration", _UNDECIDED),
                **{f"{service} unpublished": self._number(service, _UNPUBLISHED) for service in SERVICES},
                "unsettled": self._number("notifications", _UNSETTLED),
                "to announce": self._number("notifications", _TO_ANNOUNCE),
                "jobs": self._number("events", _JOBS),
                "unconfirmed": self._number("notifications", _UNCONFIRMED),
            },
            "stored": self._count("registration", _STORED),
            "counted": self._count("events", _COUNTED),
            "noted": len(set(self._texts("events", _NOTED)) | self.left()),
        }

    @staticmethod
    def _nothing_left() -> Mapping[str, int]:
        own = ("undecided", "unsettled", "to announce", "jobs", "unconfirmed")
        names = (*(f"{service} unpublished" for service in SERVICES), *own)
        return dict.fromkeys(names, 0)

    def _texts(self, service: str, statement: str) -> list[str]:
        return [str(row[0]) for row in self._rows(service, statement)]

    def _count(self, service: str, statement: str) -> int:
        return self._number(service, f"SELECT count(*)::int FROM ({statement}) AS found")

    def _number(self, service: str, statement: str) -> int:
        return int(self._rows(service, statement)[0][0])

    def _rows(self, service: str, statement: str) -> list[tuple[Any, ...]]:
        if service not in self._connections:
            address = make_url(self.stack.installation.urls[service]).set(drivername="postgresql")
            url = address.render_as_string(hide_password=False)
            self._connections[service] = psycopg.connect(url, autocommit=True)
        return self._connections[service].execute(statement).fetchall()
