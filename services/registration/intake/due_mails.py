"""Confirmation mails and managing links that are due: their messages go to the outbox, led like decisions."""

from dataclasses import dataclass
from datetime import timedelta

from services.registration.intake import mailboxes, queue
from services.registration.people.messages import (
    LINK_REQUESTED,
    RegistrationMessages,
    confirmation_wanted,
    fact_about,
)
from services.registration.people.model import CONFIRMATION, LIVE
from services.registration.people.store import find_person
from shared.db.readiness import CheckedClock
from shared.db.unit_of_work import UnitOfWork
from shared.messaging import outbox
from shared.runtime.failpoints import reach
from shared.runtime.ids import link_hash, new_id, new_token

LINK_LIFETIME = timedelta(days=7)
MAILS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class DueMails:
    """Adds what is due to the outbox.

    Attributes:
        work: the unit of work on the service's database.
        clock: the clock of this process, compared with the database's.
        messages: the writer of registration messages to the outbox.
        mails_an_hour: the hourly budget of confirmation mails to all domains together.
    """

    work: UnitOfWork
    clock: CheckedClock
    messages: RegistrationMessages
    mails_an_hour: int

    def send_mails(self) -> int:
        """Add the confirmation mails that are due to the outbox, each with a new link."""
        with self.work.transaction() as connection:
            if not queue.try_lead(connection):
                return 0
            now = self.clock.compared_now("confirmation-mails", connection)
            if now is None:
                return 0
            due = mailboxes.take_due_mails(connection, now, MAILS_AT_ONCE, self.mails_an_hour)
            if not due:
                return 0
            minted = [(mail, new_id(), new_token()) for mail in due]
            links = [
                mailboxes.MintedLink(identity, link_hash(token, CONFIRMATION), mail) for mail, identity, token in minted
            ]
            mailboxes.store_links(connection, links, now, LINK_LIFETIME)
            outbox.add(
                connection,
                [
                    confirmation_wanted(
                        self.messages.notifications_key,
                        identity,
                        token,
                        mail.email,
                        mail.language,
                        now,
                        pending=mail.pending,
                    )
                    for mail, identity, token in minted
                ],
            )
        reach("decide.mailed")
        return len(due)

    def send_links(self) -> int:
        """Add messages with the managing links that were requested by read-only links and are due to the outbox.

        In a transaction of their own: they go out although confirmation mails cannot.
        """
        with self.work.transaction() as connection:
            if not queue.try_lead(connection):
                return 0
            now = self.clock.final_now("managing-links", connection)
            if now is None:
                return 0
            due = mailboxes.take_due_links(connection, now, MAILS_AT_ONCE)
            people = [person for identity in due if (person := find_person(connection, identity)) is not None]
            live = [person for person in people if person.registration.status in LIVE]
            self.messages.add(connection, [fact_about(LINK_REQUESTED, person) for person in live], now)
        return len(live)
