"""Scheduler and sender with a mail relay in memory, which accepts a mail, is down, or leaves the outcome unknown."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from itertools import count
from typing import cast

from services.notifications.scheduler import Scheduler
from services.notifications.sending.composer import ComposedMail, Composer
from services.notifications.sending.sender import Sender, SendingContext
from services.notifications.sending.service import reap_leases
from services.notifications.sending.smtp import HandoverUnknown, NotReached, SmtpTransport
from services.notifications.sending.store import Claim
from shared.db.readiness import CheckedClock
from shared.runtime.runner import Stop
from tests.integration.model.bus import Died
from tests.integration.model.databases import ModelDatabases
from tests.support.clock import ANY_STEP, agreeing

WELL, AWAY, TAKES_AND_BREAKS, BREAKS, KILLS = "well", "away", "takes and breaks", "breaks", "kills the sender"
MOODS = (WELL, AWAY, TAKES_AND_BREAKS, BREAKS, KILLS)
"""What the next handover meets; after it all is well."""


_OPEN = """
    SELECT kind FROM mail WHERE state IN ('queued', 'deferred', 'claimed') OR (state = 'unknown' AND due_at IS NOT NULL)
    UNION ALL SELECT event FROM event_news
"""


class ShortComposer(Composer):
    """Decides as the real one and opens the same entry, but writes two lines: the words are tested elsewhere."""

    def _write(self, claim: Claim, now: object) -> ComposedMail:
        address = self.vault.open(claim.personal, row=claim.recipient.subject)["address"]
        return ComposedMail(address, f"To: {address}\nMessage-ID: {claim.mail.message_id}\n\n".encode())


class MemoryRelay:
    """A mail relay: connection, session and mailbox in one. ``copies`` counts what it has, by Message-ID and address.

    Attributes:
        mood: what the next mail meets.
    """

    usable = True

    def __init__(self) -> None:
        self.copies: Counter[tuple[str, str]] = Counter()
        self.mood = WELL

    def connect(self) -> "MemoryRelay":
        """A session."""
        return self

    def begin(self, sender: str, recipient: str) -> None:
        """Announce one mail."""
        if self.mood == AWAY:
            self.mood = WELL
            raise NotReached("away")

    def deliver(self, content: bytes) -> str:
        """Take one mail, or leave it in doubt whether it was taken."""
        mood, self.mood = self.mood, WELL
        if mood != BREAKS:
            mail = message_from_bytes(content)
            self.copies[(str(mail["Message-ID"]), str(mail["To"]))] += 1
        if mood in (BREAKS, TAKES_AND_BREAKS):
            raise HandoverUnknown("no answer")
        if mood == KILLS:
            raise Died
        return "taken"

    def close(self) -> None:
        """Nothing is kept open."""


class MailDelivery:
    """Attributes:
    relay: where the mails go.
    """

    def __init__(self, databases: ModelDatabases) -> None:
        self._databases = databases
        self.relay = MemoryRelay()
        work, steps = databases.work("notifications"), count(0, 1000)
        clock = agreeing(databases.clock, work)
        self._scheduler = Scheduler(work, clock, "example.org", monotonic=lambda: next(steps))
        composer = ShortComposer(
            databases.vault, databases.vault, "https://register.example.org", "upr@example.org", "UPR", clock
        )
        self._tools = SendingContext(work, clock, cast(SmtpTransport, self.relay), composer)
        self._sender = Sender(self._tools)

    def forget(self) -> None:
        """Begin again, with nothing sent."""
        self.relay.copies.clear()
        self.relay.mood = WELL
        self._sender = Sender(self._tools)

    def schedule(self) -> None:
        """Ticks of the scheduler, until nothing is left to do."""
        while self._scheduler.run_once():
            pass

    def clean_up_at(self, by: timedelta) -> None:
        """What a sender does beside its mails whose clock differs by ``by``."""
        right = self._databases.clock
        clock = CheckedClock(
            lambda: right() + by, self._tools.work, "test", lambda _connection: right(), max_step=ANY_STEP
        )
        Sender(replace(self._tools, clock=clock)).cleanup()

    def send(self, mood: str = WELL) -> int:
        """A tick of a sender, after what earlier senders have left is cleared up; returns how many mails it had."""
        self.relay.mood = mood
        reap_leases(self._tools.work, self._tools.clock())
        try:
            return self._sender.run_once(Stop())
        except Died:
            self._sender = Sender(self._tools)
            return 0
        finally:
            self.relay.mood = WELL

    def rests(self) -> bool:
        """Whether nothing is to be announced or sent any more, now or later."""
        return not self._databases.rows("notifications", _OPEN)

    def copies(self) -> Counter[str]:
        """How often each Message-ID has arrived."""
        found: Counter[str] = Counter()
        for (message_id, _address), number in self.relay.copies.items():
            found[message_id] += number
        return found
